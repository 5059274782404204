//! Least privilege: what each function may do, and what it is told.

use std::collections::{BTreeMap, BTreeSet};

use local::template::{Template, referred};
use serde_json::Value;

use super::{resources, template};

/// Every permission that there is. One that is added is thought about here.
const PERMISSIONS: [(&str, &[(&str, &str)]); 12] = [
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
    ("twilio-sms-webhook", &[("sqs:SendMessage", "ParkedEventsQueue")]),
    ("vapi-webhook", &[("sqs:SendMessage", "ParkedEventsQueue")]),
    (
        "whatsapp-webhook",
        &[
            ("sqs:SendMessage", "RepliesQueue"),
            ("sqs:SendMessage", "ParkedEventsQueue"),
        ],
    ),
    ("stripe-webhook", &[("sqs:SendMessage", "ParkedEventsQueue")]),
    ("customers-webhook", &[("sqs:SendMessage", "ParkedEventsQueue")]),
    ("missed-call-poller", &[("sqs:SendMessage", "MessagesQueue")]),
    ("call-scheduler", &[("sqs:SendMessage", "CallsQueue")]),
    (
        "job-sweeper",
        &[
            ("sqs:SendMessage", "MessagesQueue"),
            ("sqs:SendMessage", "CallsQueue"),
            ("sqs:SendMessage", "RepliesQueue"),
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
            ("sqs:ReceiveMessage", "CallsQueue"),
            ("sqs:DeleteMessage", "CallsQueue"),
            ("sqs:GetQueueAttributes", "CallsQueue"),
            ("sqs:ReceiveMessage", "RepliesQueue"),
            ("sqs:DeleteMessage", "RepliesQueue"),
            ("sqs:GetQueueAttributes", "RepliesQueue"),
        ],
    ),
    ("cleanup", &[]),
];

/// One value or a list of them.
fn listed(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
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
