//! How far our messages have come; and what people of the business write on their own telephones.

use serde_json::{Value, json};
use system_tests::World;

use super::{began, change, hears, owed, tells, text, world};

fn status(id: &str, status: &str) -> Value {
    json!({
        "id": format!("wamid.{id}"), "status": status, "timestamp": began().as_second().to_string(),
        "recipient_id": "14155550101",
    })
}

async fn tells_of(world: &World, statuses: &[Value]) {
    tells(world, &[change("messages", json!({ "statuses": statuses }))]).await;
}

fn echo(id: &str, to: &str, words: &str) -> Value {
    let message = json!({
        "from": "15550783881", "to": to, "id": format!("wamid.{id}"), "timestamp": began().as_second().to_string(),
        "type": "text", "text": { "body": words },
    });
    change("smb_message_echoes", json!({ "message_echoes": [message] }))
}

async fn status_of(world: &World, id: &str) -> String {
    let query = format!("SELECT status FROM messages WHERE provider_message_id = 'wamid.{id}'");
    world.database.one(&query).await.unwrap_or_default()
}

#[tokio::test]
async fn a_status_only_moves_forward_in_whatever_order_it_is_told() {
    let orders = [
        (&["sent", "delivered", "read"][..], "READ"),
        (&["read", "delivered", "sent"], "READ"),
        (&["sent", "failed"], "FAILED"),
        (&["failed", "sent"], "FAILED"),
        (&["read", "failed"], "READ"),
        (&["delivered", "played", "delivered"], "READ"),
        (&["delivered", "warped"], "DELIVERED"),
        (&["sent", "sent", "sent"], "SENT"),
    ];
    let world = world().await;
    for (number, (told, expected)) in orders.into_iter().enumerate() {
        let id = format!("order-{number}");
        tells(&world, &[echo(&id, "14155550101", "Hello")]).await;
        for word in told {
            tells_of(&world, &[status(&id, word)]).await;
        }
        assert_eq!(status_of(&world, &id).await, expected, "{told:?}");
    }
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn a_message_that_was_not_delivered_is_a_persons_to_see() {
    let world = world().await;
    tells(&world, &[echo("1", "14155550101", "Hello")]).await;
    let mut failed = status("1", "failed");
    failed["errors"] = json!([{ "code": 131_026, "title": "Message undeliverable" }]);
    tells_of(&world, &[failed.clone(), failed]).await;
    let error = "SELECT status || ': ' || error FROM messages";
    assert_eq!(
        world.database.one(error).await.as_deref(),
        Some("FAILED: Message undeliverable")
    );
    assert_eq!(world.count("tasks WHERE kind = 'not_delivered'").await, 1);
}

#[tokio::test]
async fn a_status_of_something_that_nobody_knows_changes_nothing() {
    let world = world().await;
    for data in [
        json!(null),
        json!("not an id"),
        json!("00000000-0000-0000-0000-000000000001"),
        json!({ "a": 1 }),
    ] {
        let mut stranger = status("stranger", "delivered");
        stranger["biz_opaque_callback_data"] = data;
        tells_of(&world, &[stranger]).await;
    }
    assert_eq!(
        (world.count("messages").await, world.count("attempts").await),
        (0, 0)
    );
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn what_a_person_writes_on_their_telephone_stands_in_the_thread_and_quiets_the_machine() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    tells(
        &world,
        &[
            echo("2", "14155550101", "Hi Ann, Bob here"),
            echo("2", "14155550101", "Hi Ann, Bob here"),
        ],
    )
    .await;
    let thread = "SELECT string_agg(author || ': ' || body, ', ' ORDER BY id) FROM messages";
    assert_eq!(
        world.database.one(thread).await.as_deref(),
        Some("customer: Hello?, human: Hi Ann, Bob here")
    );
    hears(&world, &[text("3", "14155550101", "Thanks!")]).await;
    assert_eq!(owed(&world, "3").await, "suppressed, human_has_taken_over");
    world.pass(jiff::SignedDuration::from_hours(5)).await;
    let mut later = text("4", "14155550101", "One more thing");
    later["timestamp"] = json!((began().as_second() + 5 * 3600).to_string());
    hears(&world, &[later]).await;
    assert_eq!(
        owed(&world, "4").await,
        "pending",
        "after some hours the machine answers again"
    );
}

#[tokio::test]
async fn a_thread_that_somebody_has_is_left_to_them() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    world
        .database
        .sql("INSERT INTO users (name) VALUES ('Bob'); UPDATE conversations SET assigned_user_id = (SELECT id FROM users)")
        .await;
    let (log, _guard) = crate::logs::Log::begin();
    hears(&world, &[text("2", "14155550101", "Are you there?")]).await;
    assert_eq!(owed(&world, "2").await, "suppressed, human_has_taken_over");
    assert!(log.text().contains("⏭️ [WEBHOOK] Skipping auto-reply"));
    world
        .database
        .sql("UPDATE conversations SET assigned_user_id = NULL")
        .await;
    hears(&world, &[text("3", "14155550101", "Hello?")]).await;
    assert_eq!(owed(&world, "3").await, "pending", "handed back");
}

#[tokio::test]
async fn an_old_message_is_not_answered_by_a_machine_but_by_a_person() {
    let world = world().await;
    let days_ago = |id: &str, from: &str, seconds: i64| {
        let mut message = text(id, from, "Hello?");
        message["timestamp"] = json!((began().as_second() - seconds).to_string());
        message
    };
    hears(
        &world,
        &[
            days_ago("1", "14155550101", 59 * 60),
            days_ago("2", "14155550102", 8 * 86_400),
        ],
    )
    .await;
    assert_eq!(owed(&world, "1").await, "pending");
    assert_eq!(owed(&world, "2").await, "suppressed, too_old");
    assert_eq!(world.count("tasks WHERE kind = 'not_answered'").await, 1);
}
