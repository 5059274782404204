//! A Twilio that answers reads with whatever a test makes up, where the sandbox is too well-behaved.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a path answers.
#[derive(Debug, Clone)]
pub enum Says {
    /// This, as JSON.
    Json(Value),
    /// This status, and these words.
    Raw(u16, String),
    /// Nothing, until it is let go.
    Hangs,
}

#[derive(Default)]
struct Script {
    says: HashMap<String, Says>,
    asked: Vec<String>,
}

/// A listener that counts what it is asked, answers by path, and knows nothing else (404).
#[derive(Clone)]
pub struct FakeTwilio {
    url: String,
    script: Arc<Mutex<Script>>,
    let_go: watch::Sender<bool>,
}

impl FakeTwilio {
    /// Starts on a port of loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let fake = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            script: Arc::default(),
            let_go: watch::Sender::new(false),
        };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a path, or a path with its query, answers from now on.
    pub fn says(&self, path: &str, says: Says) {
        self.script
            .lock()
            .expect("no panic")
            .says
            .insert(path.to_owned(), says);
    }

    /// Every path that was asked for, with its query.
    pub fn asked(&self) -> Vec<String> {
        self.script.lock().expect("no panic").asked.clone()
    }

    /// Lets everything that hangs go.
    pub fn let_go(&self) {
        self.let_go.send_replace(true);
    }
}

async fn answer(State(fake): State<FakeTwilio>, uri: Uri) -> (StatusCode, String) {
    let says = {
        let mut script = fake.script.lock().expect("no panic");
        let whole = uri.path_and_query().map_or("", |whole| whole.as_str()).to_owned();
        script.asked.push(whole.clone());
        let by_path = || script.says.get(uri.path());
        script.says.get(&whole).or_else(by_path).cloned()
    };
    match says {
        Some(Says::Json(value)) => (StatusCode::OK, value.to_string()),
        Some(Says::Raw(status, body)) => (StatusCode::from_u16(status).expect("a status"), body),
        Some(Says::Hangs) => {
            let _ = fake.let_go.subscribe().wait_for(|gone| *gone).await;
            (StatusCode::SERVICE_UNAVAILABLE, String::new())
        }
        None => (StatusCode::NOT_FOUND, r#"{"code":20404,"status":404}"#.to_owned()),
    }
}
