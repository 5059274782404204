//! Whether a customer asked not to be called any more.
//!
//! Wanted: whoever asks is heard, however they put it. The doubt goes the other way than for what we owe somebody:
//! a call less harms nobody, and one more to somebody who said no does. So what is merely suspicious, such as "stop"
//! near "call", counts too. Only what plainly means something else ("don't stop", "stop by tomorrow") does not.
//!
//! A sentence is compared with phrases, word by word, in whatever language it is.

mod phrases;

use std::sync::LazyLock;

use self::phrases::{ALONE, BESIDE, ENGLISH, FRENCH, GERMAN, GOES, Phrase, SPANISH, SUSPICIOUS, TURNS_ROUND};

/// What somebody's words come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing of the kind.
    No,
    /// Perhaps they asked. Enough for a person's words, too little for a machine's.
    Perhaps,
    /// They asked.
    Yes,
}

/// A phrase, taken apart.
type Parsed = (Vec<Part>, &'static Phrase);

/// Taken apart once: every message that comes in is listened to.
static CLEAR: LazyLock<Vec<Parsed>> = LazyLock::new(|| parsed(&[ENGLISH, FRENCH, SPANISH, GERMAN]));
static DOUBTFUL: LazyLock<Vec<Parsed>> = LazyLock::new(|| parsed(&[SUSPICIOUS]));

fn parsed(lists: &[&'static [Phrase]]) -> Vec<Parsed> {
    let phrases = lists.iter().flat_map(|list| list.iter());
    phrases.map(|phrase| (parts_of(phrase), phrase)).collect()
}

/// Listens to a customer's words, a sentence or a turn a line.
pub fn asks_to_stop(said: &str) -> Stop {
    let folded = fold(said);
    let holds = |words: &[&str], phrases: &[Parsed]| {
        let stands =
            |(parts, phrase): &Parsed| (0..words.len()).any(|at| stands_at(words, at, parts, phrase));
        phrases.iter().any(stands)
    };
    let mut heard = Stop::No;
    for sentence in folded.split(['.', '!', '?', ';', '\n', '¿', '¡', '…']) {
        let words: Vec<&str> = sentence
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        if is_alone(&words) || holds(&words, &CLEAR) {
            return Stop::Yes;
        }
        if holds(&words, &DOUBTFUL) {
            heard = Stop::Perhaps;
        }
    }
    heard
}

/// Whether somebody who said stop takes it back: in the carriers' words, and nothing beside them, for a machine must
/// not guess that somebody wants to hear from it again.
pub fn asks_to_start(said: &str) -> bool {
    let folded = fold(said);
    let mut words = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty());
    matches!(
        (words.next(), words.next()),
        (Some("start" | "unstop" | "optin"), None)
    )
}

/// Lower case without accents, negations spelled out.
fn fold(said: &str) -> String {
    let mut folded = String::with_capacity(said.len());
    for letter in said.chars().flat_map(char::to_lowercase) {
        match letter {
            'à' | 'á' | 'â' | 'ä' | 'ã' | 'å' => folded.push('a'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ò' | 'ó' | 'ô' | 'ö' | 'õ' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'ç' => folded.push('c'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            'œ' => folded.push_str("oe"),
            '’' | 'ʼ' | '´' | '`' => folded.push('\''),
            '🛑' => folded.push_str(" stop "),
            // Of another width.
            '！'..='～' => folded.extend(char::from_u32(letter as u32 - 0xFEE0)),
            // An accent that stands by itself.
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    for (written, spelled) in [
        ("can't", "can not"),
        ("won't", "will not"),
        ("cannot", "can not"),
        ("n't", " not"),
        ("dont ", "do not "),
        ("opt-out", "optout"),
    ] {
        folded = folded.replace(written, spelled);
    }
    folded
}

/// Whether a sentence is one of the carriers' words, said politely or not.
fn is_alone(words: &[&str]) -> bool {
    let is_said = words.iter().any(|word| ALONE.contains(word));
    let may_have = |word: &&str| match *word {
        // "Stop it"; but "cancel that" is about something else.
        "it" | "that" | "this" => words.contains(&"stop") || words.contains(&"quit"),
        word => ALONE.contains(&word) || BESIDE.contains(&word),
    };
    is_said && words.iter().all(may_have)
}

/// A word of a phrase, or a place for others.
enum Part {
    Word(Vec<&'static str>),
    Gap(usize),
}

fn parts_of(phrase: &Phrase) -> Vec<Part> {
    let part = |written: &'static str| match written.strip_prefix('~') {
        Some(most) => Part::Gap(most.parse().unwrap_or(3)),
        None => Part::Word(written.split('|').collect()),
    };
    phrase.words.split(' ').map(part).collect()
}

fn stands_at(words: &[&str], at: usize, parts: &[Part], phrase: &Phrase) -> bool {
    let (before, rest) = words.split_at(at);
    let goes_there = matches!(rest, ["stop" | "stopping", next, ..] if GOES.contains(next));
    let is_turned = |entry: &&str| before.ends_with(&entry.split(' ').collect::<Vec<_>>());
    !goes_there && follows(rest, parts, phrase.before) && !phrase.after.iter().any(is_turned)
}

fn follows(words: &[&str], parts: &[Part], not_before: &[&str]) -> bool {
    match parts.split_first() {
        None => {
            let is_turned = |entry: &&str| words.starts_with(&entry.split(' ').collect::<Vec<_>>());
            !not_before.iter().any(is_turned)
        }
        Some((Part::Gap(most), parts)) => (0..=(*most).min(words.len()))
            .take_while(|skipped| *skipped == 0 || !TURNS_ROUND.contains(&words[skipped - 1]))
            .any(|skipped| follows(&words[skipped..], parts, not_before)),
        Some((Part::Word(choices), parts)) => {
            let is_meant = |word: &str| {
                choices.iter().any(|choice| match choice.strip_suffix('*') {
                    Some(start) => word.starts_with(start),
                    None => word == *choice,
                })
            };
            matches!(words.split_first(), Some((word, rest)) if is_meant(word) && follows(rest, parts, not_before))
        }
    }
}

#[cfg(test)]
mod tests;
