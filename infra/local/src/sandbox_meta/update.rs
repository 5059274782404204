//! One thing that Meta has to tell.

use serde_json::{Value, json};

use super::Customer;

/// One thing that Meta has to tell, which a webhook carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The field that one subscribes to.
    pub(super) field: &'static str,
    /// The list in which it stands.
    pub(super) list: &'static str,
    /// What it says.
    pub(super) value: Value,
    /// Who is told of beside it.
    pub(super) contact: Option<Value>,
}

impl Update {
    pub(super) fn new(field: &'static str, list: &'static str, value: Value) -> Self {
        Self {
            field,
            list,
            value,
            contact: None,
        }
    }

    /// Says beside it who somebody is.
    #[must_use]
    pub fn about(mut self, customer: &Customer) -> Self {
        self.contact = Some(customer.shown());
        self
    }

    /// The id of the message that it is or is about; empty if there is none.
    pub fn id(&self) -> String {
        self.value["id"].as_str().unwrap_or_default().to_owned()
    }

    /// What it says.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Changes what it says.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.value);
        self
    }

    /// Makes a message one that answers another.
    #[must_use]
    pub fn in_reply_to(self, id: &str) -> Self {
        self.with(|message| message["context"] = json!({ "from": "15005550006", "id": id }))
    }

    /// Says nothing about who it is beside it.
    #[must_use]
    pub fn without_contact(mut self) -> Self {
        self.contact = None;
        self
    }
}
