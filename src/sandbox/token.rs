//! The token endpoint (`POST /token`, RFC 7523) and the access tokens it has given.
//! Domain-wide delegation is all or nothing: one scope that is not delegated, and the whole token is refused.
//!
//! What is checked is Google's order as far as it shows: form, issuer, signature, audience, times, subject, scopes.
//! Whether the subject may do anything is not asked here: Google gives any user's token, and refuses the call.

use super::call::{Answer, Body, Call};
use super::clock::Millis;
use super::customer::domain_of;
use super::iam::Keyless;
use super::world::{Customer, World};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Path of the endpoint; also the end of a loopback audience.
pub const TOKEN_PATH: &str = "/token";

/// How the names of scopes begin.
pub const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFETIME_MS: Millis = 3_600_000;
/// How far the issue time may lie ahead.
const SKEW_SECONDS: i64 = 300;
/// Tokens kept; the oldest goes first.
const TOKENS_KEPT: usize = 10_000;

const UNAUTHORIZED: Denial = Denial(
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the \
     scopes requested.",
);
const SHORT_LIVED: Denial = Denial(
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and \
     exp values in the JWT claim.",
);

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The customer of the subject.
    pub customer: String,
    /// The subject's user id.
    pub subject: String,
    /// The scopes, full URLs.
    pub scopes: BTreeSet<String>,
    /// When it ends.
    pub expires: Millis,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub struct Tokens {
    given: BTreeMap<String, Grant>,
    order: std::collections::VecDeque<String>,
    count: u64,
    /// What was handed out without a key file.
    pub keyless: Keyless,
}

impl Tokens {
    /// The grant of a token that has not run out.
    pub fn grant(&self, token: &str, now: Millis) -> Option<&Grant> {
        self.given.get(token).filter(|grant| grant.expires > now)
    }

    /// Forgets every token of a customer, as a revocation does.
    pub fn revoke(&mut self, customer: &str) {
        self.given.retain(|_, grant| grant.customer != customer);
    }

    /// Forgets every token of a customer that opens a scope, as the revocation of that scope does.
    pub fn revoke_scope(&mut self, customer: &str, scope: &str) {
        self.given.retain(|_, grant| grant.customer != customer || !grant.scopes.contains(scope));
    }

    /// Answers a token request.
    pub fn answer(&mut self, world: &World, call: &Call, now: Millis) -> Answer {
        match decide(world, &self.keyless, call, now) {
            Ok(grant) => self.give(grant),
            Err(denial) => denial.answer(),
        }
    }

    fn give(&mut self, grant: Grant) -> Answer {
        self.count += 1;
        let token = format!("ya29.sandbox-{}-{}", grant.customer, self.count);
        let scopes = grant.scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        self.given.insert(token.clone(), grant);
        self.order.push_back(token.clone());
        if self.order.len() > TOKENS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.given.remove(&oldest);
        }
        let body = json!({"access_token": token, "expires_in": LIFETIME_MS / 1000 - 1, "token_type": "Bearer",
                          "scope": scopes});
        Answer::json(body)
    }
}

/// The customer that a token request is about, as far as its unverified claims tell; for fault rules and the log.
pub fn customer_of_request(world: &World, call: &Call) -> Option<String> {
    let assertion = call.form("assertion")?;
    let claims: Claims = decode_part(assertion.split('.').nth(1)?)?;
    Some(customer_of_subject(world, claims.sub.as_deref()?)?.id.clone())
}

/// An OAuth error: code and description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Denial(&'static str, &'static str);

