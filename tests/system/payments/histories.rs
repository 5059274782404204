//! Random histories against a small model of what they come to.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use shared::customers::{
    CustomerId, Effect, Money, PaymentEvent, Profile, RecordId, Source, record_payment, standing,
};
use shared::platform::database::{Connection, Database};
use shared::platform::gate::Gate;
use system_tests::TestDatabase;

use super::began;

const HISTORIES: usize = 150;
const PRICE: i64 = 4900;

/// One event of a history, and which purchase it is of.
#[derive(Debug, Clone)]
struct Told {
    purchase: usize,
    seconds: i64,
    effect: Effect,
    /// Among the purchase's objects.
    objects: Vec<&'static str>,
    is_named: bool,
    amount: Option<i64>,
}

const OBJECTS: [&str; 4] = ["cs", "pi", "in", "sub"];
const EFFECTS: [Effect; 9] = [
    Effect::Paid,
    Effect::Paid,
    Effect::NotPaid,
    Effect::Refunded,
    Effect::PartlyRefunded,
    Effect::Disputed,
    Effect::DisputeWon,
    Effect::DisputeLost,
    Effect::Ended,
];

/// Purchases whose events hang together, one of which at least says whose they are.
fn history(random: &mut fastrand::Rng) -> Vec<Told> {
    let mut history = Vec::new();
    for purchase in 0..random.usize(1..4) {
        // So few seconds that some events share one.
        let seconds = |random: &mut fastrand::Rng| random.i64(0..12);
        for pair in OBJECTS.windows(2) {
            history.push(Told {
                purchase,
                seconds: seconds(random),
                effect: Effect::Linked,
                objects: pair.to_vec(),
                is_named: false,
                amount: None,
            });
        }
        for _ in 0..random.usize(1..5) {
            let effect = random.choice(EFFECTS).expect("there are some");
            let is_of_dispute = matches!(
                effect,
                Effect::Disputed | Effect::DisputeWon | Effect::DisputeLost
            );
            let mut objects = vec![random.choice(OBJECTS).expect("there are some")];
            if is_of_dispute {
                objects.insert(0, random.choice(["du_1", "du_2"]).expect("there are some"));
            }
            let is_paid = effect == Effect::Paid;
            let amount = random.choice([None, Some(PRICE), Some(PRICE), Some(PRICE - 1)]);
            history.push(Told {
                purchase,
                seconds: seconds(random),
                effect,
                objects,
                is_named: random.u8(..4) == 0,
                amount: amount.flatten().filter(|_| is_paid),
            });
        }
        let at = history.len() - 1;
        history[at].is_named = true;
    }
    history
}

/// What a purchase's end is called; of one second's, the first of these counts.
const ENDS: [(&str, Effect); 4] = [
    ("Refunded", Effect::Refunded),
    ("Ended", Effect::Ended),
    ("Disputed", Effect::Disputed),
    ("Refunded", Effect::DisputeLost),
];

/// What a history comes to.
fn model(history: &[Told]) -> &'static str {
    let mut purchases: BTreeMap<usize, Vec<&Told>> = BTreeMap::new();
    for told in history {
        purchases.entry(told.purchase).or_default().push(told);
    }
    // The last word on each purchase: when, and how it ended, if it has.
    let mut paid_at = Vec::new();
    let mut ends = Vec::new();
    let mut end_of_unknown = i64::MIN;
    for purchase in purchases.values() {
        let pays = |told: &&&Told| told.effect == Effect::Paid && told.amount != Some(PRICE - 1);
        let is_won = |dispute: &Told| {
            let mut won = purchase.iter().filter(|told| told.effect == Effect::DisputeWon);
            dispute.effect == Effect::Disputed && won.any(|won| won.objects[0] == dispute.objects[0])
        };
        let end_of = |told: &Told| {
            let known = ENDS.iter().position(|(_, effect)| *effect == told.effect);
            known.filter(|_| !is_won(told))
        };
        let last_paid = purchase.iter().filter(pays).map(|told| told.seconds).max();
        let last_end = purchase
            .iter()
            .filter_map(|told| Some((told.seconds, std::cmp::Reverse(end_of(told)?))))
            .max();
        match (last_paid, last_end) {
            (Some(paid), None) => paid_at.push(paid),
            (Some(paid), Some((end, _))) if paid > end => paid_at.push(paid),
            (_, Some(end)) => {
                ends.push(end);
                if !purchase.iter().any(|told| told.effect == Effect::Paid) {
                    end_of_unknown = end_of_unknown.max(end.0);
                }
            }
            (None, None) => {}
        }
    }
    if paid_at.iter().any(|paid| *paid > end_of_unknown) {
        return "Paid";
    }
    ends.into_iter().max().map_or("Unpaid", |(_, end)| ENDS[end.0].0)
}

