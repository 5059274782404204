//! Claims about the sandbox, checked through real HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Behaviour, Provider, SandboxChat, SandboxChatConfig};
use crate::sandbox::webhooks::client;

async fn chat() -> SandboxChat {
    SandboxChat::start(SandboxChatConfig::default())
        .await
        .expect("a free port")
}

fn request(words: &str) -> Value {
    json!({
        "model": "any",
        "messages": [{ "role": "system", "content": "Answer in JSON." }, { "role": "user", "content": words }],
        "response_format": { "type": "json_object" },
    })
}

async fn post(chat: &SandboxChat, provider: Provider, body: &Value) -> Option<(u16, Value)> {
    let request = client()
        .expect("a client")
        .post(format!("{}/chat/completions", chat.base_url(provider)))
        .bearer_auth(chat.key(provider))
        .timeout(Duration::from_secs(1))
        .body(body.to_string());
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or_default()))
}

fn said(answer: Option<(u16, Value)>) -> Value {
    let (status, body) = answer.expect("an answer");
    assert_eq!(
        (status, &body["choices"][0]["finish_reason"]),
        (200, &json!("stop"))
    );
    let content = body["choices"][0]["message"]["content"].as_str().expect("words");
    serde_json::from_str(content).expect("the form that was asked for")
}

#[tokio::test]
async fn it_answers_from_the_conversation_and_leaves_people_to_people() {
    let chat = chat().await;
    for provider in [Provider::DeepSeek, Provider::OpenAi] {
        let answer = said(post(&chat, provider, &request("Do you open on Monday?")).await);
        assert!(
            answer["reply"]
                .as_str()
                .expect("a reply")
                .contains("Do you open on Monday?")
        );
        let answer = said(post(&chat, provider, &request("I want a HUMAN")).await);
        assert!(
            answer["reply"].is_null() && answer["handover"].is_string(),
            "{answer}"
        );
    }
    let [first, ..] = &chat.requests()[..] else {
        panic!("four requests")
    };
    assert_eq!(first.said_by("user"), ["Do you open on Monday?"]);
    assert_eq!(
        (first.provider, first.authorised),
        (Some(Provider::DeepSeek), true)
    );
    assert_eq!(chat.requests_to(Provider::OpenAi).len(), 2);
}

#[tokio::test]
async fn what_the_api_does_not_allow_is_refused() {
    let chat = chat().await;
    let status = async |body: Value| post(&chat, Provider::OpenAi, &body).await.expect("an answer").0;
    assert_eq!(status(json!({})).await, 400);
    assert_eq!(status(json!({ "model": "m", "messages": [] })).await, 400);
    assert_eq!(
        status(json!({ "model": "m", "messages": [{ "role": "user" }] })).await,
        400
    );
    let mut wordless = request("Hi");
    wordless["messages"][0]["content"] = json!("Answer.");
    assert_eq!(status(wordless).await, 400);
    chat.rotate_key(Provider::OpenAi, "another");
    let request_with_old_key = client()
        .expect("a client")
        .post(format!("{}/chat/completions", chat.base_url(Provider::OpenAi)))
        .bearer_auth("test-openai-key")
        .send();
    assert_eq!(request_with_old_key.await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn it_fails_as_it_is_told_to() {
    let chat = chat().await;
    let hi = request("Hi");
    chat.on_every(Provider::DeepSeek, Behaviour::fail(402, "insufficient_balance"));
    for (behaviour, heard) in [
        (Behaviour::Reset, None),
        (Behaviour::Garbled, Some(200)),
        (Behaviour::Decline, Some(200)),
        (Behaviour::fail(429, "insufficient_quota"), Some(429)),
        (
            Behaviour::BlankLines {
                every: Duration::from_millis(20),
            },
            None,
        ),
    ] {
        chat.on_next(Provider::DeepSeek, behaviour.clone());
        let answer = post(&chat, Provider::DeepSeek, &hi).await;
        assert_eq!(answer.map(|(status, _)| status), heard, "{behaviour:?}");
    }
    let answer = post(&chat, Provider::DeepSeek, &hi).await.expect("an answer");
    assert_eq!(
        (answer.0, &answer.1["error"]["code"]),
        (402, &json!("insufficient_balance"))
    );
    chat.on_next(
        Provider::OpenAi,
        Behaviour::BlankLinesThen {
            lines: 100,
            reply: "At last".to_owned(),
        },
    );
    assert_eq!(said(post(&chat, Provider::OpenAi, &hi).await)["reply"], "At last");
}
