//! The service account: its key file, read and checked once, or its name alone where Google signs for it.
//! Not here: what is signed (`auth`).

use super::endpoint::{Endpoint, is_loopback};
use super::key_text::{pkcs8, unescaped};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::MailAddress;
use crate::model::privacy::is_private;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest key file that is read, in bytes.
const FILE_MAX: usize = 64 * 1024;

/// A service account that may act for the administrator. Cheap to clone; shows nothing of itself.
#[derive(Clone)]
pub struct Credentials {
    inner: Arc<Inner>,
}

struct Inner {
    email: String,
    client_id: Option<String>,
    signer: Signer,
}

/// Who signs in the service account's name.
pub(super) enum Signer {
    /// This process, with the account's key.
    Key(Box<Key>),
    /// Google, asked by the machine's own account, which may sign for this one (`docs/GOOGLE.md` 57).
    Google(MailAddress),
}

/// A private key.
pub(super) struct Key {
    id: Option<String>,
    pair: RsaKeyPair,
}

/// Google's key file, as far as it is used.
#[derive(Deserialize)]
struct KeyFile<'a> {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    client_id: Option<String>,
    /// As it stands there: a parsed text would leave copies behind.
    #[serde(borrow)]
    private_key: &'a RawValue,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl Credentials {
    /// Reads a key file. Errors: `credentials_unusable`, with the reason and never the content: it cannot be read, it
    /// is open to others, it is no service account's key, or it wants its tokens from a foreign place.
    pub fn from_file(path: &Path, endpoint: &Endpoint) -> Result<Self, Failure> {
        let unreadable =
            |error: std::io::Error| unusable(&format!("the key file cannot be read: {}", error.kind()));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode();
        if !is_private(mode) {
            return Err(unusable("the key file is open to other users: set its mode to 0600"));
        }
        // Room for all of it at once: a growing buffer would leave copies of the key behind.
        let mut json = Zeroizing::new(Vec::with_capacity(FILE_MAX + 1));
        file.take(FILE_MAX as u64 + 1).read_to_end(&mut json).map_err(unreadable)?;
        Self::from_json(&json, endpoint)
    }

    /// Reads the content of a key file. Errors: as [`Credentials::from_file`].
    pub fn from_json(json: &[u8], endpoint: &Endpoint) -> Result<Self, Failure> {
        if json.len() > FILE_MAX {
            return Err(unusable("the key file is too long"));
        }
        let file: KeyFile<'_> = serde_json::from_slice(json)
            .map_err(|_| unusable("the key file is not a service account's JSON"))?;
        if file.kind != "service_account" {
            return Err(unusable("the key file is not of type service_account"));
        }
        if !may_name(file.token_uri.as_deref(), endpoint) {
            return Err(unusable("the key file names a foreign token_uri"));
        }
        let der = unescaped(file.private_key.get()).and_then(|pem| pkcs8(&pem));
        let der = der.ok_or_else(|| unusable("the private key is not PKCS#8 in PEM"))?;
        let pair = RsaKeyPair::from_pkcs8(&der)
            .map_err(|_| unusable("the private key is not an RSA key of 2048 bits or more"))?;
        let signer = Signer::Key(Box::new(Key { id: file.private_key_id, pair }));
        let client_id = file.client_id.filter(|id| is_client_id(id));
        Ok(Self { inner: Arc::new(Inner { email: file.client_email, client_id, signer }) })
    }

    /// A service account without a key: Google signs for it when the machine's own account asks.
    pub fn keyless(account: MailAddress) -> Self {
        let email = account.to_string();
        Self { inner: Arc::new(Inner { email, client_id: None, signer: Signer::Google(account) }) }
    }

    /// The service account.
    pub fn email(&self) -> &str {
        &self.inner.email
    }

    /// The number under which the Admin console knows the service account for delegation; a key file says it.
    pub fn client_id(&self) -> Option<&str> {
        self.inner.client_id.as_deref()
    }

    /// Who signs.
    pub(super) fn signer(&self) -> &Signer {
        &self.inner.signer
    }
}

impl Key {
    /// Google's id of the key.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// RS256 (RFC 7518, 3.3): RSASSA-PKCS1-v1_5 with SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // The randomness only blinds the computation; the signature does not depend on it.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| unusable("the private key cannot sign"))?;
        Ok(signature)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// Whether a key file may say this about where its tokens come from. It is never obeyed: tokens come from the endpoint.
/// A sandbox's key file may name any loopback port, since the endpoint may be moved after the file was written.
fn may_name(token_uri: Option<&str>, endpoint: &Endpoint) -> bool {
    let Some(token_uri) = token_uri else { return true };
    token_uri == Endpoint::Google.token_url()
        || (endpoint.is_loopback() && Url::parse(token_uri).is_ok_and(|url| is_loopback(&url)))
}

/// A number, and nothing that could mislead whoever pastes it.
fn is_client_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn unusable(why: &str) -> Failure {
    Failure::needs(Who::Operator, FailureCode::CredentialsUnusable).with_detail(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::fixture_tests;
    use std::os::unix::fs::OpenOptionsExt as _;

    fn refusal(json: &str, endpoint: &Endpoint) -> String {
        let failure = Credentials::from_json(json.as_bytes(), endpoint).expect_err("a refusal");
        assert_eq!(failure.code, FailureCode::CredentialsUnusable);
        failure.detail
    }

    #[test]
    fn foreign_token_endpoints_are_refused() {
        let sandbox = Endpoint::parse("http://127.0.0.1:9010").unwrap();
        let google = "https://oauth2.googleapis.com/token";
        let check = |token_uri: &str, endpoint: &Endpoint, accepted: bool| {
            let file = fixture_tests::key_file(token_uri);
            assert_eq!(Credentials::from_json(file.as_bytes(), endpoint).is_ok(), accepted, "{token_uri}");
        };
        check(google, &Endpoint::Google, true);
        check(google, &sandbox, true);
        check("http://127.0.0.1:9010/token", &sandbox, true);
        check("http://127.0.0.1:9010/token", &Endpoint::Google, false);
        for foreign in [
            "https://oauth2.googleapis.com.evil.example/token",
            "https://evil.example/token",
            "http://10.0.0.1/token",
            "",
        ] {
            check(foreign, &sandbox, false);
            check(foreign, &Endpoint::Google, false);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let google = Endpoint::Google;
        let good = fixture_tests::key_file("https://oauth2.googleapis.com/token");
        assert!(
            refusal("{\"type\":\"service_account\",\"private_key\":\"hush\"}", &google)
                .contains("service account")
        );
        assert!(refusal(&good.replace("service_account", "authorized_user"), &google).contains("type"));
        assert!(refusal(&good.replace("PRIVATE KEY", "PUBLIC KEY"), &google).contains("PEM"));
        assert!(refusal(&" ".repeat(70_000), &google).contains("too long"));
        let credentials = Credentials::from_json(good.as_bytes(), &google).unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials(redacted)");
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let accepted = [0o400, 0o440, 0o600, 0o640].map(|mode| (mode, true));
        let refused = [0o644, 0o660, 0o604].map(|mode| (mode, false));
        for (mode, accepted) in accepted.into_iter().chain(refused) {
            let path = folder.path().join(format!("{mode:o}.json"));
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
            let content = fixture_tests::key_file("https://oauth2.googleapis.com/token");
            std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
            file.set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Credentials::from_file(&path, &Endpoint::Google).is_ok(), accepted, "{mode:o}");
        }
        assert!(Credentials::from_file(&folder.path().join("none"), &Endpoint::Google).is_err());
    }
}
