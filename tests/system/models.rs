//! Models as the product asks them, by the record of what they were told.

use std::time::{Duration, Instant};

use local::sandbox_chat::{Behaviour, Provider as Asked, SandboxChat, SandboxChatConfig};
use local::settings::Settings;
use shared::providers::chat::{Client, Decision, FailureKind, Provider, Question, Role, Turn};

const DEADLINE: Duration = Duration::from_secs(5);

/// Models, and a client that knows both.
async fn models() -> (SandboxChat, Client) {
    let chat = SandboxChat::start(SandboxChatConfig::default())
        .await
        .expect("the models");
    let client = client_of(&chat, &[Asked::DeepSeek, Asked::OpenAi]).await;
    (chat, client)
}

async fn client_of(chat: &SandboxChat, known: &[Asked]) -> Client {
    let mut settings = Settings::new("http://127.0.0.1:9".to_owned());
    for provider in known {
        let name = match provider {
            Asked::DeepSeek => "DEEPSEEK",
            Asked::OpenAi => "OPENAI",
        };
        settings = settings
            .with(&format!("{name}_API_KEY"), chat.key(*provider))
            .with(&format!("{name}_API_BASE_URL"), chat.base_url(*provider));
    }
    let environment = settings.environment().await.expect("settings");
    environment.chat().expect("well formed").expect("somebody to ask")
}

fn question(words: &str) -> Question {
    Question {
        instructions: "You answer for Acme Plumbing.".to_owned(),
        turns: vec![Turn {
            role: Role::Customer,
            text: words.to_owned(),
        }],
        reply_chars_max: 1_000,
    }
}

fn kinds(failures: &[shared::providers::chat::Failure]) -> Vec<(Provider, FailureKind)> {
    failures
        .iter()
        .map(|failure| (failure.provider, failure.kind))
        .collect()
}

