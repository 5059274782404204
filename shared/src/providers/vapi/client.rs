//! What we ask of Vapi: one call, and its own records.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::classify::{classify, complaint_in};
use super::records::{self, CallId, CallListing, CallRecord};
use crate::jobs::{Outcome, Permit};
use crate::platform::gate::Gate;
use crate::platform::http_client;
use crate::providers::ReadError;
use crate::providers::exchange::{parse_base, read, send_once};

/// An answer to a placed call repeats what was asked for and the assistant's overrides.
const SEND_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// A call's record holds its whole transcript, and each turn's words more than once.
const READ_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const PAGE_SIZE: usize = 50;
const PAGES_MAX: usize = 40;
/// Vapi refuses longer ones.
const NAME_CHARS_MAX: usize = 40;

/// Vapi's API, for one assistant on one telephone number.
pub struct Client {
    base: Url,
    line: Line,
    api_key: Box<dyn Fn() -> SecretString + Send + Sync>,
    sending: reqwest::Client,
    reading: reqwest::Client,
    gate: Gate,
}

/// Who calls, and from where: ids of Vapi's.
#[derive(Debug, Clone)]
pub struct Line {
    /// The assistant.
    pub assistant_id: String,
    /// The telephone number.
    pub phone_number_id: String,
}

/// A call, but for its recipient, whom the permit names.
#[derive(Debug, Clone)]
pub struct Call {
    /// Our name for the customer, of at most 40 characters; Vapi gives it back as `externalId`.
    pub customer_id: String,
    /// What the customer is called in Vapi's dashboard; cut to 40 characters.
    pub customer_name: String,
    /// What the assistant's words name, e.g. `first_name`.
    pub variables: BTreeMap<String, String>,
}

/// How far down the list, which is newest first, a page begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    At(Timestamp),
    Below(Timestamp),
}

