//! Whether a customer asked not to be called or written to any more.
//!
//! Wanted: whoever asks is heard, however they put it. The doubt goes the other way than for what we owe somebody:
//! a call less harms nobody, and one more to somebody who said no does. So what is merely suspicious, such as "stop"
//! near "call", counts too. Only what plainly means something else ("don't stop", "stop by tomorrow") does not.
//!
//! A sentence is compared with phrases, word by word, in whatever language it is. What is written is looked at twice:
//! people who are annoyed write little, and a person can read it before anything follows from it.

mod phrases;

use std::sync::LazyLock;

use self::phrases::{
    ALONE, AMONG_FEW, BESIDE, ENGLISH, FEW_WORDS, FRENCH, GERMAN, GOES, INSTEAD, NO_END, NOT_ENDED,
    PORTUGUESE, Phrase, SPANISH, SUSPICIOUS, SUSPICIOUS_IN_WRITING, TURNS_ROUND,
};

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
static CLEAR: LazyLock<Vec<Parsed>> =
    LazyLock::new(|| parsed(&[ENGLISH, FRENCH, SPANISH, GERMAN, PORTUGUESE]));
static DOUBTFUL: LazyLock<Vec<Parsed>> = LazyLock::new(|| parsed(&[SUSPICIOUS]));
static DOUBTFUL_IN_WRITING: LazyLock<Vec<Parsed>> =
    LazyLock::new(|| parsed(&[SUSPICIOUS, SUSPICIOUS_IN_WRITING]));
static ANOTHER_WAY: LazyLock<Vec<Parsed>> = LazyLock::new(|| parsed(&[INSTEAD]));

