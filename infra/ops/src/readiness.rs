//! Whether the call system is ready, by the four levels of the report that operators know.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::repair::{Subject, counts, repair};
use super::settings;
use super::verify::Finding;

/// Runs come every minute; after this one is late.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What a check comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ready,
    /// Nothing is wrong, but something is left to do or cannot be told yet.
    Open(String),
    /// Wrong.
    Problem(String),
}

/// One of the four levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Code, Database, Configuration or Schedules.
    pub name: &'static str,
    /// What was looked at.
    pub checks: Vec<Verdict>,
    /// What is worth knowing, whatever the checks come to.
    pub note: String,
}

impl Level {
    fn worst(&self) -> &Verdict {
        let rank = |verdict: &&Verdict| match verdict {
            Verdict::Ready => 0,
            Verdict::Open(_) => 1,
            Verdict::Problem(_) => 2,
        };
        self.checks.iter().max_by_key(rank).unwrap_or(&Verdict::Ready)
    }

    /// The level in a line.
    pub fn line(&self) -> String {
        let mark = match self.worst() {
            Verdict::Ready => "✅",
            Verdict::Open(_) => "⚠️",
            Verdict::Problem(_) => "❌",
        };
        let said = self.checks.iter().filter_map(|verdict| match verdict {
            Verdict::Ready => None,
            Verdict::Open(what) | Verdict::Problem(what) => Some(what.as_str()),
        });
        let mut said: Vec<&str> = said.collect();
        if said.is_empty() {
            said.push("READY");
        }
        format!("{mark} {}: {} ({})", self.name, said.join("; "), self.note)
    }
}

/// How ready everything is, in percent: each level counts the same, and in it each check.
pub fn percent(levels: &[Level]) -> usize {
    let share = |level: &Level| {
        let ready = level.checks.iter().filter(|verdict| **verdict == Verdict::Ready);
        ready.count() * 10_000 / level.checks.len().max(1)
    };
    levels.iter().map(share).sum::<usize>() / levels.len().max(1) / 100
}

/// Whether nothing is wrong, and whether nothing is left open either.
pub fn is_sound(levels: &[Level]) -> (bool, bool) {
    let worst = || levels.iter().map(Level::worst);
    (
        !worst().any(|verdict| matches!(verdict, Verdict::Problem(_))),
        worst().all(|verdict| *verdict == Verdict::Ready),
    )
}

