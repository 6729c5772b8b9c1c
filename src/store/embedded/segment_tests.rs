//! A ledger of many files, and a start that reads only the last of them: it shows the same, whatever is missing or another is told, and what
//! is not sound in an older file is found beside the work. Not here: one file (`tests`), and power cuts while one is begun (`power_cut`).

use super::tests::{names_in, scratch};
use super::*;
use crate::store::contract::picture::{Picture, picture};
use crate::store::contract::{beside, commit, put, row};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A few frames fit in a file.
const SEGMENT: u64 = 3_000;

/// Commits; each is a frame.
const COMMITS: u64 = 60;

const PATIENCE: Duration = Duration::from_secs(20);

fn prompt() -> Manner {
    Manner { segment_bytes: SEGMENT, ..Manner::prompt(&ChainKey::known()) }
}

fn thorough() -> Manner {
    Manner { promptly: false, ..prompt() }
}

/// A store with a ledger of many files, as a killed process leaves it.
struct Left {
    directory: TempDir,
    picture: Picture,
}

impl Left {
    async fn behind() -> Self {
        let directory = scratch();
        let root = directory.path().join("store");
        let store = Embedded::open_as(&root, &prompt()).unwrap();
        for number in 0..COMMITS {
            store.commit(beside::with_key(&format!("E-{number}"), 1, 1)).await.unwrap();
            let from = number.checked_sub(1);
            store.commit(commit(vec![put(from, row("reseller/nordic-se", number, Some(9)))])).await.unwrap();
        }
        let picture = picture(&store).await;
        drop(store);
        drop(Embedded::open_as(&root, &prompt()).unwrap());
        let left = Self { directory, picture };
        assert!(left.files().len() > 4, "{:?}", left.files());
        left
    }

    fn files(&self) -> Vec<PathBuf> {
        files_of(&self.directory.path().join("store"))
    }

