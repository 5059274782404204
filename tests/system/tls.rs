//! The database is reached over TLS with full verification, or not at all.

use local::postgres::{Identity, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use shared::platform::database::{Database, connection_settings};
use shared::platform::gate::Gate;

/// Somebody who vouches for servers.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn vouch_for(&self, host: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("a host");
        Identity {
            certificate: params.signed_by(&key, &self.issuer).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Connects as the functions do; why it failed, if it did.
async fn connects(url: &str, roots: Option<&str>) -> Result<(), String> {
    let url = SecretString::from(url.to_owned());
    let database = Database::new(&url, roots, 1, Gate::default()).map_err(|error| format!("{error:#}"))?;
    let connection = database.connection().await;
    connection
        .map(drop)
        .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

#[tokio::test]
async fn a_database_is_trusted_by_its_own_root_and_by_no_other() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Server::start_with_tls(&authority.vouch_for("127.0.0.1"))
        .await
        .expect("a private PostgreSQL with TLS (`make postgres`)");
    let url = server.url("postgres", "postgres");
    let required = format!("{url}?sslmode=require");

    assert_eq!(connects(&required, Some(&authority.pem)).await, Ok(()));
    let (config, tls) =
        connection_settings(&required.clone().into(), Some(&authority.pem)).expect("settings");
    let (client, connection) = config.connect(tls.expect("TLS")).await.expect("a connection");
    tokio::spawn(connection);
    let is_encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = client.query_one(is_encrypted, &[]).await.expect("a row");
    assert!(row.get::<_, bool>(0), "and really so");

    let refused = connects(&required, Some(&stranger.pem))
        .await
        .expect_err("another's root");
    assert!(refused.contains("certificate"), "{refused}");
    // The weakest word for TLS that other clients know asks for no less here.
    for mode in ["require", "prefer", "allow", "verify-ca", "verify-full"] {
        let url = format!("{url}?sslmode={mode}");
        let refused = connects(&url, None)
            .await
            .expect_err("nobody that this platform trusts");
        assert!(!refused.is_empty(), "{mode}");
    }
    assert_eq!(connects(&url, None).await, Ok(()), "on this machine, unasked");
    assert_eq!(connects(&format!("{url}?sslmode=disable"), None).await, Ok(()));
    server.stop();
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let authority = Authority::new();
    let server = Server::start_with_tls(&authority.vouch_for("database.example"))
        .await
        .expect("a private PostgreSQL with TLS (`make postgres`)");
    let url = format!("{}?sslmode=require", server.url("postgres", "postgres"));
    let refused = connects(&url, Some(&authority.pem))
        .await
        .expect_err("another host's");
    assert!(refused.contains("certificate"), "{refused}");
    server.stop();
}

/// A server that speaks no TLS is not spoken to in the clear instead.
#[tokio::test]
async fn a_database_without_tls_is_refused_where_tls_was_asked_for() {
    let database = system_tests::TestDatabase::new().await;
    let url = format!("{}?sslmode=require", database.application_url().await);
    let refused = connects(&url, Some(&Authority::new().pem)).await;
    assert!(refused.is_err());
}

#[test]
fn roots_without_a_certificate_are_refused() {
    let url = SecretString::from("postgresql://switchboard@database.example/switchboard");
    assert!(connection_settings(&url, Some("no certificate")).is_err());
}
