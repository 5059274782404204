//! Messages in the doorbell's queue.

use serde_json::Value;
use shared::platform::queue::Bell;

pub(crate) fn check(input: &[u8]) {
    let Ok(bell) = serde_json::from_slice::<Bell>(input) else {
        return;
    };
    let (version, job) = match serde_json::from_slice(input).expect("it was read as JSON") {
        Value::Object(said) if said.len() == 2 => (said["v"].clone(), said["job"].clone()),
        // The same two, by their order.
        Value::Array(said) if said.len() == 2 => (said[0].clone(), said[1].clone()),
        other => panic!("{other} is no bell"),
    };
    assert_eq!(version.as_u64(), Some(bell.v.into()));
    assert_eq!(job.as_str().and_then(|job| job.parse().ok()), Some(bell.job));
    let written = serde_json::to_string(&bell).expect("a bell is a JSON object");
    assert_eq!(serde_json::from_str::<Bell>(&written).expect("a bell"), bell);
}
