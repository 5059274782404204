//! Postgres's clocks against Python's: it is Postgres that decides a customer's day and hour.
//!
//! Python's `zoneinfo` computes the same instants from the rule as it is written down: an hour that the clock passes
//! over comes as much later as the clock is put forward, and of an hour that comes twice it is the second. Both take
//! their zones from IANA's database, each from its own copy.
//!
//! Every hour and half hour of 2026, and of the nights in 2027 in which clocks change, is looked at in every seventh
//! zone and in all those with odd rules; with `SWITCHBOARD_CLOCKS=all`, in every zone that there is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use system_tests::TestDatabase;

use crate::judge;

/// From the first day until before the second.
const STRETCHES: [(&str, &str); 2] = [("2026-01-01", "2027-01-01"), ("2027-03-01", "2027-05-01")];
/// Half an hour, three hours, midnights that are not there, winters that count as the exception, a month without.
const ODD: [&str; 16] = [
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Asuncion",
    "America/Nuuk",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
];

/// Digests of every instant, by stretch; the instants themselves of the zones that are asked for in full.
const INSTANTS: &str = r#"
import hashlib, json, sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1)

def instant(wall, zone):
    first, second = (zone.utcoffset(wall.replace(fold=fold)) for fold in (0, 1))
    # An hour that is not there is told from one that comes twice by which of its offsets is the greater.
    offset = first if second > first else second
    return (wall - EPOCH - offset) // timedelta(seconds=1)

def instants(case, zone):
    wall, end = (datetime.fromisoformat(day) for day in (case["from"], case["until"]))
    while wall < end:
        yield instant(wall, zone)
        wall += timedelta(minutes=30)

answers = []
for case in json.load(sys.stdin):
    try:
        all_of_them = list(instants(case, ZoneInfo(case["zone"])))
    except ZoneInfoNotFoundError:
        answers.append(None)
        continue
    digest = hashlib.md5(",".join(map(str, all_of_them)).encode()).hexdigest()
    answers.append({"digest": digest, "count": len(all_of_them), "instants": all_of_them if case["in_full"] else []})
json.dump(answers, sys.stdout)
"#;

/// When the plan comes next, found by looking at a whole month of days.
const PLANS: &str = r#"
import json, sys
from datetime import date, datetime, timedelta, time
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)

def instant(wall, zone):
    first, second = (zone.utcoffset(wall.replace(fold=fold)) for fold in (0, 1))
    return (wall - EPOCH - (first if second > first else second)) // timedelta(seconds=1)

answers = []
for case in json.load(sys.stdin):
    zone, at = ZoneInfo(case["zone"]), time.fromisoformat(case["at"])
    utc_day = (EPOCH + timedelta(seconds=case["after"])).date()
    days = [utc_day + timedelta(days=ahead) for ahead in range(-3, 28)]
    chosen = [instant(datetime.combine(day, at), zone) for day in days if day.isoweekday() in case["days"]]
    answers.append(min(moment for moment in chosen if moment > case["after"]))
json.dump(answers, sys.stdout)
"#;

#[derive(Serialize)]
struct Case {
    zone: String,
    from: &'static str,
    until: &'static str,
    in_full: bool,
}

#[derive(Deserialize)]
struct Answer {
    digest: String,
    count: u64,
    instants: Vec<i64>,
}

#[derive(Serialize)]
struct Plan {
    zone: String,
    /// Seconds.
    after: i64,
    at: String,
    days: Vec<i16>,
}

/// The zones that this Postgres knows and that a customer may have.
async fn zones(database: &TestDatabase) -> Vec<String> {
    let query = "SELECT name FROM pg_timezone_names WHERE is_time_zone(name) ORDER BY name COLLATE \"C\"";
    let rows = database.owner().query(query, &[]).await.expect("a list");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Those that are looked at.
fn chosen(known: &[String]) -> BTreeSet<&String> {
    if std::env::var_os("SWITCHBOARD_CLOCKS").is_some_and(|clocks| clocks == "all") {
        return known.iter().collect();
    }
    let odd = known.iter().filter(|zone| ODD.contains(&zone.as_str()));
    known.iter().step_by(7).chain(odd).collect()
}

#[tokio::test]
async fn every_hour_and_half_hour_of_two_years_comes_when_python_says() {
    let database = TestDatabase::new().await;
    let known = zones(&database).await;
    assert!(known.len() > 400, "{}", known.len());
    let chosen = chosen(&known);
    for zone in ODD {
        assert!(
            chosen.iter().any(|chosen| *chosen == zone),
            "Postgres knows no {zone}"
        );
    }
    let (mut compared, mut differing) = (0, Vec::new());
    for (from, until) in STRETCHES {
        let cases: Vec<Case> = chosen
            .iter()
            .map(|zone| Case {
                zone: (*zone).clone(),
                from,
                until,
                in_full: false,
            })
            .collect();
        let names: Vec<&String> = chosen.iter().copied().collect();
        let ours = digests(&database, &names, from, until);
        let theirs = tokio::task::spawn_blocking(move || judge::ask::<Option<Answer>>(INSTANTS, &cases));
        let (ours, theirs) = futures_util::join!(ours, theirs);
        for (zone, answer) in chosen.iter().zip(theirs.expect("Python answers")) {
            // A zone that only one of them has is nobody's mistake.
            let Some(answer) = answer else { continue };
            compared += answer.count;
            if ours[*zone] != answer.digest {
                differing.push(first_difference(&database, zone, from, until).await);
            }
        }
    }
    println!("{} zones, {compared} instants", chosen.len());
    assert!(compared > 1_000_000, "{compared}");
    assert_eq!(
        differing, [""; 0],
        "Postgres's copy of the zones, or its arithmetic, is another"
    );
}

async fn digests(
    database: &TestDatabase,
    zones: &[&String],
    from: &str,
    until: &str,
) -> BTreeMap<String, String> {
    let query = format!(
        "SELECT zone, md5(string_agg(extract(epoch FROM at_local_time(wall::date, wall::time, zone))::int8::text, ','
                                     ORDER BY wall))
         FROM unnest($1::text[]) AS zone,
              generate_series('{from}'::timestamp, '{until}'::timestamp - interval '30 minutes', '30 minutes') AS wall
         GROUP BY zone"
    );
    let rows = database.owner().query(&query, &[&zones]).await.expect("digests");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Where two clocks part, for whoever has to find out why.
