//! Queues.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::referred;

/// What a queue's name starts with in the template: on one machine there is one stack.
const STACK_PREFIX: &str = "${AWS::StackName}-";
/// Not attributes of a queue in SQS's own interface, or written otherwise there.
const NOT_ATTRIBUTES: [&str; 3] = ["QueueName", "RedrivePolicy", "Tags"];

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name without the stack's.
    pub name: String,
    /// Where messages go that nobody could take.
    pub dead_letters: Option<DeadLetters>,
    attributes: BTreeMap<String, String>,
}

/// Where messages go that nobody could take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The queue's logical id.
    pub queue: String,
    /// After so many receives.
    pub max_receive_count: u32,
}

impl Queue {
    pub(super) fn read(logical_id: &str, properties: &Value) -> anyhow::Result<Self> {
        let name = &properties["QueueName"];
        let name = name["Fn::Sub"]
            .as_str()
            .or_else(|| name.as_str())
            .context("a queue needs its name")?;
        let mut attributes = BTreeMap::new();
        for (key, value) in properties.as_object().into_iter().flatten() {
            if !NOT_ATTRIBUTES.contains(&key.as_str()) {
                attributes.insert(
                    key.clone(),
                    text(value).with_context(|| format!("{key} is not a plain value"))?,
                );
            }
        }
        let dead_letters = match &properties["RedrivePolicy"] {
            Value::Null => None,
            policy => Some(dead_letters(policy)?),
        };
        Ok(Self {
            logical_id: logical_id.to_owned(),
            name: name.strip_prefix(STACK_PREFIX).unwrap_or(name).to_owned(),
            dead_letters,
            attributes,
        })
    }

    /// Whether it keeps the order of a group.
    pub fn is_fifo(&self) -> bool {
        self.attribute("FifoQueue") == Some("true")
    }

    /// A property as SQS spells its value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// What `CreateQueue` wants to be told, given the ARN of a queue by its logical id.
    pub fn attributes(&self, arn_of: impl Fn(&str) -> String) -> BTreeMap<String, String> {
        let mut attributes = self.attributes.clone();
        if let Some(dead_letters) = &self.dead_letters {
            let policy = json!({
                "deadLetterTargetArn": arn_of(&dead_letters.queue),
                "maxReceiveCount": dead_letters.max_receive_count,
            });
            attributes.insert("RedrivePolicy".to_owned(), policy.to_string());
        }
        attributes
    }
}

fn dead_letters(policy: &Value) -> anyhow::Result<DeadLetters> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct RedrivePolicy {
        dead_letter_target_arn: Value,
        max_receive_count: u32,
    }
    let policy: RedrivePolicy = serde_json::from_value(policy.clone()).context("RedrivePolicy")?;
    let queue = referred(&policy.dead_letter_target_arn)
        .context("deadLetterTargetArn names no queue of this stack")?;
    Ok(DeadLetters {
        queue: queue.to_owned(),
        max_receive_count: policy.max_receive_count,
    })
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => bail!("{value}"),
    })
}
