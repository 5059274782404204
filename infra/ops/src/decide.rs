//! What a person has to decide: a call whose outcome nobody can find out, and evidence against the ledger.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// What waits for a decision, a line each, the oldest first.
pub async fn undecided(client: &Client) -> anyhow::Result<Vec<String>> {
    let rows = client.query_typed(include_str!("sql/undecided.sql"), &[]).await?;
    Ok(rows.iter().map(|row| row.get("line")).collect())
}

/// Keeps a decision about a job or an attempt, and by whom it was made. The ledger stays as it is: nobody is called by it.
/// `None` if nothing of that id waits for one.
pub async fn decide(client: &Client, subject: &str, words: &str) -> anyhow::Result<Option<String>> {
    let params = [(&subject as _, Type::TEXT), (&words as _, Type::TEXT)];
    let decided = client
        .query_typed(include_str!("sql/decide.sql"), &params)
        .await?;
    Ok((!decided.is_empty()).then(|| format!("{subject} is decided: {words}")))
}
