//! For the tests of this folder: keys made on the spot, a small server that answers as told, a client of it.
//! The server is no model of Google (that is the sandbox): it shows one odd answer at a time.

use super::limits::{Rate, Rates};
use super::{Credentials, Endpoint, Google, GoogleSettings, MappedAnswer, client};
use crate::sandbox;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use jiff::Timestamp;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::net::TcpListener;

/// The example world with its throw-away keys, made once for all tests.
pub(super) fn demo() -> &'static sandbox::init::DemoFiles {
    static DEMO: OnceLock<sandbox::init::DemoFiles> = OnceLock::new();
    DEMO.get_or_init(|| sandbox::init::demo_files().expect("randomness"))
}

/// A service account's file that names this token endpoint.
pub(super) fn key_file(token_uri: &str) -> String {
    let mut file: Value = serde_json::from_str(&demo().resellers[0].credentials).expect("JSON");
    file["client_email"] = "carepass@test.iam.gserviceaccount.com".into();
    file["private_key_id"] = "test-key".into();
    file["token_uri"] = token_uri.into();
    file.to_string()
}

/// A service account.
pub(super) fn credentials() -> Credentials {
    let file = key_file("https://oauth2.googleapis.com/token");
    Credentials::from_json(file.as_bytes(), &Endpoint::Google).expect("a key file")
}

/// Its public key, PKCS#1 in DER.
pub(super) fn public_key() -> Vec<u8> {
    let file: Value = serde_json::from_str(&demo().resellers[0].credentials).expect("JSON");
    let pem = file["private_key"].as_str().expect("a key");
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let pair = ring::signature::RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("RSA");
    pair.public().as_ref().to_vec()
}

/// Rates that no test notices.
pub(super) fn unhurried() -> Rates {
    let rate = Rate { per_second: 10_000.0, burst: 10_000.0 };
    Rates {
        directory: rate,
        user_insert: rate,
        org_unit: rate,
        licensing: rate,
        cloud_identity: rate,
        policies: rate,
        reports: rate,
        token: rate,
    }
}

/// A client of what answers at this address.
pub(super) fn google_at(base: &str, credentials: &[u8], customer: &str, admin: &str) -> Google {
    google_at_with(base, credentials, customer, admin, Vec::new())
}

/// The same, told what the operator says about unknown answers.
pub(super) fn google_at_with(
    base: &str,
    credentials: &[u8],
    customer: &str,
    admin: &str,
    answers: Vec<MappedAnswer>,
) -> Google {
    let credentials = Credentials::from_json(credentials, &Endpoint::parse(base).expect("loopback"));
    google_with(base, credentials.expect("a key file"), customer, admin, answers)
}

/// The same with credentials of any kind.
pub(super) fn google_with(
    base: &str,
    credentials: Credentials,
    customer: &str,
    admin: &str,
    answers: Vec<MappedAnswer>,
) -> Google {
    let endpoint = Endpoint::parse(base).expect("loopback");
    let settings = GoogleSettings {
        customer: customer.parse().expect("a customer"),
        admin: admin.parse().expect("an address"),
        credentials,
        endpoint: endpoint.clone(),
        rates: unhurried(),
        answers,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox lives by the wall clock, and these tests only pass it on"
    )]
    let now = Arc::new(Timestamp::now);
    Google::new(settings, client(&endpoint).expect("a client"), now)
}

/// One answer.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=UTF-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub(super) fn error(status: u16, reason: &str, message: &str) -> Self {
        let item = json!({"domain": "global", "reason": reason, "message": message});
        Self::json(status, &json!({"error": {"code": status, "message": message, "errors": [item]}}))
    }

    pub(super) fn html(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "text/html".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    pub(super) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }
}

/// The server: tokens as asked for, and then the answers that it was told, in order.
#[derive(Clone, Default)]
pub(super) struct Fake {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    replies: VecDeque<Reply>,
    token_replies: VecDeque<Reply>,
    tokens: u32,
    calls: Vec<String>,
    bearers: Vec<String>,
}

impl Fake {
    /// A server with these answers, and a client of it.
    pub(super) async fn start(replies: Vec<Reply>) -> (Self, Google) {
        let file = key_file("https://oauth2.googleapis.com/token");
        let credentials = Credentials::from_json(file.as_bytes(), &Endpoint::Google).expect("a key file");
        Self::start_with(credentials, replies).await
    }

    /// The same for credentials of any kind.
    pub(super) async fn start_with(credentials: Credentials, replies: Vec<Reply>) -> (Self, Google) {
        let fake = Self::default();
        fake.then(replies);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let router = axum::Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let google = google_with(&base, credentials, "C01abc123", "robot@reseller-se.example", Vec::new());
        (fake, google)
    }

    /// More answers.
    pub(super) fn then(&self, replies: Vec<Reply>) {
        self.inner.lock().expect("whole").replies.extend(replies);
    }

    /// What the token endpoint says next instead of a token.
    pub(super) fn refuse_token(&self, reply: Reply) {
        self.inner.lock().expect("whole").token_replies.push_back(reply);
    }

    /// How many tokens were asked for.
    pub(super) fn tokens(&self) -> u32 {
        self.inner.lock().expect("whole").tokens
    }

    /// Method and address of every other call.
    pub(super) fn calls(&self) -> Vec<String> {
        self.inner.lock().expect("whole").calls.clone()
    }

    /// The `Authorization` of every other call.
    pub(super) fn bearers(&self) -> Vec<String> {
        self.inner.lock().expect("whole").bearers.clone()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response<Body> {
    let mut inner = fake.inner.lock().expect("whole");
    let reply = if request.uri().path() == "/token" {
        inner.tokens += 1;
        let token = json!({"access_token": format!("token-{}", inner.tokens), "expires_in": 3599});
        inner.token_replies.pop_front().unwrap_or_else(|| Reply::json(200, &token))
    } else {
        inner.calls.push(format!("{} {}", request.method(), request.uri()));
        let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        inner.bearers.push(bearer.unwrap_or_default().to_owned());
        inner.replies.pop_front().unwrap_or_else(|| Reply::error(418, "unscripted", "no answer is left"))
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).expect("an answer")
}
