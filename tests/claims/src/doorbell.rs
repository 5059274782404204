//! Messages in the doorbell's queue.

use serde_json::Value;
use shared::platform::queue::{Bell, Workflow};

pub(crate) fn check(input: &[u8]) {
    let Ok(bell) = serde_json::from_slice::<Bell>(input) else {
        return;
    };
    let (version, job, kind) = match serde_json::from_slice(input).expect("it was read as JSON") {
        Value::Object(said) if said.len() == 2 || (said.len() == 3 && said.contains_key("kind")) => {
            (said["v"].clone(), said["job"].clone(), said.get("kind").cloned())
        }
        // The same, by their order.
        Value::Array(said) if said.len() == 2 || said.len() == 3 => {
            (said[0].clone(), said[1].clone(), said.get(2).cloned())
        }
        other => panic!("{other} is no bell"),
    };
    let kind = kind.map(|kind| serde_json::from_value(kind).expect("a workflow"));
    assert_eq!(kind.unwrap_or(Workflow::Text), bell.kind);
    assert_eq!(version.as_u64(), Some(bell.v.into()));
    assert_eq!(job.as_str().and_then(|job| job.parse().ok()), Some(bell.job));
    let written = serde_json::to_string(&bell).expect("a bell is a JSON object");
    assert_eq!(serde_json::from_str::<Bell>(&written).expect("a bell"), bell);
}
