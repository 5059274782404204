//! Values drawn from an input, for claims about more than a text.

use std::ops::RangeInclusive;

use arbitrary::Unstructured;
use jiff::Timestamp;

use crate::WORDS;

/// Never runs dry: what the input does not say is zero, empty or the first of its kind.
pub(crate) struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(Unstructured::new(input))
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn number(&mut self, range: RangeInclusive<i64>) -> i64 {
        let least = *range.start();
        self.0.int_in_range(range).unwrap_or(least)
    }

    /// An index below `length`, which is not zero.
    pub(crate) fn below(&mut self, length: usize) -> usize {
        self.0.choose_index(length).unwrap_or_default()
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len());
        choices[index].clone()
    }

    /// Up to `most` of something.
    pub(crate) fn some<T>(&mut self, most: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| draw(self)).collect()
    }

    pub(crate) fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| draw(self))
    }

    /// Words that mean something here, and characters that mean something elsewhere.
    pub(crate) fn text(&mut self) -> String {
        let parts = self.some(4, |draw| match draw.below(3) {
            0 => draw.one_of(WORDS).to_owned(),
            1 => draw.character().to_string(),
            _ => draw.0.arbitrary::<&str>().unwrap_or_default().to_owned(),
        });
        parts.concat()
    }

    pub(crate) fn character(&mut self) -> char {
        match self.below(3) {
            0 => char::from(self.byte() & 0x7f),
            _ => self.0.arbitrary().unwrap_or('a'),
        }
    }

    /// Between the years 1970 and 2100, to the nanosecond.
    pub(crate) fn time(&mut self) -> Timestamp {
        let (seconds, nanoseconds) = (self.number(0..=4_102_444_800), self.number(0..=999_999_999));
        let nanoseconds = i32::try_from(nanoseconds).expect("below a second");
        Timestamp::new(seconds, nanoseconds).expect("a time of this century")
    }
}
