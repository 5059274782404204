//! What a message is, and what a person would read of it.
//!
//! Shapes: <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference/messages>. A part that is
//! missing or of another form is left out: the message is still one, and says at least its kind.

use serde_json::Value;

use super::words::{line, line_in, text, word};
use super::{Identity, MessageId};

/// How deep an edited message is looked into: an edit holds a message, and that is all.
const EDITS_MAX: usize = 1;
const CONTACTS_MAX: usize = 20;
const ARTICLES_MAX: usize = 50;

/// What a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Words.
    Text,
    /// A picture, perhaps with a caption.
    Image(Media),
    /// A film, perhaps with a caption.
    Video(Media),
    /// A recording, or a voice message.
    Audio(Media),
    /// A sticker.
    Sticker(Media),
    /// A file, perhaps with a caption.
    Document(Media),
    /// A place.
    Location(Option<Place>),
    /// People's cards.
    Contacts,
    /// A choice among what we offered.
    Interactive(Reply),
    /// A button of a template of ours.
    Button {
        /// What we called it, which they do not see.
        payload: Option<String>,
    },
    /// A sign put on a message, or with `None` taken off it.
    Reaction {
        /// The message.
        to: Option<MessageId>,
        /// The sign.
        emoji: Option<String>,
    },
    /// A shopping basket.
    Order,
    /// Something that happened to the customer's account.
    System(SystemChange),
    /// Another wording of an older message.
    Edit {
        /// Which one.
        of: Option<MessageId>,
        /// What it is now.
        content: Box<Self>,
    },
    /// An older message that they took back.
    Revoke {
        /// Which one.
        of: Option<MessageId>,
    },
    /// Something that Meta does not pass on, such as a poll.
    Unsupported {
        /// What it was, if Meta says.
        kind: Option<String>,
    },
    /// A type that we do not know.
    Unknown {
        /// Meta's word; `None` if that is no word.
        kind: Option<String>,
    },
}

/// A file that Meta holds for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Media {
    /// By which it can be fetched; `None` if it is none.
    pub id: Option<String>,
    /// Such as `image/jpeg`.
    pub mime_type: Option<String>,
    /// In Base64.
    pub sha256: Option<String>,
    /// What its owner calls it.
    pub filename: Option<String>,
    /// Whether it was spoken into the telephone.
    pub is_voice: bool,
    /// Whether it moves.
    pub is_animated: bool,
}

/// A place on earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// How somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Among what.
    pub kind: ReplyKind,
    /// What we called it, which they do not see.
    pub id: Option<String>,
}

/// What was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// Buttons.
    Button,
    /// A list.
    List,
    /// A form.
    Form,
    /// Something that we do not know, by Meta's word.
    Other(Option<String>),
}

/// What happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemChange {
    /// Meta's word: `user_changed_number`, `user_changed_user_id`, `customer_identity_changed`.
    pub kind: Option<String>,
    /// Who they are from now on; nobody if nothing is said of it.
    pub now: Identity,
}

impl Content {
    /// The word that we keep for it; Meta's, where it has one.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Sticker(_) => "sticker",
            Self::Document(_) => "document",
            Self::Location(_) => "location",
            Self::Contacts => "contacts",
            Self::Interactive(_) => "interactive",
            Self::Button { .. } => "button",
            Self::Reaction { .. } => "reaction",
            Self::Order => "order",
            Self::System(_) => "system",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Unsupported { .. } => "unsupported",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The file in it.
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Audio(media)
            | Self::Sticker(media)
            | Self::Document(media) => Some(media),
            Self::Edit { content, .. } => content.media(),
            _ => None,
        }
    }

    /// Whether it says something to somebody. The rest happens to other messages or to an account, and nobody
    /// waits for an answer to it.
    pub fn is_said(&self) -> bool {
        !matches!(
            self,
            Self::Reaction { .. }
                | Self::System(_)
                | Self::Edit { .. }
                | Self::Revoke { .. }
                | Self::Unknown { .. }
        )
    }

    /// Whom it says that somebody now is.
    pub(super) fn announced(&self) -> Option<Identity> {
        match self {
            Self::System(change) if !change.now.is_nobody() => Some(change.now.clone()),
            _ => None,
        }
    }
}

