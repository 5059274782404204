//! From the document to what a stack consists of.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Function, Queue, QueueTrigger, Route, Schedule, Template, referred};

/// Lambda's own, where the template says nothing.
const DEFAULT_TIMEOUT_SECS: u64 = 3;
const DEFAULT_MEMORY_MB: u32 = 128;
/// An event source mapping's own.
const DEFAULT_BATCH_SIZE: u8 = 10;
/// As many as SQS starts with, where the template sets no limit.
const DEFAULT_CONCURRENCY: u16 = 5;

pub(super) fn read(document: Value) -> anyhow::Result<Template> {
    let mut template = Template {
        functions: Vec::new(),
        routes: Vec::new(),
        schedules: Vec::new(),
        queue_triggers: Vec::new(),
        queues: Vec::new(),
        document,
    };
    let document = template.document.clone();
    let globals = &document["Globals"]["Function"];
    let resources = document["Resources"]
        .as_object()
        .context("the template has no Resources")?;
    for (id, resource) in resources {
        match resource["Type"].as_str() {
            Some("AWS::Serverless::Function") => read_function(&mut template, id, resource, globals),
            Some("AWS::SQS::Queue") => {
                Queue::read(id, &resource["Properties"]).map(|queue| template.queues.push(queue))
            }
            Some(_) => Ok(()),
            None => bail!("{id} has no Type"),
        }
        .with_context(|| format!("template.yaml, {id}"))?;
    }
    for trigger in &template.queue_triggers {
        template.queue(&trigger.queue)?;
    }
    Ok(template)
}

fn read_function(template: &mut Template, id: &str, resource: &Value, globals: &Value) -> anyhow::Result<()> {
    let properties = with_globals(globals, &resource["Properties"]);
    let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
    let binary = binary
        .context("Metadata.BuildProperties.Binary says which binary to build")?
        .to_owned();
    let timeout = properties["Timeout"].as_u64().unwrap_or(DEFAULT_TIMEOUT_SECS);
    let memory = properties["MemorySize"]
        .as_u64()
        .and_then(|memory| u32::try_from(memory).ok());
    let environment: BTreeMap<String, Value> = match &properties["Environment"]["Variables"] {
        Value::Object(variables) => variables.clone().into_iter().collect(),
        _ => BTreeMap::new(),
    };
    ensure!(
        template.function(&binary).is_err(),
        "{binary} is built for another function already"
    );
    template.functions.push(Function {
        logical_id: id.to_owned(),
        binary: binary.clone(),
        timeout: Duration::from_secs(timeout),
        memory: memory.unwrap_or(DEFAULT_MEMORY_MB),
        environment,
    });
    for (name, event) in properties["Events"].as_object().into_iter().flatten() {
        let event = serde_json::from_value(event.clone()).with_context(|| format!("event {name}"))?;
        read_event(template, format!("{id}{name}"), binary.clone(), event)
            .with_context(|| format!("event {name}"))?;
    }
    Ok(())
}

/// As SAM does it: objects are merged, everything else is replaced.
fn with_globals(globals: &Value, own: &Value) -> Value {
    match (globals, own) {
        (Value::Object(globals), Value::Object(own)) => {
            let mut merged: Map<String, Value> = globals.clone();
            for (key, value) in own {
                merged.insert(
                    key.clone(),
                    with_globals(globals.get(key).unwrap_or(&Value::Null), value),
                );
            }
            Value::Object(merged)
        }
        (globals, Value::Null) => globals.clone(),
        (_, own) => own.clone(),
    }
}

