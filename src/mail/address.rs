//! Addresses that a letter may carry, and the token that it may: parsed, so that nothing else becomes a link.
//! Not here: what stands behind them.

use std::fmt::{self, Write as _};

const URL_MAX: usize = 500;
/// Google's own page for choosing which account to continue with.
const ACCOUNT_CHOOSER: &str = "https://accounts.google.com/AccountChooser";

/// An address that a letter links to. It may be secret, such as the page with first passwords: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebUrl(String);

/// Why a text is no [`WebUrl`]. Carries no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an https address like https://carepass.example/, 500 characters at most")]
pub struct InvalidWebUrl;

impl WebUrl {
    /// Takes an `https` address that survives being written in plain text; `http` on this machine too, for a demo.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidWebUrl> {
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(InvalidWebUrl),
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain = |b: u8| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b);
        let allowed = if secure { is_host(host) || is_this_machine(host) } else { is_this_machine(host) };
        if allowed && text.len() <= URL_MAX && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWebUrl)
        }
    }

    /// Lets Google ask for the password of exactly this account, whoever else is signed in, and go on to a page.
    pub fn sign_in(address: &str, next: &Self) -> Self {
        let (email, next) = (percent_encoded(address), percent_encoded(next.as_str()));
        Self(format!("{ACCOUNT_CHOOSER}?Email={email}&continue={next}"))
    }

    /// An address in the source.
    pub(super) fn known(text: &'static str) -> Self {
        Self::parse(text).expect("addresses in the source are tested")
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebUrl(..)")
    }
}

fn is_host(host: &str) -> bool {
    host.contains('.') && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b))
}

fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        let port = host.strip_prefix(name).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
        port.is_some_and(|port| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Where the portal is. Google has renamed and moved it before, so it is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalUrl(String);

/// Why a text is no [`PortalUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an https address like https://support.cloud.google.com/portal/, 500 characters at most")]
pub struct InvalidPortalUrl;

impl PortalUrl {
    /// Takes an `https` address that survives being written in plain text.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPortalUrl> {
        let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        match WebUrl::parse(text) {
            Ok(url) if host.is_some_and(is_host) => Ok(Self(url.0)),
            Ok(_) | Err(InvalidWebUrl) => Err(InvalidPortalUrl),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn url(&self) -> WebUrl {
        WebUrl(self.0.clone())
    }
}

impl Default for PortalUrl {
    /// The address in Google's help pages of 2026.
    fn default() -> Self {
        Self("https://support.cloud.google.com/portal/".to_owned())
    }
}

/// A token of Vault that opens one wrapped answer once. A letter may carry it; a password cannot become one, since
/// Vault's tokens begin with `hvs.` or `s.`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappingToken(String);

/// Why a text is no [`WrappingToken`]. Carries no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a wrapping token like hvs.CAES…, 20 to 500 letters, digits, '.', '_' or '-'")]
pub struct InvalidWrappingToken;

impl WrappingToken {
    /// Takes a service token as Vault writes it.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidWrappingToken> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_token = (text.starts_with("hvs.") || text.starts_with("s."))
            && (20..=500).contains(&text.len())
            && text.bytes().all(plain);
        if is_token { Ok(Self(text.to_owned())) } else { Err(InvalidWrappingToken) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WrappingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingToken(..)")
    }
}

/// All but the unreserved characters (RFC 3986, 2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every text");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_links_are_encoded() {
        assert_eq!(percent_encoded("a-b_c.d~e+f@g å&?=%/#"), "a-b_c.d~e%2Bf%40g%20%C3%A5%26%3F%3D%25%2F%23");
    }

    #[test]
    fn only_pages_become_links() {
        let check = |text: &str, is_portal: bool, is_link: bool| {
            assert_eq!(PortalUrl::parse(text).is_ok(), is_portal, "{text}");
            assert_eq!(WebUrl::parse(text).is_ok(), is_link, "{text}");
        };
        let long = format!("https://a.example/{}", "x".repeat(500));
        for good in ["https://support.cloud.google.com/portal/", "https://a.example:8443/x?y=z#w"] {
            check(good, true, true);
        }
        for own in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:80/", "https://localhost/"]
        {
            check(own, false, true);
        }
        for bad in [
            "",
            "http://a.example/",
            "http://localhost.evil.example/",
            "http://localhost:x@evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://",
            "https:///x",
            "https://u:p@a.example/",
            "https://a.example/\r\nx",
            "https://a.example/<x>",
            "https://a.example/\"x",
            "javascript:x",
            "data:text/html,x",
            &long,
        ] {
            check(bad, false, false);
        }
        assert_eq!(PortalUrl::parse(PortalUrl::default().as_str()), Ok(PortalUrl::default()));
    }

    #[test]
    fn a_token_is_vaults_own_and_not_shown() {
        let check = |text: &str, good: bool| assert_eq!(WrappingToken::parse(text).is_ok(), good, "{text}");
        check("hvs.CAESIGenerated-for-this_test.0123456789", true);
        check("s.0123456789abcdefghijklmn", true);
        check("correct-horse-battery-staple", false);
        check("hvs.short", false);
        check("hvs.CAESI Generated for this test", false);
        let token = WrappingToken::parse("hvs.CAESIGenerated-for-this_test.0123456789").unwrap();
        let url = WebUrl::parse("https://carepass.example/handover/secret").unwrap();
        assert_eq!(format!("{token:?} {url:?}"), "WrappingToken(..) WebUrl(..)");
    }
}
