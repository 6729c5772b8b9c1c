//! Floor 1: the ways by which first passwords leave the house: a page's address, Vault, an encrypted file.
//! Not here: which passwords, to whom and when (`steps/hand_over`), and the page itself (`http/envelope`).

mod age;
mod vault;

pub use age::{AgeFolder, InvalidRecipient};
pub use vault::{VaultClient, VaultError, VaultSettings, Wrapping};

use crate::model::id::DomainName;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How long an envelope's page can be opened, unless the configuration says.
const EXPIRES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The ways that are open.
#[derive(Debug)]
pub struct Handovers {
    /// What the addresses of envelopes begin with, without a slash at the end.
    pub public_url: String,
    /// How long an envelope's page can be opened.
    pub expires: SignedDuration,
    /// Vault, if a reseller account uses it.
    pub vault: Option<VaultClient>,
    /// The folder of encrypted files, if a reseller account uses it.
    pub age: Option<AgeFolder>,
}

/// A page on this machine, and nothing else.
impl Default for Handovers {
    fn default() -> Self {
        let public_url = "http://127.0.0.1:8080".to_owned();
        Self { public_url, expires: EXPIRES, vault: None, age: None }
    }
}

/// The first password of one account.
#[derive(Debug)]
pub struct FirstPassword {
    /// The domain.
    pub domain: DomainName,
    /// The account's address.
    pub address: String,
    /// The password.
    pub password: SecretString,
}

/// What is wrapped and written: `{domain: {address, password}}`.
fn content(passwords: &[FirstPassword]) -> Zeroizing<String> {
    let of = |one: &FirstPassword| {
        (one.domain.to_string(), json!({ "address": one.address, "password": one.password.expose_secret() }))
    };
    let map: serde_json::Map<String, Value> = passwords.iter().map(of).collect();
    Zeroizing::new(Value::Object(map).to_string())
}
