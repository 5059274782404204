//! Lists in pages, and the dates in them.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{Asked, Refusal};
use crate::sandbox::record::Pair;

const PAGE_SIZE_DEFAULT: usize = 50;
const PAGE_SIZE_MAX: usize = 1_000;

/// The page of `rows` that was asked for. A page's token names the last row of the page before it,
/// so rows that appear in between shift nothing.
pub(super) fn answer(asked: &Asked, name: &str, rows: Vec<(String, Value)>) -> Result<Response, Refusal> {
    let number = |name| {
        asked
            .query(name)
            .map(|value| value.parse::<usize>().map_err(|_| invalid(name)))
            .transpose()
    };
    let page_size = number("PageSize")?
        .unwrap_or(PAGE_SIZE_DEFAULT)
        .clamp(1, PAGE_SIZE_MAX);
    let page = number("Page")?.unwrap_or(0);
    let (page_size_max, hostile_next) = {
        let script = asked.account.script();
        (
            script.page_size_max.unwrap_or(PAGE_SIZE_MAX),
            script.next_page_uri.clone(),
        )
    };
    let start = match asked.query("PageToken") {
        Some(token) => {
            1 + rows
                .iter()
                .position(|(sid, _)| token.strip_prefix("PA") == Some(sid))
                .ok_or_else(|| invalid("PageToken"))?
        }
        None => 0,
    };
    let end = rows.len().min(start + page_size.min(page_size_max));
    let next_page = (end < rows.len()).then(|| page_uri(asked, page_size, page + 1, &rows[end - 1].0));
    let shown: Vec<Value> = rows
        .into_iter()
        .skip(start)
        .take(end - start)
        .map(|(_, row)| row)
        .collect();
    let body = json!({
        "start": start,
        "end": end.saturating_sub(1),
        "page": page,
        "page_size": page_size,
        "uri": format!("{}?{}", asked.request.path, encoded(&asked.request.query)),
        "first_page_uri": format!("{}?PageSize={page_size}&Page=0", asked.request.path),
        "next_page_uri": hostile_next.or(next_page),
        "previous_page_uri": null,
        name: shown,
    });
    Ok(Json(body).into_response())
}

fn page_uri(asked: &Asked, page_size: usize, page: usize, last_sid: &str) -> String {
    let paging = ["PageSize", "Page", "PageToken"];
    let mut query: Vec<Pair> = asked.request.query.clone();
    query.retain(|(name, _)| !paging.contains(&name.as_str()));
    let values = [page_size.to_string(), page.to_string(), format!("PA{last_sid}")];
    query.extend(paging.iter().map(|name| (*name).to_owned()).zip(values));
    format!("{}?{}", asked.request.path, encoded(&query))
}

fn encoded(query: &[Pair]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish()
}

fn invalid(name: &str) -> Refusal {
    Refusal::new(400, 20001, format!("Invalid parameter: {name}"))
}

/// A range of dates, as whole UTC days: `Name`, `Name<` and `Name>`.
pub(super) struct Days {
    on: Option<Date>,
    until: Option<Timestamp>,
    since: Option<Timestamp>,
}

impl Days {
    /// What the query says of the dates called `name`.
    pub(super) fn asked(asked: &Asked, name: &str) -> Result<Self, Refusal> {
        let day = |suffix: &str| {
            let name = format!("{name}{suffix}");
            asked
                .query(&name)
                .map(|value| value.parse::<Date>().map_err(|_| invalid(&name)))
                .transpose()
        };
        let midnight = |date: Date| {
            date.to_zoned(TimeZone::UTC)
                .map(|midnight| midnight.timestamp())
                .map_err(|_| invalid(name))
        };
        Ok(Self {
            on: day("")?,
            until: day("<")?.map(midnight).transpose()?,
            since: day(">")?.map(midnight).transpose()?,
        })
    }

    /// Whether a date is in the range. `Name<` reaches no further than the midnight at which its
    /// day begins; and what has no date yet is in no range at all.
    pub(super) fn include(&self, date: Option<Timestamp>) -> bool {
        if self.on.is_none() && self.until.is_none() && self.since.is_none() {
            return true;
        }
        date.is_some_and(|date| {
            self.on
                .is_none_or(|day| date.to_zoned(TimeZone::UTC).date() == day)
                && self.until.is_none_or(|until| date <= until)
                && self.since.is_none_or(|since| date >= since)
        })
    }
}