/// Looks at everything that can be seen from here. Changes nothing. `schema` is what was found of it before; `lookup`
/// is this process' environment.
pub async fn readiness(
    client: &mut Client,
    schema: &[Finding],
    lookup: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<Level>> {
    let code = code(schema);
    if code.checks[0] != Verdict::Ready {
        // What the others ask may not be there.
        return Ok(vec![code]);
    }
    Ok(vec![
        code,
        database(client).await?,
        configuration(client, lookup).await?,
        schedules(client).await?,
    ])
}

/// The schema first, then the clock.
fn code(schema: &[Finding]) -> Level {
    let problems = schema.iter().filter(|finding| finding.problem.is_some());
    let (clock, problems): (Vec<_>, Vec<_>) = problems.partition(|finding| finding.is_of_the_clock());
    let problems = problems.len();
    let verdict = match problems {
        0 => Verdict::Ready,
        _ => Verdict::Problem(format!(
            "{problems} of {} objects are not as the code expects: run ops migrate",
            schema.len()
        )),
    };
    Level {
        name: "Code",
        checks: vec![
            verdict,
            if clock.is_empty() {
                Verdict::Ready
            } else {
                Verdict::Problem("the clock that decides who is called when is not the server's".to_owned())
            },
        ],
        note: format!("{} objects of the schema", schema.len()),
    }
}

fn none(number: usize, what: &str) -> Verdict {
    match number {
        0 => Verdict::Ready,
        _ => Verdict::Problem(format!("{number} {what}")),
    }
}

async fn database(client: &mut Client) -> anyhow::Result<Level> {
    let duplicates = client
        .query_typed(include_str!("sql/duplicates.sql"), &[])
        .await?;
    let mut checks = vec![none(duplicates.len(), "duplicates in call_queue")];
    let found = repair(client, false).await?;
    checks.extend(counts(&found).iter().map(|(subject, number)| {
        let remedy = if subject.is_repaired() {
            "run ops repair"
        } else {
            "ops repair names them"
        };
        match (*number, subject) {
            (0, _) => Verdict::Ready,
            (number, Subject::Zones | Subject::Contradictions) => {
                Verdict::Open(format!("{number} × {}: {remedy}", subject.name()))
            }
            (number, _) => Verdict::Problem(format!("{number} × {} wrong: {remedy}", subject.name())),
        }
    }));
    let health = client
        .query_typed_one(include_str!("sql/ledger_health.sql"), &[])
        .await?;
    let count = |name| usize::try_from(health.get::<_, i64>(name)).unwrap_or_default();
    checks.push(none(
        count("evidence"),
        "rows of duplicate_evidence: somebody may have been reached twice (ops decide names them)",
    ));
    checks.push(match count("for_a_person") {
        0 => Verdict::Ready,
        number => Verdict::Open(format!(
            "{number} calls are for a person to decide (ops decide names them)"
        )),
    });
    checks.push(match count("nobodys_refunds") {
        0 => Verdict::Ready,
        number => Verdict::Open(format!(
            "{number} refunds, disputes or ends name no customer: whoever it was is called on (payment_events without customer_id)"
        )),
    });
    let logins = client.query_typed(include_str!("sql/time_outs.sql"), &[]).await?;
    if logins.is_empty() {
        checks.push(Verdict::Open("no login has the role switchboard_app".to_owned()));
    }
    for login in &logins {
        let wrong: Option<Vec<String>> = login.get("wrong");
        checks.push(match wrong {
            None => Verdict::Ready,
            Some(wrong) => {
                Verdict::Problem(format!("{}: {}", login.get::<_, &str>("login"), wrong.join(", ")))
            }
        });
    }
    Ok(Level {
        name: "Database",
        checks,
        note: "unique_customer_call_active and all other rules are there; no duplicates, projections, time-outs looked at".to_owned(),
    })
}

async fn configuration(client: &Client, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Level> {
    let switches = client
        .query_typed_one(include_str!("sql/switches.sql"), &[])
        .await?;
    let utc = |moment: Timestamp| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let since = switches.get::<_, Option<Timestamp>>("changed_at").map_or_else(
        || "as the migration left it".to_owned(),
        |at| format!("changed {}", utc(at)),
    );
    let price = match (
        switches.get::<_, Option<i64>>("price"),
        switches.get::<_, Option<&str>>("currency"),
    ) {
        (Some(price), Some(currency)) => format!("price {price} {currency}"),
        _ => "no price: any payment counts".to_owned(),
    };
    let (wrong, there, all) = settings::look(lookup)?;
    let mut checks = vec![if switches.get("paused") {
        Verdict::Open("all calling is paused: ops preflight, then ops resume".to_owned())
    } else {
        Verdict::Ready
    }];
    checks.push(if wrong.is_empty() {
        Verdict::Ready
    } else {
        Verdict::Problem(wrong.join(", "))
    });
    Ok(Level {
        name: "Configuration",
        checks,
        note: format!(
            "switches {since}; welcome calls for who pays since {}; {} calls a minute, {} at a time; {price}; {there} of the functions' {all} settings are in this environment",
            utc(switches.get("welcome_since")),
            switches.get::<_, i32>("per_tick"),
            switches.get::<_, i32>("at_a_time"),
        ),
    })
}

async fn schedules(client: &Client) -> anyhow::Result<Level> {
    let health = client
        .query_typed_one(include_str!("sql/ledger_health.sql"), &[])
        .await?;
    let count = |name| usize::try_from(health.get::<_, i64>(name)).unwrap_or_default();
    let now: Timestamp = health.get("now");
    let ticked_at: Option<Timestamp> = health.get("ticked_at");
    let at = |name| {
        health.get::<_, Option<Timestamp>>(name).map_or_else(
            || "never".to_owned(),
            |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
    };
    let checks = vec![
        ticking(ticked_at, now),
        none(
            count("not_scheduled"),
            "customers are due and nobody has scheduled their calls: does call-scheduler run?",
        ),
        none(
            count("not_expired") + count("not_rescued"),
            "jobs are past their end and nobody has said so: does job-sweeper run?",
        ),
    ];
    Ok(Level {
        name: "Schedules",
        checks,
        note: format!(
            "call-scheduler last ran: {}; last call scheduled: {}; Twilio's list read until: {}",
            at("ticked_at"),
            at("scheduled_at"),
            at("polled_until")
        ),
    })
}

fn ticking(ticked_at: Option<Timestamp>, now: Timestamp) -> Verdict {
    match ticked_at {
        Some(at) if now.duration_since(at) <= LATE => Verdict::Ready,
        Some(_) => Verdict::Problem("call-scheduler does not tick any more".to_owned()),
        None => Verdict::Open("nothing tells whether call-scheduler has ever run".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_as_good_as_the_worst_of_it_and_counts_a_quarter() {
        let level = |name, checks: &[Verdict]| Level {
            name,
            checks: checks.to_vec(),
            note: "looked at".to_owned(),
        };
        let ready = level("Code", &[Verdict::Ready]);
        let open = level(
            "Configuration",
            &[Verdict::Open("paused".to_owned()), Verdict::Ready],
        );
        let wrong = level(
            "Database",
            &[
                Verdict::Ready,
                Verdict::Open("a".to_owned()),
                Verdict::Problem("b".to_owned()),
            ],
        );
        assert_eq!(ready.line(), "✅ Code: READY (looked at)");
        assert_eq!(open.line(), "⚠️ Configuration: paused (looked at)");
        assert_eq!(wrong.line(), "❌ Database: a; b (looked at)");
        let levels = [ready.clone(), wrong, open.clone(), ready.clone()];
        assert_eq!(percent(&levels), 70);
        assert_eq!(is_sound(&levels), (false, false));
        assert_eq!(is_sound(&[ready.clone(), open]), (true, false));
        assert_eq!(
            (
                percent(std::slice::from_ref(&ready)),
                is_sound(std::slice::from_ref(&ready))
            ),
            (100, (true, true))
        );
    }

    #[test]
    fn a_schedule_that_has_stopped_is_a_problem_and_one_never_seen_is_not_yet() {
        let now: Timestamp = "2026-06-10T17:00:00Z".parse().expect("a moment");
        assert_eq!(ticking(Some(now - LATE), now), Verdict::Ready);
        let late = ticking(Some(now - LATE - SignedDuration::from_secs(1)), now);
        assert!(matches!(late, Verdict::Problem(_)));
        assert!(matches!(ticking(None, now), Verdict::Open(_)));
    }
}
