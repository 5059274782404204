//! Why the database allows no attempt now.

/// A rule about everybody, or about texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The person said stop.
    OptedOut,
    /// The line has texted the person within its cool-down.
    AlreadyTexted,
    /// Too late to be of use.
    Expired,
    /// An earlier text between the two is still unsettled.
    EarlierTextUnsettled,
    /// The provider throttles us, or refuses our credentials.
    ChannelClosed,
    /// Another attempt of this job may have reached the person.
    AlreadyAttempted,
    /// An earlier attempt that counted as refused or absent has arrived after all.
    ArrivedAfterAll,
    /// The line would text itself.
    Loop,
    /// A rule about calls.
    Call(CallRule),
    /// A rule about answers.
    Reply(ReplyRule),
}

/// A rule about answers to what people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyRule {
    /// The operator has stopped all answering.
    ReplyingPaused,
    /// What stands in the place of a number is none, and there is nothing else.
    NoAddress,
    /// A person of the business has the conversation, or has just written in it.
    HumanHasIt,
    /// The conversation was removed from the inbox.
    ConversationDeleted,
    /// The customer took the message back.
    MessageRevoked,
    /// The customer wrote too long ago for WhatsApp to take an answer.
    WindowClosed,
    /// The customer has written again, and that is answered.
    AnsweredLater,
    /// The message may have been answered already.
    AlreadyAnswered,
    /// Nothing has been drafted.
    NothingDrafted,
    /// Other words were drafted than those that would be sent.
    OtherWords,
}

/// A rule about calls to customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallRule {
    /// The operator has stopped all calling.
    CallingPaused,
    /// The customer does not pay, or not any more.
    NotPaid,
    /// Nobody has found out whether the customer's number is one.
    PhoneNotValidated,
    /// The customer is not to be called.
    CallingDisabled,
    /// The customer is not to be called for a while.
    CustomerPaused,
    /// Nobody knows what the customer's clock shows.
    ClockUnknown,
    /// The customer's clock shows another day than the one that the call is for.
    WrongDay,
    /// Too early or too late on the customer's clock.
    OutsideHours,
    /// The customer may have been called today.
    CustomerCalledToday,
    /// Somebody with the same number may have been called today.
    PhoneCalledToday,
    /// The customer, or somebody with their number, may have been called less than ten hours ago.
    CalledWithinTenHours,
    /// As many calls go on as may at a time.
    TooManyCalls,
}

impl Denial {
    /// The rule behind a constraint's name; `None` for a constraint that no grant should meet.
    pub fn of(constraint: &str) -> Option<Self> {
        use CallRule as Rule;
        Some(match constraint {
            "nobody_after_stop" => Self::OptedOut,
            "one_text_per_cool_down" => Self::AlreadyTexted,
            "nothing_after_expiry" => Self::Expired,
            "one_unsettled_text_per_pair" => Self::EarlierTextUnsettled,
            "channel_is_open" => Self::ChannelClosed,
            "at_most_one_possible_attempt" | "attempt_needs_a_lease" => Self::AlreadyAttempted,
            "nothing_after_evidence" | "one_welcome_call_ever" => Self::ArrivedAfterAll,
            "nobody_texts_themselves" => Self::Loop,
            "calling_is_on" => Self::Call(Rule::CallingPaused),
            "only_who_pays_is_called" => Self::Call(Rule::NotPaid),
            "phone_is_validated" => Self::Call(Rule::PhoneNotValidated),
            "calling_is_enabled" => Self::Call(Rule::CallingDisabled),
            "nobody_while_paused" => Self::Call(Rule::CustomerPaused),
            "clock_is_known" => Self::Call(Rule::ClockUnknown),
            "daily_call_on_its_day" => Self::Call(Rule::WrongDay),
            "lawful_hours" => Self::Call(Rule::OutsideHours),
            "one_call_per_customer_day" => Self::Call(Rule::CustomerCalledToday),
            "one_call_per_phone_day" => Self::Call(Rule::PhoneCalledToday),
            "ten_hours_between_calls" | "ten_hours_between_calls_to_a_phone" => {
                Self::Call(Rule::CalledWithinTenHours)
            }
            "calls_at_a_time" => Self::Call(Rule::TooManyCalls),
            "replying_is_on" => Self::Reply(ReplyRule::ReplyingPaused),
            "recipient_can_be_reached" => Self::Reply(ReplyRule::NoAddress),
            "nobody_talks_over_a_human" => Self::Reply(ReplyRule::HumanHasIt),
            "conversation_is_in_the_inbox" => Self::Reply(ReplyRule::ConversationDeleted),
            "message_was_not_taken_back" => Self::Reply(ReplyRule::MessageRevoked),
            "window_is_open" => Self::Reply(ReplyRule::WindowClosed),
            "the_latest_message_is_answered" => Self::Reply(ReplyRule::AnsweredLater),
            "one_reply_per_message" => Self::Reply(ReplyRule::AlreadyAnswered),
            "an_answer_is_drafted" => Self::Reply(ReplyRule::NothingDrafted),
            "what_was_drafted_is_said" => Self::Reply(ReplyRule::OtherWords),
            _ => return None,
        })
    }
}
