//! What the functions ask their environment for, as `template.yaml` gives it to them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde_norway::Value;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What comes from the secret instead, or from the environment where there is none.
const SECRETS: [&str; 8] = [
    "CRON_SECRET",
    "CUSTOMERS_WEBHOOK_SECRET",
    "DATABASE_URL",
    "JOB_RUNNER_TOKEN",
    "STRIPE_WEBHOOK_SECRET",
    "TWILIO_AUTH_TOKEN",
    "VAPI_API_KEY",
    "VAPI_WEBHOOK_SECRET",
];

/// The names that each function is given, by function.
fn names_by_function() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let template: Value = serde_norway::from_str(TEMPLATE).context("template.yaml")?;
    let resources = template["Resources"].as_mapping().context("no resources")?;
    let function = |resource: &Value| {
        let name = resource["Metadata"]["BuildProperties"]["Binary"].as_str()?;
        let variables = resource["Properties"]["Environment"]["Variables"].as_mapping();
        let names = variables
            .into_iter()
            .flat_map(serde_norway::Mapping::keys)
            .filter_map(Value::as_str)
            .map(str::to_owned);
        Some((name.to_owned(), names.collect()))
    };
    Ok(resources.values().filter_map(function).collect())
}

/// What is wrong with the settings of this environment, by name and never with a value, and how many of all names it
/// has. Those that it has not are nothing wrong: the functions have environments of their own.
pub(crate) fn look(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<(Vec<String>, usize, usize)> {
    let mut names: BTreeSet<String> = names_by_function()?.into_values().flatten().collect();
    names.extend(SECRETS.map(str::to_owned));
    let mut wrong = Vec::new();
    let mut there = 0;
    for name in &names {
        let Some(value) = lookup(name) else { continue };
        there += 1;
        if value.trim().is_empty() {
            wrong.push(format!("{name} is set to nothing"));
        } else if value.trim() != value {
            wrong.push(format!("{name} has blanks around it"));
        }
    }
    Ok((wrong, there, names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_its_names_are_found() {
        let names = names_by_function().expect("a template");
        assert!(names.len() >= 6, "{names:?}");
        assert!(names["twilio-voice-webhook"].contains("APP_URL"), "{names:?}");
    }

    #[test]
    fn blanks_are_noticed_and_values_are_not_told() {
        let set = |name: &str| match name {
            "CRON_SECRET" => Some("test-cron-secret ".to_owned()),
            "APP_URL" => Some(" ".to_owned()),
            "DATABASE_URL" => Some("postgresql://here/switchboard".to_owned()),
            _ => None,
        };
        let (wrong, there, all) = look(set).expect("a template");
        assert_eq!(
            wrong,
            ["APP_URL is set to nothing", "CRON_SECRET has blanks around it"]
        );
        assert!(there == 3 && all > 10, "{there} of {all}");
    }
}
