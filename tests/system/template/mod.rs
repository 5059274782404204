//! What `template.yaml` must say and no other check looks at: `sam validate --lint` passes a template that
//! breaks any of these.

mod permissions;
mod queues;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use local::template::{Route, Template, referred};
use serde_json::Value;

const FUNCTION: &str = "AWS::Serverless::Function";

/// What anybody on the internet can reach, and what they must show there.
const DOORS: [(&str, &str); 12] = [
    ("ANY /api/webhooks/twilio/voice", "Twilio's signature"),
    ("ANY /api/webhooks/twilio/status", "Twilio's signature"),
    ("ANY /api/webhooks/twilio/sms", "Twilio's signature"),
    ("ANY /api/webhooks/vapi", "Vapi's signature"),
    ("ANY /api/webhooks/whatsapp", "Meta's signature"),
    ("ANY /api/webhooks/stripe", "Stripe's signature"),
    ("ANY /api/webhooks/customers", "the shop's signature"),
    ("GET /api/cron/check-missed-calls", "CRON_SECRET"),
    ("GET /api/calls/process", "CRON_SECRET"),
    ("GET /api/cron/run-outbound-jobs", "CRON_SECRET"),
    ("DELETE /api/cron/cleanup-old-calls", "CRON_SECRET"),
    ("POST /api/jobs/run-outbound", "JOB_RUNNER_TOKEN"),
];

/// What SAM understands of an event; it drops the rest without a word.
const EVENT_PROPERTIES: [(&str, &[&str]); 3] = [
    (
        "HttpApi",
        &[
            "ApiId",
            "Auth",
            "Method",
            "Path",
            "PayloadFormatVersion",
            "RouteSettings",
            "TimeoutInMillis",
        ],
    ),
    (
        "ScheduleV2",
        &[
            "DeadLetterConfig",
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "Input",
            "KmsKeyArn",
            "Name",
            "OmitName",
            "PermissionsBoundary",
            "RetryPolicy",
            "RoleArn",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
        ],
    ),
    (
        "SQS",
        &[
            "BatchSize",
            "Enabled",
            "FilterCriteria",
            "FunctionResponseTypes",
            "KmsKeyArn",
            "MaximumBatchingWindowInSeconds",
            "Queue",
            "ScalingConfig",
        ],
    ),
];

fn template() -> Template {
    Template::own().unwrap()
}

/// Every resource of a type.
fn resources<'a>(template: &'a Template, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let resources = template.document["Resources"].as_object().unwrap().iter();
    let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
        .collect()
}

/// Every event of every function: where it is, its type, its properties.
fn events(template: &Template) -> Vec<(String, &str, &Value)> {
    let functions = resources(template, FUNCTION).into_iter();
    let events = functions.flat_map(|(id, function)| {
        let events = function["Events"].as_object().unwrap().iter();
        events.map(move |(name, event)| {
            (
                format!("{id}.{name}"),
                event["Type"].as_str().unwrap(),
                &event["Properties"],
            )
        })
    });
    events.collect()
}

#[test]
fn every_function_is_a_crate_and_every_crate_a_function() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let mut crates = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if let Ok(manifest) = std::fs::read_to_string(entry.path().join("Cargo.toml")) {
            let name = entry.file_name().into_string().unwrap();
            let binary = format!("[[bin]]\nname = \"{name}\"\n");
            assert!(
                manifest.contains(&binary),
                "functions/{name} builds no binary of its name"
            );
            crates.insert(name);
        }
    }
    let template = template();
    let binaries = template.functions.iter().map(|function| function.binary.clone());
    assert_eq!(binaries.collect::<BTreeSet<_>>(), crates);
}

#[test]
fn every_function_is_built_and_run_as_rust() {
    let template = template();
    let globals = &template.document["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Architectures"], serde_json::json!(["arm64"]));
    // From the workspace's root, so that everything is built once, with one set of features.
    assert_eq!(globals["CodeUri"], ".");
    for (id, function) in resources(&template, FUNCTION) {
        let metadata = &template.document["Resources"][id]["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda", "{id}");
        for global in ["Runtime", "Architectures", "CodeUri", "Handler"] {
            assert!(function.get(global).is_none(), "{id} has a {global} of its own");
        }
    }
}

#[test]
fn every_event_is_written_in_words_that_sam_knows() {
    let known = BTreeMap::from(EVENT_PROPERTIES);
    let template = template();
    for (place, kind, properties) in events(&template) {
        let known = known
            .get(kind)
            .unwrap_or_else(|| panic!("{place}: what is a {kind}?"));
        for property in properties.as_object().unwrap().keys() {
            assert!(
                known.contains(&property.as_str()),
                "{place}: SAM knows no {property}"
            );
        }
    }
}

#[test]
fn the_doors_are_the_ones_that_are_guarded() {
    let template = template();
    let routes: BTreeSet<_> = template.routes.iter().map(Route::key).collect();
    assert_eq!(
        routes,
        DOORS.iter().map(|(route, _)| (*route).to_owned()).collect()
    );
    for (place, kind, properties) in events(&template) {
        // Left out, SAM would open a second API beside ours.
        assert!(
            kind != "HttpApi" || referred(&properties["ApiId"]) == Some("Api"),
            "{place}"
        );
    }
}

#[test]
fn a_tick_that_failed_is_left_to_the_next_one() {
    let template = template();
    let scheduled: BTreeSet<_> = template
        .schedules
        .iter()
        .map(|schedule| schedule.function.as_str())
        .collect();
    for function in &template.functions {
        let config = &template.document["Resources"][&function.logical_id]["Properties"]["EventInvokeConfig"];
        if scheduled.contains(function.binary.as_str()) {
            assert_eq!(config["MaximumRetryAttempts"], 0, "{}", function.binary);
            assert_eq!(config["MaximumEventAgeInSeconds"], 60, "{}", function.binary);
        } else {
            assert!(
                config.is_null(),
                "{} is never invoked asynchronously",
                function.binary
            );
        }
    }
    for (place, kind, properties) in events(&template) {
        if kind != "ScheduleV2" {
            continue;
        }
        let expression = properties["ScheduleExpression"].as_str().unwrap();
        let fields = expression
            .strip_prefix("cron(")
            .map(|fields| fields.split(' ').count());
        assert!(
            expression.starts_with("rate(") || fields == Some(6),
            "{place}: {expression}"
        );
        assert_eq!(properties["RetryPolicy"]["MaximumRetryAttempts"], 0, "{place}");
        assert_eq!(
            properties["RetryPolicy"]["MaximumEventAgeInSeconds"], 60,
            "{place}"
        );
        // A name given by SAM would be the same for every stack of the account.
        assert_eq!(properties["OmitName"], true, "{place}");
        let dead_letters = referred(&properties["DeadLetterConfig"]["Arn"]).unwrap();
        assert!(
            !template.queue(dead_letters).unwrap().is_fifo(),
            "{place}: Scheduler writes to no FIFO queue"
        );
    }
}

#[test]
fn logs_are_kept_for_a_month() {
    let template = template();
    let logs = resources(&template, "AWS::Logs::LogGroup");
    assert_eq!(logs.len(), template.functions.len());
    for (id, log) in logs {
        assert_eq!(log["RetentionInDays"], 30, "{id}");
    }
}
