//! Where a list says that it goes on. The input is the address.

use std::sync::LazyLock;

use shared::platform::gate::Gate;
use shared::providers::twilio::Client;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::new(
        "http://127.0.0.1:9",
        "AC1".to_owned(),
        || "test-token".into(),
        Gate::default(),
    )
    .expect("a client")
});

pub(crate) fn check(input: &[u8]) {
    let uri = String::from_utf8_lossy(input);
    let Ok(url) = CLIENT.next_page(&uri) else { return };
    // Read again by the parser that does not belong to the client.
    let sent: http::Uri = url
        .as_str()
        .split('#')
        .next()
        .unwrap_or_default()
        .parse()
        .expect("a URL that can be requested");
    assert_eq!(sent.scheme_str(), Some("http"), "{url}");
    assert_eq!(
        sent.authority().map(http::uri::Authority::as_str),
        Some("127.0.0.1:9"),
        "{url}"
    );
    let below = sent.path().strip_prefix("/2010-04-01/Accounts/AC1/");
    let below = below.unwrap_or_else(|| panic!("another account: {url}"));
    // However often somebody decodes it on the way.
    let mut path = below.to_owned();
    for _ in 0..3 {
        assert!(
            !path
                .split(['/', '\\'])
                .any(|segment| segment == ".." || segment == "."),
            "it leads out: {url}"
        );
        path = decoded(&path);
    }
}

fn decoded(path: &str) -> String {
    form_urlencoded::parse(
        path.replace('+', "%2B")
            .replace('&', "%26")
            .replace('=', "%3D")
            .as_bytes(),
    )
    .map(|(name, _)| name.into_owned())
    .collect()
}
