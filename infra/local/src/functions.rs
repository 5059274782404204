//! Every function that we deploy, run by its own code in this process.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::LambdaEvent;
use shared::Environment;
use shared::platform::lambda::{self, Deadline};

use crate::invoke::{Functions, InProcess};
use crate::template::Template;

/// Builds each function as its cold start would, with the time limit that the template gives it.
pub fn in_process(template: &Template, environment: &Environment) -> anyhow::Result<Functions> {
    let mut functions = Functions::new();
    for function in &template.functions {
        let one = one_in_process(template, environment, &function.binary)?;
        functions.insert(function.binary.clone(), Arc::new(one));
    }
    Ok(functions)
}

/// Builds one function, by its binary's name.
pub fn one_in_process(
    template: &Template,
    environment: &Environment,
    binary: &str,
) -> anyhow::Result<InProcess> {
    let function = template.function(binary)?;
    macro_rules! http {
        ($function:ident) => {{
            let endpoint = Arc::new($function::Endpoint::new(environment)?);
            InProcess::http(function, move |request| {
                let endpoint = Arc::clone(&endpoint);
                async move { lambda::answer(request, |request| $function::handle(&endpoint, request)).await }
            })
        }};
    }
    Ok(match binary {
        "twilio-voice-webhook" => http!(twilio_voice_webhook),
        "twilio-status-webhook" => http!(twilio_status_webhook),
        "twilio-sms-webhook" => http!(twilio_sms_webhook),
        "vapi-webhook" => http!(vapi_webhook),
        "whatsapp-webhook" => http!(whatsapp_webhook),
        "stripe-webhook" => http!(stripe_webhook),
        "customers-webhook" => http!(customers_webhook),
        "missed-call-poller" => http!(missed_call_poller),
        "call-scheduler" => http!(call_scheduler),
        "job-sweeper" => http!(job_sweeper),
        "cleanup" => http!(cleanup),
        "job-runner" => {
            let endpoint = Arc::new(job_runner::Endpoint::new(environment)?);
            InProcess::typed(function, move |event: LambdaEvent<SqsEvent>| {
                let endpoint = Arc::clone(&endpoint);
                async move {
                    let deadline = Deadline::from_epoch_ms(event.context.deadline);
                    Ok(job_runner::handle(&endpoint, event.payload, deadline).await)
                }
            })
        }
        unknown => anyhow::bail!("template.yaml has a function {unknown} whose code is not known here"),
    })
}
