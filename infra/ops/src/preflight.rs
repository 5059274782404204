//! Who would be called if calling were switched on now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::Phone;
use shared::customers::TimeZone;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// How long a call is taken to last, in minutes. They differ; a plan needs a number.
const CALL_MINUTES: u64 = 3;
/// For how many hours a call that is due can wait before it is not made any more.
const HOURS_OF_PATIENCE: usize = 4;

/// What the next hours would bring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preflight {
    /// How far it looks ahead.
    pub hours: u32,
    /// Whether all calling is paused.
    pub is_paused: bool,
    /// Calls that one run of the scheduler may create; it runs every minute.
    pub per_tick: u64,
    /// Calls that may go on at a time.
    pub at_a_time: u64,
    /// All customers.
    pub customers: u64,
    /// Those of them who would be called.
    pub called: u64,
    /// Calls that are due already.
    pub due_now: Calls,
    /// Calls by hour of UTC, those hours in which there are any: `2026-06-10 14:00`.
    pub by_utc_hour: BTreeMap<String, Calls>,
    /// Calls by hour of the customers' clocks: `10:00`.
    pub by_local_hour: BTreeMap<String, Calls>,
    /// The minute in which most are due, and how many.
    pub busiest_minute: Option<(String, u64)>,
    /// Customers who would not be called, by the rule against it.
    pub against: BTreeMap<String, u64>,
    /// Telephones of more than one customer.
    pub shared_phones: u64,
    /// The customers who have them.
    pub sharing_customers: u64,
    /// Some of those telephones, with how many customers have each.
    pub some_shared_phones: Vec<(Phone, u64)>,
    /// What we were told of clocks that nobody knows, the most frequent ten.
    pub zones_given: Vec<(String, u64)>,
}

/// Calls, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// First calls.
    pub welcome: u64,
    /// Those that follow.
    pub daily: u64,
}

impl Calls {
    /// All of them.
    pub fn total(self) -> u64 {
        self.welcome + self.daily
    }

    fn add(&mut self, kind: &str, number: u64) {
        match kind {
            "welcome" => self.welcome += number,
            _ => self.daily += number,
        }
    }
}

/// Counts who would be called within `hours` if calling were switched on now, with `welcome_since` if that is to be
/// another cut-off than the one that is set. Changes nothing.
pub async fn preflight(
    client: &Client,
    hours: u32,
    welcome_since: Option<Timestamp>,
) -> anyhow::Result<Preflight> {
    // Sizes of intermediate results cannot be estimated; a nested loop over a million customers would take for ever.
    client
        .batch_execute(
            "BEGIN READ ONLY; SET LOCAL enable_nestloop = off; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'",
        )
        .await?;
    let counted = count(client, hours, welcome_since).await;
    client.batch_execute("ROLLBACK").await?;
    counted
}

async fn count(client: &Client, hours: u32, welcome_since: Option<Timestamp>) -> anyhow::Result<Preflight> {
    let settings = client
        .query_typed_one(include_str!("sql/switches.sql"), &[])
        .await?;
    let positive = |name| u64::try_from(settings.get::<_, i32>(name)).unwrap_or_default();
    let mut preflight = Preflight {
        hours,
        is_paused: settings.get("paused"),
        per_tick: positive("per_tick"),
        at_a_time: positive("at_a_time"),
        ..Preflight::default()
    };
    let hours = i32::try_from(hours)?;
    let params = [
        (&hours as _, Type::INT4),
        (&welcome_since as _, Type::TIMESTAMPTZ),
    ];
    for row in client
        .query_typed(include_str!("sql/preflight.sql"), &params)
        .await?
    {
        let number = u64::try_from(row.get::<_, i64>("number")).unwrap_or_default();
        preflight.take(row.get("what"), row.get("key"), row.get("kind"), number);
    }
    preflight
        .some_shared_phones
        .sort_by_key(|(_, customers)| std::cmp::Reverse(*customers));
    preflight
        .zones_given
        .sort_by_key(|(_, customers)| std::cmp::Reverse(*customers));
    Ok(preflight)
}

impl Preflight {
    fn take(&mut self, what: &str, key: &str, kind: &str, number: u64) {
        let key = key.to_owned();
        match what {
            "customers" => self.customers = number,
            "called" => self.called = number,
            "due_now" => self.due_now.add(kind, number),
            "utc_hour" => self.by_utc_hour.entry(key).or_default().add(kind, number),
            "local_hour" => self.by_local_hour.entry(key).or_default().add(kind, number),
            "busiest_minute" => self.busiest_minute = Some((key, number)),
            "against" => drop(self.against.insert(key, number)),
            "shared_phones" => self.shared_phones = number,
            "sharing_customers" => self.sharing_customers = number,
            "shared_phone" => self.some_shared_phones.push((Phone::stored(key), number)),
            "zone_given" => self.zones_given.push((key, number)),
            other => unreachable!("the statement counts no {other}"),
        }
    }

