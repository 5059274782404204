//! Time zones, as they are given to us and as Postgres knows them: it computes a customer's day.

use std::collections::BTreeSet;

use shared::customers::TimeZone;
use system_tests::TestDatabase;

const LISTED: &str = include_str!("../../shared/src/customers/zones.txt");

#[tokio::test]
async fn every_zone_that_an_older_name_means_is_known_to_postgres() {
    let names = LISTED.lines().filter(|line| !line.starts_with('#'));
    let zones: BTreeSet<String> = names
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| TimeZone::parse(name).expect(name).as_str().to_owned())
        .collect();
    assert!(zones.len() > 100, "{}", zones.len());

    let database = TestDatabase::new().await;
    let names = zones.into_iter().collect::<Vec<_>>().join("'), ('");
    let unknown = database
        .one(&format!(
            "SELECT string_agg(given.name, ', ') FROM (VALUES ('{names}')) AS given (name)
             WHERE given.name NOT IN (SELECT name FROM pg_timezone_names)"
        ))
        .await;
    assert_eq!(unknown, None);
}
