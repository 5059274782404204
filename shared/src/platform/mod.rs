//! What carries the domains: database, queue, HTTP, secrets, logs. Knows no domain.

pub mod database;
pub mod gate;
pub mod http;
pub mod http_client;
pub mod lambda;
pub mod log;
pub mod queue;
pub mod scheduled;
pub mod secrets;
pub mod signature;
pub mod webhook;

use std::net::IpAddr;

/// The wall clock of this machine, for sockets, caches and signatures. People's time is the database's.
#[expect(clippy::disallowed_methods, reason = "the one place that asks it")]
pub fn wall_clock() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Whether a host is this machine, on whose wire nobody else listens. `127.example.com` is somebody else's.
pub fn is_this_machine(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = bracketed.unwrap_or(host);
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
