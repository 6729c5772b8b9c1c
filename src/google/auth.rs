//! Access tokens by domain-wide delegation: signed assertions (RFC 7523) exchanged for tokens, one per scope, shared. Who has no key has
//! Google sign, with the token of the machine's own account (`docs/GOOGLE.md` 57).
//! Not here: the key (`key`), and what a refused token means (`answers`).

use super::answer::Answer;
use super::call::{Call, Scope};
use super::classify::{Verdict, classify, row_of};
use super::flight::Flight;
use super::key::{Credentials, Key, Signer, unusable};
use super::limits::{Limits, Quota};
use super::request::Request;
use super::transport::Transport;
use crate::model::failure::{Failure, FailureCode, FailureKind, Prefilled};
use crate::model::id::MailAddress;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long an assertion holds, in seconds: Google takes an hour at most.
const ASSERTION_SECONDS: i64 = 3595;
/// How long a request may take: its turn, and the transport's own limit.
const REQUEST_MAX: Duration = Duration::from_mins(1);
/// The longest life of a token that is believed.
const LIFE_MAX: Duration = Duration::from_hours(1);

/// An access token. Its age is measured by a clock that nobody sets.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Arc<SecretString>,
    serial: u64,
    asked_at: Instant,
    refresh_at: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// The tokens of one reseller account.
pub(super) struct Tokens {
    credentials: Credentials,
    admin: MailAddress,
    slots: BTreeMap<Scope, Slot>,
    /// The token of the machine's own account.
    own: Slot,
    serial: AtomicU64,
}

struct Slot {
    flight: Flight<Token>,
    /// Tokens up to this serial number were refused by an API.
    refused: AtomicU64,
}

#[derive(Deserialize)]
struct Grant {
    access_token: SecretString,
    expires_in: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedJwt {
    signed_jwt: SecretString,
}

impl Tokens {
    pub(super) fn new(credentials: Credentials, admin: MailAddress) -> Self {
        let scopes = Scope::ALL.into_iter().chain(Scope::OPTIONAL);
        let slots = scopes.map(|scope| (scope, Slot::new())).collect();
        Self { credentials, admin, slots, own: Slot::new(), serial: AtomicU64::new(0) }
    }

    /// The administrator to act as.
    pub(super) fn admin(&self) -> &MailAddress {
        &self.admin
    }

    /// What an operator pastes into the Admin console, so that the service account may act for the administrator.
    pub(super) fn delegation(&self) -> Vec<Prefilled> {
        let listed = |scopes: &[Scope]| scopes.iter().map(|scope| scope.url()).collect::<Vec<_>>().join(",");
        let client = match self.credentials.client_id() {
            Some(id) => Prefilled::new("client_id", id),
            // Its number stands beside its name in the Google Cloud console.
            None => Prefilled::new("service_account", self.credentials.email()),
        };
        let required = Prefilled::new("scopes", &listed(&Scope::ALL));
        let optional = Prefilled::new("optional_scopes", &listed(&Scope::OPTIONAL));
        vec![client, required, optional]
    }

    /// A token that opens the scope; one request at a time serves all who ask.
    pub(super) async fn get(
        self: &Arc<Self>,
        scope: Scope,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        self.shared(scope, |_| true, transport, limits).await
    }

    /// A token that is asked for from now on: what was given before proves nothing of the present.
    pub(super) async fn anew(
        self: &Arc<Self>,
        scope: Scope,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        let now = Instant::now();
        self.shared(scope, |token| token.asked_at >= now, transport, limits).await
    }

    async fn shared(
        self: &Arc<Self>,
        scope: Scope,
        good: impl Fn(&Token) -> bool,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        let slot = &self.slots[&scope];
        let (tokens, transport, limits) = (Arc::clone(self), Arc::clone(transport), Arc::clone(limits));
        let read = async move || tokens.request(scope, &transport, &limits).await;
        slot.flight.get(|token| slot.is_usable(token) && good(token), read).await
    }

    /// An API refused the token: the next `get` asks for another, once for all who were refused with it.
    pub(super) fn refused(&self, scope: Scope, token: &Token) {
        self.slots[&scope].refused.fetch_max(token.serial, Ordering::Relaxed);
    }

    async fn request(
        self: &Arc<Self>,
        scope: Scope,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        limits.acquire(Quota::Token, None).await?;
        let audience = transport.endpoint().token_url();
        let claims = claims(&self.credentials, &self.admin, scope, &audience, transport.googles_now());
        let assertion = match self.credentials.signer() {
            Signer::Key(key) => assertion(key, &claims)?,
            Signer::Google(account) => self.signed_by_google(account, &claims, transport, limits).await?,
        };
        let begun = Instant::now();
        let answer = transport.send(&Request::Token { assertion: &assertion }, None).await?;
        if answer.is_success() {
            return Ok(self.token(answer.decode(Call::Token)?, begun));
        }
        let failure = self.refusal(Call::Token, &answer, limits);
        // The operator has to know which scope to delegate.
        let detail = format!("{} {}", scope.url(), failure.detail);
        let is_delegation = failure.code == FailureCode::DelegationMissing;
        let values = if is_delegation { self.delegation() } else { Vec::new() };
        Err(failure.with_detail(&detail).with_values(values))
    }

