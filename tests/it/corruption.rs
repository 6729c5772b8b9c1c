//! Corruption: what lies on disk is spoiled in every way that a disk, a file system or a person may, and the store is opened again. Nothing
//! may be lost silently, and nothing may panic: a spoiled index is made anew by itself, a spoiled ledger stops the start and says what to
//! do, a spoiled data key concerns its engineer alone. Single faults, by a seed; with `CAREPASS_TEST_ROUNDS` as many times more.
//! Not here: power cuts (`store/embedded`), and spoiled letters, which their seal finds.

mod copies;
mod spoil;

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events, seed};
use carepass::engine::{Engine, Settings};
use carepass::model::enrollment::{Enrollment, Goal, Want};
use carepass::model::entry::{Actor, Change, Commit, Entry, Position};
use carepass::model::grants::GrantLimits;
use carepass::model::id::EngineerKey;
use carepass::model::sealed::WrappedKey;
use carepass::sandbox::World;
use carepass::steps::House;
use carepass::store::embedded::{ChainKey, Embedded, Manner, repair, verify, verify_keyed};
use carepass::store::{Store, StoreError};
use jiff::Timestamp;
use spoil::{Folder, Spoiled, copy_folder, scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Mutations of each kind in CI; 480 in all. A soak run multiplies them.
const LEDGER: usize = 200;
const INDEX: usize = 200;
const KEYS: usize = 80;

/// A new file of the ledger is begun at this length.
const SEGMENT: u64 = 2_000;

/// For what is read beside the work.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(2);

/// Rows of each engineer.
const ROWS: usize = 4;

/// A store as a stopped carepass leaves it, with copies from before.
struct Left {
    _folder: TempDir,
    today: Folder,
    yesterday: Folder,
    stranger: Folder,
    picture: String,
    head: String,
}

impl Left {
    async fn behind() -> Self {
        let folder = scratch();
        let path = |name: &str| folder.path().join(name);
        let room =
            EngineRoom::open(World::from_toml(&demo::files().world).expect("the world that init writes"))
                .await;
        fill(&room, &path("today"), 0..9).await;
        copy_folder(&path("today"), &path("yesterday"));
        fill(&room, &path("today"), 9..17).await;
        fill(&room, &path("stranger"), 20..40).await;
        let store = open(&path("today")).expect("a sound store");
        let (picture, head) = (picture(&store).await, store.anchor().sha256);
        drop(store);
        // Opened once more, so that nothing of the files waits for a thread of sled's.
        drop(open(&path("today")).expect("a sound store"));
        let [today, yesterday, stranger] = ["today", "yesterday", "stranger"].map(|name| Folder(path(name)));
        Self { _folder: folder, today, yesterday, stranger, picture, head }
    }
}

/// Admits events through the engine, and adds rows, a bookmark and a message that cannot be used.
async fn fill(room: &EngineRoom, path: &Path, people: std::ops::Range<usize>) {
    let store = Arc::new(Embedded::open_as(path, &promptly()).expect("a folder of this test"));
    let engine = engine_on(room, &store);
    for number in people.clone() {
        admit(&engine, number).await;
        let rows = (0..ROWS).map(|domain| {
            let id = format!("domain/E-{number:05}/nordic-se/d{domain}.example").parse().expect("an id");
            let row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, Timestamp::UNIX_EPOCH);
            Change::Enrollment { from: None, row: Box::new(row) }
        });
        commit(&*store, rows.collect()).await;
    }
    let position = Position(people.start as u64);
    commit(&*store, vec![Change::Bookmark { reader: "outcomes".into(), position }]).await;
    store.close().await;
}

fn engine_on(room: &EngineRoom, store: &Arc<Embedded>) -> Arc<Engine> {
    let store: Arc<dyn Store> = Arc::<Embedded>::clone(store);
    let grants = GrantLimits { per_hour: 0, per_day: 0 };
    let settings = Settings { grants, ..settings(1) };
    Engine::new(House { store, ..room.house([]) }, settings, CancellationToken::new())
}

async fn admit(engine: &Engine, number: usize) {
    let event = events::joined(number).to_string();
    let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");
}

async fn commit(store: &dyn Store, changes: Vec<Change>) -> Position {
    let commit = Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, changes);
    store.commit(commit).await.expect("a sound store")
}

