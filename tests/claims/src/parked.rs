//! Requests that wait for the database. The first line is the query, the rest is the body.

use jiff::Timestamp;
use shared::inbound::{ParkedEvent, Route};
use shared::platform::queue::group_of;
use shared::providers::twilio::{Form, Verified, WebhookError};

use crate::lines;

const HEARD_AT: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn check(input: &[u8]) {
    let ([query], body) = lines::split(input);
    for route in [Route::Voice, Route::Status, Route::Sms] {
        let request = Verified {
            heard_at: HEARD_AT,
            query: query.clone(),
            body: body.to_vec(),
            form: Form::parse(body).map_err(WebhookError::from),
        };
        let message = ParkedEvent::of(route, &request);
        let parked: ParkedEvent = serde_json::from_str(&message).expect("what was parked can be read");
        assert_eq!(
            (parked.v, parked.route, &parked.query, parked.heard_at),
            (1, route, &query, HEARD_AT)
        );
        assert_eq!(parked.body().as_deref(), Some(body));
        // What a queue takes: text that XML could carry.
        assert!(
            message.chars().all(|character| character >= ' '),
            "a queue refuses {message:?}"
        );

        for subject in [request.subject(), request.sender()] {
            let group = group_of(&subject);
            assert!(
                group.len() == 32 && group.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{group}"
            );
        }
    }
    // Whatever else lies in the queue is read or refused.
    if let Ok(parked) = serde_json::from_slice::<ParkedEvent>(input) {
        let _ = parked.body();
    }
}
