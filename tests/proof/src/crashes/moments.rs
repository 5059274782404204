//! The statements that change something, and how a call comes to each of them.

use jiff::SignedDuration;
use local::sandbox::Behaviour;
use system_tests::World;

use super::town::{self, Town};

/// A statement in whose midst the server is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Somebody rings.
    Rings,
    /// Twilio tells that nobody picked up.
    Ends,
    /// The runner is given leave to send.
    Granted,
    /// The runner keeps that Twilio took it.
    Accepted,
    /// A callback tells that Twilio took it, before the answer does.
    AcceptedByCallback,
    /// The runner keeps that Twilio refused it.
    Refused,
    /// The runner keeps that nobody knows.
    Unclear,
    /// The sweeper rings for a job whose doorbell was lost.
    RungAgain,
    /// The sweeper finds an attempt whose worker is gone.
    Rescued,
    /// The sweeper has read Twilio's list in vain.
    Read,
    /// The sweeper has proven that an attempt never arrived.
    ProvenAbsent,
}

/// The commits that a duplicate would come of stand here more often.
const MOMENTS: [Moment; 18] = [
    Moment::Granted,
    Moment::Accepted,
    Moment::Ends,
    Moment::Granted,
    Moment::AcceptedByCallback,
    Moment::Rings,
    Moment::Granted,
    Moment::Accepted,
    Moment::Unclear,
    Moment::Refused,
    Moment::Granted,
    Moment::Accepted,
    Moment::Ends,
    Moment::RungAgain,
    Moment::Granted,
    Moment::Rescued,
    Moment::Read,
    Moment::ProvenAbsent,
];

impl Moment {
    /// The `number`th; every one of them comes again and again.
    pub(super) fn of(number: usize) -> Self {
        MOMENTS[number % MOMENTS.len()]
    }

    /// The statement's name.
    pub(super) fn statement(self) -> &'static str {
        match self {
            Self::Rings => "record_call",
            Self::Ends => "record_report",
            Self::Granted => "grant",
            Self::Accepted | Self::AcceptedByCallback => "settle_accepted",
            Self::Refused => "settle_refused",
            Self::Unclear => "settle_unknown",
            Self::RungAgain => "ring_due",
            Self::Rescued => "rescue",
            Self::Read => "record_read",
            Self::ProvenAbsent => "settle_absent",
        }
    }

    /// Everything up to shortly before it; the caller whom it happens to.
    pub(super) async fn arrange(self, town: &mut Town, has_callbacks: bool) -> String {
        let is_looked_up = matches!(self, Self::Rescued | Self::Read | Self::ProvenAbsent);
        let caller = town.caller(self == Self::AcceptedByCallback || (has_callbacks && !is_looked_up));
        let behaviour = match self {
            Self::AcceptedByCallback => Some(Behaviour::CallbackFirst),
            Self::Refused => Some(Behaviour::Refuse {
                http: 429,
                code: 20429,
                retry_after: Some("1".to_owned()),
            }),
            Self::Unclear if has_callbacks => Some(Behaviour::AcceptThen500),
            Self::Unclear | Self::Read | Self::ProvenAbsent => Some(Behaviour::Fail500),
            _ => None,
        };
        if let Some(behaviour) = behaviour {
            town.world.twilio.on_next_send_to(&caller, behaviour);
        }
        match self {
            Self::Rings | Self::Ends => {}
            Self::Granted | Self::Accepted | Self::AcceptedByCallback | Self::Refused | Self::Unclear => {
                town::ring(&town.world, &caller).await;
            }
            Self::RungAgain => {
                town.world.sqs.fail_sends(true);
                town::ring(&town.world, &caller).await;
                town.world.sqs.fail_sends(false);
                town.world.pass(SignedDuration::from_mins(1)).await;
            }
            Self::Rescued => {
                town::ring(&town.world, &caller).await;
                grant_unheard(town).await;
                town.world.pass(SignedDuration::from_mins(3)).await;
            }
            Self::Read | Self::ProvenAbsent => {
                town::ring(&town.world, &caller).await;
                town.world.run_jobs().await;
                town.world.pass(SignedDuration::from_mins(3)).await;
                if self == Self::ProvenAbsent {
                    town.world.sweep().await;
                    town.world.pass(SignedDuration::from_mins(14)).await;
                }
            }
        }
        caller
    }

    /// What comes to it.
    pub(super) async fn act(self, world: &World, caller: &str) {
        match self {
            Self::Rings | Self::Ends => town::ring(world, caller).await,
            Self::Granted | Self::Accepted | Self::AcceptedByCallback | Self::Refused | Self::Unclear => {
                world.run_jobs().await;
            }
            Self::RungAgain | Self::Rescued | Self::Read | Self::ProvenAbsent => {
                // It fails: that is what is tried here.
                let _ = world.try_tick("job-sweeper").await;
            }
        }
    }
}

/// Runs the job whose doorbell hangs; its grant is committed, and nobody hears of it.
async fn grant_unheard(town: &mut Town) {
    town.cutter.catch("grant");
    let (world, cutter) = (&town.world, &mut town.cutter);
    let unheard = async {
        let mut caught = cutter.caught().await;
        caught.send(usize::MAX).await;
        caught.answer().await;
    };
    tokio::join!(world.run_jobs(), unheard);
}
