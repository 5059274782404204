//! Answers on WhatsApp: pausing and resuming all of them, who has a conversation, and another try of one.

use anyhow::bail;
use jiff::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Pauses answering as a whole, and says what that stops.
pub async fn pause_answers(client: &Client) -> anyhow::Result<String> {
    let row = client
        .query_typed_one(include_str!("sql/pause_answers.sql"), &[])
        .await?;
    let already = if row.get("was_so") { " already" } else { "" };
    let rest = on_their_way(client, None).await?;
    Ok(format!(
        "answering on WhatsApp is paused{already}: the database allows no answer from now on; {rest}"
    ))
}

/// How many messages wait for an answer, and get it as soon as answering goes on.
pub async fn answers_waiting(client: &Client) -> anyhow::Result<i64> {
    let row = client
        .query_typed_one(include_str!("sql/answers_waiting.sql"), &[])
        .await?;
    Ok(row.get("number"))
}

/// Lets answering go on.
pub async fn resume_answers(client: &Client) -> anyhow::Result<String> {
    client
        .query_typed(include_str!("sql/resume_answers.sql"), &[])
        .await?;
    Ok(
        "answering on WhatsApp is on; who has waited for longer than an answer may take is a person's"
            .to_owned(),
    )
}

/// Gives a conversation back to the machine, and says what it will do there.
pub async fn hand_back(client: &Client, conversation: i64) -> anyhow::Result<String> {
    let params = [(&conversation as _, Type::INT8)];
    let Some(row) = client
        .query_typed_opt(include_str!("sql/hand_back.sql"), &params)
        .await?
    else {
        bail!("there is no conversation {conversation}");
    };
    let begins = if row.get("was_taken") {
        "is handed back"
    } else {
        "was nobody's already"
    };
    let quiet_until: Option<Timestamp> = row.get("quiet_until");
    let machine = match quiet_until {
        _ if !row.get::<_, bool>("is_answered") => "; no machine answers there, only people do".to_owned(),
        _ if row.get("has_stopped") => {
            "; they said stop, so that the machine stays quiet all the same".to_owned()
        }
        Some(until) => format!(
            ": the machine answers what they write from {until} on, for a person of the business has just written"
        ),
        None => ": the machine answers what they write from now on".to_owned(),
    };
    let paused = if row.get("paused") {
        "; answering as a whole is paused (ops resume --answers)"
    } else {
        ""
    };
    let tasks = row
        .get::<_, Option<String>>("tasks")
        .map(|tasks| format!("; what a person was asked there and has not done yet: {tasks}"))
        .unwrap_or_default();
    Ok(format!(
        "conversation {conversation} {begins}{machine}{paused}{tasks}"
    ))
}

/// Gives a conversation to a person, who is named by their email or is whoever looks first; says what that stops.
pub async fn take(client: &Client, conversation: i64, email: Option<&str>) -> anyhow::Result<String> {
    let params = [(&conversation as _, Type::INT8), (&email as _, Type::TEXT)];
    let Some(row) = client
        .query_typed_opt(include_str!("sql/take.sql"), &params)
        .await?
    else {
        bail!("there is no conversation {conversation}");
    };
    if !row.get::<_, bool>("is_taken") {
        bail!(
            "nobody with the email {} works at the inbox: nothing was changed",
            email.unwrap_or_default()
        );
    }
    let taker = row
        .get::<_, Option<String>>("taker")
        .unwrap_or_else(|| "whoever looks first".to_owned());
    let rest = on_their_way(client, Some(conversation)).await?;
    Ok(format!(
        "conversation {conversation} is given to {taker}: no machine answers there until ops hand-back {conversation}; {rest}"
    ))
}

/// Asked after the commit: before it, permits that it waited for would not be seen.
async fn on_their_way(client: &Client, conversation: Option<i64>) -> anyhow::Result<String> {
    let params = [(&conversation as _, Type::INT8)];
    let row = client
        .query_typed_one(include_str!("sql/answers_on_their_way.sql"), &params)
        .await?;
    Ok(match row.get("number") {
        0_i64 => "no request is on its way".to_owned(),
        number => format!("requests on their way, which nobody can take back: {number}"),
    })
}

/// Has an answer that came to nothing tried again, and says by which job; refuses where the one before may have arrived,
/// and where a rule speaks against an answer.
pub async fn retry(client: &Client, job: &str) -> anyhow::Result<String> {
    let params = [(&job as _, Type::TEXT)];
    let Some(row) = client
        .query_typed_opt(include_str!("sql/retry.sql"), &params)
        .await?
    else {
        bail!("there is no answer of the id {job}");
    };
    if let Some(again) = row.get::<_, Option<&str>>("job") {
        return Ok(format!("{job} is tried again within the minute, as {again}"));
    }
    let why = why_not(
        row.get("attempt"),
        row.get("arrived_after_all"),
        row.get("is_tried"),
        row.get("rule"),
    );
    bail!("{job} is not tried again: {why}")
}

/// Why an answer is not tried again, by what is known of the attempts at it; by somebody who was quicker, if nothing is.
fn why_not(attempt: Option<&str>, arrived_after_all: bool, is_tried: bool, rule: Option<&str>) -> String {
    match (attempt, rule) {
        (Some("accepted"), _) => "WhatsApp has taken an answer to that message".to_owned(),
        (Some("sending"), _) => "a request is on its way, and nobody can take it back".to_owned(),
        (Some(_), _) => "nobody knows whether the answer before has arrived".to_owned(),
        (None, _) if arrived_after_all => {
            "an answer that counted as refused has arrived after all".to_owned()
        }
        (None, _) if is_tried => "it is being tried already".to_owned(),
        (None, Some(rule)) => against(rule),
        (None, None) => "somebody else has just had it tried again".to_owned(),
    }
}

/// A rule of the database against an answer, as an operator reads it.
fn against(rule: &str) -> String {
    match rule {
        "replying_is_on" => "answering as a whole is paused (ops resume --answers)",
        "nobody_after_stop" => "they said stop",
        "recipient_can_be_reached" => {
            "what stands for their number is still none: put the right one into contacts.phone first"
        }
        "nobody_talks_over_a_human" => {
            "a person of the business has the conversation, or has just written in it (ops hand-back)"
        }
        "conversation_is_in_the_inbox" => "somebody has removed the conversation from the inbox",
        "message_was_not_taken_back" => "they have taken the message back",
        "window_is_open" => "WhatsApp takes no answer so long after they last wrote",
        "the_latest_message_is_answered" => "something that they wrote later is answered, or will be",
        other => return format!("the database says {other}"),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_arrived_counts_before_any_rule() {
        for (attempt, why) in [
            ("accepted", "has taken"),
            ("sending", "on its way"),
            ("unknown", "nobody knows"),
            ("unresolved", "nobody knows"),
        ] {
            let said = why_not(Some(attempt), false, true, Some("nobody_after_stop"));
            assert!(said.contains(why), "{attempt}: {said}");
        }
        assert!(why_not(None, true, true, Some("nobody_after_stop")).contains("after all"));
        assert!(why_not(None, false, true, Some("nobody_after_stop")).contains("being tried"));
        assert_eq!(
            why_not(None, false, false, Some("nobody_after_stop")),
            "they said stop"
        );
        assert!(why_not(None, false, false, None).contains("somebody else"));
        assert!(why_not(None, false, false, Some("a_new_rule")).contains("a_new_rule"));
    }
}
