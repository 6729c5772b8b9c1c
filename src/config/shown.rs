//! Every setting with the layer that it comes from, for `carepass config show`. Secrets are masked, and so is whatever stands under a key
//! that carepass does not have: it may be a secret under a misspelt name. Addresses are shown without
//! user, password and query. Not here: whether the values are right (`load`).

use super::fault::Origin;
use super::layers;
use super::tree::{Datum, Entries, Leaf, Node};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What stands in the place of what is not shown.
const MASKED: &str = "(secret)";

/// What stands in the place of a value under an unknown key.
const UNKNOWN: &str = "(unknown key)";

/// The fields that carepass has in sections of lists; the defaults, which know every other key, have no item of a list. None is secret.
const FIELDS: [(&str, &[&str]); 5] = [
    ("intake.keys", &["source", "id", "public_key"]),
    ("google.answers", &["call", "status", "reason", "message", "then"]),
    ("resellers.home_accounts", &["engineer", "account"]),
    ("resellers.role.privileges", &["service_id", "name"]),
    ("resellers.profiles.reseller-admin.privileges", &["service_id", "name"]),
];

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key, with dots; that of a reseller account with its name, like `resellers.nordic-se.admin`.
    pub key: String,
    /// The value as TOML writes it, or what stands in its place.
    pub value: String,
    /// Who says so.
    pub origin: Origin,
}

/// The settings in the order of their keys. What is wrong with a layer is left out: `load` tells of it.
pub fn settings(files: &[PathBuf], environment: impl Iterator<Item = (String, String)>) -> Vec<Setting> {
    let (entries, _) = layers::gather(files, &environment.collect());
    let known: BTreeSet<String> = layers::known_keys().into_iter().collect();
    let mut settings = Vec::new();
    walk("", &entries, &known, &mut settings);
    settings
}

fn walk(prefix: &str, entries: &Entries, known: &BTreeSet<String>, settings: &mut Vec<Setting>) {
    for (name, node) in entries {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match node {
            Node::Section(entries) => walk(&key, entries, known, settings),
            Node::Leaf(leaf) => {
                let value = shown(leaf, &general(&key), known);
                settings.push(Setting { key, value, origin: leaf.place.origin.clone() });
            }
        }
    }
}

/// The key as the pattern of reseller accounts has it, without the account's name.
fn general(key: &str) -> String {
    let own = key.strip_prefix("resellers.").and_then(|rest| rest.split_once('.'));
    own.map_or_else(|| key.to_owned(), |(_, own)| format!("resellers.{own}"))
}

fn shown(leaf: &Leaf, key: &str, known: &BTreeSet<String>) -> String {
    // A secret is whatever may also be said by a file.
    let is_secret = known.contains(&format!("{key}_file"));
    let is_address = key.rsplit('.').next() == Some("url");
    match &leaf.value {
        _ if !known.contains(key) => UNKNOWN.to_owned(),
        Datum::Text(text) if text.is_empty() => quoted(text),
        Datum::Text(text) if is_secret && is_address => {
            quoted(&without_password(text).unwrap_or_else(|| MASKED.to_owned()))
        }
        _ if is_secret => quoted(MASKED),
        Datum::Text(_) | Datum::Flag(_) | Datum::Whole(_) | Datum::Fraction(_) | Datum::List(_) => {
            written(&leaf.value, key)
        }
    }
}

/// An address without user, password and query; nothing where it is no address, or cannot be taken apart.
fn without_password(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let (scheme, host) = (url.scheme(), url.host_str()?);
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let who = if url.username().is_empty() && url.password().is_none() { "" } else { "***@" };
    Some(format!("{scheme}://{who}{host}{port}{}", url.path()))
}

/// Text as it stands, but an address without what may be secret in it.
fn bared(text: &str) -> String {
    let Ok(url) = reqwest::Url::parse(text) else {
        // Written like an address, and nobody can say where a password in it would end.
        return if text.contains("://") && text.contains('@') { MASKED } else { text }.to_owned();
    };
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_bare {
        return text.to_owned();
    }
    without_password(text).unwrap_or_else(|| format!("{}:{}", url.scheme(), url.path()))
}

