//! Messages that go their way by themselves, where nobody says how.

use std::{collections::HashSet, time::Duration};

use super::SandboxMeta;
use crate::sandbox::Delivery;

/// How long each step takes: until it is sent, is on the telephone, and is read.
const STEPS: [(&str, Duration); 3] = [
    ("sent", Duration::from_millis(400)),
    ("delivered", Duration::from_millis(600)),
    ("read", Duration::from_secs(2)),
];

impl SandboxMeta {
    /// Lets every message that is accepted arrive and be read, and tells of each step.
    pub async fn live(self) {
        let mut begun = HashSet::new();
        loop {
            let message = self
                .when(|meta| {
                    let messages = meta.messages().into_iter();
                    messages.into_iter().find(|message| !begun.contains(&message.id))
                })
                .await;
            begun.insert(message.id.clone());
            let meta = self.clone();
            tokio::spawn(async move { meta.let_it_go(&message.id).await });
        }
    }

    async fn let_it_go(&self, id: &str) {
        for (status, after) in STEPS {
            tokio::time::sleep(after).await;
            // Whoever forgets everything forgets this one too.
            if !self.messages().iter().any(|message| message.id == id) {
                return;
            }
            let delivery = self.webhook([self.status(id, status)]).await;
            if !matches!(delivery, Delivery::Answered(_)) {
                tracing::warn!(%delivery, "nobody hears Meta");
            }
        }
    }
}
