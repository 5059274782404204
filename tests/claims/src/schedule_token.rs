//! Requests to run a schedule's function by hand. The lines are the method, the target, `Authorization` and
//! the header that a scheduler of another company sends; the rest is the body.

use std::sync::LazyLock;

use shared::platform::http::HttpError;
use shared::platform::scheduled::{Summary, run};
use shared::platform::secrets::Secrets;

use crate::gateway::{request, through_the_gateway, wait_for};
use crate::lines;

const CURRENT: &str = "test-cron-secret";
const PREVIOUS: &str = "previous-cron-secret";

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    Secrets::of_environment(|name| match name {
        "CRON_SECRET" => Some(CURRENT.to_owned()),
        "CRON_SECRET_PREVIOUS" => Some(PREVIOUS.to_owned()),
        _ => None,
    })
});

pub(crate) fn check(input: &[u8]) {
    let ([method, target, authorization, stranger], body) = lines::split(input);
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-vercel-cron", stranger.as_str()),
    ];
    let Some(sent) = request(&method, &target, &headers, body) else {
        return;
    };
    let query = sent.uri().query().unwrap_or_default().to_owned();
    let Some(arrived) = through_the_gateway(sent) else {
        return;
    };
    let mut has_run = false;
    let work = async {
        has_run = true;
        Ok(Summary::default())
    };
    let result = wait_for(run(&SECRETS, "CRON_SECRET", "GET", &arrived, work));

    // A token in the header goes before one in the address.
    let in_header = authorization
        .strip_prefix("Bearer ")
        .filter(|_| authorization.is_ascii());
    let in_query = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value.into_owned());
    let given = in_header.map(str::to_owned).or(in_query);
    let may = method == "GET" && given.is_some_and(|given| given == CURRENT || given == PREVIOUS);
    assert_eq!(has_run, may, "{authorization:?} and {query:?}");
    match result {
        Ok(response) => assert!(may && response.status() == 200),
        Err(HttpError::Refused { status, .. }) => {
            assert_eq!(status, if method == "GET" { 401 } else { 405 });
        }
        Err(HttpError::Failed(error)) => panic!("{error:#}"),
    }
}
