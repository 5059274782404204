//! Whether a missed call is answered by a text.

use jiff::SignedDuration;
use shared::Phone;
use shared::missed_calls::{Decision, Suppression, TextFacts, Wording, decide};

use crate::draw::Draw;

const CALLERS: [&str; 5] = [
    "+14035550001",
    "+442079460958",
    "+19005550123",
    "+8821612345678",
    "+14039765555",
];
/// Wordings, and whether they tell how to stop.
const TEMPLATES: [(&str, bool); 12] = [
    ("Hi, this is {business}. Sorry we missed your call!", false),
    ("{business}", false),
    ("{business}{business} Reply STOP to opt out.", true),
    ("We never stop at {business}", false),
    ("Non-stop service", false),
    ("Sorry! (STOP ends texts.)", true),
    ("Sorry! Reply Stop", true),
    ("{business}: STOP/ARRET", true),
    ("reply STOP.", true),
    ("Just reply. Stop by at {business}!", false),
    ("Call, text, stop by at {business}!", false),
    ("Reply {business} stop by", false),
];
const BUSINESSES: [&str; 5] = [
    "Acme Plumbing",
    "One Stop Plumbing",
    "STOP THAT LEAK",
    "{business}",
    "Stopwatch",
];

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let facts = facts(&mut draw);
    let may_reach = draw.flag();
    let refusals = refusals(&facts, may_reach);
    match decide(&facts, |_| may_reach) {
        Decision::Suppress(reason) => {
            assert!(
                refusals.contains(&reason),
                "{reason:?} does not apply, {refusals:?} do"
            );
        }
        Decision::Send { body } => {
            assert!(refusals.is_empty(), "{body:?} against {refusals:?}");
            let line = facts.wording.as_ref().expect("a line with words");
            assert!(!body.trim().is_empty());
            // The first text says how to stop them, once: what a business is called does not.
            let filled = line.template.replace("{business}", &line.business_name);
            let tells = TEMPLATES.contains(&(line.template.as_str(), true));
            let notice = if facts.has_been_texted || tells {
                ""
            } else {
                " Reply STOP to opt out."
            };
            assert_eq!(body, filled + notice);
        }
    }
}

/// Every rule that says no.
fn refusals(facts: &TextFacts, may_reach: bool) -> Vec<Suppression> {
    let mut no = Vec::new();
    let mut rule = |applies: bool, reason| {
        if applies {
            no.push(reason);
        }
    };
    rule(facts.caller.is_none(), Suppression::NoCallerId);
    rule(facts.wording.is_none(), Suppression::UnknownLine);
    rule(facts.is_our_own, Suppression::Loop);
    rule(facts.opted_out, Suppression::OptedOut);
    rule(facts.now >= facts.expires_at, Suppression::Expired);
    rule(
        facts
            .caller
            .as_ref()
            .is_some_and(|caller| CALLERS[2..].contains(&caller.as_str())),
        Suppression::PremiumRange,
    );
    rule(!may_reach, Suppression::NotOnAllowList);
    if let Some(line) = &facts.wording {
        rule(!line.text_back, Suppression::SwitchedOff);
        let cool_down = i64::from(line.cool_down_minutes) * 60_000_000_000;
        let since_last =
            |last: jiff::Timestamp| i128::from(cool_down) > facts.now.as_nanosecond() - last.as_nanosecond();
        rule(
            facts.last_texted_at.is_some_and(since_last),
            Suppression::AlreadyTexted,
        );
    }
    no
}

fn facts(draw: &mut Draw<'_>) -> TextFacts {
    let now = draw.time();
    let around =
        |draw: &mut Draw<'_>| now + SignedDuration::from_millis(draw.number(-90_000_000..=7_200_000));
    TextFacts {
        state: "pending".to_owned(),
        caller: draw.maybe(|draw| Phone::stored(draw.one_of(&CALLERS).to_owned())),
        line: Phone::stored("+15005550006".to_owned()),
        call_sid: "CA1".to_owned(),
        origin: "dial_result".to_owned(),
        now,
        due_at: around(draw),
        expires_at: around(draw),
        wording: draw.maybe(|draw| Wording {
            business_name: draw.one_of(&BUSINESSES).to_owned(),
            template: draw.one_of(&TEMPLATES).0.to_owned(),
            text_back: draw.flag(),
            cool_down_minutes: i32::try_from(draw.number(0..=1_440)).expect("a day"),
        }),
        is_our_own: draw.flag() && draw.flag(),
        opted_out: draw.flag() && draw.flag(),
        last_texted_at: draw.maybe(around),
        has_been_texted: draw.flag(),
    }
}
