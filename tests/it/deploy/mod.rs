//! What is shipped for installing: the package as dpkg takes it, and what is made for containers as somebody else's YAML reads it.
//! Not here: the unit (`hardening`, `config/deploy_tests`), and the queries of rules and dashboard (`watching`).

mod package;

use crate::fixture::process::carepass;
use crate::fixture::python;
use package::{Machine, Package};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest that all tests of the containers' files may take together (measured: half a second).
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn chart_compose_file_and_image_are_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = tokio::process::Command::new(python());
    command
        .env_clear()
        .env("CAREPASS_ROOT", root)
        .args(["-I", "-B"])
        .arg(root.join("tests/python/deploy.py"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = ended.expect("Python can be run");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    assert!(!notes.contains("Ran 0 tests") && !notes.contains("skipped"), "{notes}");
}

/// A life on a machine: installed and not started, configured, upgraded, removed, purged; what is somebody's own stays.
#[test]
fn a_package_is_installed_upgraded_and_purged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let machine = Machine::new(&folder.path().join("machine"));
    let binary = carepass();
    let first = Package::build(folder.path(), "0.1.0-1", Path::new(binary.get_program()));
    let said = machine.dpkg(&["--install", first.path()]);
    assert!(said.contains("carepass is installed and not started"), "{said}");

    let configuration = machine.path("etc/carepass/carepass.toml");
    let credentials = machine.path("etc/systemd/system/carepass.service.d/credentials.conf");
    for file in [
        "usr/bin/carepass",
        "usr/lib/systemd/system/carepass.service",
        "usr/share/doc/carepass/RUNBOOK.md",
        // What docs/GETTING-STARTED.md makes its events of.
        "usr/share/doc/carepass/schemas/samples/1-joined-sv-de.json",
        "usr/share/doc/carepass/schemas/samples/3-left-vi.json",
        "usr/share/man/man1/carepass.1.gz",
        "usr/share/bash-completion/completions/carepass",
        "usr/share/zsh/vendor-completions/_carepass",
        "usr/share/fish/vendor_completions.d/carepass.fish",
    ] {
        assert!(machine.path(file).is_file(), "{file} is missing");
    }
    // It is the binary, and it says what is left to be configured.
    let mut check = Command::new(machine.path("usr/bin/carepass"));
    let checked = check.args(["check", "--config"]).arg(&configuration).output();
    let checked = checked.expect("the installed binary can be run");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("amqp-url"), "{said}");

    let own = std::fs::read_to_string(&configuration).expect("it is installed") + "\n# our own\n";
    std::fs::write(&configuration, &own).expect("it can be written");
    let state = machine.path("var/lib/private/carepass/ledger/entries.jsonl");
    let secret = machine.path("etc/carepass/seal.key");
    std::fs::create_dir_all(state.parent().expect("a folder")).expect("a folder");
    std::fs::write(&state, "what was done").expect("it can be written");
    std::fs::write(&secret, "a key").expect("it can be written");

    let folder_of_secrets = machine.path("etc/carepass");
    let stricter = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&folder_of_secrets, stricter).expect("it is ours");

    // The next version is one in its number: packing takes longer than everything else.
    let second = Package::build(folder.path(), "0.1.0-2", Path::new("/bin/true"));
    let said = machine.dpkg(&["--install", second.path()]);
    assert!(!said.contains("not started"), "an upgrade tells nobody how to begin: {said}");
    assert_eq!(std::fs::read_to_string(&configuration).expect("it stays"), own);
    let mode = std::fs::metadata(&folder_of_secrets).expect("it stays").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "an upgrade opens nothing that somebody has closed");

    machine.dpkg(&["--remove", "carepass"]);
    assert!(!machine.path("usr/bin/carepass").exists());
    assert!(configuration.is_file() && credentials.is_file(), "a removal keeps the configuration");

    let said = machine.dpkg(&["--purge", "carepass"]);
    assert!(!configuration.exists() && !credentials.exists(), "a purge removes the package's configuration");
    assert!(state.is_file() && secret.is_file(), "a purge keeps the store and the master key");
    for kept in ["var/lib/private/carepass", "etc/carepass"] {
        assert!(said.contains(&format!("{} is kept", machine.path(kept).display())), "{said}");
    }
}

/// `sh -n` reads without running; what dpkg asks of scripts is told by their answers.
#[test]
fn maintainer_scripts_are_read_by_a_shell_and_refuse_what_they_do_not_know() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/deb");
    for script in ["postinst", "prerm", "postrm", "assets"] {
        let status = Command::new("/bin/sh").arg("-n").arg(folder.join(script)).status();
        assert!(status.expect("a shell").success(), "{script}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let run = |word: &str| {
            let mut command = Command::new(folder.join(script));
            let output = command.arg(word).env("DPKG_ROOT", "/nowhere/at/all").output();
            output.expect("it can be run").status.success()
        };
        assert!(!run("no-such-word"), "{script}");
        assert!(run("abort-upgrade") || run("upgrade"), "{script}");
    }
}

/// What the unit starts and the package brings is the same place, and the shipped configuration is the one that it names.
#[test]
fn the_package_puts_things_where_the_unit_looks() {
    let unit = include_str!("../../../deploy/carepass.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    let places: Vec<String> = Package::places().into_iter().map(|place| format!("/{place}")).collect();
    for word in line.split(' ').filter(|word| word.starts_with('/')) {
        assert!(places.iter().any(|place| place == word), "{word} is in no package: {places:?}");
    }
    for part in ["Type=notify", "NotifyAccess=main", "WatchdogSec=30", "TimeoutStartSec=15min"] {
        assert!(unit.lines().any(|line| line == part), "{part}");
    }
    let help = carepass().args(["health", "--help"]).output().expect("the binary can be run");
    assert!(help.status.success());
}
