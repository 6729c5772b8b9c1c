//! What is left after an erasure, by the built binary: `ledger verify` finds the ledger whole, and of the files nothing that was sealed for
//! the person can be opened any more, with the master key and every data key that is there. Not here: marks in clear (`canaries`).

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::free_address;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events};
use carepass::model::entry::Position;
use carepass::model::id::EngineerKey;
use carepass::model::sealed::{Sealed, WrappedKey};
use carepass::seal::Sealer;
use carepass::steps::House;
use carepass::store::embedded::export;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);
const NAME: &str = "Erasmus";

fn store(neighbour: &Neighbour) -> PathBuf {
    let mut found =
        files(neighbour.folder()).into_iter().filter(|path| path.ends_with("ledger/entries.jsonl"));
    let ledger = found.next().expect("a ledger");
    ledger.ancestors().nth(2).expect("the store").to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every text that stands in quotes in the ledger.
fn texts(ledger: &str) -> impl Iterator<Item = &str> {
    ledger.split('"').filter(|text| text.len() > 40)
}

/// How many sealed values of the person open, the record and the username, with any key of any file of the store.
fn opened(neighbour: &Neighbour, key: &EngineerKey) -> usize {
    let store = store(neighbour);
    let master = files(neighbour.folder()).into_iter().find(|path| {
        std::fs::read_to_string(path).is_ok_and(|text| text.starts_with("carepass-master-key-1:"))
    });
    let sealer = Sealer::open(&master.expect("a master key")).expect("it holds a key");
    let all = files(&store).into_iter().map(|path| std::fs::read(path).expect("a file"));
    let all: Vec<String> = all.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    let words = |text: &String| {
        let apart = |letter: char| !(letter.is_ascii_alphanumeric() || "+/=".contains(letter));
        text.split(apart).filter(|word| word.len() > 40).map(str::to_owned).collect::<Vec<_>>()
    };
    let keys: Vec<WrappedKey> =
        all.iter().flat_map(words).filter_map(|word| WrappedKey::try_from(word).ok()).collect();
    let mut ledger = String::new();
    let read = export(&store, Position(0), |entry| {
        ledger.push_str(&entry);
        true
    });
    read.expect("a sound ledger");
    let values: Vec<Sealed> =
        texts(&ledger).filter_map(|text| Sealed::try_from(text.to_owned()).ok()).collect();
    let opens = |value: &&Sealed| {
        let places = [House::person_place(key), House::username_place(key)];
        keys.iter().any(|wrapped| places.iter().any(|place| sealer.unseal(wrapped, place, value).is_ok()))
    };
    values.iter().filter(opens).count()
}

fn verify(neighbour: &Neighbour) -> (Option<i32>, String) {
    let mut command = carepass();
    command.args(["ledger", "verify", "--json", "--config"]).arg(neighbour.configuration_file());
    let output = command.envs(neighbour.environment(&[])).output().expect("the binary can be run");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

fn ended(kind: &str, revision: u64) -> Value {
    let mut event = events::joined_as("E-1", NAME, "Öberg");
    event["id"] = json!(format!("E-1-{kind}"));
    event["type"] = json!(format!("com.carepass.engineer.{kind}.v1"));
    event["data"] = json!({
        "revision": revision,
        "engineer": { "key": "E-1" },
        "employment": { "id": event["data"]["employment"]["id"], "timeZone": "Europe/Stockholm", "urgency": "immediate" }
    });
    event
}

async fn until(what: &str, neighbour: &Neighbour, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what} does not come about:\n{}", daemon::log_tail(neighbour)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_erasure_the_ledger_verifies_and_nothing_of_the_person_opens() {
    let neighbour = Neighbour::start().await;
    let address = free_address();
    let settings = [("INTAKE__AMQP__URL", ""), ("HTTP__LISTEN", &address), ("INTAKE__HTTP__ENABLED", "true")];
    let daemon = Daemon::start(&neighbour, &neighbour.environment(&settings));
    let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = |path: &str| format!("http://{address}{path}");
    until("the daemon", &neighbour, async || {
        client.get(url("/readyz")).send().await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let publish = async |event: &Value| {
        let request = client.post(url("/v1/events")).bearer_auth(token.trim());
        let request = request.header("content-type", events::CONTENT_TYPE).body(event.to_string());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{}", answer.text().await.expect("text"));
    };
    let key: EngineerKey = "E-1".parse().expect("a key");
    publish(&events::joined_as("E-1", NAME, "Öberg")).await;
    assert!(opened(&neighbour, &key) > 0, "with its data key the record opens");
    publish(&ended("left", 5)).await;
    publish(&ended("erased", 6)).await;
    let keys = store(&neighbour).join("keys");
    until("the erasure", &neighbour, async || files(&keys).is_empty()).await;
    let (code, said) = verify(&neighbour);
    assert_eq!(code, Some(0), "while the daemon runs: {said}");
    assert!(daemon.stop().await.success());

    assert_eq!(opened(&neighbour, &key), 0);
    let (code, said) = verify(&neighbour);
    let head: Value = serde_json::from_str(&said).expect("JSON");
    assert!(code == Some(0) && head["position"].as_u64() > Some(3), "{said}");
    assert_eq!(head["vouched"], true, "the configuration names the master key: {said}");

    let path = store(&neighbour).join("ledger/entries.jsonl");
    let mut bytes = std::fs::read(&path).expect("a ledger");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("a ledger");
    let (code, said) = verify(&neighbour);
    assert!(code == Some(1) && said.contains("the ledger is whole up to entry"), "{said}");
}
