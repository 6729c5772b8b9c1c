//! Sends a proved request and reads the answer within its limits. One client for all reseller accounts.
//! Not here: tokens (`auth`), turns (`limits`), repeats (a read after a 401 in `mod`, everything else in the machine).

use super::answer::{Answer, retry_after};
use super::asked::Notes;
use super::call::{Api, Call};
use super::endpoint::Endpoint;
use super::key::unusable;
use super::request::{Body, Request};
use crate::crash::crash_point;
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::trace::{self, Kind, Span};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use secrecy::{ExposeSecret, SecretString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Where "now" comes from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// As many connections are kept as calls may come at once: closing and opening them would cost more than the calls.
const IDLE_PER_HOST: usize = 256;

/// The metadata server is a hop away or not there at all.
const METADATA_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// The header by which the metadata server knows a willing caller, and a caller the metadata server (`docs/GOOGLE.md` 57).
const METADATA_FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

/// The HTTP clients that all reseller accounts share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient {
    apis: reqwest::Client,
    /// Plain HTTP is allowed here alone, and what it sends holds no secret.
    metadata: reqwest::Client,
}

/// Makes the HTTP client that all reseller accounts share: no redirects (they would carry the token away), no proxy from
/// the environment, no repeats of its own, HTTPS only unless the endpoint is on loopback. Connections are kept, and over TLS HTTP/2 is
/// offered. Errors: `credentials_unusable` when the system's trust anchors cannot be read.
pub fn client(endpoint: &Endpoint) -> Result<HttpClient, Failure> {
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let apis = hardened(endpoint, Api::Directory)
        .https_only(!endpoint.is_loopback())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .tcp_nodelay(true);
    let metadata =
        hardened(endpoint, Api::Metadata).connect_timeout(METADATA_CONNECT_TIMEOUT).timeout(METADATA_TIMEOUT);
    let build = |builder: reqwest::ClientBuilder| {
        builder.build().map_err(|error| unusable(&format!("the HTTP client cannot be made: {error}")))
    };
    Ok(HttpClient { apis: build(apis)?, metadata: build(metadata)? })
}

