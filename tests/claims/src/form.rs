//! Forms, read a second time by a decoder that replaces nothing.

use shared::providers::twilio::Form;

const NAMES: [&str; 6] = [
    "CallSid",
    "From",
    "To",
    "CallStatus",
    "MessageSid",
    "MessageStatus",
];

type Fields = Vec<(String, String)>;

pub(crate) fn check(body: &[u8]) {
    let meant = meant(body);
    let form = match Form::parse(body) {
        Ok(form) => form,
        Err(error) => return assert!(meant.is_none(), "{error}, though it reads {meant:?}"),
    };
    let fields = form.fields().to_vec();
    assert_eq!(Some(&fields), meant.as_ref(), "a form that says something else");
    let standard: Fields = form_urlencoded::parse(body).into_owned().collect();
    assert_eq!(fields, standard, "another reading than the standard's");

    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let again = Form::parse(written.as_bytes()).expect("what was read can be written and read");
    assert_eq!(again, form, "written and read again");

    for name in NAMES {
        let mut given = fields
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_str());
        let first = given.next();
        match form.single(name) {
            Ok(value) => assert!(
                value == first && given.all(|other| Some(other) == first),
                "{name} is one of several"
            ),
            Err(_) => assert!(given.any(|other| Some(other) != first), "{name} is given once"),
        }
    }
}

/// What the body says if it is UTF-8 throughout, has no broken escape, no NUL, and at most 200 fields.
fn meant(body: &[u8]) -> Option<Fields> {
    let body = std::str::from_utf8(body).ok()?;
    let parts: Vec<&str> = body.split('&').collect();
    if parts.len() > 200 {
        return None;
    }
    let fields = parts.into_iter().filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decoded(name)?, decoded(value)?))
    });
    fields.collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).expect("two digits are a byte")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
