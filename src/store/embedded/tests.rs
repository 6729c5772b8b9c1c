//! What only this store promises: files that outlive the process, damage that is found, one process at a time.

use super::*;
use crate::model::entry::Change;
use crate::store::contract::picture::{Picture, picture};
use crate::store::contract::{self, beside, commit, put, put_engineer, row};
use futures_util::future::join_all;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory of a store that was left without a word, and what was in it.
struct Left {
    directory: TempDir,
    picture: Picture,
    /// Where the last frame begins.
    last_frame: usize,
}

impl Left {
    /// Writes some frames; of the index also a copy from before the last one.
    async fn behind() -> Self {
        let directory = scratch();
        let root = directory.path().join("store");
        let store = Embedded::open(&root).unwrap();
        for number in 0..6_u64 {
            let engineer = format!("E-{number}");
            let keys = vec![(engineer.parse().unwrap(), WrappedKey::from_bytes(vec![1; 40]))];
            let changes = vec![
                put_engineer(&engineer, 1),
                put(None, row(&format!("domain/{engineer}/nordic-se/a.example"), 0, Some(1))),
                put(
                    (number > 0).then(|| number - 1),
                    row("reseller/nordic-se", number, Some(number.cast_signed())),
                ),
            ];
            store.commit(Commit { keys, ..commit(changes) }).await.unwrap();
        }
        drop(store);
        let store = open(&root).unwrap();
        let last_frame = usize::try_from(store.shared.end().offset).unwrap();
        drop(store);
        copy(&root.join("index"), &directory.path().join("old-index"));
        let store = open(&root).unwrap();
        store.commit(commit(vec![put(Some(5), row("reseller/nordic-se", 6, None))])).await.unwrap();
        let seen = picture(&store).await;
        drop(store);
        drop(open(&root).unwrap());
        Self { directory, picture: seen, last_frame }
    }

    /// A copy of its own to spoil.
    fn copy(&self) -> (TempDir, PathBuf) {
        let directory = scratch();
        let root = directory.path().join("store");
        copy(&self.directory.path().join("store"), &root);
        (directory, root)
    }

    fn ledger(&self) -> Vec<u8> {
        fs::read(ledger_of(&self.directory.path().join("store"))).unwrap()
    }
}

/// In memory where the system has that: hundreds of openings, each with its syncs, are too much for a busy disk.
pub(super) fn scratch() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let base = if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() };
    tempfile::tempdir_in(base).unwrap()
}

/// Does something to the index.
type Spoil = fn(&Left, &Path);

fn thoroughly() -> Manner {
    Manner::thorough(&ChainKey::known())
}

pub(super) fn open(root: &Path) -> Result<Embedded, StoreError> {
    Embedded::start(recover::recover(root, Duration::from_secs(30), &thoroughly())?)
}

fn ledger_of(root: &Path) -> PathBuf {
    root.join("ledger/entries.jsonl")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

pub(super) fn names_in(directory: &Path, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

fn assert_damaged(root: &Path, case: &str) {
    let before = fs::read(ledger_of(root)).unwrap();
    let opened = open(root).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Damaged(_))), "{case}: {opened:?}");
    assert!(fs::read(ledger_of(root)).unwrap() == before, "{case}: a damaged ledger is left as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_and_shows_the_same_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(directory.path()).unwrap());
    contract::check(&store).await;
    let before = picture(&*store).await;
    let running = tempfile::tempdir().unwrap();
    copy(directory.path(), running.path());
    drop(store);
    let again = open(directory.path()).unwrap();
    assert_eq!(picture(&again).await, before);
    assert_eq!(
        names_in(&directory.path().join("index/blobs"), ""),
        Vec::<String>::new(),
        "sled never syncs blobs"
    );
    drop(again);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    assert_eq!(picture(&open(directory.path()).unwrap()).await, before, "without its index");
    assert_eq!(picture(&open(running.path()).unwrap()).await, before, "as a killed process leaves it");
}

#[tokio::test]
async fn an_index_that_is_gone_old_or_of_another_time_is_made_anew() {
    let left = Left::behind().await;
    let spoil: [(&str, Spoil); 5] = [
        ("gone", |_, index| fs::remove_dir_all(index).unwrap()),
        ("old", |left, index| {
            fs::remove_dir_all(index).unwrap();
            copy(&left.directory.path().join("old-index"), index);
        }),
        ("of another version", |_, index| {
            let tree = Index::open(index, CACHE_BYTES).unwrap();
            let meta = serde_json::to_string(&tree.meta().unwrap())
                .unwrap()
                .replace("\"version\":1", "\"version\":2");
            let mut batch = sled::Batch::default();
            batch.insert(layout::META, value::seal(layout::META, meta.as_bytes()));
            tree.write_raw(batch);
        }),
        ("short of a row", |_, index| {
            let tree = Index::open(index, CACHE_BYTES).unwrap();
            let mut batch = sled::Batch::default();
            batch.remove(layout::row(&"reseller/nordic-se".parse().unwrap()));
            tree.write_raw(batch);
        }),
        ("a file", |_, index| {
            fs::remove_dir_all(index).unwrap();
            fs::write(index, "what?").unwrap();
        }),
    ];
    for (case, spoil) in spoil {
        let (_directory, root) = left.copy();
        spoil(&left, &root.join("index"));
        assert_eq!(picture(&open(&root).unwrap()).await, left.picture, "{case}");
        assert!(names_in(&root, "index.damaged-").len() <= 1);
    }
}

