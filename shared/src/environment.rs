//! Settings and clients, handed out by name.
//!
//! A function asks only for its own settings when it is built; a missing or malformed one stops the cold
//! start and says which. Settings come from a lookup, so that tests and the local stack supply them
//! without touching the process.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use secrecy::SecretString;

use crate::Phone;
use crate::inbox::Business;
use crate::missed_calls::{LineSettings, Wording};
use crate::platform::database::Database;
use crate::platform::gate::Gate;
use crate::platform::is_this_machine;
use crate::platform::queue::{Doorbell, Park, Workflow};
use crate::platform::secrets::{Lookup, Secrets};
use crate::platform::webhook;
use crate::providers::{chat, twilio, vapi, whatsapp};

/// One connection for the statement at hand and one for a neighbour in the same batch.
const POOL_SIZE: usize = 2;
/// Seconds that the owner's telephone rings where only the settings know the line.
const DEFAULT_RING_SECONDS: u8 = 18;

/// Under which names a provider of models is set up.
struct ModelSettings {
    provider: chat::Provider,
    key: &'static str,
    model: &'static str,
    model_default: &'static str,
    base_url: &'static str,
    base_url_default: &'static str,
}

const DEEPSEEK: ModelSettings = ModelSettings {
    provider: chat::Provider::DeepSeek,
    key: "DEEPSEEK_API_KEY",
    model: "DEEPSEEK_MODEL",
    // Its own documentation names no other for daily use: <https://api-docs.deepseek.com>.
    model_default: "deepseek-flash",
    base_url: "DEEPSEEK_API_BASE_URL",
    base_url_default: "https://api.deepseek.com",
};

const OPENAI: ModelSettings = ModelSettings {
    provider: chat::Provider::OpenAi,
    key: "OPENAI_API_KEY",
    model: "OPENAI_MODEL",
    // One that answers without thinking first, which a limit to its tokens would cut off.
    model_default: "gpt-4.1-mini",
    base_url: "OPENAI_API_BASE_URL",
    base_url_default: "https://api.openai.com/v1",
};

/// A setting that is missing or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not set, or blank.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// Set to something that cannot be meant.
    #[error("{name} is malformed: {why}")]
    Malformed {
        /// The setting.
        name: &'static str,
        /// What it should be; never its value.
        why: String,
    },
}

/// Everything that a process was given.
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
    secrets: Secrets,
    aws: aws_config::SdkConfig,
    gate: Gate,
}

/// The line that exists before anybody has added one, and that connects a caller while the database is
/// away.
#[derive(Debug, Clone)]
pub struct DefaultLine {
    /// How it connects its callers.
    pub settings: LineSettings,
    /// The words of its text.
    pub wording: Wording,
}

