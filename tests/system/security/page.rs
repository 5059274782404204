//! `.github/SECURITY.md` promises what tests hold: those that it names exist.

use std::fs;
use std::path::Path;

use super::root;

/// Every Rust file of the workspace, in one text.
fn tests_below(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_below(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn every_test_that_the_page_on_security_names_exists() {
    let page = fs::read_to_string(root().join(".github/SECURITY.md")).expect("the page");
    let mut code = String::new();
    for folder in ["tests/system", "shared/src", "functions", "infra/local/src"] {
        tests_below(&root().join(folder), &mut code);
    }
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.matches('_').count() >= 3 && !word.contains(['/', '.', ' ']))
        .collect();
    assert!(named.len() > 40, "{}", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !code.contains(&format!("fn {name}(")))
        .collect();
    assert_eq!(missing, [&""; 0]);
}

#[test]
fn every_file_that_the_page_on_security_names_exists() {
    let page = fs::read_to_string(root().join(".github/SECURITY.md")).expect("the page");
    let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths: Vec<_> = links.filter(|link| !link.contains("://")).collect();
    for path in &paths {
        assert!(root().join(".github").join(path).exists(), "{path}");
    }
    assert!(!paths.is_empty());
}