/// Everything that can be read, as text.
async fn picture(store: &dyn Store) -> String {
    let (mut shown, mut lanes) = (Vec::new(), BTreeSet::new());
    let entries = entries(store).await;
    for engineer in store.engineers(None, 1000).await.expect("engineers") {
        shown.push(format!("{engineer:?}"));
        shown.push(format!("{:?}", store.data_key(&engineer.key).await));
        shown.push(format!("{:?}", store.history(&engineer.key, Position(0), 1000).await));
        for row in store.enrollments_of(&engineer.key).await.expect("rows") {
            lanes.insert(row.lane());
            shown.push(format!("{row:?}"));
        }
    }
    for lane in lanes {
        shown.push(format!("{:?} {:?}", store.next_wake(&lane).await, store.queue(&lane, None, 1000).await));
    }
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        if let Change::Received(received) = change {
            shown.push(format!("{:?}", store.received(&received.event).await));
        }
    }
    shown.push(format!("{:?} {:?}", store.bookmark("outcomes").await, store.head().await));
    shown.push(format!("{entries:?}"));
    shown.join("\n")
}

async fn entries(store: &dyn Store) -> Vec<Entry> {
    store.entries(Position(0), 10_000).await.expect("entries")
}

/// As the daemon opens it, with a ledger of many files.
fn promptly() -> Manner {
    Manner { segment_bytes: SEGMENT, ..Manner::prompt(&ChainKey::known()) }
}

/// What of a spoiled store is read promptly, and what becomes of it when all of it was read beside the work.
async fn reopened_promptly(root: &Path) -> Result<(), StoreError> {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| Embedded::open_as(root, &promptly())));
    let store = opened.expect("a panic came through")?;
    let waiting = async {
        while !store.is_lost() {
            tokio::time::sleep(LOOK).await;
        }
    };
    let lost = tokio::time::timeout(PATIENCE, waiting).await;
    store.close().await;
    if lost.is_ok() { store.health() } else { Ok(()) }
}

fn ledger_of(root: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    spoil::ledger_files(root).into_iter().map(|path| (path.clone(), std::fs::read(path).ok())).collect()
}

fn open(root: &Path) -> Result<Embedded, StoreError> {
    std::panic::catch_unwind(AssertUnwindSafe(|| Embedded::open(root))).expect("a panic came through")
}

/// Opens a spoiled copy and reads all of it.
async fn reopened(root: &Path) -> Result<(String, String), StoreError> {
    let store = open(root)?;
    let seen = (picture(&store).await, store.anchor().sha256);
    store.close().await;
    Ok(seen)
}

