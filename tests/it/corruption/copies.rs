//! Copies of a store by the built binary, under load: a backup that is taken while events come in verifies, opens, and holds every event
//! that was acknowledged before it began, with its data key. Where it may not go, and what may not be put back over, is refused.

use super::spoil::scratch;
use super::{admit, engine_on, entries, open};
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::free_address;
use crate::fixture::engine_room::EngineRoom;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, demo, events, until};
use carepass::model::engineer::EventRef;
use carepass::sandbox::World;
use carepass::store::Store;
use carepass::store::embedded::{ChainKey, Embedded, Manifest, backup, verify as verify_here};
use jiff::Timestamp;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);

/// Events that are acknowledged before the backup begins.
const BEFORE: usize = 60;

/// Publishers that go on meanwhile.
const PUBLISHERS: usize = 4;

/// Copies of a busy store.
const COPIES: usize = 12;

async fn run(arguments: &[&OsStr]) -> (Option<i32>, String) {
    let mut command = carepass();
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let output = output.expect("the binary can be run");
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).expect("text"))
}

async fn store(words: [&str; 2], folder: &Path, root: &Path) -> (Option<i32>, String) {
    run(&[words[0].as_ref(), words[1].as_ref(), folder.as_os_str(), "--store".as_ref(), root.as_os_str()])
        .await
}

async fn verify(root: &Path) -> (Option<i32>, Value) {
    let words = ["ledger", "verify", "--json", "--store"];
    let words: Vec<&OsStr> = words.iter().map(AsRef::as_ref).chain([root.as_os_str()]).collect();
    let (code, said) = run(&words).await;
    (code, serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}")))
}

/// A running daemon that takes events over HTTP, and what was acknowledged.
struct House {
    client: reqwest::Client,
    address: String,
    token: String,
    next: AtomicUsize,
    acknowledged: Mutex<Vec<String>>,
}

impl House {
    async fn publish(&self) {
        let event = events::joined(self.next.fetch_add(1, Ordering::Relaxed));
        let request = self.client.post(format!("http://{}/v1/events", self.address)).bearer_auth(&self.token);
        let request = request.header("content-type", events::CONTENT_TYPE).body(event.to_string());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{}", answer.text().await.expect("text"));
        self.acknowledged.lock().expect("no panic").push(event["id"].as_str().expect("an id").to_owned());
    }

    fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.lock().expect("no panic").clone()
    }
}

async fn until_ready(house: &House, neighbour: &Neighbour) {
    let waiting = async {
        let ready = || house.client.get(format!("http://{}/readyz", house.address)).send();
        while !ready().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, waiting).await;
    waited.unwrap_or_else(|_| panic!("no daemon:\n{}", daemon::log_tail(neighbour)));
}

