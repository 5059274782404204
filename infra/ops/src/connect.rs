//! A direct connection for commands that no pooler may stand in front of.

use anyhow::Context;
use secrecy::SecretString;
use shared::platform::database::connection_settings;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

/// Connects, over TLS against `roots` (PEM) or the platform's where the database is elsewhere, and prints what the database has to say while it works.
pub async fn connect(url: &str, roots: Option<&str>) -> anyhow::Result<Client> {
    let (config, tls) = connection_settings(&SecretString::from(url), roots)?;
    let unreachable = "the database cannot be reached";
    Ok(if let Some(tls) = tls {
        let (client, connection) = config.connect(tls).await.context(unreachable)?;
        listen(connection);
        client
    } else {
        let (client, connection) = config.connect(NoTls).await.context(unreachable)?;
        listen(connection);
        client
    })
}

fn listen<S, T>(mut connection: Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) if notice.severity() == "NOTICE" => {
                    println!("   {}", notice.message());
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
    });
}
