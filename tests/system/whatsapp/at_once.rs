//! Much at once: nobody waits for somebody who waits for them, and what is held does not grow with what is told.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::Environment;
use shared::jobs::{self, Grant};
use shared::platform::database::{Database, Error};
use shared::{inbox, replies};
use system_tests::World;
use uuid::Uuid;

use super::{hears, text, world};

const PEOPLE: usize = 6;
const ANSWERS: usize = 25;
const OF_EACH: usize = 4;

fn number(person: usize) -> String {
    format!("1415555{person:04}")
}

/// What is kept of a text, as the webhook tells the database.
fn told(id: &str, person: usize, name: &str) -> Value {
    json!({
        "kind": "message", "phone": format!("+{}", number(person)), "wa_id": number(person), "name": name,
        "wamid": format!("wamid.{id}"), "sent_at": "2026-06-10T17:00:00Z", "type": "text", "body": "Hello?",
        "media": null, "raw": null, "reply_to": null, "policy": "answer", "why": null, "draft": null, "wish": null,
    })
}

/// Answers that were taken and do not stand in their threads yet: as many for each as would be sent in a long evening.
const TAKEN: &str = "
    ALTER TABLE attempts DISABLE TRIGGER guard_attempt;
    INSERT INTO messages (conversation_id, contact_id, direction, author, channel, type, body, provider_message_id, status, sent_at)
      SELECT id, contact_id, 'INBOUND', 'customer', 'WHATSAPP', 'text', 'Hello?', concat('wamid.asked-', id, '-', number), 'RECEIVED', switchboard_now()
      FROM conversations, generate_series(1, 25) AS number;
    INSERT INTO jobs (kind, cause, conversation_id, message_id, origin, state, caused_at, due_at, expires_at, ended_at)
      SELECT 'whatsapp_reply', provider_message_id, conversation_id, id, 'inbound', 'accepted', switchboard_now(), switchboard_now(),
             switchboard_now() + interval '1 hour', switchboard_now()
      FROM messages WHERE provider_message_id LIKE 'wamid.asked-%';
    INSERT INTO attempts (job_id, attempt_no, state, granted_at, channel, address, message_id, content, provider_id, settled_at)
      SELECT id, 1, 'accepted', switchboard_now(), 'whatsapp', '14155550000', message_id, 'Yes.', replace(cause, 'asked', 'answered'), switchboard_now()
      FROM jobs WHERE cause LIKE 'wamid.asked-%';
    ALTER TABLE attempts ENABLE TRIGGER guard_attempt";

