//! Vendors' own libraries for Python, as judges of what we sign and accept.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Gives a program the cases as JSON, and has its verdicts back: one for each.
pub(crate) fn ask<Verdict: DeserializeOwned>(program: &str, cases: &[impl Serialize]) -> Vec<Verdict> {
    let mut python = Command::new(python())
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = python.stdin.take().expect("stdin is piped");
    serde_json::to_writer(&mut stdin, cases).expect("Python reads what it is given");
    stdin.flush().expect("Python reads what it is given");
    drop(stdin);
    let output = python.wait_with_output().expect("Python ends");
    assert!(
        output.status.success(),
        "the vendor's package did not answer; `make tools` installs it"
    );
    let verdicts: Vec<Verdict> = serde_json::from_slice(&output.stdout).expect("the judge answers in JSON");
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}

/// The Python that has the packages. A missing one fails the test rather than skipping it.
fn python() -> PathBuf {
    let of_this_repository = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python"));
    let python = std::env::var_os("SWITCHBOARD_PYTHON").map_or(of_this_repository, PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing; `make tools` installs it",
        python.display()
    );
    python
}
