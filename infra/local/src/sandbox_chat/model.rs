//! A model that needs no electricity: it answers from the conversation, and the same each time.

use serde_json::{Value, json};

/// Words at which it leaves the customer to a person.
const FOR_A_PERSON: [&str; 9] = [
    "human",
    "person",
    "agent",
    "manager",
    "somebody real",
    "complain",
    "refund",
    "lawyer",
    "angry",
];
const QUOTED_CHARS_MAX: usize = 200;

/// What it says to a conversation, as the API has it.
pub(super) fn converse(messages: &[Value]) -> String {
    let said = |role: &str| {
        let turns = messages.iter().filter(|turn| turn["role"] == role);
        turns
            .filter_map(|turn| turn["content"].as_str())
            .collect::<Vec<_>>()
    };
    let asked = said("user");
    let last = asked.last().copied().unwrap_or_default();
    let folded = last.to_lowercase();
    if let Some(word) = FOR_A_PERSON.iter().find(|word| folded.contains(**word)) {
        return hand_over(&format!("the customer speaks of \u{201c}{word}\u{201d}"));
    }
    let quoted: String = last.trim().chars().take(QUOTED_CHARS_MAX).collect();
    let greeting = if asked.len() <= 1 {
        "Hello, and thank you for writing!"
    } else {
        "Thank you."
    };
    reply(&format!(
        "{greeting} You said: \u{201c}{quoted}\u{201d}. I am the sandbox's model, so this is all I can say; ask for a person to see a handover."
    ))
}

/// A reply in the form that the product asks for.
pub(super) fn reply(words: &str) -> String {
    json!({ "reply": words, "handover": null }).to_string()
}

/// A handover in the form that the product asks for.
pub(super) fn hand_over(reason: &str) -> String {
    json!({ "reply": null, "handover": reason }).to_string()
}
