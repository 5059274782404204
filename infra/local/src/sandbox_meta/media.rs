//! Files that customers sent.

use std::fmt::Write as _;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) mime_type: String,
    pub(super) bytes: Vec<u8>,
}

impl File {
    /// As `GET /{version}/{media id}` shows it.
    pub(super) fn shown(&self, id: &str, url: &str) -> Value {
        let mut digest = String::new();
        for byte in Sha256::digest(&self.bytes) {
            write!(digest, "{byte:02x}").expect("a String takes everything");
        }
        json!({
            "messaging_product": "whatsapp",
            "url": url,
            "mime_type": self.mime_type,
            "sha256": digest,
            "file_size": self.bytes.len(),
            "id": id,
        })
    }

    pub(super) fn served(self) -> Response {
        (
            StatusCode::OK,
            [(header::CONTENT_TYPE, self.mime_type)],
            self.bytes,
        )
            .into_response()
    }
}
