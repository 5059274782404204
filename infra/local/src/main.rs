//! `switchboard run`, and callers to try it with.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use local::callers::{self, Call, Callers, Measurement, Story};
use local::postgres::is_root;
use local::stack::{Options, Stack, forget};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Switchboard on one machine: no call missed, nobody called twice.
#[derive(Parser)]
#[command(name = "switchboard")]
struct Cli {
    /// Where the stack listens on 127.0.0.1.
    #[arg(long, global = true, env = "PORT", default_value_t = 9000)]
    port: u16,
    /// Where the stack keeps its data.
    #[arg(long, global = true, env = "SWITCHBOARD_DATA")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, until Ctrl-C.
    Run,
    /// Ring the line as a caller would, and watch what happens.
    Ring {
        /// How the call goes.
        #[arg(long, value_enum, default_value = "no-answer")]
        outcome: Story,
        /// Who rings, in E.164; a new caller if nobody is named.
        #[arg(long)]
        caller: Option<String>,
        /// How long the owner's telephone rings, in seconds; a real one takes 18.
        #[arg(long, default_value_t = 2.0)]
        rings_for: f64,
    },
    /// Ring many times, and report how soon the texts came.
    Measure {
        /// Calls on each path.
        #[arg(long, default_value_t = 50)]
        calls: usize,
    },
    /// Forget the stack's data.
    Forget,
}

#[tokio::main]
async fn main() -> ExitCode {
    match command(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For whoever typed the command: the causes, and no backtrace.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    let data = cli.data.clone().map_or_else(default_data, Ok)?;
    match cli.command {
        Command::Run => run(cli.port, data).await,
        Command::Ring {
            outcome,
            caller,
            rings_for,
        } => {
            follow(
                cli.port,
                "ring",
                &Call {
                    story: outcome,
                    caller,
                    rings_for,
                },
            )
            .await
        }
        Command::Measure { calls } => follow(cli.port, "measure", &Measurement { calls }).await,
        Command::Forget => {
            println!(
                "{}",
                if forget(&data)? {
                    "Forgotten."
                } else {
                    "There was nothing to forget."
                }
            );
            Ok(())
        }
    }
}

async fn run(port: u16, data: PathBuf) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .compact()
        .with_target(false)
        .with_env_filter(filter)
        .init();
    println!("Switchboard");
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let stack = Stack::start(&Options {
        port,
        data,
        database_url: variable("DATABASE_URL"),
        direct_url: variable("DIRECT_URL"),
    })
    .await?;
    let (url, line) = (stack.url.clone(), stack.line.clone());
    println!("  gateway       {url}");
    match &stack.vapi {
        Some(vapi) => println!("  Vapi          a sandbox on {}", vapi.base_url()),
        None => println!("  Vapi          the real one: only ALLOWED_RECIPIENTS are reached"),
    }
    let mut router = stack.gateway();
    if let Some(twilio) = stack.twilio.clone() {
        println!("  Twilio        a sandbox on {}", twilio.base_url());
        println!("  line          {line}\n\nReady. In another terminal: make ring        Ctrl-C stops.\n");
        // The callers' view of the database is their own.
        router = callers::router(Callers {
            twilio,
            database: stack.watcher().await?,
            line,
        })
        .fallback_service(router);
    } else {
        println!(
            "  Twilio        the real one: only ALLOWED_RECIPIENTS are reached\n  line          {line}\n\nReady. Ctrl-C stops.\n"
        );
    }
    stack.serve(router, end()).await?;
    println!("Stopped.");
    Ok(())
}

/// Ctrl-C, or a polite request to end.
async fn end() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("signals can be heard");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => println!("\nStopping …"),
        _ = terminate.recv() => println!("Stopping …"),
    }
}

/// Asks the running stack for something and prints what it says, as it says it.
async fn follow(port: u16, what: &str, request: &impl Serialize) -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{port}/_local/{what}");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.post(url).json(request).send().await;
    let mut answer =
        answer.with_context(|| format!("no stack answers on port {port}; start one with `make run`"))?;
    if !answer.status().is_success() {
        bail!("what answers on port {port} has no callers: is it a stack, with Twilio's sandbox?");
    }
    while let Some(text) = answer.chunk().await.context("the stack has stopped")? {
        std::io::stdout().write_all(&text)?;
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Out of the checkout, so that a clean checkout keeps it; where root's own server, which runs as nobody,
/// can reach it.
fn default_data() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .context("set HOME or SWITCHBOARD_DATA")?;
    Ok(if is_root() {
        "/var/tmp/switchboard".into()
    } else {
        home.join(".local/state/switchboard")
    })
}