/// Every event of the list is in the store, and its engineer's data key.
async fn assert_holds(root: &Path, key: &ChainKey, acknowledged: &[String]) {
    let store = Embedded::open_keyed(root, key).expect("a sound store");
    for id in acknowledged {
        let event = EventRef { source: "https://hr.nordresale.example/test".into(), id: id.clone() };
        let received = store.received(&event).await.expect("a sound store");
        let key =
            received.and_then(|received| received.engineer).unwrap_or_else(|| panic!("{id} is missing"));
        assert!(matches!(store.data_key(&key).await, Ok(Some(_))), "the data key of {key}");
    }
    for engineer in store.engineers(None, 100_000).await.expect("engineers") {
        let key = store.data_key(&engineer.key).await;
        assert!(matches!(key, Ok(Some(_))), "{} came during the backup, and has no data key", engineer.key);
    }
    assert!(entries(&store).await.len() >= acknowledged.len());
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_holds_every_acknowledged_event() {
    let neighbour = Neighbour::start().await;
    let address = free_address();
    let settings = [("INTAKE__AMQP__URL", ""), ("HTTP__LISTEN", &address), ("INTAKE__HTTP__ENABLED", "true")];
    let running = Daemon::start(&neighbour, &neighbour.environment(&settings));
    let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
    let house = House {
        client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        address,
        token: token.trim().to_owned(),
        next: AtomicUsize::new(0),
        acknowledged: Mutex::default(),
    };
    until_ready(&house, &neighbour).await;
    for _ in 0..BEFORE {
        house.publish().await;
    }
    let root = neighbour.folder().join("data");
    let folder = scratch();
    let (copy, again) = (folder.path().join("copy"), folder.path().join("again"));
    let over = AtomicBool::new(false);
    let load = futures_util::future::join_all((0..PUBLISHERS).map(|_| async {
        while !over.load(Ordering::Relaxed) {
            house.publish().await;
        }
    }));
    let copying = async {
        let before = house.acknowledged();
        let (code, said) = store(["store", "backup"], &copy, &root).await;
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = store(["store", "restore"], &copy, &root).await;
        assert!(code == Some(6) && said.contains("in use by process"), "over a running daemon: {said}");
        let (code, said) = verify(&root).await;
        assert!(code == Some(0) && said["in_use"] == true, "while events come in: {said}");
        over.store(true, Ordering::Relaxed);
        before
    };
    let (_, before) = tokio::join!(load, copying);
    assert!(house.acknowledged().len() > before.len(), "nothing came in meanwhile");
    assert!(before.len() >= BEFORE);
    assert!(running.stop().await.success());

    let (code, said) = verify(&copy).await;
    assert_eq!((code, &said["sound"]), (Some(0), &Value::Bool(true)), "{said}");
    for refused in [&copy, &root] {
        let (code, said) = store(["store", "backup"], refused, &root).await;
        assert!(code == Some(1) && said.contains("is not empty"), "{said}");
    }
    let (code, said) = store(["store", "restore"], &copy, &root).await;
    assert!(code == Some(1) && said.contains("holds a store already"), "{said}");
    let (code, said) = store(["store", "restore"], &copy, &again).await;
    assert_eq!(code, Some(0), "{said}");
    assert_holds(&again, &neighbour.chain_key(), &before).await;

    std::fs::remove_file(copy.join("backup.json")).expect("what ends a backup");
    let (code, said) = store(["store", "restore"], &copy, &folder.path().join("third")).await;
    assert!(code == Some(1) && said.contains("cut short"), "{said}");
}

/// The same with as many commits as one process can make, and one copy after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_busy_store_lack_no_data_key() {
    let folder = scratch();
    let busy = folder.path().join("store");
    let room =
        EngineRoom::open(World::from_toml(&demo::files().world).expect("the world that init writes")).await;
    let store = Arc::new(open(&busy).expect("a new store"));
    let (over, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let engine = engine_on(&room, &store);
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| {
            let (engine, over, next) = (Arc::clone(&engine), Arc::clone(&over), Arc::clone(&next));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    admit(&engine, next.fetch_add(1, Ordering::Relaxed)).await;
                }
            })
        })
        .collect();
    let mut heads = Vec::new();
    for number in 0..COPIES {
        let (from, copy) = (busy.clone(), folder.path().join(format!("copy-{number}")));
        let last = heads.last().map(|(_, manifest): &(PathBuf, Manifest)| manifest.position);
        until("more commits", || async { last.is_none_or(|last| store.anchor().position > last) }).await;
        let before = store.anchor().position;
        let folder = copy.clone();
        let copied = tokio::task::spawn_blocking(move || backup(&from, &folder, Timestamp::UNIX_EPOCH)).await;
        let manifest = copied.expect("no panic").expect("a sound store");
        assert!(manifest.position >= before);
        heads.push((copy, manifest));
    }
    over.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.expect("no panic");
    }
    for (copy, manifest) in heads {
        assert_holds(&copy, &ChainKey::known(), &[]).await;
        let known = verify_here(&busy, Some(&manifest.sha256)).expect("a ledger").known;
        assert!(known, "the copy ends where the store once ended");
    }
}
