//! The built binary with its store in a real PostgreSQL: a server that is killed under it costs no call twice, and the commands know where
//! the store is. Not here: the store by itself (`src/store/postgres/tests`).

mod node;
mod together;

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::{Door, check_world};
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, until};
use carepass::sandbox::CallLine;
use node::{PostgresNode, shared};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Engineers who begin while all is well, and those who begin while the server is killed again and again.
const QUIET: std::ops::Range<usize> = 1..6;
const TROUBLED: std::ops::Range<usize> = 6..16;

/// How often the server is killed.
const KILLS: usize = 2;

/// Writes at Google that have been asked for.
fn writes(neighbour: &Neighbour) -> usize {
    let is_write = |call: &&CallLine| call.method != "GET" && !call.path.contains("token");
    neighbour.sandbox.calls().iter().filter(is_write).count()
}

fn environment(neighbour: &Neighbour, door: &Door, url: &str) -> BTreeMap<String, String> {
    let mut settings = door.settings();
    settings.extend([("STORE__BACKEND", "postgres"), ("STORE__URL", url)]);
    neighbour.environment(&settings)
}

/// Runs a command of the binary with the daemon's settings.
fn run(
    arguments: &[&str],
    neighbour: &Neighbour,
    environment: &BTreeMap<String, String>,
) -> (Option<i32>, String, String) {
    let mut command = carepass();
    command.args(arguments).arg("--config").arg(neighbour.configuration_file()).envs(environment);
    let ran = command.output().expect("the binary can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_costs_no_call_twice() {
    let mut node = PostgresNode::start("");
    let url = node.url(&node.fresh_database());
    let neighbour = Neighbour::start().await;
    let door = Door::of(&neighbour);
    let environment = environment(&neighbour, &door, &url);
    let mut daemon = Daemon::start(&neighbour, &environment);
    door.ready().await;
    // With the first one the reseller accounts are set up.
    door.join(0).await;
    door.settled(0..1, &mut daemon, &neighbour).await;
    let set_up = writes(&neighbour);
    for number in QUIET {
        door.join(number).await;
    }
    door.settled(QUIET, &mut daemon, &neighbour).await;
    let each = (writes(&neighbour) - set_up) / QUIET.len();
    assert!(each >= 8, "{each} writes for an engineer in four domains");

    let before = writes(&neighbour);
    let mut begun = TROUBLED;
    for kill in 0..KILLS {
        for _ in 0..TROUBLED.len() / KILLS {
            door.join(begun.next().expect("one more")).await;
        }
        until("calls are under way", || async { writes(&neighbour) > before + kill * each * 3 }).await;
        tokio::task::block_in_place(|| node.kill9());
        until("it says why", || async { door.part("store").await.contains("tried each second") }).await;
        tokio::task::block_in_place(|| node.restart());
        door.ready().await;
    }
    door.settled(TROUBLED, &mut daemon, &neighbour).await;
    assert_eq!(writes(&neighbour) - before, each * TROUBLED.len(), "{}", daemon::log_tail(&neighbour));
    check_world(&neighbour, TROUBLED.end);

    assert_eq!(daemon.stop().await.code(), Some(0), "{}", daemon::log_tail(&neighbour));
    let (code, said, _) = run(&["ledger", "verify", "--json"], &neighbour, &environment);
    let found = parsed(&said);
    assert_eq!(
        (code, &found["sound"], &found["vouched"]),
        (Some(0), &json!(true), &json!(true)),
        "{found:#}"
    );
    // The same process as before takes up what is there.
    let mut daemon = Daemon::start(&neighbour, &environment);
    door.ready().await;
    door.settled(0..TROUBLED.end, &mut daemon, &neighbour).await;
    assert_eq!(daemon.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_know_where_the_store_is() {
    let (neighbour, database) = (Neighbour::start().await, shared().fresh_database());
    let door = Door::of(&neighbour);
    let environment = environment(&neighbour, &door, &shared().url(&database));
    let store = |said: &str| parsed(said)["store"].clone();
    let (_, said, _) = run(&["check", "--online", "--json"], &neighbour, &environment);
    assert_eq!(store(&said)["grade"], "warning", "{said}");
    assert!(
        store(&said)["said"].as_str().is_some_and(|said| said.contains("without carepass's tables")),
        "{said}"
    );

    let daemon = Daemon::start(&neighbour, &environment);
    door.ready().await;
    let (_, said, _) = run(&["check", "--online", "--json"], &neighbour, &environment);
    assert_eq!(store(&said)["grade"], "ok", "{said}");
    let (code, said, _) = run(&["ledger", "verify"], &neighbour, &environment);
    assert!(code == Some(0) && said.contains("The ledger is whole"), "{code:?}: {said}");
    let copy = neighbour.folder().join("copy").display().to_string();
    for (arguments, expected) in [
        (["store", "backup", copy.as_str()].as_slice(), "pg_dump"),
        (&["store", "restore", copy.as_str()], "pg_restore"),
        (&["ledger", "repair"], "restore the database from a backup"),
    ] {
        let (code, _, told) = run(arguments, &neighbour, &environment);
        assert!(code == Some(2) && told.contains(expected), "{arguments:?}: {code:?}: {told}");
    }
    assert_eq!(daemon.stop().await.code(), Some(0));

    // Another master key, and none at all, where the database is in use.
    let key = neighbour.config(&[]).seal.key_file;
    std::fs::remove_file(&key).expect("the daemon made it");
    for (settings, expected) in [
        (environment.clone(), "is missing: copy it from a replica that has it"),
        (
            with(&environment, "SEAL__KEY_FILE", &neighbour.folder().join("token").display().to_string()),
            "master key",
        ),
        (with(&environment, "STORE__URL", &shared().url("nowhere")), "there is no database nowhere"),
    ] {
        let (code, _, told) = run(&["serve"], &neighbour, &settings);
        assert!(matches!(code, Some(1 | 2 | 6)) && told.contains(expected), "{code:?}: {told}");
        assert!(!key.exists(), "a master key was made");
    }
}

fn with(environment: &BTreeMap<String, String>, key: &str, value: &str) -> BTreeMap<String, String> {
    let mut changed = environment.clone();
    changed.insert(format!("CAREPASS__{key}"), value.to_owned());
    changed
}
