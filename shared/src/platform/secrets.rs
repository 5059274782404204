//! Secrets, current and previous, from Secrets Manager or from the environment.
//!
//! A rotation must not lose a single good webhook: for its overlap both versions are valid, and a
//! signature that matches neither fetches once more, at most once a minute, before it is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

/// How long a fetched secret is used before it is looked up again.
const FRESH: Duration = Duration::from_mins(5);
/// Bad signatures cannot make us ask more often than this.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// A caller may be on the line while we look.
const LOOK_UP_WITHIN: Duration = Duration::from_millis(500);

type Values = BTreeMap<String, SecretString>;

/// Finds a setting by its name.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where a process' secrets come from. Cloning shares what was fetched.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    source: Source,
    state: RwLock<State>,
}

enum Source {
    /// `NAME` and, during a rotation, `NAME_PREVIOUS`.
    Environment(Box<Lookup>),
    Manager {
        client: aws_sdk_secretsmanager::Client,
        id: String,
    },
}

struct State {
    current: Values,
    previous: Values,
    asked_at: SystemTime,
    /// The last time that one did not fit. The cold start is no such time: a secret may be rotated right
    /// after it.
    asked_again_at: SystemTime,
}

impl Secrets {
    /// Secrets in environment variables.
    pub fn of_environment(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::with(Source::Environment(Box::new(lookup)))
    }

    /// Secrets in one JSON object in Secrets Manager, fetched now.
    pub async fn of_manager(client: aws_sdk_secretsmanager::Client, id: String) -> anyhow::Result<Self> {
        let secrets = Self::with(Source::Manager { client, id });
        secrets.fetch().await?;
        Ok(secrets)
    }

    fn with(source: Source) -> Self {
        let state = State {
            current: Values::new(),
            previous: Values::new(),
            asked_at: SystemTime::UNIX_EPOCH,
            asked_again_at: SystemTime::UNIX_EPOCH,
        };
        Self(Arc::new(Inner {
            source,
            state: RwLock::new(state),
        }))
    }

    /// The current value; `None` if there is none or it is blank.
    pub fn current(&self, name: &str) -> Option<SecretString> {
        match &self.0.source {
            Source::Environment(lookup) => lookup(name)
                .filter(|value| !value.trim().is_empty())
                .map(Into::into),
            Source::Manager { .. } => self
                .0
                .state
                .read()
                .expect("never poisoned")
                .current
                .get(name)
                .cloned(),
        }
    }

    /// Every value that is valid now, the current one first.
    pub fn valid(&self, name: &str) -> Vec<SecretString> {
        let previous = match &self.0.source {
            Source::Environment(_) => self.current(&format!("{name}_PREVIOUS")),
            Source::Manager { .. } => self
                .0
                .state
                .read()
                .expect("never poisoned")
                .previous
                .get(name)
                .cloned(),
        };
        self.current(name).into_iter().chain(previous).collect()
    }

    /// Checks something against the values that are valid now, and where none fits, once more against those that
    /// are valid since.
    pub async fn check<T, E>(
        &self,
        name: &str,
        check: impl Fn(&[SecretString]) -> Result<T, E>,
    ) -> Result<T, E> {
        self.keep_fresh().await;
        let result = check(&self.valid(name));
        if result.is_err() && self.look_again().await {
            return check(&self.valid(name));
        }
        result
    }

    /// Looks the secrets up again if they are old; keeps the last good ones if that fails.
    pub async fn keep_fresh(&self) {
        self.refresh(FRESH, |state| &mut state.asked_at).await;
    }

    /// Looks the secrets up again because one did not fit; `false` if that was done a moment ago.
    pub async fn look_again(&self) -> bool {
        self.refresh(ASK_AGAIN, |state| &mut state.asked_again_at).await
    }

    async fn refresh(&self, at_most_every: Duration, last: impl Fn(&mut State) -> &mut SystemTime) -> bool {
        if matches!(self.0.source, Source::Environment(_)) {
            return false;
        }
        {
            let mut state = self.0.state.write().expect("never poisoned");
            let now = super::wall_clock();
            let last = last(&mut state);
            if now.duration_since(*last).is_ok_and(|age| age < at_most_every) {
                return false;
            }
            *last = now;
        }
        let fetched = tokio::time::timeout(LOOK_UP_WITHIN, self.fetch()).await;
        match fetched.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {LOOK_UP_WITHIN:?}"))) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "secrets not refreshed, going on with the last ones"
                );
                false
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<()> {
        let Source::Manager { client, id } = &self.0.source else {
            return Ok(());
        };
        let version = async |stage: &str| -> anyhow::Result<Values> {
            let answer = client
                .get_secret_value()
                .secret_id(id)
                .version_stage(stage)
                .send()
                .await?;
            let text = answer.secret_string().context("the secret is not text")?;
            // serde's message would quote the secret.
            let values: BTreeMap<String, String> = serde_json::from_str(text)
                .ok()
                .context("the secret is not a JSON object of strings")?;
            // A blank one would fit whoever sends none.
            let said = values.into_iter().filter(|(_, value)| !value.trim().is_empty());
            Ok(said.map(|(name, value)| (name, value.into())).collect())
        };
        let current = version("AWSCURRENT")
            .await
            .with_context(|| format!("cannot read the secret {id}"))?;
        // A secret that was never rotated has no previous version.
        let previous = version("AWSPREVIOUS").await.unwrap_or_default();
        let mut state = self.0.state.write().expect("never poisoned");
        state.current = current;
        state.previous = previous;
        state.asked_at = super::wall_clock();
        Ok(())
    }
}

/// Compares in a time that tells nothing about where the two differ.
pub fn same(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}