/// As sled's own threads do for some moments after a close.
#[tokio::test]
async fn an_index_that_is_still_held_is_waited_for_and_bears_witness() {
    let left = Left::behind().await;
    let (_directory, root) = left.copy();
    let held = fs::File::open(root.join("index/db")).unwrap();
    held.lock().unwrap();
    let path = ledger_of(&root);
    fs::write(&path, &left.ledger()[..left.last_frame]).unwrap();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| assert_damaged(&root, "held"));
        std::thread::park_timeout(Duration::from_millis(200));
        assert!(!opened.is_finished(), "nothing is said before the index has been asked");
        drop(held);
    });
}

/// What bars the way says nothing of the index: it stays where it is, as the witness that it is.
#[tokio::test]
async fn an_index_that_stays_held_makes_the_store_unavailable() {
    let left = Left::behind().await;
    let (_directory, root) = left.copy();
    let held = fs::File::open(root.join("index/db")).unwrap();
    held.lock().unwrap();
    let opened = open(&root).map(drop);
    assert!(matches!(&opened, Err(StoreError::Unavailable(why)) if why.contains("held")), "{opened:?}");
    assert_eq!(names_in(&root, "index"), ["index"]);
    drop(held);
    assert_eq!(picture(&open(&root).unwrap()).await, left.picture);
}

#[tokio::test]
async fn flipped_bits_in_the_index_change_nothing() {
    let left = Left::behind().await;
    let mut chance = fastrand::Rng::with_seed(11);
    for round in 0..40 {
        let (_directory, root) = left.copy();
        for again in 0..2 {
            let files: Vec<PathBuf> = fs::read_dir(root.join("index"))
                .unwrap()
                .map(|file| file.unwrap().path())
                .filter(|path| path.is_file() && path.metadata().unwrap().len() > 0)
                .collect();
            let path = &files[chance.usize(..files.len())];
            let mut bytes = fs::read(path).unwrap();
            // The log of a small index is mostly zeros; where it holds something is where damage counts.
            let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
            bytes[used[chance.usize(..used.len())]] ^= 1 << chance.u32(..8);
            fs::write(path, bytes).unwrap();
            let store = open(&root).unwrap();
            assert_eq!(picture(&store).await, left.picture, "round {round}.{again}, {}", path.display());
            assert!(names_in(&root, "index.damaged-").len() <= 1);
        }
    }
}

#[tokio::test]
async fn a_torn_last_frame_is_cut_and_kept_aside() {
    let left = Left::behind().await;
    let whole = left.ledger();
    let (_directory, root) = left.copy();
    let old_index = left.directory.path().join("old-index");
    let mut shorter = None;
    for length in (left.last_frame + 1..whole.len()).rev() {
        fs::write(ledger_of(&root), &whole[..length]).unwrap();
        fs::remove_dir_all(root.join("index")).unwrap();
        copy(&old_index, &root.join("index"));
        let store = open(&root).unwrap_or_else(|error| panic!("cut at {length}: {error}"));
        assert_eq!(fs::read(ledger_of(&root)).unwrap(), whole[..left.last_frame]);
        let kept = root.join(format!("ledger/torn-at-{:020}", left.last_frame));
        assert_eq!(fs::read(kept).unwrap(), whole[left.last_frame..length]);
        if length % 100 == 0 {
            store.commit(commit(vec![put(Some(5), row("reseller/nordic-se", 6, None))])).await.unwrap();
            let seen = picture(&store).await;
            assert_eq!(*shorter.get_or_insert(seen.clone()), seen);
        }
    }
    assert_eq!(shorter, Some(left.picture), "what was cut can be written again");
}

