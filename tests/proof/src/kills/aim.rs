//! Where a process is going to be hit.

use fastrand::Rng;
use system_tests::StopAt;

/// The job runner.
pub(super) const RUNNER: &str = "job-runner";
/// The sweeper.
pub(super) const SWEEPER: &str = "job-sweeper";
/// How many of a hundred chosen points are around the statements on which most depends.
const TO_THE_HEART: u8 = 70;
/// An invocation that has something to do takes longer than an ordinary one.
const LONGEST: f64 = 1.5;

/// A function that is shot at.
#[derive(Debug)]
pub(super) struct Target {
    /// Its binary.
    pub(super) name: &'static str,
    /// How many of a hundred invocations are shot at; the others are spared, so that there is progress.
    pub(super) shots: u8,
    /// The statements on which most depends.
    pub(super) heart: &'static [&'static str],
    /// The other statements by which it changes something or reads what decides.
    pub(super) others: &'static [&'static str],
}

/// Where a shot hits: at a moment, or around a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    /// So many times the length of an ordinary invocation after its beginning.
    Moment(f64),
    /// Before a statement reaches the database, or after it was committed and before its answer is heard.
    Statement(StopAt),
}

/// The shots at one process after another of one function, all drawn from one seed.
pub(super) struct Aims {
    target: &'static Target,
    rng: Rng,
    wishes: Rng,
    /// A point that waits until somebody comes by, so that what happens rarely is hit as well.
    wish: StopAt,
}

impl Aims {
    /// The shots at a function.
    pub(super) fn new(target: &'static Target, mut rng: Rng) -> Self {
        let mut wishes = rng.fork();
        Self {
            target,
            rng,
            wish: point(target, &mut wishes),
            wishes,
        }
    }

    /// Where to hit in the next invocation; `None` spares it.
    pub(super) fn next(&mut self) -> Option<Aim> {
        // Always the same number of draws, so that the plan is the same however an invocation went.
        let (is_shot, is_timed, share) = (self.rng.u8(..100), self.rng.bool(), self.rng.f64() * LONGEST);
        let point = point(self.target, &mut self.rng);
        let aim = if is_timed {
            Aim::Moment(share)
        } else {
            Aim::Statement(point)
        };
        (is_shot < self.target.shots).then_some(aim)
    }

    /// The point that waits.
    pub(super) fn wish(&self) -> StopAt {
        self.wish
    }

    /// It was come by: there is another.
    pub(super) fn fulfilled(&mut self) {
        self.wish = point(self.target, &mut self.wishes);
    }
}

fn point(target: &Target, rng: &mut Rng) -> StopAt {
    let statements = if rng.u8(..100) < TO_THE_HEART {
        target.heart
    } else {
        target.others
    };
    let statement = statements[rng.usize(..statements.len())];
    if rng.bool() {
        StopAt::Before(statement)
    } else {
        StopAt::AfterCommitOf(statement)
    }
}
