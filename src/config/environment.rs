//! What the environment says: `CAREPASS__SECTION__KEY`, and files in `$CREDENTIALS_DIRECTORY` that are named like the key
//! that they are for. The environment is an argument; `config::environment` is the only place that asks for the real one.

use super::fault::{Fault, Origin};
use super::suggest;
use super::tree;
use std::collections::BTreeMap;
use std::path::Path;

const PREFIX: &str = "CAREPASS";
const SEPARATOR: &str = "__";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const RESELLERS: &str = "resellers";

/// What there is to set.
pub(super) struct Known<'a> {
    /// The keys with dots, those of a reseller as `resellers.admin`.
    pub keys: Vec<String>,
    /// The names of the resellers in the files.
    pub resellers: &'a [String],
}

/// One key and its text.
pub(super) struct Setting {
    /// Where it comes from.
    pub origin: Origin,
    /// The key, part by part; never empty.
    pub path: Vec<String>,
    /// The value.
    pub text: String,
}

/// What the environment sets, weakest first: credentials, then variables.
pub(super) fn settings(
    variables: &BTreeMap<String, String>,
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
) -> Vec<Setting> {
    let folder = variables.get(CREDENTIALS).filter(|folder| !folder.is_empty());
    let mut settings = folder.map(|folder| credentials(Path::new(folder), known)).unwrap_or_default();
    for (name, text) in variables {
        match path(name, known) {
            Ok(Some(path)) => {
                settings.push(Setting { origin: Origin::Variable(name.clone()), path, text: text.clone() });
            }
            Ok(None) => {}
            Err(what) => {
                faults.push(Fault { origin: Origin::Variable(name.clone()), key: String::new(), what });
            }
        }
    }
    settings
}

/// For every key that names a file with a secret: is there a credential with the key's name, less `_file`?
fn credentials(folder: &Path, known: &Known<'_>) -> Vec<Setting> {
    let secrets = known.keys.iter().filter(|key| key.ends_with("_file"));
    let keys = secrets.flat_map(|key| match key.strip_prefix("resellers.") {
        Some(own) => {
            known.resellers.iter().map(|name| vec![RESELLERS.into(), name.clone(), own.into()]).collect()
        }
        None => vec![key.split('.').map(str::to_owned).collect::<Vec<_>>()],
    });
    keys.filter_map(|path| {
        let key = path.join(".");
        let name = key.strip_suffix("_file")?.to_owned();
        let file = folder.join(&name);
        let text = file.to_str()?.to_owned();
        file.is_file().then_some(Setting { origin: Origin::Credential(name), path, text })
    })
    .collect()
}

/// The key that a variable sets; none if the variable is not meant for carepass.
fn path(name: &str, known: &Known<'_>) -> Result<Option<Vec<String>>, String> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
    let Some(keys) = rest.strip_prefix(SEPARATOR) else {
        return if_slip(rest, known).map_or(Ok(None), Err);
    };
    let mut path: Vec<String> = keys.split(SEPARATOR).map(str::to_ascii_lowercase).collect();
    if !path.iter().all(|part| tree::is_bare(part)) {
        return Err("is not a key; write it like CAREPASS__STORE__PATH".into());
    }
    if path[0] == RESELLERS {
        reseller(&mut path, known.resellers)?;
    }
    Ok(Some(path))
}

/// A variable's name can hold no `-` in most shells, and a reseller's name no `_`.
fn reseller(path: &mut [String], names: &[String]) -> Result<(), String> {
    let example = "write it like CAREPASS__RESELLERS__NORDIC_SE__ADMIN for the reseller nordic-se of a file";
    let [_, name, _, ..] = path else { return Err(format!("names no key of a reseller; {example}")) };
    *name = name.replace('_', "-");
    if names.contains(name) {
        return Ok(());
    }
    let names = names.iter().map(String::as_str).filter(|name| !name.starts_with('~'));
    Err(match suggest::nearest(name, names) {
        Some(near) => {
            format!("no file has a reseller {name}; did you mean {}?", near.replace('-', "_").to_uppercase())
        }
        None => format!("no file has a reseller {name}; {example}"),
    })
}

/// `CAREPASS_STORE_PATH` sets nothing, which nobody would notice. Variables of others that begin alike (Kubernetes
/// makes some for a service named carepass) are left alone.
fn if_slip(rest: &str, known: &Known<'_>) -> Option<String> {
    let flat = |key: &str| key.replace(SEPARATOR, "_").replace('.', "_").to_ascii_lowercase();
    let meant = flat(rest.strip_prefix('_')?);
    let key = known.keys.iter().find(|key| flat(key) == meant)?;
    Some(format!("is not read; write {}", variable(key)))
}

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{SEPARATOR}{}", key.replace('.', SEPARATOR).to_ascii_uppercase())
}
