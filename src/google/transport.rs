//! Sends a proved request and reads the answer within its limits. One client for all reseller accounts.
//! Not here: tokens (`auth`), turns (`limits`), repeats (a read after a 401 in `mod`, everything else in the machine).

use super::answer::{Answer, retry_after};
use super::call::Call;
use super::endpoint::Endpoint;
use super::request::{Body, Request};
use crate::model::failure::{Failure, FailureCode, FailureKind, Who};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where "now" comes from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_PER_HOST: usize = 16;

/// Makes the HTTP client that all reseller accounts share: no redirects (they would carry the token away), no proxy from
/// the environment, no repeats of its own, HTTPS only unless the endpoint is on loopback.
/// Errors: `credentials_unusable` when the system's trust anchors cannot be read.
pub fn client(endpoint: &Endpoint) -> Result<reqwest::Client, Failure> {
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let this_machine =
        [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .https_only(!endpoint.is_loopback())
        .resolve_to_addrs("localhost", &this_machine)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .tcp_nodelay(true)
        .user_agent(concat!("carepass/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            let code = FailureCode::CredentialsUnusable;
            Failure::needs(Who::Operator, code)
                .with_detail(&format!("the HTTP client cannot be made: {error}"))
        })
}

/// The way to Google of one reseller account.
pub(super) struct Transport {
    client: reqwest::Client,
    endpoint: Endpoint,
    now: Now,
}

impl Transport {
    pub(super) fn new(client: reqwest::Client, endpoint: Endpoint, now: Now) -> Self {
        Self { client, endpoint, now }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Sends once. Ok is any answer, also a refusal. Errors: `timeout` and `connection_lost` (the effect may have
    /// happened), `request_refused` (not sent), `unknown_answer` (too long).
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, Failure> {
        let outgoing = request.build(&self.endpoint)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, authorization(bearer)?);
        }
        let mut builder = self.client.request(outgoing.method, outgoing.url).headers(headers);
        builder = match outgoing.body {
            Body::Empty => builder,
            Body::Json(json) => builder.json(&json),
            Body::Form(form) => builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned()),
        };
        let call = request.call();
        let response = builder.send().await.map_err(|error| unclear(call, &error))?;
        self.read(call, response).await
    }

    async fn read(&self, call: Call, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let says_json = header(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
        let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, self.now()));
        let status = response.status().as_u16();
        let limit = call.spec().body_max;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unclear(call, &error))? {
            if body.len() + chunk.len() > limit {
                let detail = format!("{}: {status} with more than {limit} bytes", call.template());
                return Err(
                    Failure::new(FailureKind::Transient, FailureCode::UnknownAnswer).with_detail(&detail)
                );
            }
            body.extend_from_slice(&chunk);
        }
        // An array would pass for an object in serde's eyes, so the first byte decides as well.
        let begins_like_an_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        Ok(Answer { status, retry_after, is_json: says_json && begins_like_an_object, body })
    }
}

fn authorization(bearer: &SecretString) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", bearer.expose_secret())).map_err(|_| {
        Failure::transient(FailureCode::UnknownAnswer).with_detail("an access token that fits no header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// No whole answer came. The words of the error hold the address that was asked for, so only its kind is kept.
fn unclear(call: Call, error: &reqwest::Error) -> Failure {
    let (code, what) = if error.is_timeout() {
        (FailureCode::Timeout, "no answer in time")
    } else if error.is_connect() {
        (FailureCode::ConnectionLost, "no connection")
    } else {
        (FailureCode::ConnectionLost, "the connection broke")
    };
    Failure::transient(code).with_detail(&format!("{}: {what}", call.template()))
}
