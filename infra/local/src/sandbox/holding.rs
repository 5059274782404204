//! Requests that are left waiting until somebody lets them go.

use tokio::sync::watch;

/// Counts how often they were let go.
#[derive(Debug)]
pub(crate) struct Holding(watch::Sender<u64>);

impl Holding {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Waits for the next time that held requests are let go, counted from this call.
    pub(crate) fn released(&self) -> impl Future<Output = ()> + use<> {
        let mut releases = self.0.subscribe();
        async move {
            // A closed channel means that the sandbox is gone: let go as well.
            let _ = releases.changed().await;
        }
    }

    /// Lets everybody go who waits now.
    pub(crate) fn release(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}
