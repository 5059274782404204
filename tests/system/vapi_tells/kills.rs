//! The runner is killed at every step of its way to a call, and nobody is called twice that day.
//!
//! It is the real binary in a process of its own, and SIGKILL is the real one.

use std::sync::Arc;

use local::runtime_api::RealBinary;
use local::sandbox_vapi::Behaviour;
use system_tests::{PostgresProxy, StopAt, TestDatabase, World, real};

use super::*;

/// Where the runner is stopped before it is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    OnTheWayToTheDatabase(StopAt),
    OnTheWire { accepted: bool },
}

/// What became of the attempt that the runner died on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It was never made; the job simply runs again.
    NothingHappened,
    /// It was made and arrived.
    Arrived,
    /// It was made and never arrived.
    NeverArrived,
}

struct Scene {
    world: World,
    runner: RealBinary,
    proxy: PostgresProxy,
}

impl Scene {
    /// A customer whose doorbell hangs in the queue, and a runner whose database is behind a proxy.
    async fn begin(owed: Owed) -> Self {
        let database = TestDatabase::new().await;
        let proxy = PostgresProxy::before_database().await;
        let through_the_proxy = proxy.url_of(&database);
        let direct = database.application_url().await;
        let world = World::on(database, direct).await;
        let settings = world.settings.clone().with("DATABASE_URL", through_the_proxy);
        let runner = real("job-runner", &settings);
        runner.start().await.expect("the runner starts");
        world.replace("job-runner", Arc::new(runner.clone()));
        add_customer(&world, "ann", ANN).await;
        owe(&world, "ann", owed).await;
        Self { world, runner, proxy }
    }

    /// Lets the runner come as far as `step` and kills it there.
    async fn kill_at(&mut self, step: Step) {
        match step {
            Step::OnTheWayToTheDatabase(point) => self.proxy.stop_at(point),
            Step::OnTheWire { accepted } => self.world.vapi.on_next_send(Behaviour::Hold { accepted }),
        }
        let (world, runner, proxy) = (&self.world, &self.runner, &mut self.proxy);
        let killing = async {
            match step {
                Step::OnTheWayToTheDatabase(_) => proxy.stopped().await,
                Step::OnTheWire { .. } => world.vapi.when(|vapi| (vapi.held() == 1).then_some(())).await,
            }
            runner.kill().await;
        };
        futures_util::join!(world.run_calls(), killing);
        assert_eq!(runner.pid(), None, "dead");
        world.vapi.release_held();
    }

    /// Every attempt that asked Vapi for a call.
    fn asked(&self) -> Vec<String> {
        let requests = self.world.vapi.requests().into_iter();
        let asked = requests.filter(local::sandbox_vapi::ReceivedRequest::is_send);
        asked
            .map(|request| request.body["name"].as_str().expect("a name").to_owned())
            .collect()
    }
}

async fn kill(step: Step, then: Then) {
    for owed in [Owed::Welcome, Owed::Daily] {
        for is_told in [true, false] {
            let mut scene = Scene::begin(owed).await;
            scene.kill_at(step).await;
            let about = format!("{step:?} {owed:?} told: {is_told}");
            let world = &scene.world;
            if is_told && then == Then::Arrived {
                update(world).await;
                assert_eq!(job(world).await, "accepted", "{about}: it is proof");
            }
            minutes(world, 40).await;
            let arrived_today = usize::from(then != Then::NeverArrived);
            assert_eq!(world.calls_to(ANN).len(), arrived_today, "{about}");
            days(world, 3).await;
            let (calls, attempts_in_all, end) = match (then, owed) {
                (Then::NothingHappened | Then::Arrived, _) => (1, "accepted", "accepted"),
                (Then::NeverArrived, Owed::Welcome) => (1, "absent, accepted", "accepted"),
                (Then::NeverArrived, Owed::Daily) => {
                    (0, "absent", "dead: it never arrived, and its day is over")
                }
            };
            assert_eq!(world.calls_to(ANN).len(), calls, "{about}");
            assert_eq!(attempts(world).await, attempts_in_all, "{about}");
            assert_eq!(job(world).await, end, "{about}");
            assert_eq!(world.evidence().await, [""; 0], "{about}");
            let mut asked = scene.asked();
            let all = asked.len();
            asked.dedup();
            assert_eq!(asked.len(), all, "{about}: one permit, one request");
            assert_eq!(
                world.sqs.messages("calls.fifo"),
                [],
                "{about}: the doorbell is answered"
            );
        }
    }
}

#[tokio::test]
async fn before_the_grant_reaches_the_database() {
    let step = Step::OnTheWayToTheDatabase(StopAt::Before("grant"));
    kill(step, Then::NothingHappened).await;
}

#[tokio::test]
async fn with_the_grant_committed_and_its_answer_unheard() {
    let step = Step::OnTheWayToTheDatabase(StopAt::AfterCommitOf("grant"));
    kill(step, Then::NeverArrived).await;
}

#[tokio::test]
async fn with_the_request_on_the_wire_and_not_accepted() {
    kill(Step::OnTheWire { accepted: false }, Then::NeverArrived).await;
}

#[tokio::test]
async fn with_the_request_on_the_wire_and_accepted() {
    kill(Step::OnTheWire { accepted: true }, Then::Arrived).await;
}

#[tokio::test]
async fn before_vapis_answer_reaches_the_database() {
    let step = Step::OnTheWayToTheDatabase(StopAt::Before("settle_accepted"));
    kill(step, Then::Arrived).await;
}

#[tokio::test]
async fn with_vapis_answer_committed_and_that_unheard() {
    let step = Step::OnTheWayToTheDatabase(StopAt::AfterCommitOf("settle_accepted"));
    kill(step, Then::Arrived).await;
}

#[tokio::test]
async fn before_the_acceptance_is_copied_into_the_customers_row() {
    let step = Step::OnTheWayToTheDatabase(StopAt::Before("project_call"));
    kill(step, Then::Arrived).await;
}