    /// Has Google sign in the service account's name. A refused token of the machine's own is replaced once.
    async fn signed_by_google(
        self: &Arc<Self>,
        account: &MailAddress,
        claims: &Json,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<SecretString, Failure> {
        let payload = claims.to_string();
        let request = Request::SignJwt { account, payload: &payload };
        let own = self.own(transport, limits).await?;
        let mut answer = transport.send(&request, Some(&own.secret)).await?;
        if answer.status == 401 {
            self.own.refused.fetch_max(own.serial, Ordering::Relaxed);
            let own = self.own(transport, limits).await?;
            answer = transport.send(&request, Some(&own.secret)).await?;
        }
        if answer.is_success() {
            return Ok(answer.decode::<SignedJwt>(Call::SignJwt)?.signed_jwt);
        }
        let failure = self.refusal(Call::SignJwt, &answer, limits);
        Err(in_words(failure, "Google does not sign for the service account"))
    }

    /// The token of the machine's own account.
    async fn own(
        self: &Arc<Self>,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        let (tokens, transport, limits) = (Arc::clone(self), Arc::clone(transport), Arc::clone(limits));
        let read = async move || {
            let begun = Instant::now();
            let answer = transport
                .send(&Request::OwnToken, None)
                .await
                .map_err(|failure| nobody_there(failure, tokens.own.flight.latest().is_some()))?;
            if answer.is_success() {
                return Ok(tokens.token(answer.decode(Call::OwnToken)?, begun));
            }
            let failure = tokens.refusal(Call::OwnToken, &answer, &limits);
            Err(in_words(failure, "the metadata server gives no token of the machine's account"))
        };
        self.own.flight.get(|token| self.own.is_usable(token), read).await
    }

    fn token(&self, grant: Grant, asked_at: Instant) -> Token {
        let life = Duration::from_secs(grant.expires_in).min(LIFE_MAX);
        Token {
            secret: Arc::new(grant.access_token),
            serial: self.serial.fetch_add(1, Ordering::Relaxed) + 1,
            asked_at,
            refresh_at: asked_at + life * 4 / 5,
        }
    }

    /// What a refusal on the way to a token means.
    fn refusal(&self, call: Call, answer: &Answer, limits: &Limits) -> Failure {
        let error = answer.error(call, &[self.admin.as_str()]);
        tracing::debug!(
            call = call.template(),
            status = error.status,
            reason = error.shown.reason,
            row = row_of(&error, None),
            "refused"
        );
        let Verdict::Fails(failure) = classify(&error, None) else {
            return Failure::permanent(FailureCode::UnknownAnswer);
        };
        if failure.kind == FailureKind::Throttled {
            limits.throttled(Quota::Token, None, error.retry_after);
        }
        failure
    }
}

impl Slot {
    fn new() -> Self {
        Self { flight: Flight::new(REQUEST_MAX), refused: AtomicU64::new(0) }
    }

    fn is_usable(&self, token: &Token) -> bool {
        Instant::now() < token.refresh_at && token.serial > self.refused.load(Ordering::Relaxed)
    }
}

/// Elsewhere there is no metadata server, and trying again does not make one. Where there was one before, it is passing trouble.
fn nobody_there(failure: Failure, was_there: bool) -> Failure {
    if failure.code.is_trouble() && !was_there {
        unusable("no metadata server answers: credentials without a key need a machine in Google Cloud")
    } else {
        failure
    }
}

/// What cannot be used is said in plain words, since a person has to do something about it.
fn in_words(failure: Failure, words: &str) -> Failure {
    if failure.code != FailureCode::CredentialsUnusable {
        return failure;
    }
    let detail = format!("{words}: {}", failure.detail);
    failure.with_detail(&detail)
}

/// What is asked for: one scope in the name of the administrator.
fn claims(
    credentials: &Credentials,
    admin: &MailAddress,
    scope: Scope,
    audience: &str,
    now: Timestamp,
) -> Json {
    let issued = now.as_second();
    json!({
        "iss": credentials.email(),
        "sub": admin.as_str(),
        "scope": scope.url(),
        "aud": audience,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
    })
}

/// The claims as a JWT, signed with our own key.
fn assertion(key: &Key, claims: &Json) -> Result<SecretString, Failure> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(key_id) = key.id() {
        header["kid"] = key_id.into();
    }
    let encode = |part: &Json| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

#[cfg(test)]
#[path = "keyless_tests.rs"]
mod keyless_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::fixture_tests;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use secrecy::ExposeSecret;
    use serde_json::Value;

    #[test]
    fn an_assertion_says_what_google_expects_and_its_signature_holds() {
        let credentials = fixture_tests::credentials();
        let admin = "robot@reseller-se.example".parse().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let asked = claims(&credentials, &admin, Scope::Users, "https://oauth2.googleapis.com/token", now);
        let Signer::Key(key) = credentials.signer() else { panic!("a key") };
        let jwt = assertion(key, &asked).unwrap();
        let parts: Vec<&str> = jwt.expose_secret().split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { panic!("three parts") };
        let decode =
            |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(decode(header), json!({"alg": "RS256", "typ": "JWT", "kid": "test-key"}));
        let expected = json!({
            "iss": "carepass@test.iam.gserviceaccount.com",
            "sub": "robot@reseller-se.example",
            "scope": "https://www.googleapis.com/auth/admin.directory.user",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_700_000_000,
            "exp": 1_700_003_595,
        });
        assert_eq!(decode(claims), expected);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, fixture_tests::public_key());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(format!("{header}.{claims}").as_bytes(), &signature).expect("the signature holds");
    }
}
