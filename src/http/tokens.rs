//! Who may use the API: bearer tokens (RFC 6750), of which only a hash is kept. Not here: where a token stands in a request (`auth`).
//!
//! A plain SHA-256 is the right hash here, unlike for passwords: a token is 32 random bytes, so there is nothing to guess, and a
//! slow hash would only make every request slow. To keep that true, shorter texts are never accepted as tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// The shortest and longest text that is looked at as a token; 32 bytes are 43 characters of base64.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 43..=512;

/// The most tokens in a file, and the longest name.
const TOKENS_MAX: usize = 1_000;
const NAME_MAX: usize = 64;

/// The largest tokens file, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// What a caller may do; each role may also do what the ones before it may, but a viewer may not publish.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends events, and nothing else.
    Publisher,
    /// Reads.
    Viewer,
    /// Decides about rows: retry, skip, cancel.
    Operator,
    /// Releases what a limit holds.
    Approver,
}

/// A caller who has shown a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, as it stands in the ledger.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// The known tokens. Without any, nobody is let in.
#[derive(Clone)]
pub struct Tokens {
    /// Known tokens are compared as tags of a key that lives as long as the process: the comparison takes the same time whatever
    /// was presented.
    key: hmac::Key,
    known: Vec<(hmac::Tag, Caller)>,
}

/// What a session remembers of the token that opened it.
#[derive(Clone, Copy)]
pub(super) struct TokenHash(digest::Digest);

impl TokenHash {
    /// None of a text that can be no token.
    pub(super) fn of(presented: &str) -> Option<Self> {
        TOKEN_LENGTH.contains(&presented.len()).then(|| Self(hash(presented)))
    }

    /// Whether both are of one token; neither is a secret here.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

/// A new token: the secret for its owner, the hash for the tokens file.
pub struct NewToken {
    /// What the owner presents.
    pub secret: SecretString,
    /// What the tokens file holds, in hexadecimal.
    pub hash: String,
}

/// Why the tokens file cannot be used. Shows no hash.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    File(std::io::Error),
    /// It is no TOML of the expected shape.
    #[error("not a tokens file: {0}; write there what `carepass token new` prints")]
    Shape(String),
    /// It is readable, and wrong: all faults at once.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tokens: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    role: Role,
    hash: String,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Publisher, Self::Viewer, Self::Operator, Self::Approver];

    /// Whether it may do what needs at least this role.
    pub fn may(self, least: Self) -> bool {
        self >= least && !(self == Self::Viewer && least == Self::Publisher)
    }

    /// The name in the tokens file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl NewToken {
    /// Makes a token.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn make(random: &dyn SecureRandom) -> Result<Self, TokensError> {
        let mut bytes = [0; TOKEN_BYTES];
        random.fill(&mut bytes).map_err(|_| TokensError::NoRandomness)?;
        let secret = URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { hash: hexadecimal(hash(&secret).as_ref()), secret: secret.into() })
    }
}

impl Tokens {
    /// No tokens: every caller is refused.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn none(random: &dyn SecureRandom) -> Result<Self, TokensError> {
        Self::parse("", random)
    }

    /// Reads the tokens file. Blocks; call it before the work begins.
    ///
    /// # Errors
    /// When it cannot be read, or has faults.
    pub fn read(path: &Path, random: &dyn SecureRandom) -> Result<Self, TokensError> {
        if std::fs::metadata(path).map_err(TokensError::File)?.len() > FILE_MAX {
            return Err(TokensError::File(std::io::ErrorKind::FileTooLarge.into()));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(TokensError::File)?, random)
    }

    /// Reads the text of a tokens file.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(text: &str, random: &dyn SecureRandom) -> Result<Self, TokensError> {
        // Only the message: the error's own picture of the line could show a hash, or a token put there by mistake.
        let file: File = toml::from_str(text).map_err(|e| TokensError::Shape(e.message().to_owned()))?;
        let faults = faults(&file.tokens);
        if !faults.is_empty() {
            return Err(TokensError::Faults(faults));
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, random).map_err(|_| TokensError::NoRandomness)?;
        let known = file.tokens.into_iter().filter_map(|line| {
            let tag = hmac::sign(&key, &bytes(&line.hash)?);
            Some((tag, Caller { name: line.name, role: line.role }))
        });
        Ok(Self { known: known.collect(), key })
    }

    /// The caller whose token this is.
    pub fn caller(&self, presented: &str) -> Option<&Caller> {
        self.caller_of(&TokenHash::of(presented)?)
    }

    /// The caller whose token this is the hash of: a session asks at every request, so that it ends with its token.
    pub(super) fn caller_of(&self, presented: &TokenHash) -> Option<&Caller> {
        let same = |tag: &hmac::Tag| hmac::verify(&self.key, presented.0.as_ref(), tag.as_ref()).is_ok();
        // All are compared, so that the time tells nothing about the place either.
        let mut found = None;
        for (tag, caller) in &self.known {
            if same(tag) {
                found = Some(caller);
            }
        }
        found
    }
}

