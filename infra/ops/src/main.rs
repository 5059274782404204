//! `ops migrate`, `ops verify`, `ops repair`, `ops why`, `ops preview`, `ops preflight`, `ops pause`, `ops resume`,
//! `ops take`, `ops hand-back`, `ops retry`, `ops decide`.

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use jiff::civil::Date;
use ops::Moment;
use tokio_postgres::Client;

/// Keep Switchboard's database as its code expects it, and answer for its calls.
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
    /// Look at every column, index, constraint and foreign key, and at the call system; exits with 1 on a problem. Only
    /// reads.
    Verify,
    /// Put right what does not follow from the ledger, and what the system before left: says what it would do.
    Repair {
        /// Do it.
        #[arg(long)]
        apply: bool,
    },
    /// Say in a sentence why somebody was, or was not, called on a day. Only reads.
    Why {
        /// The customer's id.
        customer: String,
        /// A day on their clock; today, if none is named.
        day: Option<Date>,
    },
    /// List somebody's next seven calls, or say why there are none. Only reads.
    Preview {
        /// The customer's id.
        customer: String,
    },
    /// Count who would be called if calling were switched on now, and who not and why. Only reads.
    Preflight {
        /// How far to look ahead.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
        hours: u32,
        /// As if this were the cut-off: who paid before it gets no welcome call.
        #[arg(long)]
        welcome_since: Option<Moment>,
    },
    /// Stop calling somebody, or everybody, or stop answering on WhatsApp, from this moment on.
    Pause {
        /// The customer's id; without one, all calling.
        customer: Option<String>,
        /// Not calling: the machine's answers on WhatsApp, all of them.
        #[arg(long, conflicts_with = "customer")]
        answers: bool,
        /// Until then, on the customer's clock unless it has an offset. All calling has no end but `ops resume`: somebody
        /// has to look first.
        #[arg(long, requires = "customer", conflicts_with = "answers")]
        until: Option<Moment>,
    },
    /// List what a person has to decide, or keep what was decided about one of them. Nobody is called by it.
    Decide {
        /// The job, or the attempt that there is evidence against.
        #[arg(requires = "words")]
        subject: Option<String>,
        /// What was decided, in words.
        words: Option<String>,
    },
    /// Call somebody again, or everybody, or answer on WhatsApp again.
    Resume {
        /// The customer's id; without one, all calling.
        customer: Option<String>,
        /// Not calling: the machine's answers on WhatsApp.
        #[arg(long, conflicts_with = "customer")]
        answers: bool,
        /// Who paid before that gets no welcome call.
        #[arg(long, conflicts_with_all = ["customer", "answers"])]
        welcome_since: Option<Moment>,
        /// Do not ask.
        #[arg(long, conflicts_with = "customer")]
        yes: bool,
    },
    /// Give a WhatsApp conversation to a person: no machine answers in it until it is handed back.
    Take {
        /// The conversation's id.
        conversation: i64,
        /// The email of who takes it; without one, whoever has it already or looks first.
        #[arg(long)]
        by: Option<String>,
    },
    /// Give a conversation back, so that the machine answers in it again.
    HandBack {
        /// The conversation's id.
        conversation: i64,
    },
    /// Have an answer on WhatsApp that came to nothing tried again; never one that may have arrived.
    Retry {
        /// The job's id.
        job: String,
    },
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
    let roots = cli.roots.as_deref();
    if let Command::Migrate = cli.command {
        return migrate(&url, roots).await;
    }
    let mut client = ops::connect(&url, roots).await?;
    match cli.command {
        Command::Migrate => unreachable!("it makes its own connection"),
        Command::Verify => verify(&mut client).await,
        Command::Repair { apply } => repair(&mut client, apply).await,
        Command::Why { customer, day } => {
            let sentence = ops::why(&client, &customer, day).await?;
            Ok(say(&customer, sentence.map(|sentence| vec![sentence])))
        }
        Command::Preview { customer } => Ok(say(&customer, ops::preview(&client, &customer).await?)),
        Command::Preflight { hours, welcome_since } => {
            let report = ops::preflight(&client, hours, welcome_since.map(Moment::of_utc)).await?;
            Ok(say("", Some(report.lines())))
        }
        Command::Decide {
            subject: Some(subject),
            words: Some(words),
        } => match ops::decide(&client, &subject, &words).await? {
            Some(said) => Ok(say("", Some(vec![said]))),
            None => anyhow::bail!("nothing of the id {subject} waits for a decision"),
        },
        Command::Decide { .. } => Ok(say("", Some(ops::undecided(&client).await?))),
        Command::Pause { answers: true, .. } => Ok(say("", Some(vec![ops::pause_answers(&client).await?]))),
        Command::Pause { customer: None, .. } => Ok(say("", Some(vec![ops::pause_all(&client).await?]))),
        Command::Pause {
            customer: Some(customer),
            until,
            ..
        } => {
            let said = ops::pause_customer(&client, &customer, until).await?;
            Ok(say(&customer, said.map(|said| vec![said])))
        }
        Command::Resume {
            answers: true, yes, ..
        } => resume_answers(&client, yes).await,
        Command::Resume {
            customer: Some(customer),
            ..
        } => {
            let said = ops::resume_customer(&client, &customer).await?;
            Ok(say(&customer, said.map(|said| vec![said])))
        }
        Command::Resume {
            customer: None,
            welcome_since,
            yes,
            ..
        } => resume(&client, welcome_since, yes).await,
        Command::Take { conversation, by } => {
            let said = ops::take(&client, conversation, by.as_deref()).await?;
            Ok(say("", Some(vec![said])))
        }
        Command::HandBack { conversation } => {
            Ok(say("", Some(vec![ops::hand_back(&client, conversation).await?])))
        }
        Command::Retry { job } => Ok(say("", Some(vec![ops::retry(&client, &job).await?]))),
    }
}

