//! WhatsApp's webhooks against somebody else's reading of them: the sandbox writes, the `pywa` package for Python and we
//! read, and we have to find the same. It also judges our signatures, and the sandbox's.

use jiff::Timestamp;
use local::sandbox_meta::{Customer, SandboxMeta, SandboxMetaConfig, Update, sign};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::providers::whatsapp::{Item, Media, PreferenceValue, items};

use crate::judge;

const CASES: usize = 400;

/// Says of every body whether its signature is right, and what is in it.
const JUDGE: &str = r#"
import json, sys
import pywa
from pywa import types, utils

client = pywa.WhatsApp(phone_id="106540352242922", token="x")

def said(update):
    value = update["entry"][0]["changes"][0]["value"]
    if "statuses" in value:
        status = types.MessageStatus.from_update(client, update)
        error = status.error.code if status.error else None
        return dict(id=status.id, kind=str(status.status.value), words=status.tracker or "", code=error,
                    wa_id=status.from_user.wa_id, at=int(status.timestamp.timestamp()))
    if "user_preferences" in value:
        wish = types.UserMarketingPreferences.from_update(client, update)
        return dict(id="", kind=wish.value if isinstance(wish.value, str) else wish.value.value, words="", wa_id=wish.from_user.wa_id)
    if "message_echoes" in value:
        echo = types.OutgoingMessage.from_update(client, update)
        return dict(id=echo.id, kind="echo", words=echo.text or "", wa_id=echo.to_user.wa_id,
                    at=int(echo.timestamp.timestamp()))
    message = value["messages"][0]
    kind = message["type"]
    if kind == "button" or kind == "interactive" and message["interactive"]["type"] == "button_reply":
        read = types.CallbackButton.from_update(client, update)
        words, media = read.title, None
    elif kind == "interactive":
        read = types.CallbackSelection.from_update(client, update)
        words, media = "\n".join(filter(None, [read.title, read.description])), None
    elif kind == "revoke":
        read = types.DeletedMessage.from_update(client, update)
        words, media = "", None
    else:
        read = types.Message.from_update(client, update)
        media = next((getattr(read, name) for name in ("image", "video", "audio", "sticker", "document") if getattr(read, name)), None)
        words = read.text or getattr(media, "caption", None) or ""
        if read.reaction:
            words = read.reaction.emoji or ""
    file = media and dict(id=media.id, mime_type=media.mime_type, sha256=media.sha256,
                          filename=getattr(media, "filename", None), is_voice=bool(getattr(media, "voice", False)))
    reply = getattr(read, "reply_to_message", None)
    return dict(id=read.id, kind=kind, words=words, wa_id=read.from_user.wa_id, user_id=read.from_user.bsuid,
                name=read.from_user.name, at=int(read.timestamp.timestamp()), file=file,
                in_reply_to=reply.message_id if hasattr(reply, "message_id") else getattr(reply, "id", None))

verdicts = []
for case in json.load(sys.stdin):
    body = case["body"].encode()
    verdicts.append(dict(
        accepts=utils.webhook_updates_validator(case["secret"], body, case["signature"]),
        accepts_tampered=utils.webhook_updates_validator(case["secret"], body + b" ", case["signature"]),
        said=said(json.loads(body)),
    ))
json.dump(verdicts, sys.stdout)
"#;

#[derive(Serialize)]
struct Case {
    body: String,
    secret: String,
    signature: String,
}

#[derive(Deserialize)]
struct Verdict {
    accepts: bool,
    accepts_tampered: bool,
    said: Said,
}

/// What a reader finds; what it does not look for is absent from both.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Said {
    id: String,
    kind: String,
    words: String,
    code: Option<i64>,
    wa_id: Option<String>,
    user_id: Option<String>,
    name: Option<String>,
    at: Option<i64>,
    file: Option<File>,
    in_reply_to: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct File {
    id: Option<String>,
    mime_type: Option<String>,
    sha256: Option<String>,
    filename: Option<String>,
    is_voice: bool,
}

