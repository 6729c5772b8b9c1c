//! Sealed personal data and credentials: one data key per engineer, each wrapped by the master key.
//! Erasing an engineer is erasing the wrapped key: what was sealed stays in the ledger's proof and says nothing any more.
//! Not here: where sealed values are kept, and what is in them.

mod envelope;
mod master;
mod password;

pub use password::password;

use crate::model::event::ContentHash;
use crate::model::id::LocalPart;
use crate::model::parked::{Letter, LetterId};
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest letter that is sealed: a body that is kept, with its headers.
pub const LETTER_MAX: usize = 1024 * 1024;

/// The longest value that is sealed; a person's record is far below it, and a row has room for it.
pub const PLAIN_MAX: usize = 12 * 1024;

const KEY_LEN: usize = 32;
type KeyBytes = Zeroizing<[u8; KEY_LEN]>;

/// The first byte of all that is sealed, so that another way of sealing can be told apart one day.
const FORMAT: u8 = 1;

/// What a wrapped key is bound to: no value of an engineer can be passed off as a key, nor the reverse.
const KEY_BINDING: &str = "carepass key";
const VALUE_BINDING: &str = "carepass value: ";

const LETTER_BINDING: &str = "carepass letter: ";

/// What the key of letters is derived for.
const LETTER_PURPOSE: &[u8] = b"carepass letters";

/// What the key of name tags is derived for.
const TAG_PURPOSE: &[u8] = b"carepass name tags";

/// What the keys of letters' ids and of what events say are derived for.
const LETTER_ID_PURPOSE: &[u8] = b"carepass letter ids";
const CONTENT_PURPOSE: &[u8] = b"carepass event contents";
const CHAIN_PURPOSE: &[u8] = b"carepass ledger chain";

/// Why something could not be sealed or opened. Carries no part of a key or value.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The master key's file could not be read or created.
    #[error("the master key file {} cannot be {what}: {source}", path.display())]
    File {
        /// The file, or the folder it is in.
        path: PathBuf,
        /// What was tried, as a participle: "read".
        what: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// More people than the owner and a group that reads may get at the master key.
    #[error("the master key file {} has mode {mode:03o}: make it 600, and consider the key as read by others", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is there and holds something else.
    #[error("the file {} does not hold a master key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The value is longer than [`PLAIN_MAX`], or the letter than [`LETTER_MAX`].
    #[error("a value of more than {PLAIN_MAX} bytes, or a letter of more than {LETTER_MAX}, is not sealed")]
    TooLong,
    /// Wrong key, wrong binding, or altered; which of them cannot be known.
    #[error("the sealed value cannot be opened: another key, another place, or altered")]
    CannotOpen,
}

impl SealError {
    /// The file is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Seals and opens. Holds the master key; everything else it is handed. A clone shares the keys.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<Keys>,
    random: SystemRandom,
}

/// In one place: what is moved leaves copies of itself behind.
struct Keys {
    master: LessSafeKey,
    letters: LessSafeKey,
    envelopes: envelope::EnvelopeKeys,
    tags: hmac::Key,
    letter_ids: hmac::Key,
    contents: hmac::Key,
    chain: hmac::Key,
}

