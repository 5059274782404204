//! Everything in one process: Postgres, queues, the sandboxes of Twilio, Vapi and Stripe, the functions behind their
//! gateway, and the triggers.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::callers::{self, Callers};
use crate::functions::in_process;
use crate::gateway;
use crate::postgres::{Data, Server, connect};
use crate::sandbox::{SandboxClock, SandboxConfig, SandboxTwilio};
use crate::sandbox_chat::{Provider, SandboxChat, SandboxChatConfig};
use crate::sandbox_meta::{SandboxMeta, SandboxMetaConfig};
use crate::sandbox_stripe::{SandboxStripe, SandboxStripeConfig};
use crate::sandbox_vapi::{SandboxVapi, SandboxVapiConfig};
use crate::settings::Settings;
use crate::sqs::{QueueAttributes, Sqs};
use crate::template::Template;
use crate::time_machine::{self, Stillness, TimeMachine, moved_clock};
use crate::triggers::Triggers;
use crate::week::{self, Customers};
use crate::writers::{self, Writers};

const DATABASE: &str = "switchboard";
/// What the functions connect as: a login with the application's rights and no others.
const APPLICATION: &str = "switchboard";
/// What `tests/fixtures/events` are signed for.
const SAMPLE_EVENTS_URL: &str = "https://switchboard.example.com";
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The settings that the environment may set in our place. Whoever sets a provider's base URL gets that
/// provider instead of its sandbox.
const OVERRIDABLE: [&str; 31] = [
    "APP_URL",
    "SWITCHBOARD_STAGE",
    "ALLOWED_RECIPIENTS",
    "CRON_SECRET",
    "JOB_RUNNER_TOKEN",
    "STRIPE_WEBHOOK_SECRET",
    "CUSTOMERS_WEBHOOK_SECRET",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_BASE_URL",
    "VAPI_API_KEY",
    "VAPI_ASSISTANT_ID",
    "VAPI_PHONE_NUMBER_ID",
    "VAPI_WEBHOOK_SECRET",
    "VAPI_WEBHOOK_AUTH",
    "VAPI_API_BASE_URL",
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_PHONE_NUMBER_ID",
    "WHATSAPP_VERIFY_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_API_BASE_URL",
    "DEEPSEEK_API_KEY",
    "DEEPSEEK_API_BASE_URL",
    "DEEPSEEK_MODEL",
    "OPENAI_API_KEY",
    "OPENAI_API_BASE_URL",
    "OPENAI_MODEL",
    "DATABASE_CA",
    "DEFAULT_LINE_NUMBER",
    "DEFAULT_FORWARD_TO",
    "BUSINESS_NAME",
];

/// What a stack needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the gateway listens on loopback.
    pub port: u16,
    /// Where the data is kept.
    pub data: PathBuf,
    /// A database to use instead of a private one.
    pub database_url: Option<String>,
    /// How migrations reach it, past any pooler.
    pub direct_url: Option<String>,
}

/// A running stack.
pub struct Stack {
    /// Where it is reached.
    pub url: String,
    /// The line that people ring.
    pub line: String,
    /// Twilio's sandbox; `None` if the real one is used.
    pub twilio: Option<SandboxTwilio>,
    /// Vapi's sandbox; `None` if the real one is used.
    pub vapi: Option<SandboxVapi>,
    /// Meta's sandbox; `None` if the real one is used.
    pub meta: Option<SandboxMeta>,
    /// The models' sandbox; `None` if a real one is asked.
    pub chat: Option<SandboxChat>,
    /// A Stripe to pay with.
    pub stripe: SandboxStripe,
    /// The queues.
    pub sqs: Sqs,
    /// The clock of all of them: this machine's, until somebody moves it.
    pub clock: SandboxClock,
    stillness: Stillness,
    direct_url: String,
    listener: TcpListener,
    gateway: axum::Router,
    triggers: Triggers,
    /// By name, those that functions are invoked from.
    queues: Vec<String>,
    postgres: Option<Server>,
    _lock: File,
}

