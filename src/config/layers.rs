//! The layers, weakest first: defaults, files in order, `$CREDENTIALS_DIRECTORY`, environment. The `config` crate merges
//! them; here each is read, its values are marked with their place, and the list of resellers becomes a table by name,
//! so that a later layer changes one key of one reseller instead of replacing the list.
//! Not here: what the keys mean.

use super::environment;
use super::fault::{Fault, Origin, Place};
use super::files::{self, Privacy};
use super::tree::{self, Entries};
use config::{Config as Merger, ConfigError, FileFormat, Map, Source, Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Every key, its default and a sentence.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

const RESELLERS: &str = "resellers";

/// All layers as one tree, and what is wrong with the layers themselves.
pub(super) fn gather(files: &[PathBuf], variables: &BTreeMap<String, String>) -> (Entries, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut origins = vec![Origin::Default];
    let (defaults, pattern) = defaults();

    let mut layers = Vec::new();
    for path in files {
        origins.push(Origin::File(path.clone()));
        match file(path, origins.len() - 1) {
            Ok(table) => layers.push(by_name(table, &origins, &mut faults)),
            Err(what) => {
                // The origin names the file already.
                let what = what.strip_prefix(&format!("{} ", path.display())).unwrap_or(&what).to_owned();
                faults.push(Fault { origin: Origin::File(path.clone()), key: String::new(), what });
            }
        }
    }
    check_same_customers(&layers, &origins, &mut faults);
    let resellers = names(&layers);

    let known = environment::Known { keys: keys(&defaults, &pattern), resellers: &resellers };
    for single in environment::settings(variables, &known, &mut faults) {
        origins.push(single.origin);
        let value =
            Value::new(Some(&format!("{} {}", origins.len() - 1, single.path.join("."))), single.text);
        layers.push(nested(&single.path, value));
    }
    (merge(with_pattern(defaults, &pattern, &resellers), layers, &origins), faults)
}

/// Every key there is, with dots, those of a reseller as `resellers.admin`.
pub(super) fn known_keys() -> Vec<String> {
    let (defaults, pattern) = defaults();
    keys(&defaults, &pattern)
}

fn keys(defaults: &Map<String, Value>, pattern: &Map<String, Value>) -> Vec<String> {
    fn walk(prefix: &str, table: &Map<String, Value>, keys: &mut Vec<String>) {
        for (key, value) in table.iter().collect::<BTreeMap<_, _>>() {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if let ValueKind::Table(table) = &value.kind {
                walk(&key, table, keys);
            } else {
                keys.push(key);
            }
        }
    }
    let mut keys = Vec::new();
    walk("", defaults, &mut keys);
    walk(RESELLERS, pattern, &mut keys);
    keys
}

/// The defaults, and apart from them the pattern of a reseller.
fn defaults() -> (Map<String, Value>, Map<String, Value>) {
    let parsed = parse(DEFAULTS).expect("default.toml is TOML, which a test proves");
    let mut table = tree::placed_all(parsed, 0, "");
    let patterns = table.remove(RESELLERS).and_then(|value| value.into_array().ok());
    let pattern = patterns.and_then(|patterns| patterns.into_iter().next()?.into_table().ok());
    (table, pattern.expect("default.toml has one pattern of a reseller, which a test proves"))
}

fn with_pattern(
    mut defaults: Map<String, Value>,
    pattern: &Map<String, Value>,
    resellers: &[String],
) -> Map<String, Value> {
    let each: Map<String, Value> =
        resellers.iter().map(|name| (name.clone(), Value::new(None, pattern.clone()))).collect();
    defaults.insert(RESELLERS.to_owned(), Value::new(None, each));
    defaults
}

fn file(path: &Path, rank: usize) -> Result<Map<String, Value>, String> {
    let text = files::read(path, Privacy::Public)?;
    Ok(tree::placed_all(parse(&text)?, rank, ""))
}

/// The error names the line and never shows it, since a secret may stand there.
fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let error = match config::File::from_str(text, FileFormat::Toml).collect() {
        Ok(table) => return Ok(table),
        Err(error) => error,
    };
    if let ConfigError::FileParse { cause, .. } = &error
        && let Some(cause) = cause.downcast_ref::<toml::de::Error>()
    {
        let before = text.get(..cause.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        return Err(format!("line {line} is not TOML ({}); correct that line", cause.message()));
    }
    Err("is not TOML that carepass can read; look for a number that is too large".to_owned())
}

/// Turns `[[resellers]]` into a table by name. What has no name yet is kept, so that its other faults are found too.
fn by_name(mut table: Map<String, Value>, origins: &[Origin], faults: &mut Vec<Fault>) -> Map<String, Value> {
    let rank = origins.len() - 1;
    let mut fault = |key: &str, what: &str| {
        let place = Place { rank, origin: origins[rank].clone(), key: key.to_owned() };
        faults.push(place.fault(what));
    };
    // The merge takes a key with brackets or dots for a path.
    let odd: BTreeSet<String> = table.keys().filter(|key| !tree::is_bare(key)).cloned().collect();
    for key in odd {
        table.remove(&key);
        fault(&tree::quoted(&key), "unknown key; remove it");
    }
    let Some(resellers) = table.remove(RESELLERS) else { return table };
    let ValueKind::Array(items) = resellers.kind else {
        fault(RESELLERS, "must be a list of sections; write [[resellers]] above each");
        return table;
    };
    let mut named = Map::new();
    for (index, item) in items.into_iter().enumerate() {
        let ValueKind::Table(reseller) = &item.kind else {
            fault(&format!("{RESELLERS}[{index}]"), "must be a section; write [[resellers]] above it");
            continue;
        };
        let name = text(reseller, "name").filter(|name| !name.is_empty());
        if name.is_some_and(|name| named.contains_key(name)) {
            fault(
                &format!("{RESELLERS}[{index}].name"),
                "another reseller in this file has the same name; give each its own",
            );
        }
        let key = name.filter(|name| !named.contains_key(*name)).map_or(format!("~{index}"), str::to_owned);
        named.insert(key, item);
    }
    table.insert(RESELLERS.to_owned(), Value::new(None, named));
    table
}

/// A later file may change a reseller, but not into another customer: that is a name used twice, and would silently
/// take the first reseller away.
fn check_same_customers(layers: &[Map<String, Value>], origins: &[Origin], faults: &mut Vec<Fault>) {
    let mut customers: BTreeMap<&str, (&str, Place)> = BTreeMap::new();
    let resellers = layers.iter().filter_map(|layer| resellers(layer));
    for (name, customer) in
        resellers.flat_map(sorted).filter_map(|(name, value)| Some((name, customer(value)?)))
    {
        let Some(id) = customer.0 else { continue };
        let place = tree::place(customer.1, origins);
        match customers.get(name.as_str()) {
            Some((first, at)) if *first != id => faults.push(place.fault(format!(
                "{} has another customer id for the reseller {name}; give each reseller its own name",
                at.origin
            ))),
            Some(_) => {}
            None => {
                customers.insert(name, (id, place));
            }
        }
    }
}

fn customer(reseller: &Value) -> Option<(Option<&str>, Option<&str>)> {
    let ValueKind::Table(reseller) = &reseller.kind else { return None };
    Some((text(reseller, "customer_id"), reseller.get("customer_id")?.origin()))
}

fn names(layers: &[Map<String, Value>]) -> Vec<String> {
    let mut names: Vec<String> =
        layers.iter().filter_map(resellers).flat_map(sorted).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn resellers(layer: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let ValueKind::Table(resellers) = &layer.get(RESELLERS)?.kind else { return None };
    Some(resellers)
}

fn sorted(table: &Map<String, Value>) -> BTreeMap<&String, &Value> {
    table.iter().collect()
}

fn text<'a>(table: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let ValueKind::String(text) = &table.get(key)?.kind else { return None };
    Some(text)
}

/// One value deep in a table of its own.
fn nested(path: &[String], value: Value) -> Map<String, Value> {
    let (first, rest) = path.split_first().expect("a setting has a key");
    let value = if rest.is_empty() { value } else { Value::new(None, nested(rest, value)) };
    Map::from_iter([(first.clone(), value)])
}

fn merge(defaults: Map<String, Value>, layers: Vec<Map<String, Value>>, origins: &[Origin]) -> Entries {
    let mut builder = Merger::builder().add_source(Layer(defaults));
    for layer in layers {
        builder = builder.add_source(Layer(layer));
    }
    let merged = builder.build().and_then(|merged| merged.collect());
    tree::entries(merged.expect("tables in memory merge"), origins)
}

/// One layer that was read.
#[derive(Clone)]
struct Layer(Map<String, Value>);

/// Shows no value: there are secrets among them.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer(..)")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}