async fn first_difference(
    database: &TestDatabase,
    zone: &str,
    from: &'static str,
    until: &'static str,
) -> String {
    let case = Case {
        zone: zone.to_owned(),
        from,
        until,
        in_full: true,
    };
    let theirs: Vec<Option<Answer>> = judge::ask(INSTANTS, &[case]);
    let theirs = theirs.into_iter().flatten().flat_map(|answer| answer.instants);
    let query = format!(
        "SELECT wall::text, extract(epoch FROM at_local_time(wall::date, wall::time, '{zone}'))::int8
         FROM generate_series('{from}'::timestamp, '{until}'::timestamp - interval '30 minutes', '30 minutes') AS wall
         ORDER BY wall"
    );
    let ours = database.owner().query(&query, &[]).await.expect("instants");
    let difference = ours
        .iter()
        .zip(theirs)
        .find(|(row, theirs)| row.get::<_, i64>(1) != *theirs);
    difference.map_or_else(
        || format!("{zone}: as many, and all alike"),
        |(row, theirs)| {
            let (wall, ours): (String, i64) = (row.get(0), row.get(1));
            format!("{zone} {wall}: {ours} here and {theirs} there")
        },
    )
}

#[tokio::test]
async fn the_next_time_is_the_first_of_all_that_come_after() {
    let database = TestDatabase::new().await;
    let known = zones(&database).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let year = 1_767_225_600..1_798_761_600;
    let plans: Vec<Plan> = (0..4_000)
        .map(|number| {
            let odd = ODD[random.usize(..ODD.len())].to_owned();
            let zone = if number % 2 == 0 {
                odd
            } else {
                known[random.usize(..known.len())].clone()
            };
            let mut days: Vec<i16> = (1..=7).filter(|_| random.bool()).collect();
            if days.is_empty() {
                days.push(random.i16(1..=7));
            }
            // To the minute, so that some fall on the very hour.
            let after = random.i64(year.clone()) / 60 * 60;
            // Customers' hours, and the small hours in which clocks change.
            let half_hours = if number % 3 == 0 {
                random.u8(0..16)
            } else {
                random.u8(16..=41)
            };
            let at = format!("{:02}:{:02}", half_hours / 2, half_hours % 2 * 30);
            Plan {
                zone,
                after,
                at,
                days,
            }
        })
        .collect();
    let mut ours = Vec::new();
    for Plan {
        zone,
        after,
        at,
        days,
    } in &plans
    {
        let next = "SELECT extract(epoch FROM next_local_time(to_timestamp($1::int8), $2::text::time, $3, $4))::int8";
        let row = database.owner().query_one(next, &[after, at, days, zone]).await;
        ours.push(row.expect("a time").get::<_, i64>(0));
    }
    let theirs: Vec<i64> = judge::ask(PLANS, &plans);
    for ((plan, ours), theirs) in plans.iter().zip(ours).zip(theirs) {
        let Plan {
            zone,
            after,
            at,
            days,
        } = plan;
        assert_eq!(
            ours, theirs,
            "{at} on {days:?} in {zone} after {after}, of seed {seed}"
        );
    }
}

/// What the scheduler's statement and the constraints of its jobs build upon.
#[tokio::test]
async fn in_no_zone_and_on_no_day_is_a_customers_hour_unlawful_or_too_late_to_be_used() {
    let database = TestDatabase::new().await;
    let known = zones(&database).await;
    let chosen: Vec<&String> = chosen(&known).into_iter().collect();
    let unlawful_hours = "
        SELECT concat_ws(' ', zone, day::date, at)
        FROM unnest($1::text[]) AS zone,
             generate_series('2026-01-01'::timestamp, '2027-12-31', '1 day') AS day,
             (VALUES ('08:00'::time), ('10:00'), ('20:30')) AS hours (at),
             LATERAL (SELECT at_local_time(day::date, at, zone) AS moment) AS planned
        WHERE (moment AT TIME ZONE zone)::date <> day::date
           OR (moment AT TIME ZONE zone)::time NOT BETWEEN '08:00' AND '20:30'
           OR at_local_time(day::date, '20:45', zone) - moment NOT BETWEEN '15 minutes' AND '12 hours 45 minutes'";
    let unlawful_times = "
        SELECT concat_ws(' ', zone, at)
        FROM unnest($1::text[]) AS zone,
             generate_series('2026-01-01'::timestamptz, '2026-12-31', '7 hours') AS at,
             LATERAL (SELECT next_lawful_time(at, zone) AS moment) AS planned
        WHERE (moment AT TIME ZONE zone)::time NOT BETWEEN '08:00' AND '20:30'
           OR moment < at
           -- From half past eight to eight, and an hour more in the night in which clocks are put back.
           OR moment > at + interval '12 hours 30 minutes'
           OR (moment > at AND (at AT TIME ZONE zone)::time BETWEEN '08:00' AND '20:30')";
    for wrong in [unlawful_hours, unlawful_times] {
        let rows = database.owner().query(wrong, &[&chosen]).await.expect("a table");
        let wrong: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(wrong, [""; 0]);
    }
}
