//! A form as Twilio posts it: every parameter, in order, decoded and untrimmed.

/// More is nobody's callback.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 200;

/// The parameters of a verified or yet to be verified form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Why a body is not a form that anybody can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not the encoding that it claims.
    #[error("the form is not valid UTF-8")]
    NotUtf8,
    /// A `%` without two hexadecimal digits.
    #[error("the form has a broken escape")]
    BrokenEscape,
    /// Postgres keeps no NUL, and no field of Twilio's has one.
    #[error("the form has a NUL character")]
    Nul,
    /// More fields than any callback has.
    #[error("the form has too many fields")]
    TooManyFields,
}

impl Form {
    /// Reads a body. Nothing is guessed: what does not decode cleanly is an error.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.split(|byte| *byte == b'&').count() > FIELDS_MAX {
            return Err(FormError::TooManyFields);
        }
        let escapes = body.split(|byte| *byte == b'%').skip(1);
        if !escapes
            .into_iter()
            .all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit))
        {
            return Err(FormError::BrokenEscape);
        }
        // The decoder below would replace what is not UTF-8 by U+FFFD.
        if std::str::from_utf8(body).is_err() || std::str::from_utf8(&unescaped(body)).is_err() {
            return Err(FormError::NotUtf8);
        }
        let mut fields = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if name.contains('\0') || value.contains('\0') {
                return Err(FormError::Nul);
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// From decoded fields.
    pub fn of(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// Every field, in order.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a field that may be given once; `Err` if it is given twice with different values.
    pub fn single(&self, name: &'static str) -> Result<Option<&str>, super::WebhookError> {
        let mut values = self
            .0
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        if values.any(|other| Some(other) != first) {
            return Err(super::WebhookError::Ambiguous(name));
        }
        Ok(first)
    }
}

/// The bytes that a body with good escapes stands for. What separates fields is ASCII, so that the whole is
/// UTF-8 if each field is.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        rest = match rest {
            [b'%', high, low, rest @ ..] => {
                bytes.push(u8::try_from(digit(*high) * 16 + digit(*low)).expect("two digits are a byte"));
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
            [] => return bytes,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_untrimmed_and_in_order() {
        let form = Form::parse(b"Body=Caf%C3%A9+ok%20&A=&From=%2B1").expect("a form");
        let fields: Vec<_> = form
            .fields()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(fields, [("Body", "Café ok "), ("A", ""), ("From", "+1")]);
    }

    #[test]
    fn what_does_not_decode_cleanly_is_an_error_and_never_a_panic() {
        let many = "a=1&".repeat(10_000);
        let cases: [(&[u8], FormError); 8] = [
            (b"a=%zz", FormError::BrokenEscape),
            (b"a=%4", FormError::BrokenEscape),
            (b"a=%ff%fe", FormError::NotUtf8),
            (b"a=\xff", FormError::NotUtf8),
            (b"a=%EF%BF%BD&b=%ff", FormError::NotUtf8),
            (b"a=%C3&b=%A9", FormError::NotUtf8),
            (b"a=%00", FormError::Nul),
            (many.as_bytes(), FormError::TooManyFields),
        ];
        for (body, error) in cases {
            assert_eq!(
                Form::parse(body),
                Err(error),
                "{}",
                String::from_utf8_lossy(&body[..body.len().min(20)])
            );
        }
        assert!(Form::parse(b"").expect("an empty form").is_empty());
    }

    #[test]
    fn a_field_given_twice_is_usable_only_if_both_agree() {
        let form = Form::parse(b"CallSid=CA1&CallSid=CA2&To=x&To=x").expect("a form");
        assert!(form.single("CallSid").is_err());
        assert_eq!(form.single("To").expect("they agree"), Some("x"));
        assert_eq!(form.single("From").expect("absent"), None);
    }
}
