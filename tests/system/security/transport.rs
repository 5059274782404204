//! What goes over a wire in the clear: nothing, but on this machine, however another one is called.

use local::settings::Settings;
use secrecy::SecretString;
use shared::platform::database::connection_settings;
use shared::platform::gate::Gate;
use shared::providers::twilio::Client;

/// Others that sound like this machine.
const ELSEWHERE: [&str; 9] = [
    "127.example.com",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "localhosts",
    "0.0.0.0",
    "128.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "example.com",
];
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "127.1.2.3"];

fn is_encrypted(url: &str) -> bool {
    let (config, tls) = connection_settings(&SecretString::from(url.to_owned()), None).expect("settings");
    assert_eq!(
        tls.is_some(),
        config.get_ssl_mode() == tokio_postgres::config::SslMode::Require,
        "{url}"
    );
    tls.is_some()
}

#[test]
fn a_database_elsewhere_is_spoken_to_over_tls_whatever_it_is_called() {
    for host in ELSEWHERE {
        assert!(
            is_encrypted(&format!("postgresql://switchboard@{host}/switchboard")),
            "{host}"
        );
        let second = format!("postgresql://switchboard@127.0.0.1,{host}/switchboard");
        assert!(is_encrypted(&second), "{second}");
    }
    for address in ["203.0.113.7", "2001:db8::1"] {
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("postgresql://switchboard@{host}/switchboard?hostaddr={address}");
            assert!(is_encrypted(&url), "{url}");
        }
    }
    for host in HERE {
        assert!(
            !is_encrypted(&format!("postgresql://switchboard@{host}/switchboard")),
            "{host}"
        );
    }
}

#[tokio::test]
async fn credentials_and_callers_go_to_nobody_elsewhere_in_the_clear() {
    let client = |url: &str| {
        Client::new(
            url,
            "AC1".to_owned(),
            || "the-twilio-word".into(),
            Gate::default(),
        )
        .is_ok()
    };
    let app_url = async |url: &str| {
        let settings = Settings::new("http://127.0.0.1:9".to_owned()).with("APP_URL", url);
        settings.environment().await.expect("settings").app_url().is_ok()
    };
    for host in ELSEWHERE {
        let (plain, encrypted) = (format!("http://{host}"), format!("https://{host}"));
        assert_eq!((client(&plain), client(&encrypted)), (false, true), "{host}");
        assert_eq!(
            (app_url(&plain).await, app_url(&encrypted).await),
            (false, true),
            "{host}"
        );
    }
    for host in HERE {
        assert!(
            client(&format!("http://{host}:9000")) && app_url(&format!("http://{host}:9000")).await,
            "{host}"
        );
    }
    for other in [
        "ftp://127.0.0.1",
        "127.0.0.1",
        "javascript:alert(1)",
        "",
        "//127.0.0.1",
    ] {
        assert!(!client(other) && !app_url(other).await, "{other}");
    }
}
