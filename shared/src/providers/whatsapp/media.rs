//! A file that somebody sent, fetched when a person wants to see it.
//!
//! First Meta is asked where it is, for an address that is good for some minutes, then it is fetched there with our
//! token. The address is Meta's word, and still only Meta's hosts are asked: a token goes nowhere else, and nobody
//! makes us ask this machine's neighbours.
//!
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#download-media>.

use reqwest::Url;
use serde_json::Value;

use super::client::{API_VERSION, Client};
use super::content::media_id;
use super::words::line_in;
use crate::platform::gate::Operation;
use crate::platform::http_client::read_capped;
use crate::platform::is_this_machine;
use crate::providers::ReadError;
use crate::providers::exchange::{object_in, read};

const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Where Meta keeps files: these hosts, and whatever is below them.
const HOSTS: [&str; 4] = [
    "lookaside.fbsbx.com",
    "graph.facebook.com",
    "fbsbx.com",
    "fbcdn.net",
];

/// A file.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// What Meta says that it is, such as `image/jpeg`. The customer chose it: nothing to be trusted.
    pub mime_type: Option<String>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Without what is in it.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("mime_type", &self.mime_type)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl Client {
    /// A file by its id ([`super::Media::id`]), if it has at most `bytes_max`; Meta keeps one for 30 days.
    pub async fn media(&self, id: &str, bytes_max: usize) -> Result<File, ReadError> {
        let id = media_id(id).ok_or(ReadError::NotFound)?;
        let mut url = self.at(&[API_VERSION, &id]);
        url.query_pairs_mut()
            .append_pair("phone_number_id", &self.phone_number_id);
        let request = self.authorised(self.reading.get(url));
        let (status, body) = read(&self.gate, "read_media_address", request, RECORD_BYTES_MAX).await?;
        let record = match (status, object_in(&body).map(Value::Object)) {
            (200, Some(record)) => record,
            (200, None) => return Err(ReadError::Unreadable("not JSON")),
            // Meta's own word for it: an edge that says 404 does not know.
            (400 | 404, Some(record)) if record.pointer("/error/code") == Some(&Value::from(100)) => {
                return Err(ReadError::NotFound);
            }
            _ => return Err(ReadError::Status(status)),
        };
        let address = record
            .get("url")
            .and_then(Value::as_str)
            .and_then(|url| url.parse().ok());
        let address = address.filter(|address| is_metas(address, &self.base));
        let address: Url = address.ok_or(ReadError::Unreadable("an address that is not Meta's"))?;
        let request = self.authorised(self.downloading.get(address));
        let fetching = async {
            let response = request.send().await?;
            match response.status().as_u16() {
                200 => Ok(read_capped(response, bytes_max).await?),
                404 | 410 => Err(ReadError::NotFound),
                status => Err(ReadError::Status(status)),
            }
        };
        let bytes = self.gate.pass(Operation::Read("read_media"), fetching).await?;
        Ok(File {
            mime_type: line_in(&record, "mime_type"),
            bytes,
        })
    }
}

/// Whether an address is where Meta keeps files; where another stands in for Meta on this machine, that one's own.
fn is_metas(address: &Url, base: &Url) -> bool {
    let Some(host) = address.host_str() else {
        return false;
    };
    if base.host_str().is_some_and(is_this_machine) {
        return address.origin() == base.origin();
    }
    let is_known = HOSTS
        .iter()
        .any(|known| host == *known || host.strip_suffix(known).is_some_and(|below| below.ends_with('.')));
    address.scheme() == "https"
        && is_known
        && address.port().is_none()
        && address.username().is_empty()
        && address.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metas_hosts_hold_files() {
        let graph: Url = "https://graph.facebook.com".parse().expect("a URL");
        let is_taken = |address: &str| address.parse().is_ok_and(|address| is_metas(&address, &graph));
        for good in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&hash=x",
            "https://lookaside.fbsbx.com:443/x",
            "https://mmg.fbcdn.net/x",
            "https://graph.facebook.com/v26.0/1",
        ] {
            assert!(is_taken(good), "{good}");
        }
        for bad in [
            "http://lookaside.fbsbx.com/x",
            "https://lookaside.fbsbx.com:8443/x",
            "https://lookaside.fbsbx.com.example.com/x",
            "https://evilfbsbx.com/x",
            "https://lookaside.fbsbx.com@example.com/x",
            "https://user@lookaside.fbsbx.com/x",
            "https://example.com/lookaside.fbsbx.com",
            "https://127.0.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://localhost/x",
            "file:///etc/passwd",
            "data:text/plain,x",
            "lookaside.fbsbx.com/x",
            "",
        ] {
            assert!(!is_taken(bad), "{bad}");
        }
    }

    #[test]
    fn a_stand_in_holds_its_own() {
        let base: Url = "http://127.0.0.1:9".parse().expect("a URL");
        let is_taken = |address: &str| address.parse().is_ok_and(|address| is_metas(&address, &base));
        assert!(is_taken("http://127.0.0.1:9/file"));
        for bad in [
            "http://127.0.0.1:10/file",
            "https://lookaside.fbsbx.com/x",
            "http://127.0.0.1/file",
        ] {
            assert!(!is_taken(bad), "{bad}");
        }
    }
}