#[tokio::test]
async fn an_acknowledged_entry_never_disappears_silently() {
    let left = Left::behind().await;
    let whole = left.ledger();
    let (_directory, root) = left.copy();
    let path = ledger_of(&root);
    for length in (0..whole.len()).step_by(61).chain([left.last_frame]) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_damaged(&root, &format!("cut at {length}"));
    }
    for at in (0..whole.len()).step_by(37) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        assert_damaged(&root, &format!("byte {at}"));
    }
    for sector in (0..whole.len()).step_by(512) {
        let mut zeroed = whole.clone();
        let end = whole.len().min(sector + 512);
        zeroed[sector..end].fill(0);
        fs::write(&path, &zeroed).unwrap();
        assert_damaged(&root, &format!("sector at {sector}"));
    }
    let stranger = tempfile::tempdir().unwrap();
    let other = open(stranger.path()).unwrap();
    for number in 0..9 {
        other.commit(commit(vec![put(None, row(&format!("engineer/E-{number}"), 0, None))])).await.unwrap();
    }
    fs::copy(ledger_of(stranger.path()), &path).unwrap();
    assert_damaged(&root, "the ledger of another store");
}

#[tokio::test]
async fn without_its_index_a_damaged_ledger_is_still_known_from_a_torn_one() {
    let left = Left::behind().await;
    let whole = left.ledger();
    let (_directory, root) = left.copy();
    for at in (0..whole.len()).step_by(41) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(ledger_of(&root), &flipped).unwrap();
        fs::remove_dir_all(root.join("index")).unwrap();
        assert_damaged(&root, &format!("byte {at}"));
    }
}

