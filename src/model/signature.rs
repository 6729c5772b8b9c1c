//! Signed events: a detached JWS (RFC 7515, appendix F) with `EdDSA` over Ed25519 (RFC 8037) of exactly the bytes of the body, in the
//! header `carepass-signature`. Who signs is told by `kid` among the keys of the event's own source; nothing that a header could bring
//! along, such as a key or an address of one, is looked at. Pure.
//! Not here: which sources must sign, and refusing (`engine/trust`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The header of a message, in lower case as HTTP shows it.
pub const SIGNATURE_HEADER: &str = "carepass-signature";

/// The longest signature that is read, in bytes; one with a short key id has about 180.
pub const SIGNATURE_MAX: usize = 900;

/// The name of the algorithm (RFC 8037, section 3.1).
const ALGORITHM: &str = "EdDSA";

/// Bytes of a public key, and of the seed of a private one.
pub const KEY_LENGTH: usize = 32;

/// What stands before the seed in a private key of Ed25519 (RFC 8410, section 7, version 1), as OpenSSL writes it.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A public key of Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_LENGTH]);

/// A key that a source signs its events with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceKey {
    /// The `CloudEvents` source, compared exactly.
    pub source: String,
    /// The key's name, the `kid` of the signature.
    pub id: String,
    /// The key.
    pub public_key: PublicKey,
}

/// Why a signature does not count. No word of it goes to the sender: one reason code stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It is no detached JWS in the compact form.
    #[error("not a detached JWS")]
    Form,
    /// Its header is no JSON object, or says something twice.
    #[error("the JWS header cannot be read")]
    Header,
    /// It demands what is not understood here (`crit`, `b64`).
    #[error("the JWS header asks for extensions")]
    Extension,
    /// It is not made with `EdDSA`.
    #[error("the algorithm is not EdDSA")]
    Algorithm,
    /// The source has no key of that name.
    #[error("no key of the source has that kid")]
    UnknownKey,
    /// Another key, or another body.
    #[error("the signature is not one of this body by that key")]
    Mismatch,
}

/// A private key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a private key of Ed25519 in PKCS#8")]
pub struct InvalidSigningKey;

impl PublicKey {
    /// Reads the member `x` of a JWK: 32 bytes in base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Whether the signature is one of the body by a key of the source.
pub fn verify(jws: &str, body: &[u8], source: &str, keys: &[SourceKey]) -> Result<(), SignatureFault> {
    if jws.len() > SIGNATURE_MAX {
        return Err(SignatureFault::Form);
    }
    // Detached: the part in the middle is empty.
    let (header, signature) = jws.split_once("..").ok_or(SignatureFault::Form)?;
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| SignatureFault::Form);
    let (plain, signature) = (decoded(header)?, decoded(signature)?);
    let kid = key_id(&plain)?;
    let key = keys.iter().find(|key| key.source == source && key.id == kid);
    let key = key.ok_or(SignatureFault::UnknownKey)?;
    UnparsedPublicKey::new(&ED25519, key.public_key.0)
        .verify(&signing_input(header, body), &signature)
        .map_err(|_| SignatureFault::Mismatch)
}

/// The name of the key, from a header that asks for nothing unusual.
fn key_id(header: &[u8]) -> Result<String, SignatureFault> {
    let Once(members) = serde_json::from_slice(header).map_err(|_| SignatureFault::Header)?;
    if members.contains_key("crit") || members.contains_key("b64") {
        return Err(SignatureFault::Extension);
    }
    if members.get("alg").and_then(Value::as_str) != Some(ALGORITHM) {
        return Err(SignatureFault::Algorithm);
    }
    members.get("kid").and_then(Value::as_str).map(str::to_owned).ok_or(SignatureFault::UnknownKey)
}

fn signing_input(header: &str, body: &[u8]) -> Vec<u8> {
    format!("{header}.{}", URL_SAFE_NO_PAD.encode(body)).into_bytes()
}

/// An object that says nothing twice: of two, another reader might take the other.
struct Once(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Once(members))
    }
}

