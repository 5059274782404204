//! A world whose database can crash, and whose every statement passes a cutter.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use local::postgres::Server;
use local::sandbox::{Fate, Outcome, Ring};
use system_tests::{Cutter, LINE, TestDatabase, World};

use crate::judgement::Judgement;
use crate::judgement::texts::judge;

/// People who ring one line, each of them once.
pub(super) struct Town {
    pub(super) world: World,
    pub(super) cutter: Cutter,
    callers: u32,
}

impl Town {
    /// A new one, whose line has been rung once, so that its settings are known.
    pub(super) async fn on(server: &Server) -> Self {
        let database = TestDatabase::of(server).await;
        let cutter = Cutter::before(server.port()).await;
        let url = cutter.url_of(&database);
        let world = World::on(database, url).await;
        let mut town = Self {
            world,
            cutter,
            callers: 0,
        };
        let first = town.caller(true);
        ring(&town.world, &first).await;
        town.world.run_jobs().await;
        town
    }

    /// Somebody new. Of some people's texts Twilio says nothing unless it is asked.
    pub(super) fn caller(&mut self, has_callbacks: bool) -> String {
        self.callers += 1;
        let caller = format!("+1403555{:04}", self.callers);
        let fate = Fate::delivered().paced(Duration::from_millis(5));
        let fate = if has_callbacks {
            fate
        } else {
            fate.without_callbacks()
        };
        self.world.twilio.set_fate_of(&caller, fate);
        caller
    }

    /// How long a grant takes here at least, from its last byte to its answer.
    pub(super) async fn time_a_commit(&mut self) -> Duration {
        let mut least = self.time_a_grant().await;
        // A connection's first statements take longer.
        for _ in 0..2 {
            least = least.min(self.time_a_grant().await);
        }
        least
    }

    async fn time_a_grant(&mut self) -> Duration {
        let caller = self.caller(true);
        ring(&self.world, &caller).await;
        self.cutter.catch("grant");
        let (world, cutter) = (&self.world, &mut self.cutter);
        let timing = async {
            let mut caught = cutter.caught().await;
            let began = Instant::now();
            caught.send(usize::MAX).await;
            let answer = caught.answer().await;
            let took = began.elapsed();
            caught.tell(&answer).await;
            took
        };
        tokio::join!(world.run_jobs(), timing).1
    }

    /// Lives on until nothing can be left to do, and says what became of everybody.
    pub(super) async fn live_on(self) -> Judgement {
        self.world.minutes(40).await;
        for _ in 0..4 {
            self.world.pass(SignedDuration::from_mins(30)).await;
            self.world.minutes(1).await;
        }
        let mut judgement = judge(&self.world, |_| false).await;
        for reason in self.world.quarantined().await {
            judgement.object(format!("quarantined: {reason}"));
        }
        let parked = self.world.parked().len();
        if parked > 0 {
            judgement.object(format!("{parked} events are left parked"));
        }
        judgement
    }
}

/// Has somebody ring; nobody picks up.
pub(super) async fn ring(world: &World, caller: &str) {
    let ring = Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
}
