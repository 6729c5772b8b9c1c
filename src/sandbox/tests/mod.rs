//! The sandbox over a real socket: what a client of Google's sees. The harness is here, the promises are in the files.

mod access;
mod control;
mod directory;
mod inserts;
mod keyless;
mod leaving;
mod license_answers;
mod licensing;
mod nasty;
mod policies;
mod published;
mod reports;
mod roles;
mod transport;
mod young;

use super::init::{DemoFiles, demo_files};
use super::{Customer, Millis, Sandbox, SandboxClock, Settings, World};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// 2026-01-01T00:00:00Z, when every test begins.
const START: Millis = 1_767_225_600_000;
const AUTH: &str = "https://www.googleapis.com/auth/";
const SE: &str = "C01nordicse";
const DK: &str = "C01nordicdk";
const NO: &str = "C01nordicno";
const ALL_SCOPES: &str = "admin.directory.customer.readonly admin.directory.domain.readonly \
    admin.directory.group.readonly admin.directory.orgunit admin.directory.rolemanagement admin.directory.user \
    admin.directory.user.security apps.licensing cloud-identity.userinvitations.readonly";

/// A sandbox on a socket, its clock in the test's hand, and a client.
struct Google {
    sandbox: Sandbox,
    now: Arc<AtomicI64>,
    url: String,
    http: reqwest::Client,
    _stop: tokio_util::sync::DropGuard,
}

/// Status and body; a body that is not JSON is its text.
type Seen = (u16, Value);

impl Google {
    /// The demo world as it is.
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The demo world with settings changed for every customer.
    async fn set(change: impl Fn(&mut Settings)) -> Self {
        Self::with(|world| world.customers.values_mut().for_each(|customer| change(&mut customer.settings)))
            .await
    }

    /// The demo world, changed.
    async fn with(change: impl FnOnce(&mut World)) -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let source = now.clone();
        let clock = SandboxClock::from_source(move || source.load(Ordering::Relaxed));
        let mut world = World::from_toml(&files().world).unwrap();
        change(&mut world);
        let sandbox = Sandbox::with_clock(world, clock);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, now, url, http, _stop: stop.drop_guard() }
    }

    fn wait(&self, milliseconds: Millis) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn seconds(&self) -> i64 {
        self.now.load(Ordering::Relaxed) / 1000
    }

    /// A client of a customer with every scope that the tests use.
    async fn client(&self, customer: &str) -> Client<'_> {
        self.client_for(customer, ALL_SCOPES).await
    }

    /// A client of a customer with these scopes.
    async fn client_for(&self, customer: &str, scopes: &str) -> Client<'_> {
        let (status, body) = self.token(customer, &self.claims(customer, scopes)).await;
        assert_eq!(status, 200, "{body}");
        Client { google: self, token: body["access_token"].as_str().unwrap().to_owned() }
    }

    fn claims(&self, customer: &str, scopes: &str) -> Value {
        let reseller = files().resellers.iter().find(|reseller| reseller.customer_id == customer).unwrap();
        let key: Value = serde_json::from_str(&reseller.credentials).unwrap();
        let scopes: Vec<String> = scopes.split_whitespace().map(|scope| format!("{AUTH}{scope}")).collect();
        json!({"iss": key["client_email"], "sub": reseller.admin, "scope": scopes.join(" "),
               "aud": "https://oauth2.googleapis.com/token", "iat": self.seconds(), "exp": self.seconds() + 3_600})
    }

    /// Asks for a token with these claims, signed with the customer's key.
    async fn token(&self, customer: &str, claims: &Value) -> Seen {
        let reseller = files().resellers.iter().find(|reseller| reseller.customer_id == customer).unwrap();
        let key: Value = serde_json::from_str(&reseller.credentials).unwrap();
        self.exchange(&sign(&key, claims)).await
    }

    /// A control call that must work.
    async fn control_set(&self, path: &str, body: Value) {
        let request = self.http.post(format!("{}/_sandbox/{path}", self.url)).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path} {body}: {}", response.text().await.unwrap());
    }

    async fn exchange(&self, assertion: &str) -> Seen {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
        seen(self.http.post(format!("{}/token", self.url)).form(&form).send().await.unwrap()).await
    }
}

/// Calls with a token.
struct Client<'a> {
    google: &'a Google,
    token: String,
}

impl Client<'_> {
    async fn get(&self, path: &str) -> Seen {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Seen {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Seen {
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Seen {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Seen {
        seen(self.send(method, path, body).await.unwrap()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<reqwest::Response> {
        let request =
            self.google.http.request(method, format!("{}{path}", self.google.url)).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }
}

async fn seen(response: reqwest::Response) -> Seen {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

/// Status, reason and message of a refusal, for comparing.
fn refusal(seen: &Seen) -> (u16, &str, &str) {
    let error = &seen.1["error"];
    assert_eq!(error["code"], seen.0, "{seen:?}");
    let reason = error["errors"][0]["reason"].as_str().or(error["status"].as_str()).unwrap();
    (seen.0, reason, error["message"].as_str().unwrap())
}

fn sign(key: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]});
    let signed = format!("{}.{}", part(&header), part(claims));
    let der = super::rsa::unpem("PRIVATE KEY", key["private_key"].as_str().unwrap()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The demo's files with keys that are made once per test run.
fn files() -> &'static DemoFiles {
    static FILES: OnceLock<DemoFiles> = OnceLock::new();
    FILES.get_or_init(|| demo_files().unwrap())
}

fn customer_of<'a>(world: &'a mut World, id: &str) -> &'a mut Customer {
    world.customers.get_mut(id).unwrap()
}

fn person(email: &str) -> Value {
    json!({"primaryEmail": email, "password": "correct horse battery", "changePasswordAtNextLogin": true,
           "name": {"givenName": "Anna", "familyName": "Åkesson"}, "orgUnitPath": "/",
           "externalIds": [{"type": "custom", "customType": "carepass", "value": "E-1"}]})
}