impl Stack {
    /// Starts everything, and says on the way what it does.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let listener = bind(options.port).await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let lock = lock(&options.data)?;
        let (postgres, database_url, direct_url) = database_of(options).await?;
        for migration in ops::migrate(&direct_url, std::env::var("DATABASE_CA").ok().as_deref()).await? {
            println!("  migrated      {migration}");
        }
        if let Some(server) = &postgres {
            allow_application(server).await?;
        }
        let database = connect_owner(&direct_url).await?;
        let clock = match &postgres {
            Some(_) => SandboxClock::ahead_by(moved_clock::ahead(&database).await?.unwrap_or_default()),
            None => SandboxClock::real(),
        };
        let template = Template::own()?;
        let sqs = Sqs::start().await?;
        sqs.advance(Duration::try_from(clock.ahead()).unwrap_or_default());
        let queues = create_queues(&template, &sqs)?;
        let uses_sandbox = std::env::var_os("TWILIO_API_BASE_URL").is_none();
        let twilio = if uses_sandbox {
            let config = SandboxConfig {
                public_base_url: url.clone(),
                clock: clock.clone(),
                ..SandboxConfig::default()
            };
            Some(SandboxTwilio::start(config).await?)
        } else {
            None
        };
        let vapi = if std::env::var_os("VAPI_API_BASE_URL").is_none() {
            let config = SandboxVapiConfig {
                public_base_url: url.clone(),
                clock: clock.clone(),
                ..SandboxVapiConfig::default()
            };
            Some(SandboxVapi::start(config).await?)
        } else {
            None
        };
        let meta = if std::env::var_os("WHATSAPP_API_BASE_URL").is_none() {
            let config = SandboxMetaConfig {
                public_base_url: url.clone(),
                clock: clock.clone(),
                ..SandboxMetaConfig::default()
            };
            Some(SandboxMeta::start(config).await?)
        } else {
            None
        };
        let is_set = |name| std::env::var_os(name).is_some();
        let chat = if is_set("DEEPSEEK_API_BASE_URL") || is_set("OPENAI_API_BASE_URL") {
            None
        } else {
            let config = SandboxChatConfig {
                clock: clock.clone(),
                ..SandboxChatConfig::default()
            };
            Some(SandboxChat::start(config).await?)
        };
        let sandboxes = Sandboxes {
            twilio: twilio.as_ref(),
            vapi: vapi.as_ref(),
            meta: meta.as_ref(),
            chat: chat.as_ref(),
        };
        let settings = settings(&url, database_url, &sqs, &queues, &sandboxes)?;
        write_environment(&settings, &options.data.join("environment"))?;
        let stripe = stripe(&url, &settings, &clock);
        let line = first_line(&database, &settings).await?;
        let environment = settings.environment().await?;
        let environment = environment.with_gate(time_machine::gate(&clock));
        let stillness = Stillness::default();
        let functions = stillness.around(in_process(&template, &environment)?);
        let gateway = gateway::router(&template, functions.clone())?;
        let client = aws_sdk_sqs::Client::new(&settings.aws());
        let triggers = Triggers::start(&template, &functions, &client, &queues, &clock, None)?;
        Ok(Self {
            url,
            line,
            twilio,
            vapi,
            meta,
            chat,
            stripe,
            sqs,
            clock,
            stillness,
            direct_url,
            listener,
            gateway,
            triggers,
            queues: triggering(&template)?,
            postgres,
            _lock: lock,
        })
    }

    /// A connection as the database's owner has it, for looking.
    async fn watcher(&self) -> anyhow::Result<Client> {
        connect_owner(&self.direct_url).await
    }

    /// What moves the clock of everything here. A database that is not the stack's own, or a real provider, has a clock
    /// that is nobody's to move: then there is none.
    async fn time_machine(&self) -> anyhow::Result<Option<TimeMachine>> {
        let (Some(_), Some(_), Some(vapi)) = (&self.postgres, &self.twilio, &self.vapi) else {
            return Ok(None);
        };
        Ok(Some(TimeMachine {
            clock: self.clock.clone(),
            database: self.watcher().await?,
            vapi: vapi.clone(),
            sqs: self.sqs.clone(),
            queues: self.queues.clone(),
            ticks: self.triggers.ticks(),
            stillness: self.stillness.clone(),
            traveller: tokio::sync::Mutex::default(),
        }))
    }

    /// How people reach the database, as its owner, without the password that it may have.
    pub fn shown_url(&self) -> String {
        let Some((before, host)) = self.direct_url.rsplit_once('@') else {
            return self.direct_url.clone();
        };
        let (scheme, login) = before.split_once("://").unwrap_or_default();
        let role = login.split(':').next().unwrap_or_default();
        format!("{scheme}://{role}@{host}")
    }

    /// The routes of the template.
    pub fn gateway(&self) -> axum::Router {
        self.gateway.clone()
    }

    /// The template's routes, and those for callers and customers to try them with.
    pub async fn router(&self) -> anyhow::Result<axum::Router> {
        let customers = week::router(Customers {
            stripe: self.stripe.clone(),
            time: self.time_machine().await?,
            database: self.watcher().await?,
            database_url: self.shown_url(),
        });
        let mut router = customers.fallback_service(self.gateway.clone());
        if let Some(meta) = self.meta.clone() {
            let writers = writers::router(Writers {
                meta,
                database: self.watcher().await?,
                stillness: self.stillness.clone(),
            });
            router = writers.fallback_service(router);
        }
        let Some(twilio) = self.twilio.clone() else {
            return Ok(router);
        };
        let callers = callers::router(Callers {
            twilio,
            // The callers' view of the database is their own.
            database: self.watcher().await?,
            line: self.line.clone(),
            stillness: self.stillness.clone(),
        });
        Ok(callers.fallback_service(router))
    }

    /// Serves `router` until `end`, then stops everything in order: no new events, the functions, the queues,
    /// the database last.
    pub async fn serve(
        self,
        router: axum::Router,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        let (ending, ended) = tokio::sync::oneshot::channel();
        let end = async move {
            end.await;
            let _ = ending.send(());
        };
        let serving = axum::serve(self.listener, service)
            .with_graceful_shutdown(end)
            .into_future();
        // Clones share it: it lives for as long as the stack does.
        let living = self.vapi.map(|vapi| tokio::spawn(vapi.live()));
        let delivering = self.meta.map(|meta| tokio::spawn(meta.live()));
        tokio::select! {
            served = serving => served?,
            // Somebody may be watching a call; that must not keep us.
            () = async { let _ = ended.await; tokio::time::sleep(Duration::from_secs(1)).await; } => {}
        }
        for living in [living, delivering].into_iter().flatten() {
            living.abort();
        }
        let _ = tokio::time::timeout(STOP_WITHIN, self.triggers.stop()).await;
        if let Some(postgres) = self.postgres {
            postgres.stop();
        }
        Ok(())
    }
}

