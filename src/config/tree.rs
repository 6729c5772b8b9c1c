//! The merged settings as a plain tree in a fixed order, every value with its place. Not here: what the keys mean.

use super::fault::{Origin, Place};
use config::{Map, Value, ValueKind};
use std::collections::BTreeMap;

/// The entries of a section, by key.
pub(super) type Entries = BTreeMap<String, Node>;

/// A section or a value.
pub(super) enum Node {
    /// A section.
    Section(Entries),
    /// A value.
    Leaf(Leaf),
}

/// A value and where it stands.
pub(super) struct Leaf {
    /// Where it stands.
    pub place: Place,
    /// The value.
    pub value: Datum,
}

/// What a configuration can say.
pub(super) enum Datum {
    /// Text; what an environment variable says is always text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// A list.
    List(Vec<Node>),
}

impl Datum {
    /// What it is, for a person.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Flag(_) => "true or false",
            Self::Whole(_) | Self::Fraction(_) => "a number",
            Self::List(_) => "a list",
        }
    }

    /// Nothing was said: `key = ""` takes a setting back.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl Node {
    /// Its first value and how many sections deep that lies.
    pub fn first_leaf(&self) -> Option<(&Leaf, usize)> {
        match self {
            Self::Leaf(leaf) => Some((leaf, 0)),
            Self::Section(entries) => {
                entries.values().find_map(Self::first_leaf).map(|(leaf, depth)| (leaf, depth + 1))
            }
        }
    }
}

/// Writes the place of every value into its origin, which the `config` crate carries through the merge.
pub(super) fn placed(value: Value, rank: usize, key: &str) -> Value {
    let mut kind = value.kind;
    if let ValueKind::Table(table) = kind {
        kind = ValueKind::Table(placed_all(table, rank, key));
    } else if let ValueKind::Array(items) = kind {
        let item = |(index, item)| placed(item, rank, &format!("{key}[{index}]"));
        kind = ValueKind::Array(items.into_iter().enumerate().map(item).collect());
    }
    Value::new(Some(&format!("{rank} {key}")), kind)
}

/// The same for the entries of a section.
pub(super) fn placed_all(table: Map<String, Value>, rank: usize, key: &str) -> Map<String, Value> {
    let prefix = if key.is_empty() { String::new() } else { format!("{key}.") };
    table
        .into_iter()
        .map(|(name, value)| {
            let value = placed(value, rank, &format!("{prefix}{}", quoted(&name)));
            (name, value)
        })
        .collect()
}

/// The merged table as a tree.
pub(super) fn entries(table: Map<String, Value>, origins: &[Origin]) -> Entries {
    table.into_iter().filter_map(|(key, value)| Some((key, node(value, origins)?))).collect()
}

fn node(value: Value, origins: &[Origin]) -> Option<Node> {
    let place = place(value.origin(), origins);
    let datum = match value.kind {
        ValueKind::Table(table) => return Some(Node::Section(entries(table, origins))),
        ValueKind::Nil => return None,
        ValueKind::Boolean(flag) => Datum::Flag(flag),
        ValueKind::I64(number) => Datum::Whole(number),
        // TOML has 64-bit integers only; whatever else comes is out of every range.
        ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => Datum::Whole(i64::MAX),
        ValueKind::Float(number) => Datum::Fraction(number),
        ValueKind::String(text) => Datum::Text(text),
        ValueKind::Array(items) => {
            Datum::List(items.into_iter().filter_map(|item| node(item, origins)).collect())
        }
    };
    Some(Node::Leaf(Leaf { place, value: datum }))
}

pub(super) fn place(origin: Option<&str>, origins: &[Origin]) -> Place {
    let (rank, key) = origin.and_then(|text| text.split_once(' ')).unwrap_or(("0", ""));
    let rank = rank.parse().unwrap_or(0);
    let origin = origins.get(rank).cloned().unwrap_or(Origin::Default);
    Place { rank, origin, key: key.to_owned() }
}

/// A key as it may be printed.
pub(super) fn quoted(key: &str) -> String {
    if is_bare(key) { key.to_owned() } else { toml::Value::from(key).to_string() }
}

/// A key of letters, digits, `_` and `-` (TOML's bare keys): the only ones that carepass has.
pub(super) fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
