//! A completion, as both providers write it.
//!
//! <https://platform.openai.com/docs/api-reference/chat/object>, <https://api-docs.deepseek.com/api/create-chat-completion>.

use std::fmt;

use serde_json::Value;

use super::FailureKind;
use crate::providers::exchange::object_in;

/// What a model said, to its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Completion {
    /// Its words. What it thought beforehand (`reasoning_content`) is not among them.
    pub content: String,
    /// Which model it was, by the provider's word.
    pub model: Option<String>,
    /// What it cost.
    pub usage: Usage,
}

/// Without what was said.
impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("model", &self.model)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

/// What is paid for; zero if nobody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// What the model read.
    pub prompt_tokens: u64,
    /// What it wrote, and thought.
    pub completion_tokens: u64,
}

/// Reads the body of a 200: whole words, of a model that came to its end and did not decline. A server under load sends
/// blank lines before it begins.
pub fn completion(body: &[u8]) -> Result<Completion, FailureKind> {
    let body = object_in(body).ok_or(FailureKind::Unanswered)?;
    let choice = body.get("choices").and_then(|choices| choices.get(0));
    let choice = choice.ok_or(FailureKind::Unusable)?;
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("stop") => {}
        Some("length") => return Err(FailureKind::Cut),
        Some("content_filter") => return Err(FailureKind::Declined),
        Some("insufficient_system_resource") => return Err(FailureKind::Unavailable),
        _ => return Err(FailureKind::Unusable),
    }
    let message = choice.get("message").ok_or(FailureKind::Unusable)?;
    if message.get("refusal").is_some_and(|refusal| !refusal.is_null()) {
        return Err(FailureKind::Declined);
    }
    let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
    if content.trim().is_empty() {
        return Err(FailureKind::Unusable);
    }
    let tokens = |name: &str| {
        let count = body.get("usage").and_then(|usage| usage.get(name));
        count.and_then(Value::as_u64).unwrap_or_default()
    };
    let model = body.get("model").and_then(Value::as_str);
    let is_name = |byte: u8| byte.is_ascii_graphic();
    Ok(Completion {
        content: content.to_owned(),
        model: model
            .filter(|model| model.len() <= 100 && model.bytes().all(is_name))
            .map(str::to_owned),
        usage: Usage {
            prompt_tokens: tokens("prompt_tokens"),
            completion_tokens: tokens("completion_tokens"),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(finish_reason: &Value, message: &Value) -> Result<Completion, FailureKind> {
        let body = json!({
            "id": "1", "object": "chat.completion", "model": "deepseek-flash",
            "choices": [{ "index": 0, "finish_reason": finish_reason, "message": message }],
            "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
        });
        completion(format!("\n\n\r\n {body}\n").as_bytes())
    }

    #[test]
    fn whole_words_are_taken_with_what_they_cost() {
        let completion = said(
            &json!("stop"),
            &json!({ "role": "assistant", "content": "Hi", "refusal": null, "reasoning_content": "secret" }),
        );
        let completion = completion.expect("a completion");
        assert_eq!(
            (completion.content.as_str(), completion.model.as_deref()),
            ("Hi", Some("deepseek-flash"))
        );
        let usage = Usage {
            prompt_tokens: 12,
            completion_tokens: 3,
        };
        assert_eq!(completion.usage, usage);
        assert!(!format!("{completion:?}").contains("Hi"));
    }

    #[test]
    fn half_words_and_no_words_are_none() {
        let hi = || json!({ "content": "Hi" });
        for (reason, message, kind) in [
            (json!("length"), hi(), FailureKind::Cut),
            (json!("content_filter"), hi(), FailureKind::Declined),
            (
                json!("insufficient_system_resource"),
                hi(),
                FailureKind::Unavailable,
            ),
            (json!("tool_calls"), hi(), FailureKind::Unusable),
            (json!(null), hi(), FailureKind::Unusable),
            (
                json!("stop"),
                json!({ "content": "Hi", "refusal": "I cannot" }),
                FailureKind::Declined,
            ),
            (json!("stop"), json!({ "content": null }), FailureKind::Unusable),
            (json!("stop"), json!({ "content": " \n" }), FailureKind::Unusable),
            (json!("stop"), json!({ "content": ["Hi"] }), FailureKind::Unusable),
            (json!("stop"), json!(null), FailureKind::Unusable),
        ] {
            assert_eq!(said(&reason, &message).err(), Some(kind), "{reason} {message}");
        }
        for (body, kind) in [
            ("", FailureKind::Unanswered),
            ("\n\n\n", FailureKind::Unanswered),
            ("{\"choices\":", FailureKind::Unanswered),
            ("<html>", FailureKind::Unanswered),
            ("{}", FailureKind::Unusable),
            ("{\"choices\":[]}", FailureKind::Unusable),
        ] {
            assert_eq!(completion(body.as_bytes()).err(), Some(kind), "{body}");
        }
    }
}
