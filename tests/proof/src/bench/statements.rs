//! The product's own statements, as its functions send them: never copies.

pub(super) const RECORD_CALL: &str = include_str!("../../../../shared/src/missed_calls/sql/record_call.sql");
pub(super) const RECORD_REPORT: &str =
    include_str!("../../../../shared/src/missed_calls/sql/record_report.sql");
pub(super) const LOAD_TEXT: &str = include_str!("../../../../shared/src/missed_calls/sql/load_text.sql");
pub(super) const GRANT: &str = include_str!("../../../../shared/src/jobs/sql/grant.sql");
pub(super) const SETTLE_ACCEPTED: &str = include_str!("../../../../shared/src/jobs/sql/settle_accepted.sql");
pub(super) const RING_DUE: &str = include_str!("../../../../shared/src/jobs/sql/ring_due.sql");
pub(super) const EXPIRE: &str = include_str!("../../../../shared/src/jobs/sql/expire.sql");
pub(super) const SCHEDULE_CALLS: &str = include_str!("../../../../shared/src/calls/sql/schedule_calls.sql");
pub(super) const UNKNOWN_DUE: &str = include_str!("../../../../shared/src/jobs/sql/unknown_due.sql");

/// A statement with `values[0]` in place of `$1`, and so on. Comments stay as they are: a parameter that is
/// only mentioned is none.
pub(super) fn bound(sql: &str, values: &[&str]) -> String {
    let lines = sql.lines().map(|line| {
        let (code, comment) = line.split_at(line.find("--").unwrap_or(line.len()));
        // The longest first: $12 begins as $1 does.
        let code = (1..=values.len()).rev().fold(code.to_owned(), |code, number| {
            code.replace(&format!("${number}"), values[number - 1])
        });
        code + comment
    });
    lines.collect::<Vec<_>>().join("\n")
}