async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                anyhow::anyhow!(
                    "port {port} is taken, perhaps by another stack; choose another: PORT={} make run",
                    port + 10
                )
            }
            _ => anyhow::Error::from(error).context(format!("cannot listen on port {port}")),
        })
}

/// Keeps two stacks off one folder, and `forget` off a running one.
fn lock(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let lock = File::create(data.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another stack runs on {}; stop it, or choose another folder with SWITCHBOARD_DATA",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Removes what a stack has kept; whether there was anything.
pub fn forget(data: &Path) -> anyhow::Result<bool> {
    if !data.exists() {
        return Ok(false);
    }
    let _lock = lock(data)?;
    std::fs::remove_dir_all(data).with_context(|| format!("cannot remove {}", data.display()))?;
    Ok(true)
}

/// The server, if it is ours, with the functions' and the owner's way to the database.
async fn database_of(options: &Options) -> anyhow::Result<(Option<Server>, String, String)> {
    if let Some(url) = &options.database_url {
        println!("  database      the one in DATABASE_URL");
        return Ok((
            None,
            url.clone(),
            options.direct_url.clone().unwrap_or_else(|| url.clone()),
        ));
    }
    let server = Server::start(Data::Kept(options.data.join("postgres"))).await?;
    println!(
        "  database      a private PostgreSQL in {}",
        options.data.display()
    );
    let admin = connect(&server.url("postgres", "postgres")).await?;
    if admin
        .query_typed_opt(
            "SELECT FROM pg_database WHERE datname = $1",
            &[(&DATABASE, Type::TEXT)],
        )
        .await?
        .is_none()
    {
        admin
            .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
            .await?;
    }
    let (application, owner) = (
        server.url(APPLICATION, DATABASE),
        server.url("postgres", DATABASE),
    );
    Ok((Some(server), application, owner))
}

async fn allow_application(server: &Server) -> anyhow::Result<()> {
    let owner = connect(&server.url("postgres", DATABASE)).await?;
    if owner
        .query_typed_opt(
            "SELECT FROM pg_roles WHERE rolname = $1",
            &[(&APPLICATION, Type::TEXT)],
        )
        .await?
        .is_none()
    {
        owner
            .batch_execute(&format!(
                "CREATE ROLE {APPLICATION} LOGIN IN ROLE switchboard_app"
            ))
            .await?;
    }
    // As a deployment has them, so that `ops verify` says the same of both.
    owner
        .batch_execute(&format!(
            "ALTER ROLE {APPLICATION} SET statement_timeout = '5s';
             ALTER ROLE {APPLICATION} SET lock_timeout = '2s';
             ALTER ROLE {APPLICATION} SET idle_in_transaction_session_timeout = '10s'"
        ))
        .await?;
    Ok(())
}

async fn connect_owner(url: &str) -> anyhow::Result<Client> {
    ops::connect(url, std::env::var("DATABASE_CA").ok().as_deref()).await
}

/// The queues that functions are invoked from, by name.
fn triggering(template: &Template) -> anyhow::Result<Vec<String>> {
    let triggers = template.queue_triggers.iter();
    triggers
        .map(|trigger| Ok(template.queue(&trigger.queue)?.name.clone()))
        .collect()
}

/// The template's queues, dead letters first because the others name them; their URLs by logical id.
fn create_queues(template: &Template, sqs: &Sqs) -> anyhow::Result<HashMap<String, String>> {
    let arn_of = |logical_id: &str| {
        let name = template
            .queue(logical_id)
            .map_or(logical_id, |queue| queue.name.as_str());
        format!(
            "arn:aws:sqs:{}:{}:{name}",
            crate::invoke::REGION,
            crate::invoke::ACCOUNT
        )
    };
    let mut queues: Vec<_> = template.queues.iter().collect();
    queues.sort_by_key(|queue| queue.dead_letters.is_some());
    let mut urls = HashMap::new();
    for queue in queues {
        let attributes = queue.attributes(arn_of);
        let pairs = attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let url = QueueAttributes::from_pairs(pairs)
            .and_then(|attributes| sqs.create_queue(&queue.name, attributes));
        let url = url.map_err(|refusal| anyhow::anyhow!("the queue {}: {}", queue.name, refusal.message))?;
        urls.insert(queue.logical_id.clone(), url);
    }
    Ok(urls)
}

/// The providers that are not the real ones.
struct Sandboxes<'a> {
    twilio: Option<&'a SandboxTwilio>,
    vapi: Option<&'a SandboxVapi>,
    meta: Option<&'a SandboxMeta>,
    chat: Option<&'a SandboxChat>,
}

fn settings(
    url: &str,
    database_url: String,
    sqs: &Sqs,
    queues: &HashMap<String, String>,
    sandboxes: &Sandboxes,
) -> anyhow::Result<Settings> {
    let queue = |logical_id: &str| {
        queues
            .get(logical_id)
            .cloned()
            .with_context(|| format!("template.yaml has no {logical_id}"))
    };
    let mut settings = Settings::new(sqs.endpoint())
        .with("DATABASE_URL", database_url)
        .with("APP_URL", url)
        .with("MESSAGES_QUEUE_URL", queue("MessagesQueue")?)
        .with("CALLS_QUEUE_URL", queue("CallsQueue")?)
        .with("REPLIES_QUEUE_URL", queue("RepliesQueue")?)
        .with("PARKED_EVENTS_QUEUE_URL", queue("ParkedEventsQueue")?)
        .with("CRON_SECRET", "local")
        .with("JOB_RUNNER_TOKEN", "local")
        .with("STRIPE_WEBHOOK_SECRET", "local")
        .with("CUSTOMERS_WEBHOOK_SECRET", "local")
        .with("DEFAULT_LINE_NUMBER", "+15875550006")
        .with("DEFAULT_FORWARD_TO", "+14155550101")
        .with("BUSINESS_NAME", "Acme Plumbing")
        // With a real provider, nobody who is not on the allow-list is reached.
        .with("SWITCHBOARD_STAGE", "local");
    if let Some(twilio) = sandboxes.twilio {
        settings = settings
            .with("TWILIO_API_BASE_URL", twilio.base_url())
            .with("TWILIO_ACCOUNT_SID", twilio.account_sid())
            .with("TWILIO_AUTH_TOKEN", twilio.auth_token());
    }
    if let Some(vapi) = sandboxes.vapi {
        settings = settings
            .with("VAPI_API_BASE_URL", vapi.base_url())
            .with("VAPI_API_KEY", vapi.api_key())
            .with("VAPI_ASSISTANT_ID", vapi.assistant_id())
            .with("VAPI_PHONE_NUMBER_ID", vapi.phone_number_id())
            .with("VAPI_WEBHOOK_SECRET", vapi.webhook_secret());
    }
    if let Some(meta) = sandboxes.meta {
        settings = settings
            .with("WHATSAPP_API_BASE_URL", meta.base_url())
            .with("WHATSAPP_ACCESS_TOKEN", meta.access_token())
            .with("WHATSAPP_APP_SECRET", meta.app_secret())
            .with("WHATSAPP_VERIFY_TOKEN", meta.verify_token())
            .with("WHATSAPP_PHONE_NUMBER_ID", meta.phone_number_id());
    }
    if let Some(chat) = sandboxes.chat {
        settings = settings
            .with("DEEPSEEK_API_BASE_URL", chat.base_url(Provider::DeepSeek))
            .with("DEEPSEEK_API_KEY", chat.key(Provider::DeepSeek))
            .with("OPENAI_API_BASE_URL", chat.base_url(Provider::OpenAi))
            .with("OPENAI_API_KEY", chat.key(Provider::OpenAi));
    }
    // Whoever is reached is nobody: then everybody may be.
    if sandboxes.twilio.is_some() && sandboxes.vapi.is_some() && sandboxes.meta.is_some() {
        settings = settings.with("SWITCHBOARD_STAGE", "production");
    }
    for name in OVERRIDABLE {
        if let Ok(value) = std::env::var(name) {
            settings = settings.with(name, value);
        }
    }
    Ok(settings)
}

/// Its money is real where real money counts, and so are its signatures: whoever it tells takes it for Stripe.
fn stripe(url: &str, settings: &Settings, clock: &SandboxClock) -> SandboxStripe {
    SandboxStripe::new(SandboxStripeConfig {
        webhook_secret: settings
            .get("STRIPE_WEBHOOK_SECRET")
            .unwrap_or_default()
            .to_owned(),
        public_base_url: url.to_owned(),
        is_live: settings.get("SWITCHBOARD_STAGE") == Some("production"),
        clock: clock.clone(),
    })
}

/// Leaves the functions' settings for `cargo lambda watch`, which runs their binaries beside this stack. The
/// sample events are signed for the address that they were made for; Vapi's cannot be, for a signature of its own
/// lasts five minutes.
fn write_environment(settings: &Settings, path: &Path) -> anyhow::Result<()> {
    let mut variables = settings.variables();
    variables.insert("APP_URL".to_owned(), SAMPLE_EVENTS_URL.to_owned());
    variables.insert("VAPI_WEBHOOK_AUTH".to_owned(), "secret".to_owned());
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}='{value}'"))
        .collect();
    std::fs::write(path, lines.join("\n") + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// A stack without a line gets the one in the settings.
async fn first_line(database: &Client, settings: &Settings) -> anyhow::Result<String> {
    let setting = |name| settings.get(name).unwrap_or_default();
    let (number, owner, business) = (
        setting("DEFAULT_LINE_NUMBER"),
        setting("DEFAULT_FORWARD_TO"),
        setting("BUSINESS_NAME"),
    );
    let row = database
        .query_typed_one(
            "WITH added AS (
               INSERT INTO lines (number, forward_to, business_name)
               SELECT $1::text, $2::text, $3::text WHERE NOT EXISTS (SELECT FROM lines) RETURNING number)
             SELECT number::text FROM added UNION ALL (SELECT number::text FROM lines ORDER BY created_at, number LIMIT 1)",
            &[(&number, Type::TEXT), (&owner, Type::TEXT), (&business, Type::TEXT)],
        )
        .await?;
    Ok(row.get(0))
}