/// A private key of Ed25519, for those who send events. Shows nothing of itself.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads PKCS#8, of version 1 (OpenSSL) or 2.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidSigningKey> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self).map_err(|_| InvalidSigningKey)
    }

    /// The key of a seed, as PKCS#8 of version 1.
    pub fn pkcs8_of(seed: &[u8; KEY_LENGTH]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&PKCS8_PREFIX[..], seed].concat())
    }

    /// What others verify with.
    ///
    /// # Panics
    /// Never: a public key of Ed25519 has 32 bytes.
    pub fn public_key(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref();
        PublicKey(bytes.try_into().expect("a public key of Ed25519 has 32 bytes"))
    }

    /// The signature of a body, for the header [`SIGNATURE_HEADER`].
    pub fn sign(&self, key_id: &str, body: &[u8]) -> String {
        let header = serde_json::json!({ "alg": ALGORITHM, "kid": key_id }).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        let signature = self.0.sign(&signing_input(&header, body));
        format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"id\":\"1\"}";

    /// RFC 8037, appendix A: the key, and its signature of a text.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCj\
                          P0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn signing_key() -> SigningKey {
        let seed = URL_SAFE_NO_PAD.decode(SEED).unwrap();
        SigningKey::from_pkcs8(&[&PKCS8_PREFIX[..], &seed].concat()).unwrap()
    }

    fn keys() -> Vec<SourceKey> {
        let other = SigningKey::from_pkcs8(&SigningKey::pkcs8_of(&[7; KEY_LENGTH])).unwrap().public_key();
        let key = |source: &str, id: &str, public_key| SourceKey {
            source: source.into(),
            id: id.into(),
            public_key,
        };
        vec![key("hr", "k1", signing_key().public_key()), key("hr", "k2", other), key("payroll", "p1", other)]
    }

    /// A signature with any header at all, by the right key.
    fn signed(header: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(header);
        let signature = signing_key().0.sign(&signing_input(&header, BODY));
        format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn the_example_of_rfc_8037_is_made_and_understood() {
        assert_eq!(signing_key().public_key().to_string(), PUBLIC);
        assert_eq!(PublicKey::parse(PUBLIC), Some(signing_key().public_key()));
        let (input, signature) = SIGNED.rsplit_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(signing_key().0.sign(input.as_bytes())), signature);
        let body = b"Example of Ed25519 signing";
        let (header, _) = input.split_once('.').unwrap();
        assert_eq!(signing_input(header, body), input.as_bytes());
    }

    #[test]
    fn only_a_signature_of_this_body_by_a_key_of_this_source_counts() {
        let keys = keys();
        let check = |jws: &str, source: &str, expected: Result<(), SignatureFault>| {
            assert_eq!(verify(jws, BODY, source, &keys), expected, "{jws}");
        };
        let good = signing_key().sign("k1", BODY);
        check(&good, "hr", Ok(()));
        check(&signed(r#"{"typ":"JOSE","kid":"k1","alg":"EdDSA"}"#), "hr", Ok(()));
        check(&good, "payroll", Err(SignatureFault::UnknownKey));
        check(&signing_key().sign("p1", BODY), "hr", Err(SignatureFault::UnknownKey));
        check(&signing_key().sign("k2", BODY), "hr", Err(SignatureFault::Mismatch));
        check(&signing_key().sign("k1", b"{\"id\":\"2\"}"), "hr", Err(SignatureFault::Mismatch));
        for (header, fault) in [
            (r#"{"alg":"none","kid":"k1"}"#, SignatureFault::Algorithm),
            (r#"{"alg":"HS256","kid":"k1"}"#, SignatureFault::Algorithm),
            (r#"{"kid":"k1"}"#, SignatureFault::Algorithm),
            (r#"{"alg":["EdDSA"],"kid":"k1"}"#, SignatureFault::Algorithm),
            (r#"{"alg":"EdDSA"}"#, SignatureFault::UnknownKey),
            (r#"{"alg":"EdDSA","kid":"k9"}"#, SignatureFault::UnknownKey),
            (r#"{"alg":"EdDSA","kid":"k1","crit":["exp"],"exp":1}"#, SignatureFault::Extension),
            (r#"{"alg":"EdDSA","kid":"k1","b64":false}"#, SignatureFault::Extension),
            (r#"{"alg":"none","alg":"EdDSA","kid":"k1"}"#, SignatureFault::Header),
            (r#"{"alg":"EdDSA","kid":"k9","kid":"k1"}"#, SignatureFault::Header),
            ("[]", SignatureFault::Header),
            ("", SignatureFault::Header),
        ] {
            check(&signed(header), "hr", Err(fault));
        }
        let (header, signature) = good.split_once("..").unwrap();
        let attached = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(BODY));
        let long = format!("{}{good}", "A".repeat(SIGNATURE_MAX));
        for form in ["", "..", "a.b", &attached, &format!("{good}="), &format!("{good}.x"), &long] {
            let fault = if form == ".." { SignatureFault::Header } else { SignatureFault::Form };
            check(form, "hr", Err(fault));
        }
        check(&format!("{header}.."), "hr", Err(SignatureFault::Mismatch));
    }
}
