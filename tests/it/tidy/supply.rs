//! What is built from: every package of `Cargo.lock` comes from one registry with a checksum, none is banned, none stands there twice but
//! those that are written down, and every licence is one that `deny.toml` allows. `cargo deny` says the same where it is installed; this
//! needs nothing but cargo. Not here: advisories, which need a database that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use toml::{Table, Value};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is there in two versions or more because neighbours have not agreed yet. A name is taken out when they have; a new one is thought
/// about before it stands here.
const SEVERAL_VERSIONS: [&str; 32] = [
    "base64",
    "bitflags",
    "block-buffer",
    "chacha20",
    "const-oid",
    "core-foundation",
    "cpufeatures",
    "crypto-common",
    "digest",
    "getrandom",
    "hashbrown",
    "hmac",
    "hybrid-array",
    "nom",
    "parking_lot",
    "parking_lot_core",
    "r-efi",
    "rand",
    "rand_chacha",
    "rand_core",
    "redox_syscall",
    "sha2",
    "syn",
    "synstructure",
    "thiserror",
    "thiserror-impl",
    "toml",
    "wasi",
    "windows-link",
    "windows-result",
    "windows-strings",
    "windows-sys",
];

fn read(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect("it is there").parse().expect("it is TOML")
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let list = value.get(key).and_then(Value::as_array).expect("a list");
    list.iter().map(|item| item.as_str().or_else(|| item.get("name")?.as_str()).expect("a text")).collect()
}

/// What is wrong with a lock file.
fn offences(lock: &Table, banned: &[&str]) -> Vec<String> {
    let packages = lock["package"].as_array().expect("packages");
    let text = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut offences = Vec::new();
    let mut versions = BTreeMap::<String, usize>::new();
    for package in packages {
        let name = text(package, "name").expect("a name");
        let source = text(package, "source");
        if name != "carepass" && source.as_deref() != Some(REGISTRY) {
            offences.push(format!("{name} comes from {source:?}"));
        }
        if name != "carepass" && text(package, "checksum").is_none() {
            offences.push(format!("{name} has no checksum"));
        }
        if banned.contains(&name.as_str()) {
            offences.push(format!("{name} is banned"));
        }
        *versions.entry(name).or_default() += 1;
    }
    let several: BTreeSet<&str> =
        versions.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name.as_str()).collect();
    let written = BTreeSet::from(SEVERAL_VERSIONS);
    offences.extend(several.difference(&written).map(|name| format!("{name} is there in several versions")));
    offences.extend(
        written.difference(&several).map(|name| format!("{name} is there once: take it off the list")),
    );
    offences
}

#[test]
fn every_package_is_known_and_none_is_banned() {
    let deny = read("deny.toml");
    let banned = texts(&deny["bans"], "deny");
    assert!(banned.contains(&"openssl-sys") && banned.contains(&"aws-lc-sys"), "{banned:?}");
    let lock = read("Cargo.lock");
    assert_eq!(offences(&lock, &banned), Vec::<String>::new());
    let sources = &deny["sources"];
    assert_eq!(
        (sources["unknown-registry"].as_str(), sources["unknown-git"].as_str()),
        (Some("deny"), Some("deny"))
    );

    let planted = |package: &str| {
        let mut lock = lock.clone();
        let package: Table = package.parse().expect("it is TOML");
        lock["package"].as_array_mut().expect("packages").push(Value::Table(package));
        offences(&lock, &banned).join("; ")
    };
    let sum = "checksum = \"0\"\n";
    for (package, expected) in [
        (format!("name = \"evil\"\nsource = \"git+https://evil.example/evil#0\"\n{sum}"), "evil comes from"),
        (format!("name = \"evil\"\nsource = \"registry+https://evil.example/\"\n{sum}"), "evil comes from"),
        (format!("name = \"evil\"\n{sum}"), "evil comes from None"),
        (format!("name = \"evil\"\nsource = \"{REGISTRY}\"\n"), "evil has no checksum"),
        (format!("name = \"openssl-sys\"\nsource = \"{REGISTRY}\"\n{sum}"), "openssl-sys is banned"),
        (format!("name = \"serde\"\nsource = \"{REGISTRY}\"\n{sum}"), "serde is there in several versions"),
    ] {
        assert!(planted(&package).contains(expected), "{package}: {}", planted(&package));
    }
}

/// Whether somebody may choose, for every part of an SPDX expression, a licence that is allowed. Parts of `OR` are alternatives; what
/// stands in brackets is one part. (No package here has more than one level of brackets.)
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spelt = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let is_one = |name: &str| {
        let plain = name.split(" WITH ").next().unwrap_or(name).trim();
        allowed.contains(&plain)
    };
    spelt.split(" AND ").all(|part| part.split(" OR ").any(is_one))
}

#[test]
fn every_licence_is_allowed() {
    let deny = read("deny.toml");
    let allowed = texts(&deny["licenses"], "allow");
    let platform = texts(&deny["graph"], "targets").join(",");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let known: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = known["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "{}", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|license| is_allowed(license, &allowed)))
        .map(|package| format!("{} {}", package["name"], package["license"]))
        .collect();
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn licences_are_read_as_they_are_written() {
    let check = |expression: &str, expected: bool| {
        assert_eq!(is_allowed(expression, &["MIT", "Apache-2.0", "Unicode-3.0"]), expected, "{expression}");
    };
    check("MIT OR Apache-2.0", true);
    check("MIT/GPL-3.0", true);
    check("GPL-3.0", false);
    check("(MIT OR GPL-3.0) AND Unicode-3.0", true);
    check("MIT AND GPL-3.0", false);
    check("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true);
    check("", false);
}

/// The bill of materials that CI makes names what the binary is made of: everything that it needs, with the checksum that the lock file
/// has, and nothing that only tests need.
#[test]
fn the_bill_of_materials_says_what_the_lock_file_says() {
    let made = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/sbom")).output();
    let made = made.expect("python3, which ./test installs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let bill: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));

    let lock = read("Cargo.lock");
    let text = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let locked: BTreeMap<String, Option<String>> = lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let (name, version) =
                (text(package, "name").expect("a name"), text(package, "version").expect("one"));
            (format!("pkg:cargo/{name}@{version}"), text(package, "checksum"))
        })
        .collect();
    let listed = bill["components"].as_array().expect("components");
    for component in listed {
        let reference = component["purl"].as_str().expect("a reference");
        let sum = component["hashes"][0]["content"].as_str().map(str::to_owned);
        assert_eq!(locked.get(reference), Some(&sum), "{reference}");
        assert!(component["licenses"][0]["expression"].is_string(), "{reference}");
    }
    let names: BTreeSet<&str> = listed.iter().filter_map(|component| component["name"].as_str()).collect();
    let manifest = read("Cargo.toml");
    let direct = |section: &str| manifest[section].as_table().expect("a table").clone();
    for (name, wanted) in direct("dependencies") {
        let is_optional = wanted.get("optional").and_then(Value::as_bool).unwrap_or(false);
        assert_eq!(names.contains(name.as_str()), !is_optional, "{name}");
    }
    assert!(!names.contains("rcgen"), "what only tests need is no part of the binary");
}
