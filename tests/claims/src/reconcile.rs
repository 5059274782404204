//! What a reading of Twilio's list proves.

use jiff::{SignedDuration, Timestamp};
use shared::Phone;
use shared::jobs::{Evidence, Reading, Search, Unclear, Verdict, verdict};
use uuid::Uuid;

use crate::draw::Draw;

const GRACE: SignedDuration = SignedDuration::from_mins(15);
const HOUR: SignedDuration = SignedDuration::from_mins(60);
const APART: SignedDuration = SignedDuration::from_mins(5);
const IDS: [&str; 4] = ["SM1", "SM2", "SM3", "SM4"];
const WORDS: [&str; 3] = ["sorry", "sorry ", "something else"];

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let granted_at = draw.time();
    // The clock may have been set back, and a sweeper may come a day late.
    let around =
        |draw: &mut Draw<'_>| granted_at + SignedDuration::from_millis(draw.number(-3_600_000..=90_000_000));
    let unclear = Unclear {
        search: Search {
            last_empty_reading_at: draw.maybe(around),
            empty_readings: i32::try_from(draw.number(0..=5)).expect("a handful"),
            granted_at,
        },
        claimed_ids: draw.some(3, |draw| draw.one_of(&IDS).to_owned()),
        ..unclear(granted_at)
    };
    let now = match draw.below(3) {
        0 => granted_at + SignedDuration::from_secs(draw.number(0..=4_000)),
        1 => granted_at + SignedDuration::from_mins(draw.number(0..=62)),
        _ => around(&mut draw),
    };
    let reading = Reading {
        found: draw.some(5, |draw| Evidence {
            provider_id: draw.one_of(&IDS).to_owned(),
            content: draw.one_of(&WORDS).to_owned(),
            accepted_at: around(draw),
        }),
        complete: draw.flag(),
    };
    assert_proven(&unclear, &reading, now);
    assert_silence_is_settled(&mut draw, granted_at);
}

fn assert_proven(unclear: &Unclear, reading: &Reading, now: Timestamp) {
    let verdict = verdict(unclear, reading, now);
    let age = now.duration_since(unclear.search.granted_at);
    let open: Vec<&Evidence> = reading
        .found
        .iter()
        .filter(|message| !unclear.claimed_ids.contains(&message.provider_id))
        .collect();
    let ours = open.iter().filter(|message| message.content == unclear.content);
    let oldest = ours.map(|message| message.accepted_at).min();
    match &verdict {
        Verdict::Accepted(id) => assert!(
            open.iter().any(|message| message.provider_id == *id
                && message.content == unclear.content
                && Some(message.accepted_at) == oldest),
            "{id} is not the oldest of ours"
        ),
        Verdict::Absent => {
            assert!(reading.complete && open.is_empty(), "absent, with {open:?}");
            assert!(age >= GRACE, "absent after {age:?}");
            assert!(unclear.search.empty_readings >= 1, "absent at the first reading");
            let apart = unclear
                .search
                .last_empty_reading_at
                .map(|last| now.duration_since(last));
            assert!(
                apart.is_none_or(|apart| apart >= APART),
                "absent by one observation: {apart:?}"
            );
        }
        Verdict::NotYet { empty, wait } => {
            assert_eq!(*empty, reading.complete && open.is_empty());
            assert!(
                *wait > SignedDuration::ZERO && age + *wait <= HOUR,
                "{wait:?} at {age:?}"
            );
        }
        Verdict::NoEvidence => assert!(age >= HOUR, "given up after {age:?}"),
    }
    assert_eq!(
        oldest.is_some(),
        matches!(verdict, Verdict::Accepted(_)),
        "{verdict:?}"
    );
}

/// A list that stays empty ends in absence, however late each reading comes.
fn assert_silence_is_settled(draw: &mut Draw<'_>, granted_at: Timestamp) {
    let nothing = Reading {
        found: Vec::new(),
        complete: true,
    };
    let mut state = unclear(granted_at);
    let mut now = granted_at + SignedDuration::from_mins(2);
    for _ in 0..8 {
        now += SignedDuration::from_secs(draw.number(0..=150));
        match verdict(&state, &nothing, now) {
            Verdict::Absent => return,
            Verdict::NotYet { empty: true, wait } => {
                if state
                    .search
                    .last_empty_reading_at
                    .is_none_or(|last| now.duration_since(last) >= APART)
                {
                    state.search.empty_readings += 1;
                    state.search.last_empty_reading_at = Some(now);
                }
                now += wait;
            }
            other => panic!("nothing was found, and that means {other:?} at {now}"),
        }
    }
    panic!("still not settled at {now}");
}

fn unclear(granted_at: Timestamp) -> Unclear {
    Unclear {
        attempt: Uuid::nil(),
        sender: Phone::stored("+15005550006".to_owned()),
        recipient: Phone::stored("+14035550001".to_owned()),
        content: WORDS[0].to_owned(),
        search: Search {
            granted_at,
            empty_readings: 0,
            last_empty_reading_at: None,
        },
        claimed_ids: Vec::new(),
    }
}
