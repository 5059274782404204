//! Who may know whom. The compiler holds crates apart; inside one, these rules do.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_owned()
}

/// Every Rust file below a folder, without its tests and comments, by its path in the workspace.
pub(crate) fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                let name = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .display()
                    .to_string();
                found.push((name, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// The files that hold one of `words`, with it.
fn holding(files: &[(String, String)], words: &[&str]) -> Vec<String> {
    let found = files.iter().flat_map(|(name, code)| {
        let words = words.iter().filter(|word| code.contains(**word));
        words.map(move |word| format!("{name} says {word}"))
    });
    found.collect()
}

const NONE: [&str; 0] = [];

#[test]
fn the_platform_knows_no_domain_and_no_provider() {
    let strangers = [
        "missed_calls",
        "customers",
        "crate::jobs",
        "crate::providers",
        "twilio",
        "stripe",
        "crate::inbound",
        "crate::environment",
        "crate::Phone",
    ];
    assert_eq!(holding(&sources("shared/src/platform"), &strangers), NONE);
}

#[test]
fn a_domains_decisions_know_neither_database_nor_provider_nor_http() {
    let mut deciding = sources("shared/src/missed_calls");
    deciding.extend(sources("shared/src/customers"));
    deciding.retain(|(name, _)| !name.ends_with("/store.rs") && !name.ends_with("/mod.rs"));
    let jobs = sources("shared/src/jobs");
    let calls = sources("shared/src/calls");
    let named = [
        "retry.rs",
        "reconcile.rs",
        "outcome.rs",
        "calls/call.rs",
        "calls/result.rs",
        "calls/stop.rs",
    ];
    deciding.extend(
        jobs.into_iter()
            .chain(calls)
            .filter(|(name, _)| named.iter().any(|named| name.ends_with(named))),
    );
    assert!(deciding.len() >= 5, "{}", deciding.len());
    let strangers = [
        "tokio_postgres",
        "platform::",
        "providers",
        "reqwest",
        "lambda_http",
        "http::",
        "async ",
        ".await",
        "fastrand",
    ];
    assert_eq!(holding(&deciding, &strangers), NONE);
}

#[test]
fn the_engine_knows_no_domain_and_no_provider() {
    assert_eq!(
        holding(
            &sources("shared/src/jobs"),
            &[
                "crate::missed_calls",
                "crate::customers",
                "crate::providers",
                "twilio",
                "stripe"
            ]
        ),
        NONE
    );
}

#[test]
fn providers_never_reach_into_the_database() {
    let providers = sources("shared/src/providers");
    assert_eq!(
        holding(
            &providers,
            &["tokio_postgres", "platform::database", "statement!", "::store"]
        ),
        NONE
    );
    // What they may use of the domains are types, which begin with a capital.
    for (name, code) in providers {
        let domains = ["jobs", "missed_calls", "customers"];
        let imports: String = code
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("use crate::"))
            .filter(|path| domains.iter().any(|domain| path.starts_with(domain)))
            .collect::<Vec<_>>()
            .join(",");
        let functions: Vec<_> = imports
            .split(['{', '}', ',', ':'])
            .map(str::trim)
            .filter(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase()))
            .filter(|word| !domains.contains(word))
            .collect();
        assert_eq!(functions, NONE, "{name}");
        let calls: Vec<_> = ["jobs::", "missed_calls::", "customers::"]
            .iter()
            .flat_map(|domain| code.split(domain).skip(1))
            .filter(|call| call.starts_with(|letter: char| letter.is_ascii_lowercase()))
            .filter_map(|call| call.lines().next())
            .collect();
        assert_eq!(calls, NONE, "{name}");
    }
}

#[test]
fn functions_never_use_one_another() {
    let names: Vec<String> = fs::read_dir(root().join("functions"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in &names {
        let manifest =
            fs::read_to_string(root().join("functions").join(name).join("Cargo.toml")).expect("text");
        let dependencies = manifest.split("dependencies]").skip(1).collect::<String>();
        for other in names
            .iter()
            .chain(&["local".to_owned(), "ops".to_owned(), "system-tests".to_owned()])
        {
            let is_named = dependencies
                .lines()
                .any(|line| line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} ")));
            assert!(!is_named, "{name} uses {other}");
        }
    }
    let shared = fs::read_to_string(root().join("shared/Cargo.toml")).expect("text");
    assert!(
        !names.iter().any(|name| shared.contains(&format!("\n{name}."))),
        "shared uses a function"
    );
}

#[test]
fn one_place_reads_the_clock() {
    let mut files = sources("shared/src");
    files.extend(sources("functions"));
    files.retain(|(name, _)| name != "shared/src/platform/mod.rs");
    let clocks = [
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "UtcDateTime::now",
        "clock_gettime",
    ];
    assert_eq!(holding(&files, &clocks), NONE);

    let mut sql = Vec::new();
    for folder in [
        "shared/src/jobs/sql",
        "shared/src/missed_calls/sql",
        "shared/src/calls/sql",
    ] {
        for file in fs::read_dir(root().join(folder)).expect("a folder") {
            let path = file.expect("an entry").path();
            sql.push((
                path.display().to_string(),
                fs::read_to_string(&path)
                    .expect("text")
                    .replace("switchboard_now()", ""),
            ));
        }
    }
    let clocks = [
        "now()",
        "current_timestamp",
        "CURRENT_TIMESTAMP",
        "clock_timestamp",
        "statement_timestamp",
        "'now'",
    ];
    assert_eq!(holding(&sql, &clocks), NONE, "people's time is switchboard_now()");
}
