//! The calls that were placed, by Vapi's own record.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use local::sandbox_vapi::Call;

use super::Calls;
use super::ledger::Ledger;
use super::people::Customer;
use super::view::{Person, kind_of};
use crate::explorer::play::Workflow;
use crate::explorer::run::{Ground, Second};
use crate::explorer::stage::Asked;

/// After this nothing is looked for any more.
const SEARCHED_FOR: Second = 15 * 60;

/// A request for a call, and the calls that Vapi made of it.
pub(super) struct Placed<'a> {
    pub(super) asked: Asked,
    pub(super) customer: &'a Customer,
    /// When the request left us.
    pub(super) left: Second,
    /// The customer's clock of that moment; the permit's, where there was one.
    pub(super) clock: TimeZone,
    pub(super) calls: Vec<Call>,
}

impl Placed<'_> {
    /// The day that it was on the customer's clock.
    pub(super) fn day(&self) -> Date {
        self.clock.to_datetime(self.asked.at).date()
    }

    /// Whether the assistant was told to welcome them.
    pub(super) fn is_welcome(&self) -> bool {
        self.calls.iter().any(|call| kind_of(call) == "welcome")
    }

    /// Whether Vapi took it so late that it had been proven absent.
    pub(super) fn is_ghost(&self, ground: &Ground<'_>, ledger: &Ledger) -> bool {
        let attempt = self.asked.attempt.as_ref();
        let attempt = attempt.and_then(|named| ledger.attempts.get(named));
        let first = self.calls.iter().map(|call| call.created_at).min();
        let taken_late = first.is_some_and(|at| ground.second(at) - self.left > SEARCHED_FOR);
        taken_late && attempt.is_some_and(|attempt| attempt.state == "absent")
    }
}

/// Every request, with what came of it.
pub(super) fn placed<'a>(calls: &'a Calls, ground: &Ground<'_>, ledger: &Ledger) -> Vec<Placed<'a>> {
    let all = ground.stage.vapi.calls();
    let requests = ground.stage.vapi.requests();
    let customer_of = |asked: &Asked| {
        let request = requests.iter().find(|request| request.number == asked.number);
        let id = request.and_then(|request| request.body.pointer("/customer/externalId")?.as_str());
        let customers = &calls.script.customers;
        customers.iter().find(|customer| Some(customer.id) == id)
    };
    let placed = ground.stage.asked(Workflow::Calls).into_iter().map(|asked| {
        let customer = customer_of(&asked).expect("nobody else is called");
        let left = ground.second(asked.at);
        let permit = asked
            .attempt
            .as_ref()
            .and_then(|attempt| calls.permits.get(attempt));
        let person = match permit {
            Some(look) => calls.history.view(*look).people.get(customer.id),
            None => calls.history.person_at(customer.id, left),
        };
        let attempt = asked
            .attempt
            .as_ref()
            .and_then(|attempt| ledger.attempts.get(attempt));
        let clock = person.and_then(Person::clock);
        let claimed = || TimeZone::get(&attempt?.zone).ok();
        Placed {
            customer,
            left,
            clock: clock.or_else(claimed).unwrap_or(TimeZone::UTC),
            calls: all
                .iter()
                .filter(|call| call.request == asked.number)
                .cloned()
                .collect(),
            asked,
        }
    });
    placed.collect()
}
