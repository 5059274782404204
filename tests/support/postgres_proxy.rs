//! A proxy before Postgres that counts round trips and stops the world around one statement.
//!
//! It knows the product's statements by their first line, `-- name: …`, as they are sent.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::TestDatabase;
use crate::wire::{read_message, read_startup};

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// The client has sent the statement; the server never gets it.
    Before(&'static str),
    /// The server has carried it out and committed; the client never hears of it.
    AfterCommitOf(&'static str),
}

impl StopAt {
    fn statement(self) -> &'static str {
        match self {
            Self::Before(statement) | Self::AfterCommitOf(statement) => statement,
        }
    }
}

/// How far whoever is behind the proxy has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The last statement that it sent.
    pub statement: String,
    /// Whether its answer is on its way back.
    pub answered: bool,
}

/// A stop that can be ended: what was held back then goes on its way, however late. Dropped instead, it
/// never does.
#[must_use = "what is held back goes no further without it"]
pub struct Pause(watch::Sender<bool>);

impl Pause {
    /// Lets it go on.
    pub fn end(self) {
        self.0.send_replace(true);
    }
}

/// What becomes of what was stopped.
#[derive(Clone)]
enum Hold {
    ForEver,
    Until(watch::Receiver<bool>),
}

impl Hold {
    /// Whether it goes on, once that is clear.
    async fn ends(self) -> bool {
        match self {
            Self::ForEver => false,
            Self::Until(mut ended) => ended.wait_for(|ended| *ended).await.is_ok(),
        }
    }
}

#[derive(Default)]
struct State {
    stops: Vec<(StopAt, Hold)>,
    statements: Vec<String>,
    position: Option<Position>,
}

impl State {
    /// Notes a statement, and says whether to stop at it.
    fn comes_to(&mut self, statement: &str) -> Option<(StopAt, Hold)> {
        self.statements.push(statement.to_owned());
        self.position = Some(Position {
            statement: statement.to_owned(),
            answered: false,
        });
        let stop = self
            .stops
            .iter()
            .position(|(point, _)| point.statement() == statement)?;
        Some(self.stops.remove(stop))
    }
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
        database.application_url_at(self.port)
    }

    /// The proxy's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the next time that it comes to this, for ever.
    pub fn stop_at(&self, point: StopAt) {
        let mut state = self.state.lock().expect("no panic");
        state.stops.push((point, Hold::ForEver));
    }

    /// Stops the next time that it comes to this, until the pause is ended.
    pub fn pause_at(&self, point: StopAt) -> Pause {
        let (end, ended) = watch::channel(false);
        let mut state = self.state.lock().expect("no panic");
        state.stops.push((point, Hold::Until(ended)));
        Pause(end)
    }

    /// Until it has stopped; the connection that it stopped on stays silent.
    pub async fn stopped(&mut self) {
        self.stopped.recv().await.expect("the proxy runs");
    }

    /// Forgets where it was to stop, and what has gone through until now.
    pub fn forget(&mut self) {
        let mut state = self.state.lock().expect("no panic");
        *state = State::default();
        while self.stopped.try_recv().is_ok() {}
    }

    /// How far whoever is behind it has come since it last forgot; `None` before the first statement.
    pub fn position(&self) -> Option<Position> {
        self.state.lock().expect("no panic").position.clone()
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
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let Some(startup) = read_startup(&mut from_client).await else {
        return;
    };
    if to_server.write_all(&startup).await.is_err() {
        return;
    }
    let silence = Arc::new(Mutex::new(None));
    let answers = Answers {
        state: Arc::clone(&state),
        silence: Arc::clone(&silence),
        tell: tell.clone(),
    };
    let answers = tokio::spawn(answers.relay(from_server, to_client));
    while let Some(message) = read_message(&mut from_client).await {
        if let Some(statement) = statement_in(&message) {
            let stop = state.lock().expect("no panic").comes_to(&statement);
            match stop {
                Some((StopAt::Before(_), hold)) => {
                    let _ = tell.send(());
                    if !hold.ends().await {
                        // The client goes on writing into silence until it is killed.
                        while read_message(&mut from_client).await.is_some() {}
                        return;
                    }
                }
                Some((StopAt::AfterCommitOf(_), hold)) => *silence.lock().expect("no panic") = Some(hold),
                None => {}
            }
        }
        if to_server.write_all(&message).await.is_err() {
            break;
        }
    }
    end(to_server, answers).await;
}

/// The way back.
struct Answers {
    state: Arc<Mutex<State>>,
    /// Set once an answer must not reach the client yet, or ever.
    silence: Arc<Mutex<Option<Hold>>>,
    tell: mpsc::UnboundedSender<()>,
}

impl Answers {
    async fn relay(self, mut from_server: OwnedReadHalf, mut to_client: OwnedWriteHalf) -> OwnedWriteHalf {
        // What is held back until its last message is there.
        let mut answer = Vec::new();
        while let Some(message) = read_message(&mut from_server).await {
            let is_last = message[0] == b'Z';
            answer.extend(message);
            let hold = self.silence.lock().expect("no panic").clone();
            if let Some(hold) = hold {
                if !is_last {
                    continue;
                }
                let _ = self.tell.send(());
                if !hold.ends().await {
                    while read_message(&mut from_server).await.is_some() {}
                    break;
                }
                *self.silence.lock().expect("no panic") = None;
            }
            if is_last && let Some(position) = &mut self.state.lock().expect("no panic").position {
                position.answered = true;
            }
            if to_client.write_all(&answer).await.is_err() {
                break;
            }
            answer.clear();
        }
        to_client
    }
}

async fn end(mut to_server: OwnedWriteHalf, answers: tokio::task::JoinHandle<OwnedWriteHalf>) {
    let _ = to_server.shutdown().await;
    let _ = answers.await;
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
