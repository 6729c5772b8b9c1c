//! A daemon against the sandbox, and commands in its environment. Not here: what any one test demands.

use crate::fixture::daemon::Daemon;
use crate::fixture::door::Door;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a command ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub notes: String,
}

impl Ran {
    /// Its standard output, where it ended well.
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.notes);
        self.out
    }

    /// The same as JSON.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("JSON")
    }
}

/// Runs a command that needs no daemon.
pub fn run(arguments: &[&str]) -> Ran {
    run_in(&BTreeMap::new(), arguments)
}

fn run_in(environment: &BTreeMap<String, String>, arguments: &[&str]) -> Ran {
    let output = carepass().args(arguments).envs(environment).output().expect("the binary can be run");
    let text = |bytes| String::from_utf8(bytes).expect("carepass writes UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), notes: text(output.stderr) }
}

/// The neighbour, the way to the daemon, and what both are told by the environment.
pub struct Story {
    pub neighbour: Neighbour,
    pub door: Door,
    environment: BTreeMap<String, String>,
}

impl Story {
    pub async fn begin() -> Self {
        let neighbour = Neighbour::start().await;
        let door = Door::of(&neighbour);
        let mut environment = neighbour.environment(&door.settings());
        environment.insert("CAREPASS_API".into(), format!("http://{}", door.address));
        let token = neighbour.folder().join("token");
        environment.insert("CAREPASS_TOKEN_FILE".into(), token.display().to_string());
        Self { neighbour, door, environment }
    }

    /// Starts the daemon, and waits until every reseller account is ready.
    pub async fn daemon(&self) -> Daemon {
        let daemon = Daemon::start(&self.neighbour, &self.environment);
        self.door.ready().await;
        until("all reseller accounts", || async {
            let all = self.door.get("/v1/resellers").await;
            all["items"].as_array().is_some_and(|all| all.iter().all(|one| one["ready"] == true))
        })
        .await;
        daemon
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run_in(&self.environment, arguments)
    }

    /// A command about this configuration.
    pub fn configured(&self, arguments: &[&str]) -> Ran {
        let file = self.neighbour.configuration_file();
        let file = file.to_str().expect("a plain path");
        self.run(&[arguments, &["--config", file]].concat())
    }

    /// The event in a file.
    pub fn file(&self, event: &Value) -> PathBuf {
        let file = self.neighbour.folder().join("event.json");
        std::fs::write(&file, event.to_string()).expect("a folder of our own");
        file
    }

    /// Sends an event, and waits until the engineer is so.
    pub async fn live(&self, event: &Value, key: &str, state: &str) {
        assert_eq!(self.door.send(event).await, Some(202), "{event}");
        until(state, || async {
            let engineer = self.door.get(&format!("/v1/engineers/{key}")).await;
            let settled = engineer["enrollments"]
                .as_array()
                .is_some_and(|rows| !rows.is_empty() && rows.iter().all(|row| row["state"] == "completed"));
            engineer["state"] == state && settled
        })
        .await;
    }

    /// Where the store is.
    pub fn store(&self) -> PathBuf {
        self.neighbour.folder().join("data")
    }
}

/// Somebody with a name that nobody else has.
pub fn joiner(key: &str) -> Value {
    let family = format!("Quist{}", key.replace(|c: char| !c.is_ascii_digit(), "").replace('1', "a"));
    events::joined_as(key, "Torvild", &family.replace('2', "b").replace('3', "c"))
}
