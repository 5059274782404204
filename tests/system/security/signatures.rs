//! What Twilio signed is taken to the letter: the URL as we told it, and every field.

use local::sandbox::sign;
use system_tests::{
    CALLER, DIAL_RESULT, FORM, LINE, OWNER, PostgresProxy, STATUS, TestDatabase, VOICE, World, form,
};
use uuid::Uuid;

use super::{SID, assert_nothing_came_of_it, call_form};

/// Where this stack says that it is; the gateway of the tests is elsewhere.
const PUBLIC: &str = "https://api.example.com";

async fn world_at(public_url: &str) -> World {
    let database = TestDatabase::new().await;
    let line =
        format!("INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')");
    database.sql(&line).await;
    let url = database.application_url().await;
    World::without_lines(database, url, |settings| settings.with("APP_URL", public_url)).await
}

fn fields(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// Posts `body`, as signed for `signed_body` at `signed_url`.
async fn post(world: &World, target: &str, body: &str, signed_url: &str, signed_body: &str) -> u16 {
    let signature = sign(&world.twilio.auth_token(), signed_url, &fields(signed_body));
    let headers = [FORM, ("x-twilio-signature", signature.as_str())];
    world.send("POST", target, &headers, body).await.status
}

#[tokio::test]
async fn a_signature_for_any_other_url_is_forbidden() {
    let world = world_at(PUBLIC).await;
    let body = call_form(SID, &[("CallStatus", "ringing")]);
    let signed_for = async |url: &str| post(&world, VOICE, &body, url, &body).await;
    let own = format!("{PUBLIC}{VOICE}");
    let others = [
        "https://API.example.com/api/webhooks/twilio/voice",
        "HTTPS://api.example.com/api/webhooks/twilio/voice",
        "http://api.example.com/api/webhooks/twilio/voice",
        "https://api.example.com:80/api/webhooks/twilio/voice",
        "https://api.example.com:8443/api/webhooks/twilio/voice",
        "https://api.example.com./api/webhooks/twilio/voice",
        "https://user@api.example.com/api/webhooks/twilio/voice",
        "https://api.example.com/prod/api/webhooks/twilio/voice",
        "https://api.example.com/$default/api/webhooks/twilio/voice",
        "https://api.example.com//api/webhooks/twilio/voice",
        "https://api.example.com/api/webhooks/twilio/voice/",
        "https://api.example.com/api/webhooks/twilio/voice?",
        "https://api.example.com/api/webhooks/twilio/voice#",
        "https://api.example.com/api/webhooks/twilio/Voice",
        "https://api.example.com/api/webhooks/twilio/vo%69ce",
        "https://api.example.com/api/webhooks/twilio/voice?mode=dial-result",
        "",
    ];
    for url in others {
        assert_eq!(signed_for(url).await, 403, "{url}");
    }
    for index in 0..own.len() {
        let mut other = own.clone().into_bytes();
        other[index] ^= 1;
        let other = String::from_utf8(other).expect("still ASCII");
        assert_eq!(signed_for(&other).await, 403, "{other}");
    }
    assert_nothing_came_of_it(&world, "another URL").await;
    assert_eq!(world.count("active_calls").await, 0);
    // Twilio signs with or without the scheme's own port.
    assert_eq!(signed_for(&own).await, 200);
    assert_eq!(
        signed_for("https://api.example.com:443/api/webhooks/twilio/voice").await,
        200
    );
}

#[tokio::test]
async fn a_stack_below_a_path_is_signed_for_with_that_path() {
    let world = world_at("https://api.example.com/switchboard").await;
    let body = call_form(SID, &[("CallStatus", "ringing")]);
    let with = format!("https://api.example.com/switchboard{VOICE}");
    assert_eq!(post(&world, VOICE, &body, &with, &body).await, 200);
    assert_eq!(
        post(&world, VOICE, &body, &format!("{PUBLIC}{VOICE}"), &body).await,
        403
    );
}

#[tokio::test]
async fn a_form_that_differs_in_any_field_is_forbidden() {
    let world = world_at(PUBLIC).await;
    let url = format!("{PUBLIC}{VOICE}");
    let signed = call_form(SID, &[("CallerName", "Ann Lee"), ("CallStatus", "ringing")]);
    let given = fields(&signed);
    let mut forms = Vec::new();
    for index in 0..given.len() {
        let change = |change: &dyn Fn(&mut (String, String))| {
            let mut fields = given.clone();
            change(&mut fields[index]);
            fields
        };
        forms.push(change(&|field| field.1.push(' ')));
        forms.push(change(&|field| field.1.insert(0, ' ')));
        forms.push(change(&|field| field.1.push('\u{feff}')));
        forms.push(change(&|field| field.0.make_ascii_lowercase()));
        forms.push(change(&|field| field.1.clear()));
        let mut without = given.clone();
        let taken = without.remove(index);
        forms.push(without);
        let mut twice = given.clone();
        twice.push((taken.0, "another".to_owned()));
        forms.push(twice);
    }
    for form in &forms {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        assert_eq!(post(&world, VOICE, &body, &url, &signed).await, 403, "{body}");
    }
    assert_eq!(world.count("active_calls").await, 0);
    // How a form is written on the way, and in which order, Twilio does not sign.
    let parts: Vec<&str> = signed.rsplit('&').collect();
    let reversed = parts.join("&");
    for same in [
        reversed.as_str(),
        &signed.replace("Ann+Lee", "Ann%20Lee"),
        &format!("{signed}&CallerName=Ann+Lee"),
    ] {
        assert_eq!(post(&world, VOICE, same, &url, &signed).await, 200, "{same}");
    }
}

#[tokio::test]
async fn a_query_is_signed_as_it_was_written() {
    let world = world_at(PUBLIC).await;
    let body = form(&[
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("MessageStatus", "sent"),
    ]);
    let signed = format!("{PUBLIC}{STATUS}?attempt=a+b&x=%2F");
    let sent_to = async |query: &str| post(&world, &format!("{STATUS}?{query}"), &body, &signed, &body).await;
    for query in [
        "attempt=a%20b&x=%2F",
        "attempt=a+b&x=%2f",
        "attempt=a+b&x=/",
        "x=%2F&attempt=a+b",
        "attempt=a+b&x=%2F&",
        "&attempt=a+b&x=%2F",
        "attempt=a+b&attempt=a+b&x=%2F",
        "attempt=a+b",
        "",
    ] {
        assert_eq!(sent_to(query).await, 403, "{query}");
    }
    assert_eq!(sent_to("attempt=a+b&x=%2F").await, 204);
}

#[tokio::test]
async fn a_signature_for_one_door_opens_no_other() {
    let world = World::begin().await;
    let body = call_form(
        SID,
        &[("DialCallStatus", "no-answer"), ("CallStatus", "no-answer")],
    );
    let attempt = format!("{STATUS}?attempt={}", Uuid::from_u128(7));
    let doors = [VOICE, DIAL_RESULT, STATUS, &attempt];
    for signed in doors {
        let signature = world.signature_of(signed, body.as_bytes());
        let headers = [FORM, ("x-twilio-signature", signature.as_str())];
        for door in doors.iter().filter(|door| **door != signed) {
            let reply = world.send("POST", door, &headers, body.clone()).await;
            assert_eq!(reply.status, 403, "signed for {signed}, posted to {door}");
        }
    }
    assert_nothing_came_of_it(&world, "another door's").await;
}

/// Names and values are signed without anything between them, so whoever has a signed request can divide
/// the same letters otherwise. Nothing that matters can be said that way.
#[tokio::test]
async fn the_same_letters_divided_otherwise_say_nothing() {
    let world = World::begin().await;
    let body = call_form(SID, &[("DialCallStatus", "no-answer")]);
    let letters = format!("CallSid{SID}DialCallStatusno-answerFrom{CALLER}To{LINE}");
    let signature = world.signature_of(DIAL_RESULT, body.as_bytes());
    let headers = [FORM, ("x-twilio-signature", signature.as_str())];
    // All of it in the query, none of it in the form.
    let target = format!("{DIAL_RESULT}{letters}");
    let reply = world.send("POST", &target, &headers, "").await;
    assert!(!reply.dials(OWNER), "{reply:?}");
    // All of it in one field, and the caller's number in another's name.
    let lump = form(&[(letters.as_str(), "")]);
    let shifted = form(&[
        (format!("CallSid{SID}").as_str(), "DialCallStatusno-answer"),
        (format!("From{CALLER}").as_str(), format!("To{LINE}").as_str()),
    ]);
    for body in [lump, shifted] {
        let reply = world.send("POST", DIAL_RESULT, &headers, body).await;
        assert_eq!(reply.status, 200, "its letters are signed");
    }
    assert_nothing_came_of_it(&world, "divided otherwise").await;
    assert_eq!(world.quarantined().await.len(), 3);
}

#[tokio::test]
async fn a_body_of_another_kind_is_not_taken_however_well_it_is_signed() {
    use shared::providers::twilio::{Signed, body_hash, sign};
    let world = World::begin().await;
    let json =
        format!(r#"{{"CallSid":"{SID}","From":"{CALLER}","To":"{LINE}","DialCallStatus":"no-answer"}}"#);
    let query = format!("bodySHA256={}", body_hash(json.as_bytes()));
    let token = world.twilio.auth_token().into();
    for path in [VOICE, STATUS] {
        let signature = sign(&world.url, path, &query, Signed::Body(json.as_bytes()), &token);
        let target = format!("{path}?{query}");
        for (media_type, body, status) in [
            ("application/json", json.as_str(), 415),
            ("application/json", "{}", 415),
            // The form's own fields are not covered by the hash, but by the signature.
            (FORM.1, &call_form(SID, &[("DialCallStatus", "no-answer")]), 403),
            (FORM.1, json.as_str(), 403),
        ] {
            let headers = [
                ("content-type", media_type),
                ("x-twilio-signature", signature.as_str()),
            ];
            let reply = world.send("POST", &target, &headers, body).await;
            assert_eq!(reply.status, status, "{target} {media_type} {body}");
        }
    }
    assert_nothing_came_of_it(&world, "no form").await;
}

#[tokio::test]
async fn a_forger_costs_no_statement_and_no_message() {
    let database = TestDatabase::new().await;
    let proxy = PostgresProxy::before_database().await;
    let url = proxy.url_of(&database);
    let world = World::on(database, url).await;
    proxy.take_statements();
    let body = call_form(SID, &[("DialCallStatus", "no-answer")]);
    let long = format!("{body}&Pad={}", "x".repeat(60_000));
    for target in [VOICE, DIAL_RESULT, STATUS] {
        for body in [&body, &long, "CallSid=%zz", ""] {
            for headers in [vec![FORM], vec![FORM, ("x-twilio-signature", "AAAA")]] {
                assert_eq!(world.send("POST", target, &headers, body).await.status, 403);
            }
        }
    }
    let cron = [("authorization", "Bearer nobody's")];
    for (method, path) in [
        ("GET", "/api/cron/check-missed-calls"),
        ("POST", "/api/jobs/run-outbound"),
    ] {
        assert_eq!(world.send(method, path, &cron, "").await.status, 401);
    }
    assert_eq!(proxy.take_statements(), [""; 0]);
    assert_eq!(world.sqs.calls("SendMessage"), 0);
    assert_eq!(world.twilio.requests().len(), 0);
}