fn parsed(lists: &[&'static [Phrase]]) -> Vec<Parsed> {
    let phrases = lists.iter().flat_map(|list| list.iter());
    phrases.map(|phrase| (parts_of(phrase), phrase)).collect()
}

/// Listens to what a customer says, a sentence or a turn a line.
pub fn asks_to_stop(said: &str) -> Stop {
    listen(said, &DOUBTFUL)
}

/// Reads what a customer writes. A message of few words with a stop among them is at least a suspicion, whatever
/// stands beside it: it costs a person a glance.
pub fn asks_in_writing(written: &str) -> Stop {
    match listen(written, &DOUBTFUL_IN_WRITING) {
        Stop::No if says_little_but_stop(written) => Stop::Perhaps,
        Stop::Yes if wants_another_way(written) => Stop::Perhaps,
        heard => heard,
    }
}

/// "Don't text, call me": somebody who wants to hear from us.
fn wants_another_way(written: &str) -> bool {
    let folded = fold(written);
    let words = words_of(&folded);
    !is_alone(&words) && hold(&words, &ANOTHER_WAY)
}

fn listen(said: &str, doubtful: &[Parsed]) -> Stop {
    let folded = fold(said);
    if folded.lines().any(is_spelled_out) {
        return Stop::Yes;
    }
    let mut heard = Stop::No;
    for sentence in folded.split(['.', '!', '?', ';', '\n', '¿', '¡', '…']) {
        let words = words_of(sentence);
        if is_alone(&words) || hold(&words, &CLEAR) {
            return Stop::Yes;
        }
        if hold(&words, doubtful) {
            heard = Stop::Perhaps;
        }
    }
    heard
}

/// Whether any of the phrases stands anywhere in a sentence.
fn hold(words: &[&str], phrases: &[Parsed]) -> bool {
    let stands = |(parts, phrase): &Parsed| (0..words.len()).any(|at| stands_at(words, at, parts, phrase));
    phrases.iter().any(stands)
}

/// "S T O P", "s.t.o.p".
fn is_spelled_out(folded: &str) -> bool {
    let letters = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut joined = String::new();
    for letter in letters {
        if letter.chars().nth(1).is_some() || joined.len() > 16 {
            return false;
        }
        joined.push_str(letter);
    }
    ALONE.contains(&joined.as_str())
}

/// A message of at most four words with one of the carriers' among them, unless it plainly goes on ("can't stop",
/// "stop by").
fn says_little_but_stop(written: &str) -> bool {
    let is_long = |text: &str| {
        text.split_whitespace()
            .filter(|word| word.contains(|letter: char| letter.is_alphanumeric() || letter == '🛑'))
            .nth(FEW_WORDS)
            .is_some()
    };
    if is_long(written) {
        return false;
    }
    let folded = fold(written);
    let words = words_of(&folded);
    let is_meant = |at: usize| {
        let (before, rest) = words.split_at(at);
        let goes_on = NO_END
            .iter()
            .chain(NOT_ENDED)
            .any(|entry| before.ends_with(&entry.split(' ').collect::<Vec<_>>()));
        AMONG_FEW.contains(&words[at]) && !goes_on && !goes_there(rest)
    };
    (0..words.len()).any(is_meant)
}

/// The words of a sentence, each spelled as the phrases have it.
fn words_of(sentence: &str) -> Vec<&str> {
    let words = sentence.split(|letter: char| !letter.is_alphanumeric());
    let spelled = words.filter(|word| !word.is_empty()).flat_map(|word| match word {
        "dont" => ["do", "not"],
        "doesnt" => ["does", "not"],
        "didnt" => ["did", "not"],
        "cant" => ["can", "not"],
        "wont" => ["will", "not"],
        "pls" | "plz" | "plse" => ["please", ""],
        "u" => ["you", ""],
        "txt" => ["text", ""],
        "txts" => ["texts", ""],
        "txting" => ["texting", ""],
        "msg" => ["message", ""],
        "msgs" => ["messages", ""],
        "msging" => ["messaging", ""],
        word => [word, ""],
    });
    spelled.filter(|word| !word.is_empty()).collect()
}

/// Whether somebody who said stop takes it back: in the carriers' words, and nothing beside them, for a machine must
/// not guess that somebody wants to hear from it again.
pub fn asks_to_start(said: &str) -> bool {
    is_all_that_is_said(said, &["start", "unstop", "optin"])
}

/// Whether somebody asks who it is that writes to them, in the carriers' words.
pub fn asks_for_help(said: &str) -> bool {
    is_all_that_is_said(said, &["help", "info", "aide"])
}

/// Whether somebody says yes and nothing else: to a carrier that takes a stop of texts back.
pub fn says_yes(said: &str) -> bool {
    is_all_that_is_said(said, &["yes"])
}

fn is_all_that_is_said(said: &str, words: &[&str]) -> bool {
    let folded = fold(said);
    let mut said = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty());
    said.next().is_some_and(|word| words.contains(&word)) && said.next().is_none()
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
            '’' | '‘' | 'ʼ' | '´' | '`' | '′' => folded.push('\''),
            '🛑' => folded.push_str(" stop "),
            // Of another width.
            '！'..='～' => folded.extend(char::from_u32(letter as u32 - 0xFEE0)),
            // An accent that stands by itself, and what cannot be seen.
            '\u{300}'..='\u{36f}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{fe0f}' => {}
            other => folded.push(other),
        }
    }
    for (written, spelled) in [
        ("can't", "can not"),
        ("won't", "will not"),
        ("cannot", "can not"),
        ("n't", " not"),
        ("opt-out", "optout"),
        ("opt-in", "optin"),
        ("e-mail", "email"),
    ] {
        folded = folded.replace(written, spelled);
    }
    unstretched(&folded)
}

/// "Stooop": no word has a letter three times in a row.
fn unstretched(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut run = (' ', 0);
    for letter in text.chars().chain([' ']) {
        if letter == run.0 {
            run.1 += 1;
            continue;
        }
        let times = if run.0.is_alphabetic() && run.1 > 2 {
            1
        } else {
            run.1
        };
        kept.extend(std::iter::repeat_n(run.0, times));
        run = (letter, 1);
    }
    kept
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
    let is_turned = |entry: &&str| before.ends_with(&entry.split(' ').collect::<Vec<_>>());
    !goes_there(rest) && follows(rest, parts, phrase.before) && !phrase.after.iter().any(is_turned)
}

/// "Stop by tomorrow".
fn goes_there(words: &[&str]) -> bool {
    matches!(words, ["stop" | "stopping", next, ..] if GOES.contains(next))
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