/// What holds for every request to an API.
fn hardened(endpoint: &Endpoint, api: Api) -> reqwest::ClientBuilder {
    let this_machine =
        [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    let builder = reqwest::Client::builder();
    // Reading the system's authorities takes milliseconds, and where nothing is encrypted nobody needs them.
    let builder = if endpoint.is_encrypted(api) { builder } else { builder.tls_certs_only([]) };
    builder
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .resolve_to_addrs("localhost", &this_machine)
        .user_agent(concat!("carepass/", env!("CARGO_PKG_VERSION")))
}

/// Who is told what time it is at Google, at each answer that says so.
pub type Heard = Arc<dyn Fn(Timestamp) + Send + Sync>;

/// The way to Google of one reseller account.
pub(super) struct Transport {
    client: HttpClient,
    endpoint: Endpoint,
    now: Now,
    /// How far this machine's clock was ahead of the last answer's.
    ahead: Mutex<Option<SignedDuration>>,
    heard: OnceLock<Heard>,
    /// What was asked, until somebody counts it.
    pub(super) asked: Notes,
}

impl Transport {
    pub(super) fn new(client: HttpClient, endpoint: Endpoint, now: Now) -> Self {
        Self {
            client,
            endpoint,
            now,
            ahead: Mutex::default(),
            heard: OnceLock::new(),
            asked: Notes::default(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// How far this machine's clock was ahead of Google's at the last answer, to about a second; none if no answer said the time.
    pub(super) fn clock_ahead(&self) -> Option<SignedDuration> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time at Google, as far as the last answer tells: a token that is asked for by a wrong clock is refused.
    pub(super) fn googles_now(&self) -> Timestamp {
        let now = self.now();
        now.checked_sub(self.clock_ahead().unwrap_or_default()).unwrap_or(now)
    }

    /// Tells somebody what time it is at Google from now on; the first who asks.
    pub(super) fn tell_time_to(&self, heard: Heard) {
        // Who was there first stays.
        let _ = self.heard.set(heard);
    }

    /// Sends once. Ok is any answer, also a refusal. Errors: `timeout` and `connection_lost` (the effect may have
    /// happened), `request_refused` (not sent), `unknown_answer` (too long).
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, Failure> {
        let span = trace::current().child(Kind::Client, request.call().template());
        let answer = self.send_once(request, bearer, &span).await;
        span.note(|notes| match &answer {
            Ok(answer) => {
                notes.number("http.response.status_code", answer.status.into());
                if answer.status >= 400 {
                    notes.text("error.type", &answer.status.to_string());
                    notes.failed();
                }
            }
            Err(failure) => {
                notes.text("error.type", failure.code.as_str());
                notes.failed();
            }
        });
        answer
    }

    async fn send_once(
        &self,
        request: &Request<'_>,
        bearer: Option<&SecretString>,
        span: &Span,
    ) -> Result<Answer, Failure> {
        let outgoing = request.build(&self.endpoint)?;
        // The template and never the address itself, in which people's addresses stand.
        span.note(|notes| {
            let spec = request.call().spec();
            notes.text("http.request.method", spec.method.as_str());
            notes.text("url.template", spec.path);
            notes.text("server.address", outgoing.url.host_str().unwrap_or_default());
            notes.text("carepass.google.api", spec.api.as_str());
        });
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, authorization(bearer)?);
        }
        let call = request.call();
        let client = match call.spec().api {
            Api::Metadata => {
                headers.insert(METADATA_FLAVOR.0, HeaderValue::from_static(METADATA_FLAVOR.1));
                &self.client.metadata
            }
            Api::Directory | Api::Licensing | Api::CloudIdentity | Api::Reports | Api::Iam | Api::Token => {
                &self.client.apis
            }
        };
        let mut builder = client.request(outgoing.method, outgoing.url).headers(headers);
        builder = match outgoing.body {
            Body::Empty => builder,
            Body::Json(json) => builder.json(&json),
            Body::Form(form) => builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned()),
        };
        crash_point!(async "google.call.before");
        let response = builder.send().await.map_err(|error| unclear(call, &error));
        crash_point!(async "google.call.after");
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        self.asked.request(call.spec().api, status);
        let response = response?;
        self.read(call, response).await
    }

    async fn read(&self, call: Call, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let says_json = header(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
        let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, self.now()));
        // The metadata server's clock is this machine's neighbour, not Google's.
        if call != Call::OwnToken {
            let date = header(DATE).and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
            if let Some(date) = date {
                // First: whoever hears it may set the clock right, and what is right is not ahead.
                if let Some(heard) = self.heard.get() {
                    heard(date.timestamp());
                }
                let ahead = self.now().duration_since(date.timestamp());
                *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
            }
        } else if header(HeaderName::from_static(METADATA_FLAVOR.0)) != Some(METADATA_FLAVOR.1) {
            return Err(unusable(
                "what answers at the metadata server's address is not Google's metadata server",
            ));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::server::Acceptor;
    use std::net::TcpListener;

    /// Which protocols the client's first message over TLS offers.
    fn offered(listener: &TcpListener) -> Vec<Vec<u8>> {
        let (mut stream, _) = listener.accept().unwrap();
        let mut acceptor = Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).unwrap();
            if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error).unwrap() {
                let hello = accepted.client_hello();
                return hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
            }
        }
    }

    #[tokio::test]
    async fn over_tls_http2_is_offered_before_http1() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let endpoint = Endpoint::parse(&endpoint).unwrap();
        let server = tokio::task::spawn_blocking(move || offered(&listener));
        let transport =
            Transport::new(client(&endpoint).unwrap(), endpoint, Arc::new(|| Timestamp::UNIX_EPOCH));
        let answer = transport.send(&Request::GetCustomer, None).await;
        assert_eq!(answer.unwrap_err().code, FailureCode::ConnectionLost, "there is no certificate");
        assert_eq!(server.await.unwrap(), [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[tokio::test]
    async fn plain_http_reaches_nothing_but_this_machine_and_its_metadata() {
        let clients = client(&Endpoint::Google).unwrap();
        let refused = clients.apis.get("http://127.0.0.1:1/").send().await.unwrap_err();
        assert!(refused.is_builder(), "{refused}");
    }
}