fn event_of(told: &Told, customer: &CustomerId, number: usize) -> PaymentEvent {
    let own = |object: &str| format!("{object}_{}_{}", told.purchase, customer.as_str());
    let objects = told.objects.iter().map(|object| RecordId::parse(&own(object)));
    PaymentEvent {
        source: Source::Stripe,
        id: RecordId::parse(&format!("evt_{}_{number}", customer.as_str())).expect("an id"),
        kind: "a.kind".to_owned(),
        created_at: began() + SignedDuration::from_secs(told.seconds),
        customer: told.is_named.then(|| customer.clone()),
        objects: objects.collect::<Result<_, _>>().expect("ids"),
        effect: told.effect,
        paid: told.amount.map(|minor_units| Money {
            minor_units,
            currency: "cad".to_owned(),
        }),
        profile: Profile::default(),
    }
}

/// Tells a history in some order, with repetitions; what it has come to.
async fn tell(
    database: &Connection,
    history: &[Told],
    customer: &CustomerId,
    random: &mut fastrand::Rng,
) -> String {
    let mut events: Vec<PaymentEvent> = history
        .iter()
        .enumerate()
        .map(|(number, told)| event_of(told, customer, number))
        .collect();
    random.shuffle(&mut events);
    for event in &events {
        record_payment(database, event).await.expect("it is kept");
        if random.u8(..8) == 0 {
            let again = record_payment(database, event).await.expect("it is kept");
            assert!(!again.is_new);
        }
    }
    let last = standing(database, &events[0]).await.expect("it was kept");
    assert_eq!(last.customer.as_deref(), Some(customer.as_str()));
    last.payment_status.expect("a customer's")
}

#[tokio::test]
async fn random_histories_come_to_what_a_model_says_in_every_order() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = TestDatabase::new().await;
    world
        .sql(&format!("UPDATE calling SET price = {PRICE}, currency = 'cad'"))
        .await;
    let url = world.application_url().await;
    let database = Database::new(&url.into(), None, 1, Gate::default()).expect("a pool");
    let connection = database.connection().await.expect("the database answers");
    let mut met = BTreeMap::new();
    for number in 0..HISTORIES {
        let history = history(&mut random);
        let expected = model(&history);
        *met.entry(expected).or_insert(0) += 1;
        for turn in 0..3 {
            let customer = CustomerId::parse(&format!("c{number}_{turn}")).expect("an id");
            let told = tell(&connection, &history, &customer, &mut random).await;
            assert_eq!(told, expected, "seed {seed}, {customer:?}: {history:#?}");
        }
    }
    assert_eq!(met.len(), 5, "every standing is among them: {met:?}");
    // Somebody pays since the first payment that counted.
    let wrong = "SELECT count(*) FROM customers WHERE paid_at IS DISTINCT FROM (
        SELECT min(event.created_at) FROM payment_events AS event
        WHERE event.customer_id = customers.id AND effect = 'paid' AND amount IS DISTINCT FROM 4899)";
    assert_eq!(world.one(wrong).await.as_deref(), Some("0"));
}
