//! The Lambda binary.

use lambda_http::{Error, run, service_fn};
use shared::Environment;
use shared::platform::lambda;
use twilio_sms_webhook::{Endpoint, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init();
    let endpoint = Endpoint::new(&Environment::of_process().await?)?;
    run(service_fn(|request| {
        lambda::answer(request, |request| handle(&endpoint, request))
    }))
    .await
}
