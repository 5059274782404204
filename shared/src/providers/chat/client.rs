//! Asking models, one after the other, within one deadline.

use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{Decision, read as read_decision};
use super::completion::{Completion, Usage, completion};
use super::failure::{Failure, FailureKind, Unanswered, failure_of};
use super::question::Question;
use crate::platform::gate::{Gate, Operation, Severed};
use crate::platform::http_client::{self, read_capped};
use crate::providers::exchange::parse_base;

/// A reply of four thousand characters, with what stands around it.
const COMPLETION_TOKENS_MAX: u32 = 1_500;
/// With the blank lines that come before it.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Less than this is not worth asking in.
const WORTH_ASKING: Duration = Duration::from_millis(500);
/// Between an attempt and its repetition, unless somebody says otherwise; up to twice as long, by chance.
const BACKOFF: Duration = Duration::from_millis(250);

/// Who runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// <https://api-docs.deepseek.com>
    DeepSeek,
    /// <https://platform.openai.com/docs>
    OpenAi,
}

impl Provider {
    /// As logged and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeepSeek => "deepseek",
            Self::OpenAi => "openai",
        }
    }

    /// What only this one understands. DeepSeek thinks unless it is told not to, and a customer waits;
    /// `OpenAI` has another name for the same limit and refuses the old one.
    fn dialect(self, body: &mut Value) {
        match self {
            Self::DeepSeek => {
                body["max_tokens"] = COMPLETION_TOKENS_MAX.into();
                body["thinking"] = json!({ "type": "disabled" });
            }
            Self::OpenAi => {
                body["max_completion_tokens"] = COMPLETION_TOKENS_MAX.into();
                body["store"] = false.into();
            }
        }
    }
}

/// Where a model can be asked.
pub struct Endpoint {
    provider: Provider,
    base: Url,
    model: String,
    key: Box<dyn Fn() -> SecretString + Send + Sync>,
}

impl Endpoint {
    /// The key is asked for at every request, so that a rotated one counts at once.
    pub fn new(
        provider: Provider,
        base_url: &str,
        model: String,
        key: impl Fn() -> SecretString + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            provider,
            base: parse_base(base_url)?,
            model,
            key: Box::new(key),
        })
    }
}

/// Models, in the order in which they are asked.
pub struct Client {
    endpoints: Vec<Endpoint>,
    http: reqwest::Client,
    gate: Gate,
}

/// What a model decided, and which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What.
    pub decision: Decision,
    /// Whose model.
    pub provider: Provider,
    /// Which of theirs, by their word.
    pub model: String,
    /// What it cost; attempts that failed may have cost something too.
    pub usage: Usage,
    /// What failed before.
    pub failures: Vec<Failure>,
}

impl Client {
    /// Asks these, in this order.
    pub fn new(endpoints: Vec<Endpoint>, gate: Gate) -> anyhow::Result<Self> {
        anyhow::ensure!(!endpoints.is_empty(), "nobody to ask");
        Ok(Self {
            endpoints,
            http: http_client::for_reading()?,
            gate,
        })
    }

    /// An answer, within `deadline` from now, whatever anybody does: a server that sends a blank line every second
    /// ends with it too.
    ///
    /// Each is asked once, and whoever has others behind them gets half of the time that is left. The last is asked
    /// once more if that may help.
    pub async fn answer(&self, question: &Question, deadline: Duration) -> Result<Answer, Unanswered> {
        let ends_at = Instant::now() + deadline;
        let left = || ends_at.saturating_duration_since(Instant::now());
        let mut failures = Vec::new();
        let last = self.endpoints.len() - 1;
        let turns = (0..=last).chain([last]);
        for (turn_no, at) in turns.enumerate() {
            let endpoint = &self.endpoints[at];
            let is_again = turn_no > last;
            let time = if at < last { left() / 2 } else { left() };
            let failed = |kind, http_status| Failure {
                provider: endpoint.provider,
                kind,
                http_status,
            };
            if time < WORTH_ASKING {
                failures.push(failed(FailureKind::NoTime, None));
                if at < last {
                    continue;
                }
                break;
            }
            match self.ask(endpoint, question, time).await {
                Ok((decision, said)) => {
                    return Ok(Answer {
                        decision,
                        provider: endpoint.provider,
                        model: said.model.unwrap_or_else(|| endpoint.model.clone()),
                        usage: said.usage,
                        failures,
                    });
                }
                Err(no) => {
                    let failure = failed(no.kind, no.http_status);
                    tracing::warn!(
                        provider = failure.provider.as_str(),
                        http.status = failure.http_status,
                        "no answer from a model: {}",
                        failure.kind.as_str()
                    );
                    failures.push(failure);
                    if is_again || at < last {
                        continue;
                    }
                    let wait = no.wait.unwrap_or(BACKOFF.mul_f64(1.0 + self.gate.chance()));
                    if !no.kind.is_transient() || wait + WORTH_ASKING > left() {
                        break;
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
        Err(Unanswered { failures })
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        question: &Question,
        time: Duration,
    ) -> Result<(Decision, Completion), No> {
        let asking = self.gate.pass(Operation::Read("ask_model"), async {
            Ok::<_, Severed>(self.exchange(endpoint, question, time).await)
        });
        // The client's own time-out would do, but for whoever holds the gate.
        let asked = tokio::time::timeout(time, asking).await;
        let asked = asked.map_err(|_| No::of(FailureKind::Unanswered))?;
        let said = asked.map_err(|_| No::of(FailureKind::Unanswered))??;
        let decision = read_decision(&said.content, question.reply_chars_max).map_err(No::of)?;
        Ok((decision, said))
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        question: &Question,
        time: Duration,
    ) -> Result<Completion, No> {
        let mut body = json!({
            "model": endpoint.model,
            "messages": question.messages(),
            "response_format": { "type": "json_object" },
            "stream": false,
        });
        endpoint.provider.dialect(&mut body);
        let mut url = endpoint.base.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(["chat", "completions"]);
        let request = self
            .http
            .post(url)
            .bearer_auth((endpoint.key)().expose_secret())
            // Of the whole exchange: a time-out between two bytes would never come.
            .timeout(time)
            .json(&body);
        let response = request
            .send()
            .await
            .map_err(|_| No::of(FailureKind::Unanswered))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read_capped(response, ANSWER_BYTES_MAX).await;
        if status == 200 {
            let body = body.map_err(|_| No::of(FailureKind::Unanswered))?;
            return completion(&body).map_err(No::of);
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (kind, wait) = failure_of(
            status,
            header("x-should-retry"),
            header("retry-after-ms"),
            header("retry-after"),
            &body.unwrap_or_default(),
        );
        Err(No {
            kind,
            wait,
            http_status: Some(status),
        })
    }
}

/// Why one attempt came to nothing.
struct No {
    kind: FailureKind,
    wait: Option<Duration>,
    http_status: Option<u16>,
}

impl No {
    fn of(kind: FailureKind) -> Self {
        Self {
            kind,
            wait: None,
            http_status: None,
        }
    }
}
