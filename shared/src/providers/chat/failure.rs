//! Why a model gave no answer that can be used.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::Provider;
use crate::providers::exchange::object_in;

/// How long a provider may ask us to wait: a customer waits too.
const WAIT_MAX: Duration = Duration::from_mins(2);

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// There was no time left.
    NoTime,
    /// No answer, or half of one.
    Unanswered,
    /// Overloaded or broken, for now.
    Unavailable,
    /// Too many requests, for now.
    Throttled,
    /// The account has no money left.
    OutOfMoney,
    /// The key was refused.
    Unauthorised,
    /// The request was refused: a model that there is not, a conversation too long. Ours to mend.
    Rejected,
    /// The model will not speak about it.
    Declined,
    /// Cut off in the middle of a sentence.
    Cut,
    /// Longer than can be sent.
    TooLong,
    /// Nothing that anybody could use.
    Unusable,
}

impl FailureKind {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unanswered | Self::Unavailable | Self::Throttled)
    }

    /// Whether it goes on until somebody does something.
    pub fn needs_operator(self) -> bool {
        matches!(self, Self::OutOfMoney | Self::Unauthorised | Self::Rejected)
    }

    /// For the person who reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoTime => "no time left",
            Self::Unanswered => "no answer",
            Self::Unavailable => "not available",
            Self::Throttled => "throttled",
            Self::OutOfMoney => "out of money",
            Self::Unauthorised => "the key was refused",
            Self::Rejected => "the request was refused",
            Self::Declined => "the model declined",
            Self::Cut => "cut off",
            Self::TooLong => "too long",
            Self::Unusable => "unusable",
        }
    }
}

/// One provider's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whose.
    pub provider: Provider,
    /// What went wrong.
    pub kind: FailureKind,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
}

/// Nobody gave an answer that can be used; each attempt, in order. A person has to answer, or nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// What went wrong, each time.
    pub failures: Vec<Failure>,
}

impl Unanswered {
    /// Whether it goes on until somebody does something.
    pub fn needs_operator(&self) -> bool {
        self.failures.iter().any(|failure| failure.kind.needs_operator())
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no model answered")?;
        for (at, failure) in self.failures.iter().enumerate() {
            let between = if at == 0 { ": " } else { ", " };
            write!(
                f,
                "{between}{} {}",
                failure.provider.as_str(),
                failure.kind.as_str()
            )?;
            if let Some(status) = failure.http_status {
                write!(f, " ({status})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unanswered {}

/// What an answer other than 200 means, and how long it asks us to wait.
///
/// As `OpenAI`'s own library has it; of DeepSeek's own there is 402, an empty balance.
pub fn failure_of(
    status: u16,
    should_retry: Option<&str>,
    retry_after_ms: Option<&str>,
    retry_after: Option<&str>,
    body: &[u8],
) -> (FailureKind, Option<Duration>) {
    let kind = match status {
        401 | 403 => FailureKind::Unauthorised,
        402 => FailureKind::OutOfMoney,
        429 if is_about_money(body) => FailureKind::OutOfMoney,
        429 => FailureKind::Throttled,
        408 | 409 | 500..=599 => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    };
    let kind = match should_retry {
        // They say that the same will fail again; so another may be asked, and not this one.
        Some("false") if kind.is_transient() => FailureKind::Rejected,
        Some("true") if kind == FailureKind::Rejected => FailureKind::Unavailable,
        _ => kind,
    };
    let told = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
    let seconds = told(retry_after_ms)
        .map(|milliseconds| milliseconds / 1000.0)
        .or_else(|| told(retry_after));
    let wait = seconds
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds)
                .unwrap_or(WAIT_MAX)
                .min(WAIT_MAX)
        });
    (kind, wait)
}

/// Whether a 429 is about a bill and not about a rate.
fn is_about_money(body: &[u8]) -> bool {
    let Some(error) = object_in(body).and_then(|mut body| body.remove("error")) else {
        return false;
    };
    ["code", "type"].iter().any(|name| {
        let word = error.get(name).and_then(Value::as_str).unwrap_or_default();
        word.contains("quota")
            || word.contains("billing")
            || word.contains("spend")
            || word.contains("balance")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> FailureKind {
        failure_of(status, None, None, None, body.as_bytes()).0
    }

    #[test]
    fn each_status_says_whether_asking_again_helps() {
        for status in [408, 409, 500, 502, 503, 504, 529] {
            assert!(kind(status, "<html>").is_transient(), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 413, 422, 301, 204] {
            let kind = kind(status, "{}");
            assert!(!kind.is_transient() && kind.needs_operator(), "{status}");
        }
        assert_eq!(kind(429, ""), FailureKind::Throttled);
        let limited = r#"{"error":{"type":"requests","code":"rate_limit_exceeded"}}"#;
        assert_eq!(kind(429, limited), FailureKind::Throttled);
        for code in ["insufficient_quota", "billing_hard_limit_reached", "spend_limit"] {
            let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
            assert_eq!(kind(429, &body), FailureKind::OutOfMoney, "{code}");
        }
    }

    #[test]
    fn what_a_provider_says_of_retrying_goes_before_its_status() {
        let kind = |status, should_retry| failure_of(status, Some(should_retry), None, None, b"").0;
        assert!(!kind(500, "false").is_transient() && !kind(429, "false").is_transient());
        assert!(kind(400, "true").is_transient());
        assert_eq!(kind(402, "true"), FailureKind::OutOfMoney);
    }

    #[test]
    fn a_wait_is_as_told_within_reason() {
        let wait = |ms, seconds| {
            failure_of(503, None, ms, seconds, b"")
                .1
                .map(|wait| wait.as_millis())
        };
        assert_eq!(wait(Some("250"), Some("9")), Some(250));
        assert_eq!(wait(None, Some("1.5")), Some(1_500));
        assert_eq!(wait(None, Some("1e300")), Some(120_000));
        for nonsense in ["", "soon", "-1", "NaN", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(wait(None, Some(nonsense)), None, "{nonsense}");
        }
    }

    #[test]
    fn what_went_wrong_can_be_read() {
        let failure = |provider, kind, http_status| Failure {
            provider,
            kind,
            http_status,
        };
        let unanswered = Unanswered {
            failures: vec![
                failure(Provider::DeepSeek, FailureKind::OutOfMoney, Some(402)),
                failure(Provider::OpenAi, FailureKind::NoTime, None),
            ],
        };
        assert_eq!(
            unanswered.to_string(),
            "no model answered: deepseek out of money (402), openai no time left"
        );
        assert!(unanswered.needs_operator());
    }
}
