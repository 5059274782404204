//! Rows of Twilio's lists.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use shared::Phone;
use shared::missed_calls::CallStatus;
use shared::providers::twilio::{CallSid, call_record, message_record};

use crate::draw::Draw;

pub(crate) fn check(input: &[u8]) {
    let Ok(row) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    let said = |name: &str| row.get(name).and_then(Value::as_str);
    if let Some(call) = call_record(&row) {
        assert_eq!(said("sid"), Some(call.sid.as_str()));
        assert!(CallSid::parse(&call.sid).is_some());
        for (name, phone) in [("from", &call.caller), ("to", &call.line)] {
            if let Some(phone) = phone {
                assert_eq!(said(name), Some(phone.as_str()));
                assert!(Phone::parse(phone.as_str()).is_ok());
            }
        }
        assert_eq!(call.is_inbound(), said("direction") == Some("inbound"));
        assert!(can_be_stored(call.status.as_str()), "{:?}", call.status);
        if !matches!(call.status, CallStatus::Other(_) | CallStatus::InProgress) {
            assert_eq!(said("status"), Some(call.status.as_str()));
        }
        for (name, time) in [("start_time", call.began_at), ("end_time", call.ended_at)] {
            assert!(time.is_none() || said(name).is_some() || name == "start_time");
            time.into_iter().for_each(assert_storable_time);
        }
    }
    if let Some(message) = message_record(&row) {
        assert_eq!(said("sid"), Some(message.sid.as_str()));
        assert!(
            !message.sid.is_empty() && can_be_stored(&message.sid),
            "{:?}",
            message.sid
        );
        assert_eq!(said("body").unwrap_or_default(), message.body);
        assert_eq!(message.is_outbound(), said("direction") != Some("inbound"));
        assert_storable_time(message.created_at);
    }
}

/// Postgres keeps no NUL.
fn can_be_stored(text: &str) -> bool {
    !text.contains('\0') && text.len() <= 256
}

/// A second that another reader of the list would find in it as well.
fn assert_storable_time(time: Timestamp) {
    let written = sandbox_date(time);
    let again = call_record(&row_of(&written)).and_then(|call| call.ended_at);
    assert_eq!(again, Some(time), "{written}");
}

pub(crate) fn check_dates(input: &[u8]) {
    let mut draw = Draw::new(input);
    // Years with four digits: what the format can say.
    let seconds = draw.number(-62_135_596_800..=253_402_207_200);
    let time = Timestamp::from_second(seconds).expect("a year of four digits");
    assert_storable_time(time);
    let elsewhere = time.to_zoned(TimeZone::fixed(jiff::tz::Offset::constant(
        i8::try_from(draw.number(-12..=12)).expect("a dozen"),
    )));
    if let Ok(written) = jiff::fmt::rfc2822::to_string(&elsewhere) {
        let read = call_record(&row_of(&written)).and_then(|call| call.ended_at);
        assert_eq!(read, Some(time), "{written}");
    }
}

/// As the sandbox writes it.
fn sandbox_date(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

fn row_of(end_time: &str) -> Value {
    json!({ "sid": "CA1", "status": "completed", "direction": "inbound", "end_time": end_time })
}