#[tokio::test]
async fn somebody_elses_library_and_we_find_the_same_in_a_webhook() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let meta = SandboxMeta::start(SandboxMetaConfig::default())
        .await
        .expect("Meta");
    meta.open_every_window();
    let sent = send(&meta).await;
    let cases: Vec<Case> = (0..CASES)
        .map(|_| {
            let webhook = meta.webhook([update(&meta, &sent, &mut random)]);
            let body = String::from_utf8(webhook.body()).expect("ASCII");
            let ours = shared::providers::whatsapp::sign(body.as_bytes(), &meta.app_secret().into());
            assert_eq!(
                ours,
                sign(&meta.app_secret(), body.as_bytes()),
                "two ways to sign"
            );
            Case {
                body,
                secret: meta.app_secret(),
                signature: ours,
            }
        })
        .collect();
    let verdicts: Vec<Verdict> = judge::ask(JUDGE, &cases);

    for (number, (case, verdict)) in cases.iter().zip(verdicts).enumerate() {
        let which = format!("case {number} of seed {seed}: {}", case.body);
        assert!(verdict.accepts, "{which}: it refuses our signature");
        assert!(!verdict.accepts_tampered, "{which}: it judges nothing");
        let found = items(case.body.as_bytes()).expect("a webhook");
        let [item] = &found[..] else {
            panic!("{which}: {found:?}");
        };
        assert_eq!(read(item), verdict.said, "{which}");
    }
}