fn faults(lines: &[Line]) -> Vec<String> {
    let mut faults = Vec::new();
    if lines.len() > TOKENS_MAX {
        faults.push(format!("more than {TOKENS_MAX} tokens"));
    }
    let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        if line.name.is_empty() || line.name.len() > NAME_MAX || line.name.chars().any(char::is_control) {
            faults.push(format!("token {number}: the name must have 1 to {NAME_MAX} visible characters"));
        }
        if !names.insert(&line.name) {
            faults.push(format!(
                "token {number}: the name is used before; the ledger could not tell them apart"
            ));
        }
        if bytes(&line.hash).is_none() {
            faults.push(format!(
                "token {number}: the hash must be 64 lower-case hexadecimal digits; `carepass token new` writes them"
            ));
        } else if !hashes.insert(&line.hash) {
            faults.push(format!("token {number}: the same token stands here before"));
        }
    }
    faults
}

fn hash(token: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, token.as_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a hash in hexadecimal.
fn bytes(hash: &str) -> Option<Vec<u8>> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hash.len() != 2 * digest::SHA256_OUTPUT_LEN || !hash.bytes().all(lower) {
        return None;
    }
    (0..hash.len()).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).ok()).collect()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewToken(..)")
    }
}

impl NewToken {
    /// The lines for the tokens file.
    pub fn lines(&self, name: &str, role: Role) -> String {
        let name = toml::Value::String(name.to_owned());
        format!("[[tokens]]\nname = {name}\nrole = \"{role}\"\nhash = \"{}\"\n", self.hash)
    }

    /// The token in clear, to be shown once.
    pub fn reveal(&self) -> &str {
        self.secret.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn parse(text: &str) -> Result<Tokens, TokensError> {
        Tokens::parse(text, &SystemRandom::new())
    }

    #[test]
    fn a_made_token_opens_what_its_role_may() {
        let random = SystemRandom::new();
        let (asa, bo) = (NewToken::make(&random).unwrap(), NewToken::make(&random).unwrap());
        let file = asa.lines("asa \"the\" first", Role::Approver) + &bo.lines("bo", Role::Viewer);
        let tokens = parse(&file).unwrap();
        assert_eq!(
            tokens.caller(asa.reveal()),
            Some(&Caller { name: "asa \"the\" first".into(), role: Role::Approver })
        );
        assert_eq!(tokens.caller(bo.reveal()).map(|caller| caller.role), Some(Role::Viewer));
        let stranger = NewToken::make(&random).unwrap();
        for wrong in [stranger.reveal(), asa.hash.as_str(), "", &"a".repeat(600), &asa.reveal()[..42]] {
            assert_eq!(tokens.caller(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_short_token_is_never_accepted_even_if_its_hash_is_there() {
        let weak = "hunter2";
        let line =
            format!("[[tokens]]\nname=\"a\"\nrole=\"viewer\"\nhash=\"{}\"", hexadecimal(hash(weak).as_ref()));
        assert_eq!(parse(&line).unwrap().caller(weak), None);
    }

    #[test]
    fn all_faults_are_named_and_no_hash_is_shown() {
        let text = "[[tokens]]\nname=\"\"\nrole=\"viewer\"\nhash=\"ABC\"\n[[tokens]]\nname=\"\"\nrole=\"viewer\"\nhash=\"ABC\"";
        let Err(TokensError::Faults(faults)) = parse(text) else { panic!("accepted") };
        assert_eq!(faults.len(), 5, "{faults:?}");
        for text in
            ["[[tokens]]\nname=\"a\"\nrole=\"root\"\nhash=\"SECRET\"", "[[token]]", "tokens = \"SECRET\" x"]
        {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Approver);
        assert!(parse("").unwrap().caller(&"a".repeat(43)).is_none());
    }
}
