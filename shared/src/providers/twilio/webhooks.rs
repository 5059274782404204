//! Twilio's forms, in our words.

use std::fmt;

use uuid::Uuid;

use super::{Form, FormError};
use crate::Phone;
use crate::missed_calls::{CallStatus, DialStatus};

/// Caller ids by which carriers say that there is none: the words, and `ANONYMOUS`, `RESTRICTED`,
/// `UNAVAILABLE`, `UNKNOWN` and others spelled on a telephone's keys.
const WITHHELD: [&str; 12] = [
    "",
    "anonymous",
    "restricted",
    "unknown",
    "unavailable",
    "private",
    "blocked",
    "+266696687",
    "+7378742833",
    "+2562533",
    "+8656696",
    "+86282452253",
];

/// Signed, but not to be understood: such a request is quarantined and answered 200.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not even a form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A field that must be there is missing or malformed.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// A field is given twice, with different values.
    #[error("{0} is given twice")]
    Ambiguous(&'static str),
}

/// A call's id: `CA` and up to 62 letters, digits or underscores.
///
/// Real ones have 32 hexadecimal digits; people test with `CA_test_12345` and its like, which Twilio does
/// not know and the poller cleans up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSid(String);

impl CallSid {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("CA")?;
        let is_plain = rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        ((1..=62).contains(&rest.len()) && is_plain).then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message's id: `SM` or `MM` and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSid(String);

impl MessageSid {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("SM").or_else(|| text.strip_prefix("MM"))?;
        (rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody with a number.
    Known(Phone),
    /// Somebody who withheld it.
    Withheld,
    /// Something that is not a telephone: a SIP address, a browser, a `WhatsApp` user.
    NotAPhone,
}

impl Caller {
    /// Reads `From`. What is neither a strict E.164 number nor one of the words above is `None`: such a
    /// number is not guessed at.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        if WITHHELD.contains(&lower.as_str()) {
            return Some(Self::Withheld);
        }
        if ["sip:", "sips:", "client:", "whatsapp:"]
            .iter()
            .any(|scheme| lower.starts_with(scheme))
        {
            return Some(Self::NotAPhone);
        }
        Phone::parse(text).ok().map(Self::Known)
    }

    /// The number, if there is one.
    pub fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Known(phone) => Some(phone),
            Self::Withheld | Self::NotAPhone => None,
        }
    }
}

/// A call to one of our lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// Its id.
    pub call_sid: CallSid,
    /// Who rings.
    pub caller: Caller,
    /// The number that was rung.
    pub line: Phone,
    /// How far it has come.
    pub status: CallStatus,
}

/// How dialling the owner ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialResult {
    /// The caller's call.
    pub call: IncomingCall,
    /// How it ended.
    pub dial_status: DialStatus,
    /// Whether the two were connected; `None` if Twilio does not say.
    pub bridged: Option<bool>,
}

/// A call's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStatusReport {
    /// The call.
    pub call: IncomingCall,
    /// It is the owner's telephone, not the caller's.
    pub is_leg: bool,
}

/// A text's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatusReport {
    /// The text.
    pub message_sid: MessageSid,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed.
    pub error_code: Option<i64>,
    /// The attempt that it was sent for: from the URL that we gave Twilio, which the signature covers.
    pub attempt: Option<Uuid>,
}

/// Somebody texts one of our lines.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingText {
    /// Its id.
    pub message_sid: MessageSid,
    /// Whose telephone it is from, as Twilio gives it.
    pub from: String,
    /// The same as a number, if it is one.
    pub sender: Option<Phone>,
    /// The number that it was sent to.
    pub line: String,
    /// The words; empty for a picture without any.
    pub body: String,
    /// The files that came with it.
    pub files: Vec<TextFile>,
    /// What Twilio itself heard in it, and has answered.
    pub opt_out: Option<OptOutType>,
}

/// A file that came with a text. It stays with Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Where Twilio keeps it.
    pub url: String,
    /// What it is.
    pub mime_type: Option<String>,
}

/// What Twilio hears in a text by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutType {
    /// To be left alone.
    Stop,
    /// To be contacted again.
    Start,
    /// To be told who it is.
    Help,
}

