//! What strangers get who try: the controls that `.github/SECURITY.md` promises, as claims that can fail.
//!
//! Where a control has tests of its own elsewhere (`tls`, `ledger`, `template`, `secrets`, the bad inputs), it
//! has none here; that page names them all.

mod leaks;
mod limits;
mod page;
mod providers;
mod reach;
mod replay;
mod role;
mod rotation;
mod routes;
mod signatures;
mod sql;
mod ssrf;
mod supply;
mod toll_fraud;
mod transport;
mod words;

use std::path::{Path, PathBuf};

use system_tests::{CALLER, LINE, World, form};

/// A call that strangers got hold of.
const SID: &str = "CA00000000000000000000000000000001";

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_owned()
}

/// A form of Twilio's about a call, with the fields that all of them have.
fn call_form(sid: &str, more: &[(&str, &str)]) -> String {
    let fields = [("CallSid", sid), ("From", CALLER), ("To", LINE)];
    form(&[&fields, more].concat())
}

/// Nothing is owed to anybody, and nothing left us.
async fn assert_nothing_came_of_it(world: &World, why: &str) {
    world.run_jobs().await;
    for table in ["jobs", "attempts", "deliveries", "duplicate_evidence"] {
        assert_eq!(world.count(table).await, 0, "{why}: {table}");
    }
    assert_eq!(world.sends(), 0, "{why}");
}
