//! When somebody will be called next.

use jiff::Timestamp;
use jiff::civil::DateTime;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::why::{self, Facts};

/// How many calls are looked ahead.
const CALLS: i64 = 7;

/// A call that will be made if everything stays as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlannedCall {
    /// When.
    at: Timestamp,
    /// What the customer's clock shows then.
    local_at: DateTime,
    /// How far their clock is ahead of UTC then, in minutes.
    offset_minutes: i32,
    /// `welcome` or `daily`.
    kind: String,
    /// It would come less than ten hours after another call, and the database will refuse it.
    is_too_soon: bool,
}

/// A customer's next seven calls, a line each, or why there are none; `None` if there is no such customer.
pub async fn preview(client: &Client, customer: &str) -> anyhow::Result<Option<Vec<String>>> {
    let Some(facts) = why::facts(client, customer, None).await? else {
        return Ok(None);
    };
    let params = [(&customer as _, Type::TEXT), (&CALLS as _, Type::INT8)];
    let rows = client
        .query_typed(include_str!("sql/preview.sql"), &params)
        .await?;
    let calls: Vec<_> = rows
        .iter()
        .map(|row| PlannedCall {
            at: row.get("at"),
            local_at: row.get("local_at"),
            offset_minutes: row.get("offset_minutes"),
            kind: row.get("kind"),
            is_too_soon: row.get("is_too_soon"),
        })
        .collect();
    let sharing = client
        .query_typed(include_str!("sql/sharing.sql"), &[(&customer, Type::TEXT)])
        .await?;
    let sharing: Vec<String> = sharing.iter().map(|row| row.get("id")).collect();
    Ok(Some(lines(&facts, &calls, &sharing)))
}

/// The calls in words.
fn lines(facts: &Facts, calls: &[PlannedCall], sharing: &[String]) -> Vec<String> {
    let stands = facts.current();
    let phone = stands.masked_phone();
    let phone = phone.map_or_else(|| "no number".to_owned(), |phone| phone.to_string());
    let place = stands.timezone.as_deref().unwrap_or("clock unknown");
    let mut lines = vec![format!("{} ({phone}), {place}", facts.id)];
    // A pause of theirs that ends is in the plan already.
    let rule = why::rule_against_them(facts, calls.first().map_or(facts.now, |call| call.at));
    if let Some(rule) = rule {
        lines.push(format!("no calls: {rule}"));
        return lines;
    }
    if calls.is_empty() {
        lines.push("no calls: nothing is planned although nothing speaks against it (ops repair)".to_owned());
        return lines;
    }
    if facts.was_paused(facts.now) {
        lines.push("all calling is paused; these are the calls if it were resumed now".to_owned());
    }
    for (number, call) in calls.iter().enumerate() {
        let is_changed = number > 0 && calls[number - 1].offset_minutes != call.offset_minutes;
        let mut line = format!(
            "{} {} {}   {}   {}",
            why::day(call.local_at.date()),
            why::time(call.local_at.time()),
            offset(call.offset_minutes),
            call.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            call.kind
        );
        if is_changed {
            line.push_str("   the clocks were changed in between");
        }
        if call.is_too_soon {
            line.push_str("   refused: less than ten hours after another call");
        }
        lines.push(line);
    }
    if !sharing.is_empty() {
        lines.push(format!(
            "the same telephone is {}'s: whoever is first on a day is called, and nobody else",
            sharing.join("'s, ")
        ));
    }
    lines
}

/// `-04:00`.
fn offset(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_said_as_clocks_have_it() {
        assert_eq!(
            [-240, 0, 330, -210].map(offset),
            ["-04:00", "+00:00", "+05:30", "-03:30"]
        );
    }
}
