//! The ledger's hash chain: each batch of commits is one link. Its hash is SHA-256 of the hash before it, the batch's token, and for each
//! entry its position, its length and its text; the code is an HMAC of that hash (`ChainKey`). Whoever may write to the database and has
//! no key can compute hashes anew, and not the codes.
//! Not here: reading the ledger to verify it (`verify`).

use crate::store::embedded::ChainKey;
use ring::digest::{Context, SHA256};
use std::fmt;

const TOKEN: usize = 16;
const HASH: usize = 32;
const SEAL: usize = TOKEN + HASH + HASH;

/// A SHA-256. The chain begins with all zero.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Hash([u8; HASH]);

/// Which batch it is: who wrote it, and the how manieth. No two batches have the same, so that a writer who has lost an answer
/// recognizes its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token([u8; TOKEN]);

/// What closes a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Which batch.
    pub token: Token,
    /// Its hash.
    pub hash: Hash,
    code: [u8; HASH],
}

/// A batch that is being hashed.
pub struct Open {
    token: Token,
    context: Context,
}

impl Hash {
    /// Reads one; nothing is the beginning.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Self::default()) } else { bytes.try_into().ok().map(Self) }
    }

    /// As the table holds it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Token {
    /// The so manieth batch of a writer.
    pub fn new(writer: u64, count: u64) -> Self {
        let mut token = [0; TOKEN];
        token[..8].copy_from_slice(&writer.to_be_bytes());
        token[8..].copy_from_slice(&count.to_be_bytes());
        Self(token)
    }
}

impl Seal {
    /// Reads one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SEAL] = bytes.try_into().ok()?;
        let (token, rest) = bytes.split_at(TOKEN);
        let (hash, code) = rest.split_at(HASH);
        Some(Self {
            token: Token(token.try_into().ok()?),
            hash: Hash(hash.try_into().ok()?),
            code: code.try_into().ok()?,
        })
    }

    /// As the table holds it.
    pub fn bytes(&self) -> Vec<u8> {
        [self.token.0.as_slice(), &self.hash.0, &self.code].concat()
    }

    /// Whether it was made by whoever has this key.
    pub fn is_vouched_by(&self, key: &ChainKey) -> bool {
        key.has_signed(&self.hash.0, &self.code)
    }
}

impl Open {
    /// A batch that follows.
    pub fn after(before: &Hash, token: Token) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&before.0);
        context.update(&token.0);
        Self { token, context }
    }

    /// Takes in an entry.
    pub fn push(&mut self, position: u64, body: &str) {
        self.context.update(&position.to_be_bytes());
        self.context.update(&(body.len() as u64).to_be_bytes());
        self.context.update(body.as_bytes());
    }

    /// The hash of what was taken in.
    pub fn hash(self) -> Hash {
        Hash(self.context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Closes it.
    pub fn close(self, key: &ChainKey) -> Seal {
        let token = self.token;
        let hash = self.hash();
        Seal { token, hash, code: key.sign(&hash.0) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(before: Hash, count: u64, entries: &[(u64, &str)], key: &ChainKey) -> Seal {
        let mut open = Open::after(&before, Token::new(7, count));
        for (position, body) in entries {
            open.push(*position, body);
        }
        open.close(key)
    }

    #[test]
    fn whatever_differs_gives_another_hash() {
        let key = ChainKey::known();
        let first = batch(Hash::default(), 1, &[(1, "ab"), (2, "c")], &key);
        let others = [
            batch(first.hash, 1, &[(1, "ab"), (2, "c")], &key),
            batch(Hash::default(), 2, &[(1, "ab"), (2, "c")], &key),
            batch(Hash::default(), 1, &[(1, "a"), (2, "bc")], &key),
            batch(Hash::default(), 1, &[(1, "ab"), (3, "c")], &key),
            batch(Hash::default(), 1, &[(1, "ab")], &key),
        ];
        assert!(others.iter().all(|other| other.hash != first.hash));
        assert_eq!(Seal::parse(&first.bytes()).map(|seal| seal.bytes()), Some(first.bytes()));
        assert!(first.is_vouched_by(&key));
        let other = ChainKey::of(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[1; 32]));
        assert!(!first.is_vouched_by(&other));
        assert!(Seal::parse(&first.bytes()[1..]).is_none());
    }
}
