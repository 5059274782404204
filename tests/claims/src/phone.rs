//! Telephone numbers.

use shared::Phone;

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let parsed = Phone::parse(&text);
    if let Ok(phone) = &parsed {
        assert!(is_e164(&text), "{text:?} is no E.164 number");
        assert_eq!(phone.as_str(), text);
        assert_eq!(Phone::parse(phone.as_str()).as_ref(), Ok(phone), "read again");
    }
    // A line may have been stored before the rules were as they are.
    let stored = Phone::stored(text.clone().into_owned());
    let _ = stored.is_premium();
    for printed in [stored.to_string(), format!("{stored:?}")] {
        assert_hides(&text, &printed);
        assert!(Phone::parse(&printed).is_err(), "{printed} can be dialled");
    }
}

fn is_e164(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'+')
        && matches!(bytes.next(), Some(b'1'..=b'9'))
        && (6..=14).contains(&bytes.len())
        && bytes.all(|byte| byte.is_ascii_digit())
}

/// Three characters at least are in no log: a thousand people could be meant.
fn assert_hides(number: &str, printed: &str) {
    let length = number.chars().count();
    // A number of no plan may have asterisks of its own.
    let hides = (0..printed.len()).any(|at| {
        let Some((head, tail)) = printed
            .split_at_checked(at)
            .and_then(|(head, rest)| Some((head, rest.strip_prefix("***")?)))
        else {
            return false;
        };
        let (shown_first, shown_last) = (head.chars().count(), tail.chars().count());
        let shown = shown_first + shown_last;
        number.starts_with(head)
            && number.ends_with(tail)
            && (shown_first <= 5 && shown_last <= 4)
            && (shown == 0 || shown + 3 <= length)
    });
    assert!(hides, "{printed} shows too much of a number of {length}");
}
