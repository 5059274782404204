//! The Lambda binary.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use job_runner::{Endpoint, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::Environment;
use shared::platform::lambda::{self, Deadline};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init();
    let endpoint = Endpoint::new(&Environment::of_process().await?)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Deadline::from_epoch_ms(event.context.deadline);
        Ok::<SqsBatchResponse, Error>(handle(&endpoint, event.payload, deadline).await)
    }))
    .await
}
