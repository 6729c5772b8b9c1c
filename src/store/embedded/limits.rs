//! The store at its limits: every write and every sync of a short run fails once, or a few times on end as on a full disk. Nothing is
//! acknowledged that is not there, the store opens itself anew within ten seconds, and a sync that failed is not simply repeated.
//! The calls fail by strace, in a process of its own. Not here: the daemon around the store (`tests/it/store_limits`).

use super::power_cut::disk::{Fate, Run};
use super::power_cut::recording::{self, Act, Event};
use super::power_cut::{Judge, run, told};
use super::tests::{open, scratch};
use super::*;
use crate::store::contract::{commit, put_engineer};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::AtomicUsize;

/// Tells the test that it is the process that writes, and where.
const WRITES_TO: &str = "CAREPASS_TEST_LIMITS_WRITES_TO";

/// How much of the run is written: each kind of commit once.
const GROUPS: usize = 7;

/// Runs side by side.
const THREADS: usize = 2;

/// Calls that fail, with which error, and whether the three after it fail too. strace counts the calls of each thread by themselves.
const FAULTS: [(&str, &str, bool); 8] = [
    ("pwrite64", "ENOSPC", false),
    ("write", "ENOSPC", true),
    ("write", "EIO", false),
    ("fdatasync", "EIO", false),
    ("fsync", "EIO", false),
    ("fsync", "ENOSPC", true),
    ("ftruncate", "EIO", false),
    ("rename", "EROFS", false),
];

#[test]
fn each_write_and_each_sync_may_fail() {
    if let Some(root) = told(WRITES_TO) {
        return run::write(Path::new(&root), GROUPS);
    }
    let plain = Attempt::make(None);
    assert_eq!(plain.judged(), Ok(11));
    let faults: Vec<String> = FAULTS
        .iter()
        .flat_map(|(call, error, lasting)| {
            let count = plain.most_in_a_thread(call);
            assert!(count > 0, "{call} is never called");
            (1..=count).map(move |number| {
                let until = if *lasting { format!("..{}", number + 3) } else { String::new() };
                format!("inject={call}:error={error}:when={number}{until}")
            })
        })
        .collect();
    println!("{} runs, in each a call fails", faults.len());
    let next = AtomicUsize::new(0);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(fault) = faults.get(next.fetch_add(1, Relaxed)) {
                let judged = Attempt::make(Some(fault)).judged();
                failures.extend(judged.err().map(|why| format!("{fault}: {why}")));
            }
            failures
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {}: {failures:#?}", failures.len(), faults.len());
}

/// One run with a fault.
struct Attempt {
    directory: tempfile::TempDir,
    ended: std::process::Output,
    log: String,
    /// Whether the log tells of every file.
    saw_all: bool,
}

impl Attempt {
    fn make(fault: Option<&String>) -> Self {
        let directory = scratch();
        let (root, log) = (directory.path().join("store"), directory.path().join("calls"));
        let saw_all = fault.is_none_or(|fault| !fault.contains("=write:"));
        let ended = Command::new("strace")
            .args(["-f", "--seccomp-bpf", "-xx", "-s", "16777216", "-e", "trace=%desc,%file", "-o"])
            .arg(&log)
            .args(fault.into_iter().flat_map(|fault| ["-e", fault]))
            .args(if saw_all { Vec::new() } else { drafts(&root) })
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "store::embedded::limits::each_write_and_each_sync_may_fail", "--nocapture"])
            .env(WRITES_TO, root)
            .output()
            .expect("strace can be run; ./test installs it");
        let log = std::fs::read_to_string(log).unwrap();
        Self { directory, ended, log, saw_all }
    }

    /// How often the thread that calls it most often does.
    fn most_in_a_thread(&self, call: &str) -> usize {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for line in self.log.lines() {
            let Some((thread, text)) = line.split_once(' ') else { continue };
            if text.trim_start().strip_prefix(call).is_some_and(|rest| rest.starts_with('(')) {
                *counts.entry(thread).or_default() += 1;
            }
        }
        counts.into_values().max().unwrap_or(0)
    }

    /// How much was acknowledged; it is all there, and would be after a power cut at the end.
    fn judged(&self) -> Result<usize, String> {
        if !self.ended.status.success() {
            return Err(String::from_utf8_lossy(&self.ended.stderr).into_owned());
        }
        let root = self.directory.path().join("store");
        let events = recording::read(&self.log, &root, &run::acknowledged(&root));
        none_is_repeated(&events)?;
        let heard = std::fs::read_to_string(run::acknowledged(&root)).unwrap();
        let heard: BTreeMap<u64, u64> = heard
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(commit, position)| (commit.parse().unwrap(), position.parse().unwrap()))
            .collect();
        Judge::new().check(&root, &heard)?;
        if self.saw_all {
            let (run, directory) = (Run::new(events), scratch());
            let (left, mut chance) = (directory.path().join("store"), fastrand::Rng::with_seed(0));
            run.leave(run.end(), Fate::OnlySynced, &mut chance, &left);
            Judge::new().check(&left, &heard).map_err(|why| format!("after a power cut: {why}"))?;
        }
        Ok(heard.len())
    }
}

