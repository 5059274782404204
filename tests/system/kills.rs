//! The runner is killed at every step of its way, and nobody is texted twice or forgotten.
//!
//! It is the real binary in a process of its own, and SIGKILL is the real one. Where it stops is decided
//! from outside: by the wire to its database or by Twilio, so that it dies between two chosen steps.

use std::sync::Arc;

use jiff::SignedDuration;
use local::runtime_api::RealBinary;
use local::sandbox::{Behaviour, Events, Fate, Outcome, Ring, SandboxEvent};
use system_tests::{CALLER, LINE, PostgresProxy, StopAt, TestDatabase, World, real};

/// How the attempt that the runner died on ends, and how many attempts there are in all.
enum Then {
    /// It was never made; the job simply runs again.
    NothingHappened,
    /// It was made and arrived; there is no other.
    Arrived,
    /// It was made and never arrived: proven, then made again.
    ProvenAbsent,
}

/// Where the runner is stopped before it is killed.
#[derive(Clone, Copy)]
enum Step {
    OnTheWayToTheDatabase(StopAt),
    OnTheWire { accepted: bool },
}

struct Scene {
    world: World,
    runner: RealBinary,
    proxy: PostgresProxy,
    events: Events,
    call: String,
}

impl Scene {
    /// A missed call whose doorbell hangs in the queue, and a runner whose database is behind a proxy.
    async fn begin(fate: Fate) -> Self {
        let database = TestDatabase::new().await;
        let proxy = PostgresProxy::before_database().await;
        let through_the_proxy = proxy.url_of(&database);
        let direct = database.application_url().await;
        let world = World::on(database, direct).await;
        let settings = world.settings.clone().with("DATABASE_URL", through_the_proxy);
        let runner = real("job-runner", &settings);
        runner.start().await.expect("the runner starts");
        world.replace("job-runner", Arc::new(runner.clone()));
        world.twilio.set_fate(fate);
        let events = world.twilio.events();
        let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(std::time::Duration::ZERO);
        let call = world.twilio.ring(ring).await.call;
        Self {
            world,
            runner,
            proxy,
            events,
            call,
        }
    }

    /// Lets the runner come as far as `step` and kills it there.
    async fn kill_at(&mut self, step: Step) {
        match step {
            Step::OnTheWayToTheDatabase(point) => self.proxy.stop_at(point),
            Step::OnTheWire { accepted } => self.world.twilio.on_next_send(Behaviour::Hold { accepted }),
        }
        let (world, runner, events, proxy) = (&self.world, &self.runner, &mut self.events, &mut self.proxy);
        let killing = async {
            match step {
                Step::OnTheWayToTheDatabase(_) => proxy.stopped().await,
                Step::OnTheWire { .. } => {
                    let held = |event: &SandboxEvent| {
                        matches!(event, SandboxEvent::RequestHeld { .. }).then_some(())
                    };
                    events.find(held).await.expect("Twilio is there");
                }
            }
            runner.kill().await;
        };
        futures_util::join!(world.run_jobs(), killing);
        assert_eq!(runner.pid(), None, "dead");
        // Twilio's answer, if it ever comes, finds nobody.
        world.twilio.release_held();
    }

    fn requests(&self) -> Vec<Option<String>> {
        let requests = self.world.twilio.requests().into_iter();
        requests
            .filter(local::sandbox::ReceivedRequest::is_send)
            .map(|request| request.attempt)
            .collect()
    }

    async fn attempts(&self) -> String {
        let query = "SELECT coalesce(string_agg(state, ', ' ORDER BY attempt_no), '') FROM attempts";
        self.world.database.one(query).await.expect("a row")
    }

    /// Everything that the schedules and the queue do until the job has long expired.
    async fn live_on(&self) {
        self.world.minutes(40).await;
        for _ in 0..4 {
            self.world.pass(SignedDuration::from_mins(30)).await;
            self.world.minutes(1).await;
        }
    }
}

async fn kill(step: Step, then: Then) {
    for has_callbacks in [true, false] {
        let fate = if has_callbacks {
            Fate::delivered()
        } else {
            Fate::delivered().without_callbacks()
        };
        let mut scene = Scene::begin(fate).await;
        scene.kill_at(step).await;
        let about = format!("callbacks: {has_callbacks}");

        if has_callbacks && matches!(then, Then::Arrived) {
            let first = |event: &SandboxEvent| match event {
                SandboxEvent::MessageStatusPosted { delivery, .. } => Some(delivery.clone()),
                _ => None,
            };
            let delivery = scene.events.find(first).await.expect("Twilio is there");
            assert_eq!(delivery.answer().status, 204);
            assert_eq!(
                scene.world.job_of(&scene.call).await,
                "accepted",
                "a callback is proof"
            );
        }
        scene.live_on().await;

        assert_eq!(scene.world.texts_to(CALLER).len(), 1, "{about}");
        assert_eq!(scene.world.job_of(&scene.call).await, "accepted", "{about}");
        assert_eq!(scene.world.evidence().await, [""; 0], "{about}");
        let attempts = match then {
            Then::NothingHappened | Then::Arrived => "accepted",
            Then::ProvenAbsent => "absent, accepted",
        };
        assert_eq!(scene.attempts().await, attempts, "{about}");
        let mut requests = scene.requests();
        let all = requests.len();
        requests.dedup();
        assert_eq!(requests.len(), all, "{about}: one permit, one request");
        assert!(
            requests.iter().all(Option::is_some),
            "{about}: none without a permit"
        );
        assert_eq!(
            scene.world.sqs.messages("messages.fifo"),
            [],
            "{about}: the doorbell is answered"
        );
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
    kill(step, Then::ProvenAbsent).await;
}

#[tokio::test]
async fn with_the_request_on_the_wire_and_not_accepted() {
    kill(Step::OnTheWire { accepted: false }, Then::ProvenAbsent).await;
}

#[tokio::test]
async fn with_the_request_on_the_wire_and_accepted() {
    kill(Step::OnTheWire { accepted: true }, Then::Arrived).await;
}

#[tokio::test]
async fn before_twilios_answer_reaches_the_database() {
    let step = Step::OnTheWayToTheDatabase(StopAt::Before("settle_accepted"));
    kill(step, Then::Arrived).await;
}

#[tokio::test]
async fn with_twilios_answer_committed_and_that_unheard() {
    let step = Step::OnTheWayToTheDatabase(StopAt::AfterCommitOf("settle_accepted"));
    kill(step, Then::Arrived).await;
}

/// With nothing to tell whether it arrived, a person decides, and not a second text.
#[tokio::test]
async fn a_death_that_no_evidence_explains_is_left_to_a_person() {
    for accepted in [false, true] {
        let mut scene = Scene::begin(Fate::delivered().without_callbacks()).await;
        scene.kill_at(Step::OnTheWire { accepted }).await;
        scene
            .world
            .twilio
            .on_every_read(Some(local::sandbox::ReadFault::Reset));
        for _ in 0..70 {
            scene.world.pass(SignedDuration::from_mins(1)).await;
            scene.world.sweep().await;
            scene.world.run_jobs().await;
        }
        assert_eq!(scene.world.texts_to(CALLER).len(), usize::from(accepted));
        assert_eq!(
            scene.world.job_of(&scene.call).await,
            "needs_human: no evidence within the hour whether it arrived"
        );
        assert_eq!(scene.requests().len(), 1);
    }
}