    fn copy(&self) -> (TempDir, PathBuf) {
        let directory = scratch();
        let root = directory.path().join("store");
        copy(&self.directory.path().join("store"), &root);
        (directory, root)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

fn files_of(root: &Path) -> Vec<PathBuf> {
    let mut names = names_in(&root.join("ledger"), "entries");
    names.sort();
    // "entries-000002.jsonl" sorts before "entries.jsonl".
    names.rotate_right(1);
    names.into_iter().map(|name| root.join("ledger").join(name)).collect()
}

fn content_of(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_of(root).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "not within {PATIENCE:?}: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_many_files_shows_the_same_however_it_is_opened() {
    let left = Left::behind().await;
    for (case, manner, without_index) in [
        ("prompt", prompt(), false),
        ("thorough", thorough(), false),
        ("prompt, no index", prompt(), true),
        ("larger files", Manner::prompt(&ChainKey::known()), false),
    ] {
        let (_directory, root) = left.copy();
        if without_index {
            fs::remove_dir_all(root.join("index")).unwrap();
        }
        let store = Embedded::open_as(&root, &manner).unwrap();
        assert_eq!(picture(&store).await, left.picture, "{case}");
        store.commit(beside::with_key("E-afterwards", 1, 1)).await.unwrap();
        let more = picture(&store).await;
        drop(store);
        assert!(verify(&root, None).unwrap().is_sound(), "{case}");
        assert_eq!(picture(&Embedded::open_as(&root, &thorough()).unwrap()).await, more, "{case}");
        let (copied, again) = (root.with_file_name("copy"), root.with_file_name("again"));
        backup(&root, &copied, Timestamp::UNIX_EPOCH).unwrap();
        restore(&copied, &again).unwrap();
        assert_eq!(picture(&Embedded::open_as(&again, &thorough()).unwrap()).await, more, "{case}, restored");
        let mut lines = 0;
        export(&root, Position(COMMITS), |_| {
            lines += 1;
            true
        })
        .unwrap();
        assert_eq!(lines, COMMITS + 1, "{case}, exported");
    }
}

/// Does something to the files.
type Spoil = fn(&[PathBuf]);

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_missing_exchanged_or_others_are_told_at_once() {
    let left = Left::behind().await;
    let cases: [(&str, Spoil); 8] = [
        ("the first is gone", |files| fs::remove_file(&files[0]).unwrap()),
        ("one in the middle is gone", |files| fs::remove_file(&files[2]).unwrap()),
        ("the last is gone", |files| fs::remove_file(files.last().unwrap()).unwrap()),
        ("two are exchanged", |files| {
            let (one, two) = (fs::read(&files[1]).unwrap(), fs::read(&files[2]).unwrap());
            fs::write(&files[1], two).unwrap();
            fs::write(&files[2], one).unwrap();
        }),
        ("one is shorter", |files| {
            let whole = fs::read(&files[1]).unwrap();
            fs::write(&files[1], &whole[..whole.len() - 9]).unwrap();
        }),
        ("one is longer", |files| {
            let whole = fs::read(&files[1]).unwrap();
            fs::write(&files[1], [&whole[..], b"{}\n"].concat()).unwrap();
        }),
        ("an opening line says something else", |files| {
            let mut whole = fs::read(&files[3]).unwrap();
            let at = whole.windows(9).position(|window| window == b"\"offset\":").unwrap() + 9;
            whole[at] ^= 1;
            fs::write(&files[3], whole).unwrap();
        }),
        ("the last has lost its opening line", |files| fs::write(files.last().unwrap(), "").unwrap()),
    ];
    for (case, spoil) in cases {
        for manner in [prompt(), thorough()] {
            let (_directory, root) = left.copy();
            spoil(&files_of(&root));
            let before = content_of(&root);
            let opened = Embedded::open_as(&root, &manner).map(|_| ());
            assert!(matches!(opened, Err(StoreError::Damaged(_))), "{case}: {opened:?}");
            assert!(content_of(&root) == before, "{case}: a damaged ledger is left as it is");
            assert!(
                !verify(&root, None).is_ok_and(|verified| verified.is_sound()) || case == "the last is gone"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_an_older_file_is_found_beside_the_work_and_then_before_it() {
    let left = Left::behind().await;
    let (_directory, root) = left.copy();
    let mut whole = fs::read(&files_of(&root)[1]).unwrap();
    let middle = whole.len() / 2;
    whole[middle] ^= 4;
    fs::write(&files_of(&root)[1], whole).unwrap();
    let refused = Embedded::open_as(&root, &thorough()).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "whoever reads all of it finds it: {refused:?}");

    let store = Embedded::open_as(&root, &prompt()).unwrap();
    until("it is found", || store.is_lost()).await;
    let told = store.health().unwrap_err().to_string();
    assert!(told.contains("the ledger is whole up to entry") && told.contains("`carepass"), "{told}");
    assert!(matches!(store.commit(beside::with_key("E-more", 1, 1)).await, Err(StoreError::Damaged(_))));
    drop(store);
    let refused = Embedded::open_as(&root, &prompt()).map(|_| ());
    assert!(
        matches!(refused, Err(StoreError::Damaged(_))),
        "the next start reads all of it first: {refused:?}"
    );

    let sound = verify_keyed(&root, None, &ChainKey::known()).unwrap().head.position;
    let repaired = repair(&root, sound, Some(&ChainKey::known()), Timestamp::UNIX_EPOCH).unwrap();
    assert!(repaired.cut > SEGMENT && files_of(&root).len() == 2);
    assert_eq!(names_in(&repaired.kept, "entries").len(), left.files().len() - 1, "the original is kept");
    let store = Embedded::open_as(&root, &prompt()).unwrap();
    assert_eq!(store.anchor().position, sound);
}

/// As a process that was killed between the two leaves it; or a power cut, in the middle of the first frame.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_only_begun_is_gone_on_with() {
    let left = Left::behind().await;
    let (_directory, root) = left.copy();
    let store = Embedded::open_as(&root, &prompt()).unwrap();
    let (end, files) = (store.shared.end(), files_of(&root).len() as u64);
    drop(store);
    let next = root.join("ledger").join(segments::name(files + 1));
    for torn in ["", "{\"frame\":", "{\"frame\":121,\"first\":121,\"count\":1,\"bytes\":"] {
        fs::write(&next, [&segments::Segment::opening(files + 1, &end)[..], torn.as_bytes()].concat())
            .unwrap();
        for manner in [prompt(), thorough()] {
            let store = Embedded::open_as(&root, &manner).unwrap();
            assert_eq!(picture(&store).await, left.picture, "{torn:?}");
        }
    }
    let store = Embedded::open_as(&root, &prompt()).unwrap();
    store.commit(beside::with_key("E-more", 1, 1)).await.unwrap();
    assert_eq!(files_of(&root).len() as u64, files + 1, "the file is used");
    assert!(verify(&root, None).unwrap().is_sound());
}

/// Does something to the index.
type SpoilIndex = fn(&mut sled::Batch);

/// What the same boot of the machine has left is used as it is, and looked through beside the work: an index that lacks something, or holds
/// something else, is made anew by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_this_boot_is_looked_through_beside_the_work() {
    let left = Left::behind().await;
    let spoil: [(&str, SpoilIndex); 2] = [
        ("a row is gone", |batch| batch.remove(layout::row(&"reseller/nordic-se".parse().unwrap()))),
        ("a wake is another's", |batch| {
            let lane = Lane::Reseller("nordic-se".parse().unwrap());
            let key = layout::wake_in(&lane, 0, Timestamp::MAX, &"reseller/nordic-se".parse().unwrap());
            batch.insert(key.clone(), value::seal(&key, &[]));
        }),
    ];
    for (case, spoil) in spoil {
        let (_directory, root) = left.copy();
        let index = Index::open(&root.join("index"), CACHE_BYTES).unwrap();
        let mut batch = sled::Batch::default();
        spoil(&mut batch);
        index.write_raw(batch);
        drop(index);
        let store = Embedded::open_as(&root, &prompt()).unwrap();
        until(case, || !names_in(&root, "index.damaged-").is_empty() && store.health().is_ok()).await;
        assert_eq!(picture(&store).await, left.picture, "{case}");
        store.commit(beside::with_key("E-more", 1, 1)).await.unwrap();
    }
}

/// A look that goes on while others write sees everything once.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_through_the_index_keeps_count_of_what_is_written_meanwhile() {
    let directory = scratch();
    let store = Embedded::open_as(directory.path(), &thorough()).unwrap();
    let mut version = 0;
    for round in 0..20 {
        store.shared.look(|shared| shared.index.look_through_later()).unwrap();
        loop {
            let looked = store.shared.look(|shared| shared.index.look_on(3)).unwrap();
            if looked.unwrap_or_else(|why| panic!("round {round}: {why}")) {
                break;
            }
            let engineer = format!("E-{round}-{version}");
            let from = u64::checked_sub(version, 1);
            let rows = vec![put(from, row("reseller/nordic-se", version, Some(i64::from(round))))];
            store.commit(commit(rows)).await.unwrap();
            if version % 2 == 0 {
                store.commit(beside::with_key(&engineer, 1, 1)).await.unwrap();
            }
            version += 1;
            if version % 40 == 0 {
                break;
            }
        }
    }
    store.shared.look(|shared| shared.index.look_through_later()).unwrap();
    assert_eq!(store.shared.look(|shared| shared.index.look_on(1_000_000)).unwrap(), Ok(true));
}

/// Nobody reads and nobody writes: what went wrong in a quiet moment is mended all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_brought_up_is_made_anew_though_nobody_asks() {
    let directory = scratch();
    let store = Embedded::open_as(directory.path(), &thorough()).unwrap();
    store.commit(beside::with_key("E-1", 1, 1)).await.unwrap();
    let behind = || store.shared.look(|shared| shared.index.behind_by());
    until("the first entry is brought up, so that only the second can meet it", || behind() == Some(0)).await;
    let spoil = |shared: &Shared| {
        let mut batch = sled::Batch::default();
        batch.insert(layout::META, b"what?".as_slice());
        shared.index.write_raw(batch);
    };
    store.shared.look(spoil).unwrap();
    store.commit(beside::with_key("E-2", 1, 1)).await.unwrap();
    let mended = || !names_in(directory.path(), "index.damaged-").is_empty() && store.health().is_ok();
    until("nobody asks", mended).await;
    store.commit(beside::with_key("E-3", 1, 1)).await.unwrap();
    assert!(store.engineer(&"E-2".parse().unwrap()).await.unwrap().is_some());
}

/// The index is written behind; whoever acknowledged an entry and opens the store anew knows more than it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_missed_when_the_store_is_opened_anew() {
    let directory = scratch();
    let store = Embedded::open_as(directory.path(), &thorough()).unwrap();
    store.commit(beside::with_key("E-1", 1, 1)).await.unwrap();
    let ledger = fs::OpenOptions::new()
        .write(true)
        .open(directory.path().join("ledger").join(segments::FIRST))
        .unwrap();
    let before = ledger.metadata().unwrap().len();
    store.commit(beside::with_key("E-2", 1, 1)).await.unwrap();
    ledger.set_len(before).unwrap();
    store.shared.fail(&unavailable("a write failed"));
    let _ = store.engineer(&"E-1".parse().unwrap()).await;
    until("an acknowledged entry is gone", || store.is_lost()).await;
}
