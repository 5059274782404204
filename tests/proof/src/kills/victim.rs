//! A function's real process that is killed in the middle of its work, again and again.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use local::invoke::{Invoke, InvokeError};
use local::runtime_api::RealBinary;
use serde_json::Value;
use system_tests::{PostgresProxy, StopAt};

use super::aim::{Aim, Aims, RUNNER, Target};
use super::hits::{Blow, Hits};
use super::provider::Provider;

/// What an invocation is thought to take before one has been timed.
const ORDINARY: Duration = Duration::from_millis(30);

/// One sandbox of a function under fire. Whoever invokes it sees what AWS would show: an answer, or a process
/// that died.
pub(super) struct Victim {
    name: &'static str,
    binary: RealBinary,
    provider: Provider,
    hits: Arc<Hits>,
    at_peace: AtomicBool,
    turn: tokio::sync::Mutex<Turn>,
}

/// What belongs to whoever has the turn.
struct Turn {
    proxy: PostgresProxy,
    aims: Aims,
    /// How long an invocation takes that nothing happens to, as seen so far.
    ordinary: Duration,
}

/// What made the shot go off.
enum Shot {
    Moment,
    Stopped,
    RequestHeld,
}

impl Victim {
    /// A function's binary with its way to the database, and the shots that wait for it.
    pub(super) fn new(
        target: &'static Target,
        binary: RealBinary,
        proxy: PostgresProxy,
        provider: Provider,
        hits: Arc<Hits>,
        rng: Rng,
    ) -> Self {
        let turn = Turn {
            proxy,
            aims: Aims::new(target, rng),
            ordinary: ORDINARY,
        };
        Self {
            name: target.name,
            binary,
            provider,
            hits,
            at_peace: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(turn),
        }
    }

    /// From now on nobody shoots, or somebody does again.
    pub(super) fn set_peace(&self, is_peace: bool) {
        self.at_peace.store(is_peace, Ordering::Relaxed);
    }

    /// What its processes have printed.
    pub(super) fn take_output(&self) -> Vec<String> {
        self.binary.take_output()
    }

    async fn take_turn(&self, event: Value) -> Result<Value, InvokeError> {
        let mut turn = self.turn.lock().await;
        // A sandbox that takes an event has been started.
        self.binary.start().await?;
        turn.proxy.forget();
        if self.at_peace.load(Ordering::Relaxed) {
            return self.binary.invoke(event).await;
        }
        let began = Instant::now();
        let aim = turn.aims.next();
        let wish = turn.aims.wish();
        if let Some(aim) = aim {
            turn.proxy.stop_at(wish);
            if let Aim::Statement(point) = aim {
                turn.proxy.stop_at(point);
            }
        }
        let sends_before = self.provider.sends();
        let mut waiting = self.provider.waiting();
        let mut invocation = self.binary.invoke(event);
        let moment = match aim {
            Some(Aim::Moment(share)) => Some(turn.ordinary.mul_f64(share)),
            _ => None,
        };
        let mut moment = pin!(at(moment));
        let shot = loop {
            tokio::select! {
                biased;
                answer = &mut invocation => break Err(answer),
                () = turn.proxy.stopped() => break Ok(Shot::Stopped),
                () = waiting.for_anybody() => {
                    // Another sandbox's, unless this one has a permit.
                    if self.name == RUNNER && has_permit(&turn.proxy) {
                        break Ok(Shot::RequestHeld);
                    }
                }
                () = &mut moment => break Ok(Shot::Moment),
            }
        };
        let shot = match shot {
            Ok(shot) => shot,
            Err(answer) => {
                // The average of the last few.
                turn.ordinary = (turn.ordinary * 7 + began.elapsed()) / 8;
                return answer;
            }
        };
        self.binary.kill().await;
        let answer = invocation.await;
        // An answer that was on its way already is no hit.
        if matches!(&answer, Err(InvokeError::Died(how)) if how.contains("SIGKILL")) {
            let sent = self.provider.sends() > sends_before;
            self.note(&mut turn, &shot, aim, sent);
        }
        answer
    }

    fn note(&self, turn: &mut Turn, shot: &Shot, aim: Option<Aim>, sent: bool) {
        let position = turn.proxy.position();
        let statement = position.as_ref().map(|position| position.statement.as_str());
        match shot {
            Shot::RequestHeld => {
                let accepted = accepted_or_not(self.provider.took_the_last());
                let place = format!("while {} holds the request, {accepted}", self.provider.name());
                self.hits.count(Blow::KilledAtAPoint, self.name, place);
            }
            Shot::Stopped => {
                let wish = turn.aims.wish();
                // The wish goes first where both are around one statement.
                let is_wish = statement == Some(name_of(wish));
                let point = match aim {
                    Some(Aim::Statement(point)) if !is_wish => point,
                    _ => wish,
                };
                if is_wish {
                    turn.aims.fulfilled();
                }
                let place = match point {
                    StopAt::Before(statement) => format!("before `{statement}` arrives"),
                    StopAt::AfterCommitOf(statement) => format!("`{statement}` committed, unheard"),
                };
                self.hits.count(Blow::KilledAtAPoint, self.name, place);
            }
            Shot::Moment => {
                let place = match position {
                    None => "before its first statement".to_owned(),
                    Some(position) if position.statement.is_empty() => "trying its connection".to_owned(),
                    Some(position) if !position.answered => format!("during `{}`", position.statement),
                    Some(_) if sent && statement == Some("grant") => {
                        format!("during its request to {}", self.provider.name())
                    }
                    Some(position) => format!("after `{}`", position.statement),
                };
                self.hits.count(Blow::KilledAtAMoment, self.name, place);
            }
        }
    }
}

impl Invoke for Victim {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        Box::pin(self.take_turn(event))
    }
}

fn has_permit(proxy: &PostgresProxy) -> bool {
    let position = proxy.position();
    position.is_some_and(|position| position.statement == "grant" && position.answered)
}

async fn at(moment: Option<Duration>) {
    match moment {
        Some(moment) => tokio::time::sleep(moment).await,
        None => std::future::pending().await,
    }
}

fn name_of(point: StopAt) -> &'static str {
    match point {
        StopAt::Before(statement) | StopAt::AfterCommitOf(statement) => statement,
    }
}

fn accepted_or_not(accepted: bool) -> &'static str {
    if accepted { "accepted" } else { "not accepted" }
}
