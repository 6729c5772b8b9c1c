//! Sealed bytes as plain data, so that rows and the ledger can carry them.
//! Not here: how they are sealed and opened, which is `seal`'s alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest sealed value that is read back: as base64 it still fits a row of 24 KiB.
pub const SEALED_MAX: usize = 16 * 1024;

/// Why a text does not hold sealed bytes. Carries no value, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64 text of at most {SEALED_MAX} bytes")]
pub struct InvalidSealed;

/// Defines opaque bytes that are base64 text (RFC 4648, section 4) to serde and show nothing but their length.
macro_rules! opaque {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Vec<u8>);

        impl $type {
            /// Takes bytes that `seal` made.
            pub fn from_bytes(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// The bytes, of use to `seal` only.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidSealed;
            fn try_from(text: String) -> Result<Self, InvalidSealed> {
                if text.len() > SEALED_MAX.div_ceil(3) * 4 {
                    return Err(InvalidSealed);
                }
                STANDARD.decode(text).map(Self).map_err(|_| InvalidSealed)
            }
        }

        impl From<$type> for String {
            fn from(sealed: $type) -> String {
                STANDARD.encode(sealed.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($type), self.0.len())
            }
        }
    };
}

opaque! {
    /// A value that only the right key and the right binding open.
    Sealed
}

opaque! {
    /// One engineer's data key, itself sealed by the master key. Erasing it erases everything that was sealed with it.
    WrappedKey
}

opaque! {
    /// A local part as a keyed hash: equal for equal names, and tells nothing to whoever lacks the key.
    NameTag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_are_base64_text() {
        let sealed = Sealed::from_bytes(vec![0, 255, 7]);
        let text = serde_json::to_string(&sealed).unwrap();
        assert_eq!(text, "\"AP8H\"");
        assert_eq!(serde_json::from_str::<Sealed>(&text).unwrap(), sealed);
        for wrong in ["\"AP8\"", "\"A-8H\"", "7"] {
            assert!(serde_json::from_str::<Sealed>(wrong).is_err(), "{wrong}");
        }
        let long = "A".repeat(SEALED_MAX * 2);
        assert_eq!(WrappedKey::try_from(long), Err(InvalidSealed));
    }

    #[test]
    fn debug_shows_only_the_length() {
        assert_eq!(format!("{:?}", WrappedKey::from_bytes(vec![1; 61])), "WrappedKey(61 bytes)");
    }
}
