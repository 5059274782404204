//! JSON logs for the night shift: the message reads alone, ids are fields, and nobody's number is in them.

use std::sync::Once;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard output, one JSON object a line. `RUST_LOG` sets the level; `info` by default.
pub fn init() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_env_filter(filter)
            .init();
    });
}