/// A message of ours for reports to be about.
async fn send(meta: &SandboxMeta) -> String {
    let body = json!({
        "messaging_product": "whatsapp", "to": "14035550001", "type": "text", "text": { "body": "Hello" },
        "biz_opaque_callback_data": "7b6d3c1e-0000-4000-8000-000000000001",
    });
    let request = shared::platform::http_client::for_side_effects()
        .expect("a client")
        .post(format!(
            "{}/v26.0/{}/messages",
            meta.base_url(),
            meta.phone_number_id()
        ))
        .bearer_auth(meta.access_token())
        .body(body.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    meta.messages()[0].id.clone()
}

fn update(meta: &SandboxMeta, sent: &str, random: &mut fastrand::Rng) -> Update {
    let customer = Customer::new("14035550001", "Ann Example").known_as("US.13491208655302741918");
    let words = words(random);
    let update = match random.u8(..14) {
        0 | 1 => meta.text(&customer, &words),
        2 => {
            let emoji = if random.bool() { "👍" } else { "" };
            meta.message(
                &customer,
                "reaction",
                json!({ "message_id": sent, "emoji": emoji }),
            )
        }
        3 => meta.message(&customer, "button", json!({ "payload": "p", "text": words })),
        4 => {
            let chosen = json!({ "type": "button_reply", "button_reply": { "id": "y", "title": words } });
            meta.message(&customer, "interactive", chosen)
        }
        5 => {
            let chosen = json!({ "type": "list_reply", "list_reply": { "id": "1", "title": words, "description": "more" } });
            // A list is always one of ours.
            return meta.message(&customer, "interactive", chosen).in_reply_to(sent);
        }
        6 => meta.message(&customer, "revoke", json!({ "original_message_id": sent })),
        7 => return meta.echo(&customer, &words),
        8 => {
            let wish = if random.bool() { "stop" } else { "resume" };
            return meta.preference(&customer, wish);
        }
        9 => return meta.failed(sent, 131_047).about(&customer),
        10 => {
            let status = random.choice(["sent", "delivered", "read"]).expect("one");
            return meta.status(sent, status).about(&customer);
        }
        kind => {
            let kinds = ["image", "video", "document"];
            let file = json!({ "id": "1234567890", "mime_type": "image/jpeg", "sha256": "a/b+c=", "caption": words });
            match usize::from(kind) - 11 {
                2 if random.bool() => {
                    let voice = json!({ "id": "1", "mime_type": "audio/ogg; codecs=opus", "sha256": "a=", "voice": random.bool() });
                    meta.message(&customer, "audio", voice)
                }
                2 => meta.message(
                    &customer,
                    "document",
                    json!({ "id": "1", "mime_type": "application/pdf", "sha256": "a=", "filename": "a.pdf", "caption": words }),
                ),
                at => meta.message(&customer, kinds[at], file),
            }
        }
    };
    // A reaction and a withdrawal answer nothing.
    let may_reply = !["reaction", "revoke"].contains(&update.value()["type"].as_str().unwrap_or_default());
    if may_reply && random.bool() {
        return update.in_reply_to(sent);
    }
    update
}

/// Words that are written otherwise than they are said, and no control characters, which we do not keep.
fn words(random: &mut fastrand::Rng) -> String {
    let pieces = [
        "a", "é", "👍🏽", "\u{202E}", "<x>", "\n", "\\", "\"", "/", "&", "{}", "\u{0}x", "שלום",
    ];
    let count = random.usize(1..8);
    let picked = (0..count).filter_map(|_| random.choice(&pieces)).copied();
    let said: String = picked.filter(|piece| !piece.starts_with('\0')).collect();
    // Of blank words nobody is sure whether they are words.
    format!("w{said}w")
}

fn read(item: &Item) -> Said {
    match item {
        Item::Message(message) => {
            let identity = &message.sender.identity;
            Said {
                id: message.id.as_str().to_owned(),
                kind: message.content.kind().to_owned(),
                words: message.text.clone(),
                wa_id: identity.wa_id.as_ref().map(|id| id.as_str().to_owned()),
                user_id: identity.user_id.as_ref().map(|id| id.as_str().to_owned()),
                name: message.sender.name.clone(),
                at: message.sent_at.map(Timestamp::as_second),
                file: message.content.media().map(file),
                in_reply_to: message.in_reply_to.as_ref().map(|id| id.as_str().to_owned()),
                code: None,
            }
        }
        Item::Echo(echo) => Said {
            id: echo.id.as_str().to_owned(),
            kind: "echo".to_owned(),
            words: echo.text.clone(),
            wa_id: echo.recipient.wa_id.as_ref().map(|id| id.as_str().to_owned()),
            at: echo.sent_at.map(Timestamp::as_second),
            ..Said::default()
        },
        Item::Status(report) => Said {
            id: report.id.as_str().to_owned(),
            kind: report.status.as_str().to_owned(),
            words: report
                .attempt
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            code: report.troubles.first().map(|trouble| trouble.code),
            wa_id: report.recipient.wa_id.as_ref().map(|id| id.as_str().to_owned()),
            at: report.at.map(Timestamp::as_second),
            ..Said::default()
        },
        Item::Preference(preference) => Said {
            kind: match &preference.value {
                PreferenceValue::Stop => "stop",
                PreferenceValue::Resume => "resume",
                PreferenceValue::Other(_) => "other",
            }
            .to_owned(),
            wa_id: preference
                .customer
                .wa_id
                .as_ref()
                .map(|id| id.as_str().to_owned()),
            ..Said::default()
        },
        other => panic!("{other:?}"),
    }
}

fn file(media: &Media) -> File {
    File {
        id: media.id.clone(),
        mime_type: media.mime_type.clone(),
        sha256: media.sha256.clone(),
        filename: media.filename.clone(),
        is_voice: media.is_voice,
    }
}

/// The shapes in `pywa`'s own tests that its classes do not show: each is one thing that can be read.
#[test]
fn nothing_in_a_shape_that_others_have_seen_is_unreadable() {
    let metadata = json!({ "display_phone_number": "15005550006", "phone_number_id": "1067" });
    let seen = |field: &str, value: Value| {
        let mut value = value;
        value["metadata"] = metadata.clone();
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": field, "value": value }] }] });
        let found = items(body.to_string().as_bytes()).expect("a webhook");
        assert!(!found.is_empty(), "{body}");
        assert!(
            !found.iter().any(|item| matches!(item, Item::Unreadable(_))),
            "{body}"
        );
    };
    let from = |more: Value| {
        let mut message =
            json!({ "from": "972987654321", "id": "wamid.xyzxyz==", "timestamp": "1697043223" });
        message
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        json!({ "messages": [message] })
    };
    seen("messages", from(json!({ "type": "interactive" })));
    seen("messages", from(json!({ "type": "request_welcome" })));
    seen(
        "messages",
        from(json!({ "type": "text", "text": { "body": "x" }, "referral": { "source_id": "ADID" } })),
    );
    seen(
        "messages",
        json!({ "errors": [{ "code": 131_000, "title": "Something went wrong" }] }),
    );
    seen(
        "messages",
        json!({ "statuses": [{ "id": "wamid.x", "status": "read", "timestamp": "1698266945", "recipient_id": "group",
            "recipient_type": "group", "recipient_participant_id": "972987654321" }] }),
    );
    for field in [
        "account_update",
        "calls",
        "message_template_status_update",
        "message_template_quality_update",
        "template_category_update",
        "history",
        "smb_app_state_sync",
        "something_new",
    ] {
        seen(field, json!({ "event": "x" }));
    }
}
