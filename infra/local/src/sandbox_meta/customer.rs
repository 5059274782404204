//! People who write to the business.

use serde_json::{Value, json};

/// Somebody on WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Their number, digits only, as WhatsApp writes it; `None` if they hide it.
    pub wa_id: Option<String>,
    /// Who they are to this business, for accounts that have such ids.
    pub user_id: Option<String>,
    /// What they call themselves.
    pub name: String,
    /// Their username.
    pub username: Option<String>,
}

impl Customer {
    /// Somebody with a number, with or without a `+`.
    pub fn new(number: &str, name: &str) -> Self {
        Self {
            wa_id: Some(number.trim_start_matches('+').to_owned()),
            user_id: None,
            name: name.to_owned(),
            username: None,
        }
    }

    /// Somebody who has a username and hides their number.
    pub fn hidden(user_id: &str, name: &str) -> Self {
        Self {
            wa_id: None,
            user_id: Some(user_id.to_owned()),
            name: name.to_owned(),
            username: Some(name.to_lowercase().replace(' ', ".")),
        }
    }

    /// The same, known by an id too.
    #[must_use]
    pub fn known_as(mut self, user_id: &str) -> Self {
        self.user_id = Some(user_id.to_owned());
        self
    }

    /// By what a message to them is addressed.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &String> {
        self.wa_id.iter().chain(&self.user_id)
    }

    /// As it stands in `contacts`.
    pub(super) fn shown(&self) -> Value {
        let mut contact = json!({ "profile": { "name": self.name } });
        if let Some(username) = &self.username {
            contact["profile"]["username"] = username.as_str().into();
        }
        put(&mut contact, "wa_id", self.wa_id.as_ref());
        put(&mut contact, "user_id", self.user_id.as_ref());
        contact
    }
}

/// Sets a member, if there is something to set.
pub(super) fn put(object: &mut Value, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        object[name] = value.as_str().into();
    }
}
