//! The hash of what an event says. Two copies of an event may differ in transport mode, blanks, order of fields
//! and trace context; two different events under one id are a producer's mistake, and this tells them apart.
//! Not here: comparing with what came before (`admission`).

use super::EventType;
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// SHA-256 of the type and the canonical data; what is kept of it is keyed (`seal`), since a short text can be guessed from a plain one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Hashes the data, its fields in the order of their names.
    pub(super) fn of(event_type: EventType, data: Map<String, Value>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(event_type.as_text().as_bytes());
        context.update(b"\n");
        context.update(canonical(Value::Object(data)).to_string().as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// Takes the hash that `seal` made of a plain one.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal, for people and for the ledger.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentHash(")?;
        fmt::Display::fmt(self, f)?;
        f.write_char(')')
    }
}

/// Sorts fields by name, whichever map `serde_json` was built with. The depth was limited when it was read.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.into_iter().collect();
            Value::Object(sorted.into_iter().map(|(name, value)| (name, canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
