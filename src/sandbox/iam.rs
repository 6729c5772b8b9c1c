//! Keyless delegation: the metadata server's token for the machine's own service account, and IAM Credentials'
//! `signJwt`, by which that account has assertions signed in the name of another (docs/GOOGLE.md row 57).
//!
//! No key signs here. What was signed is remembered word for word, and the token endpoint takes exactly that for signed;
//! so the sandbox stays free of chance, and a changed assertion is refused as one with a bad signature is.
//! Not here: what an assertion is good for (`token`), and other methods of the API.

use super::call::{Answer, Call, Reply};
use super::clock::Millis;
use super::error::Refusal;
use super::world::World;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/";
const LIFETIME_MS: Millis = 3_600_000;
/// The longest that a payload may be valid: 12 hours.
const PAYLOAD_SECONDS: i64 = 12 * 3_600;
/// Machine tokens, and signed assertions, that are remembered; the oldest goes first.
const KEPT: usize = 10_000;

/// What was handed out without a key file.
#[derive(Debug, Default)]
pub struct Keyless {
    tokens: BTreeMap<String, (String, Millis)>,
    signed: BTreeSet<String>,
    order: VecDeque<String>,
    count: u64,
}

impl Keyless {
    /// Answers a call of the metadata server or of IAM Credentials; none when it is another's.
    pub fn answer(&mut self, world: &World, call: &Call, now: Millis) -> Option<Answer> {
        if let Some(asked) = call.path.strip_prefix(METADATA) {
            return Some(self.metadata(world, call, asked, now));
        }
        let segments = call.segments();
        let [version, "projects", project, "serviceAccounts", last] =
            segments.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let account = last.strip_suffix(":signJwt").filter(|_| version == "v1" && call.method == "POST")?;
        Some(self.sign(world, call, project, account, now).unwrap_or_else(Answer::from))
    }

    /// Whether it was signed here, word for word.
    pub fn has_signed(&self, assertion: &str) -> bool {
        self.signed.contains(assertion)
    }

    /// The service account of a machine token that has not run out.
    pub fn account(&self, token: &str, now: Millis) -> Option<&str> {
        self.tokens.get(token).filter(|(_, expires)| *expires > now).map(|(account, _)| account.as_str())
    }

    fn metadata(&mut self, world: &World, call: &Call, asked: &str, now: Millis) -> Answer {
        let Some(account) = &world.metadata_account else { return page(404, "Not Found") };
        // The server's own guard against requests that a browser was tricked into.
        if call.metadata_flavor.as_deref() != Some("Google") {
            return page(403, "Missing Metadata-Flavor:Google header.");
        }
        let own = |part: &str| ["default", account].iter().any(|name| format!("{name}/{part}") == asked);
        if call.method == "GET" && own("email") {
            return from_metadata(Answer::text(200, account.clone()));
        }
        if call.method == "GET" && own("token") {
            let token = self.issue(account.clone(), now);
            let body =
                json!({"access_token": token, "expires_in": LIFETIME_MS / 1000 - 1, "token_type": "Bearer"});
            return from_metadata(Answer::json(body));
        }
        page(404, "Not Found")
    }

    fn issue(&mut self, account: String, now: Millis) -> String {
        self.count += 1;
        let token = format!("ya29.c.sandbox-machine-{}", self.count);
        self.tokens.retain(|_, (_, expires)| *expires > now);
        if self.tokens.len() >= KEPT {
            self.tokens.pop_first();
        }
        self.tokens.insert(token.clone(), (account, now + LIFETIME_MS));
        token
    }

    fn sign(&mut self, world: &World, call: &Call, project: &str, account: &str, now: Millis) -> Reply {
        let unknown = || {
            let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                           cookie or other valid authentication credential.";
            Refusal::with_status(401, "UNAUTHENTICATED", message)
        };
        let caller = call.bearer.as_deref().and_then(|token| self.account(token, now)).ok_or_else(unknown)?;
        let denied = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).";
        let held =
            world.service_accounts.get(account).is_some_and(|held| held.keyless_callers.contains(caller));
        if !held {
            return Err(Refusal::with_status(403, "PERMISSION_DENIED", denied));
        }
        let payload = payload(call, now).filter(|_| project == "-").ok_or_else(invalid)?;
        let key_id = key_id(account);
        let signed = signed(&key_id, &payload);
        if self.order.len() == KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.signed.remove(&oldest);
        }
        self.order.push_back(signed.clone());
        self.signed.insert(signed.clone());
        Ok(Answer::json(json!({"keyId": key_id, "signedJwt": signed})).with_effect("jwt.signed"))
    }
}

/// The claims as they were sent, if they are a JSON object that ends within twelve hours.
fn payload(call: &Call, now: Millis) -> Option<String> {
    let body = call.json().ok()?;
    let text = body["payload"].as_str()?;
    let claims: Value = serde_json::from_str(text).ok().filter(Value::is_object)?;
    let ends = &claims["exp"];
    let latest = now.div_euclid(1000) + PAYLOAD_SECONDS;
    (ends.is_null() || ends.as_i64()? <= latest).then(|| text.to_owned())
}

/// Header, claims, and in place of a signature something that looks like one.
fn signed(key_id: &str, payload: &str) -> String {
    let header = json!({"alg": "RS256", "kid": key_id, "typ": "JWT"});
    let text = format!(
        "{}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(header.to_string()),
        BASE64_URL_SAFE_NO_PAD.encode(payload)
    );
    let filler: Vec<u8> = (0..8_u8)
        .flat_map(|part| digest(&SHA256, format!("{part}{text}").as_bytes()).as_ref().to_vec())
        .collect();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(filler))
}

fn key_id(account: &str) -> String {
    let digest = digest(&SHA256, account.as_bytes());
    digest.as_ref().iter().take(20).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn page(status: u16, text: &str) -> Answer {
    from_metadata(Answer::text(status, text))
}

fn from_metadata(mut answer: Answer) -> Answer {
    answer.delivery.metadata_flavor = true;
    answer
}

fn invalid() -> Refusal {
    Refusal::with_status(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
}