/// Without who wrote, and without their words.
impl fmt::Debug for IncomingText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IncomingText").field(&self.message_sid).finish()
    }
}

/// How far a text has come. Reports come in any order; the furthest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatus(String);

impl MessageStatus {
    fn parse(word: &str) -> Option<Self> {
        let is_word = !word.is_empty()
            && word.len() <= 32
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_word.then(|| Self(word.to_owned()))
    }

    /// Twilio's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody rings.
pub fn incoming_call(form: &Form) -> Result<IncomingCall, WebhookError> {
    Ok(IncomingCall {
        call_sid: required(form, "CallSid", CallSid::parse)?,
        caller: Caller::parse(form.single("From")?.unwrap_or_default())
            .ok_or(WebhookError::Malformed("From"))?,
        line: required(form, "To", |text| Phone::parse(text).ok())?,
        status: CallStatus::parse(form.single("CallStatus")?.unwrap_or_default()),
    })
}

/// Dialling the owner has ended.
pub fn dial_result(form: &Form) -> Result<DialResult, WebhookError> {
    Ok(DialResult {
        call: incoming_call(form)?,
        dial_status: required(form, "DialCallStatus", |word| Some(DialStatus::parse(word)))?,
        bridged: form.single("DialBridged")?.and_then(|word| word.parse().ok()),
    })
}

/// A call has come further.
pub fn call_status(form: &Form) -> Result<CallStatusReport, WebhookError> {
    let is_leg = form
        .single("ParentCallSid")?
        .is_some_and(|parent| !parent.is_empty());
    Ok(CallStatusReport {
        call: incoming_call(form)?,
        is_leg,
    })
}

/// A text has come further. `query` is the signed URL's raw query.
pub fn message_status(form: &Form, query: &str) -> Result<MessageStatusReport, WebhookError> {
    let attempt = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "attempt");
    Ok(MessageStatusReport {
        message_sid: required(form, "MessageSid", MessageSid::parse)?,
        status: required(form, "MessageStatus", MessageStatus::parse)?,
        error_code: form.single("ErrorCode")?.and_then(|code| code.parse().ok()),
        attempt: attempt.and_then(|(_, id)| Uuid::try_parse(&id).ok()),
    })
}

/// Somebody texts a line. A sender that is no telephone number, such as a company's name, is kept as it is.
pub fn incoming_text(form: &Form) -> Result<IncomingText, WebhookError> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let from = required(form, "From", given)?;
    Ok(IncomingText {
        message_sid: required(form, "MessageSid", MessageSid::parse)?,
        sender: Phone::parse(&from).ok(),
        from,
        line: required(form, "To", given)?,
        body: form.single("Body")?.unwrap_or_default().to_owned(),
        files: files(form),
        opt_out: match form.single("OptOutType")? {
            Some("STOP") => Some(OptOutType::Stop),
            Some("START") => Some(OptOutType::Start),
            Some("HELP") => Some(OptOutType::Help),
            _ => None,
        },
    })
}

/// `MediaUrl0`, `MediaUrl1` and so on, with what each is.
fn files(form: &Form) -> Vec<TextFile> {
    let field = |name: String| {
        let mut fields = form.fields().iter();
        fields
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value.clone())
    };
    let file = |number: usize| {
        Some(TextFile {
            url: field(format!("MediaUrl{number}")).filter(|url| !url.is_empty())?,
            mime_type: field(format!("MediaContentType{number}")).filter(|kind| !kind.is_empty()),
        })
    };
    (0..).map_while(file).collect()
}