impl Denial {
    fn answer(self) -> Answer {
        let status = if self.0 == UNAUTHORIZED.0 { 401 } else { 400 };
        let body = Body::Json(json!({"error": self.0, "error_description": self.1}));
        Answer { reason: Some(self.0.to_owned()), ..Answer::new(status, body) }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    #[serde(default)]
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

fn decide(world: &World, keyless: &Keyless, call: &Call, now: Millis) -> Result<Grant, Denial> {
    if call.form("grant_type").as_deref() != Some(GRANT_TYPE) {
        return Err(Denial("unsupported_grant_type", "Invalid grant_type"));
    }
    let assertion =
        call.form("assertion").ok_or(Denial("invalid_request", "Missing required parameter: assertion"))?;
    let claims = verified_claims(world, keyless, &assertion)?;
    let loopback = call.host.as_ref().map(|host| format!("http://{host}{TOKEN_PATH}"));
    let tls = call.host.as_ref().map(|host| format!("https://{host}{TOKEN_PATH}"));
    if claims.aud != AUDIENCE && Some(&claims.aud) != loopback.as_ref() && Some(&claims.aud) != tls.as_ref() {
        return Err(Denial(
            "invalid_grant",
            "Invalid JWT: Failed audience check. The right audience is \
            https://oauth2.googleapis.com/token",
        ));
    }
    let now_seconds = now.div_euclid(1000);
    let lifetime = claims.exp.saturating_sub(claims.iat);
    if claims.iat > now_seconds + SKEW_SECONDS
        || claims.exp <= now_seconds
        || !(1..=3_600).contains(&lifetime)
    {
        return Err(SHORT_LIVED);
    }
    // A service account without a subject belongs to no customer here; roles given straight to one are not modelled.
    let subject = claims.sub.as_deref().ok_or(UNAUTHORIZED)?;
    grant_for(world, &claims, subject, now)
}

fn verified_claims(world: &World, keyless: &Keyless, assertion: &str) -> Result<Claims, Denial> {
    let broken = Denial("invalid_grant", "Invalid JWT: not a JWT");
    let mut parts = assertion.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(broken);
    };
    let head: Header = decode_part(header).ok_or(broken)?;
    let body: Claims = decode_part(claims).ok_or(broken)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| broken)?;
    let account = world.service_accounts.get(&body.iss);
    let account = account.ok_or(Denial("invalid_grant", "Invalid grant: account not found"))?;
    let signed = &assertion.as_bytes()[..header.len() + 1 + claims.len()];
    let verifies = |key: &Vec<u8>| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed, &signature).is_ok()
    };
    let wanted = account.keys.iter().filter(|(id, _)| head.kid.as_ref().is_none_or(|kid| kid == *id));
    let is_signed = keyless.has_signed(assertion) || wanted.map(|(_, key)| key).any(verifies);
    if head.alg != "RS256" || !is_signed {
        return Err(Denial("invalid_grant", "Invalid JWT Signature."));
    }
    Ok(body)
}

fn grant_for(world: &World, claims: &Claims, subject: &str, now: Millis) -> Result<Grant, Denial> {
    let customer =
        customer_of_subject(world, subject).ok_or(Denial("invalid_grant", "Invalid email or User ID"))?;
    let gone = customer.deleted.values().any(|user| user.primary_email.eq_ignore_ascii_case(subject));
    let unknown = if gone { "The account has been deleted" } else { "Invalid email or User ID" };
    let user = customer.user(subject).ok_or(Denial("invalid_grant", unknown))?;
    if user.suspended {
        return Err(Denial("access_denied", "Account restricted"));
    }
    let age = now.saturating_sub(user.created);
    if age < Millis::try_from(customer.settings.young_user_token_ms).unwrap_or(Millis::MAX) {
        return Err(Denial("access_denied", "Requested client not authorized"));
    }
    let scopes: BTreeSet<String> = claims.scope.split_ascii_whitespace().map(str::to_owned).collect();
    let delegated = customer.delegates.contains(&claims.iss) && !customer.delegation_revoked;
    if !delegated || scopes.is_empty() || !scopes.is_subset(&customer.delegated_scopes) {
        return Err(UNAUTHORIZED);
    }
    Ok(Grant { customer: customer.id.clone(), subject: user.id.clone(), scopes, expires: now + LIFETIME_MS })
}

fn customer_of_subject<'a>(world: &'a World, subject: &str) -> Option<&'a Customer> {
    let subject = subject.to_ascii_lowercase();
    domain_of(&subject)?;
    world.customers.values().find(|customer| customer.owns(&subject))
}

fn decode_part<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
