//! The `fields` parameter (partial response): `kind,items(id,name/familyName),nextPageToken`.
//! It is honoured so that a client whose mask forgets a field finds out here and not at Google.
//! Not here: checking that a named field exists.

use super::error::Refusal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Deepest nesting of a mask.
const DEEPEST: usize = 8;

/// What a mask keeps: names, each with what it keeps below; an empty map below keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(BTreeMap<String, Mask>);

impl Mask {
    /// Reads a mask; a broken one is Google's 400 `invalidParameter`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let broken = || Refusal::new(400, "invalidParameter", format!("Invalid field selection {text}"));
        let mut rest = text;
        let mask = selection(&mut rest, 0).ok_or_else(broken)?;
        if rest.is_empty() { Ok(mask) } else { Err(broken()) }
    }

    /// Keeps only what the mask names. `*` keeps everything.
    pub fn apply(&self, value: Value) -> Value {
        if self.0.is_empty() || self.0.contains_key("*") {
            return value;
        }
        match value {
            Value::Object(object) => Value::Object(self.keep(object)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.apply(item)).collect()),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
        }
    }

    fn keep(&self, object: Map<String, Value>) -> Map<String, Value> {
        object
            .into_iter()
            .filter_map(|(name, value)| {
                let below = self.0.get(&name)?;
                Some((name, below.apply(value)))
            })
            .collect()
    }
}

/// `field ("," field)*`, up to a closing bracket or the end.
fn selection(rest: &mut &str, depth: usize) -> Option<Mask> {
    if depth > DEEPEST {
        return None;
    }
    let mut mask = Mask::default();
    loop {
        let (name, below) = field(rest, depth)?;
        mask.0.entry(name).or_default().0.extend(below.0);
        match rest.strip_prefix(',') {
            Some(tail) => *rest = tail,
            None => return Some(mask),
        }
    }
}

/// `name`, `name/field` or `name(selection)`.
fn field(rest: &mut &str, depth: usize) -> Option<(String, Mask)> {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_*".contains(c))).unwrap_or(rest.len());
    let (name, tail) = rest.split_at(end);
    if name.is_empty() || depth > DEEPEST {
        return None;
    }
    *rest = tail.trim_start();
    if let Some(tail) = rest.strip_prefix('/') {
        *rest = tail;
        let (inner, below) = field(rest, depth + 1)?;
        return Some((name.to_owned(), Mask(BTreeMap::from([(inner, below)]))));
    }
    if let Some(tail) = rest.strip_prefix('(') {
        *rest = tail;
        let below = selection(rest, depth + 1)?;
        *rest = rest.strip_prefix(')')?.trim_start();
        return Some((name.to_owned(), below));
    }
    Some((name.to_owned(), Mask::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(mask: &str, expected: &Value) {
        let value = json!({"kind": "k", "nextPageToken": "t",
                           "items": [{"id": "1", "name": {"givenName": "G", "familyName": "F"}}]});
        assert_eq!(&Mask::parse(mask).unwrap().apply(value), expected, "{mask}");
    }

    #[test]
    fn a_mask_keeps_what_it_names() {
        check("kind", &json!({"kind": "k"}));
        check("items(id)", &json!({"items": [{"id": "1"}]}));
        check("items/name/givenName,kind", &json!({"kind": "k", "items": [{"name": {"givenName": "G"}}]}));
        check(
            "items(id,name(familyName)), nextPageToken",
            &json!({"nextPageToken": "t", "items": [{"id": "1", "name": {"familyName": "F"}}]}),
        );
        check("items/*", &json!({"items": [{"id": "1", "name": {"givenName": "G", "familyName": "F"}}]}));
    }

    #[test]
    fn broken_masks_are_refused() {
        for mask in ["", "a(", "a(b", "a)", "a,,b", "a b", &"a(".repeat(40), &"a/".repeat(40)] {
            assert!(Mask::parse(mask).is_err(), "{mask}");
        }
    }
}