async fn ids(world: &World, query: &str) -> Vec<Uuid> {
    let rows = world.database.owner().query(query, &[]).await.expect("a query");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Until `is_over`, request after request about all the people, each time in another order and with other names.
async fn tell(database: &Database, teller: usize, is_over: impl Fn() -> bool) {
    for round in 0.. {
        if is_over() {
            return;
        }
        let mut items: Vec<Value> = (0..PEOPLE)
            .map(|person| {
                told(
                    &format!("{teller}-{round}-{person}"),
                    person,
                    &format!("{teller} {round}"),
                )
            })
            .collect();
        items.rotate_left((teller + round) % PEOPLE);
        let items: Vec<inbox::Told> = serde_json::from_value(json!(items)).expect("what is told");
        let connection = database.connection().await.expect("a connection");
        inbox::receive(&connection, &items).await.expect("it is stored");
    }
}

/// Until `is_over`, permits for answers; nearly all are refused, for there is always a later message.
async fn permit(database: &Database, jobs: &[Uuid], is_over: impl Fn() -> bool) {
    for job in jobs.iter().cycle() {
        if is_over() {
            return;
        }
        let connection = database.connection().await.expect("a connection");
        let grant: Result<Grant<_>, Error> = jobs::grant_reply(&connection, *job, "Yes.").await;
        grant.expect("a yes or a no");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_permits_and_threads_that_are_written_do_not_wait_for_each_other_in_a_ring() {
    let world = world().await;
    let everybody: Vec<Value> = (0..PEOPLE)
        .map(|person| text(&format!("first-{person}"), &number(person), "Hello?"))
        .collect();
    hears(&world, &everybody).await;
    world.database.sql(TAKEN).await;
    world.database.sql("INSERT INTO drafts (job_id, body, model) SELECT id, 'Yes.', 'a model' FROM jobs WHERE state = 'pending'").await;
    world.pass(jiff::SignedDuration::from_secs(5)).await;
    let pending = ids(&world, "SELECT id FROM jobs WHERE state = 'pending'").await;
    let taken = ids(
        &world,
        "SELECT id FROM jobs WHERE state = 'accepted' ORDER BY cause",
    )
    .await;
    assert_eq!(taken.len(), PEOPLE * ANSWERS);
    let environment: Environment = world.settings.environment().await.expect("settings");
    let pools: Vec<Database> = (0..3 * OF_EACH)
        .map(|_| environment.database().expect("a pool"))
        .collect();
    let written = AtomicUsize::new(0);
    let is_over = || written.load(Ordering::Relaxed) == taken.len();
    let write = async |writer: usize| {
        for job in taken.iter().skip(writer).step_by(OF_EACH) {
            let connection = pools[writer].connection().await.expect("a connection");
            let row = replies::project_reply(&connection, *job).await;
            written.fetch_add(1, Ordering::Relaxed);
            row.expect("it is written").expect("it was taken");
        }
    };
    let tellers = join_all((0..OF_EACH).map(|teller| tell(&pools[OF_EACH + teller], teller, is_over)));
    let permits = join_all((0..OF_EACH).map(|nth| permit(&pools[2 * OF_EACH + nth], &pending, is_over)));
    futures_util::join!(join_all((0..OF_EACH).map(write)), tellers, permits);
    drop(pools);
    let name = world.database.name();
    // A server says what it has met when its connection ends.
    let left = format!(
        "pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
    );
    assert_eq!(world.count(&left).await, 0);
    let deadlocks = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'");
    assert_eq!(world.database.one(&deadlocks).await.as_deref(), Some("0"));
    assert_eq!(
        world.count("messages WHERE author = 'machine'").await,
        taken.len() as u64
    );
}

#[tokio::test]
async fn a_request_that_gave_way_to_another_is_carried_out_at_its_second_try() {
    let world = world().await;
    world
        .database
        .sql(
            "CREATE SEQUENCE tries;
             ALTER FUNCTION receive_from_whatsapp(jsonb) RENAME TO receive_at_last;
             CREATE FUNCTION receive_from_whatsapp(items jsonb)
               RETURNS TABLE (outcome text, conversation_id bigint, lead_id bigint, message_id bigint, job_id uuid, job_state text, reason text)
               LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
             BEGIN
               IF nextval('tries') % 2 = 1 THEN RAISE EXCEPTION 'a ring' USING ERRCODE = '40P01'; END IF;
               RETURN QUERY SELECT * FROM receive_at_last(items);
             END $$",
        )
        .await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    assert_eq!((world.count("messages").await, world.parked().len()), (1, 0));
}

#[tokio::test]
async fn a_thousand_messages_hold_no_more_than_a_few_hundred_locks() {
    let world = world().await;
    let items: Vec<Value> = (0..1_000)
        .map(|person| told(&format!("{person}"), person, "Ann"))
        .collect();
    let mut application = world.database.as_application().await;
    let transaction = application.transaction().await.expect("a transaction");
    let stored = transaction
        .query(
            "SELECT outcome FROM receive_from_whatsapp($1::text::jsonb)",
            &[&json!(items).to_string()],
        )
        .await
        .expect("they are stored");
    assert!(stored.iter().all(|row| row.get::<_, &str>(0) == "received"));
    let held = transaction
        .query_one("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()", &[])
        .await
        .expect("a count");
    let held: i64 = held.get(0);
    assert!(held < 400, "{held}");
}
