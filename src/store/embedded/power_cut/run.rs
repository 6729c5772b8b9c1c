//! What the process writes whose writes are recorded: of everything that a commit can bring something, one after another and some at
//! once, a line for each answer. Not here: what becomes of it.

use super::*;
use crate::model::entry::{Change, Disposition};
use crate::model::parked::Parked;
use crate::model::sealed::Sealed;
use crate::store::contract::{beside, commit, put, put_engineer, row};
use futures_util::future::join_all;
use std::io::Write as _;
use tokio::time::Instant;

/// Groups of commits; those of a group are given at once.
const GROUPS: u64 = 140;

/// A new file of the ledger is begun each few groups.
const SEGMENT: u64 = 20_000;

/// A store takes commits again so soon after the disk does.
const RESUMES: Duration = Duration::from_secs(10);

/// How long sled's own threads may go on after the store was dropped, on a slow machine under strace.
const CLOSES: Duration = Duration::from_mins(1);

/// How often it is asked.
const LOOK: Duration = Duration::from_millis(20);

/// Where the process writes what was acknowledged.
pub fn acknowledged(root: &Path) -> PathBuf {
    root.with_file_name("acknowledged")
}

/// The number of a commit, which its time holds.
pub fn number(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap()
}

/// A commit that none of the others disturbs.
pub fn afterwards() -> Commit {
    Commit { at: Timestamp::from_second(1_000_000).unwrap(), ..beside::with_key("E-afterwards", 1, 9) }
}

/// All commits, numbered from 0.
pub fn commits() -> Vec<Vec<Commit>> {
    let mut numbers = 0..;
    let mut numbered = |commit: Commit| {
        let at = Timestamp::from_second(numbers.next().unwrap()).unwrap();
        Commit { at, ..commit }
    };
    (0..GROUPS).map(|group| at_once(group).into_iter().map(&mut numbered).collect()).collect()
}

/// The process itself: gives the first so many groups, and what fails once more until it is there. It ends when nobody writes any more.
pub fn write(root: &Path, groups: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let acknowledged = std::fs::File::create(acknowledged(root)).unwrap();
    runtime.block_on(async {
        let store = opened(root).await;
        for commits in commits().into_iter().take(groups) {
            join_all(commits.into_iter().map(async |commit| {
                let number = number(commit.at);
                if let Some(position) = written(&store, commit).await {
                    (&acknowledged).write_all(format!("{number} {}\n", position.0).as_bytes()).unwrap();
                }
            }))
            .await;
        }
    });
    wait_until_closed(root);
}

/// sled's own threads write for some moments after a close. Of a thread that dies in a call, strace was seen (6.1, a few times in many
/// hundred runs) to print the answer that another thread had got.
fn wait_until_closed(root: &Path) {
    let (begun, root) = (Instant::now(), root.canonicalize().expect("it was written"));
    while process_holds_a_file_under(&root) {
        assert!(begun.elapsed() < CLOSES, "the store was dropped, and its files stay open");
        std::thread::park_timeout(LOOK);
    }
}

fn process_holds_a_file_under(root: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").expect("a process may see its own files");
    open.flatten().any(|open| open.path().read_link().is_ok_and(|file| file.starts_with(root)))
}

async fn opened(root: &Path) -> Embedded {
    let manner = Manner { segment_bytes: SEGMENT, ..Manner::prompt(&ChainKey::known()) };
    let begun = Instant::now();
    loop {
        match Embedded::open_as(root, &manner) {
            Ok(store) => return store,
            Err(StoreError::Unavailable(_)) if begun.elapsed() < RESUMES => tokio::time::sleep(LOOK).await,
            Err(error) => panic!("it does not open: {error}"),
        }
    }
}

/// Where the commit is; none if it failed first, and is there nevertheless.
async fn written(store: &Embedded, commit: Commit) -> Option<Position> {
    let (begun, mut has_failed) = (Instant::now(), false);
    loop {
        match store.commit(commit.clone()).await {
            Ok(position) => return Some(position),
            Err(StoreError::Conflict) if has_failed => return None,
            Err(StoreError::Unavailable(_)) if begun.elapsed() < RESUMES => {
                has_failed = true;
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn at_once(group: u64) -> Vec<Commit> {
    let (engineer, wake) = (format!("E-{group}"), i64::try_from(group).unwrap());
    let version = group / 7 * 2 + u64::from(group % 7 == 2);
    let rows = || {
        let own = row(&format!("domain/{engineer}/nordic-se/a.example"), 0, Some(wake));
        commit(vec![
            put(None, own),
            put(version.checked_sub(1), row("reseller/nordic-se", version, Some(wake))),
        ])
    };
    let joined = || beside::with_key(&engineer, 1, u8::try_from(group).unwrap());
    match group % 7 {
        0 => vec![joined(), park(group), rows(), bookmark(group)],
        1 => vec![park(group)],
        2 => vec![Commit { changes: [joined().changes, rows().changes].concat(), ..joined() }],
        3 => vec![commit(vec![beside::unpark(&parked(group - 2).id)])],
        4 => {
            let leaver = format!("E-{}", group - 4);
            vec![commit(vec![put_engineer(&leaver, 2), beside::erase(&leaver)])]
        }
        5 => vec![joined(), received(group)],
        _ => vec![bookmark(group)],
    }
}

fn parked(group: u64) -> Parked {
    beside::parked(&format!("letter {group}"), i64::try_from(group).unwrap())
}

fn park(group: u64) -> Commit {
    let parked = parked(group);
    // Longer than a sector, so that it can be torn.
    let letter = Sealed::from_bytes(vec![u8::try_from(group).unwrap(); 1500]);
    Commit { letters: vec![(parked.id.clone(), letter)], ..commit(vec![Change::Parked(parked)]) }
}

fn bookmark(group: u64) -> Commit {
    commit(vec![Change::Bookmark { reader: "outcomes".to_owned(), position: Position(group) }])
}

fn received(group: u64) -> Commit {
    let event = EventRef { source: "hr".to_owned(), id: group.to_string() };
    let verdict = Disposition::Applied;
    let received = Received { event, content: "c0".repeat(32), verdict, engineer: None };
    commit(vec![Change::Received(received)])
}
