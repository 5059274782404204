//! What must hold for every input, said once.
//!
//! A claim takes bytes, makes of them what a stranger or a provider could send, and panics where the product
//! does something that it must not. Most compare it with a second reading of the same input that shares no
//! code with it. `cargo test` tries each claim on some thousand inputs (`tests/system/properties`), and
//! `make fuzz` on as many as one likes, led by the code that they reach (`tests/fuzz`). Both begin with the
//! seeds in `tests/fuzz/seeds` and with whatever once broke a claim, in `tests/fuzz/regressions`.

mod calls;
mod chat_answer;
mod chat_completion;
mod classify;
mod database_url;
mod doorbell;
mod draw;
mod form;
mod gateway;
mod inbound;
mod lines;
mod next_page;
mod parked;
mod payments;
mod phone;
mod reconcile;
mod records;
mod retry;
mod schedule_token;
mod sids;
mod signature;
mod text;
mod tick;
mod timed_signature;
mod twiml;
mod vapi_answer;
mod vapi_message;
mod vapi_redact;
mod vapi_signature;
mod webhook;
mod whatsapp_answer;
mod whatsapp_number;
mod whatsapp_signature;
mod whatsapp_webhook;
mod words;
mod zone;

pub use words::WORDS;

/// One claim.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// What its fuzz target, its seeds and its regressions are called.
    pub name: &'static str,
    /// Panics if it does not hold for this input.
    pub check: fn(&[u8]),
}

/// Names each claim once, and with it a function for its fuzz target.
macro_rules! claims {
    ($($name:ident: $check:path, $means:literal;)*) => {
        $(
            #[doc = $means]
            pub fn $name(input: &[u8]) {
                $check(input);
            }
        )*

        /// Every claim, by name.
        pub const ALL: &[Claim] = &[$(Claim { name: stringify!($name), check: $name }),*];
    };
}

claims! {
    calls: calls::check, "What two sources say about one call never contradicts, and an open call waits.";
    chat_answer: chat_answer::check, "What a model says is sent whole or not at all, and who wants a person gets one.";
    chat_completion: chat_completion::check, "Half an answer is none, and a server is asked again where that may help.";
    classify: classify::check, "Only a definite answer of Twilio's is a yes or a no.";
    database_url: database_url::check, "A database elsewhere is reached over TLS, and its password is told to nobody.";
    dates: records::check_dates, "A date that Twilio writes is the date that we read.";
    doorbell: doorbell::check, "A bell is what says exactly what a bell says.";
    form: form::check, "A form is read as it was meant, or refused.";
    gateway: gateway::check, "What a function is given is what was sent.";
    inbound: inbound::check, "An event says what its form says, and nothing that it does not.";
    next_page: next_page::check, "Credentials stay with their host and account.";
    parked: parked::check, "A parked request comes back as it was.";
    phone: phone::check, "A phone is strict E.164, and printing it hides it.";
    reconcile: reconcile::check, "Absence is proven or not claimed, and one message is enough against it.";
    records: records::check, "A record says what its row says, and can be stored.";
    retry: retry::check, "Waits have bounds, and nothing follows a definite end.";
    schedule_token: schedule_token::check, "A schedule's function runs for whoever holds its token, and for nobody else.";
    shop_event: payments::check_shop, "What a shop says of a customer is what we read, and can be stored.";
    sids: sids::check, "An id is of its kind.";
    signature: signature::check, "What Twilio signed is accepted, and nothing that differs by a character.";
    signed_body: signature::check_body, "A body is covered by its hash or refused.";
    stripe_event: payments::check_stripe, "An event leads to no more than its type and its object say, and can be stored.";
    text: text::check, "No text goes out against a rule, and the first one says how to stop them.";
    tick: tick::check, "Only a schedule is a schedule.";
    timed_signature: timed_signature::check, "What was signed is accepted for five minutes, and nothing else ever.";
    twiml: twiml::check, "`TwiML` says what it was asked to say, whatever the words are.";
    vapi_answer: vapi_answer::check, "Only a definite answer of Vapi's is a yes or a no.";
    vapi_message: vapi_message::check, "A message of Vapi's says what it says, and can be stored.";
    vapi_redact: vapi_redact::check, "A credential is not kept, and everything else is.";
    vapi_signature: vapi_signature::check, "What Vapi signed a moment ago is accepted, and nothing else.";
    webhook: webhook::check, "A request is taken if Twilio signed it, and only then.";
    whatsapp_answer: whatsapp_answer::check, "Only a definite answer of Meta's is a yes or a no.";
    whatsapp_number: whatsapp_number::check, "A person is one person however their number is spelled, and nobody else.";
    whatsapp_signature: whatsapp_signature::check, "What Meta signed is accepted, and nothing else.";
    whatsapp_webhook: whatsapp_webhook::check, "Everything in a webhook is read, once, as it says, and can be stored.";
    zone: zone::check, "A time zone is a place that is certain, and never an offset.";
}
