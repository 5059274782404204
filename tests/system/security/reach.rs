//! A stack that is not production reaches nobody's real customers.

use local::settings::Settings;
use system_tests::{CALLER, DIAL_RESULT, LINE, OWNER, TestDatabase, World};

use super::{SID, call_form};

const COLLEAGUE: &str = "+14035550002";

async fn world_at(stage: &str, allowed: &str) -> World {
    let database = TestDatabase::new().await;
    let line =
        format!("INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')");
    database.sql(&line).await;
    let url = database.application_url().await;
    World::without_lines(database, url, |settings| {
        settings
            .with("SWITCHBOARD_STAGE", stage)
            .with("ALLOWED_RECIPIENTS", allowed)
    })
    .await
}

#[tokio::test]
async fn a_stack_that_is_not_production_reaches_only_who_is_on_its_list() {
    let somebody_else = format!("{COLLEAGUE}, {OWNER}");
    for (stage, allowed, job) in [
        ("preview", "", "suppressed: not_on_allow_list"),
        ("preview", somebody_else.as_str(), "suppressed: not_on_allow_list"),
        ("Production", "", "suppressed: not_on_allow_list"),
        ("production-2", ",", "suppressed: not_on_allow_list"),
        ("preview", CALLER, "accepted"),
        ("production", somebody_else.as_str(), "accepted"),
    ] {
        let world = world_at(stage, allowed).await;
        let missed = call_form(SID, &[("DialCallStatus", "no-answer")]);
        world.post_signed(DIAL_RESULT, missed).await;
        world.run_jobs().await;
        assert_eq!(world.job_of(SID).await, job, "{stage} {allowed}");
        assert_eq!(world.sends(), usize::from(job == "accepted"), "{stage} {allowed}");
    }
}

#[tokio::test]
async fn a_stack_that_does_not_know_what_it_is_does_not_start() {
    let reach = async |settings: Settings| settings.environment().await.expect("settings").reach().is_ok();
    let bare = Settings::new("http://127.0.0.1:9".to_owned());
    assert!(!reach(bare.clone()).await, "no stage");
    for (stage, allowed) in [
        ("", ""),
        (" ", ""),
        ("preview", "*"),
        ("preview", "+1403*"),
        ("preview", "everybody"),
    ] {
        let settings = bare
            .clone()
            .with("SWITCHBOARD_STAGE", stage)
            .with("ALLOWED_RECIPIENTS", allowed);
        assert!(!reach(settings).await, "{stage:?} {allowed}");
    }
    assert!(
        reach(bare.with("SWITCHBOARD_STAGE", "preview")).await,
        "nobody at all"
    );
}
