//! What Meta's answer proves, and what only a report can.

use jiff::SignedDuration;
use local::sandbox_meta::Behaviour;
use system_tests::World;

use super::{WAITING, ann, fates, hears, replies, tasks, thread, words_to, world, writes};

async fn hours(world: &World) {
    for _ in 0..14 {
        world.pass(SignedDuration::from_mins(5)).await;
        world.sweep().await;
        world.run_replies().await;
    }
}

#[tokio::test]
async fn an_unclear_answer_is_settled_by_a_report_and_never_sent_again() {
    for behaviour in [
        Behaviour::AcceptThenReset,
        Behaviour::AcceptThen500,
        Behaviour::AcceptThenGarbled,
    ] {
        let world = world().await;
        replies(&world, "We open at nine.");
        world.meta.on_next_send(behaviour.clone());
        writes(&world, &ann(), "When do you open?").await;
        let sent = world.meta.messages().pop().expect("Meta took it");
        assert_eq!(
            world.count("attempts WHERE state = 'unknown'").await,
            1,
            "{behaviour:?}"
        );
        hears(
            &world,
            [
                world.meta.status(&sent.id, "sent"),
                world.meta.status(&sent.id, "delivered"),
            ],
        )
        .await;
        hours(&world).await;
        assert_eq!(words_to(&world, &ann()), ["We open at nine."], "{behaviour:?}");
        assert_eq!(fates(&world).await, ["accepted"]);
        assert!(
            thread(&world)
                .await
                .ends_with("machine: We open at nine. (DELIVERED)"),
            "{}",
            thread(&world).await
        );
        assert_eq!(tasks(&world).await, "");
    }
}

#[tokio::test]
async fn an_unclear_answer_that_nobody_tells_of_is_a_persons_within_the_hour() {
    for behaviour in [Behaviour::AcceptThenReset, Behaviour::Fail500, Behaviour::Reset] {
        let world = world().await;
        replies(&world, "We open at nine.");
        world.meta.on_next_send(behaviour.clone());
        writes(&world, &ann(), "When do you open?").await;
        hours(&world).await;
        assert_eq!(
            fates(&world).await,
            ["needs_human, nobody_knows_whether_it_arrived"],
            "{behaviour:?}"
        );
        let task = "SELECT kind || ': ' || detail FROM tasks";
        assert_eq!(
            world.database.one(task).await.as_deref(),
            Some("unclear: We open at nine.")
        );
        let sends = world
            .meta
            .requests()
            .iter()
            .filter(|request| request.is_send())
            .count();
        assert_eq!(sends, 1, "{behaviour:?}: never a second send");
    }
}

#[tokio::test]
async fn every_unclear_answer_is_a_task_with_its_own_words() {
    let world = world().await;
    for words in ["We open at nine.", "And close at five."] {
        replies(&world, words);
        world.meta.on_next_send(Behaviour::AcceptThenReset);
        writes(&world, &ann(), "When?").await;
        hours(&world).await;
    }
    let details =
        "SELECT string_agg(detail, ' | ' ORDER BY id) FROM tasks WHERE kind = 'unclear' AND done_at IS NULL";
    assert_eq!(
        world.database.one(details).await.as_deref(),
        Some("We open at nine. | And close at five.")
    );
    assert_eq!(world.count("notifications").await, 2);
}

/// What the inbox cannot be told yet.
const NO_MACHINE: &str =
    "ALTER TABLE messages ADD CONSTRAINT out_of_order CHECK (author <> 'machine') NOT VALID";
const ANY_AUTHOR: &str = "ALTER TABLE messages DROP CONSTRAINT out_of_order";

#[tokio::test]
async fn an_answer_that_was_not_delivered_is_one_task_whichever_is_told_first() {
    for is_told_first in [false, true] {
        let world = world().await;
        if is_told_first {
            world.database.sql(NO_MACHINE).await;
        }
        replies(&world, "We open at nine.");
        writes(&world, &ann(), "When do you open?").await;
        let sent = world.meta.messages().pop().expect("Meta took it");
        for _ in 0..2 {
            hears(&world, [world.meta.failed(&sent.id, 131_026)]).await;
        }
        if is_told_first {
            world.database.sql(ANY_AUTHOR).await;
        }
        world.sweep().await;
        assert!(
            thread(&world).await.ends_with("(FAILED)"),
            "{}",
            thread(&world).await
        );
        assert_eq!(
            tasks(&world).await,
            "not_delivered",
            "told first: {is_told_first}"
        );
        hears(&world, [world.meta.failed(&sent.id, 131_026)]).await;
        world.sweep().await;
        assert_eq!(
            tasks(&world).await,
            "not_delivered",
            "told first: {is_told_first}"
        );
    }
}

