//! The template's YAML with its tags, as plain values.

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

/// The document with every tag in its long form: `!Ref Queue` is `{"Ref": "Queue"}`, and `!GetAtt Queue.Arn`
/// is `{"Fn::GetAtt": ["Queue", "Arn"]}`.
pub(super) fn parse(text: &str) -> anyhow::Result<Value> {
    plain(serde_norway::from_str(text).context("the template is not YAML")?)
}

fn plain(yaml: Yaml) -> anyhow::Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => bool.into(),
        Yaml::Number(number) => serde_json::to_value(number)?,
        Yaml::String(string) => string.into(),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    bail!("{key:?} is no key of a template")
                };
                object.insert(key, plain(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => intrinsic(
            tagged.tag.to_string().trim_start_matches('!'),
            plain(tagged.value)?,
        ),
    })
}

fn intrinsic(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (_, argument) => json!({ format!("Fn::{tag}"): argument }),
    }
}

/// The resource that a `Ref` or a `Fn::GetAtt` names.
pub fn referred(value: &Value) -> Option<&str> {
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_becomes_its_long_form() {
        let text = "{a: !Ref Queue, b: !GetAtt Queue.Arn, c: !Sub '${X}-y', d: !If [C, !Ref A, 3]}";
        let expected = json!({
            "a": { "Ref": "Queue" },
            "b": { "Fn::GetAtt": ["Queue", "Arn"] },
            "c": { "Fn::Sub": "${X}-y" },
            "d": { "Fn::If": ["C", { "Ref": "A" }, 3] },
        });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn references_are_found() {
        assert_eq!(referred(&json!({ "Ref": "Queue" })), Some("Queue"));
        assert_eq!(
            referred(&json!({ "Fn::GetAtt": ["Queue", "Arn"] })),
            Some("Queue")
        );
        assert_eq!(referred(&json!("Queue")), None);
    }
}
