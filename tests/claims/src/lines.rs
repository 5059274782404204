//! Inputs of several texts: one a line, and the rest.

/// The first `N` lines as text, and whatever follows them. What is missing is empty.
pub(crate) fn split<const N: usize>(input: &[u8]) -> ([String; N], &[u8]) {
    let mut rest = input;
    let lines = std::array::from_fn(|_| {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        String::from_utf8_lossy(line).into_owned()
    });
    (lines, rest)
}
