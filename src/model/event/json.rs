//! Reading JSON from strangers: one pass that refuses what `serde_json` would accept silently, namely a field
//! that is there twice, fields that differ only in letter case, nesting without end and objects without end.
//! Not here: what the fields mean.

use super::fault::Faults;
use super::reason::ReasonCode;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::collections::BTreeSet;
use std::fmt;

/// Deepest nesting; the object itself is the first level.
pub const DEPTH_MAX: usize = 32;

/// Most fields in all objects together.
pub const FIELDS_MAX: usize = 200;

/// The words of the contract: the only field names that are ever repeated to anybody.
const KNOWN: &[&str] = &[
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "sequence",
    "partitionkey",
    "correlationid",
    "causationid",
    "traceparent",
    "tracestate",
    "dataclassification",
    "dataregulation",
    "datacategory",
    "data_base64",
    "revision",
    "engineer",
    "key",
    "name",
    "given",
    "family",
    "latinGiven",
    "latinFamily",
    "language",
    "contactEmail",
    "managerEmail",
    "preferredUsername",
    "locale",
    "employment",
    "startDate",
    "lastDay",
    "effectiveAt",
    "timeZone",
    "urgency",
    "scope",
    "domains",
    "profile",
    "approval",
    "reference",
    "approvedBy",
    "approvedAt",
    "changed",
];

/// Reads one JSON object. Faults are noted under `root` (a pointer); `None` where nothing usable came out.
pub(super) fn read_object(
    body: &[u8],
    root: &'static str,
    faults: &mut Faults,
) -> Option<Map<String, Value>> {
    let Ok(text) = std::str::from_utf8(body) else {
        faults.add(root.to_owned(), ReasonCode::NotUtf8);
        return None;
    };
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        faults.add(root.to_owned(), if is_json { ReasonCode::NotAnObject } else { ReasonCode::JsonSyntax });
        return None;
    }
    let mut scan = Scan { faults, fields: 0, stopped: false };
    let path = Path { parent: None, token: Token::Root(root) };
    let mut reader = serde_json::Deserializer::from_str(text);
    let node = Node { scan: &mut scan, path: &path, depth: 1 };
    let read = node.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    if read.is_err() && !scan.stopped {
        scan.faults.add(root.to_owned(), ReasonCode::JsonSyntax);
    }
    // The first byte was a brace, so that what was read is an object.
    read.ok().and_then(|value| if let Value::Object(object) = value { Some(object) } else { None })
}

/// The spelling of a field name that may be repeated: the contract's, or `*` for any other.
pub(super) fn known(name: &str) -> &'static str {
    KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)).copied().unwrap_or("*")
}

struct Scan<'s> {
    faults: &'s mut Faults,
    fields: usize,
    /// A limit was met: reading ended there, and the fault is noted.
    stopped: bool,
}

impl Scan<'_> {
    fn stop<E: Error>(&mut self, path: &Path<'_>, code: ReasonCode) -> E {
        self.stopped = true;
        self.faults.add(path.to_string(), code);
        E::custom("limit")
    }
}

/// Where the reader stands; written out only when a fault is noted.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    token: Token,
}

#[derive(Clone, Copy)]
enum Token {
    Root(&'static str),
    Field(&'static str),
    Item(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.token {
            Token::Root(root) => f.write_str(root),
            Token::Field(name) => write!(f, "/{name}"),
            Token::Item(index) => write!(f, "/{index}"),
        }
    }
}

struct Node<'n, 's> {
    scan: &'n mut Scan<'s>,
    path: &'n Path<'n>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Self { scan, path, depth } = self;
        if depth > DEPTH_MAX {
            return Err(scan.stop(path, ReasonCode::TooDeep));
        }
        let mut list = Vec::new();
        loop {
            let path = Path { parent: Some(path), token: Token::Item(list.len()) };
            match items.next_element_seed(Node { scan: &mut *scan, path: &path, depth: depth + 1 })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let Self { scan, path, depth } = self;
        if depth > DEPTH_MAX {
            return Err(scan.stop(path, ReasonCode::TooDeep));
        }
        let (mut object, mut folded) = (Map::new(), BTreeSet::new());
        while let Some(name) = fields.next_key::<String>()? {
            let here = Path { parent: Some(path), token: Token::Field(known(&name)) };
            scan.fields += 1;
            if scan.fields > FIELDS_MAX {
                return Err(scan.stop(path, ReasonCode::TooManyFields));
            }
            if object.contains_key(&name) {
                scan.faults.add(here.to_string(), ReasonCode::DuplicateKey);
            } else if !folded.insert(name.to_lowercase()) {
                scan.faults.add(here.to_string(), ReasonCode::AmbiguousKey);
            }
            let value = fields.next_value_seed(Node { scan: &mut *scan, path: &here, depth: depth + 1 })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
