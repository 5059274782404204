//! `switchboard run`, and callers to try it with.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use local::callers::{Call, Measurement, Story, Text};
use local::postgres::is_root;
use local::sandbox_stripe::{Happening, Payer};
use local::stack::{Options, Stack, forget};
use local::week::{Journey, Manners, Payment, Week};
use local::writers::Letter;
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
    /// Text the line as somebody would, and see what becomes of it.
    Text {
        /// What it says.
        #[arg(default_value = "Hi, are you open on Saturday?")]
        words: Vec<String>,
        /// Whose it is, in E.164; somebody new's if nobody is named.
        #[arg(long)]
        sender: Option<String>,
    },
    /// Write to the business on WhatsApp as a customer would, and see the thread.
    Write {
        /// What they write.
        #[arg(default_value = "Hello, what are your opening hours?")]
        words: Vec<String>,
        /// Who writes, in E.164; somebody new if nobody is named.
        #[arg(long)]
        sender: Option<String>,
        /// What they call themselves.
        #[arg(long, default_value = "Ann")]
        name: String,
    },
    /// Ring many times, and report how soon the texts came.
    Measure {
        /// Calls on each path.
        #[arg(long, default_value_t = 50)]
        calls: usize,
    },
    /// Pay as a customer, or take it back, as Stripe would tell it.
    Pay {
        /// Our id for them.
        #[arg(long, default_value = "ann")]
        customer: String,
        /// Where their clock stands.
        #[arg(long, default_value = "America/Edmonton")]
        zone: String,
        /// When they want to be called, on that clock.
        #[arg(long, default_value = "10:00")]
        hour: String,
        /// Where they are called, in E.164; a number of their own if none is given.
        #[arg(long)]
        phone: Option<String>,
        /// What they, or their bank, do.
        #[arg(long, value_enum, default_value = "pay")]
        event: Happening,
    },
    /// Move the clock of the whole stack forward, and see who is called on the way.
    Travel {
        /// How far, `2d` or `3h 30m`, or to which moment, `2027-03-12` or `2027-03-12T15:00Z`.
        #[arg(required = true)]
        how_far: Vec<String>,
    },
    /// Have three people pay, and see a week of calls in a minute.
    Week {
        /// How many days.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=31))]
        days: u32,
        /// How Vapi treats who wants a call placed.
        #[arg(long, value_enum, default_value = "works")]
        vapi: Manners,
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
        Command::Text { words, sender } => {
            let words = words.join(" ");
            follow(cli.port, "text", &Text { words, sender }).await
        }
        Command::Write { words, sender, name } => {
            let words = words.join(" ");
            follow(cli.port, "write", &Letter { words, sender, name }).await
        }
        Command::Pay {
            customer,
            zone,
            hour,
            phone,
            event,
        } => {
            let payer = Payer {
                name: customer.clone(),
                phone: phone.unwrap_or_else(|| phone_of(&customer)),
                id: customer,
                timezone: zone,
                call_at: hour,
            };
            follow(cli.port, "pay", &Payment { payer, what: event }).await
        }
        Command::Travel { how_far } => follow(cli.port, "travel", &journey(&how_far.join(" "))?).await,
        Command::Week { days, vapi } => follow(cli.port, "week", &Week { days, vapi }).await,
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
    println!("  gateway       {}", stack.url);
    match &stack.vapi {
        Some(vapi) => println!("  Vapi          a sandbox on {}", vapi.base_url()),
        None => println!("  Vapi          the real one: only ALLOWED_RECIPIENTS are reached"),
    }
    match &stack.meta {
        Some(meta) => println!("  WhatsApp      a sandbox on {}", meta.base_url()),
        None => println!("  WhatsApp      the real one: only ALLOWED_RECIPIENTS are reached"),
    }
    println!("  Stripe        a sandbox, whose events are signed and sent to the gateway");
    println!("  for ops       DIRECT_URL={}", stack.shown_url());
    if !stack.clock.ahead().is_zero() {
        let now = stack.clock.now().strftime("%a %d %b %Y %H:%M UTC");
        println!("  clock         moved: it shows {now}; `make forget` sets it right");
    }
    let commands = if let Some(twilio) = &stack.twilio {
        println!("  Twilio        a sandbox on {}", twilio.base_url());
        " In another terminal: make ring, make week, make write        Ctrl-C stops."
    } else {
        println!("  Twilio        the real one: only ALLOWED_RECIPIENTS are reached");
        " Ctrl-C stops."
    };
    println!("  line          {}\n\nReady.{commands}\n", stack.line);
    let router = stack.router().await?;
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
        bail!("what answers on port {port} does not know how to {what}: is it a stack, with sandboxes?");
    }
    let mut told = Vec::new();
    while let Some(text) = answer.chunk().await.context("the stack has stopped")? {
        std::io::stdout().write_all(&text)?;
        std::io::stdout().flush()?;
        told.extend(text);
    }
    // The last line says how it ended.
    let has_failed = told
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next()
        .is_some_and(|last| last.starts_with("✗".as_bytes()));
    if has_failed {
        bail!("the last line above says why");
    }
    Ok(())
}

/// How far to move the clock, as people type it.
fn journey(text: &str) -> anyhow::Result<Journey> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(Journey::Until(moment));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return Ok(Journey::Until(day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp()));
    }
    let span: jiff::Span = text.parse().with_context(|| {
        format!("`{text}` is neither a time, such as 2d, nor a moment, such as 2027-03-12")
    })?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())?;
    Ok(Journey::For(length))
}

/// A telephone for somebody who gave none: always the same one.
fn phone_of(customer: &str) -> String {
    let sum = customer
        .bytes()
        .fold(5381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
    format!("+1403555{:04}", sum % 10_000)
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
