//! Whether a missed call is answered by a text, and its words.

use jiff::SignedDuration;

use super::{TextFacts, Wording};

/// Two hours after the call a text about it is of no use to anybody.
pub const TEXT_EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// What to do about one missed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send exactly these words.
    Send {
        /// The whole message.
        body: String,
    },
    /// Send nothing, for this reason.
    Suppress(Suppression),
}

/// Why a missed call is not answered by a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// The caller withheld the number, or called from something that is not a telephone.
    NoCallerId,
    /// The caller is one of our own numbers: two lines must not text each other for ever.
    Loop,
    /// A premium or satellite range: toll fraud calls to be called or texted back.
    PremiumRange,
    /// The person said stop.
    OptedOut,
    /// The line has texted the person within its cool-down.
    AlreadyTexted,
    /// The operator has switched the line's texts off.
    SwitchedOff,
    /// Too late to be of use.
    Expired,
    /// Not a production stack, and the number is not on its allow-list.
    NotOnAllowList,
    /// The line is not in the database and not in the settings any more.
    UnknownLine,
    /// An earlier attempt that counted as refused or absent has arrived after all.
    ArrivedAfterAll,
}

impl Suppression {
    /// As stored, logged and read by a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCallerId => "no_caller_id",
            Self::Loop => "loop",
            Self::PremiumRange => "premium_range",
            Self::OptedOut => "opted_out",
            Self::AlreadyTexted => "already_texted",
            Self::SwitchedOff => "switched_off",
            Self::Expired => "expired",
            Self::NotOnAllowList => "not_on_allow_list",
            Self::UnknownLine => "unknown_line",
            Self::ArrivedAfterAll => "arrived_after_all",
        }
    }
}

/// Decides from what is known now. The database holds the same rules about people once more.
pub fn decide(facts: &TextFacts, may_reach: impl FnOnce(&crate::Phone) -> bool) -> Decision {
    use Suppression as No;
    let Some(caller) = &facts.caller else {
        return Decision::Suppress(No::NoCallerId);
    };
    let Some(line) = &facts.wording else {
        return Decision::Suppress(No::UnknownLine);
    };
    let cooled_down = facts.last_texted_at.is_none_or(|last| {
        facts.now.duration_since(last) >= SignedDuration::from_mins(line.cool_down_minutes.into())
    });
    let refusals = [
        (facts.now >= facts.expires_at, No::Expired),
        (facts.is_our_own, No::Loop),
        (facts.opted_out, No::OptedOut),
        (caller.is_premium(), No::PremiumRange),
        (!line.text_back, No::SwitchedOff),
        (!cooled_down, No::AlreadyTexted),
        (!may_reach(caller), No::NotOnAllowList),
    ];
    match refusals.iter().find(|(applies, _)| *applies) {
        Some((_, reason)) => Decision::Suppress(*reason),
        None => Decision::Send {
            body: words(line, facts.has_been_texted),
        },
    }
}

/// The line's words, with how to make them stop where the person has not been told before.
fn words(line: &Wording, has_been_texted: bool) -> String {
    let text = line.template.replace("{business}", &line.business_name);
    if has_been_texted || says_stop(&line.template) {
        text
    } else {
        format!("{text} Reply STOP to opt out.")
    }
}

/// Whether the operator's own words tell how to make the texts stop: with STOP in capitals, or in other letters
/// right after a verb that asks for it and before the end or what it does ("Reply stop to opt out"). A stop that
/// means something else is no reason to keep the notice back, and neither is what a business is called. A notice
/// too many does no harm, so whatever is in doubt is none.
fn says_stop(template: &str) -> bool {
    let words: Vec<&str> = template.split_whitespace().collect();
    words.iter().enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).map(|at| words[at]);
        let after = words.get(at + 1).copied();
        // "STOP/ARRET" offers two words; "one-stop" is another one.
        let joins = |character: char| character.is_alphanumeric() || "-_'\u{2019}{}".contains(character);
        word.split(|character| !joins(character))
            .map(bare)
            .any(|part| match part {
                "STOP" => !is_of_a_name(before, word, after),
                part => part.eq_ignore_ascii_case("stop") && is_asked_for(before, word, after),
            })
    })
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|character: char| !character.is_alphanumeric())
}

/// Whether this is what a verb asks for as an answer, and all that it asks for.
fn is_asked_for(before: Option<&str>, word: &str, after: Option<&str>) -> bool {
    const VERBS: [&str; 6] = ["reply", "text", "txt", "send", "r\u{e9}pondez", "envoyez"];
    // "Just reply… stop by" asks for nothing.
    let verb = before.map(str::to_lowercase);
    let is_all =
        ends(word) || after.is_none_or(|after| ["to", "for"].contains(&after.to_lowercase().as_str()));
    verb.is_some_and(|verb| VERBS.contains(&verb.as_str())) && is_all
}

/// Whether a STOP stands among other capitals, or beside a sign, as it would in a name.
fn is_of_a_name(before: Option<&str>, word: &str, after: Option<&str>) -> bool {
    before.is_some_and(is_loud) || !ends(word) && after.is_some_and(is_loud)
}

/// Whether something is over with this word.
fn ends(word: &str) -> bool {
    word.ends_with(|character: char| !character.is_alphanumeric())
}

