//! What the functions are given here in place of a deployment's variables and secrets.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use shared::Environment;

use crate::invoke::REGION;

/// Settings by name, and where AWS is.
#[derive(Debug, Clone)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    aws_endpoint: String,
}

impl Settings {
    /// Nothing but where AWS is: the stand-in for SQS.
    pub fn new(aws_endpoint: String) -> Self {
        Self {
            variables: BTreeMap::new(),
            aws_endpoint,
        }
    }

    /// Sets one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// As functions in this process ask for them.
    pub async fn environment(&self) -> anyhow::Result<Environment> {
        let variables = self.variables.clone();
        Environment::new(move |name| variables.get(name).cloned(), self.aws()).await
    }

    /// As a process of its own gets them.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        for (name, value) in [
            ("AWS_ENDPOINT_URL_SQS", self.aws_endpoint.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        variables
    }

    /// A client of the stand-in.
    pub fn aws(&self) -> SdkConfig {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = aws_smithy_http_client::Builder::new().build_http();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.aws_endpoint)
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "local", "local", None, None, "local",
            )))
            .http_client(http)
            .build()
    }
}
