//! `TwiML`, read by two parsers that did not write it.

use local::sandbox::{Verb, parse_twiml};
use shared::Phone;
use shared::providers::twilio::twiml;

use crate::draw::Draw;

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    // Telephone numbers and URLs hold no control characters, and XML could not carry them.
    let mut text = || -> String {
        draw.text()
            .chars()
            .filter(|character| can_be_carried(*character))
            .collect()
    };
    let (owner, action) = (text().trim().to_owned(), text());
    let seconds = draw.byte();
    let document = twiml::dial(&Phone::stored(owner.clone()), &action, seconds);

    let tree = roxmltree::Document::parse(&document).expect("well-formed XML");
    let root = tree.root_element();
    assert_eq!(root.tag_name().name(), "Response");
    let verbs: Vec<_> = root.children().collect();
    assert_eq!(verbs.len(), 1, "{document}");
    let dial = verbs[0];
    assert_eq!(dial.tag_name().name(), "Dial");
    let attributes: Vec<_> = dial
        .attributes()
        .map(|attribute| (attribute.name(), attribute.value()))
        .collect();
    let seconds = seconds.to_string();
    assert_eq!(
        attributes,
        [
            ("action", action.as_str()),
            ("method", "POST"),
            ("timeout", &seconds),
            ("answerOnBridge", "true")
        ]
    );
    let numbers: Vec<_> = dial.children().collect();
    assert_eq!(numbers.len(), 1, "{document}");
    assert_eq!(numbers[0].tag_name().name(), "Number");
    assert!(numbers[0].children().all(|node| node.is_text()), "{document}");
    assert_eq!(numbers[0].text().unwrap_or_default(), owner);

    let verbs = parse_twiml(&document).expect("Twilio executes it");
    let [Verb::Dial(dial)] = verbs.as_slice() else {
        panic!("{verbs:?}");
    };
    assert_eq!(dial.action.as_deref().unwrap_or_default(), action);
    assert_eq!(dial.numbers.len(), 1);
    assert_eq!(dial.numbers[0].number, owner);
}

/// XML's own `Char`, without what a parser may fold into a space.
fn can_be_carried(character: char) -> bool {
    matches!(character, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..) && !character.is_control()
}
