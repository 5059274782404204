//! What a model says, and how it fails.

use std::collections::VecDeque;
use std::time::Duration;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// DeepSeek.
    DeepSeek,
    /// `OpenAI`.
    OpenAi,
}

/// How the sandbox answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// From the conversation.
    #[default]
    Converse,
    /// With this reply, in the form that was asked for.
    Reply(String),
    /// With this reason why a person has to.
    HandOver(String),
    /// With these words, whatever form they have.
    Say(String),
    /// With these words, and another reason why it ended: `length`, `content_filter`, `tool_calls` …
    End {
        /// The words.
        words: String,
        /// `finish_reason`.
        reason: String,
    },
    /// That it will not speak about it.
    Decline,
    /// With a status and a body.
    Fail {
        /// The HTTP status.
        http: u16,
        /// The body, as it goes out.
        body: String,
        /// Headers: `retry-after`, `retry-after-ms`, `x-should-retry`.
        headers: Vec<(&'static str, String)>,
    },
    /// With a blank line now and then and nothing else, for ever.
    BlankLines {
        /// By the machine's clock.
        every: Duration,
    },
    /// With so many blank lines at once, and then this reply.
    BlankLinesThen {
        /// How many.
        lines: usize,
        /// The reply.
        reply: String,
    },
    /// With nothing until `release_held`; then from the conversation.
    Hold,
    /// By cutting the connection.
    Reset,
    /// With 200 and broken JSON.
    Garbled,
    /// With a body of this many bytes.
    Huge {
        /// How much.
        bytes: u64,
    },
    /// By sending them elsewhere.
    Redirect {
        /// 301, 302, 307 or 308.
        http: u16,
        /// Where to.
        to: String,
    },
}

impl Behaviour {
    /// Fails with a status and an error of this code.
    pub fn fail(http: u16, code: &str) -> Self {
        Self::Fail {
            http,
            body: format!(
                r#"{{"error":{{"message":"scripted","type":"scripted","param":null,"code":"{code}"}}}}"#
            ),
            headers: Vec::new(),
        }
    }
}

/// Everything that has been scripted for one provider.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// One-off behaviours for the next requests.
    pub(super) next: VecDeque<Behaviour>,
    /// What it does otherwise.
    pub(super) always: Behaviour,
}

impl Script {
    pub(super) fn behaviour(&mut self) -> Behaviour {
        self.next.pop_front().unwrap_or_else(|| self.always.clone())
    }
}
