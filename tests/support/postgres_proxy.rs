//! A proxy before Postgres that counts round trips and stops the world around one statement.
//!
//! It knows the product's statements by their first line, `-- name: …`, as they are sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::TestDatabase;

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// The client has sent the statement; the server never gets it.
    Before(&'static str),
    /// The server has carried it out and committed; the client never hears of it.
    AfterCommitOf(&'static str),
}

#[derive(Default)]
struct State {
    stop_at: Option<StopAt>,
    statements: Vec<String>,
}

/// A running proxy.
pub struct PostgresProxy {
    port: u16,
    state: Arc<Mutex<State>>,
    stopped: mpsc::UnboundedReceiver<()>,
}

impl PostgresProxy {
    /// Stands before the server on a port of loopback.
    pub async fn before(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let (tell, stopped) = mpsc::unbounded_channel();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
                    continue;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                tokio::spawn(relay(client, server, Arc::clone(&shared), tell.clone()));
            }
        });
        Self { port, state, stopped }
    }

    /// Before a test's database.
    pub async fn before_database() -> Self {
        Self::before(crate::server().await.port()).await
    }

    /// As the functions reach a database through it.
    pub fn url_of(&self, database: &TestDatabase) -> String {
        format!(
            "postgresql://switchboard@127.0.0.1:{}/{}",
            self.port,
            database.name()
        )
    }

    /// The proxy's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the next time that it comes to this.
    pub fn stop_at(&self, point: StopAt) {
        self.state.lock().expect("no panic").stop_at = Some(point);
    }

    /// Until it has stopped; the connection that it stopped on stays silent.
    pub async fn stopped(&mut self) {
        self.stopped.recv().await.expect("the proxy runs");
    }

    /// The statements since the last time, in order; each one was a round trip.
    pub fn take_statements(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("no panic").statements)
    }
}

async fn relay(
    client: TcpStream,
    server: TcpStream,
    state: Arc<Mutex<State>>,
    tell: mpsc::UnboundedSender<()>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let Some(startup) = read_startup(&mut from_client).await else {
        return;
    };
    if to_server.write_all(&startup).await.is_err() {
        return;
    }
    // Set once the answer must not reach the client any more.
    let silent_after_commit = Arc::new(Mutex::new(false));
    let silence = Arc::clone(&silent_after_commit);
    let told = tell.clone();
    let answers = tokio::spawn(async move {
        while let Some(message) = read_message(&mut from_server).await {
            if *silence.lock().expect("no panic") {
                if message[0] == b'Z' {
                    let _ = told.send(());
                }
                continue;
            }
            if to_client.write_all(&message).await.is_err() {
                break;
            }
        }
        to_client
    });
    while let Some(message) = read_message(&mut from_client).await {
        if let Some(name) = statement_in(&message) {
            let stop = {
                let mut state = state.lock().expect("no panic");
                state.statements.push(name.clone());
                let stop = state.stop_at;
                if matches!(stop, Some(StopAt::Before(other) | StopAt::AfterCommitOf(other)) if other == name)
                {
                    state.stop_at = None;
                    stop
                } else {
                    None
                }
            };
            match stop {
                Some(StopAt::Before(_)) => {
                    let _ = tell.send(());
                    // The client goes on writing into silence until it is killed.
                    while read_message(&mut from_client).await.is_some() {}
                    return;
                }
                Some(StopAt::AfterCommitOf(_)) => *silent_after_commit.lock().expect("no panic") = true,
                None => {}
            }
        }
        if to_server.write_all(&message).await.is_err() {
            break;
        }
    }
    end(to_server, answers).await;
}

async fn end(mut to_server: OwnedWriteHalf, answers: tokio::task::JoinHandle<OwnedWriteHalf>) {
    let _ = to_server.shutdown().await;
    let _ = answers.await;
}

/// The first message has no type; TLS is not spoken on loopback.
async fn read_startup(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = from.read_u32().await.ok()?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}

async fn read_message(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let kind = from.read_u8().await.ok()?;
    let length = from.read_u32().await.ok()?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(1 + length as usize, 0);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}

/// The name of the statement in a Parse message, or the text of a simple query.
fn statement_in(message: &[u8]) -> Option<String> {
    let text = match message[0] {
        b'P' => {
            let name_end = message[5..].iter().position(|byte| *byte == 0)? + 6;
            String::from_utf8_lossy(&message[name_end..]).into_owned()
        }
        b'Q' => String::from_utf8_lossy(&message[5..])
            .trim_end_matches('\0')
            .to_owned(),
        _ => return None,
    };
    let name = text.strip_prefix("-- ").and_then(|rest| rest.split(':').next());
    Some(name.map_or_else(
        || text.trim_end_matches('\0').chars().take(40).collect(),
        str::to_owned,
    ))
}