/// What a message is, and its words.
pub(super) fn read(message: &Value) -> (Content, String) {
    read_to(message, EDITS_MAX)
}

fn read_to(message: &Value, edits_left: usize) -> (Content, String) {
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
    let body = message.get(kind).unwrap_or(&Value::Null);
    let media = || Media::of(body);
    let caption = || text_in(body, "caption");
    match kind {
        "text" => (Content::Text, text_in(body, "body")),
        "image" => (Content::Image(media()), caption()),
        "video" => (Content::Video(media()), caption()),
        "audio" | "voice" => (Content::Audio(media()), caption()),
        "sticker" => (Content::Sticker(media()), String::new()),
        "document" => (Content::Document(media()), caption()),
        "location" => (Content::Location(Place::of(body)), place_words(body)),
        "contacts" => (Content::Contacts, names_in(body)),
        "interactive" => interactive(body),
        "button" => (
            Content::Button {
                payload: line_in(body, "payload"),
            },
            text_in(body, "text"),
        ),
        "reaction" => reaction(body),
        "order" => (Content::Order, order_words(body)),
        "system" => (Content::System(SystemChange::of(body)), text_in(body, "body")),
        "edit" if edits_left > 0 => {
            let (content, words) = read_to(body.get("message").unwrap_or(&Value::Null), edits_left - 1);
            let of = id_in(body, "original_message_id");
            let content = Box::new(content);
            (Content::Edit { of, content }, words)
        }
        "revoke" => (
            Content::Revoke {
                of: id_in(body, "original_message_id"),
            },
            String::new(),
        ),
        "unsupported" => (
            Content::Unsupported {
                kind: body.get("type").and_then(Value::as_str).and_then(word),
            },
            String::new(),
        ),
        other => (Content::Unknown { kind: word(other) }, String::new()),
    }
}

impl Media {
    fn of(body: &Value) -> Self {
        let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or_default();
        Self {
            id: body.get("id").and_then(Value::as_str).and_then(media_id),
            mime_type: line_in(body, "mime_type"),
            sha256: line_in(body, "sha256"),
            filename: line_in(body, "filename"),
            is_voice: flag("voice"),
            is_animated: flag("animated"),
        }
    }
}

/// It becomes part of a URL.
pub(super) fn media_id(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    ((1..=128).contains(&text.len()) && text.bytes().all(is_plain)).then(|| text.to_owned())
}

impl Place {
    fn of(body: &Value) -> Option<Self> {
        let degrees = |name: &str| {
            let value = body.get(name)?;
            value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
        };
        let (latitude, longitude) = (degrees("latitude")?, degrees("longitude")?);
        let is_on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_on_earth.then_some(Self { latitude, longitude })
    }
}

impl SystemChange {
    fn of(body: &Value) -> Self {
        // The names changed with version 12.
        let wa_id = body.get("wa_id").or_else(|| body.get("new_wa_id"));
        Self {
            kind: body.get("type").and_then(Value::as_str).and_then(word),
            now: Identity::of(wa_id, body.get("user_id")),
        }
    }
}

fn interactive(body: &Value) -> (Content, String) {
    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
    let chosen = body.get(kind).unwrap_or(&Value::Null);
    let (kind, words) = match kind {
        "button_reply" => (ReplyKind::Button, text_in(chosen, "title")),
        "list_reply" => {
            let lines = [text_in(chosen, "title"), text_in(chosen, "description")];
            (ReplyKind::List, lines_of(lines))
        }
        "nfm_reply" => (ReplyKind::Form, form_words(chosen)),
        other => (ReplyKind::Other(word(other)), String::new()),
    };
    let id = line_in(chosen, "id");
    (Content::Interactive(Reply { kind, id }), words)
}

