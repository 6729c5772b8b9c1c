//! What is shipped works together: the example, the systemd unit, the commands of docs/INSTALL.md, and the configuration and the events of
//! docs/GETTING-STARTED.md.

use super::tests::{key_file, load_in, write};
use super::*;
use crate::model::event::{self, Event, Lifecycle};
use crate::seal::Sealer;
use std::fs;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../config/production.example.toml");
const UNIT: &str = include_str!("../../deploy/carepass.service");
const CREDENTIALS: &str = include_str!("../../deploy/credentials.conf");
const INSTALL: &str = include_str!("../../docs/INSTALL.md");
const GUIDE: &str = include_str!("../../docs/GETTING-STARTED.md");
const URL: &str = "amqps://carepass:x@rabbitmq.nordresale.example:5671/hr\n";

/// The example in a folder of its own instead of `/etc/carepass`.
fn put_example(folder: &Path) {
    let example = EXAMPLE
        .replace("/etc/carepass", folder.join("etc").to_str().unwrap())
        .replace("/var/lib/carepass", folder.join("data").to_str().unwrap());
    write(folder, "carepass.toml", &example, 0o644);
    fs::create_dir(folder.join("etc")).unwrap();
}

/// The line of docs/INSTALL.md that makes the master key, for a key elsewhere.
fn make_master_key(key: &Path) -> bool {
    let line = INSTALL.lines().find(|line| line.contains("carepass-master-key-1:")).expect("a command");
    let command = line.replace("/etc/carepass/seal.key", key.to_str().unwrap());
    Command::new("/bin/sh").args(["-c", &command]).status().unwrap().success()
}

fn content(file: &str) -> &str {
    match file.rsplit('/').next().unwrap() {
        "amqp-url" => URL,
        "tokens.toml" => "",
        "smtp-password" => "x\n",
        "nordic-se.json" | "nordic-fi.json" => key_file(),
        other => panic!("what is in {other}?"),
    }
}

fn check(config: &Config) {
    assert_eq!(config.resellers.len(), 2);
    assert!(config.intake.amqp.as_ref().is_some_and(|amqp| !amqp.declare && !amqp.endpoint.is_in_clear()));
    assert!(matches!(config.mail.transport, MailTransport::Smtp { login: Some(_), .. }));
    Sealer::open(&config.seal.key_file).unwrap();
}

#[test]
fn the_example_loads_when_its_files_are_there() {
    let folder = tempfile::tempdir().unwrap();
    put_example(folder.path());
    let etc = folder.path().join("etc");
    for file in ["amqp-url", "nordic-se.json", "nordic-fi.json", "tokens.toml", "smtp-password"] {
        write(&etc, file, content(file), 0o600);
    }
    assert!(make_master_key(&etc.join("seal.key")));
    check(&load_in(folder.path(), &["carepass.toml"], &[]).unwrap_or_else(|faults| panic!("{faults}")));
}

/// The service's user cannot read `/etc/carepass`: what the unit hands over has to be enough.
#[test]
fn the_units_credentials_are_all_that_the_example_needs() {
    let folder = tempfile::tempdir().unwrap();
    put_example(folder.path());
    fs::create_dir(folder.path().join("credentials")).unwrap();
    for line in CREDENTIALS.lines().filter_map(|line| line.strip_prefix("LoadCredential=")) {
        let (name, file) = line.split_once(':').unwrap();
        assert!(EXAMPLE.contains(file), "{file} is not named by the example");
        let credential = folder.path().join("credentials").join(name);
        if file.ends_with("/seal.key") {
            assert!(make_master_key(&credential));
        } else {
            write(folder.path(), &format!("credentials/{name}"), content(file), 0o440);
        }
    }
    let variables = [("CREDENTIALS_DIRECTORY", "DIR/credentials")];
    let loaded = load_in(folder.path(), &["carepass.toml"], &variables);
    check(&loaded.unwrap_or_else(|faults| panic!("{faults}")));
}

#[test]
fn a_master_key_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("seal.key");
    assert!(make_master_key(&key));
    let made = fs::read(&key).unwrap();
    assert!(!make_master_key(&key));
    assert_eq!(fs::read(&key).unwrap(), made);
}

/// An event of the published samples comes from a source that the example allows.
#[test]
fn the_example_takes_the_samples() {
    let sample: serde_json::Value =
        serde_json::from_str(include_str!("../../docs/schemas/samples/1-joined-sv-de.json")).unwrap();
    assert!(EXAMPLE.contains(&format!("\"{}\"", sample["source"].as_str().unwrap())));
}

/// A stop that takes as long as may be configured is over before systemd ends the process by force, and a reload is a signal.
#[test]
fn the_unit_waits_for_the_longest_stop_and_reloads_by_signal() {
    let value = |key: &str| UNIT.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let seconds: i64 = value("TimeoutStopSec=").parse().unwrap();
    assert!(SignedDuration::from_secs(seconds) > daemon::STOP_MAX, "{seconds}");
    assert_eq!(value("ExecReload="), "/bin/kill -HUP $MAINPID");
}

/// The guide's configuration in a folder of its own, with a file for whatever it names.
fn guide(folder: &Path) -> Config {
    let (_, block) = GUIDE.split_once("```toml\n").expect("a configuration");
    let (block, _) = block.split_once("```").expect("its end");
    let etc = folder.join("etc");
    fs::create_dir(&etc).unwrap();
    let text = block
        .replace("/etc/carepass", etc.to_str().unwrap())
        .replace("/var/lib/carepass", folder.join("data").to_str().unwrap());
    write(folder, "carepass.toml", &text, 0o644);
    for file in ["amqp-url", "nordic-se.json", "tokens.toml"] {
        assert!(block.contains(&format!("/etc/carepass/{file}")), "{file}");
        write(&etc, file, content(file), 0o600);
    }
    assert!(make_master_key(&etc.join("seal.key")));
    load_in(folder, &["carepass.toml"], &[]).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The two events that the guide's commands make of the samples.
fn guides_events(folder: &Path) -> [Event; 2] {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/samples");
    let lines: Vec<&str> = GUIDE.lines().filter(|line| line.starts_with("sed ")).collect();
    let script = format!("samples='{}'\n{}", samples.display(), lines.join("\n"));
    let ended = Command::new("/bin/sh").args(["-e", "-c", &script]).current_dir(folder).status();
    assert!(ended.unwrap().success(), "{script}");
    ["first.json", "last.json"].map(|name| {
        let body = fs::read(folder.join(name)).unwrap();
        let read = event::parse(&body, Some("application/cloudevents+json"), &BTreeMap::new());
        read.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"))
    })
}

#[test]
fn the_guides_configuration_loads_and_its_two_events_fit_it_and_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let config = guide(folder.path());
    assert_eq!(config.resellers.len(), 1);
    let [first, last] = guides_events(folder.path());
    for event in [&first, &last] {
        assert_eq!(config.intake.allowed_sources, std::slice::from_ref(&event.reference.source));
        assert_eq!(event.sequence, None, "it would be a hole in the count of HR's own");
    }
    assert_ne!(first.reference.id, last.reference.id);
    let (Lifecycle::Joined(joined), Lifecycle::Left(left)) = (first.lifecycle, last.lifecycle) else {
        panic!("somebody joins and leaves")
    };
    assert_eq!((joined.key.as_str(), &joined.key), ("E-1", &left.key));
    assert_eq!(joined.employment.id, left.employment.id);
    assert!(joined.revision < left.revision && left.employment.immediate);
}
