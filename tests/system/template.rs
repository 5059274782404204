//! What `template.yaml` must say and no other check looks at: `sam validate --lint` passes a template that
//! breaks any of these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use local::template::{Queue, Template, referred};
use serde_json::Value;

const FUNCTION: &str = "AWS::Serverless::Function";

/// Every permission that there is. One that is added is thought about here.
const PERMISSIONS: [(&str, &[(&str, &str)]); 6] = [
    (
        "twilio-voice-webhook",
        &[
            ("sqs:SendMessage", "MessagesQueue"),
            ("sqs:SendMessage", "ParkedEventsQueue"),
        ],
    ),
    (
        "twilio-status-webhook",
        &[
            ("sqs:SendMessage", "MessagesQueue"),
            ("sqs:SendMessage", "ParkedEventsQueue"),
        ],
    ),
    ("missed-call-poller", &[("sqs:SendMessage", "MessagesQueue")]),
    (
        "job-sweeper",
        &[
            ("sqs:SendMessage", "MessagesQueue"),
            ("sqs:ReceiveMessage", "ParkedEventsQueue"),
            ("sqs:DeleteMessage", "ParkedEventsQueue"),
        ],
    ),
    (
        "job-runner",
        &[
            ("sqs:ReceiveMessage", "MessagesQueue"),
            ("sqs:DeleteMessage", "MessagesQueue"),
            ("sqs:GetQueueAttributes", "MessagesQueue"),
        ],
    ),
    ("cleanup", &[]),
];

/// What anybody on the internet can reach, and what they must show there.
const DOORS: [(&str, &str); 6] = [
    ("ANY /api/webhooks/twilio/voice", "Twilio's signature"),
    ("ANY /api/webhooks/twilio/status", "Twilio's signature"),
    ("GET /api/cron/check-missed-calls", "CRON_SECRET"),
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

/// One value or a list of them.
fn listed(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

fn seconds(queue: &Queue, attribute: &str) -> u64 {
    queue
        .attribute(attribute)
        .unwrap_or_else(|| panic!("{} has no {attribute}", queue.logical_id))
        .parse()
        .unwrap()
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
    let routes: BTreeSet<_> = template.routes.iter().map(local::template::Route::key).collect();
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
fn a_batch_is_answered_message_by_message() {
    let template = template();
    let mut mappings = 0;
    for (place, kind, properties) in events(&template) {
        if kind == "SQS" {
            mappings += 1;
            let types = &properties["FunctionResponseTypes"];
            assert_eq!(*types, serde_json::json!(["ReportBatchItemFailures"]), "{place}");
            assert!(
                properties["MaximumBatchingWindowInSeconds"].is_null(),
                "{place}: FIFO queues have none"
            );
        }
    }
    assert_eq!(mappings, template.queue_triggers.len());
    for trigger in &template.queue_triggers {
        let queue = template.queue(&trigger.queue).unwrap();
        assert!(
            queue.is_fifo() && (1..=10).contains(&trigger.batch_size),
            "{}",
            trigger.queue
        );
        assert!(
            (2..=1000).contains(&trigger.maximum_concurrency),
            "{}",
            trigger.queue
        );
        let timeout = template.function(&trigger.function).unwrap().timeout.as_secs();
        let visibility = seconds(queue, "VisibilityTimeout");
        assert!(
            visibility >= 6 * timeout,
            "{}: {visibility} s for a function of {timeout} s",
            trigger.queue
        );
    }
}

#[test]
fn a_fifo_queue_is_one_by_name_and_by_nature() {
    let template = template();
    let names: BTreeSet<_> = template.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names.len(), template.queues.len(), "no name twice");
    for (id, queue) in resources(&template, "AWS::SQS::Queue") {
        let name = queue["QueueName"]["Fn::Sub"].as_str().unwrap();
        assert!(
            name.starts_with("${AWS::StackName}-"),
            "{id}: two stacks would meet"
        );
    }
    for queue in &template.queues {
        let id = &queue.logical_id;
        assert_eq!(queue.is_fifo(), queue.name.ends_with(".fifo"), "{id}");
        assert_eq!(queue.attribute("SqsManagedSseEnabled"), Some("true"), "{id}");
        if queue.is_fifo() && queue.dead_letters.is_some() {
            assert_eq!(
                queue.attribute("DeduplicationScope"),
                Some("messageGroup"),
                "{id}"
            );
            assert_eq!(
                queue.attribute("FifoThroughputLimit"),
                Some("perMessageGroupId"),
                "{id}"
            );
        }
    }
}

#[test]
fn every_queue_has_dead_letters_of_its_kind() {
    let template = template();
    let collecting: BTreeSet<_> = template
        .queues
        .iter()
        .filter_map(|queue| Some(queue.dead_letters.as_ref()?.queue.as_str()))
        .chain(["ScheduleDeadLetters"])
        .collect();
    for queue in &template.queues {
        let id = &queue.logical_id;
        match &queue.dead_letters {
            None => {
                assert!(
                    collecting.contains(id.as_str()),
                    "{id} loses what cannot be taken"
                );
                assert_eq!(
                    seconds(queue, "MessageRetentionPeriod"),
                    14 * 24 * 60 * 60,
                    "{id}"
                );
            }
            Some(dead_letters) => {
                let collector = template.queue(&dead_letters.queue).unwrap();
                assert_eq!(collector.is_fifo(), queue.is_fifo(), "{id}");
                assert!(collector.dead_letters.is_none(), "{id}");
                // Throttled deliveries count.
                assert!(dead_letters.max_receive_count >= 5, "{id}");
                // A message keeps its age when it moves.
                let (before, after) = (
                    seconds(queue, "MessageRetentionPeriod"),
                    seconds(collector, "MessageRetentionPeriod"),
                );
                assert!(after >= before, "{id}");
            }
        }
    }
}

/// What a function may do beyond its own log, as (action, resource).
fn permissions(template: &Template, logical_id: &str) -> BTreeSet<(String, String)> {
    let function = &template.document["Resources"][logical_id]["Properties"];
    // Policies here would make a role that SAM widens.
    assert!(function.get("Policies").is_none(), "{logical_id}");
    let role_id = referred(&function["Role"]).unwrap();
    let role = &template.document["Resources"][role_id]["Properties"];
    assert_eq!(role_id, format!("{logical_id}Role"), "no function shares a role");
    let principal = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"];
    assert_eq!(
        *principal,
        serde_json::json!({ "Service": "lambda.amazonaws.com" })
    );
    let managed = &role["ManagedPolicyArns"]["Fn::If"];
    assert_eq!(
        (&managed[0], &managed[2]["Ref"]),
        (&"HasVpc".into(), &"AWS::NoValue".into()),
        "{role_id}"
    );

    let policies = listed(&role["Policies"]).into_iter();
    let statements = policies.flat_map(|policy| listed(&policy["PolicyDocument"]["Statement"]));
    let mut permissions = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{role_id}");
        for key in statement.as_object().unwrap().keys() {
            assert!(
                ["Effect", "Action", "Resource"].contains(&key.as_str()),
                "{role_id} has a {key}"
            );
        }
        for action in listed(&statement["Action"]) {
            for resource in listed(&statement["Resource"]) {
                let action = action.as_str().unwrap();
                let resource =
                    referred(resource).unwrap_or_else(|| panic!("{role_id}: {action} on {resource}"));
                assert!(!action.contains('*'), "{role_id}: {action}");
                permissions.insert((action.to_owned(), resource.to_owned()));
            }
        }
    }
    let own_log = format!("{logical_id}Logs");
    assert_eq!(
        referred(&function["LoggingConfig"]["LogGroup"]),
        Some(own_log.as_str())
    );
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        assert!(
            permissions.remove(&(action.to_owned(), own_log.clone())),
            "{role_id} cannot log"
        );
    }
    permissions
}

