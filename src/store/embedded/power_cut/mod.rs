//! The power cut: a process writes to a store under strace; what it did is replayed up to each acknowledgement, with only what was
//! synced, with everything, with parts by chance and with torn sectors; each disk is opened and held against what was acknowledged.
//! A killed process would not do: the system keeps what it wrote. Not here: reading the recording (`recording`), and what a disk keeps
//! of it (`disk`).

pub(super) mod disk;
pub(super) mod recording;
pub(super) mod run;

use super::*;
use crate::model::entry::Change;
use crate::planted::{Bug, caught, here, plant};
use crate::store::contract::picture::{Picture, picture};
use crate::store::memory::Memory;
use disk::{Fate, Run};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicUsize;

/// Tells the test that it is the process that writes, and where.
const WRITES_TO: &str = "CAREPASS_TEST_POWER_CUT_WRITES_TO";

/// How often more disks are made than in CI: `CAREPASS_TEST_ROUNDS`.
const ROUNDS: &str = "CAREPASS_TEST_ROUNDS";

/// Which other disks are made: `CAREPASS_TEST_AFTER`.
const AFTER: &str = "CAREPASS_TEST_AFTER";

/// Tells it which bug is planted in it.
const PLANTED: &str = "CAREPASS_TEST_PLANTED";

/// Disks of each acknowledgement that are made by chance, half of them torn.
const BY_CHANCE: usize = 21;

/// Fewer would prove too little.
const DISKS_MIN: usize = 5_000;

/// After so many in a thread it is known well enough.
const FAILURES_MAX: usize = 5;

/// Disks are made and opened side by side.
const THREADS: usize = 2;

/// One disk to be made: when the power was cut, and what became of the rest.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: usize,
    fate: Fate,
    seed: u64,
}

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut() {
    if let Some(root) = told(WRITES_TO) {
        plant(Bug::ALL.iter().copied().find(|bug| told(PLANTED).is_some_and(|name| name == bug.name())));
        return run::write(Path::new(&root), usize::MAX);
    }
    let run = recorded();
    let cuts = cuts(&run);
    assert!(cuts.len() >= DISKS_MIN, "{} disks are too few", cuts.len());
    let (next, torn) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let judge = || {
            let mut judge = Judge::new();
            let mut failures = Vec::new();
            while let Some(cut) = cuts.get(next.fetch_add(1, Relaxed))
                && failures.len() < FAILURES_MAX
            {
                if let Err(why) = judge.check_cut(&run, *cut) {
                    failures.push(format!("{cut:?}: {why}"));
                }
            }
            torn.fetch_add(judge.torn, Relaxed);
            failures
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(judge)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "of {} disks, among others: {failures:#?}", cuts.len());
    let torn = torn.into_inner();
    println!("{} disks, {torn} of them with a torn frame", cuts.len());
    assert!(torn > DISKS_MIN / 100, "only {torn} frames were torn: the cuts fall in the wrong places");
}

#[test]
fn planted_the_store_answers_before_the_sync() {
    caught(Bug::AnswersBeforeSync, nothing_acknowledged_is_lost_in_a_power_cut);
}

#[test]
fn planted_names_of_files_are_not_synced() {
    caught(Bug::NamesNotSynced, nothing_acknowledged_is_lost_in_a_power_cut);
}

