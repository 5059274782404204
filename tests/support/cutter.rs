//! A proxy before Postgres that catches one statement on its way, and leaves it to the test how many bytes of
//! it and of its answer get through.
//!
//! What it catches, it catches alone: the statements before it have been answered, and those behind it wait
//! until it has been decided on. So what the database shows before and after is this one statement's work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, mpsc};

use crate::TestDatabase;
use crate::wire::{read_message, read_startup};

/// A running proxy.
pub struct Cutter {
    port: u16,
    state: Arc<State>,
    caught: mpsc::UnboundedReceiver<Caught>,
}

struct State {
    server_port: u16,
    wanted: Mutex<Option<String>>,
    is_closed: AtomicBool,
    /// Shared by the statements that go through, and had alone by the one that is caught.
    way: Arc<RwLock<()>>,
    tell: mpsc::UnboundedSender<Caught>,
}

/// A statement that the client has sent and the server has not been given yet. Dropped, it is cut off on both
/// sides.
pub struct Caught {
    request: Vec<u8>,
    client: TcpStream,
    server: TcpStream,
    sent: usize,
    state: Arc<State>,
    /// Held until this is decided.
    way: OwnedRwLockWriteGuard<()>,
}

impl Cutter {
    /// Stands before the server on a port of loopback.
    pub async fn before(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, caught) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            server_port,
            wanted: Mutex::default(),
            is_closed: AtomicBool::new(false),
            way: Arc::default(),
            tell,
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, Arc::clone(&shared)));
            }
        });
        Self { port, state, caught }
    }

    /// As the functions reach a database through it.
    pub fn url_of(&self, database: &TestDatabase) -> String {
        database.application_url_at(self.port)
    }

    /// Catches the next statement of this name.
    pub fn catch(&self, statement: &str) {
        *self.state.wanted.lock().expect("no panic") = Some(statement.to_owned());
    }

    /// Catches nothing any more; whether it still would have.
    pub fn let_be(&self) -> bool {
        self.state.wanted.lock().expect("no panic").take().is_some()
    }

    /// Until it has been caught.
    pub async fn caught(&mut self) -> Caught {
        self.caught.recv().await.expect("the proxy runs")
    }

    /// Lets no new connection in, or does so again.
    pub fn close(&self, is_closed: bool) {
        self.state.is_closed.store(is_closed, Ordering::SeqCst);
    }
}

impl Caught {
    /// The messages that it consists of, as sent.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Whether the server has been given all of it.
    pub fn is_sent(&self) -> bool {
        self.sent == self.request.len()
    }

    /// Gives the server as many bytes of it, counted from its first.
    pub async fn send(&mut self, bytes: usize) {
        let bytes = bytes.min(self.request.len());
        // A server that is gone takes nothing; the test will see.
        let _ = self.server.write_all(&self.request[self.sent..bytes]).await;
        self.sent = bytes;
    }

    /// What the server answers to it: all of it, or what there was when the server closed the connection.
    pub async fn answer(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        while let Some(message) = read_message(&mut self.server).await {
            let is_last = message[0] == READY;
            answer.extend(message);
            if is_last {
                break;
            }
        }
        answer
    }

    /// Has the client hear this.
    pub async fn tell(&mut self, bytes: &[u8]) {
        let _ = self.client.write_all(bytes).await;
    }

    /// Ends it here: what follows on this connection goes through again.
    pub fn go_on(self) {
        drop(self.way);
        tokio::spawn(serve(self.client, self.server, self.state));
    }
}

const READY: u8 = b'Z';

async fn relay(mut client: TcpStream, state: Arc<State>) {
    if state.is_closed.load(Ordering::SeqCst) {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", state.server_port)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let Some(startup) = read_startup(&mut client).await else {
        return;
    };
    if server.write_all(&startup).await.is_err() || !pass_answer(&mut server, &mut client).await {
        return;
    }
    serve(client, server, state).await;
}

/// Whatever is said on a connection after its beginning.
async fn serve(mut client: TcpStream, mut server: TcpStream, state: Arc<State>) {
    while let Some(request) = next_request(&mut client, &mut server).await {
        if state.takes(&request) {
            let way = Arc::clone(&state.way).write_owned().await;
            let caught = Caught {
                request,
                client,
                server,
                sent: 0,
                state: Arc::clone(&state),
                way,
            };
            // Nobody waits for it when the test is over.
            let _ = state.tell.send(caught);
            return;
        }
        let _way = state.way.read().await;
        if server.write_all(&request).await.is_err() || !pass_answer(&mut server, &mut client).await {
            return;
        }
    }
}

impl State {
    /// Whether this is the statement that the test waits for; only the first one is.
    fn takes(&self, request: &[u8]) -> bool {
        let mut wanted = self.wanted.lock().expect("no panic");
        let is_wanted = wanted.as_deref().is_some_and(|name| is_named(request, name));
        if is_wanted {
            *wanted = None;
        }
        is_wanted
    }
}

/// Whether a request is the statement that begins with `-- name:`.
fn is_named(request: &[u8], name: &str) -> bool {
    let begins = format!("\0-- {name}:");
    request[0] == b'P'
        && request
            .windows(begins.len())
            .any(|window| window == begins.as_bytes())
}

/// The messages up to where the client waits for an answer. What the server says unasked is passed on
/// meanwhile; `None` when either is gone.
async fn next_request(client: &mut TcpStream, server: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut from_client, mut from_server) = ([0], [0]);
    loop {
        tokio::select! {
            ready = client.peek(&mut from_client) => {
                if ready.ok()? == 0 {
                    return None;
                }
                break;
            }
            ready = server.peek(&mut from_server) => {
                if ready.ok()? == 0 {
                    return None;
                }
                let message = read_message(server).await?;
                client.write_all(&message).await.ok()?;
            }
        }
    }
    let mut request = Vec::new();
    loop {
        let message = read_message(client).await?;
        let kind = message[0];
        request.extend(message);
        match kind {
            // A simple query, or the end of a typed one.
            b'Q' | b'S' => return Some(request),
            b'X' => {
                let _ = server.write_all(&request).await;
                return None;
            }
            _ => {}
        }
    }
}

/// Whether the server's answer has reached the client to its end.
async fn pass_answer(server: &mut TcpStream, client: &mut TcpStream) -> bool {
    while let Some(message) = read_message(server).await {
        if client.write_all(&message).await.is_err() {
            return false;
        }
        if message[0] == READY {
            return true;
        }
    }
    false
}

/// Where each message in a run of whole messages begins, with its type, and the end of the last.
pub fn boundaries(messages: &[u8]) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(length) = messages.get(at + 1..at + 5) {
        found.push((at, char::from(messages[at])));
        at += 1 + u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
    }
    found.push((at, '.'));
    found
}

/// What a server answers that carries a statement out not at all, and why.
pub fn error_answer(severity: &str, sqlstate: &str, message: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{sqlstate}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).expect("a short message");
    let mut answer = vec![b'E'];
    answer.extend(length.to_be_bytes());
    answer.extend(fields.as_bytes());
    // After a fatal error the server says no more.
    if severity == "ERROR" {
        answer.extend([READY, 0, 0, 0, 5, b'I']);
    }
    answer
}