impl Client {
    /// For one line; the key is asked for at every request, so that a rotated one counts at once.
    pub fn new(
        base_url: &str,
        line: Line,
        api_key: impl Fn() -> SecretString + Send + Sync + 'static,
        gate: Gate,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            base: parse_base(base_url)?,
            line,
            api_key: Box::new(api_key),
            sending: http_client::for_side_effects()?,
            reading: http_client::for_reading()?,
            gate,
        })
    }

    /// Places one call, once; uses the permit up. Vapi has no idempotency key, so what the answer does not
    /// prove is unknown.
    ///
    /// The attempt's id goes along as the call's name and in its metadata, for Vapi may give back either. There
    /// is no `schedulePlan`: what Vapi dials later cannot be checked again.
    ///
    /// `still_good` is asked at the last moment, for the process may have been frozen since the permit was given:
    /// one that is too old is not used any more. What remains is the time that connecting takes.
    pub async fn place_call(&self, permit: Permit, call: &Call, still_good: impl Fn() -> bool) -> Outcome {
        let attempt = permit.attempt();
        let name: String = call.customer_name.chars().take(NAME_CHARS_MAX).collect();
        let mut customer = json!({
            "number": permit.recipient().as_str(),
            "externalId": call.customer_id,
        });
        if !name.trim().is_empty() {
            customer["name"] = name.into();
        }
        let body = json!({
            "assistantId": self.line.assistant_id,
            "phoneNumberId": self.line.phone_number_id,
            "name": attempt,
            "customer": customer,
            "assistantOverrides": {
                "variableValues": call.variables,
                "metadata": { "attempt_id": attempt },
            },
        });
        let request = self
            .authorised(self.sending.post(self.resource("/call")))
            .json(&body);
        send_once(
            &self.gate,
            "place_call",
            request,
            SEND_ANSWER_BYTES_MAX,
            still_good,
            classify,
        )
        .await
    }

    /// One call; `None` if Vapi knows none of that id.
    pub async fn call(&self, id: &CallId) -> Result<Option<CallRecord>, ReadError> {
        let url = self.resource(&format!("/call/{}", id.as_str()));
        match self.read("read_call", url).await {
            Ok(row) => match records::call(&row) {
                Some(call) if call.id == *id => Ok(Some(call)),
                Some(_) => Err(ReadError::Unreadable("another call")),
                None => Err(ReadError::Unreadable("not a call")),
            },
            Err(ReadError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every call on our number that Vapi took from `since` to `until`, both included.
    ///
    /// The list has no pages: one goes on by asking for what is not newer than the oldest row seen, so rows
    /// come twice, and ends when nothing is older. It has no filter for names or recipients either. It is
    /// complete if no instant has more calls than an answer has room for.
    pub async fn calls_since(&self, since: Timestamp, until: Timestamp) -> Result<CallListing, ReadError> {
        let mut listing = CallListing {
            calls: Vec::new(),
            complete: true,
        };
        let mut known = HashSet::new();
        let mut from = Start::At(until);
        for page_no in 0..PAGES_MAX {
            let rows = match self.page(since, from).await {
                Ok(rows) => rows,
                Err(error) if page_no == 0 => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a list is cut short");
                    break;
                }
            };
            if rows.is_empty() {
                return Ok(listing);
            }
            if let Start::Below(_) = from {
                // The last answer was cut off within one instant, whose other calls nobody has seen.
                listing.complete = false;
            }
            let count_before = known.len();
            let mut oldest = None;
            for row in &rows {
                let call = records::call(row);
                let Some((created_at, call)) = call.and_then(|call| Some((call.created_at?, call))) else {
                    tracing::warn!("passed over a call in Vapi's list that cannot be read");
                    listing.complete = false;
                    continue;
                };
                // In another order, what is older than the last row may have been passed over.
                listing.complete &= oldest.is_none_or(|oldest| created_at <= oldest);
                oldest = Some(created_at);
                if (since..=until).contains(&created_at) && known.insert(call.id.clone()) {
                    listing.calls.push(call);
                }
            }
            let Some(oldest) = oldest else { break };
            from = match from {
                _ if known.len() > count_before => Start::At(oldest),
                Start::At(_) => {
                    listing.complete &= rows.len() < PAGE_SIZE;
                    Start::Below(oldest)
                }
                Start::Below(_) => break,
            };
        }
        listing.complete = false;
        Ok(listing)
    }

    /// Calls that were taken at `since` or later, from a point in the list on.
    async fn page(&self, since: Timestamp, from: Start) -> Result<Vec<Value>, ReadError> {
        let (bound, at) = match from {
            Start::At(at) => ("createdAtLe", at),
            Start::Below(at) => ("createdAtLt", at),
        };
        let mut url = self.resource("/call");
        url.query_pairs_mut()
            .append_pair("phoneNumberId", &self.line.phone_number_id)
            .append_pair("limit", &PAGE_SIZE.to_string())
            .append_pair("createdAtGe", &since.to_string())
            .append_pair(bound, &at.to_string());
        match self.read("read_calls", url).await? {
            Value::Array(rows) => Ok(rows),
            _ => Err(ReadError::Unreadable("not a list")),
        }
    }

    async fn read(&self, operation: &'static str, url: Url) -> Result<Value, ReadError> {
        let request = self.authorised(self.reading.get(url));
        let (status, body) = read(&self.gate, operation, request, READ_ANSWER_BYTES_MAX).await?;
        match status {
            200 => {}
            // Vapi's own word for it: an edge that says 404 does not know.
            404 if complaint_in(&body).is_some() => return Err(ReadError::NotFound),
            _ => return Err(ReadError::Status(status)),
        }
        // What is not text in it was said by somebody and changes nothing.
        serde_json::from_str(&String::from_utf8_lossy(&body)).map_err(|_| ReadError::Unreadable("not JSON"))
    }

    fn resource(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth((self.api_key)().expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_leave_this_machine_in_the_clear() {
        let new = |base: &str| {
            let line = Line {
                assistant_id: "assistant".to_owned(),
                phone_number_id: "number".to_owned(),
            };
            Client::new(base, line, || "test-key".into(), Gate::default())
        };
        for elsewhere in [
            "http://api.vapi.example",
            "http://127.vapi.example",
            "ftp://127.0.0.1",
            "api.vapi.ai",
        ] {
            assert!(new(elsewhere).is_err(), "{elsewhere}");
        }
        for fine in ["https://api.vapi.example", "http://127.0.0.1:9", "http://[::1]:9"] {
            assert!(new(fine).is_ok(), "{fine}");
        }
    }
}