impl Sealer {
    /// Reads the master key from its file, or creates the file (mode 600, durably) when there is none.
    /// Blocks; call it before the work begins.
    ///
    /// # Errors
    /// When the file cannot be read or created, is readable by others, or holds no key.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let random = SystemRandom::new();
        let key = master::read_or_create(path, &random)?;
        Ok(Self::of(&key, random))
    }

    /// Reads the master key from its file and makes none: for whoever looks on beside the daemon. Blocks.
    ///
    /// # Errors
    /// When the file is missing or cannot be read, is readable by others, or holds no key.
    pub fn existing(path: &Path) -> Result<Self, SealError> {
        Ok(Self::of(&master::read(path)?, SystemRandom::new()))
    }

    /// A sealer whose master key dies with it: for tests and the demo.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn ephemeral() -> Result<Self, SealError> {
        let random = SystemRandom::new();
        let key = random_key(&random)?;
        Ok(Self::of(&key, random))
    }

    fn of(key: &KeyBytes, random: SystemRandom) -> Self {
        Self {
            keys: Arc::new(Keys {
                master: aead_key(key),
                letters: letter_key(key),
                envelopes: envelope::EnvelopeKeys::of(key),
                tags: hash_key(key, TAG_PURPOSE),
                letter_ids: hash_key(key, LETTER_ID_PURPOSE),
                contents: hash_key(key, CONTENT_PURPOSE),
                chain: hash_key(key, CHAIN_PURPOSE),
            }),
            random,
        }
    }

    /// What the ledger's chain is vouched for with.
    pub fn chain_key(&self) -> hmac::Key {
        self.keys.chain.clone()
    }

    /// Makes a data key for one engineer.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new_key(&self) -> Result<WrappedKey, SealError> {
        let key = random_key(&self.random)?;
        self.encrypt(&self.keys.master, KEY_BINDING, key.as_slice()).map(WrappedKey::from_bytes)
    }

    /// Seals a value so that it opens only with the same key and for the same `bound_to`, the name of its place:
    /// a value copied to another row or field does not open there.
    ///
    /// # Errors
    /// When the value is too long, the key is not of this master key, or there are no random bytes.
    pub fn seal(&self, key: &WrappedKey, bound_to: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        if plain.len() > PLAIN_MAX {
            return Err(SealError::TooLong);
        }
        self.encrypt(&self.unwrap(key)?, &value_binding(bound_to), plain).map(Sealed::from_bytes)
    }

    /// Opens what [`Sealer::seal`] made; the plain bytes are wiped from memory when they are dropped.
    ///
    /// # Errors
    /// When key, binding or bytes are not those that were sealed.
    pub fn unseal(
        &self,
        key: &WrappedKey,
        bound_to: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        decrypt(&self.unwrap(key)?, &value_binding(bound_to), sealed.as_bytes())
    }

    /// Seals a message that belongs to no engineer's key, since nobody can say whose it is, so that it opens only under its own id.
    ///
    /// # Errors
    /// When it is too long, or there are no random bytes.
    pub fn seal_letter(&self, id: &LetterId, plain: &[u8]) -> Result<Sealed, SealError> {
        if plain.len() > LETTER_MAX {
            return Err(SealError::TooLong);
        }
        self.encrypt(&self.keys.letters, &letter_binding(id), plain).map(Sealed::from_bytes)
    }

    /// Opens what [`Sealer::seal_letter`] made; the plain bytes are wiped from memory when they are dropped.
    ///
    /// # Errors
    /// When master key, id or bytes are not those that were sealed.
    pub fn unseal_letter(&self, id: &LetterId, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        decrypt(&self.keys.letters, &letter_binding(id), sealed.as_bytes())
    }

    /// The keyed hash under which a local part is reserved.
    pub fn tag(&self, local_part: &LocalPart) -> NameTag {
        NameTag::from_bytes(hmac::sign(&self.keys.tags, local_part.as_str().as_bytes()).as_ref().to_vec())
    }

    /// Which letter a message is: the same for the same message, and of no use to whoever lacks the key.
    pub fn letter_id(&self, letter: &Letter) -> LetterId {
        LetterId::of_tag(&keyed(&self.keys.letter_ids, &letter.digest()))
    }

    /// What may be kept of what an event says, to know it again.
    pub fn content(&self, plain: &ContentHash) -> ContentHash {
        ContentHash::from_bytes(keyed(&self.keys.contents, plain.as_bytes()))
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<LessSafeKey, SealError> {
        let bytes = decrypt(&self.keys.master, KEY_BINDING, key.as_bytes())?;
        let bytes: [u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| SealError::CannotOpen)?;
        Ok(aead_key(&Zeroizing::new(bytes)))
    }

    /// `FORMAT`, nonce, ciphertext with tag. A random 96-bit nonce is safe for far more values than a key ever seals
    /// (NIST SP 800-38D, 8.3: 2^32).
    fn encrypt(&self, key: &LessSafeKey, bound_to: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut secret = Zeroizing::new(plain.to_vec());
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut secret)
            .map_err(|_| SealError::TooLong)?;
        Ok([&[FORMAT], nonce.as_slice(), &secret, tag.as_ref()].concat())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(master key)")
    }
}

