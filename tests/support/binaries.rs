//! The functions' real binaries, as `cargo build --workspace` leaves them beside the tests and the proof.

use std::path::PathBuf;
use std::time::Duration;

use local::runtime_api::RealBinary;
use local::settings::Settings;
use local::template::{Function, Template};

/// Where a binary of this workspace is.
///
/// # Panics
/// It has not been built.
pub fn binary(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("a target folder");
    // Tests are in `deps`, one below what was built by name.
    let folder = if folder.ends_with("deps") {
        folder.parent().expect("a target folder")
    } else {
        folder
    };
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo build --workspace` first",
        path.display()
    );
    path
}

/// Where the functions' binaries are: beside the tests, or in `SWITCHBOARD_BINARIES`, to try others.
fn function_binary(name: &str) -> PathBuf {
    match std::env::var_os("SWITCHBOARD_BINARIES") {
        Some(folder) => PathBuf::from(folder).join(name),
        None => binary(name),
    }
}

/// A function's real binary behind a Runtime API, with the settings that functions in this process have.
pub fn real(name: &str, settings: &Settings) -> RealBinary {
    let template = Template::own().expect("template.yaml");
    let function = template.function(name).expect("a function of the template");
    RealBinary::new(function, function_binary(name), settings.variables())
}

/// The same with a shorter time limit than the template's, for those who want to see it reached.
pub fn real_within(limit: Duration, name: &str, settings: &Settings) -> RealBinary {
    let template = Template::own().expect("template.yaml");
    let function = template.function(name).expect("a function of the template");
    let function = Function {
        timeout: limit,
        ..function.clone()
    };
    RealBinary::new(&function, function_binary(name), settings.variables())
}
