//! Sealed things as plain data: they may lie in rows and in the ledger. Not here: how they are sealed and opened (`seal`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes that only the sealer can open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(pub Vec<u8>);

/// An engineer's data key, wrapped by the master key. Destroying it destroys what was sealed with it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WrappedKey(pub Vec<u8>);

/// A local part as a keyed hash: equal for equal names, and tells nothing to whom lacks the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameTag(pub Vec<u8>);

/// The text is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed data is not base64")]
pub struct NotBase64;

/// The same text form and the same silence in logs for each kind.
macro_rules! as_text {
    ($($type:ident)+) => {$(
        impl TryFrom<String> for $type {
            type Error = NotBase64;
            fn try_from(text: String) -> Result<Self, NotBase64> {
                STANDARD_NO_PAD.decode(text).map(Self).map_err(|_| NotBase64)
            }
        }

        impl From<$type> for String {
            fn from(sealed: $type) -> String {
                STANDARD_NO_PAD.encode(sealed.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($type), self.0.len())
            }
        }
    )+};
}

as_text!(Sealed WrappedKey NameTag);
