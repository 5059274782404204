//! What SQS says when it will not do something.

use std::fmt;

/// A request that was understood and turned down, in the service's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule was broken.
    pub code: Code,
    /// What a person reads.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.query_code(), self.message)
    }
}

impl std::error::Error for Refusal {}

/// The error codes of SQS that this stand-in can answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "they are the names that the SQS API reference explains"
)]
pub enum Code {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    PurgeQueueInProgress,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    ResourceNotFoundException,
    SerializationException,
    ServiceUnavailable,
    TooManyEntriesInBatchRequest,
    UnknownOperationException,
}

impl Code {
    /// A refusal with this code.
    pub fn because(self, message: impl Into<String>) -> Refusal {
        Refusal {
            code: self,
            message: message.into(),
        }
    }

    /// The error's shape in the JSON protocol.
    pub(super) fn shape(self) -> String {
        match self {
            // SQS leaves these to the framework it is built on, and the framework has its own names.
            Self::InvalidParameterValue => {
                "com.amazon.coral.service#InvalidParameterValueException".to_owned()
            }
            Self::MissingParameter => "com.amazon.coral.service#MissingRequiredParameterException".to_owned(),
            Self::SerializationException | Self::ServiceUnavailable | Self::UnknownOperationException => {
                format!("com.amazon.coral.service#{self:?}")
            }
            _ => format!("com.amazonaws.sqs#{self:?}"),
        }
    }

    /// The code of the older query protocol. Every SDK still reports errors by it, so that programs
    /// written before the JSON protocol keep working.
    pub(super) fn query_code(self) -> String {
        match self {
            Self::QueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            Self::QueueNameExists => "QueueAlreadyExists".to_owned(),
            Self::BatchEntryIdsNotDistinct
            | Self::BatchRequestTooLong
            | Self::EmptyBatchRequest
            | Self::InvalidBatchEntryId
            | Self::MessageNotInflight
            | Self::PurgeQueueInProgress
            | Self::TooManyEntriesInBatchRequest => format!("AWS.SimpleQueueService.{self:?}"),
            _ => format!("{self:?}"),
        }
    }

    /// Whether the service is at fault and not the caller; an SDK retries these.
    pub(super) fn is_ours(self) -> bool {
        self == Self::ServiceUnavailable
    }
}

/// A parameter whose value breaks a rule.
pub(super) fn invalid(parameter: &str, value: &str, reason: &str) -> Refusal {
    Code::InvalidParameterValue.because(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    ))
}

/// A parameter that must be there and is not.
pub(super) fn missing(parameter: &str) -> Refusal {
    Code::MissingParameter.because(format!("The request must contain the parameter {parameter}."))
}