#[tokio::test]
async fn the_first_model_answers_and_is_told_what_it_needs() {
    let (chat, client) = models().await;
    let answer = client
        .answer(&question("Do you open on Monday?"), DEADLINE)
        .await
        .expect("an answer");
    assert!(matches!(&answer.decision, Decision::Reply(reply) if reply.contains("Do you open on Monday?")));
    assert_eq!(
        (answer.provider, answer.model.as_str()),
        (Provider::DeepSeek, "deepseek-flash")
    );
    assert!(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
    let [request] = &chat.requests()[..] else {
        panic!("one request")
    };
    assert!(request.said_by("system")[0].starts_with("You answer for Acme Plumbing."));
    assert_eq!(request.said_by("user"), ["Do you open on Monday?"]);
    assert_eq!(request.body["thinking"]["type"], "disabled");
    assert_eq!(request.body["stream"], false);

    let answer = client
        .answer(&question("Give me a human"), DEADLINE)
        .await
        .expect("an answer");
    assert!(matches!(answer.decision, Decision::HandOver { .. }));
}

#[tokio::test]
async fn whatever_the_first_one_does_the_second_one_is_asked() {
    let (chat, client) = models().await;
    for (behaviour, kind) in [
        (
            Behaviour::fail(402, "insufficient_balance"),
            FailureKind::OutOfMoney,
        ),
        (Behaviour::fail(401, "invalid_api_key"), FailureKind::Unauthorised),
        (
            Behaviour::fail(429, "rate_limit_exceeded"),
            FailureKind::Throttled,
        ),
        (
            Behaviour::fail(429, "insufficient_quota"),
            FailureKind::OutOfMoney,
        ),
        (Behaviour::fail(503, "overloaded"), FailureKind::Unavailable),
        (Behaviour::fail(404, "model_not_found"), FailureKind::Rejected),
        (Behaviour::Reset, FailureKind::Unanswered),
        (Behaviour::Garbled, FailureKind::Unanswered),
        (Behaviour::Huge { bytes: 5_000_000 }, FailureKind::Unanswered),
        (Behaviour::Decline, FailureKind::Declined),
        (
            Behaviour::Say("{\"reply\": \"half".to_owned()),
            FailureKind::Unusable,
        ),
        (Behaviour::Reply("x".repeat(1_001)), FailureKind::TooLong),
        (
            Behaviour::End {
                words: "half".to_owned(),
                reason: "length".to_owned(),
            },
            FailureKind::Cut,
        ),
        (
            Behaviour::Redirect {
                http: 307,
                to: "http://127.0.0.1:9/".to_owned(),
            },
            FailureKind::Rejected,
        ),
    ] {
        chat.forget();
        chat.on_next(Asked::DeepSeek, behaviour.clone());
        let answer = client.answer(&question("Hi"), DEADLINE).await.expect("an answer");
        assert_eq!(answer.provider, Provider::OpenAi, "{behaviour:?}");
        assert_eq!(
            kinds(&answer.failures),
            [(Provider::DeepSeek, kind)],
            "{behaviour:?}"
        );
        assert_eq!(chat.requests().len(), 2, "{behaviour:?}");
        let last = &chat.requests()[1].body;
        assert!(last.get("thinking").is_none() && last.get("max_tokens").is_none());
    }
}

#[tokio::test]
async fn blank_lines_for_ever_end_with_the_deadline() {
    let (chat, client) = models().await;
    let every = Duration::from_millis(20);
    chat.on_every(Asked::DeepSeek, Behaviour::BlankLines { every });
    let answer = client
        .answer(&question("Hi"), Duration::from_secs(2))
        .await
        .expect("an answer");
    assert_eq!(
        answer.provider,
        Provider::OpenAi,
        "half of the time was left for it"
    );

    chat.on_every(Asked::OpenAi, Behaviour::BlankLines { every });
    let begun = Instant::now();
    let unanswered = client
        .answer(&question("Hi"), Duration::from_secs(2))
        .await
        .expect_err("no answer");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(!unanswered.needs_operator(), "{unanswered}");

    let lines = Behaviour::BlankLinesThen {
        lines: 1_000,
        reply: "At last".to_owned(),
    };
    chat.on_every(Asked::DeepSeek, lines);
    let answer = client.answer(&question("Hi"), DEADLINE).await.expect("an answer");
    assert_eq!(answer.decision, Decision::Reply("At last".to_owned()));
}

#[tokio::test]
async fn the_last_one_is_asked_once_more_where_that_may_help_and_never_oftener() {
    let chat = SandboxChat::start(SandboxChatConfig::default())
        .await
        .expect("the models");
    let client = client_of(&chat, &[Asked::DeepSeek]).await;
    chat.on_next(Asked::DeepSeek, Behaviour::fail(503, "overloaded"));
    let answer = client.answer(&question("Hi"), DEADLINE).await.expect("an answer");
    assert_eq!((answer.failures.len(), chat.requests().len()), (1, 2));

    for (behaviour, requests) in [
        (Behaviour::fail(503, "overloaded"), 2),
        (Behaviour::Reset, 2),
        (Behaviour::fail(402, "insufficient_balance"), 1),
        (Behaviour::Decline, 1),
        (
            Behaviour::Fail {
                http: 429,
                body: String::new(),
                headers: vec![("retry-after", "60".to_owned())],
            },
            1,
        ),
        (
            Behaviour::Fail {
                http: 500,
                body: String::new(),
                headers: vec![("x-should-retry", "false".to_owned())],
            },
            1,
        ),
    ] {
        chat.forget();
        chat.on_every(Asked::DeepSeek, behaviour.clone());
        let unanswered = client
            .answer(&question("Hi"), DEADLINE)
            .await
            .expect_err("no answer");
        assert_eq!(chat.requests().len(), requests, "{behaviour:?}: {unanswered}");
    }
}

#[tokio::test]
async fn a_business_without_a_key_has_nobody_to_ask() {
    let settings = Settings::new("http://127.0.0.1:9".to_owned()).with("DEEPSEEK_API_KEY", " ");
    let environment = settings.environment().await.expect("settings");
    assert!(environment.chat().expect("well formed").is_none());
}