#[tokio::test]
async fn a_failure_that_is_told_while_the_answer_is_written_into_its_thread_is_not_lost() {
    let world = world().await;
    world.database.sql(NO_MACHINE).await;
    replies(&world, "We open at nine.");
    writes(&world, &ann(), "When do you open?").await;
    world.database.sql(ANY_AUTHOR).await;
    let sent = world.meta.messages().pop().expect("Meta took it");
    // Whoever stores the report has looked for the message, and has not come to its end.
    let mut webhook = world.database.as_application().await;
    let report = webhook.transaction().await.expect("a transaction");
    let told = format!(
        r#"[{{"kind": "status", "wamid": "{}", "status": "failed"}}]"#,
        sent.id
    );
    report
        .query(&format!("SELECT FROM receive_from_whatsapp('{told}')"), &[])
        .await
        .expect("a report");
    let is_over = std::cell::Cell::new(false);
    let written = async {
        world.sweep().await;
        is_over.set(true);
    };
    let meanwhile = async {
        while !is_over.get() && world.count(WAITING).await == 0 {
            tokio::task::yield_now().await;
        }
        report.commit().await.expect("a commit");
    };
    futures_util::join!(written, meanwhile);
    assert!(
        thread(&world).await.ends_with("(FAILED)"),
        "{}",
        thread(&world).await
    );
    assert_eq!(tasks(&world).await, "not_delivered");
}

#[tokio::test]
async fn late_evidence_still_counts() {
    let world = world().await;
    replies(&world, "We open at nine.");
    world.meta.on_next_send(Behaviour::AcceptThenReset);
    writes(&world, &ann(), "When do you open?").await;
    let sent = world.meta.messages().pop().expect("Meta took it");
    hours(&world).await;
    hears(&world, [world.meta.status(&sent.id, "read")]).await;
    hours(&world).await;
    assert_eq!(fates(&world).await, ["accepted"]);
    assert!(
        thread(&world).await.ends_with("(READ)"),
        "{}",
        thread(&world).await
    );
}

#[tokio::test]
async fn a_definite_no_is_tried_again_or_ends_with_a_task() {
    for (code, is_tried_again) in [
        (131_056, true),
        (130_429, true),
        (131_026, false),
        (131_047, false),
        (130_497, false),
    ] {
        let world = world().await;
        world.meta.on_next_send(Behaviour::refuse(code));
        writes(&world, &ann(), "Hello?").await;
        hours(&world).await;
        assert_eq!(
            words_to(&world, &ann()).len(),
            usize::from(is_tried_again),
            "{code}: {:?}",
            fates(&world).await
        );
        assert_eq!(
            tasks(&world).await == "not_answered",
            !is_tried_again,
            "{code}: {}",
            tasks(&world).await
        );
    }
}

#[tokio::test]
async fn refused_credentials_hold_everybody_back_and_cost_nobody_their_answer() {
    let world = world().await;
    world.meta.rotate_access_token("another");
    writes(&world, &ann(), "Hello?").await;
    assert_eq!(
        world
            .count("channels WHERE channel = 'whatsapp' AND breaker_open")
            .await,
        1
    );
    world.meta.rotate_access_token("the-whatsapp-key");
    hours(&world).await;
    assert_eq!(words_to(&world, &ann()).len(), 1, "{:?}", fates(&world).await);
}

#[tokio::test]
async fn a_thread_is_repaired_when_what_was_sent_could_not_be_written_into_it() {
    let world = world().await;
    world
        .database
        .sql("ALTER TABLE messages ADD CONSTRAINT out_of_order CHECK (author <> 'machine') NOT VALID")
        .await;
    replies(&world, "We open at nine.");
    writes(&world, &ann(), "When do you open?").await;
    assert_eq!(
        fates(&world).await,
        ["accepted"],
        "what was sent is never marked failed because of the inbox"
    );
    world
        .database
        .sql("ALTER TABLE messages DROP CONSTRAINT out_of_order")
        .await;
    world.sweep().await;
    assert!(
        thread(&world).await.ends_with("machine: We open at nine. (SENT)"),
        "{}",
        thread(&world).await
    );
    assert_eq!(words_to(&world, &ann()).len(), 1);
}