/// Whether a word is a sign or in capitals, as its neighbours in a name would be, and no other word of a notice.
fn is_loud(word: &str) -> bool {
    const OF_NOTICES: [&str; 6] = ["ARRET", "ARR\u{ca}T", "END", "CANCEL", "QUIT", "HELP"];
    let is_sign = !word.chars().any(char::is_alphanumeric);
    let is_in_capitals = word.chars().count() > 1 && word.chars().all(char::is_uppercase);
    (is_sign || is_in_capitals) && !OF_NOTICES.contains(&word)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Phone;

    fn facts() -> TextFacts {
        TextFacts {
            state: "pending".to_owned(),
            caller: Some(Phone::stored("+14035550001".to_owned())),
            line: Phone::stored("+15005550006".to_owned()),
            call_sid: "CA1".to_owned(),
            origin: "dial_result".to_owned(),
            now: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH + TEXT_EXPIRES_AFTER,
            wording: Some(Wording {
                business_name: "Acme".to_owned(),
                template: "Hi, {business} here.".to_owned(),
                text_back: true,
                cool_down_minutes: 10,
            }),
            is_our_own: false,
            opted_out: false,
            last_texted_at: None,
            has_been_texted: false,
        }
    }

    fn reason(facts: &TextFacts) -> Suppression {
        match decide(facts, |_| true) {
            Decision::Suppress(reason) => reason,
            Decision::Send { body } => panic!("would have sent {body:?}"),
        }
    }

    #[test]
    fn a_first_text_says_how_to_stop_and_a_later_one_does_not() {
        let send = |facts| match decide(&facts, |_| true) {
            Decision::Send { body } => body,
            Decision::Suppress(reason) => panic!("suppressed: {reason:?}"),
        };
        assert_eq!(send(facts()), "Hi, Acme here. Reply STOP to opt out.");
        assert_eq!(
            send(TextFacts {
                has_been_texted: true,
                ..facts()
            }),
            "Hi, Acme here."
        );
    }

    #[test]
    fn a_business_that_never_stops_says_how_to_stop_its_texts() {
        let first = |business_name: &str, template: &str| {
            let line = Wording {
                business_name: business_name.to_owned(),
                template: template.to_owned(),
                ..facts().wording.expect("a line")
            };
            words(&line, false)
        };
        for (business_name, template) in [
            ("One Stop Plumbing", "{business} here."),
            ("STOP THAT LEAK", "{business} here."),
        ] {
            let text = first(business_name, template);
            assert!(text.ends_with(" Reply STOP to opt out."), "{text}");
        }
        assert_eq!(
            first("Acme", "Sorry! (STOP ends texts.)"),
            "Sorry! (STOP ends texts.)"
        );
    }

    #[test]
    fn a_notice_is_one_however_it_is_written() {
        for template in [
            "Sorry! Reply STOP to opt out.",
            "Sorry! reply STOP.",
            "Sorry! Reply Stop",
            "Sorry! Reply \u{201c}stop\u{201d} to opt out.",
            "Sorry! Text stop to end.",
            "Sorry! STOP/ARRET",
            "D\u{e9}sol\u{e9}! R\u{e9}pondez ARRET/Stop.",
            "Sorry! (STOP ends texts.)",
            "Sorry! STOP=end",
            "From ACME. STOP to end.",
            "STOP",
        ] {
            assert!(says_stop(template), "{template}");
        }
    }

    #[test]
    fn the_word_alone_is_no_notice() {
        for template in [
            "",
            "One Stop Plumbing here.",
            "ONE STOP PLUMBING here.",
            "STOP THAT LEAK!",
            "Non-stop service.",
            "NON-STOP service.",
            "We never stop.",
            "WE NEVER STOP.",
            "Stop by any time.",
            "Just reply. Stop by any time.",
            "Reply or stop by.",
            "Sorry we couldn't answer, stop by 12 Main St or reply here.",
            "Call, text, stop by any time!",
            "Text us, stop by or call.",
            "Send us a text\nStop by our shop",
            "Just reply\u{2026} Stop by",
            "You can text. Stop. That is all.",
            "Text the Stop Light Grill",
            "STOP & SHOP here",
            "Stopwatches.",
            "{business}STOP",
            "Reply to learn about our one-stop shop.",
        ] {
            assert!(!says_stop(template), "{template}");
        }
    }

    #[test]
    fn every_rule_suppresses_with_its_own_reason() {
        let premium = Phone::stored("+19005550123".to_owned());
        let off = Wording {
            text_back: false,
            ..facts().wording.expect("a line")
        };
        assert_eq!(
            reason(&TextFacts {
                caller: None,
                ..facts()
            }),
            Suppression::NoCallerId
        );
        assert_eq!(
            reason(&TextFacts {
                wording: None,
                ..facts()
            }),
            Suppression::UnknownLine
        );
        assert_eq!(
            reason(&TextFacts {
                is_our_own: true,
                ..facts()
            }),
            Suppression::Loop
        );
        assert_eq!(
            reason(&TextFacts {
                opted_out: true,
                ..facts()
            }),
            Suppression::OptedOut
        );
        assert_eq!(
            reason(&TextFacts {
                caller: Some(premium),
                ..facts()
            }),
            Suppression::PremiumRange
        );
        assert_eq!(
            reason(&TextFacts {
                wording: Some(off),
                ..facts()
            }),
            Suppression::SwitchedOff
        );
        assert_eq!(
            reason(&TextFacts {
                expires_at: facts().now,
                ..facts()
            }),
            Suppression::Expired
        );
        assert_eq!(
            decide(&facts(), |_| false),
            Decision::Suppress(Suppression::NotOnAllowList)
        );
    }

    #[test]
    fn the_cool_down_ends_to_the_minute() {
        let texted = |seconds_ago| TextFacts {
            last_texted_at: Some(facts().now - SignedDuration::from_secs(seconds_ago)),
            has_been_texted: true,
            ..facts()
        };
        assert_eq!(reason(&texted(599)), Suppression::AlreadyTexted);
        assert!(matches!(decide(&texted(600), |_| true), Decision::Send { .. }));
    }
}