/// What somebody filled in, a field a line; the token is Meta's and ours.
fn form_words(chosen: &Value) -> String {
    let response = chosen.get("response_json").and_then(Value::as_str);
    let fields = response.and_then(|json| serde_json::from_str::<Value>(json).ok());
    let Some(Value::Object(fields)) = fields else {
        return text_in(chosen, "body");
    };
    let fields = fields.iter().filter(|(name, _)| *name != "flow_token");
    lines_of(fields.filter_map(|(name, value)| {
        let value = match value {
            Value::String(said) => said.clone(),
            Value::Null => return None,
            other => other.to_string(),
        };
        Some(format!("{}: {}", line(name)?, text(&value).trim()))
    }))
}

fn reaction(body: &Value) -> (Content, String) {
    let emoji = line_in(body, "emoji");
    let words = emoji.clone().unwrap_or_default();
    let to = id_in(body, "message_id");
    (Content::Reaction { to, emoji }, words)
}

fn place_words(body: &Value) -> String {
    let lines = lines_of([text_in(body, "name"), text_in(body, "address")]);
    match Place::of(body) {
        Some(place) if lines.is_empty() => format!("{}, {}", place.latitude, place.longitude),
        _ => lines,
    }
}

/// Who is on the cards, and how they are called: one a line.
fn names_in(cards: &Value) -> String {
    let cards = cards.as_array().into_iter().flatten().take(CONTACTS_MAX);
    lines_of(cards.filter_map(|card| {
        let name = card.get("name").and_then(|name| line_in(name, "formatted_name"));
        let phones = card.get("phones").and_then(Value::as_array).into_iter().flatten();
        let phones: Vec<String> = phones.filter_map(|phone| line_in(phone, "phone")).collect();
        let parts: Vec<String> = name.into_iter().chain(phones).take(6).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }))
}

/// What they wrote to it, and what is in the basket: an article a line.
fn order_words(body: &Value) -> String {
    let articles = body.get("product_items").and_then(Value::as_array);
    let articles = articles.into_iter().flatten().take(ARTICLES_MAX);
    let articles = articles.filter_map(|article| {
        let name = line_in(article, "product_retailer_id")?;
        let quantity = article.get("quantity").map(|quantity| match quantity {
            Value::String(said) => said.clone(),
            other => other.to_string(),
        });
        Some(match quantity.as_deref().and_then(line) {
            Some(quantity) => format!("{quantity} × {name}"),
            None => name,
        })
    });
    lines_of([text_in(body, "text")].into_iter().chain(articles))
}

