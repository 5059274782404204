//! A world and who is shot at in it.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use local::invoke::{Invoke, InvokeError};
use serde_json::{Value, json};
use system_tests::{PostgresProxy, TestDatabase, World, real};

use super::aim::Target;
use super::hits::Hits;
use super::provider::Provider;
use super::victim::Victim;

/// In this share of deliveries a queue delivers a batch twice at once, or a schedule ticks twice, in percent.
const DELIVERED_TWICE: u8 = 15;

/// What else is wrong in a world.
#[derive(Debug, Clone, Copy)]
pub(super) enum Weather {
    /// Nothing.
    Fair,
    /// The provider's lists show what is new only after two minutes.
    ListsLag,
    /// The provider's records cannot be read for longer than anybody waits for evidence.
    ListsAway,
    /// No doorbell is answered until every job has expired.
    NobodyRuns,
}

impl Weather {
    /// Mostly fair.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            ..60 => Self::Fair,
            60..75 => Self::ListsLag,
            75..88 => Self::ListsAway,
            _ => Self::NobodyRuns,
        }
    }
}

/// A world with victims.
pub(super) struct Range {
    pub(super) world: World,
    victims: Vec<Arc<Victim>>,
}

impl Range {
    /// Puts a process that is shot at in each target's place; of `in_pairs` there are two, which sometimes get the
    /// same event at once.
    pub(super) async fn begin(
        world: World,
        targets: &'static [Target],
        in_pairs: &[&str],
        provider: &Provider,
        hits: &Arc<Hits>,
        rng: &mut Rng,
    ) -> Self {
        let mut range = Self {
            world,
            victims: Vec::new(),
        };
        for target in targets {
            let first: Arc<dyn Invoke> = range.victim(target, provider, hits, rng.fork()).await;
            let function = if in_pairs.contains(&target.name) {
                Arc::new(Twice {
                    first,
                    second: range.victim(target, provider, hits, rng.fork()).await,
                    rng: Mutex::new(rng.fork()),
                })
            } else {
                first
            };
            range.world.replace(target.name, function);
        }
        range
    }

    async fn victim(
        &mut self,
        target: &'static Target,
        provider: &Provider,
        hits: &Arc<Hits>,
        rng: Rng,
    ) -> Arc<Victim> {
        let proxy = PostgresProxy::before_database().await;
        let settings = self.world.settings.clone();
        let settings = settings.with("DATABASE_URL", proxy.url_of(&self.world.database));
        let binary = real(target.name, &settings);
        let victim = Victim::new(target, binary, proxy, provider.clone(), Arc::clone(hits), rng);
        let victim = Arc::new(victim);
        self.victims.push(Arc::clone(&victim));
        victim
    }

    /// From now on nobody shoots, or somebody does again.
    pub(super) fn set_peace(&self, is_peace: bool) {
        for victim in &self.victims {
            victim.set_peace(is_peace);
        }
    }

    /// A tick of a schedule; one that is shot is missing, and the next minute has its own.
    pub(super) async fn tick(&self, function: &str) {
        let _: Result<Value, InvokeError> = self.world.invoke(function, tick()).await;
    }

    /// What the processes had to say, in its order.
    pub(super) fn print_last_words(&self) {
        let mut words: Vec<String> = self
            .victims
            .iter()
            .flat_map(|victim| victim.take_output())
            .collect();
        // Every line begins with its moment.
        words.sort();
        for line in words {
            eprintln!("{line}");
        }
    }
}

/// What a schedule hands over.
pub(super) fn tick() -> Value {
    json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} })
}

/// A line that forwards to its owner.
pub(super) async fn world() -> World {
    let database = TestDatabase::new().await;
    let url = database.application_url().await;
    World::on(database, url).await
}

/// A trigger that sometimes invokes twice at once, in two sandboxes.
struct Twice {
    first: Arc<dyn Invoke>,
    second: Arc<Victim>,
    rng: Mutex<Rng>,
}

impl Invoke for Twice {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        let twice = self.rng.lock().expect("no panic").u8(..100) < DELIVERED_TWICE;
        Box::pin(async move {
            if !twice {
                return self.first.invoke(event).await;
            }
            let (answer, _) = tokio::join!(self.first.invoke(event.clone()), self.second.invoke(event));
            answer
        })
    }
}

/// The doorbells of a batch, each as an event of its own, with whom its job names in this column.
pub(super) async fn bells_of(world: &World, batch: &Value, column: &str) -> Vec<(String, Value)> {
    let mut bells = Vec::new();
    for record in batch["Records"].as_array().expect("a batch") {
        let body = record["body"].as_str().expect("a body");
        let bell: Value = serde_json::from_str(body).expect("a doorbell");
        let job = bell["job"].as_str().expect("a job");
        let query = format!("SELECT {column} FROM jobs WHERE id = '{job}'");
        let person = world.database.one(&query).await.expect("somebody");
        bells.push((person, json!({ "Records": [record] })));
    }
    bells
}