fn required<'a, T>(
    form: &'a Form,
    name: &'static str,
    read: impl FnOnce(&'a str) -> Option<T>,
) -> Result<T, WebhookError> {
    form.single(name)?
        .and_then(read)
        .ok_or(WebhookError::Malformed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::of(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn call(from: &str, sid: &str) -> Result<IncomingCall, WebhookError> {
        incoming_call(&form(&[
            ("CallSid", sid),
            ("From", from),
            ("To", "+15005550006"),
            ("CallStatus", "ringing"),
        ]))
    }

    const SID: &str = "CA00000000000000000000000000000002";

    #[test]
    fn a_withheld_number_is_a_caller_without_a_phone() {
        for from in ["anonymous", "Restricted", "+266696687", "", " unknown "] {
            assert_eq!(
                call(from, SID).expect("a call").caller,
                Caller::Withheld,
                "{from:?}"
            );
        }
        for from in ["sip:bob@example.com", "client:alice", "whatsapp:+14035550001"] {
            assert_eq!(
                call(from, SID).expect("a call").caller,
                Caller::NotAPhone,
                "{from:?}"
            );
        }
    }

    #[test]
    fn a_number_that_is_not_strict_e164_is_not_guessed_at() {
        for from in [
            "+1403555123",
            "+00123456789",
            "4035551234",
            "+1 (403) 555-1234",
            "+１４０３５５５１２３４",
        ] {
            assert_eq!(call(from, SID), Err(WebhookError::Malformed("From")), "{from:?}");
        }
    }

    #[test]
    fn a_call_sid_is_twilios_or_a_testers() {
        assert!(call("+14035550001", "CA_test_12345").is_ok());
        for sid in [
            "",
            "CA",
            "ca00000000000000000000000000000002",
            "SM00000000000000000000000000000002",
            &"CA0".repeat(200),
            "CA'; DROP",
        ] {
            assert_eq!(
                call("+14035550001", sid),
                Err(WebhookError::Malformed("CallSid")),
                "{sid:?}"
            );
        }
    }

    #[test]
    fn a_text_is_read_with_its_files_and_with_what_twilio_heard() {
        let text = |more: &[(&str, &str)]| {
            let sid = "MM00000000000000000000000000000004";
            let fields = [
                ("MessageSid", sid),
                ("From", "+14035550001"),
                ("To", "+15005550006"),
            ];
            incoming_text(&form(&[&fields, more].concat()))
        };
        let read = text(&[
            ("Body", " Hi\n"),
            ("NumMedia", "2"),
            ("MediaUrl0", "https://api.twilio.com/1"),
            ("MediaContentType0", "image/jpeg"),
            ("MediaUrl1", "https://api.twilio.com/2"),
            ("MediaUrl3", "https://api.twilio.com/4"),
            ("OptOutType", "HELP"),
        ]);
        let read = read.expect("a text");
        assert_eq!(
            (read.body.as_str(), read.opt_out),
            (" Hi\n", Some(OptOutType::Help))
        );
        let files: Vec<_> = read
            .files
            .iter()
            .map(|file| (file.url.as_str(), file.mime_type.as_deref()))
            .collect();
        assert_eq!(
            files,
            [
                ("https://api.twilio.com/1", Some("image/jpeg")),
                ("https://api.twilio.com/2", None)
            ]
        );
        assert!(!format!("{read:?}").contains("4035550001"));
        let empty = text(&[("OptOutType", "OTHER")]).expect("a text");
        assert_eq!(
            (empty.body.as_str(), empty.files.len(), empty.opt_out),
            ("", 0, None)
        );
    }

    #[test]
    fn a_sender_that_is_no_telephone_is_kept_as_it_is_and_none_at_all_is_an_error() {
        let from = |from: &str| {
            incoming_text(&form(&[
                ("MessageSid", "SM00000000000000000000000000000004"),
                ("From", from),
                ("To", "+15005550006"),
            ]))
        };
        for name in ["MYBANK", "73822", "+1403555123", "whatsapp:+14035550001"] {
            let text = from(name).expect("a text");
            assert_eq!((text.from.as_str(), text.sender), (name, None));
        }
        for none in ["", "  "] {
            assert_eq!(from(none), Err(WebhookError::Malformed("From")));
        }
    }

    #[test]
    fn an_attempt_is_known_by_the_url_we_gave() {
        let form = form(&[
            ("MessageSid", "SM00000000000000000000000000000004"),
            ("MessageStatus", "delivered"),
        ]);
        let attempt = |query: &str| message_status(&form, query).expect("a report").attempt;
        let id = Uuid::from_u128(7);
        assert_eq!(attempt(&format!("attempt={id}")), Some(id));
        for query in ["", "attempt=", "attempt=7", "a=1"] {
            assert_eq!(attempt(query), None, "{query}");
        }
    }
}
