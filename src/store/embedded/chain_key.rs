//! Who vouches for the chain: each frame ends with a code (HMAC-SHA-256) of its hash, made with a key that does not lie in the folder.
//! Whoever may write to the folder and has no key can compute the hashes anew, and not the codes. Not here: where the key comes from
//! (`seal` derives it from the master key), and a whole folder that was exchanged for an older one, which only a published head tells.

use super::digest::Digest;
use super::frame::Frame;
use crate::planted::planted;
use ring::hmac;
use std::fmt;

/// What frames are vouched for with. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct ChainKey(hmac::Key);

impl ChainKey {
    /// A key that was derived for nothing else.
    pub fn of(key: hmac::Key) -> Self {
        Self(key)
    }

    /// The key that everybody knows. It vouches for nothing: for tests, and stores that nobody needs to trust.
    pub fn known() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]))
    }

    /// The code of a frame with this hash, which covers its number and everything before it.
    pub(super) fn code(&self, hash: &Digest) -> Digest {
        let code = hmac::sign(&self.0, &hash.0);
        Digest(code.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes"))
    }

    /// A code of whatever another store chains.
    pub(in crate::store) fn sign(&self, bytes: &[u8]) -> [u8; 32] {
        let code = hmac::sign(&self.0, bytes);
        code.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }

    /// Whether the code is this key's.
    pub(in crate::store) fn has_signed(&self, bytes: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.0, bytes, code).is_ok()
    }

    /// Whether the frame was written by whoever has this key.
    pub(super) fn vouches_for(&self, frame: &Frame) -> bool {
        planted!(CodeNotCompared) || hmac::verify(&self.0, &frame.end.hash.0, &frame.code.0).is_ok()
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey(..)")
    }
}
