//! Connection URLs. The input is the URL.

use std::net::IpAddr;

use secrecy::SecretString;
use shared::platform::database::connection_settings;
use tokio_postgres::config::{Host, SslMode};

/// Nobody's: a self-signed certificate, whose key was thrown away.
const ROOT: &str = include_str!("root.pem");

pub(crate) fn check(input: &[u8]) {
    let url = String::from_utf8_lossy(input).into_owned();
    let (config, tls) = match connection_settings(&SecretString::from(url.clone()), Some(ROOT)) {
        Ok(settings) => settings,
        Err(error) => {
            assert_eq!(
                format!("{error:#}"),
                "DATABASE_URL is not a postgresql:// URL",
                "it may quote the password"
            );
            return;
        }
    };
    let mode = if tls.is_some() {
        SslMode::Require
    } else {
        SslMode::Disable
    };
    assert_eq!(config.get_ssl_mode(), mode, "half a decision");
    if tls.is_none() {
        let is_here = config.get_hosts().iter().all(is_this_machine)
            && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        assert!(
            is_here || is_told_to(&url),
            "in the clear to {:?} {:?}",
            config.get_hosts(),
            config.get_hostaddrs()
        );
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            // An address of the new kind stands in brackets in a URL, and without them elsewhere.
            let address = name.trim_start_matches('[').trim_end_matches(']');
            name == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// `sslmode=disable` among the parameters, which follow the host, which follows the password.
fn is_told_to(url: &str) -> bool {
    let behind_password = url.split_once('@').map_or(url, |(_, rest)| rest);
    behind_password.split_once('?').is_some_and(|(_, parameters)| {
        parameters
            .split('&')
            .any(|parameter| parameter == "sslmode=disable")
    })
}
