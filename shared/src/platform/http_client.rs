//! HTTP clients for providers.
//!
//! *One permit, one request* holds only if nothing between us and the wire sends a request again. So the
//! client for side effects follows no redirect (307 and 308 would repeat the body), retries nothing
//! (the default repeats what an HTTP/2 server says it has not begun), keeps no connection (a stale one
//! fails after the request may have left, and the pool would repeat it) and asks no proxy.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use super::is_this_machine;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the first byte of the connection to the last one of the answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The same, where the answer is a file.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(25);

/// For requests that reach people.
pub fn for_side_effects() -> reqwest::Result<Client> {
    builder().pool_max_idle_per_host(0).build()
}

/// For reading a provider's records: repeating one would harm nobody, but nothing here needs it.
pub fn for_reading() -> reqwest::Result<Client> {
    builder().build()
}

/// For files, from a host whose name was checked: it may have many bytes to say, and stands at a public address, however
/// its name is resolved. Somebody's stand-in on this machine is at `base`.
pub fn for_downloads(base: &Url) -> reqwest::Result<Client> {
    let builder = builder().timeout(DOWNLOAD_TIMEOUT);
    if base.host_str().is_some_and(is_this_machine) {
        return builder.build();
    }
    builder.dns_resolver(PublicAddresses).build()
}

/// Names of hosts, as far as they lead to the internet.
#[derive(Debug, Clone, Copy)]
struct PublicAddresses;

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is on the internet: not this machine's, its network's or its cloud's own.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_for_tests = first == 198 && (18..20).contains(&second);
            !(first == 0
                || first >= 224
                || is_shared
                || is_for_tests
                || address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_documentation())
        }
        IpAddr::V6(address) => {
            // What is assigned to anybody begins with 2000::/3; 6to4 and Teredo hide another address.
            let [first, second, ..] = address.segments();
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && !(first == 0x2001 && (second == 0 || second == 0xdb8))
        }
    }
}

fn builder() -> reqwest::ClientBuilder {
    // Err means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .retry(reqwest::retry::never())
        .redirect(Policy::none())
        .http1_only()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
}

/// Whether a failed request provably never began to leave.
///
/// `is_connect` is set by the connector alone, for name resolution, TCP and TLS: the connection that
/// would carry the request did not come about. A time-out is excluded, whoever reports it.
pub fn was_never_sent(error: &reqwest::Error) -> bool {
    error.is_connect() && !error.is_body() && !error.is_timeout()
}

/// The answer's body, if it is no longer than `limit` bytes.
pub async fn read_capped(mut response: Response, limit: usize) -> Result<Vec<u8>, CappedReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(CappedReadError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why an answer's body cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CappedReadError {
    /// It does not end.
    #[error("the answer is too long")]
    TooLong,
    /// It broke off, or took too long.
    #[error("the answer broke off")]
    BrokenOff(#[from] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every connection's first request with `answer`; counts connections and requests.
    async fn server(answer: &'static [u8]) -> (String, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, heard) = (Arc::clone(&connections), Arc::clone(&requests));
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    heard.fetch_add(1, Ordering::SeqCst);
                }
                let _ = stream.write_all(answer).await;
            }
        });
        (url, connections, requests)
    }

    #[test]
    fn only_what_is_on_the_internet_is_public() {
        let is_public = |text: &str| super::is_public(text.parse().expect("an address"));
        for address in [
            "157.240.0.53",
            "31.13.64.1",
            "2a03:2880:f10d::1",
            "100.63.0.1",
            "172.32.0.1",
        ] {
            assert!(is_public(address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(address), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_leads_nowhere() {
        let (url, connections, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let elsewhere = Url::parse("https://files.example.com").expect("a URL");
        let client = for_downloads(&elsewhere).expect("a client");
        let error = client.get(url.replace("127.0.0.1", "localhost")).send().await;
        assert!(error.is_err());
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let (target, _, followed) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let answer =
            format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
        let (url, _, requests) = server(answer.leak().as_bytes()).await;
        let response = for_side_effects()
            .expect("a client")
            .post(url)
            .body("x")
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 307);
        assert_eq!(
            (requests.load(Ordering::SeqCst), followed.load(Ordering::SeqCst)),
            (1, 0)
        );
    }

    #[tokio::test]
    async fn a_connection_that_closes_without_an_answer_is_not_tried_again() {
        let (url, connections, _) = server(b"").await;
        let error = for_side_effects()
            .expect("a client")
            .post(url)
            .body("x")
            .send()
            .await
            .expect_err("no answer");
        assert!(!was_never_sent(&error), "the request may have left");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn no_connection_is_used_twice() {
        let (url, connections, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let client = for_side_effects().expect("a client");
        for _ in 0..3 {
            client.post(&url).send().await.expect("an answer");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn only_a_connection_that_never_came_about_proves_that_nothing_was_sent() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port")
            .local_addr()
            .expect("an address");
        let client = for_side_effects().expect("a client");
        let refused = client
            .post(format!("http://{closed}/"))
            .send()
            .await
            .expect_err("nobody listens");
        assert!(was_never_sent(&refused));
        // A server that does not speak TLS: the handshake fails before the request.
        let (url, ..) = server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let handshake = client
            .post(url.replace("http:", "https:"))
            .send()
            .await
            .expect_err("no TLS");
        assert!(was_never_sent(&handshake));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut() {
        let (url, ..) =
            server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789012345678901234567890123456789")
                .await;
        let response = for_side_effects()
            .expect("a client")
            .post(url)
            .send()
            .await
            .expect("a head");
        assert!(matches!(
            read_capped(response, 10).await,
            Err(CappedReadError::TooLong)
        ));
    }
}
