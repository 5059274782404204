//! What we ask of Twilio: one text, and its own records.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::classify::{classify, code_of};
use super::records::{self, CallListing, CallRecord, MessageListing};
use crate::Phone;
use crate::jobs::{Outcome, Permit};
use crate::platform::gate::Gate;
use crate::platform::http_client;
use crate::providers::ReadError;
use crate::providers::exchange::{parse_base, read, send_once};

/// An answer to a send is a few hundred bytes.
const SEND_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A page of a thousand calls is about a megabyte.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
const PAGE_SIZE: &str = "500";
const PAGES_MAX: usize = 20;
const CODE_NOT_FOUND: i64 = 20404;
/// Twilio's own limit to a call's length.
const CALL_LASTS_AT_MOST: SignedDuration = SignedDuration::from_hours(4);

/// Twilio's REST API, for one account.
pub struct Client {
    base: Url,
    account_sid: String,
    auth_token: Box<dyn Fn() -> SecretString + Send + Sync>,
    sending: reqwest::Client,
    reading: reqwest::Client,
    gate: Gate,
}

/// A text, but for its recipient, whom the permit names.
#[derive(Debug, Clone)]
pub struct Message {
    /// The line that it comes from.
    pub from: Phone,
    /// Its words.
    pub body: String,
    /// Where Twilio reports how far it has come; carries the attempt's id.
    pub status_callback: String,
    /// How long Twilio may try to hand it to the carrier.
    pub validity: Duration,
}

impl Client {
    /// For the account `account_sid`; the token is asked for at every request, so that a rotated one counts
    /// at once.
    pub fn new(
        base_url: &str,
        account_sid: String,
        auth_token: impl Fn() -> SecretString + Send + Sync + 'static,
        gate: Gate,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            base: parse_base(base_url)?,
            account_sid,
            auth_token: Box::new(auth_token),
            sending: http_client::for_side_effects()?,
            reading: http_client::for_reading()?,
            gate,
        })
    }

    /// Sends one text, once; uses the permit up. Twilio has no idempotency key, so what the answer does
    /// not prove is unknown.
    ///
    /// `still_good` is asked at the last moment, for the process may have been frozen since the permit was given:
    /// one that is too old is not used any more. What remains is the time that connecting takes.
    pub async fn send_message(
        &self,
        permit: Permit,
        message: &Message,
        still_good: impl Fn() -> bool,
    ) -> Outcome {
        let validity = message.validity.as_secs().to_string();
        let form = [
            ("To", permit.recipient().as_str()),
            ("From", message.from.as_str()),
            ("Body", &message.body),
            ("StatusCallback", &message.status_callback),
            ("ValidityPeriod", &validity),
        ];
        let request = self
            .authorised(self.sending.post(self.resource("Messages.json")))
            .form(&form);
        send_once(
            &self.gate,
            "send_message",
            request,
            SEND_ANSWER_BYTES_MAX,
            still_good,
            classify,
        )
        .await
    }

    /// One call; `None` if Twilio knows none of that id.
    pub async fn call(&self, sid: &str) -> Result<Option<CallRecord>, ReadError> {
        let url = self.resource(&format!("Calls/{sid}.json"));
        match self.read("read_call", url).await {
            Ok(row) => match records::call(&row) {
                Some(call) if call.sid == sid => Ok(Some(call)),
                Some(_) => Err(ReadError::Unreadable("another call")),
                None => Err(ReadError::Unreadable("not a call")),
            },
            Err(ReadError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The calls that a call led to: the owner's telephone.
    pub async fn child_legs(&self, parent: &str) -> Result<Vec<CallRecord>, ReadError> {
        let mut url = self.resource("Calls.json");
        url.query_pairs_mut()
            .append_pair("ParentCallSid", parent)
            .append_pair("PageSize", PAGE_SIZE);
        let listing = self.calls(url, Timestamp::MIN).await?;
        if listing.complete {
            Ok(listing.calls)
        } else {
            Err(ReadError::Unreadable("a call's legs are cut short"))
        }
    }

    /// Every call that went on at or after `since`, and some before. Twilio filters by when a call began,
    /// in whole days (UTC).
    pub async fn calls_since(&self, since: Timestamp) -> Result<CallListing, ReadError> {
        let mut url = self.resource("Calls.json");
        let began = since.checked_sub(CALL_LASTS_AT_MOST).unwrap_or(Timestamp::MIN);
        let day = began.to_zoned(TimeZone::UTC).date().to_string();
        // The parameter's name is literally `StartTime>`.
        url.query_pairs_mut()
            .append_pair("StartTime>", &day)
            .append_pair("PageSize", PAGE_SIZE);
        self.calls(url, since).await
    }

    /// Every message between two numbers that Twilio took at or after `since`.
    ///
    /// There is no date filter in it: Twilio's own leaves out what it has not sent yet. The list is newest
    /// first, so reading stops at the first older one.
    pub async fn messages_between(
        &self,
        from: &Phone,
        to: &Phone,
        since: Timestamp,
    ) -> Result<MessageListing, ReadError> {
        let mut url = self.resource("Messages.json");
        url.query_pairs_mut()
            .append_pair("From", from.as_str())
            .append_pair("To", to.as_str())
            .append_pair("PageSize", PAGE_SIZE);
        let mut listing = MessageListing {
            messages: Vec::new(),
            complete: true,
        };
        let ended = self
            .pages(url, "read_messages", "messages", |row| {
                match records::message(row) {
                    Some(message) if message.created_at < since => Continue::No,
                    Some(message) => {
                        listing.messages.push(message);
                        Continue::Yes
                    }
                    None => {
                        listing.complete = false;
                        Continue::Yes
                    }
                }
            })
            .await?;
        listing.complete &= ended;
        Ok(listing)
    }

    async fn calls(&self, url: Url, since: Timestamp) -> Result<CallListing, ReadError> {
        let mut listing = CallListing {
            calls: Vec::new(),
            complete: true,
        };
        let long_before = since.checked_sub(CALL_LASTS_AT_MOST).unwrap_or(Timestamp::MIN);
        let ended = self
            .pages(url, "read_calls", "calls", |row| match records::call(row) {
                Some(call) if call.began_at.is_some_and(|began| began < long_before) => Continue::No,
                Some(call) => {
                    listing.calls.push(call);
                    Continue::Yes
                }
                None => {
                    tracing::warn!("passed over a call in Twilio's list that cannot be read");
                    Continue::Yes
                }
            })
            .await?;
        listing.complete &= ended;
        Ok(listing)
    }

    /// Hands every row to `take` until it has enough; whether the list was read as far as it had to be.
    async fn pages(
        &self,
        first: Url,
        operation: &'static str,
        rows: &str,
        mut take: impl FnMut(&Value) -> Continue,
    ) -> Result<bool, ReadError> {
        let mut next = Some(first);
        let mut is_first = true;
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { return Ok(true) };
            let page = match self.read(operation, url).await {
                Ok(page) => page,
                Err(error) if is_first => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a list is cut short");
                    return Ok(false);
                }
            };
            is_first = false;
            for row in page
                .get(rows)
                .and_then(Value::as_array)
                .ok_or(ReadError::Unreadable("not a page of a list"))?
            {
                if let Continue::No = take(row) {
                    return Ok(true);
                }
            }
            next = match page.get("next_page_uri") {
                None | Some(Value::Null) => None,
                Some(uri) => Some(self.next_page(uri.as_str().unwrap_or_default())?),
            };
        }
        Ok(next.is_none())
    }

    /// The next page's URL, which must be on the same host and under the same account: the answer does not
    /// choose where our credentials go.
    pub fn next_page(&self, uri: &str) -> Result<Url, ReadError> {
        let stranger = ReadError::Unreadable("the next page is somewhere else");
        let Ok(url) = self.base.join(uri) else {
            return Err(stranger);
        };
        let is_ours = url.origin() == self.base.origin()
            && url.username().is_empty()
            && url.password().is_none()
            // Twilio's own have none; decoded on the way, one could lead elsewhere.
            && !url.path().contains('%')
            && url.path().starts_with(self.resource("").path());
        if is_ours { Ok(url) } else { Err(stranger) }
    }

    async fn read(&self, operation: &'static str, url: Url) -> Result<Value, ReadError> {
        let request = self.authorised(self.reading.get(url));
        let (status, body) = read(&self.gate, operation, request, PAGE_BYTES_MAX).await?;
        match status {
            200 => {}
            // Twilio's own word for it: an edge that says 404 does not know.
            404 if code_of(&body) == Some(CODE_NOT_FOUND) => return Err(ReadError::NotFound),
            _ => return Err(ReadError::Status(status)),
        }
        serde_json::from_slice(&body).map_err(|_| ReadError::Unreadable("not JSON"))
    }

    fn resource(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/2010-04-01/Accounts/{}/{name}", self.account_sid));
        url
    }

    fn authorised(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth(&self.account_sid, Some((self.auth_token)().expose_secret()))
    }
}

