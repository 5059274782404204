//! Every statement of the product is one that its schema knows and that its role may run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use system_tests::TestDatabase;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_owned()
}

/// The statements of each folder of `shared/src`, by file.
fn statements() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root().join("shared/src")).expect("a folder") {
        let Ok(files) = fs::read_dir(folder.expect("an entry").path().join("sql")) else {
            continue;
        };
        for file in files {
            let path = file.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    assert!(found.len() > 20, "{}", found.len());
    found
}

fn name_of(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).expect("a name")
}

#[tokio::test]
async fn every_statement_can_be_run_by_the_applications_role_on_this_schema() {
    let database = TestDatabase::with_running_clock().await;
    let application = database.as_application().await;
    for (path, sql) in statements() {
        let prepared = application.prepare(&sql).await;
        let parameters = prepared
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()))
            .params()
            .len();
        // Rights are checked when a plan is to be carried out, and not before.
        let nothing = vec!["NULL"; parameters].join(", ");
        let arguments = if nothing.is_empty() {
            nothing
        } else {
            format!("({nothing})")
        };
        let explain = format!("PREPARE this AS {sql}; EXPLAIN EXECUTE this{arguments}; DEALLOCATE this");
        if let Err(error) = application.batch_execute(&explain).await {
            panic!("{}: {error:?}", path.display());
        }
    }
}

/// The operator's, which the owner runs.
fn operators_statements() -> Vec<(PathBuf, String)> {
    let folder = fs::read_dir(root().join("infra/ops/src/sql")).expect("a folder");
    let paths = folder.map(|file| file.expect("an entry").path());
    paths
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("text")))
        .collect()
}

#[test]
fn every_statement_says_its_name_and_what_it_is_for() {
    for (path, sql) in statements().into_iter().chain(operators_statements()) {
        assert_eq!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("sql"),
            "{}",
            path.display()
        );
        let opening = format!("-- {}: ", name_of(&path));
        let first = sql.lines().next().unwrap_or_default();
        assert!(
            first.starts_with(&opening) && first.len() > opening.len() + 5,
            "{}: {first}",
            path.display()
        );
        assert!(
            !sql.trim_end().ends_with(';'),
            "{}: one statement needs no end",
            path.display()
        );
    }
}

#[test]
fn every_statement_is_used_by_its_folders_code_and_no_other_is() {
    let mut existing = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (path, _) in statements() {
        let folder = path.parent().and_then(Path::parent).expect("a folder").to_owned();
        existing.insert((folder.clone(), name_of(&path).to_owned()));
        for file in fs::read_dir(&folder).expect("a folder") {
            let file = file.expect("an entry").path();
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&file).expect("text");
            for use_of in text.split("statement!(\"").skip(1) {
                let name = use_of.split('"').next().expect("a name").to_owned();
                used.insert((folder.clone(), name));
            }
        }
    }
    assert_eq!(existing, used);
}
