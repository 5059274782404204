//! What a model is asked.

use std::fmt;

use serde_json::{Value, json};

use super::answer::PROTOCOL;

/// What a model is given of a conversation, its newest part: some fifty messages, or six thousand words.
const CONVERSATION_CHARS_MAX: usize = 24_000;
/// And of one message.
const TURN_CHARS_MAX: usize = 4_000;

/// A conversation that waits for an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// Who the model is, what it knows and what it may promise. No secrets: a customer can make it say all of it.
    pub instructions: String,
    /// What was said, oldest first.
    pub turns: Vec<Turn>,
    /// The longest reply that can be used.
    pub reply_chars_max: usize,
}

/// Without what was said.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("turns", &self.turns.len())
            .finish_non_exhaustive()
    }
}

/// One message of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What.
    pub text: String,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The customer.
    Customer,
    /// The business: a person or the model.
    Business,
}

impl Question {
    /// As the API has it. What does not fit is left out, the oldest first; the last message always stands.
    pub(super) fn messages(&self) -> Vec<Value> {
        let mut left = CONVERSATION_CHARS_MAX;
        let mut kept = Vec::new();
        for turn in self.turns.iter().rev() {
            let text: String = turn.text.chars().take(TURN_CHARS_MAX).collect();
            let length = text.chars().count();
            if !kept.is_empty() && length > left {
                break;
            }
            left = left.saturating_sub(length);
            if text.trim().is_empty() {
                continue;
            }
            let role = match turn.role {
                Role::Customer => "user",
                Role::Business => "assistant",
            };
            kept.push(json!({ "role": role, "content": text }));
        }
        kept.push(
            json!({ "role": "system", "content": format!("{}\n\n{PROTOCOL}", self.instructions.trim()) }),
        );
        kept.reverse();
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: Role, text: &str) -> Turn {
        Turn {
            role,
            text: text.to_owned(),
        }
    }

    fn contents(turns: Vec<Turn>) -> Vec<(String, usize)> {
        let question = Question {
            instructions: "Be kind.".to_owned(),
            turns,
            reply_chars_max: 1_000,
        };
        let messages = question.messages().into_iter();
        messages
            .map(|message| {
                let content = message["content"].as_str().expect("words");
                (
                    message["role"].as_str().expect("a role").to_owned(),
                    content.chars().count(),
                )
            })
            .collect()
    }

    #[test]
    fn the_newest_part_of_a_conversation_is_what_a_model_sees() {
        let system = "Be kind.".len() + 2 + PROTOCOL.chars().count();
        let short = contents(vec![
            said(Role::Customer, "Hi"),
            said(Role::Business, " "),
            said(Role::Business, "Hello"),
        ]);
        assert_eq!(
            short,
            [
                ("system".to_owned(), system),
                ("user".to_owned(), 2),
                ("assistant".to_owned(), 5)
            ]
        );
        let long = contents(vec![said(Role::Customer, &"é".repeat(9_000)); 50]);
        assert_eq!(long.len(), 1 + CONVERSATION_CHARS_MAX / TURN_CHARS_MAX);
        assert!(long[1..].iter().all(|(_, length)| *length == TURN_CHARS_MAX));
        assert_eq!(contents(vec![]).len(), 1);
    }
}
