//! The local stack as a newcomer runs it: a process of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use system_tests::binary;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const READY_WITHIN: Duration = Duration::from_mins(1);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("switchboard-test-{}", uuid::Uuid::new_v4())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Stack {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

fn command(data: &Folder, port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("switchboard"));
    command
        .args(arguments)
        .env("PORT", port.to_string())
        .env("SWITCHBOARD_DATA", &data.0)
        .env_remove("DATABASE_URL")
        .env_remove("DIRECT_URL")
        .env_remove("TWILIO_API_BASE_URL")
        .kill_on_drop(true);
    command
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Stack {
    async fn start(data: &Folder, port: u16) -> Self {
        let mut child = command(data, port, &["run"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut stack = Self { child, lines };
        stack.until("Ready.").await;
        stack
    }

    async fn until(&mut self, word: &str) {
        let found = async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                if line.contains(word) {
                    return;
                }
            }
            panic!("it ended without {word:?}");
        };
        tokio::time::timeout(READY_WITHIN, found)
            .await
            .unwrap_or_else(|_| panic!("no {word:?} in time"));
    }

    /// As Ctrl-C does.
    async fn interrupt(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .await
                .expect("kill")
                .success()
        );
        self.until("Stopped.").await;
        assert!(self.child.wait().await.expect("it ends").success());
    }
}

/// What a command prints, and whether it succeeded.
async fn run(data: &Folder, port: u16, arguments: &[&str]) -> (bool, String) {
    let output = command(data, port, arguments).output().await.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[tokio::test]
async fn a_newcomer_rings_stops_starts_again_and_forgets() {
    let (data, port) = (Folder::new(), free_port());
    let stack = Stack::start(&data, port).await;

    let (_, story) = run(
        &data,
        port,
        &["ring", "--caller", "+14035550001", "--rings-for", "0"],
    )
    .await;
    assert!(story.contains("✓  one text, taken by Twilio"), "{story}");
    let (_, story) = run(
        &data,
        port,
        &["ring", "--outcome", "abandoned", "--rings-for", "0.1"],
    )
    .await;
    assert!(story.contains("✓  one text, taken by Twilio"), "{story}");

    let (_, story) = run(&data, port, &["text", "--sender", "+14035550009", "STOP"]).await;
    assert!(story.contains("✓  1 in the inbox; they said stop"), "{story}");

    let writes = async |words: &str| run(&data, port, &["write", "--sender", "+14035550008", words]).await;
    let (succeeded, thread) = writes("Hello, when are you open?").await;
    assert!(succeeded && thread.contains("✓  answered, "), "{thread}");
    assert!(thread.contains("  machine   "), "{thread}");
    let (_, thread) = writes("STOP").await;
    assert!(
        thread.contains("✓  no machine answers it, suppressed: said_stop"),
        "{thread}"
    );
    let (_, thread) = writes("And on Sundays?").await;
    assert!(thread.contains("suppressed: opted_out"), "{thread}");
    assert_eq!(thread.matches("  machine   ").count(), 1, "{thread}");

    let (succeeded, told) = run(&Folder::new(), port, &["run"]).await;
    assert!(
        !succeeded && told.contains(&format!("port {port} is taken")),
        "{told}"
    );
    let (succeeded, told) = run(&data, free_port(), &["run"]).await;
    assert!(!succeeded && told.contains("another stack runs on"), "{told}");
    let (succeeded, told) = run(&data, port, &["forget"]).await;
    assert!(!succeeded && told.contains("another stack runs on"), "{told}");

    stack.interrupt().await;
    let (succeeded, told) = run(&data, port, &["ring"]).await;
    assert!(!succeeded && told.contains("no stack answers"), "{told}");

    let stack = Stack::start(&data, port).await;
    let (_, story) = run(
        &data,
        port,
        &["ring", "--caller", "+14035550001", "--rings-for", "0"],
    )
    .await;
    assert!(
        story.contains("already_texted"),
        "the cool-down is remembered: {story}"
    );
    stack.interrupt().await;

    assert!(run(&data, port, &["forget"]).await.0);
    assert!(!data.0.exists());
}
