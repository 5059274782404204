//! Numbers that are spelled in more than one way. The input is drawn from.

use shared::Phone;
use shared::providers::whatsapp::{WaId, canonical, spellings};

use crate::draw::Draw;

/// Where numbers have more than one spelling, and where they have not.
const COUNTRIES: [&str; 8] = ["55", "52", "521", "54", "549", "5511", "1", "44"];

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let numbers = [number(&mut draw), number(&mut draw)];
    for digits in &numbers {
        check_one(digits);
    }
    // A digit put in is what makes another spelling.
    let at = draw.below(numbers[0].len() + 1);
    let longer = format!("{}{}{}", &numbers[0][..at], draw.below(10), &numbers[0][at..]);
    for other in [&numbers[1], &longer] {
        let phones = [&numbers[0], other].map(|digits| WaId::parse(digits).and_then(|id| id.phone()));
        if let [Some(one), Some(other)] = phones {
            assert_eq!(
                canonical(&one) == canonical(&other),
                core_of(one.as_str()) == core_of(other.as_str()),
                "{} and {}",
                one.as_str(),
                other.as_str()
            );
        }
    }
}

fn check_one(digits: &str) {
    let Some(phone) = WaId::parse(digits).and_then(|id| id.phone()) else {
        assert!(
            Phone::parse(&format!("+{digits}")).is_err(),
            "{digits} is a telephone number"
        );
        return;
    };
    assert_eq!(Phone::parse(phone.as_str()).as_ref(), Ok(&phone), "{digits}");
    assert_eq!(canonical(&phone), phone, "{digits} has two canonical forms");
    assert_eq!(
        core_of(phone.as_str()),
        core_of(&format!("+{digits}")),
        "{digits} is somebody else"
    );
    let all = spellings(&phone);
    assert_eq!(all[0], phone);
    for (at, spelling) in all.iter().enumerate() {
        assert!(!all[..at].contains(spelling), "{digits}: one spelling twice");
        assert_eq!(canonical(spelling), phone, "{digits}");
        assert_eq!(spellings(spelling), all, "{digits}");
        let read = WaId::parse(&spelling.as_str()[1..]).and_then(|id| id.phone());
        assert_eq!(read.as_ref(), Some(&phone), "{digits}");
    }
    let as_sent = Phone::parse(&format!("+{digits}"));
    assert!(
        as_sent.is_err() || all.contains(&as_sent.expect("just checked")),
        "{digits} is not found again"
    );
}

fn number(draw: &mut Draw<'_>) -> String {
    let mut digits = draw.one_of(&COUNTRIES).to_owned();
    for _ in 0..draw.below(13) {
        digits.push(char::from(b'0' + u8::try_from(draw.below(10)).expect("a digit")));
    }
    digits
}

/// A number without the digit that is written or not: what makes somebody who they are. Read from the plans, from
/// the end of the number.
fn core_of(number: &str) -> String {
    let digits: Vec<char> = number.chars().skip(1).collect();
    let starts = |with: &str| with.chars().eq(digits.iter().copied().take(with.len()));
    let without = |at: usize| {
        let kept = digits.iter().enumerate().filter(|(index, _)| *index != at);
        kept.map(|(_, digit)| *digit).collect::<String>()
    };
    let is_mobile = |from_end: usize| digits[digits.len() - from_end] >= '6';
    match digits.len() {
        13 if starts("55") && !digits[2..4].contains(&'0') && digits[4] == '9' && is_mobile(8) => without(4),
        13 if starts("521") => without(2),
        13 if starts("549") => without(2),
        _ => digits.into_iter().collect(),
    }
}
