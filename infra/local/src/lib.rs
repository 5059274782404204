//! x
pub mod sqs;