#[test]
fn a_function_may_do_what_it_must_and_nothing_else() {
    let template = template();
    let table = BTreeMap::from(PERMISSIONS);
    assert_eq!(table.len(), template.functions.len());
    for function in &template.functions {
        let allowed = table.get(function.binary.as_str()).copied().unwrap_or_default();
        let allowed = allowed
            .iter()
            .chain([&("secretsmanager:GetSecretValue", "SecretsArn")]);
        let allowed = allowed.map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned()));
        assert_eq!(
            permissions(&template, &function.logical_id),
            allowed.collect(),
            "{}",
            function.binary
        );
    }
    // Nothing is granted from the other side either.
    for kind in [
        "AWS::SQS::QueuePolicy",
        "AWS::Lambda::Permission",
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
    ] {
        assert!(resources(&template, kind).is_empty(), "{kind}");
    }
    assert_eq!(
        resources(&template, "AWS::IAM::Role").len(),
        template.functions.len()
    );
}

#[test]
fn a_function_that_is_told_of_a_queue_may_use_it() {
    let template = template();
    for function in &template.functions {
        let told = function
            .environment
            .iter()
            .filter(|(name, _)| name.ends_with("_QUEUE_URL"));
        let told: BTreeSet<_> = told
            .map(|(_, value)| referred(value).unwrap().to_owned())
            .collect();
        let mapped = template
            .queue_triggers
            .iter()
            .filter(|trigger| trigger.function == function.binary);
        let mapped: BTreeSet<_> = mapped.map(|trigger| trigger.queue.clone()).collect();
        let permissions = permissions(&template, &function.logical_id).into_iter();
        let usable = permissions
            .filter(|(action, _)| action.starts_with("sqs:"))
            .map(|(_, queue)| queue);
        assert_eq!(
            told.union(&mapped).cloned().collect::<BTreeSet<_>>(),
            usable.collect(),
            "{}",
            function.binary
        );
    }
}

#[test]
fn no_secret_stands_in_the_environment() {
    let template = template();
    for function in &template.functions {
        assert_eq!(referred(&function.environment["SECRETS_ID"]), Some("SecretsArn"));
        for name in function.environment.keys() {
            let secret = ["TOKEN", "SECRET", "KEY", "PASSWORD", "DATABASE_URL", "DIRECT_URL"];
            let is_one = secret.iter().any(|word| name.ends_with(word));
            assert!(!is_one, "{} is given {name} in the clear", function.binary);
        }
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
