//! Once a week: calls that were decided more than seven days ago go. The ledger of what was done stays.

use lambda_http::Request;
use serde_json::json;
use shared::platform::database::Database;
use shared::platform::scheduled::{self, Summary};
use shared::platform::{http, secrets::Secrets};
use shared::{ConfigError, Environment, missed_calls};

/// Everything this function may touch.
pub struct Endpoint {
    database: Database,
    secrets: Secrets,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        environment.secret("CRON_SECRET")?;
        Ok(Self {
            database: environment.database()?,
            secrets: environment.secrets(),
        })
    }
}

/// Answers how many calls were deleted.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let work = async {
        let connection = endpoint.database.connection().await?;
        let deleted = missed_calls::delete_processed(&connection).await?;
        let quarantined = missed_calls::delete_quarantined(&connection).await?;
        let counts = json!({ "deleted": deleted, "quarantinedDeleted": quarantined });
        Ok(Summary::new("Old calls deleted", counts))
    };
    scheduled::run(&endpoint.secrets, "CRON_SECRET", "DELETE", &request, work).await
}
