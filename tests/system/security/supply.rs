//! Where the code that is not ours comes from, and that nothing comes from anywhere else.

use std::collections::BTreeSet;
use std::fs;

use super::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_crate_is_locked_to_the_default_registry_and_a_checksum() {
    let lock = read("Cargo.lock");
    let mut ours = 0;
    let mut sources = BTreeSet::new();
    let packages: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    assert!(packages.len() > 200, "{}", packages.len());
    for package in packages {
        let value = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches([' ', '=', '"']).to_owned())
        };
        let name = value("name").expect("a name");
        let Some(source) = value("source") else {
            ours += 1;
            continue;
        };
        assert!(source.starts_with("registry+https://"), "{name}: {source}");
        sources.insert(source);
        assert_eq!(
            value("checksum").map(|checksum| checksum.len()),
            Some(64),
            "{name}"
        );
    }
    assert_eq!(
        sources.len(),
        1,
        "the default one, as `make deny` sees to: {sources:?}"
    );
    let config = read(".cargo/config.toml");
    assert!(
        !config.contains("[source") && !config.contains("[registries"),
        "{config}"
    );
    let members = fs::read_dir(root().join("functions")).expect("a folder");
    let functions = members
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()))
        .count();
    assert_eq!(
        ours,
        functions + 6,
        "shared, local, ops, claims, system-tests, proof"
    );
}

#[test]
fn every_crate_of_ours_keeps_the_workspaces_lints_and_forbids_unsafe_code() {
    let workspace = read("Cargo.toml");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let mut members = vec![
        "shared".to_owned(),
        "infra/local".to_owned(),
        "infra/ops".to_owned(),
    ];
    members.extend(["tests", "tests/claims", "tests/proof"].map(str::to_owned));
    for entry in fs::read_dir(root().join("functions")).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            members.push(format!("functions/{}", entry.file_name().to_string_lossy()));
        }
    }
    for member in members {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member}");
        for source in ["git =", "registry =", "[patch", "[replace"] {
            assert!(!manifest.contains(source), "{member} has {source}");
        }
    }
    for source in ["git =", "registry =", "[patch", "[replace"] {
        assert!(!workspace.contains(source), "the workspace has {source}");
    }
}

#[test]
fn every_tool_is_pinned_by_its_hash() {
    for file in [
        "infra/tools/requirements.txt",
        "infra/tools/postgres-requirements.txt",
    ] {
        let text = read(file).replace("\\\n", " ");
        let tools: Vec<&str> = text.lines().filter(|line| line.contains("==")).collect();
        assert!(!tools.is_empty(), "{file}");
        for tool in tools {
            assert!(tool.contains("--hash=sha256:"), "{file}: {tool}");
        }
        for word in [
            "--index-url",
            "--extra-index-url",
            "--trusted-host",
            "--find-links",
            "git+",
        ] {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
    assert!(read("infra/tools/install.sh").contains("--require-hashes"));
}

#[test]
fn what_runs_for_a_change_is_pinned_and_may_only_read() {
    for entry in fs::read_dir(root().join(".github/workflows")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.display();
        let workflow = fs::read_to_string(&path).expect("text");
        assert!(
            workflow.contains("\npermissions: {}\n"),
            "{name}: nothing, unless a job says so"
        );
        assert!(!workflow.contains(": write"), "{name}");
        assert!(
            !workflow.contains("pull_request_target"),
            "{name}: a stranger's code with our rights"
        );
        assert!(!workflow.contains("secrets."), "{name}");
        for line in workflow.lines().filter(|line| line.contains("uses:")) {
            let version = line.split('@').nth(1).unwrap_or_default();
            let commit = version.split_whitespace().next().unwrap_or_default();
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit, "{name}: {line}");
            assert!(
                workflow.contains("persist-credentials: false") || !line.contains("checkout"),
                "{name}"
            );
        }
    }
}

#[test]
fn a_licence_or_a_source_that_was_not_decided_on_is_denied_and_that_is_tried() {
    let deny = read(".deny.toml");
    for rule in [
        "unknown-registry = \"deny\"",
        "unknown-git = \"deny\"",
        "wildcards = \"deny\"",
        "yanked = \"deny\"",
    ] {
        assert!(deny.contains(rule), "{rule}");
    }
    for hole in [
        "allow-git",
        "allow-registry",
        "exceptions",
        "skip =",
        "ignore = [",
    ] {
        assert!(!deny.contains(hole), "{hole}");
    }
    let ci = read(".ci/run");
    assert!(ci.contains("make deny") && ci.contains("cargo fetch --locked"));
    let makefile = read("Makefile");
    let recipe = makefile.split("\ndeny:").nth(1).expect("a recipe");
    let recipe = recipe.split("\n\n").next().expect("a recipe");
    assert!(recipe.contains("infra/tools/check_deny.sh"), "{recipe}");
}
