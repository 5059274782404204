//! `ops migrate`, `ops verify`.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Keep Switchboard's database as its code expects it.
#[derive(Parser)]
#[command(name = "ops")]
struct Cli {
    /// Reaches the database directly, past any pooler. `DIRECT_URL`, else `DATABASE_URL`.
    #[arg(long, global = true, env = "DIRECT_URL", hide_env_values = true)]
    url: Option<String>,
    /// For a setup where one URL does for both.
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        hide = true,
        hide_env_values = true
    )]
    database_url: Option<String>,
    /// The roots (PEM) that the database's certificate is checked against, if not the platform's.
    #[arg(long, global = true, env = "DATABASE_CA", hide_env_values = true)]
    roots: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the schema up to date: idempotent, and it says what it did.
    Migrate,
    /// Look at every column, index, constraint and foreign key; exits with 1 on a mismatch. Only reads.
    Verify,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("❌ {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<ExitCode> {
    let url = cli
        .url
        .or(cli.database_url)
        .context("set DIRECT_URL or DATABASE_URL")?;
    match cli.command {
        Command::Migrate => {
            println!("🔄 Migrating");
            let applied = ops::migrate(&url, cli.roots.as_deref()).await?;
            for migration in &applied {
                println!("✅ {migration}");
            }
            if applied.is_empty() {
                println!("   nothing to do: the schema is up to date");
            }
            println!("✅ Migration completed successfully!");
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify => {
            let findings = ops::verify(&ops::connect(&url, cli.roots.as_deref()).await?).await?;
            let problems = findings
                .iter()
                .filter(|finding| finding.problem.is_some())
                .count();
            for finding in &findings {
                match &finding.problem {
                    None => println!("✅ {}: EXISTS", finding.subject),
                    Some(problem) => println!("❌ {}: {problem}", finding.subject),
                }
            }
            if problems == 0 {
                println!("✅ Schema verification PASSED");
                Ok(ExitCode::SUCCESS)
            } else {
                println!(
                    "❌ Schema verification FAILED: {problems} of {} checks",
                    findings.len()
                );
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
