//! Calls and jobs by number, the same in SQL, in `pgbench` and here.
//!
//! Ids are digests of the number, so that they fall on an index as random ones do.

use md5::{Digest, Md5};
use uuid::Uuid;

/// In SQL and `pgbench`, with `{n}` for the number.
pub(super) const CALL_SID: &str = "('CA' || md5({n}::text))";
/// The caller of a call, in SQL.
pub(super) const CALLER: &str = "('+' || (14032000000 + {n})::text)";
/// The job of a call, in SQL.
pub(super) const JOB: &str = "md5({n}::text)::uuid";
/// What a provider names the text of a job, in SQL.
pub(super) const MESSAGE_SID: &str = "('SM' || md5({n}::text))";

fn digest(number: u64) -> Uuid {
    Uuid::from_bytes(Md5::digest(number.to_string()).into())
}

/// As [`CALL_SID`].
pub(super) fn call_sid(number: u64) -> String {
    format!("CA{}", digest(number).simple())
}

/// As [`CALLER`].
pub(super) fn caller(number: u64) -> String {
    format!("+{}", 14_032_000_000 + number)
}

/// As [`JOB`].
pub(super) fn job(number: u64) -> Uuid {
    digest(number)
}

/// As [`MESSAGE_SID`].
pub(super) fn message_sid(number: u64) -> String {
    format!("SM{}", digest(number).simple())
}

/// One of the expressions above for a number that is called so: a column, or a variable of `pgbench`.
pub(super) fn of(expression: &str, number: &str) -> String {
    expression.replace("{n}", number)
}