fn decrypt(key: &LessSafeKey, bound_to: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let rest = sealed.strip_prefix(&[FORMAT]).ok_or(SealError::CannotOpen)?;
    let (nonce, secret) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::CannotOpen)?;
    let mut bytes = Zeroizing::new(secret.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened =
        key.open_in_place(nonce, Aad::from(bound_to), &mut bytes).map_err(|_| SealError::CannotOpen)?;
    let length = opened.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn value_binding(bound_to: &str) -> String {
    format!("{VALUE_BINDING}{bound_to}")
}

fn random_key(random: &dyn SecureRandom) -> Result<KeyBytes, SealError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    random.fill(key.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
    Ok(key)
}

fn aead_key(bytes: &KeyBytes) -> LessSafeKey {
    let key =
        UnboundKey::new(&CHACHA20_POLY1305, bytes.as_slice()).expect("the algorithm's key is 32 bytes long");
    LessSafeKey::new(key)
}

fn letter_binding(id: &LetterId) -> String {
    format!("{LETTER_BINDING}{id}")
}

/// A key of its own for keyed hashes of one kind.
fn hash_key(master: &KeyBytes, purpose: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, derived(master, purpose).as_slice())
}

fn keyed(key: &hmac::Key, plain: &[u8; 32]) -> [u8; 32] {
    let mut tag = [0; 32];
    tag.copy_from_slice(hmac::sign(key, plain).as_ref());
    tag
}

/// A key of its own for letters.
fn letter_key(master: &KeyBytes) -> LessSafeKey {
    aead_key(&derived(master, LETTER_PURPOSE))
}

