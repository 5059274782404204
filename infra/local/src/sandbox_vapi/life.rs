//! Calls that go by themselves, where nobody says how.

use std::{collections::HashSet, time::Duration};

use super::{Call, SandboxVapi, ServerMessage};
use crate::sandbox::webhooks::client;

/// How long each step takes: until it rings, until somebody answers, until they hang up.
const RINGS_AFTER: Duration = Duration::from_secs(1);
const RINGS_FOR: Duration = Duration::from_secs(3);
const TALKS_FOR: Duration = Duration::from_secs(6);

impl SandboxVapi {
    /// Lets every call that is accepted ring, be answered and end, and tells of each step.
    pub async fn live(self) {
        let mut begun = HashSet::new();
        loop {
            let call = self
                .when(|vapi| vapi.calls().into_iter().find(|call| !begun.contains(&call.id)))
                .await;
            begun.insert(call.id.clone());
            let vapi = self.clone();
            tokio::spawn(async move { vapi.let_it_go(&call.id).await });
        }
    }

    async fn let_it_go(&self, id: &str) {
        tokio::time::sleep(RINGS_AFTER).await;
        self.goes_on(id, |call| "ringing".clone_into(&mut call.status))
            .await;
        tokio::time::sleep(RINGS_FOR).await;
        let now = self.clock().now();
        self.goes_on(id, |call| {
            "in-progress".clone_into(&mut call.status);
            call.started_at = Some(now);
        })
        .await;
        tokio::time::sleep(TALKS_FOR).await;
        self.update_call(id, |call| {
            call.say("bot", "Hello! How are you today?");
            call.say("user", "Fine, thank you.");
        });
        self.end_call(id, "customer-ended-call");
        deliver(self.status_update(id)).await;
        deliver(self.end_of_call_report(id)).await;
    }

    async fn goes_on(&self, id: &str, change: impl FnOnce(&mut Call)) {
        self.update_call(id, change);
        deliver(self.status_update(id)).await;
    }
}

/// Once, as Vapi does: whoever does not hear it has to ask.
async fn deliver(message: ServerMessage) {
    let (parts, body) = message.into_request().into_parts();
    let Ok(client) = client() else { return };
    let request = client
        .post(parts.uri.to_string())
        .headers(parts.headers)
        .body(body);
    if let Err(error) = request.send().await {
        tracing::warn!(%error, "nobody hears Vapi");
    }
}
