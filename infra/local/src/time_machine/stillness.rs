//! While something is under way the clock is not moved, and while the clock is moved nothing begins.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::invoke::{Functions, Invoke, InvokeError};

/// What whoever needs the clock to go as it goes shares with whoever moves it. Clones are one.
#[derive(Clone, Default)]
pub struct Stillness(Arc<RwLock<()>>);

impl Stillness {
    /// Nobody moves the clock while this is held.
    pub async fn hold(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.0).read_owned().await
    }

    /// Nothing begins while this is held; `None` if something is under way. Whoever is refused is not in anybody's way.
    pub(super) fn try_move(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        Arc::clone(&self.0).try_write_owned().ok()
    }

    /// The same functions, each of whose invocations holds the clock.
    pub fn around(&self, functions: Functions) -> Functions {
        let held = |(name, function)| {
            let stillness = self.clone();
            (name, Arc::new(Held { function, stillness }) as Arc<dyn Invoke>)
        };
        functions.into_iter().map(held).collect()
    }
}

struct Held {
    function: Arc<dyn Invoke>,
    stillness: Stillness,
}

impl Invoke for Held {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        Box::pin(async move {
            let _held = self.stillness.hold().await;
            self.function.invoke(event).await
        })
    }
}