impl Environment {
    /// The process' own variables, and AWS as its SDK finds it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process' environment"
    )]
    pub async fn of_process() -> anyhow::Result<Self> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .load()
            .await;
        Self::new(|name| std::env::var(name).ok(), aws).await
    }

    /// Settings from a lookup. With `SECRETS_ID` among them, secrets come from Secrets Manager.
    pub async fn new(
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        aws: aws_config::SdkConfig,
    ) -> anyhow::Result<Self> {
        let lookup: Arc<Lookup> = Arc::new(lookup);
        let secrets = if let Some(id) = lookup("SECRETS_ID").filter(|id| !id.is_empty()) {
            Secrets::of_manager(aws_sdk_secretsmanager::Client::new(&aws), id).await?
        } else {
            let lookup = Arc::clone(&lookup);
            Secrets::of_environment(move |name| lookup(name))
        };
        Ok(Self {
            lookup,
            secrets,
            aws,
            gate: Gate::default(),
        })
    }

    /// The same, with somebody at the gate.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// What everything that leaves the process passes.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// The secrets, for whoever must follow a rotation.
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// `DATABASE_URL`, and `DATABASE_CA` (PEM) where the provider signs with its own roots.
    pub fn database(&self) -> Result<Database, ConfigError> {
        let url = self.secret("DATABASE_URL")?;
        let roots = self.optional("DATABASE_CA");
        Database::new(&url, roots.as_deref(), POOL_SIZE, self.gate()).map_err(|error| {
            ConfigError::Malformed {
                name: "DATABASE_URL",
                why: format!("{error:#}"),
            }
        })
    }

    /// `MESSAGES_QUEUE_URL`.
    pub fn messages_doorbell(&self) -> Result<Doorbell, ConfigError> {
        self.doorbell("MESSAGES_QUEUE_URL", Workflow::Text)
    }

    /// `CALLS_QUEUE_URL`.
    pub fn calls_doorbell(&self) -> Result<Doorbell, ConfigError> {
        self.doorbell("CALLS_QUEUE_URL", Workflow::Call)
    }

    /// `REPLIES_QUEUE_URL`.
    pub fn replies_doorbell(&self) -> Result<Doorbell, ConfigError> {
        self.doorbell("REPLIES_QUEUE_URL", Workflow::Reply)
    }

    fn doorbell(&self, queue_url: &'static str, kind: Workflow) -> Result<Doorbell, ConfigError> {
        let client = aws_sdk_sqs::Client::new(&self.aws);
        Ok(Doorbell::new(
            client,
            self.required(queue_url)?,
            kind,
            self.gate(),
        ))
    }

    /// `PARKED_EVENTS_QUEUE_URL`.
    pub fn park(&self) -> Result<Park, ConfigError> {
        Ok(Park::new(
            aws_sdk_sqs::Client::new(&self.aws),
            self.required("PARKED_EVENTS_QUEUE_URL")?,
            self.gate(),
        ))
    }

    /// `APP_URL`, or its older name `NEXT_PUBLIC_APP_URL`: where the outside reaches us, no slash at its end.
    pub fn app_url(&self) -> Result<String, ConfigError> {
        let url = self
            .optional("APP_URL")
            .or_else(|| self.optional("NEXT_PUBLIC_APP_URL"));
        let url = url
            .ok_or(ConfigError::Missing("APP_URL"))?
            .trim_end_matches('/')
            .to_owned();
        let malformed = |why: &str| ConfigError::Malformed {
            name: "APP_URL",
            why: why.to_owned(),
        };
        let uri: http::Uri = url.parse().map_err(|_| malformed("not a URL"))?;
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => Ok(url),
            (Some("http"), Some(host)) if is_this_machine(host) => Ok(url),
            _ => Err(malformed("must be the public https:// URL")),
        }
    }

    /// `DEFAULT_LINE_NUMBER`, `DEFAULT_FORWARD_TO` and `BUSINESS_NAME`; `None` if there is no such line.
    pub fn default_line(&self) -> Result<Option<DefaultLine>, ConfigError> {
        let phone = |name: &'static str| -> Result<Option<Phone>, ConfigError> {
            let malformed = |_| ConfigError::Malformed {
                name,
                why: "not an E.164 number".to_owned(),
            };
            self.optional(name)
                .map(|text| Phone::parse(&text))
                .transpose()
                .map_err(malformed)
        };
        let Some(number) = phone("DEFAULT_LINE_NUMBER")? else {
            return Ok(None);
        };
        let forward_to = phone("DEFAULT_FORWARD_TO")?.ok_or(ConfigError::Missing("DEFAULT_FORWARD_TO"))?;
        Ok(Some(DefaultLine {
            settings: LineSettings {
                number,
                forward_to,
                ring_seconds: DEFAULT_RING_SECONDS,
            },
            wording: Wording::of_business(self.required("BUSINESS_NAME")?),
        }))
    }

    /// `TWILIO_AUTH_TOKEN`, and during a rotation `TWILIO_AUTH_TOKEN_PREVIOUS`; with [`Self::app_url`].
    pub fn twilio_webhooks(&self) -> Result<twilio::WebhookVerifier, ConfigError> {
        self.secret("TWILIO_AUTH_TOKEN")?;
        Ok(twilio::WebhookVerifier::new(
            self.app_url()?,
            self.secrets(),
            self.gate(),
        ))
    }

    /// `STRIPE_WEBHOOK_SECRET`, and during a rotation `STRIPE_WEBHOOK_SECRET_PREVIOUS`: Stripe's events.
    pub fn stripe_webhooks(&self) -> Result<webhook::Verifier, ConfigError> {
        self.webhooks("stripe-signature", "STRIPE_WEBHOOK_SECRET")
    }

    /// `CUSTOMERS_WEBHOOK_SECRET`, and during a rotation `CUSTOMERS_WEBHOOK_SECRET_PREVIOUS`: the customers of a
    /// shop without Stripe.
    pub fn customers_webhooks(&self) -> Result<webhook::Verifier, ConfigError> {
        self.webhooks("x-switchboard-signature", "CUSTOMERS_WEBHOOK_SECRET")
    }

    fn webhooks(&self, header: &'static str, secret: &'static str) -> Result<webhook::Verifier, ConfigError> {
        self.secret(secret)?;
        Ok(webhook::Verifier::new(
            header,
            secret,
            self.secrets(),
            self.gate(),
        ))
    }

    /// `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN` and `TWILIO_API_BASE_URL`.
    pub fn twilio(&self) -> Result<twilio::Client, ConfigError> {
        self.secret("TWILIO_AUTH_TOKEN")?;
        let account = self.required("TWILIO_ACCOUNT_SID")?;
        let base = self
            .optional("TWILIO_API_BASE_URL")
            .unwrap_or_else(|| "https://api.twilio.com".to_owned());
        let secrets = self.secrets();
        let token = move || secrets.current("TWILIO_AUTH_TOKEN").unwrap_or_default();
        twilio::Client::new(&base, account, token, self.gate()).map_err(|error| ConfigError::Malformed {
            name: "TWILIO_API_BASE_URL",
            why: format!("{error:#}"),
        })
    }

    /// `VAPI_API_KEY`, `VAPI_ASSISTANT_ID`, `VAPI_PHONE_NUMBER_ID` and `VAPI_API_BASE_URL`; `None` for a business
    /// that calls nobody, which has no assistant.
    pub fn vapi(&self) -> Result<Option<vapi::Client>, ConfigError> {
        let Some(assistant_id) = self.optional("VAPI_ASSISTANT_ID") else {
            return Ok(None);
        };
        self.secret("VAPI_API_KEY")?;
        let line = vapi::Line {
            assistant_id,
            phone_number_id: self.required("VAPI_PHONE_NUMBER_ID")?,
        };
        let base = self
            .optional("VAPI_API_BASE_URL")
            .unwrap_or_else(|| "https://api.vapi.ai".to_owned());
        let secrets = self.secrets();
        let key = move || secrets.current("VAPI_API_KEY").unwrap_or_default();
        let client = vapi::Client::new(&base, line, key, self.gate());
        client.map(Some).map_err(|error| ConfigError::Malformed {
            name: "VAPI_API_BASE_URL",
            why: format!("{error:#}"),
        })
    }

    /// `VAPI_WEBHOOK_SECRET`, and during a rotation `VAPI_WEBHOOK_SECRET_PREVIOUS`; `VAPI_WEBHOOK_AUTH` is
    /// `hmac`, or `secret` for an account whose credential cannot sign.
    pub fn vapi_webhooks(&self) -> Result<vapi::WebhookVerifier, ConfigError> {
        self.secret("VAPI_WEBHOOK_SECRET")?;
        let proof = match self.optional("VAPI_WEBHOOK_AUTH").as_deref() {
            None | Some("hmac") => vapi::Proof::Signature,
            Some("secret") => vapi::Proof::SignatureOrSecret,
            Some(_) => {
                return Err(ConfigError::Malformed {
                    name: "VAPI_WEBHOOK_AUTH",
                    why: "neither `hmac` nor `secret`".to_owned(),
                });
            }
        };
        Ok(vapi::WebhookVerifier::new(self.secrets(), proof, self.gate()))
    }

    /// `WHATSAPP_ACCESS_TOKEN`, `WHATSAPP_PHONE_NUMBER_ID` and `WHATSAPP_API_BASE_URL`; `None` for a business that
    /// has no number there.
    pub fn whatsapp(&self) -> Result<Option<whatsapp::Client>, ConfigError> {
        let Some(phone_number_id) = self.optional("WHATSAPP_PHONE_NUMBER_ID") else {
            return Ok(None);
        };
        self.secret("WHATSAPP_ACCESS_TOKEN")?;
        let base = self
            .optional("WHATSAPP_API_BASE_URL")
            .unwrap_or_else(|| "https://graph.facebook.com".to_owned());
        let secrets = self.secrets();
        let token = move || secrets.current("WHATSAPP_ACCESS_TOKEN").unwrap_or_default();
        let client = whatsapp::Client::new(&base, phone_number_id, token, self.gate());
        client.map(Some).map_err(|error| ConfigError::Malformed {
            name: "WHATSAPP_API_BASE_URL",
            why: format!("{error:#}"),
        })
    }

    /// `WHATSAPP_APP_SECRET`, with which Meta signs, and `WHATSAPP_VERIFY_TOKEN`, with which it asks whether an address
    /// is ours; during a rotation each also under its name with `_PREVIOUS`.
    pub fn whatsapp_webhooks(&self) -> Result<whatsapp::WebhookVerifier, ConfigError> {
        self.secret("WHATSAPP_APP_SECRET")?;
        self.secret("WHATSAPP_VERIFY_TOKEN")?;
        Ok(whatsapp::WebhookVerifier::new(self.secrets(), self.gate()))
    }

    /// `WHATSAPP_PHONE_NUMBER_ID` and `BUSINESS_NAME`: who is written to.
    pub fn whatsapp_business(&self) -> Result<Business, ConfigError> {
        Ok(Business {
            phone_number_id: self.required("WHATSAPP_PHONE_NUMBER_ID")?,
            name: self.required("BUSINESS_NAME")?,
        })
    }

    /// `BUSINESS_NAME`.
    pub fn business_name(&self) -> Result<String, ConfigError> {
        self.required("BUSINESS_NAME")
    }

    /// The models that are asked, in this order: DeepSeek's (`DEEPSEEK_API_KEY`, `DEEPSEEK_MODEL`,
    /// `DEEPSEEK_API_BASE_URL`), then `OpenAI`'s (`OPENAI_API_KEY`, `OPENAI_MODEL`, `OPENAI_API_BASE_URL`); `None` if there
    /// is a key for neither, and people answer everything.
    pub fn chat(&self) -> Result<Option<chat::Client>, ConfigError> {
        let endpoints = [self.model(&DEEPSEEK)?, self.model(&OPENAI)?];
        let endpoints: Vec<chat::Endpoint> = endpoints.into_iter().flatten().collect();
        if endpoints.is_empty() {
            return Ok(None);
        }
        let client = chat::Client::new(endpoints, self.gate());
        client.map(Some).map_err(|error| ConfigError::Malformed {
            name: DEEPSEEK.key,
            why: format!("{error:#}"),
        })
    }

    fn model(&self, settings: &'static ModelSettings) -> Result<Option<chat::Endpoint>, ConfigError> {
        if self.secret(settings.key).is_err() {
            return Ok(None);
        }
        let base = self
            .optional(settings.base_url)
            .unwrap_or_else(|| settings.base_url_default.to_owned());
        let model = self
            .optional(settings.model)
            .unwrap_or_else(|| settings.model_default.to_owned());
        let secrets = self.secrets();
        let key = move || secrets.current(settings.key).unwrap_or_default();
        let endpoint = chat::Endpoint::new(settings.provider, &base, model, key);
        endpoint.map(Some).map_err(|error| ConfigError::Malformed {
            name: settings.base_url,
            why: format!("{error:#}"),
        })
    }

    /// `SWITCHBOARD_STAGE`: whether customers and their money are real.
    pub fn is_production(&self) -> Result<bool, ConfigError> {
        Ok(self.required("SWITCHBOARD_STAGE")? == "production")
    }

    /// `SWITCHBOARD_STAGE` and `ALLOWED_RECIPIENTS` (comma-separated E.164): whom this stack may reach.
    pub fn reach(&self) -> Result<Reach, ConfigError> {
        if self.is_production()? {
            return Ok(Reach::Everybody);
        }
        let allowed = self.optional("ALLOWED_RECIPIENTS").unwrap_or_default();
        let phones = allowed
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(Phone::parse);
        let phones = phones
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| ConfigError::Malformed {
                name: "ALLOWED_RECIPIENTS",
                why: "not a comma-separated list of E.164 numbers".to_owned(),
            })?;
        Ok(Reach::Only(phones))
    }

    /// The secret must exist at the cold start, whatever becomes of it later.
    pub fn secret(&self, name: &'static str) -> Result<SecretString, ConfigError> {
        self.secrets
            .current(name)
            .or_else(|| self.optional(name).map(Into::into))
            .ok_or(ConfigError::Missing(name))
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }
}

/// Whom a stack may reach: nobody's real customer hears from a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Production.
    Everybody,
    /// Everything else: these numbers.
    Only(Vec<Phone>),
}

impl Reach {
    /// Whether it may reach whoever hides their number too.
    pub fn is_everybody(&self) -> bool {
        matches!(self, Self::Everybody)
    }

    /// Whether this stack may reach them.
    pub fn includes(&self, phone: &Phone) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(phones) => phones.contains(phone),
        }
    }
}
