//! New inputs: noise, words in a row, and seeds gone wrong.

use std::fmt;

use claims::WORDS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// An input, printed as the Rust literal that says it.
#[derive(Clone)]
pub(super) struct Input(pub(super) Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// One thing that goes wrong with an input.
#[derive(Debug, Clone)]
enum Mishap {
    Replace(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, u8),
    Repeat(Index, u8),
}

/// Inputs of which some resemble `seeds`.
pub(super) fn around(seeds: Vec<Vec<u8>>) -> BoxedStrategy<Input> {
    let noise = vec(any::<u8>(), 0..300);
    let words = vec(select(WORDS), 0..24).prop_map(|words| words.concat().into_bytes());
    if seeds.is_empty() {
        return prop_oneof![3 => noise, 1 => words].prop_map(Input).boxed();
    }
    let mishaps = vec(mishap(), 0..6);
    let gone_wrong = (select(seeds), mishaps).prop_map(|(seed, mishaps)| mishaps.iter().fold(seed, suffer));
    prop_oneof![1 => noise, 2 => words, 4 => gone_wrong]
        .prop_map(Input)
        .boxed()
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let index = any::<Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Mishap::Replace(at, byte)),
        (index(), select(WORDS)).prop_map(|(at, word)| Mishap::Insert(at, word)),
        (index(), 1..20_u8).prop_map(|(at, count)| Mishap::Remove(at, count)),
        (index(), 1..40_u8).prop_map(|(at, count)| Mishap::Repeat(at, count)),
    ]
}

fn suffer(mut input: Vec<u8>, mishap: &Mishap) -> Vec<u8> {
    let length = input.len();
    let place = |at: &Index| at.index(length + 1);
    let part = |at: &Index, count: u8| place(at)..(place(at) + usize::from(count)).min(length);
    match mishap {
        Mishap::Replace(at, byte) => {
            if let Some(replaced) = input.get_mut(place(at)) {
                *replaced = *byte;
            }
        }
        Mishap::Insert(at, word) => drop(input.splice(place(at)..place(at), word.bytes())),
        Mishap::Remove(at, count) => drop(input.drain(part(at, *count))),
        Mishap::Repeat(at, count) => {
            let repeated = input[part(at, *count)].to_vec();
            input.splice(place(at)..place(at), repeated);
        }
    }
    input
}