/// Prints what there is to say; about nobody that we know, there is nothing.
fn say(customer: &str, lines: Option<Vec<String>>) -> ExitCode {
    let Some(lines) = lines else {
        eprintln!("❌ there is no customer {customer}");
        return ExitCode::FAILURE;
    };
    for line in lines {
        println!("{line}");
    }
    ExitCode::SUCCESS
}

async fn migrate(url: &str, roots: Option<&str>) -> anyhow::Result<ExitCode> {
    println!("🔄 Migrating");
    let applied = ops::migrate(url, roots).await?;
    for migration in &applied {
        println!("✅ {migration}");
    }
    if applied.is_empty() {
        println!("   nothing to do: the schema is up to date");
    }
    println!("✅ Migration completed successfully!");
    Ok(ExitCode::SUCCESS)
}

async fn verify(client: &mut Client) -> anyhow::Result<ExitCode> {
    let findings = ops::verify(client).await?;
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
    } else {
        println!(
            "❌ Schema verification FAILED: {problems} of {} checks",
            findings.len()
        );
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "looks at the names of this process' environment, and uses none"
    )]
    let levels = ops::readiness(client, &findings, |name| std::env::var(name).ok()).await?;
    for level in &levels {
        println!("{}", level.line());
    }
    let (is_sound, is_complete) = ops::is_sound(&levels);
    println!("   the call system is {} % ready", ops::percent(&levels));
    if is_complete {
        println!("✅ All checks pass, no issues found");
    }
    Ok(if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn repair(client: &mut Client, apply: bool) -> anyhow::Result<ExitCode> {
    let found = ops::repair(client, apply).await?;
    for repair in &found {
        println!("{}: {}", repair.subject.name(), repair.line);
    }
    for (subject, number) in ops::counts(&found) {
        println!("   {number} {}", subject.name());
    }
    let is_repairable = found.iter().any(|repair| repair.subject.is_repaired());
    println!(
        "{}",
        match (is_repairable, apply) {
            (false, _) => "✅ nothing to repair",
            (true, true) => "✅ repaired",
            (true, false) => "   nothing was changed: ops repair --apply does it",
        }
    );
    Ok(ExitCode::SUCCESS)
}

/// Says what calling would begin with, and asks.
async fn resume(client: &Client, welcome_since: Option<Moment>, yes: bool) -> anyhow::Result<ExitCode> {
    let welcome_since = welcome_since.map(Moment::of_utc);
    let soon = ops::preflight(client, 1, welcome_since).await?;
    let within: u64 = soon.by_utc_hour.values().map(|calls| calls.total()).sum();
    println!(
        "{} calls are due at once ({} of them welcome calls), and {within} within the hour",
        soon.due_now.total(),
        soon.due_now.welcome
    );
    if !yes && !is_agreed("Have you looked at `ops preflight`? Then say yes: ")? {
        println!("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", ops::resume_all(client, welcome_since).await?);
    Ok(ExitCode::SUCCESS)
}

/// Says who would be answered at once, and asks.
async fn resume_answers(client: &Client, yes: bool) -> anyhow::Result<ExitCode> {
    let waiting = ops::answers_waiting(client).await?;
    println!("{waiting} messages wait for an answer, and get it within the minute");
    if !yes && !is_agreed("Does no other system answer them any more? Then say yes: ")? {
        println!("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", ops::resume_answers(client).await?);
    Ok(ExitCode::SUCCESS)
}

fn is_agreed(question: &str) -> anyhow::Result<bool> {
    print!("{question}");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    println!();
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
