//! `HashiCorp` Vault's response wrapping: `sys/wrapping/wrap` keeps what it is sent and answers with a token that shows it once.
//! Facts: Vault's HTTP API, `/sys/wrapping/wrap` and "Response wrapping". Not here: unwrapping, which is the engineer's, and the tests
//! against a stand-in over HTTP (`tests/it/vault`).

use super::{FirstPassword, content};
use crate::crash::crash_point;
use jiff::SignedDuration;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// How long Vault may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest answer that is read, in bytes, and the longest token file.
const ANSWER_MAX: usize = 64 * 1024;

/// Where Vault is, and what it is asked with.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    /// `https://vault.example:8200`, without a slash at the end.
    pub address: String,
    /// The file of the token, read anew each time: an agent may renew it.
    pub token_file: PathBuf,
    /// The namespace, of Vault Enterprise.
    pub namespace: Option<String>,
    /// How long what is wrapped can be unwrapped.
    pub wrap_ttl: SignedDuration,
}

/// A client of one Vault.
#[derive(Debug)]
pub struct VaultClient {
    settings: VaultSettings,
    client: reqwest::Client,
}

/// What Vault has wrapped.
#[derive(Debug)]
pub struct Wrapping {
    /// What shows it, once.
    pub token: SecretString,
    /// How long.
    pub ttl: SignedDuration,
}

/// Why nothing was wrapped. Carries no secret and no text of Vault's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It passes, or Vault's operator mends it; asking again does no harm.
    #[error("{0}")]
    Unavailable(String),
    /// Asking again is refused again.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Answer {
    wrap_info: WrapInfo,
}

#[derive(Deserialize)]
struct WrapInfo {
    token: SecretString,
    /// In seconds.
    ttl: i64,
}

impl VaultClient {
    /// A client that has asked nothing yet.
    ///
    /// # Errors
    /// When the system's trust anchors cannot be read.
    pub fn new(settings: VaultSettings) -> Result<Self, reqwest::Error> {
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(TIMEOUT)
            .user_agent(concat!("carepass/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { settings, client })
    }

    /// Wraps first passwords. What an earlier call has wrapped, whose answer was lost, expires by itself.
    ///
    /// # Errors
    /// `Unavailable`: not reached, 5xx, sealed. `Refused`: 4xx, or an answer that is none of Vault's.
    pub async fn wrap(&self, passwords: &[FirstPassword]) -> Result<Wrapping, VaultError> {
        let request = self
            .client
            .post(format!("{}/v1/sys/wrapping/wrap", self.settings.address))
            .headers(self.headers().await?)
            .body(content(passwords).to_string());
        crash_point!(async "vault.call.before");
        let response = request.send().await.map_err(|error| unreachable(&error));
        crash_point!(async "vault.call.after");
        let mut response = response?;
        let status = response.status();
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + part.len() > ANSWER_MAX {
                return Err(VaultError::Refused("an answer that is too long for Vault's".to_owned()));
            }
            body.extend_from_slice(&part);
        }
        judge(status, &body, self.settings.wrap_ttl)
    }

    async fn headers(&self) -> Result<HeaderMap, VaultError> {
        let token = self.token().await?;
        let mut headers = HeaderMap::new();
        let seconds = HeaderValue::from(self.settings.wrap_ttl.as_secs());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        headers.insert(HeaderName::from_static("x-vault-wrap-ttl"), seconds);
        headers.insert(HeaderName::from_static("x-vault-token"), token);
        if let Some(namespace) = &self.settings.namespace {
            let namespace = HeaderValue::from_str(namespace)
                .map_err(|_| VaultError::Refused("the namespace is no header's value".to_owned()))?;
            headers.insert(HeaderName::from_static("x-vault-namespace"), namespace);
        }
        Ok(headers)
    }

    async fn token(&self) -> Result<HeaderValue, VaultError> {
        let read = tokio::fs::read_to_string(&self.settings.token_file).await;
        let text = zeroize::Zeroizing::new(
            read.map_err(|error| VaultError::Unavailable(format!("the token file: {}", error.kind())))?,
        );
        let secret = SecretString::from(text.trim());
        let value = HeaderValue::from_str(secret.expose_secret()).ok().filter(|value| !value.is_empty());
        let mut value =
            value.ok_or_else(|| VaultError::Refused("the token file holds no token".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn judge(status: StatusCode, body: &[u8], asked: SignedDuration) -> Result<Wrapping, VaultError> {
    let said = status.as_u16();
    match said {
        200 => (),
        503 => return Err(VaultError::Unavailable("503: sealed, or under maintenance".to_owned())),
        // Too many requests, and a read replica that has not caught up.
        412 | 429 | 500..=599 => return Err(VaultError::Unavailable(format!("status {said}"))),
        _ => return Err(VaultError::Refused(format!("status {said}"))),
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| VaultError::Refused("200 without a wrapping token".to_owned()))?;
    let ttl = SignedDuration::from_secs(answer.wrap_info.ttl);
    if answer.wrap_info.ttl < 1 || ttl > asked {
        return Err(VaultError::Refused(format!(
            "wrapped for {} seconds, which was not asked for",
            ttl.as_secs()
        )));
    }
    Ok(Wrapping { token: answer.wrap_info.token, ttl })
}

fn unreachable(error: &reqwest::Error) -> VaultError {
    let why = if error.is_timeout() { "no answer in time" } else { "cannot be reached" };
    VaultError::Unavailable(why.to_owned())
}
