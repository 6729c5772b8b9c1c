//! Where Google is: at its own hosts, or at one loopback address that stands in for all of them (the sandbox).
//! Not here: paths (`call`).

use super::call::Api;
use reqwest::Url;
use std::net::IpAddr;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Google's own hosts, over TLS.
    Google,
    /// One origin on this machine for all APIs and `/token`; its scheme may be `http`.
    Loopback(LoopbackOrigin),
}

/// `scheme://host:port` of this machine; only [`Endpoint::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopbackOrigin(String);

/// The text is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not empty and not a loopback address like http://127.0.0.1:9010")]
pub struct InvalidEndpoint;

impl Endpoint {
    /// Parses the configured value: empty is Google, anything else must be on loopback and have no path.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.is_empty() {
            return Ok(Self::Google);
        }
        let url = Url::parse(text).map_err(|_| InvalidEndpoint)?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare && is_loopback(&url) {
            Ok(Self::Loopback(LoopbackOrigin(url.origin().ascii_serialization())))
        } else {
            Err(InvalidEndpoint)
        }
    }

    /// The origin of an API, without a slash at the end.
    pub fn base(&self, api: Api) -> &str {
        match self {
            Self::Google => api.origin(),
            Self::Loopback(origin) => &origin.0,
        }
    }

    /// The audience of the signed assertions: the address of the token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.base(Api::Token))
    }

    /// Whether calls to an API are encrypted: all but those to this machine and to its metadata server.
    pub(super) fn is_encrypted(&self, api: Api) -> bool {
        self.base(api).starts_with("https:")
    }

    /// Whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Google => false,
            Self::Loopback(_) => true,
        }
    }
}

/// Whether an address is on this machine. `localhost` counts: the transport resolves it itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    let web = matches!(url.scheme(), "http" | "https");
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    web && (host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_can_stand_in_for_google() {
        assert_eq!(Endpoint::parse(""), Ok(Endpoint::Google));
        for good in
            ["http://127.0.0.1:9010", "http://127.9.9.9", "https://[::1]:1/", "http://localhost:9010/"]
        {
            assert!(Endpoint::parse(good).is_ok_and(|endpoint| endpoint.is_loopback()), "{good}");
        }
        let bad = [
            "https://admin.googleapis.com",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1@evil.example",
            "http://a:b@127.0.0.1",
            "http://127.0.0.1/path",
            "http://127.0.0.1/?a=b",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "127.0.0.1:9010",
            "http://0.0.0.0:1",
            "http://[::ffff:8.8.8.8]",
        ];
        for text in bad {
            assert_eq!(Endpoint::parse(text), Err(InvalidEndpoint), "{text}");
        }
    }

    #[test]
    fn one_origin_stands_for_all() {
        let endpoint = Endpoint::parse("http://127.0.0.1:9010/").unwrap();
        assert_eq!(endpoint.base(Api::Licensing), "http://127.0.0.1:9010");
        assert_eq!(endpoint.token_url(), "http://127.0.0.1:9010/token");
        assert_eq!(Endpoint::Google.token_url(), "https://oauth2.googleapis.com/token");
    }
}
