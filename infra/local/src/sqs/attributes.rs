//! What a queue is told when it is made, and may be told again later.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::refusal::{Code, Refusal};
use super::{arn, name_in_arn};

/// A queue's settings. The defaults are those of a standard queue in SQS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// First in, first out, and each message accepted once; decided for ever when the queue is made.
    pub fifo: bool,
    /// A message that brings no deduplication ID is known by the hash of its body.
    pub content_based_deduplication: bool,
    /// How far one deduplication ID reaches.
    pub deduplication_scope: Scope,
    /// What the real service counts its throughput by; kept, but nothing is throttled here.
    pub throughput_limit: Scope,
    /// How long a new message is held back.
    pub delay: Duration,
    /// How long a received message stays hidden, unless its receiver says otherwise.
    pub visibility_timeout: Duration,
    /// How long an empty receive waits, unless the receiver says otherwise.
    pub receive_wait: Duration,
    /// How long a message that nobody deletes is kept.
    pub retention: Duration,
    /// The largest message, attributes included.
    pub message_bytes_max: usize,
    /// Where messages go that nobody manages to handle.
    pub redrive: Option<RedrivePolicy>,
    /// Attributes that are kept and told again but have no meaning here: keys, policies, encryption.
    pub others: BTreeMap<String, String>,
}

/// What a deduplication ID, or a throughput quota, is counted within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole queue.
    Queue,
    /// Each message group by itself.
    MessageGroup,
}

/// When to give up on a message, and where to keep it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The name of the dead-letter queue.
    pub dead_letter_queue: String,
    /// How often a message is received before it is given up.
    pub max_receive_count: u32,
}

/// The largest message, and the largest batch, that SQS takes.
pub(super) const REQUEST_BYTES_MAX: usize = 1024 * 1024;

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            fifo: false,
            content_based_deduplication: false,
            deduplication_scope: Scope::Queue,
            throughput_limit: Scope::Queue,
            delay: Duration::ZERO,
            visibility_timeout: Duration::from_secs(30),
            receive_wait: Duration::ZERO,
            retention: Duration::from_hours(4 * 24),
            message_bytes_max: REQUEST_BYTES_MAX,
            redrive: None,
            others: BTreeMap::new(),
        }
    }
}

impl QueueAttributes {
    /// A FIFO queue with the service's defaults.
    pub fn fifo() -> Self {
        Self {
            fifo: true,
            ..Self::default()
        }
    }

    /// Reads attributes as `CreateQueue` and templates spell them: SQS's names, every value as text.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut pairs: BTreeMap<&str, &str> = pairs.into_iter().collect();
        let mut attributes = match pairs.remove("FifoQueue") {
            None => Self::default(),
            Some("true") => Self::fifo(),
            // As the real service: a standard queue is one that does not mention it.
            Some(_) => return Err(unknown_attribute("FifoQueue")),
        };
        attributes.change(pairs)?;
        Ok(attributes)
    }

    /// Changes some attributes, or none if one of them is refused.
    pub(super) fn change<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), Refusal> {
        let mut changed = self.clone();
        for (name, value) in pairs {
            changed.set(name, value)?;
        }
        if changed.throughput_limit == Scope::MessageGroup && changed.deduplication_scope == Scope::Queue {
            return Err(invalid_attribute("FifoThroughputLimit"));
        }
        *self = changed;
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let number = |least: u64, most: u64| {
            let number = value
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| invalid_attribute(name))
        };
        let seconds = |least, most| number(least, most).map(Duration::from_secs);
        match name {
            "DelaySeconds" => self.delay = seconds(0, 900)?,
            "VisibilityTimeout" => self.visibility_timeout = seconds(0, 43_200)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait = seconds(0, 20)?,
            "MessageRetentionPeriod" => self.retention = seconds(60, 1_209_600)?,
            "MaximumMessageSize" => {
                let most = u64::try_from(REQUEST_BYTES_MAX).expect("a mebibyte fits");
                self.message_bytes_max = usize::try_from(number(1024, most)?).expect("a mebibyte fits");
            }
            "RedrivePolicy" => self.redrive = redrive_policy(value)?,
            "ContentBasedDeduplication" if self.fifo => {
                self.content_based_deduplication = value.parse().map_err(|_| invalid_attribute(name))?;
            }
            "DeduplicationScope" if self.fifo => {
                self.deduplication_scope = scope(name, value, ["queue", "messageGroup"])?;
            }
            "FifoThroughputLimit" if self.fifo => {
                self.throughput_limit = scope(name, value, ["perQueue", "perMessageGroupId"])?;
            }
            "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds"
            | "Policy"
            | "RedriveAllowPolicy"
            | "SqsManagedSseEnabled" => {
                self.others.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(unknown_attribute(name)),
        }
        Ok(())
    }

    /// The attributes as `GetQueueAttributes` tells them.
    pub(super) fn described(&self) -> BTreeMap<String, String> {
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let mut told = self.others.clone();
        let mut tell = |name: &str, value: String| told.insert(name.to_owned(), value);
        tell("DelaySeconds", seconds(self.delay));
        tell("VisibilityTimeout", seconds(self.visibility_timeout));
        tell("ReceiveMessageWaitTimeSeconds", seconds(self.receive_wait));
        tell("MessageRetentionPeriod", seconds(self.retention));
        tell("MaximumMessageSize", self.message_bytes_max.to_string());
        if let Some(policy) = &self.redrive {
            let policy = json!({
                "deadLetterTargetArn": arn(&policy.dead_letter_queue),
                "maxReceiveCount": policy.max_receive_count,
            });
            tell("RedrivePolicy", policy.to_string());
        }
        if self.fifo {
            let pick = |scope, names: [&str; 2]| names[usize::from(scope == Scope::MessageGroup)].to_owned();
            tell("FifoQueue", "true".to_owned());
            tell(
                "ContentBasedDeduplication",
                self.content_based_deduplication.to_string(),
            );
            tell(
                "DeduplicationScope",
                pick(self.deduplication_scope, ["queue", "messageGroup"]),
            );
            tell(
                "FifoThroughputLimit",
                pick(self.throughput_limit, ["perQueue", "perMessageGroupId"]),
            );
        }
        told
    }
}

