//! Other people's words, as they can be stored.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Sixteen times what WhatsApp lets anybody write.
pub(super) const TEXT_CHARS_MAX: usize = 65_536;
/// Names, titles, file names: more than a line shows.
const LINE_CHARS_MAX: usize = 200;

/// What is kept of JSON that nobody understands: enough to see what it was.
const RAW_CHARS_MAX: usize = 500;
const RAW_MEMBERS_MAX: usize = 40;
const RAW_DEPTH_MAX: usize = 8;
const RAW_BYTES_MAX: usize = 16 * 1024;

/// WhatsApp's first year.
const WRITTEN_FROM: i64 = 1_230_768_000;
/// 2100.
const WRITTEN_UNTIL: i64 = 4_102_444_800;

/// Somebody's words with their line breaks. Postgres keeps no NUL, and nobody says one.
pub(super) fn text(said: &str) -> String {
    let said = said.replace("\r\n", "\n");
    let kept = |character: char| match character {
        '\n' | '\t' => character,
        '\r' | '\u{2028}' | '\u{2029}' => '\n',
        _ if character.is_control() => ' ',
        _ => character,
    };
    said.chars().take(TEXT_CHARS_MAX).map(kept).collect()
}

/// A name, in one line; `None` if there is nothing in it.
pub(super) fn line(said: &str) -> Option<String> {
    let said: String = said
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(LINE_CHARS_MAX)
        .collect();
    let said = said.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

/// The line that an object has under a name.
pub(super) fn line_in(object: &Value, name: &str) -> Option<String> {
    line(object.get(name)?.as_str()?)
}

/// A word of Meta's, such as a type: lower case, digits and underscores.
pub(super) fn word(text: &str) -> Option<String> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    ((1..=64).contains(&text.len()) && text.bytes().all(is_word)).then(|| text.to_owned())
}

/// Seconds since 1970, as text or as a number. Before WhatsApp was and after 2100 nothing was written.
pub(super) fn time(value: Option<&Value>) -> Option<Timestamp> {
    let seconds = match value? {
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        Value::Number(number) => number.as_i64()?,
        _ => return None,
    };
    (WRITTEN_FROM..WRITTEN_UNTIL)
        .contains(&seconds)
        .then(|| Timestamp::from_second(seconds).ok())?
}

/// JSON as it may be kept: without NUL, without the addresses under which a file can be had, and cut to a size at
/// which one can still see what it was. Said of what was left out, there stands `…`.
pub fn reduced(value: &Value) -> Value {
    let mut left = RAW_BYTES_MAX;
    cut(value, RAW_DEPTH_MAX, &mut left)
}

fn cut(value: &Value, depth: usize, left: &mut usize) -> Value {
    const MORE: &str = "…";
    if *left == 0 || depth == 0 && (value.is_array() || value.is_object()) {
        return MORE.into();
    }
    match value {
        Value::String(said) => cut_text(said, left).into(),
        Value::Array(values) => {
            let mut kept = Vec::new();
            for value in values {
                if kept.len() == RAW_MEMBERS_MAX || *left == 0 {
                    kept.push(MORE.into());
                    break;
                }
                kept.push(cut(value, depth - 1, left));
            }
            kept.into()
        }
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                if kept.len() == RAW_MEMBERS_MAX || *left == 0 {
                    kept.insert(MORE.to_owned(), Value::Null);
                    break;
                }
                let value = match &**name {
                    "url" | "link" if value.is_string() => MORE.into(),
                    _ => cut(value, depth - 1, left),
                };
                kept.insert(cut_text(name, left), value);
            }
            kept.into()
        }
        plain => {
            *left = left.saturating_sub(8);
            plain.clone()
        }
    }
}

fn cut_text(said: &str, left: &mut usize) -> String {
    let mut kept = said.replace('\0', " ");
    if let Some((end, _)) = kept.char_indices().nth(RAW_CHARS_MAX) {
        kept.truncate(end);
    }
    kept.truncate(kept.floor_char_boundary(*left));
    if kept.len() < said.len() {
        kept.push('…');
    }
    // Its quotation marks, and a comma.
    *left = left.saturating_sub(kept.len() + 3);
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_keep_their_lines_and_lose_what_nobody_can_see() {
        assert_eq!(text("a\r\nb\rc\0d\u{7}\te\u{2028}f"), "a\nb\nc d \te\nf");
        assert_eq!(text(&"👍".repeat(70_000)).chars().count(), TEXT_CHARS_MAX);
        assert_eq!(line(" a\nb\0 "), Some("a b".to_owned()));
        assert_eq!(line(" \0\u{7f} "), None);
    }

    #[test]
    fn a_time_is_seconds_of_this_century() {
        let seconds = |value: Value| time(Some(&value)).map(Timestamp::as_second);
        assert_eq!(seconds(json!("1760000000")), Some(1_760_000_000));
        assert_eq!(seconds(json!(1_760_000_000)), Some(1_760_000_000));
        for absurd in [
            json!(null),
            json!(""),
            json!("0"),
            json!(0),
            json!("-1760000000"),
            json!("+1760000000"),
            json!(" 1760000000"),
            json!("1760000000.5"),
            json!(1.5),
            json!("1760000000000"),
            json!("99999999999999999999"),
            json!(u64::MAX),
            json!("soon"),
            json!(["1760000000"]),
        ] {
            assert_eq!(seconds(absurd.clone()), None, "{absurd}");
        }
        assert_eq!(time(None), None);
    }

    #[test]
    fn what_is_kept_of_raw_json_is_small_and_can_be_stored() {
        let mut deep =
            json!({ "a\0b": "c\0d", "image": { "url": "https://lookaside.fbsbx.com/?hash=x", "id": "1" } });
        assert_eq!(
            reduced(&deep),
            json!({ "a b": "c d", "image": { "url": "…", "id": "1" } })
        );
        for _ in 0..50 {
            deep = json!({ "deeper": deep, "long": "é".repeat(9_000), "many": vec![json!("x".repeat(90)); 900] });
        }
        let kept = reduced(&deep).to_string();
        assert!(kept.len() < 2 * RAW_BYTES_MAX, "{}", kept.len());
    }
}
