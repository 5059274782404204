//! What is remembered about calls to our lines.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{CallStatus, DialStatus, Source, TEXT_EXPIRES_AFTER, Verdict};
use crate::Phone;
use crate::platform::database::{Connection, Error};
use crate::statement;

/// How a line connects its callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSettings {
    /// The number that people ring.
    pub number: Phone,
    /// The owner's telephone.
    pub forward_to: Phone,
    /// How long the owner's telephone rings, in seconds.
    pub ring_seconds: u8,
}

/// What one source reports about one call.
#[derive(Debug, Clone)]
pub struct Report {
    /// The call.
    pub call_sid: String,
    /// Who rang; `None` if there is no number to text.
    pub caller: Option<Phone>,
    /// The line that was rung.
    pub line: Phone,
    /// Whether the line exists in the settings, though perhaps not in the database.
    pub is_default_line: bool,
    /// The call's state.
    pub status: CallStatus,
    /// How dialling the owner ended.
    pub dial_status: Option<DialStatus>,
    /// When the call began; `None` for now.
    pub began_at: Option<Timestamp>,
    /// Whether it is over.
    pub is_over: bool,
    /// When it ended, if it is over; `None` for now.
    pub ended_at: Option<Timestamp>,
    /// What follows from it, if anything.
    pub verdict: Option<Verdict>,
    /// Who reports it.
    pub source: Source,
}

/// What a report changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// The call is missed and this report is the first to say so: a job exists from now on.
    TextOwed {
        /// The job.
        job: Uuid,
        /// Whose turn it is.
        person: String,
    },
    /// The call's text was owed already.
    AlreadyOwed,
    /// Nothing is owed.
    Nothing,
    /// The number is none of our lines; nothing was recorded.
    UnknownLine,
}

/// A call that nobody has told us the outcome of.
#[derive(Debug, Clone)]
pub struct Undecided {
    /// The call.
    pub call_sid: String,
    /// Who rang.
    pub caller: Option<Phone>,
    /// The line that was rung.
    pub line: Phone,
}

/// How far Twilio's list has been read.
#[derive(Debug, Clone, Copy)]
pub struct PollWindow {
    /// The clock's time.
    pub now: Timestamp,
    /// Everything before has been read; `None` before the first reading.
    pub read_until: Option<Timestamp>,
}

/// The words of a line's text.
#[derive(Debug, Clone)]
pub struct Wording {
    /// What the business calls itself.
    pub business_name: String,
    /// The text, with `{business}` where the name goes.
    pub template: String,
    /// Whether the line answers missed calls by text at all.
    pub text_back: bool,
    /// How long the same caller is not texted again, in minutes.
    pub cool_down_minutes: i32,
}

impl Wording {
    /// The words of a line that only the settings know: the schema's defaults.
    pub fn of_business(business_name: String) -> Self {
        Self {
            business_name,
            template: "Hi, this is {business}. Sorry we missed your call! Reply here and we will get right back to you."
                .to_owned(),
            text_back: true,
            cool_down_minutes: 10,
        }
    }
}

/// Everything that decides about one text.
#[derive(Debug, Clone)]
pub struct TextFacts {
    /// The job's state.
    pub state: String,
    /// Who rang; `None` if there is no number to text.
    pub caller: Option<Phone>,
    /// The line that was rung, and that the text would come from.
    pub line: Phone,
    /// The call.
    pub call_sid: String,
    /// Which path found it.
    pub origin: String,
    /// The clock's time.
    pub now: Timestamp,
    /// Not before.
    pub due_at: Timestamp,
    /// Not after.
    pub expires_at: Timestamp,
    /// The line's words; `None` if the database does not know the line.
    pub wording: Option<Wording>,
    /// The caller is a line of ours, or where one forwards to.
    pub is_our_own: bool,
    /// The caller said stop.
    pub opted_out: bool,
    /// When the line last texted the caller, for another call.
    pub last_texted_at: Option<Timestamp>,
    /// Whether the person has had any text from us.
    pub has_been_texted: bool,
}

/// Remembers that somebody rings; how the line is set up, if the database knows it.
pub async fn record_call(
    database: &Connection,
    call_sid: &str,
    caller: Option<&Phone>,
    line: &Phone,
    status: &CallStatus,
    is_default_line: bool,
) -> Result<Option<LineSettings>, Error> {
    let row = database
        .row(
            statement!("record_call"),
            &[
                (&call_sid, Type::TEXT),
                (&caller.map(Phone::as_str), Type::TEXT),
                (&line.as_str(), Type::TEXT),
                (&status.as_str(), Type::TEXT),
                (&is_default_line, Type::BOOL),
            ],
        )
        .await?;
    Ok(row
        .get::<_, Option<&str>>("number")
        .is_some()
        .then(|| line_of(&row)))
}

/// How a line is set up, if the database knows it.
pub async fn line(database: &Connection, number: &Phone) -> Result<Option<LineSettings>, Error> {
    let row = database
        .row_opt(statement!("line"), &[(&number.as_str(), Type::TEXT)])
        .await?;
    Ok(row.as_ref().map(line_of))
}

fn line_of(row: &Row) -> LineSettings {
    LineSettings {
        number: Phone::stored(row.get("number")),
        forward_to: Phone::stored(row.get("forward_to")),
        ring_seconds: u8::try_from(row.get::<_, i32>("ring_seconds"))
            .expect("the schema admits 5 to 20 seconds"),
    }
}

