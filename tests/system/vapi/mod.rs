//! Vapi as we speak with it, against the sandbox: its own record says who was called.

mod messages;
mod records;
mod sends;
mod settings;

use std::collections::BTreeMap;

use jiff::Timestamp;
use local::sandbox::SandboxClock;
use local::sandbox_vapi::{SandboxVapi, SandboxVapiConfig};
use shared::jobs::{self, Grant, Outcome, Permit};
use shared::platform::database::Database;
use shared::platform::gate::Gate;
use shared::providers::vapi::{Call, Client, Line};
use system_tests::{LINE, OWNER, TestDatabase};
use uuid::Uuid;

const CUSTOMER: &str = "+14035550001";
const OTHER_CUSTOMER: &str = "+14035550002";

fn noon() -> Timestamp {
    "2026-06-10T17:00:00Z".parse().expect("a time")
}

/// Vapi, with a clock that stands still.
async fn vapi() -> SandboxVapi {
    SandboxVapi::start(SandboxVapiConfig {
        clock: SandboxClock::standing_at(noon()),
        ..SandboxVapiConfig::default()
    })
    .await
    .expect("a port")
}

fn client(vapi: &SandboxVapi) -> Client {
    let line = Line {
        assistant_id: vapi.assistant_id().to_owned(),
        phone_number_id: vapi.phone_number_id().to_owned(),
    };
    let account = vapi.clone();
    let key = move || account.api_key().into();
    Client::new(&vapi.base_url(), line, key, Gate::default()).expect("a client")
}

fn call() -> Call {
    Call {
        customer_id: "cust_42".to_owned(),
        customer_name: "Ann".to_owned(),
        variables: BTreeMap::from([("first_name".to_owned(), "Ann".to_owned())]),
    }
}

/// Somebody who grants permits. They say whom they are for and nothing of a channel.
struct Ledger {
    owner: TestDatabase,
    application: Database,
}

impl Ledger {
    async fn new() -> Self {
        let owner = TestDatabase::new().await;
        owner
            .sql(&format!(
                "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')"
            ))
            .await;
        let url = owner.application_url().await.into();
        let application = Database::new(&url, None, 1, Gate::default()).expect("a database");
        Self { owner, application }
    }

    /// The permit to reach somebody who has not been reached before.
    async fn permit(&self, recipient: &str) -> Permit {
        let job = Uuid::new_v4();
        self.owner
            .sql(&format!(
                "INSERT INTO jobs (id, kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
                 VALUES ('{job}', 'missed_call_text', 'CA{}', '{recipient}', '{LINE}', 'dial_result', switchboard_now(),
                         switchboard_now(), switchboard_now() + interval '2 hours')",
                job.simple()
            ))
            .await;
        let connection = self.application.connection().await.expect("a connection");
        match jobs::grant(&connection, job, "hello").await {
            Ok(Grant::Permitted { permit, .. }) => permit,
            other => panic!("{other:?}"),
        }
    }
}

/// Places a call to somebody; the attempt, and what came of it.
async fn place(vapi: &SandboxVapi, ledger: &Ledger, recipient: &str) -> (Uuid, Outcome) {
    let permit = ledger.permit(recipient).await;
    let attempt = permit.attempt();
    (attempt, client(vapi).place_call(permit, &call(), || true).await)
}
