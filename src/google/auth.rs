//! Access tokens by domain-wide delegation: signed assertions (RFC 7523) exchanged for tokens, one per scope, shared.
//! Not here: the key (`key`), and what a refused token means (`answers`).

use super::call::{Call, Scope};
use super::classify::{Verdict, classify, row_of};
use super::flight::Flight;
use super::key::Credentials;
use super::limits::{Limits, Quota};
use super::request::Request;
use super::transport::Transport;
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::MailAddress;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
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

impl Tokens {
    pub(super) fn new(credentials: Credentials, admin: MailAddress) -> Self {
        let slot = || Slot { flight: Flight::new(REQUEST_MAX), refused: AtomicU64::new(0) };
        let scopes = Scope::ALL.into_iter().chain(Scope::OPTIONAL);
        let slots = scopes.map(|scope| (scope, slot())).collect();
        Self { credentials, admin, slots, serial: AtomicU64::new(0) }
    }

    /// A token that opens the scope; one request at a time serves all who ask.
    pub(super) async fn get(
        self: &Arc<Self>,
        scope: Scope,
        transport: &Arc<Transport>,
        limits: &Arc<Limits>,
    ) -> Result<Token, Failure> {
        let slot = &self.slots[&scope];
        let usable = |token: &Token| {
            Instant::now() < token.refresh_at && token.serial > slot.refused.load(Ordering::Relaxed)
        };
        let (tokens, transport, limits) = (Arc::clone(self), Arc::clone(transport), Arc::clone(limits));
        let read = async move || tokens.request(scope, &transport, &limits).await;
        slot.flight.get(usable, read).await
    }

    /// An API refused the token: the next `get` asks for another, once for all who were refused with it.
    pub(super) fn refused(&self, scope: Scope, token: &Token) {
        self.slots[&scope].refused.fetch_max(token.serial, Ordering::Relaxed);
    }

    async fn request(&self, scope: Scope, transport: &Transport, limits: &Limits) -> Result<Token, Failure> {
        limits.acquire(Quota::Token).await?;
        let audience = transport.endpoint().token_url();
        let assertion = assertion(&self.credentials, &self.admin, scope, &audience, transport.now())?;
        let begun = Instant::now();
        let answer = transport.send(&Request::Token { assertion: &assertion }, None).await?;
        if !answer.is_success() {
            let error = answer.error(Call::Token, &[self.admin.as_str()]);
            tracing::debug!(
                call = Call::Token.template(),
                status = error.status,
                reason = error.shown.reason,
                row = row_of(&error, None),
                "refused"
            );
            let Verdict::Fails(failure) = classify(&error, None) else {
                return Err(Failure::permanent(FailureCode::UnknownAnswer));
            };
            if failure.kind == FailureKind::Throttled {
                limits.throttled(Quota::Token, error.retry_after);
            }
            // The operator has to know which scope to delegate.
            let detail = format!("{} {}", scope.url(), failure.detail);
            return Err(failure.with_detail(&detail));
        }
        let grant: Grant = answer.decode(Call::Token)?;
        let life = Duration::from_secs(grant.expires_in).min(LIFE_MAX);
        Ok(Token {
            secret: Arc::new(grant.access_token),
            serial: self.serial.fetch_add(1, Ordering::Relaxed) + 1,
            refresh_at: begun + life * 4 / 5,
        })
    }
}

/// A signed JWT that asks for one scope in the name of the administrator.
fn assertion(
    credentials: &Credentials,
    admin: &MailAddress,
    scope: Scope,
    audience: &str,
    now: Timestamp,
) -> Result<SecretString, Failure> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(key_id) = credentials.key_id() {
        header["kid"] = key_id.into();
    }
    let issued = now.as_second();
    let claims = json!({
        "iss": credentials.email(),
        "sub": admin.as_str(),
        "scope": scope.url(),
        "aud": audience,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = credentials.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

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
        let jwt = assertion(&credentials, &admin, Scope::Users, "https://oauth2.googleapis.com/token", now)
            .unwrap();
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