enum Continue {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::new(
            "http://127.0.0.1:9",
            "AC1".to_owned(),
            || "token".into(),
            Gate::default(),
        )
        .expect("a client")
    }

    #[test]
    fn the_next_page_is_ours_or_refused() {
        let client = client();
        let next = |uri: &str| client.next_page(uri).map(|url| url.to_string()).ok();
        let ours = "/2010-04-01/Accounts/AC1/Calls.json?Page=1&PageToken=PA1";
        assert_eq!(next(ours), Some(format!("http://127.0.0.1:9{ours}")));
        for stranger in [
            "http://169.254.169.254/latest",
            "//evil.example/2010-04-01/Accounts/AC1/x",
            "https://127.0.0.1:9/2010-04-01/Accounts/AC1/x",
            "http://127.0.0.1:9@evil.example/2010-04-01/Accounts/AC1/",
            "http://u:p@127.0.0.1:9/2010-04-01/Accounts/AC1/x",
            "/2010-04-01/Accounts/AC2/Calls.json",
            "/2010-04-01/Accounts/AC1/../AC2/Calls.json",
            "/2010-04-01/Accounts/AC1/..%2fAC2/Calls.json",
            "",
            "/elsewhere",
        ] {
            assert_eq!(next(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn credentials_never_leave_this_machine_in_the_clear() {
        let new = |base: &str| Client::new(base, "AC1".to_owned(), || "token".into(), Gate::default());
        for elsewhere in ["http://api.twilio.example", "http://127.twilio.example"] {
            assert!(new(elsewhere).is_err(), "{elsewhere}");
        }
        for fine in ["https://api.twilio.example", "http://[::1]:9"] {
            assert!(new(fine).is_ok(), "{fine}");
        }
    }
}