#[tokio::test]
async fn any_bytes_open_or_are_refused() {
    let left = Left::behind().await;
    let whole = left.ledger();
    let mut chance = fastrand::Rng::with_seed(3);
    let (_directory, root) = left.copy();
    for _ in 0..60 {
        let mut wild = whole.clone();
        for _ in 0..chance.usize(..5) {
            let at = chance.usize(..wild.len());
            let end = wild.len().min(at + chance.usize(..700));
            match chance.u8(..3) {
                0 => wild[at..end].fill(chance.u8(..)),
                1 => drop(wild.drain(at..end)),
                _ => wild.extend_from_within(at..end),
            }
        }
        fs::write(ledger_of(&root), &wild).unwrap();
        if chance.bool() {
            fs::remove_dir_all(root.join("index")).unwrap();
        }
        match open(&root) {
            Ok(store) => assert!(picture(&store).await.is_prefix_of(&left.picture)),
            Err(error) => assert!(matches!(error, StoreError::Damaged(_)), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    let refused =
        recover::recover(directory.path(), Duration::from_millis(20), &thoroughly()).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
    first.commit(commit(vec![put_engineer("E-1", 1)])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_commits_share_a_sync_and_a_close_waits_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let change = |number: i64| commit(vec![put(None, row(&format!("engineer/E-{number}"), 0, Some(number)))]);
    let answers = join_all((0..2000).map(|number| store.commit(change(number)))).await;
    assert!(answers.iter().all(Result::is_ok));
    let counters = store.counters();
    assert!(counters.commits == 2000 && counters.syncs < 500, "{counters:?}");
    assert_eq!(
        counters.syncs,
        store.anchor().frame,
        "an answer without a sync is a promise that a power cut breaks"
    );

    let (answers, ()) =
        tokio::join!(join_all((2000..3000).map(|number| store.commit(change(number)))), store.close());
    let written = 2000 + answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert_eq!(store.counters().commits, written);
    assert!(matches!(store.commit(commit(vec![])).await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.anchor().position, Position(written));
    assert_eq!(store.entries(Position(0), 5000).await.unwrap().len() as u64, written);
    store.close().await;
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_written_and_reads_go_on() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let mut recovered = recover::recover(directory.path(), Duration::from_secs(30), &thoroughly()).unwrap();
    // A file that cannot be written, as on a disk that has turned read-only.
    let read_only = LedgerReader::open(&directory.path().join("ledger"), false).unwrap();
    let end = *recovered.ledger.end();
    recovered.ledger = ledger::Ledger::new(read_only, end, ChainKey::known(), SEGMENT_BYTES).unwrap();
    // Where the disk is tried there is a directory, so it stays that way.
    fs::create_dir(directory.path().join("probe")).unwrap();
    let store = Embedded::start(recovered).unwrap();
    assert_eq!(store.health(), Ok(()));
    for _ in 0..2 {
        let answer = store.commit(commit(vec![put_engineer("E-1", 1)])).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    }
    assert!(matches!(store.health(), Err(StoreError::Unavailable(_))));
    assert!(matches!(store.head().await, Err(StoreError::Unavailable(_))), "`/readyz` asks for it");
    assert_eq!(store.engineer(&"E-1".parse().unwrap()).await, Ok(None));
    assert_eq!(store.counters(), Counters::default());
    drop(store);
    let store = open(directory.path()).unwrap();
    store.commit(commit(vec![put_engineer("E-1", 1)])).await.unwrap();
}

#[tokio::test]
async fn what_rots_while_it_is_used_is_not_handed_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let position = store.commit(commit(vec![put_engineer("E-1", 1)])).await.unwrap();
    let file = fs::OpenOptions::new().write(true).open(ledger_of(directory.path())).unwrap();
    file.write_all_at(b"7", store.shared.end().offset - 200).unwrap();
    assert!(matches!(store.entries(Position(0), 9).await, Err(StoreError::Damaged(_))));
    assert!(matches!(
        store.history(&"E-1".parse().unwrap(), Position(0), 9).await,
        Err(StoreError::Damaged(_))
    ));
    assert_eq!(position, Position(1));
    assert!(store.commit(commit(vec![])).await.is_err(), "nothing is built on a damaged ledger");
}

#[tokio::test]
async fn everything_is_for_the_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("deep/store");
    let store = open(&root).unwrap();
    let keys = vec![("E-1".parse().unwrap(), WrappedKey::from_bytes(vec![1; 40]))];
    store.commit(Commit { keys, ..commit(vec![put_engineer("E-1", 1)]) }).await.unwrap();
    for (path, mode) in [
        ("", 0o700),
        ("ledger", 0o700),
        ("index", 0o700),
        ("keys", 0o700),
        ("letters", 0o700),
        ("lock", 0o600),
        ("ledger/entries.jsonl", 0o600),
    ] {
        let found = fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path:?}");
    }
    let key = &names_in(&root.join("keys"), "")[0];
    let mut entries = String::new();
    let read = export(&root, Position(0), |entry| {
        entries.push_str(&entry);
        true
    });
    assert!(read.is_ok() && entries.contains("E-1") && !entries.contains(key));
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_written() {
    let directory = scratch();
    let store = open(directory.path()).unwrap();
    let mut engineer = contract::engineer("E-1", 1);
    engineer.stated.person = Some(crate::model::sealed::Sealed::from_bytes(vec![0; 1 << 20]));
    let answer = store.commit(commit(vec![Change::Engineer(Box::new(engineer))])).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert_eq!(store.health(), Ok(()), "one bad commit is not the store's failure");
    store.commit(commit(vec![put_engineer("E-1", 1)])).await.unwrap();
}

/// A killed process may leave the frame of an erasure on disk and the data key beside it, or a letter that is parked no longer.
#[tokio::test]
async fn what_a_crash_left_beside_the_ledger_goes_at_the_next_start() {
    let directory = scratch();
    let root = directory.path().join("store");
    let store = Embedded::open(&root).unwrap();
    let [kept, dropped] = ["kept", "dropped"].map(|body| beside::parked(body, 1));
    for parked in [&kept, &dropped] {
        store.commit(beside::park(parked, 1)).await.unwrap();
    }
    for engineer in ["E-1", "E-2"] {
        store.commit(beside::with_key(engineer, 1, 1)).await.unwrap();
    }
    drop(store);
    drop(open(&root).unwrap());
    let before = directory.path().join("before");
    copy(&root, &before);
    let store = open(&root).unwrap();
    store.commit(commit(vec![beside::erase("E-1"), beside::unpark(&dropped.id)])).await.unwrap();
    store.commit(commit(vec![beside::erase("E-2")])).await.unwrap();
    store.commit(beside::with_key("E-2", 2, 2)).await.unwrap();
    drop(store);
    drop(open(&root).unwrap());
    assert_eq!(names_in(&root.join("letters"), ""), [kept.id.as_str()]);
    assert_eq!(names_in(&root.join("keys"), "").len(), 1);

    // The index has not heard of the last frames, and what they destroy is still there; with it, or with no index at all.
    for old_index in [true, false] {
        let crashed = directory.path().join(format!("crashed-{old_index}"));
        copy(&root, &crashed);
        fs::remove_dir_all(crashed.join("index")).unwrap();
        if old_index {
            copy(&before.join("index"), &crashed.join("index"));
        }
        let first_key = digest::hexadecimal(b"E-1");
        fs::copy(before.join("keys").join(&first_key), crashed.join("keys").join(&first_key)).unwrap();
        let letter = dropped.id.as_str();
        fs::copy(before.join("letters").join(letter), crashed.join("letters").join(letter)).unwrap();
        fs::write(crashed.join("letters/half.draft"), "half").unwrap();
        let store = open(&crashed).unwrap();
        let key = async |engineer: &str| store.data_key(&engineer.parse().unwrap()).await.unwrap();
        assert_eq!(key("E-1").await, None);
        assert_eq!(key("E-2").await, Some(WrappedKey::from_bytes(vec![2; 40])), "a newer key stays");
        assert_eq!(names_in(&crashed.join("keys"), "").len(), 1);
        assert_eq!(names_in(&crashed.join("letters"), ""), [kept.id.as_str()]);
        assert!(store.letter(&kept.id).await.unwrap().unwrap().1.is_some());
        assert_eq!(picture(&store).await, picture(&open(&root).unwrap()).await);
    }
}
