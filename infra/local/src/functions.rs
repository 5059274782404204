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
    macro_rules! serve {
        ($($binary:literal => $function:ident),* $(,)?) => {$(
            let endpoint = Arc::new($function::Endpoint::new(environment)?);
            let serve = InProcess::http(template.function($binary)?, move |request| {
                let endpoint = Arc::clone(&endpoint);
                async move { lambda::answer(request, |request| $function::handle(&endpoint, request)).await }
            });
            functions.insert($binary.to_owned(), Arc::new(serve));
        )*};
    }
    serve! {
        "twilio-voice-webhook" => twilio_voice_webhook,
        "twilio-status-webhook" => twilio_status_webhook,
        "missed-call-poller" => missed_call_poller,
        "job-sweeper" => job_sweeper,
        "cleanup" => cleanup,
    }
    let endpoint = Arc::new(job_runner::Endpoint::new(environment)?);
    let runner = InProcess::typed(
        template.function("job-runner")?,
        move |event: LambdaEvent<SqsEvent>| {
            let endpoint = Arc::clone(&endpoint);
            async move {
                let deadline = Deadline::from_epoch_ms(event.context.deadline);
                Ok(job_runner::handle(&endpoint, event.payload, deadline).await)
            }
        },
    );
    functions.insert("job-runner".to_owned(), Arc::new(runner));
    Ok(functions)
}