/// Only these are written with `write`, and other files than the store's: of it nothing else is to fail, nor is seen.
fn drafts(root: &Path) -> Vec<std::ffi::OsString> {
    let commits: Vec<Commit> = run::commits().into_iter().take(GROUPS).flatten().collect();
    let keys = commits.iter().flat_map(|commit| &commit.keys);
    let keys =
        keys.map(|(engineer, _)| format!("keys/{}.draft", digest::hexadecimal(engineer.as_str().as_bytes())));
    let letters = commits.iter().flat_map(|commit| &commit.letters);
    let letters = letters.map(|(id, _)| format!("letters/{}.draft", id.as_str()));
    let later = (2..9).map(|number| format!("ledger/entries-{number:06}.draft"));
    let drafts = keys.chain(letters).chain(later);
    let drafts = drafts.chain(["probe".to_owned(), "ledger/entries.draft".to_owned()]);
    drafts.flat_map(|draft| ["-P".into(), root.join(draft).into_os_string()]).collect()
}

/// After a sync of a file that failed, the file is written once more, or cut, before it is synced again. On the index, which may be
/// thrown away, nothing depends.
fn none_is_repeated(events: &[Event]) -> Result<(), String> {
    let of_index = |file: usize| {
        events.iter().any(|event| matches!(&event.act, Act::Create(path, made) if *made == file && path.starts_with("index")))
    };
    for (place, event) in events.iter().enumerate() {
        let Act::Failed(failed) = &event.act else { continue };
        let Act::SyncFile(file) = **failed else { continue };
        if of_index(file) {
            continue;
        }
        let later = events[place + 1..].iter().map(|event| &event.act);
        let mut later = later.filter(|act| match act {
            Act::Write(at, ..) | Act::SetLength(at, _) | Act::SyncFile(at) => *at == file,
            Act::Create(..)
            | Act::MakeDirectory(_)
            | Act::Rename(..)
            | Act::Remove(_)
            | Act::SyncDirectory(_)
            | Act::Failed(_)
            | Act::Acknowledged(..) => false,
        });
        if let Some(Act::SyncFile(_)) = later.next() {
            return Err(format!("a sync of file {file} failed and was repeated"));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_takes_nothing_the_store_says_why_and_is_read() {
    let directory = scratch();
    let root = directory.path().join("store");
    let store = open(&root).unwrap();
    store.commit(commit(vec![put_engineer("E-1", 1)])).await.unwrap();
    // Where the disk is tried there is a directory instead, so nothing can be written there.
    std::fs::create_dir(root.join("probe")).unwrap();
    store.shared.fail(&unavailable("the disk is full"));
    let _ = store.engineer(&"E-1".parse().unwrap()).await;
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        let refused = store.commit(commit(vec![put_engineer("E-2", 1)])).await.unwrap_err();
        assert!(refused.to_string().contains("Nothing is acknowledged until"), "{refused}");
        assert!(store.head().await.is_err() && !store.is_lost());
        assert!(store.engineer(&"E-1".parse().unwrap()).await.unwrap().is_some(), "reads go on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::remove_dir(root.join("probe")).unwrap();
    let begun = tokio::time::Instant::now();
    while store.head().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not resume: {:?}", store.health());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.commit(commit(vec![put_engineer("E-2", 1)])).await, Ok(Position(2)));
    assert!(store.engineer(&"E-1".parse().unwrap()).await.unwrap().is_some());
}