fn read_event(template: &mut Template, name: String, function: String, event: Event) -> anyhow::Result<()> {
    match event {
        Event::HttpApi(HttpApi { api_id, method, path }) => {
            ensure!(referred(&api_id).is_some(), "ApiId names no API of this stack");
            ensure!(path.starts_with('/'), "a path starts with a slash");
            template.routes.push(Route {
                method: method.to_ascii_uppercase(),
                path,
                function,
            });
        }
        Event::ScheduleV2(schedule) => {
            let expression = schedule.schedule_expression.parse()?;
            template.schedules.push(Schedule {
                name,
                expression,
                function,
            });
        }
        Event::Sqs(sqs) => template.queue_triggers.push(QueueTrigger {
            queue: referred(&sqs.queue)
                .context("Queue names no queue of this stack")?
                .to_owned(),
            function,
            batch_size: sqs.batch_size.unwrap_or(DEFAULT_BATCH_SIZE),
            maximum_concurrency: sqs
                .scaling_config
                .map_or(DEFAULT_CONCURRENCY, |config| config.maximum_concurrency),
            partial_batch: match sqs.function_response_types.as_slice() {
                [] => false,
                [only] if only == "ReportBatchItemFailures" => true,
                other => bail!("Lambda knows no FunctionResponseTypes {other:?}"),
            },
        }),
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    HttpApi(HttpApi),
    ScheduleV2(ScheduleV2),
    #[serde(rename = "SQS")]
    Sqs(Sqs),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HttpApi {
    api_id: Value,
    method: String,
    path: String,
}

/// What becomes of a tick that failed is AWS's business: on one machine, it is logged.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleV2 {
    schedule_expression: String,
    #[serde(rename = "OmitName")]
    _omit_name: Option<bool>,
    #[serde(rename = "RetryPolicy")]
    _retry_policy: Option<Value>,
    #[serde(rename = "DeadLetterConfig")]
    _dead_letter_config: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Sqs {
    queue: Value,
    batch_size: Option<u8>,
    #[serde(default)]
    function_response_types: Vec<String>,
    scaling_config: Option<ScalingConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScalingConfig {
    maximum_concurrency: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stacks_own_template_is_understood() {
        let template = Template::own().unwrap();
        let sweeper = template.function("job-sweeper").unwrap();
        assert_eq!(sweeper.timeout, Duration::from_mins(1));
        assert_eq!(sweeper.memory, 512, "from Globals");
        assert_eq!(
            sweeper.environment["PARKED_EVENTS_QUEUE_URL"]["Ref"],
            "ParkedEventsQueue"
        );
        let voice = "ANY /api/webhooks/twilio/voice";
        assert!(
            template
                .routes
                .iter()
                .any(|route| route.key() == voice && route.function == "twilio-voice-webhook")
        );
        let minutely: Vec<_> = template
            .schedules
            .iter()
            .filter(|schedule| schedule.expression == "rate(1 minute)".parse().unwrap())
            .map(|schedule| schedule.function.as_str())
            .collect();
        assert_eq!(minutely, ["call-scheduler", "job-sweeper", "missed-call-poller"]);
    }

    #[test]
    fn a_queue_is_what_create_queue_wants() {
        let template = Template::own().unwrap();
        let [trigger] = template
            .queue_triggers
            .iter()
            .filter(|trigger| trigger.queue == "MessagesQueue")
            .collect::<Vec<_>>()[..]
        else {
            panic!("one function takes from it")
        };
        assert_eq!(
            (
                trigger.batch_size,
                trigger.maximum_concurrency,
                trigger.partial_batch
            ),
            (5, 5, true)
        );
        let queue = template.queue(&trigger.queue).unwrap();
        assert_eq!(queue.name, "messages.fifo");
        assert!(queue.is_fifo());
        let attributes = queue.attributes(|queue| format!("arn:{queue}"));
        assert_eq!(attributes["VisibilityTimeout"], "180");
        let redrive: Value = serde_json::from_str(&attributes["RedrivePolicy"]).unwrap();
        assert_eq!(redrive["deadLetterTargetArn"], "arn:MessagesDeadLetters");
        assert_eq!(redrive["maxReceiveCount"], 5);
    }

    #[track_caller]
    fn refuses(event: &str, because: &str) {
        let text = format!(
            "Resources: {{Q: {{Type: 'AWS::SQS::Queue', Properties: {{QueueName: q}}}}, F: {{Type: \
             'AWS::Serverless::Function', Metadata: {{BuildProperties: {{Binary: f}}}}, Properties: {{Events: \
             {{E: {event}}}}}}}}}"
        );
        let error = format!("{:#}", Template::parse(&text).unwrap_err());
        assert!(error.contains(because), "{error}");
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        refuses(
            "{Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSizee: 5}}",
            "BatchSizee",
        );
        refuses(
            "{Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Pathh: /}}",
            "Pathh",
        );
        refuses(
            "{Type: ScheduleV3, Properties: {ScheduleExpression: rate(1 minute)}}",
            "ScheduleV3",
        );
        refuses(
            "{Type: SQS, Properties: {Queue: !GetAtt Q.Arn, FunctionResponseTypes: [ReportBatchItemFailure]}}",
            "ReportBatchItemFailure",
        );
        refuses(
            "{Type: ScheduleV2, Properties: {ScheduleExpression: 'cron(* * * * *)'}}",
            "six fields",
        );
        refuses("{Type: SQS, Properties: {Queue: !GetAtt Gone.Arn}}", "Gone");
    }
}
