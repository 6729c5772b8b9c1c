//! Where the collector is and how it knows us. Not here: the file that says so (`config/traces`).

use crate::model::authorities::Authorities;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// Headers at most.
const HEADERS_MAX: usize = 16;

/// Headers that are the protocol's own.
const OWN: [&str; 4] = ["content-type", "content-length", "host", "transfer-encoding"];

/// Where spans go.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// `https://collector.example:4318`, without a slash at the end.
    pub endpoint: String,
    /// What is sent along, each value marked as a secret.
    pub headers: HeaderMap,
    /// The only authorities that may vouch for the collector; those of the machine when absent.
    pub authorities: Option<Authorities>,
    /// `service.name`.
    pub service: String,
}

/// Why a text holds no headers. Repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not headers; write them like name=value, with a comma or a new line between two, {HEADERS_MAX} at most"
)]
pub struct InvalidHeaders;

/// Reads headers as `name=value`, separated by commas or line breaks; a value is taken as it stands.
///
/// # Errors
/// When a part is no header, or one that is the protocol's own.
pub fn headers(text: &SecretString) -> Result<HeaderMap, InvalidHeaders> {
    let mut headers = HeaderMap::new();
    let parts = text.expose_secret().split([',', '\n', '\r']).map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or(InvalidHeaders)?;
        let name: HeaderName = name.trim().parse().map_err(|_| InvalidHeaders)?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| InvalidHeaders)?;
        value.set_sensitive(true);
        if OWN.contains(&name.as_str()) || headers.len() >= HEADERS_MAX {
            return Err(InvalidHeaders);
        }
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_their_values_are_never_shown() {
        let check = |text: &str, expected: Option<&[(&str, &str)]>| {
            let read = headers(&SecretString::from(text.to_owned())).ok();
            let pairs = read.as_ref().map(|headers| {
                headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(pairs.as_deref(), expected, "{text}");
            assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
        };
        check("", Some(&[]));
        check("Authorization=Bearer hunter2==", Some(&[("authorization", "Bearer hunter2==")]));
        check("x-a=1, x-b=2\nx-c=3\n", Some(&[("x-a", "1"), ("x-b", "2"), ("x-c", "3")]));
        check("hunter2", None);
        check("a b=hunter2", None);
        check("content-length=7", None);
        check("x=\u{1}", None);
        check(&"x=1,".repeat(HEADERS_MAX + 1), None);
    }
}
