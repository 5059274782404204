//! Signatures, made by the sandbox, which shares no code with the product.

use std::collections::BTreeSet;

use local::sandbox;
use secrecy::SecretString;
use shared::providers::twilio::{Form, Signed, body_hash, sign, verify};

use crate::draw::Draw;

const BASE: &str = "https://switchboard.example.com";

#[derive(Clone)]
struct Request {
    token: String,
    path: String,
    query: String,
    fields: Vec<(String, String)>,
}

impl Request {
    fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            token: draw.text(),
            path: format!("/{}", draw.text()),
            query: draw.text(),
            fields: draw.some(6, |draw| (draw.text(), draw.text())),
        }
    }

    /// As Twilio would sign it.
    fn signature(&self, base: &str) -> String {
        let question_mark = if self.query.is_empty() { "" } else { "?" };
        let url = format!("{base}{}{question_mark}{}", self.path, self.query);
        sandbox::sign(&self.token, &url, &self.fields)
    }

    fn is_signed_by(&self, base: &str, signature: &str) -> bool {
        let form = Form::of(self.fields.clone());
        let tokens: [SecretString; 2] = ["another token".into(), self.token.clone().into()];
        verify(
            base,
            &self.path,
            &self.query,
            Signed::Form(&form),
            signature,
            &tokens,
        )
        .is_ok()
    }

    fn distinct(&self) -> BTreeSet<&(String, String)> {
        self.fields.iter().collect()
    }

    /// Every text that a signature covers.
    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![&mut self.token, &mut self.path, &mut self.query];
        texts.extend(self.fields.iter_mut().flat_map(|(name, value)| [name, value]));
        texts
    }
}

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let request = Request::draw(&mut draw);
    let signature = request.signature(BASE);
    let own = {
        let form = Form::of(request.fields.clone());
        sign(
            BASE,
            &request.path,
            &request.query,
            Signed::Form(&form),
            &request.token.clone().into(),
        )
    };
    assert_eq!(signature, own, "two ways to sign");
    assert!(request.is_signed_by(BASE, &signature), "signed and refused");
    assert!(
        request.is_signed_by(BASE, &request.signature(&format!("{BASE}:443"))),
        "signed with the port that goes without saying, and refused"
    );

    let mut shuffled = request.clone();
    if !shuffled.fields.is_empty() {
        let by = draw.below(shuffled.fields.len());
        shuffled.fields.rotate_left(by);
        shuffled.fields.push(shuffled.fields[0].clone());
    }
    assert!(
        shuffled.is_signed_by(BASE, &signature),
        "the order and a repetition count"
    );

    let mut forged = request.clone();
    let mut texts = forged.texts();
    let index = draw.below(texts.len());
    let was_replaced = replaced(&mut draw, texts[index]);
    // Of two fields alike one counts; made into a third one's like, it leaves the same fields.
    if was_replaced && (index < 3 || forged.distinct() != request.distinct()) {
        assert!(!forged.is_signed_by(BASE, &signature), "part {index} was changed");
    }
    let mut other = signature.clone();
    if replaced(&mut draw, &mut other) {
        assert!(!request.is_signed_by(BASE, &other), "another signature");
    }
    for other in [
        format!("{signature}{}", draw.character()),
        signature[1..].to_owned(),
    ] {
        assert!(!request.is_signed_by(BASE, &other), "{other:?} for {signature:?}");
    }
    assert!(
        !request.is_signed_by("https://switchboard.example.org", &signature),
        "another host"
    );
}

/// Puts another character in the place of one; whether there was one.
fn replaced(draw: &mut Draw<'_>, text: &mut String) -> bool {
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return false;
    }
    let index = draw.below(characters.len());
    let before = characters[index];
    let drawn = draw.character();
    characters[index] = match drawn {
        _ if drawn != before => drawn,
        'a' => 'b',
        _ => 'a',
    };
    *text = characters.into_iter().collect();
    true
}

pub(crate) fn check_body(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (before, after) = (draw.text().replace('#', ""), draw.text());
    let (at, other) = (draw.byte(), draw.byte());
    let body = input;
    let token = SecretString::from("test-token");
    let query = |hash: &str| format!("{before}&bodySHA256={hash}&x={after}");
    let is_taken = |query: &str, body: &[u8]| {
        let url = format!("{BASE}/p?{query}");
        let signature = sandbox::sign("test-token", &url, &[]);
        verify(
            BASE,
            "/p",
            query,
            Signed::Body(body),
            &signature,
            std::slice::from_ref(&token),
        )
        .is_ok()
    };
    let hash = body_hash(body);
    let hashes = form_urlencoded::parse(query(&hash).as_bytes())
        .filter(|(name, _)| name == "bodySHA256")
        .count();
    assert_eq!(
        is_taken(&query(&hash), body),
        hashes == 1,
        "one hash covers a body"
    );

    let mut forged = body.to_vec();
    match forged.len() {
        0 => forged.push(other),
        length => {
            let at = usize::from(at) % length;
            forged[at] = if forged[at] == other { !other } else { other };
        }
    }
    assert!(!is_taken(&query(&hash), &forged), "another body");
    assert!(!is_taken("", body), "no hash");
}
