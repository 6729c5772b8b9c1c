//! The process and its unit: what `deploy/carepass.service` leaves open, that carepass does nothing which the unit forbids, and that it
//! closes its memory. systemd is not process 1 here, so the unit is judged and not started; the calls of a whole run of the demo are
//! recorded and held against the unit's lists. Not here: what the unit hands over (`config/deploy_tests`).

use crate::fixture::process::carepass;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In tenths: 1.5 of 10, where a bare unit has 9.6.
const EXPOSURE_MOST: &str = "--threshold=15";

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/carepass.service")
}

fn analyze(arguments: &[&str]) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).env("SYSTEMD_PAGER", "").output();
    output.expect("systemd-analyze: run ./test, or apt-get install --no-install-recommends systemd")
}

#[test]
fn the_unit_exposes_little() {
    let security =
        |unit: &Path| analyze(&["security", "--offline=true", EXPOSURE_MOST, unit.to_str().unwrap()]);
    let judged = security(&unit());
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success() && said.contains("Overall exposure level"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare.service");
    std::fs::write(&bare, "[Service]\nExecStart=/usr/bin/carepass\n").unwrap();
    assert!(!security(&bare).status.success(), "the judge lets everything through");
}

/// The sets of system calls that systemd knows, as they are written: each with its calls and the sets within it.
fn sets() -> BTreeMap<String, Vec<String>> {
    let listed = analyze(&["syscall-filter"]);
    let mut sets = BTreeMap::<String, Vec<String>>::new();
    let mut name = String::new();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        let word = line.trim();
        if word.is_empty() || word.starts_with('#') {
            continue;
        }
        if line.starts_with('@') {
            word.clone_into(&mut name);
        } else {
            sets.entry(name.clone()).or_default().push(word.to_owned());
        }
    }
    sets
}

fn spread(name: &str, sets: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return BTreeSet::from([name.to_owned()]);
    }
    sets[name].iter().flat_map(|inner| spread(inner, sets)).collect()
}

/// What the unit's lines let through: those that are named, less those behind a `~`, and always what no program can do without.
fn let_through(unit: &str) -> BTreeSet<String> {
    let sets = sets();
    let mut calls = spread("@default", &sets);
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (taken_away, names) = line.strip_prefix('~').map_or((false, line), |names| (true, names));
        let these: BTreeSet<String> = names.split(' ').flat_map(|name| spread(name, &sets)).collect();
        if taken_away {
            calls.retain(|call| !these.contains(call));
        } else {
            calls.extend(these);
        }
    }
    calls
}

/// Every call of a run, `name(arguments…`, of all threads.
fn recorded(folder: &Path) -> Vec<String> {
    let trace = folder.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&trace).arg(carepass().get_program()).args(["demo", "--once"]);
    let ran = command.env("TMPDIR", folder).output();
    let ran = ran.expect("strace: run ./test, or apt-get install --no-install-recommends strace");
    assert_eq!(ran.status.code(), Some(4), "somebody waits for a person: {ran:?}");
    let text = std::fs::read_to_string(trace).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim_start());
    calls.filter(|call| call.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned).collect()
}

#[test]
fn a_whole_run_does_nothing_that_the_unit_forbids() {
    let text = std::fs::read_to_string(unit()).unwrap();
    let allowed = let_through(&text);
    assert!(allowed.contains("write") && !allowed.contains("mount") && !allowed.contains("setuid"));
    let folder = tempfile::tempdir().unwrap();
    let calls = recorded(folder.path());
    assert!(calls.len() > 1000, "{} calls", calls.len());

    let name = |call: &str| call.split('(').next().unwrap_or_default().to_owned();
    let used: BTreeSet<String> = calls.iter().map(|call| name(call)).collect();
    assert_eq!(used.difference(&allowed).collect::<Vec<_>>(), Vec::<&String>::new());

    let offending = |what: &str, is_one: &dyn Fn(&str) -> bool| {
        let found = calls.iter().find(|call| is_one(call));
        assert_eq!(found, None, "{what}");
    };
    offending("MemoryDenyWriteExecute=", &|call| {
        let executable = call.contains("PROT_EXEC");
        executable
            && (call.contains("PROT_WRITE") || call.starts_with("mprotect") || call.starts_with("pkey_"))
    });
    let families = text.lines().find_map(|line| line.strip_prefix("RestrictAddressFamilies=")).unwrap();
    offending("RestrictAddressFamilies=", &|call| {
        let family = call.strip_prefix("socket(").and_then(|rest| rest.split(',').next());
        family.is_some_and(|family| !families.split(' ').any(|known| known == family))
    });
    offending("RestrictNamespaces=", &|call| call.contains("CLONE_NEW"));

    let at = |begin: &str| calls.iter().position(|call| call.starts_with(begin));
    let closed = at("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE");
    assert!(closed.is_some() && closed < at("clone"), "its memory is open when its first thread begins");
    assert!(
        calls.iter().any(|call| call.contains("RLIMIT_CORE, {rlim_cur=0, rlim_max=0}")),
        "it leaves cores"
    );
}
