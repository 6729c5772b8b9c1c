//! The token of an envelope's page: it says whose envelope it is and which, and nobody can make one without the master key. The same
//! envelope has the same token each time, so that nothing has to be kept of it. Not here: what the page shows.

use super::{KeyBytes, Sealer, aead_key, derived};
use crate::model::id::EngineerKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::hmac;
use secrecy::SecretString;

/// What the two keys of tokens are derived for.
const PROOF_PURPOSE: &[u8] = b"carepass envelope proofs";
const HIDING_PURPOSE: &[u8] = b"carepass envelope names";

const PROOF_LEN: usize = 32;

/// Text longer than this is not looked at: proof, number, the longest key and a tag are far below it.
const TOKEN_MAX: usize = 256;

/// The keys of envelope tokens.
pub(super) struct EnvelopeKeys {
    proof: hmac::Key,
    hiding: LessSafeKey,
}

impl EnvelopeKeys {
    pub(super) fn of(master: &KeyBytes) -> Self {
        Self {
            proof: hmac::Key::new(hmac::HMAC_SHA256, derived(master, PROOF_PURPOSE).as_slice()),
            hiding: aead_key(&derived(master, HIDING_PURPOSE)),
        }
    }
}

impl Sealer {
    /// The token of an engineer's envelope: 256 bits of proof, then key and number, encrypted under a nonce that is a part of the proof
    /// (a synthetic one, as in RFC 5297), so that it comes again only with the same text.
    #[expect(clippy::missing_panics_doc, reason = "neither can happen, as their words say")]
    pub fn envelope_token(&self, engineer: &EngineerKey, issue: u32) -> SecretString {
        let mut text = [&issue.to_be_bytes(), engineer.as_str().as_bytes()].concat();
        let proof = hmac::sign(&self.keys.envelopes.proof, &text);
        let nonce = nonce(proof.as_ref()).expect("a proof is longer than a nonce");
        self.keys
            .envelopes
            .hiding
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
            .expect("a short text is always sealed");
        SecretString::from(URL_SAFE_NO_PAD.encode([proof.as_ref(), &text].concat()))
    }

    /// Whose envelope a token is for, and which; none if it was not made here.
    pub fn read_envelope_token(&self, token: &str) -> Option<(EngineerKey, u32)> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (proof, hidden) = bytes.split_first_chunk::<PROOF_LEN>()?;
        let mut hidden = hidden.to_vec();
        let text = self.keys.envelopes.hiding.open_in_place(nonce(proof)?, Aad::empty(), &mut hidden).ok()?;
        hmac::verify(&self.keys.envelopes.proof, text, proof).ok()?;
        let (issue, engineer) = text.split_first_chunk::<4>()?;
        Some((std::str::from_utf8(engineer).ok()?.parse().ok()?, u32::from_be_bytes(*issue)))
    }
}

fn nonce(proof: &[u8]) -> Option<Nonce> {
    proof.first_chunk::<NONCE_LEN>().map(|nonce| Nonce::assume_unique_for_key(*nonce))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_envelope_has_the_same_token_and_no_other_has() {
        let sealer = Sealer::ephemeral().unwrap();
        let keys: Vec<EngineerKey> = ["E-1", "E-2", &"x".repeat(64)].map(|key| key.parse().unwrap()).into();
        let mut seen = BTreeSet::new();
        for (key, issue) in keys.iter().flat_map(|key| [1, 2, u32::MAX].map(|issue| (key, issue))) {
            let token = sealer.envelope_token(key, issue).expose_secret().to_owned();
            assert_eq!(sealer.envelope_token(key, issue).expose_secret(), token);
            assert_eq!(sealer.read_envelope_token(&token), Some((key.clone(), issue)));
            assert!(!token.contains(key.as_str()) && token.len() < TOKEN_MAX, "{token}");
            assert_eq!(Sealer::ephemeral().unwrap().read_envelope_token(&token), None);
            assert!(seen.insert(token));
        }
    }

    #[test]
    fn an_altered_token_is_none() {
        let sealer = Sealer::ephemeral().unwrap();
        let token = sealer.envelope_token(&"E-1".parse().unwrap(), 1);
        let bytes = URL_SAFE_NO_PAD.decode(token.expose_secret()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.read_envelope_token(&URL_SAFE_NO_PAD.encode(other)), None, "{bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(sealer.read_envelope_token(&URL_SAFE_NO_PAD.encode(&bytes[..length])), None);
        }
        for wrong in ["", "å", "=", &"A".repeat(10_000)] {
            assert_eq!(sealer.read_envelope_token(wrong), None);
        }
    }
}