fn written(value: &Datum, key: &str) -> String {
    match value {
        Datum::Text(text) => quoted(&bared(text)),
        Datum::Flag(flag) => flag.to_string(),
        Datum::Whole(number) => number.to_string(),
        Datum::Fraction(number) => number.to_string(),
        Datum::List(items) => {
            format!("[{}]", items.iter().map(|node| item(node, key)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// An item of the list under a key.
fn item(node: &Node, key: &str) -> String {
    match node {
        Node::Leaf(leaf) => written(&leaf.value, key),
        Node::Section(entries) => {
            let has = |name: &str| FIELDS.iter().any(|(list, own)| *list == key && own.contains(&name));
            let fields = entries.iter().map(|(name, node)| match node {
                Node::Leaf(leaf) if has(name) => format!("{name} = {}", written(&leaf.value, name)),
                Node::Leaf(_) | Node::Section(_) => format!("{name} = {UNKNOWN}"),
            });
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
store.url = "postgres://carepass:canary-1@db.example:5432/carepass?application_name=canary-2"
mail.password = "https://canary-3/canary-17"
mail.pasword = "canary-4"
intake.amqp.client_key = "canary-5"
intake.keys = [{ source = "urn:a", id = "k", public_key = "visible", private_key = "canary-6", key = "canary-9" }]
intake.amqp.allowed_sources = ["urn:b", "https://hr:canary-10@hr.example/a?key=canary-11", "urn:c?key=canary-12"]
google.endpoint = "https://canary-13:canary-14@google.example/?key=canary-15"
seal.key_file = "file://a:canary-16@:0"

[[resellers]]
name = "nordic-se"
customer_id = "C01"
secret_of_mine = "canary-7"
"#;

    fn found() -> Vec<Setting> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, FILE).unwrap();
        let environment = [
            ("CAREPASS__INTAKE__AMQP__URL", "amqp://guest:canary-8@mq.example/vhost"),
            ("CAREPASS__RESELLERS__NORDIC_SE__ADMIN", "a@b.example"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        settings(&[file], environment.into_iter())
    }

    #[test]
    fn no_secret_is_shown_whatever_its_key_is_called() {
        let found = found();
        let all = format!("{found:?}");
        assert!(!all.contains("canary"), "{all}");
        assert!(all.contains("visible"), "{all}");
    }

    #[test]
    fn each_setting_names_its_layer() {
        let found = found();
        let check = |key: &str, value: &str, origin: &str| {
            let setting = found.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("{key}"));
            let told = setting.origin.to_string();
            assert!(setting.value == value && told.ends_with(origin), "{setting:?}");
        };
        check("store.backend", "\"embedded\"", "default");
        check("store.url", "\"postgres://***@db.example:5432/carepass\"", "a.toml");
        check("mail.password", "\"(secret)\"", "a.toml");
        check("mail.pasword", "(unknown key)", "a.toml");
        check("google.endpoint", "\"https://***@google.example/\"", "a.toml");
        let sources = "[\"urn:b\", \"https://***@hr.example/a\", \"urn:c\"]";
        check("intake.amqp.allowed_sources", sources, "a.toml");
        check("intake.amqp.url", "\"amqp://***@mq.example/vhost\"", "CAREPASS__INTAKE__AMQP__URL");
        check("resellers.nordic-se.admin", "\"a@b.example\"", "CAREPASS__RESELLERS__NORDIC_SE__ADMIN");
        check("resellers.nordic-se.customer_id", "\"C01\"", "a.toml");
        check("resellers.nordic-se.org_unit", "\"/Customer Care\"", "default");
        check("limits.grants_per_hour", "50", "default");
        assert!(found.len() > 80, "{}", found.len());
    }
}
