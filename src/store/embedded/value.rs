//! The values of the index, as bytes: each with a check over its key and itself, because sled does not notice damage.
//! A long document stays in the ledger and the index keeps the position of its entry: sled never syncs values that do not fit into its pages.
//! Pure: no file.

use super::digest::Digest;
use crate::model::entry::Position;
use jiff::Timestamp;

/// The longest document that lies in the index itself, in bytes.
pub const INLINE_MAX: usize = 24 << 10;

/// In the place of a step: the document is not listed by a time.
const NO_WAKE: u8 = u8::MAX;

/// The length of a check.
const CHECK: usize = 8;

/// An engineer, a row or a received event, with what the writer asks of it without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its version; 0 if it has none.
    pub version: u64,
    /// The time by which it is listed: when its row is to be looked at, or since when a message is parked; and at which step its row stands.
    pub wake: Option<Wake>,
    /// Where it is.
    pub content: Content<'a>,
}

/// At which step, and when; 0 stands for a document that has no steps.
pub type Wake = (u8, Timestamp);

/// Where a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Here, as JSON.
    Inline(&'a [u8]),
    /// In the last change of this entry that is about the same key.
    InLedger(Position),
}

/// A value for a key: the check, then the payload.
pub fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    [&check_of(key, payload), payload].concat()
}

/// The payload of a value, if the check holds.
pub fn open<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (check, payload) = value.split_at_checked(CHECK)?;
    (check == check_of(key, payload)).then_some(payload)
}

/// The check of a value as a number. The sum of all of them tells whether the index holds exactly what was put into it.
pub fn number(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |check: &[u8; CHECK]| u64::from_be_bytes(*check))
}

impl<'a> Document<'a> {
    /// The document as a payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.version.to_be_bytes().to_vec();
        let (step, at) = self.wake.map_or((NO_WAKE, 0), |(step, at)| (step, at.as_nanosecond()));
        bytes.push(step);
        bytes.extend(at.to_be_bytes());
        match self.content {
            Content::Inline(json) => {
                bytes.push(0);
                bytes.extend(json);
            }
            Content::InLedger(position) => {
                bytes.push(1);
                bytes.extend(position.0.to_be_bytes());
            }
        }
        bytes
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Option<Self> {
        let (version, rest) = payload.split_first_chunk()?;
        let (step, rest) = rest.split_first()?;
        let (nanoseconds, rest) = rest.split_first_chunk()?;
        let wake = match *step {
            NO_WAKE => None,
            step => Some((step, Timestamp::from_nanosecond(i128::from_be_bytes(*nanoseconds)).ok()?)),
        };
        let content = match rest.split_first()? {
            (0, json) => Content::Inline(json),
            (_, position) => Content::InLedger(Position(u64::from_be_bytes(position.try_into().ok()?))),
        };
        Some(Self { version: u64::from_be_bytes(*version), wake, content })
    }
}

fn check_of(key: &[u8], payload: &[u8]) -> [u8; CHECK] {
    let length = (key.len() as u64).to_be_bytes();
    Digest::of(&[&length, key, payload]).short()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_and_damage_is_seen() {
        for (wake, content) in [
            (None, Content::Inline(b"{}")),
            (Some((0, Timestamp::MIN)), Content::Inline(b"")),
            (Some((27, Timestamp::UNIX_EPOCH)), Content::InLedger(Position(7))),
        ] {
            let document = Document { version: 3, wake, content };
            let value = seal(b"r1", &document.encode());
            assert_eq!(open(b"r1", &value).and_then(Document::decode), Some(document));
            assert_eq!(open(b"r2", &value), None);
            for bit in 0..value.len() * 8 {
                let mut flipped = value.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(open(b"r1", &flipped), None, "bit {bit}");
            }
            for length in 0..value.len() {
                assert_eq!(open(b"r1", &value[..length]), None);
            }
        }
    }
}