/// A key for one purpose, derived from the master key, which is used for nothing but wrapping.
fn derived(master: &KeyBytes, purpose: &[u8]) -> KeyBytes {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master.as_slice()), purpose);
    let mut key = Zeroizing::new([0; KEY_LEN]);
    key.copy_from_slice(tag.as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PLACE: &str = "person E-20417";

    fn secret(sealer: &Sealer) -> (WrappedKey, Sealed) {
        let key = sealer.new_key().unwrap();
        let secret = sealer.seal(&key, PLACE, b"secret").unwrap();
        (key, secret)
    }

    fn refuses(sealer: &Sealer, key: &WrappedKey, place: &str, secret: &Sealed) {
        let opened = sealer.unseal(key, place, secret);
        assert!(matches!(opened, Err(SealError::CannotOpen)), "{opened:?}");
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_in_the_same_place() {
        let sealer = Sealer::ephemeral().unwrap();
        for plain in [&b""[..], b"secret", &[7; PLAIN_MAX]] {
            let key = sealer.new_key().unwrap();
            let secret = sealer.seal(&key, PLACE, plain).unwrap();
            assert_eq!(sealer.unseal(&key, PLACE, &secret).unwrap().as_slice(), plain);
            assert!(plain.is_empty() || !secret.as_bytes().windows(plain.len()).any(|w| w == plain));
        }
    }

    #[test]
    fn a_letter_opens_under_its_own_id_and_its_own_master_key() {
        let sealer = Sealer::ephemeral().unwrap();
        let [id, other]: [LetterId; 2] = ["0".repeat(32), "1".repeat(32)].map(|id| id.parse().unwrap());
        let plain = vec![7; LETTER_MAX];
        let letter = sealer.seal_letter(&id, &plain).unwrap();
        assert_eq!(sealer.unseal_letter(&id, &letter).unwrap().as_slice(), plain);
        for (sealer, id) in [(&sealer, &other), (&Sealer::ephemeral().unwrap(), &id)] {
            assert!(matches!(sealer.unseal_letter(id, &letter), Err(SealError::CannotOpen)));
        }
        let long = sealer.seal_letter(&id, &vec![7; LETTER_MAX + 1]);
        assert!(matches!(long, Err(SealError::TooLong)));
    }

    #[test]
    fn another_key_another_master_or_another_place_opens_nothing() {
        let sealer = Sealer::ephemeral().unwrap();
        let (key, secret) = secret(&sealer);
        refuses(&sealer, &sealer.new_key().unwrap(), PLACE, &secret);
        refuses(&Sealer::ephemeral().unwrap(), &key, PLACE, &secret);
        refuses(&sealer, &key, "person E-20418", &secret);
        refuses(&sealer, &key, "", &secret);
    }

    #[test]
    fn keys_and_values_are_not_interchangeable() {
        let sealer = Sealer::ephemeral().unwrap();
        let (key, secret) = secret(&sealer);
        refuses(&sealer, &WrappedKey::from_bytes(secret.as_bytes().to_vec()), PLACE, &secret);
        refuses(&sealer, &key, PLACE, &Sealed::from_bytes(key.as_bytes().to_vec()));
    }

    /// Whoever has the ledger alone cannot try out names until one fits.
    #[test]
    fn what_is_kept_to_know_a_message_again_is_keyed_and_outlives_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let letter = |body: &[u8]| Letter::new(None, std::collections::BTreeMap::new(), body.to_vec());
        let plain = ContentHash::from_bytes([7; 32]);
        let kept = |sealer: &Sealer| (sealer.letter_id(&letter(b"Sven")), sealer.content(&plain));
        let first = Sealer::open(&path).unwrap();
        let (id, content) = kept(&first);
        assert_eq!(kept(&Sealer::open(&path).unwrap()), (id.clone(), content));
        let (other_id, other_content) = kept(&Sealer::ephemeral().unwrap());
        assert!(other_id != id && other_content != content && content != plain);
        assert_ne!(id, LetterId::of_tag(&letter(b"Sven").digest()));
        assert_ne!(id, first.letter_id(&letter(b"Svea")));
        assert_ne!(
            id,
            LetterId::of_tag(first.content(&ContentHash::from_bytes(letter(b"Sven").digest())).as_bytes())
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealer = Sealer::ephemeral().unwrap();
        let (key, secret) = secret(&sealer);
        for bit in 0..secret.as_bytes().len() * 8 {
            let mut bytes = secret.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            refuses(&sealer, &key, PLACE, &Sealed::from_bytes(bytes));
        }
        for length in 0..secret.as_bytes().len() {
            refuses(&sealer, &key, PLACE, &Sealed::from_bytes(secret.as_bytes()[..length].to_vec()));
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_twice_alike() {
        let sealer = Sealer::ephemeral().unwrap();
        let key = sealer.new_key().unwrap();
        let secret: BTreeSet<_> =
            (0..100).map(|_| sealer.seal(&key, PLACE, b"secret").unwrap().as_bytes().to_vec()).collect();
        assert_eq!(secret.len(), 100);
    }

    #[test]
    fn a_value_over_the_limit_is_refused() {
        let sealer = Sealer::ephemeral().unwrap();
        let key = sealer.new_key().unwrap();
        assert!(matches!(sealer.seal(&key, PLACE, &[0; PLAIN_MAX + 1]), Err(SealError::TooLong)));
    }

    #[test]
    fn a_sealer_opened_again_from_its_file_opens_what_was_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let (key, secret) = secret(&Sealer::open(&path).unwrap());
        let again = Sealer::open(&path).unwrap();
        assert_eq!(again.unseal(&key, PLACE, &secret).unwrap().as_slice(), b"secret");
        assert_eq!(format!("{again:?}"), "Sealer(master key)");
    }
}