/// Remembers a report and, for a missed call, the text that is owed. Repeating it changes nothing.
pub async fn record_report(database: &Connection, report: &Report) -> Result<Recorded, Error> {
    let verdict = report.verdict.map(Verdict::as_str);
    let row = database
        .row(
            statement!("record_report"),
            &[
                (&report.call_sid, Type::TEXT),
                (&report.caller.as_ref().map(Phone::as_str), Type::TEXT),
                (&report.line.as_str(), Type::TEXT),
                (&report.status.as_str(), Type::TEXT),
                (&report.dial_status.as_ref().map(DialStatus::as_str), Type::TEXT),
                (&report.began_at, Type::TIMESTAMPTZ),
                (&report.ended_at, Type::TIMESTAMPTZ),
                (&verdict, Type::TEXT),
                (&report.source.as_str(), Type::TEXT),
                (&report.is_default_line, Type::BOOL),
                (&TEXT_EXPIRES_AFTER.as_secs_f64(), Type::FLOAT8),
                (&report.is_over, Type::BOOL),
            ],
        )
        .await?;
    Ok(
        match (
            row.get::<_, bool>("recorded"),
            row.get("job"),
            row.get::<_, Option<&str>>("outcome"),
        ) {
            (false, ..) => Recorded::UnknownLine,
            (true, Some(job), _) => Recorded::TextOwed {
                job,
                person: row.get("person"),
            },
            (true, None, Some("missed")) if report.verdict == Some(Verdict::Missed) => Recorded::AlreadyOwed,
            (true, None, _) => Recorded::Nothing,
        },
    )
}

/// What decides about the text of one job; `None` if there is no such job.
pub async fn load_text(database: &Connection, job: Uuid) -> Result<Option<TextFacts>, Error> {
    let row = database
        .row_opt(statement!("load_text"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.map(|row| TextFacts {
        state: row.get("state"),
        caller: row.get::<_, Option<String>>("recipient").map(Phone::stored),
        line: Phone::stored(row.get("line")),
        call_sid: row.get("cause"),
        origin: row.get("origin"),
        now: row.get("now"),
        due_at: row.get("due_at"),
        expires_at: row.get("expires_at"),
        wording: row
            .get::<_, Option<String>>("business_name")
            .map(|business_name| Wording {
                business_name,
                template: row.get("text_template"),
                text_back: row.get("text_back"),
                cool_down_minutes: row.get("text_cool_down_minutes"),
            }),
        is_our_own: row.get("is_our_own"),
        opted_out: row.get("opted_out"),
        last_texted_at: row.get("last_texted_at"),
        has_been_texted: row.get("has_been_texted"),
    }))
}

/// Calls without an outcome that began at least `grace` ago, marked as asked about now.
pub async fn unprocessed(
    database: &Connection,
    grace: SignedDuration,
    limit: i64,
) -> Result<Vec<Undecided>, Error> {
    let params = [
        (&grace.as_secs_f64() as _, Type::FLOAT8),
        (&limit as _, Type::INT8),
    ];
    let rows = database.rows(statement!("unprocessed"), &params).await?;
    Ok(rows
        .iter()
        .map(|row| Undecided {
            call_sid: row.get("call_sid"),
            caller: row.get::<_, Option<String>>("caller").map(Phone::stored),
            line: Phone::stored(row.get("line")),
        })
        .collect())
}

/// Closes a call that Twilio does not know.
pub async fn mark_not_found(database: &Connection, call_sid: &str) -> Result<(), Error> {
    database
        .rows(statement!("mark_not_found"), &[(&call_sid, Type::TEXT)])
        .await?;
    Ok(())
}

/// Of these calls, the ones without an outcome; of these numbers, the ones that are lines.
pub async fn undecided(
    database: &Connection,
    calls: &[&str],
    numbers: &[&str],
) -> Result<(HashSet<String>, HashSet<Phone>), Error> {
    let params = [(&calls as _, Type::TEXT_ARRAY), (&numbers as _, Type::TEXT_ARRAY)];
    let row = database.row(statement!("undecided"), &params).await?;
    let lines = row
        .get::<_, Vec<String>>("lines")
        .into_iter()
        .map(Phone::stored)
        .collect();
    let calls = row.get::<_, Vec<String>>("calls").into_iter().collect();
    Ok((calls, lines))
}

/// How far Twilio's list has been read.
pub async fn poll_window(database: &Connection) -> Result<PollWindow, Error> {
    let row = database.row(statement!("poll_window"), &[]).await?;
    Ok(PollWindow {
        now: row.get("now"),
        read_until: row.get("read_until"),
    })
}

/// Remembers that everything before `until` has been read and committed.
pub async fn advance_watermark(database: &Connection, until: Timestamp) -> Result<(), Error> {
    database
        .rows(statement!("advance_watermark"), &[(&until, Type::TIMESTAMPTZ)])
        .await?;
    Ok(())
}

/// Deletes calls that were decided more than seven days ago; how many.
pub async fn delete_processed(database: &Connection) -> Result<i64, Error> {
    Ok(database
        .row(statement!("delete_processed"), &[])
        .await?
        .get("deleted"))
}

/// Deletes events that nobody understood within a month; how many.
pub async fn delete_quarantined(database: &Connection) -> Result<i64, Error> {
    Ok(database
        .row(statement!("delete_quarantined"), &[])
        .await?
        .get("deleted"))
}

/// Keeps an event that was signed but not understood.
pub async fn quarantine(
    database: &Connection,
    source: &str,
    reason: &str,
    payload: &[u8],
) -> Result<(), Error> {
    let params = [
        (&source as _, Type::TEXT),
        (&reason as _, Type::TEXT),
        (&payload as _, Type::BYTEA),
    ];
    database.rows(statement!("quarantine"), &params).await?;
    Ok(())
}