    /// Calls that can be made in an hour.
    pub fn calls_an_hour(&self) -> u64 {
        (self.at_a_time * 60 / CALL_MINUTES).min(self.per_tick * 60)
    }

    /// The report, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} of {} customers would be called within {} hours if calling were on ({})",
            self.called,
            self.customers,
            self.hours,
            if self.is_paused {
                "all calling is paused"
            } else {
                "it is"
            }
        )];
        lines.push(format!("due at once: {}", said(self.due_now)));
        lines.extend(table("by the customers' clocks:", &self.by_local_hour));
        lines.extend(table("by UTC:", &self.by_utc_hour));
        lines.extend(self.capacity());
        if self.against.is_empty() {
            lines.push("nobody is left out".to_owned());
        } else {
            lines.push("not called:".to_owned());
            let against = self.against.iter();
            lines.extend(
                against.map(|(rule, number)| format!("  {number:>8}  {} ({rule})", rule_in_words(rule))),
            );
        }
        if self.shared_phones > 0 {
            lines.push(format!(
                "{} customers share {} telephones; a telephone is called once a day, whoever of them comes first:",
                self.sharing_customers, self.shared_phones
            ));
            let some = self.some_shared_phones.iter();
            lines.extend(some.map(|(phone, number)| format!("  {number:>8}  {phone}")));
        }
        if !self.zones_given.is_empty() {
            lines.push("clocks unknown, with what we were told of them:".to_owned());
            lines.extend(self.zones_given.iter().map(|(given, number)| {
                let meaning = match TimeZone::parse(given) {
                    Ok(zone) => format!("{}: ops repair can set it", zone.as_str()),
                    Err(why) => why.to_string(),
                };
                format!("  {number:>8}  “{given}”: {meaning}")
            }));
        }
        lines
    }

    fn capacity(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "room for {} calls an hour: {} at a time, taking {CALL_MINUTES} minutes a call, and {} a minute from the scheduler",
            self.calls_an_hour(),
            self.at_a_time,
            self.per_tick
        )];
        if let Some((minute, number)) = self
            .busiest_minute
            .as_ref()
            .filter(|(_, number)| *number > self.per_tick)
        {
            lines.push(format!(
                "  in the minute {minute} UTC {number} are due: the scheduler takes {} minutes over them",
                number.div_ceil(self.per_tick.max(1))
            ));
        }
        let due = hours_in_a_row(&self.by_utc_hour);
        let queue = waiting(
            &due.iter().map(|(_, number)| *number).collect::<Vec<_>>(),
            self.calls_an_hour(),
        );
        let most = due
            .iter()
            .zip(&queue.waiting)
            .max_by_key(|(_, waiting)| **waiting);
        match most {
            Some(((hour, _), waiting)) if *waiting > 0 => {
                lines.push(format!(
                    "  more are due than there is room for: {waiting} wait at the end of the hour {hour} UTC, the longest wait"
                ));
                lines.push(format!(
                    "  {} would wait for more than {HOURS_OF_PATIENCE} hours and not be called",
                    queue.given_up
                ));
            }
            _ => lines.push("  that is enough in every hour".to_owned()),
        }
        lines
    }
}

fn said(calls: Calls) -> String {
    format!(
        "{} ({} welcome, {} daily)",
        calls.total(),
        calls.welcome,
        calls.daily
    )
}

fn table(title: &str, hours: &BTreeMap<String, Calls>) -> Vec<String> {
    if hours.is_empty() {
        return Vec::new();
    }
    let rows = hours
        .iter()
        .map(|(hour, calls)| format!("  {hour}  {}", said(*calls)));
    std::iter::once(title.to_owned()).chain(rows).collect()
}

/// A rule's name, as the database has it, in words.
fn rule_in_words(rule: &str) -> &'static str {
    match rule {
        "only_who_pays_is_called" => "do not pay",
        "phone_is_validated" => "nobody has found out whether their number is one",
        "calling_is_enabled" => "switched off",
        "nobody_after_stop" => "said stop",
        "clock_is_known" => "nobody knows what their clock shows",
        "nobody_while_paused" => "paused for longer than these hours",
        "one_call_per_phone_day" => "another customer with the same telephone is called that day",
        "being_called" => "being called now, or the outcome is unclear",
        "without_a_plan" => "nothing speaks against it, but nothing is planned: ops repair",
        _ => "no call of theirs falls into these hours",
    }
}