/// What is not blank, a line each.
fn lines_of(lines: impl IntoIterator<Item = String>) -> String {
    let lines = lines.into_iter().filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn text_in(object: &Value, name: &str) -> String {
    object
        .get(name)
        .and_then(Value::as_str)
        .map(text)
        .unwrap_or_default()
}

fn id_in(object: &Value, name: &str) -> Option<MessageId> {
    MessageId::parse(object.get(name)?.as_str()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(kind: &str, body: Value) -> (&'static str, String) {
        let mut message = json!({ "type": kind });
        message[kind] = body;
        let (content, words) = read(&message);
        (content.kind(), words)
    }

    #[test]
    fn every_kind_says_what_a_person_would_read() {
        let file = json!({ "id": "1", "mime_type": "image/jpeg", "sha256": "a=", "caption": "Look!", "filename": "a.pdf" });
        for (kind, body, said) in [
            ("text", json!({ "body": "Hi\nthere" }), "Hi\nthere"),
            ("image", file.clone(), "Look!"),
            ("video", file.clone(), "Look!"),
            ("document", file.clone(), "Look!"),
            ("audio", json!({ "id": "1", "voice": true }), ""),
            ("sticker", file, ""),
            (
                "location",
                json!({ "latitude": 37.46, "longitude": -122.2 }),
                "37.46, -122.2",
            ),
            (
                "location",
                json!({ "latitude": 1, "longitude": 2, "name": "HQ", "address": "1 Way" }),
                "HQ\n1 Way",
            ),
            (
                "contacts",
                json!([{ "name": { "formatted_name": "Ann" }, "phones": [{ "phone": "+1 555" }] }, {}, 7]),
                "Ann, +1 555",
            ),
            (
                "interactive",
                json!({ "type": "button_reply", "button_reply": { "id": "y", "title": "Yes" } }),
                "Yes",
            ),
            (
                "interactive",
                json!({ "type": "list_reply", "list_reply": { "id": "1", "title": "One", "description": "First" } }),
                "One\nFirst",
            ),
            (
                "interactive",
                json!({ "type": "nfm_reply", "nfm_reply": { "response_json": r#"{"flow_token":"x","day":"Monday","n":2}"#, "body": "Sent" } }),
                "day: Monday\nn: 2",
            ),
            (
                "interactive",
                json!({ "type": "nfm_reply", "nfm_reply": { "response_json": "{", "body": "Sent" } }),
                "Sent",
            ),
            ("interactive", json!(null), ""),
            ("button", json!({ "payload": "p", "text": "Later" }), "Later"),
            (
                "reaction",
                json!({ "message_id": "wamid.x", "emoji": "👍" }),
                "👍",
            ),
            ("reaction", json!({ "message_id": "wamid.x", "emoji": "" }), ""),
            (
                "order",
                json!({ "text": "Please", "product_items": [{ "product_retailer_id": "SODA", "quantity": 2 }] }),
                "Please\n2 × SODA",
            ),
            (
                "system",
                json!({ "body": "A changed", "type": "user_changed_number", "wa_id": "1" }),
                "A changed",
            ),
            (
                "edit",
                json!({ "original_message_id": "wamid.x", "message": { "type": "text", "text": { "body": "New" } } }),
                "New",
            ),
            ("revoke", json!({ "original_message_id": "wamid.x" }), ""),
            ("unsupported", json!({ "type": "poll" }), ""),
        ] {
            assert_eq!(
                words(kind, body.clone()),
                (kind_of(kind), said.to_owned()),
                "{kind}: {body}"
            );
        }
        for kind in ["request_welcome", "hologram", "", "A B", "type"] {
            assert_eq!(words(kind, json!({})).0, "unknown", "{kind}");
        }
    }

    /// Ours has the same name.
    fn kind_of(kind: &str) -> &'static str {
        words(kind, json!(null)).0
    }

    #[test]
    fn a_part_that_is_missing_or_of_another_form_is_left_out() {
        let kinds = [
            "text",
            "image",
            "video",
            "audio",
            "sticker",
            "document",
            "location",
            "contacts",
            "interactive",
            "button",
            "reaction",
            "order",
            "system",
            "edit",
            "revoke",
            "unsupported",
        ];
        for kind in kinds {
            for body in [
                json!(null),
                json!([]),
                json!({}),
                json!("x"),
                json!(7),
                json!([[7]]),
            ] {
                assert_eq!(
                    words(kind, body.clone()),
                    (kind_of(kind), String::new()),
                    "{kind}: {body}"
                );
            }
            assert_eq!(kind_of(kind), kind);
        }
        assert_eq!(Place::of(&json!({ "latitude": 91, "longitude": 0 })), None);
        let media = Media::of(&json!({ "id": "../1", "mime_type": " ", "voice": "yes" }));
        assert_eq!(media, Media::default());
    }

    #[test]
    fn an_edit_of_an_edit_is_not_followed() {
        let mut message = json!({ "type": "text", "text": { "body": "deep" } });
        for _ in 0..3 {
            message = json!({ "type": "edit", "edit": { "original_message_id": "w", "message": message } });
        }
        let (content, said) = read(&message);
        assert!(matches!(content, Content::Edit { content, .. } if content.kind() == "unknown"));
        assert_eq!(said, "");
    }
}