/// What this process was told by the one that started it.
#[expect(clippy::disallowed_methods, reason = "only config reads the environment, but for tests")]
pub(super) fn told(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Lets another process write, and reads what it did.
fn recorded() -> Run {
    let directory = tests::scratch();
    let root = directory.path().join("store");
    let log = directory.path().join("calls");
    let test = format!(
        "{}::nothing_acknowledged_is_lost_in_a_power_cut",
        module_path!().trim_start_matches("carepass::")
    );
    let ended = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-xx", "-s", "16777216", "-e", "trace=%desc,%file", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(WRITES_TO, &root)
        .env(PLANTED, here().map_or("", Bug::name))
        .output()
        .expect("strace can be run; ./test installs it");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let log = std::fs::read_to_string(log).unwrap();
    let run = Run::new(recording::read(&log, &root, &run::acknowledged(&root)));
    assert_eq!(run.acknowledged(run.end()).len(), run::commits().iter().map(Vec::len).sum::<usize>());
    run
}

/// Before the first acknowledgement, and behind each: exactly then with nothing and everything of the rest, and by chance up to the next.
fn cuts(run: &Run) -> Vec<Cut> {
    let number = |name| told(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let mut chance = fastrand::Rng::with_seed(5 + number(AFTER).unwrap_or(0));
    let rounds = number(ROUNDS).map_or(1, |rounds| usize::try_from(rounds).unwrap());
    let mut times: Vec<usize> = std::iter::once(0).chain(run.acknowledgements()).collect();
    times.push(run.end());
    let mut cuts = Vec::new();
    for between in times.windows(2) {
        let [at, until] = [between[0], between[1].max(between[0] + 1)];
        cuts.push(Cut { at, fate: Fate::OnlySynced, seed: 0 });
        cuts.push(Cut { at, fate: Fate::Everything, seed: 0 });
        let moments = run.moments(at, until);
        for number in 0..BY_CHANCE * rounds {
            let fate = if number % 2 == 0 { Fate::Torn } else { Fate::Some };
            let at = chance.choice(&moments).copied().unwrap_or(at);
            cuts.push(Cut { at, fate, seed: chance.u64(..) });
        }
    }
    cuts
}

/// Opens disks and looks.
pub(super) struct Judge {
    commits: BTreeMap<u64, Commit>,
    /// By the head of the chain, which an opening has verified over every byte: the same head is the same ledger.
    expected: BTreeMap<String, Expected>,
    runtime: tokio::runtime::Runtime,
    looked: usize,
    /// How many disks had a frame that was cut.
    torn: usize,
}

/// Every so many disks all that can be read is compared; of each the head of the chain, and what lies beside the ledger. The entries
/// themselves are read where a head is seen first, and in each comparison of everything.
const WHOLE_PICTURE: usize = 8;

impl Judge {
    pub(super) fn new() -> Self {
        let commits = run::commits().into_iter().flatten();
        Self {
            commits: commits.map(|commit| (run::number(commit.at), commit)).collect(),
            expected: BTreeMap::new(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            looked: 0,
            torn: 0,
        }
    }

    fn check_cut(&mut self, run: &Run, cut: Cut) -> Result<(), String> {
        let directory = tests::scratch();
        let root = directory.path().join("store");
        run.leave(cut.at, cut.fate, &mut fastrand::Rng::with_seed(cut.seed), &root);
        self.check(&root, &run.acknowledged(cut.at))
    }

    /// Whether a directory holds what was acknowledged (commit and position), and is a store that goes on.
    pub(super) fn check(&mut self, root: &Path, acknowledged: &BTreeMap<u64, u64>) -> Result<(), String> {
        let store = tests::open(root).map_err(|error| format!("it does not open: {error}"))?;
        self.torn += usize::from(!tests::names_in(&root.join("ledger"), "torn-at-").is_empty());
        let head = store.anchor().sha256;
        if !self.expected.contains_key(&head) {
            let expected = self.expected(&store)?;
            self.expected.insert(head.clone(), expected);
        }
        let expected = &self.expected[&head];
        for (commit, position) in acknowledged {
            if expected.order.get(usize::try_from(*position).unwrap() - 1) != Some(commit) {
                return Err(format!("commit {commit} was acknowledged at {position} and is not there"));
            }
        }
        self.looked += 1;
        if self.looked % WHOLE_PICTURE == 1 {
            if self.runtime.block_on(picture(&store)) != expected.picture {
                let count = expected.order.len();
                return Err(format!("{count} entries are there, and it shows something else than they say"));
            }
        } else {
            store.shared.read(|open| Ok(expected.is_beside(open))).map_err(|error| error.to_string())??;
        }
        let written = self.runtime.block_on(store.commit(run::afterwards()));
        written.map(|_| ()).map_err(|error| format!("it takes no commit: {error}"))
    }

    /// What a store with this ledger has to show: its entries are those that were written, and the store in memory says the rest.
    fn expected(&self, store: &Embedded) -> Result<Expected, String> {
        let entries = self.runtime.block_on(store.entries(Position(0), usize::MAX));
        let entries = entries.map_err(|error| error.to_string())?;
        for entry in &entries {
            if self.commits[&run::number(entry.at)].changes != entry.changes {
                return Err(format!("entry {} is another than was written", entry.position.0));
            }
        }
        let order: Vec<u64> = entries.iter().map(|entry| run::number(entry.at)).collect();
        let memory = self.runtime.block_on(self.in_memory(&order))?;
        let picture = self.runtime.block_on(picture(&memory));
        let mut expected = Expected { order, picture, ..Expected::default() };
        for change in entries.into_iter().flat_map(|entry| entry.changes) {
            self.runtime.block_on(expected.note(&change, &memory));
        }
        Ok(expected)
    }

    async fn in_memory(&self, order: &[u64]) -> Result<Memory, String> {
        let memory = Memory::default();
        for commit in order {
            let written = memory.commit(self.commits[commit].clone()).await;
            written.map_err(|error| format!("commit {commit}: {error}"))?;
        }
        Ok(memory)
    }
}

/// What a store has to show, by its ledger.
#[derive(Default)]
struct Expected {
    /// Which commits are in it.
    order: Vec<u64>,
    picture: Picture,
    data_keys: BTreeMap<EngineerKey, Option<WrappedKey>>,
    letters: BTreeMap<LetterId, Option<StoredLetter>>,
    bookmarks: BTreeMap<String, Position>,
}

impl Expected {
    /// What a change has brought beside the ledger, as it is at the end.
    async fn note(&mut self, change: &Change, memory: &dyn Store) {
        match change {
            Change::Engineer(it) => {
                self.data_keys.insert(it.key.clone(), memory.data_key(&it.key).await.unwrap());
            }
            Change::Parked(it) => {
                self.letters.insert(it.id.clone(), memory.letter(&it.id).await.unwrap());
            }
            Change::Bookmark { reader, .. } => {
                self.bookmarks.insert(reader.clone(), memory.bookmark(reader).await.unwrap());
            }
            Change::Received(_)
            | Change::Enrollment { .. }
            | Change::Reserved { .. }
            | Change::Released { .. }
            | Change::Erased { .. }
            | Change::Unparked { .. } => {}
        }
    }

    /// Compares data keys, letters and bookmarks: reads of this thread, since a way to another one and back for each costs more than they.
    fn is_beside(&self, open: &Shared) -> Result<(), String> {
        let other = |what: &str| Err(format!("it shows something else than its entries say: {what}"));
        for (engineer, key) in &self.data_keys {
            if open.data_key(engineer).flatten().as_ref() != Ok(key) {
                return other(engineer.as_str());
            }
        }
        for (id, letter) in &self.letters {
            if open.letter(id).flatten().as_ref() != Ok(letter) {
                return other(id.as_str());
            }
        }
        for (reader, position) in &self.bookmarks {
            if open.bookmark(reader) != Ok(*position) {
                return other(reader);
            }
        }
        Ok(())
    }
}
