//! One call on a day, whatever clock shows it.

use jiff::Timestamp;
use system_tests::World;

use super::{THEO, called_at, hours, is_called_daily, world};

/// Somebody who is called daily, and lives elsewhere.
async fn lives_in(world: &World, id: &str, zone: &str, call_at: &str) {
    let moves = format!("UPDATE customers SET timezone = '{zone}', call_at = '{call_at}' WHERE id = '{id}'");
    world.database.sql(&moves).await;
}

/// The days on a place's calendar on which a telephone rang, by Vapi's record.
fn days_in(world: &World, phone: &str, zone: &str) -> Vec<String> {
    let calls = world.vapi.calls_to(phone);
    let zone = jiff::tz::TimeZone::get(zone).expect("a place");
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date().to_string();
    calls.iter().map(|call| day(call.created_at)).collect()
}

/// At eight in Auckland it is ten of the day before in Honolulu, where they are called at twenty.
#[tokio::test]
async fn a_telephone_on_two_clocks_rings_once_on_a_day_of_each() {
    let world = world().await;
    for (id, zone, call_at) in [
        ("ann", "Pacific/Auckland", "08:00"),
        ("bob", "Pacific/Honolulu", "20:00"),
    ] {
        is_called_daily(&world, id, THEO).await;
        lives_in(&world, id, zone, call_at).await;
    }
    hours(&world, 60).await;
    for zone in ["Pacific/Auckland", "Pacific/Honolulu"] {
        let days = days_in(&world, THEO, zone);
        let mut once = days.clone();
        once.dedup();
        assert_eq!(days, once, "{zone}");
        assert!(days.len() >= 2, "{days:?}");
    }
}

/// What their row says of the last call is a copy, and here it is not written.
#[tokio::test]
async fn whoever_moves_west_after_their_call_is_not_called_again_on_the_day_that_it_is_there() {
    let world = world().await;
    is_called_daily(&world, "ann", THEO).await;
    lives_in(&world, "ann", "Pacific/Auckland", "08:00").await;
    world
        .database
        .sql(
            "CREATE FUNCTION swallows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER swallows BEFORE UPDATE OF last_call_date ON customers FOR EACH ROW EXECUTE FUNCTION swallows()",
        )
        .await;
    hours(&world, 6).await;
    assert_eq!(called_at(&world, THEO), ["06-09 20:00"]);
    lives_in(&world, "ann", "Pacific/Honolulu", "20:00").await;
    hours(&world, 12).await;
    assert_eq!(days_in(&world, THEO, "Pacific/Honolulu"), ["2027-06-09"]);
    hours(&world, 48).await;
    assert_eq!(
        days_in(&world, THEO, "Pacific/Honolulu"),
        ["2027-06-09", "2027-06-11"],
        "their first call was for the tenth where they were then: that day has been used"
    );
}