/// Every hour from the first to the last, those without a call too.
fn hours_in_a_row(by_hour: &BTreeMap<String, Calls>) -> Vec<(String, u64)> {
    let hour = |text: &str| {
        format!("{}:00Z", text.replace(' ', "T"))
            .parse::<Timestamp>()
            .ok()
    };
    let ends = by_hour.keys().next().zip(by_hour.keys().next_back());
    let Some((first, last)) = ends.and_then(|(first, last)| hour(first).zip(hour(last))) else {
        return Vec::new();
    };
    let step = jiff::SignedDuration::from_hours(1);
    std::iter::successors(Some(first), |at| Some(*at + step).filter(|at| *at <= last))
        .map(|at| {
            let name = at.strftime("%Y-%m-%d %H:00").to_string();
            let number = by_hour.get(&name).map_or(0, |calls| calls.total());
            (name, number)
        })
        .collect()
}

/// What becomes of more calls than there is room for.
struct Queue {
    /// At the end of each hour.
    waiting: Vec<u64>,
    /// Those that waited for too long, in all.
    given_up: u64,
}

/// The longest waiting first, hour by hour.
fn waiting(due: &[u64], an_hour: u64) -> Queue {
    let mut line: Vec<u64> = Vec::new();
    let mut queue = Queue {
        waiting: Vec::new(),
        given_up: 0,
    };
    // Whoever still waits after the last hour is not forgotten.
    for number in due
        .iter()
        .copied()
        .chain(std::iter::repeat_n(0, HOURS_OF_PATIENCE))
    {
        line.push(number);
        let mut room = an_hour;
        for waiting in &mut line {
            let called = room.min(*waiting);
            *waiting -= called;
            room -= called;
        }
        if line.len() > HOURS_OF_PATIENCE {
            queue.given_up += line.remove(0);
        }
        queue.waiting.push(line.iter().sum());
    }
    queue.waiting.truncate(due.len());
    queue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_longer_than_four_hours_is_not_called() {
        let enough = waiting(&[200, 0, 200], 200);
        assert_eq!((enough.waiting.as_slice(), enough.given_up), (&[0, 0, 0][..], 0));
        // 200 in each of five hours, the one in which they are due and the four after it.
        let busy = waiting(&[1100], 200);
        assert_eq!((busy.waiting.as_slice(), busy.given_up), (&[900][..], 100));
        let later = waiting(&[300, 300, 0], 200);
        assert_eq!(
            (later.waiting.as_slice(), later.given_up),
            (&[100, 200, 0][..], 0)
        );
    }

    #[test]
    fn hours_without_a_call_count() {
        let calls = |daily| Calls { welcome: 0, daily };
        let by_hour = BTreeMap::from([
            ("2026-06-10 23:00".to_owned(), calls(2)),
            ("2026-06-11 01:00".to_owned(), calls(3)),
        ]);
        let hours = hours_in_a_row(&by_hour);
        let said: Vec<_> = hours
            .iter()
            .map(|(hour, number)| (hour.as_str(), *number))
            .collect();
        assert_eq!(
            said,
            [
                ("2026-06-10 23:00", 2),
                ("2026-06-11 00:00", 0),
                ("2026-06-11 01:00", 3)
            ]
        );
    }

    #[test]
    fn the_report_says_what_it_takes_a_call_to_last_and_where_there_is_no_room() {
        let busy = Preflight {
            hours: 24,
            is_paused: true,
            per_tick: 200,
            at_a_time: 10,
            customers: 1200,
            called: 1100,
            by_utc_hour: BTreeMap::from([(
                "2026-06-10 14:00".to_owned(),
                Calls {
                    welcome: 100,
                    daily: 1000,
                },
            )]),
            busiest_minute: Some(("2026-06-10 14:00".to_owned(), 900)),
            against: BTreeMap::from([("clock_is_known".to_owned(), 100)]),
            zones_given: vec![("UTC-5".to_owned(), 60), ("Eastern".to_owned(), 40)],
            ..Preflight::default()
        };
        let report = busy.lines().join("\n");
        for line in [
            "1100 of 1200 customers would be called within 24 hours if calling were on (all calling is paused)",
            "room for 200 calls an hour: 10 at a time, taking 3 minutes a call, and 200 a minute from the scheduler",
            "  in the minute 2026-06-10 14:00 UTC 900 are due: the scheduler takes 5 minutes over them",
            "  more are due than there is room for: 900 wait at the end of the hour 2026-06-10 14:00 UTC, the longest wait",
            "  100 would wait for more than 4 hours and not be called",
            "       100  nobody knows what their clock shows (clock_is_known)",
            "        60  “UTC-5”: an offset, which says nothing of summer time",
            "        40  “Eastern”: America/New_York: ops repair can set it",
        ] {
            assert!(report.contains(line), "{line}\n{report}");
        }
    }
}