fn scope(attribute: &str, value: &str, [queue, group]: [&str; 2]) -> Result<Scope, Refusal> {
    match value {
        _ if value == queue => Ok(Scope::Queue),
        _ if value == group => Ok(Scope::MessageGroup),
        _ => Err(invalid_attribute(attribute)),
    }
}

/// An empty policy takes the queue's dead-letter queue away.
fn redrive_policy(text: &str) -> Result<Option<RedrivePolicy>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = || {
        super::refusal::invalid(
            "RedrivePolicy",
            text,
            "Amazon SQS can't create the redrive policy.",
        )
    };
    let policy: Value = serde_json::from_str(text).map_err(|_| refused())?;
    let target = policy["deadLetterTargetArn"]
        .as_str()
        .and_then(name_in_arn)
        .ok_or_else(refused)?;
    // Consoles write the number, templates and older tools write it as text; SQS takes both.
    let count = match &policy["maxReceiveCount"] {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|count| u32::try_from(count).ok()),
    };
    let max_receive_count = count
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(refused)?;
    Ok(Some(RedrivePolicy {
        dead_letter_queue: target.to_owned(),
        max_receive_count,
    }))
}

fn invalid_attribute(name: &str) -> Refusal {
    Code::InvalidAttributeValue.because(format!("Invalid value for the parameter {name}."))
}

fn unknown_attribute(name: &str) -> Refusal {
    Code::InvalidAttributeName.because(format!("Unknown Attribute {name}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_queue_tells_of_itself_makes_the_same_queue_again() {
        let told = [
            ("ContentBasedDeduplication", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("DelaySeconds", "3"),
            ("FifoQueue", "true"),
            ("FifoThroughputLimit", "perMessageGroupId"),
            ("MaximumMessageSize", "2048"),
            ("MessageRetentionPeriod", "1209600"),
            ("ReceiveMessageWaitTimeSeconds", "20"),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":5}"#,
            ),
            ("SqsManagedSseEnabled", "true"),
            ("VisibilityTimeout", "360"),
        ];
        let attributes = QueueAttributes::from_pairs(told).unwrap();
        let described = attributes.described();
        assert_eq!(
            described
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect::<Vec<_>>(),
            told
        );
    }

    #[test]
    fn a_standard_queue_knows_no_fifo_attribute() {
        let refused = QueueAttributes::from_pairs([("DeduplicationScope", "queue")]).unwrap_err();
        assert_eq!(refused.code, Code::InvalidAttributeName);
    }

    #[test]
    fn one_refused_attribute_changes_nothing() {
        let mut attributes = QueueAttributes::fifo();
        let refused = attributes
            .change([("DelaySeconds", "5"), ("VisibilityTimeout", "43201")])
            .unwrap_err();
        assert_eq!(refused.code, Code::InvalidAttributeValue);
        assert_eq!(attributes, QueueAttributes::fifo());
    }

    #[test]
    fn throughput_per_group_needs_deduplication_per_group() {
        let pairs = [
            ("FifoQueue", "true"),
            ("FifoThroughputLimit", "perMessageGroupId"),
        ];
        assert_eq!(
            QueueAttributes::from_pairs(pairs).unwrap_err().code,
            Code::InvalidAttributeValue
        );
    }
}