/// What a refused start says to whoever reads it.
fn assert_helpful(error: &StoreError, case: &Spoiled) {
    let StoreError::Damaged(text) = error else { panic!("{case}: not told as damage: {error}") };
    let helps = ["`carepass", "Start the release", "different stories"];
    assert!(
        text.contains("Nothing was changed") && helps.iter().any(|word| text.contains(word)),
        "{case}: it does not say what to do: {text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_ledger_stops_the_start_and_says_what_to_do() {
    let left = Left::behind().await;
    let mut chance = spoil::chance();
    for round in 0..LEDGER * seed::rounds() {
        let copy = scratch();
        let root = copy.path().join("store");
        copy_folder(&left.today.0, &root);
        let case = spoil::ledger(&root, &left.yesterday, &left.stranger, round, &mut chance);
        let before = ledger_of(&root);
        match reopened(&root).await {
            Err(error) => assert_helpful(&error, &case),
            Ok(_) => panic!("{case}: it opened, so acknowledged entries are lost or changed"),
        }
        match reopened_promptly(&root).await {
            Err(error) => assert_helpful(&error, &case),
            Ok(()) => panic!("{case}: nobody notices that acknowledged entries are lost or changed"),
        }
        assert!(ledger_of(&root) == before, "{case}: the start changed it");
        let verified = verify_keyed(&root, Some(&left.head), &ChainKey::known());
        assert!(!verified.is_ok_and(|verified| verified.is_sound()), "{case}: it passes for sound");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_index_is_made_anew() {
    let left = Left::behind().await;
    let mut chance = spoil::chance();
    for round in 0..INDEX * seed::rounds() {
        let copy = scratch();
        let root = copy.path().join("store");
        copy_folder(&left.today.0, &root);
        let case = spoil::index(&root, &left.yesterday, round, &mut chance);
        let again = copy.path().join("again");
        copy_folder(&root, &again);
        let (seen, head) = reopened(&root).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(seen == left.picture && head == left.head, "{case}: another store than before");
        let (seen, head) = looked_through(&again).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(seen == left.picture && head == left.head, "{case}: another store than before, promptly");
    }
}

/// Opens a spoiled copy as the daemon does, and reads all of it once the index was looked through.
async fn looked_through(root: &Path) -> Result<(String, String), StoreError> {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| Embedded::open_as(root, &promptly())));
    let store = opened.expect("a panic came through")?;
    let waiting = async {
        while !store.is_looked_through() || store.health().is_err() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is looked through");
    let seen = (picture(&store).await, store.anchor().sha256);
    store.close().await;
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_data_key_concerns_its_engineer_alone() {
    let left = Left::behind().await;
    let mut chance = spoil::chance();
    for round in 0..KEYS * seed::rounds() {
        let copy = scratch();
        let root = copy.path().join("store");
        copy_folder(&left.today.0, &root);
        let (case, engineer) = spoil::key(&root, &left.yesterday, round, &mut chance);
        let store = open(&root).unwrap_or_else(|error| panic!("{case}: {error}"));
        let key: EngineerKey = engineer.parse().expect("an engineer");
        assert!(
            matches!(store.data_key(&key).await, Err(StoreError::Damaged(_))),
            "{case}: it passes for whole"
        );
        for other in store.engineers(None, 1000).await.expect("engineers") {
            let found = store.data_key(&other.key).await;
            assert!(other.key == key || matches!(found, Ok(Some(_))), "{case}: {} suffers too", other.key);
        }
        assert_eq!(verify(&root, None).expect("a sound ledger").damaged_keys.len(), 1, "{case}");
    }
}

/// A folder that was exchanged as a whole looks right from inside: the head that an outcome carried tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yesterdays_folder_is_known_by_a_head_that_was_published() {
    let left = Left::behind().await;
    let verified = verify(&left.yesterday.0, Some(&left.head)).expect("a ledger");
    assert!(verified.flaw.is_none() && !verified.known && !verified.is_sound());
    let yesterday = verified.head.sha256;
    assert!(verify(&left.today.0, Some(&yesterday)).expect("a ledger").is_sound(), "it was the head once");
}

/// Without an index nothing but the data keys knows how far a ledger went that ends at the end of a frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_lost_its_end_and_its_index_is_found_by_the_data_keys() {
    let folder = scratch();
    let root = folder.path().join("store");
    let store = open(&root).expect("a new store");
    let opening = std::fs::read(root.join("ledger/entries.jsonl")).expect("a ledger");
    let bookmark = |n: u64| Change::Bookmark { reader: "outcomes".into(), position: Position(n) };
    let commits = (0..400).map(|n| commit(&store, vec![bookmark(n)]));
    futures_util::future::join_all(commits).await;
    let key = ("E-1".parse().expect("a key"), WrappedKey::from_bytes(vec![1; 40]));
    let last = Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, vec![bookmark(0)]);
    store.commit(Commit { keys: vec![key], ..last }).await.expect("a sound store");
    store.close().await;
    drop(store);
    std::fs::write(root.join("ledger/entries.jsonl"), opening).expect("a ledger");
    std::fs::remove_dir_all(root.join("index")).expect("an index");
    let refused = open(&root).map(|_| ()).expect_err("entries are gone");
    assert!(refused.to_string().contains("entry 401"), "{refused}");

    // Whoever goes on all the same says so, and keeps what was there.
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(repair(&root, Position(7), Some(&ChainKey::known()), now), Err(StoreError::Conflict));
    let repaired = repair(&root, Position(0), Some(&ChainKey::known()), now).expect("a sound opening");
    assert_eq!((repaired.cut, repaired.keys), (0, 1));
    assert!(repaired.kept.join("entries.jsonl").exists());
    drop(open(&root).expect("an empty store"));
}

/// What is cut is told before, kept after, and the rest opens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_keeps_what_is_sound_and_the_original() {
    let left = Left::behind().await;
    let copy = scratch();
    let root = copy.path().join("store");
    copy_folder(&left.today.0, &root);
    let path: PathBuf = spoil::ledger_files(&root)[1].clone();
    let mut bytes = std::fs::read(&path).expect("a ledger");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).expect("a ledger");
    let verified = verify_keyed(&root, None, &ChainKey::known()).expect("a ledger");
    let flaw = verified.flaw.expect("damage");
    let sound = verified.head.position;
    assert!(!flaw.torn && flaw.behind.frames > 0 && flaw.behind.first == sound.0 + 2, "{flaw:?}");
    repair(&root, sound, Some(&ChainKey::known()), Timestamp::UNIX_EPOCH).expect("a repair");
    assert_eq!(
        std::fs::read(root.join("before-repair-0/entries-000002.jsonl")).expect("the original"),
        bytes
    );
    assert!(root.join("before-repair-0/index").is_dir());
    let (store, before) = (open(&root).expect("a sound store"), open(&left.today.0).expect("a sound store"));
    let kept = entries(&store).await;
    assert_eq!(kept.len() as u64, sound.0);
    assert!(entries(&before).await.starts_with(&kept));
}
