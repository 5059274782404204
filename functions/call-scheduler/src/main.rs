//! The Lambda binary.

use call_scheduler::{Endpoint, handle};
use lambda_http::{Error, run, service_fn};
use shared::Environment;
use shared::platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init();
    let endpoint = Endpoint::new(&Environment::of_process().await?)?;
    run(service_fn(|request| {
        lambda::answer(request, |request| handle(&endpoint, request))
    }))
    .await
}
