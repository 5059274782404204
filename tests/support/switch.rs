//! A wire to a server that can be pulled out, and put back.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::TestDatabase;

/// How the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Everything goes through.
    Plugged,
    /// What is open breaks, and nothing new is let in.
    Pulled,
    /// Connections are taken and stay silent; those that were open stay so for ever.
    Silent,
}

/// Stands before a server on a port of loopback.
pub struct Switch {
    port: u16,
    wire: watch::Sender<Wire>,
}

impl Switch {
    /// Plugged in.
    pub async fn before(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (wire, seen) = watch::channel(Wire::Plugged);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server_port, seen.clone()));
            }
        });
        Self { port, wire }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As the functions reach a database through it.
    pub fn url_of(&self, database: &TestDatabase) -> String {
        database.application_url_at(self.port)
    }

    /// Changes the wire.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn relay(mut client: TcpStream, server_port: u16, mut wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Plugged {
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = wire.wait_for(|wire| *wire != Wire::Plugged) => {}
        }
    }
    // A connection that has fallen silent does not come back to life; pulling the wire ends it.
    let _ = wire.wait_for(|wire| *wire == Wire::Pulled).await;
}
