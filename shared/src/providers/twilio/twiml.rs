//! What Twilio is to do with a call.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::Phone;

/// Ring the owner; `action` is told how that ended.
///
/// With `answerOnBridge` the caller hears ringing, and is not billed as answered, until somebody really
/// picks up.
pub fn dial(owner: &Phone, action: &str, ring_seconds: u8) -> String {
    document(|writer| {
        writer
            .create_element("Dial")
            .with_attribute(("action", action))
            .with_attribute(("method", "POST"))
            .with_attribute(("timeout", ring_seconds.to_string().as_str()))
            .with_attribute(("answerOnBridge", "true"))
            .write_inner_content(|writer| {
                writer
                    .create_element("Number")
                    .write_text_content(BytesText::new(owner.as_str()))?;
                Ok(())
            })?;
        Ok(())
    })
}

/// End the call.
pub fn hangup() -> String {
    document(|writer| {
        writer.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Nothing.
pub fn empty() -> String {
    document(|_| Ok(()))
}

fn document(content: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| {
            writer
                .create_element("Response")
                .write_inner_content(content)
                .map(|_| ())
        });
    written.expect("memory takes everything");
    String::from_utf8(writer.into_inner()).expect("written from text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_dialled_and_the_action_is_escaped() {
        let owner = Phone::stored("+14155550101".to_owned());
        assert_eq!(
            dial(&owner, "https://a.example/voice?mode=dial-result&x=\"<", 18),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial action=\"https://a.example/voice?mode=dial-result&amp;x=&quot;&lt;\" \
             method=\"POST\" timeout=\"18\" answerOnBridge=\"true\"><Number>+14155550101</Number></Dial></Response>"
        );
    }

    #[test]
    fn an_answer_without_instructions_is_still_a_document() {
        assert_eq!(
            empty(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"
        );
        assert!(hangup().contains("<Response><Hangup/></Response>"));
    }
}
