//! Start-up: reads the ledger once from end to end, verifies the chain, and brings the index to its end. The ledger decides;
//! the index is a witness of what was acknowledged and otherwise rebuilt at will.
//!
//! | Ledger | Index | Then |
//! |---|---|---|
//! | whole | at its end | go on |
//! | whole | missing, damaged, of another version | move it aside, rebuild it |
//! | whole | behind | replay the rest |
//! | any | held | unavailable; nothing is set aside |
//! | last frame torn, index not beyond it | any | keep the torn bytes in a side file, cut |
//! | last frame invalid in another way, or invalid in the middle | any | refuse: damaged |
//! | ends before the index, or differs from it | any readable | refuse: acknowledged entries are gone |
//!
//! The last line departs from "an index that is ahead is rebuilt": the ledger reaches the disk before the index hears of an
//! entry, so an index that is ahead always means lost entries or an old copy of the ledger. Whoever restores an old copy on
//! purpose lets `ledger repair` set the index aside. Without an index the data keys bear witness: each names the entry that brought
//! it. Only a whole folder that was exchanged for an older one looks right; the published head hash tells (`verify`).
//! Not here: mending a damaged ledger, which a person does (`repair`, `backup`).

use super::Manner;
use super::files;
use super::frame::{Link, Tail};
use super::index::{Index, Meta, Unopened};
use super::keys::Keys;
use super::layout;
use super::ledger::{Ledger, LedgerReader, damaged, entries_of};
use super::letters::Letters;
use super::lock::Lock;
use super::segments;
use super::stage::Stage;
use super::survey::{STRANGE, Survey, survey, tail};
use super::verify;
use super::writer::BATCH_COMMITS;
use crate::store::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything that a store works with.
#[derive(Debug)]
pub struct Recovered {
    /// Where it lies.
    pub root: PathBuf,
    /// Ready to be appended to.
    pub ledger: Ledger,
    /// At the end of the ledger.
    pub index: Index,
    /// The data keys.
    pub keys: Keys,
    /// Parked messages.
    pub letters: Letters,
    /// Keeps other processes out.
    pub lock: Arc<Lock>,
    /// How it was opened.
    pub manner: Manner,
    /// So many files of the ledger, from the first on, were not read.
    pub unread: usize,
}

/// How many files with torn bytes are kept.
const TORN_FILES_MAX: usize = 8;

/// How many keys are staged before they are written, when many frames are replayed.
const REPLAY_KEYS: usize = 4096;

/// The buffer for reading the ledger from end to end.
const BUFFER: usize = 1 << 20;

/// Opens the store in a directory, making what is missing and mending what may be mended.
pub fn recover(root: &Path, patience: Duration, manner: &Manner) -> Result<Recovered, StoreError> {
    let ledger_directory = root.join("ledger");
    files::make_directory(&ledger_directory).map_err(files::unavailable(&ledger_directory))?;
    let lock = Lock::acquire(&root.join("lock"), patience)?;
    reopen(root, Arc::new(lock), manner, true, None)
}

/// Opens it again under the lock that is held. After a failure no index is trusted, and whoever was here all the time knows what was
/// acknowledged.
pub fn reopen(
    root: &Path,
    lock: Arc<Lock>,
    manner: &Manner,
    trusts_index: bool,
    acknowledged: Option<Link>,
) -> Result<Recovered, StoreError> {
    let ledger_directory = root.join("ledger");
    let keys = Keys::open(&root.join("keys"))?;
    let letters = Letters::open(&root.join("letters"))?;
    refuse_a_missing_ledger(root, &ledger_directory)?;
    let reader = Ledger::open_files(&ledger_directory)?;

    let found = open_index(&root.join("index"), manner)?;
    let indexed = found.witness();
    let witness = acknowledged.into_iter().chain(indexed).max_by_key(|witness| witness.position);
    // What the same boot left behind is as it was written: it is looked through later, beside the work.
    let promptly = manner.promptly && !is_doubted(root);
    let is_trusted = promptly && trusts_index && found.is_of_this_boot();
    let begins = if promptly { reader.place_for(indexed) } else { 0 };
    let (survey, found) = std::thread::scope(|scope| {
        let checked = scope.spawn(|| if is_trusted { found } else { found.checked() });
        (
            survey(&reader, begins, witness, Some(&manner.key), |_| ()),
            checked.join().expect("the check catches panics itself"),
        )
    });
    let survey = survey?;
    if let Some(flaw) = survey.flaw {
        refuse_a_strange_key(&survey, flaw)?;
        mend(&reader, &survey, flaw, &ledger_directory)?;
    }
    if indexed.is_none_or(|witness| witness.position == 0) {
        refuse_a_cut_ledger(&survey.end, &keys)?;
    }
    let ledger = Ledger::new(reader, survey.end, manner.key.clone(), manner.segment_bytes)?;
    ledger.settle(survey.last.as_ref()).map_err(files::unavailable(&ledger_directory))?;
    let index = catch_up(root, found, &ledger, &keys, manner)?;
    if is_trusted {
        index.look_through_later();
    }
    if begins == 0 {
        believe(root).map_err(files::unavailable(root))?;
    }
    let is_parked = |id: &_| index.get(&layout::letter(id)).map(|found| found.is_some());
    match guarded(|| letters.keep_only(is_parked)).unwrap_or_else(|why| Err(StoreError::Unavailable(why))) {
        // What was trusted was not to be.
        Err(StoreError::Unavailable(_)) if is_trusted => {
            drop(index);
            return reopen(root, lock, manner, false, acknowledged);
        }
        kept => kept?,
    }
    let (root, manner) = (root.to_owned(), manner.clone());
    Ok(Recovered { root, ledger, index, keys, letters, lock, manner, unread: begins })
}

/// Beside the ledger: damage was found behind the work, so the next start reads all of it before anything else.
const DOUBTED: &str = "doubted";

/// Has the next start read the whole ledger first.
pub(super) fn doubt(root: &Path) -> std::io::Result<()> {
    files::write_whole(
        &root.join(DOUBTED),
        b"The ledger was found to be damaged; the next start reads all of it.\n",
    )?;
    files::sync_directory(root)
}

fn is_doubted(root: &Path) -> bool {
    root.join(DOUBTED).exists()
}

fn believe(root: &Path) -> std::io::Result<()> {
    files::remove_together(root, std::iter::once(root.join(DOUBTED)))
}

/// Where not even the first frame is vouched for, it is the key that is wrong, or the whole ledger.
fn refuse_a_strange_key(survey: &Survey, flaw: &str) -> Result<(), StoreError> {
    if flaw != STRANGE || survey.end.frame > 0 {
        return Ok(());
    }
    Err(StoreError::Damaged(
        "no frame of the ledger was written with this master key. Nothing was changed. Restore the master key that belongs to the store \
         from its backup. If it is the right one, somebody without it has written the ledger anew: restore a backup of the store \
         (`carepass store restore`)."
            .to_owned(),
    ))
}

/// The ledger is made before anything else is, so what lies beside it tells of a ledger that was there.
fn refuse_a_missing_ledger(root: &Path, directory: &Path) -> Result<(), StoreError> {
    let ledger = directory.join(segments::FIRST);
    if ledger.exists() {
        return Ok(());
    }
    let has_later = !segments::list(directory, false)?.is_empty();
    for name in ["index", "keys", "letters", "ledger"] {
        let path = root.join(name);
        let is_witness = if name == "ledger" {
            has_later
        } else {
            !files::is_empty(&path).map_err(files::unavailable(&path))?
        };
        if is_witness {
            return Err(StoreError::Damaged(format!(
                "the ledger {} is missing, and {name} beside it shows that there was one. What was in it is not known. Nothing was \
                 changed. Look whether the right disk is mounted; else stop carepass, move the folder {} away and restore a backup \
                 (`carepass store restore`).",
                ledger.display(),
                root.display()
            )));
        }
    }
    tracing::info!(
        folder = %root.display(),
        "the folder held no store: a new one is begun. If engineers ought to be in it, stop carepass and look whether the right disk is mounted"
    );
    Ok(())
}

/// Where no index bears witness: a data key is on disk before the frame that names it, and so at most one frame ahead.
fn refuse_a_cut_ledger(end: &Link, keys: &Keys) -> Result<(), StoreError> {
    let newest = keys.all()?.into_iter().map(|key| key.since).max().unwrap_or_default();
    if newest.0 <= end.position + BATCH_COMMITS as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "the ledger ends with entry {}, and there is a data key that entry {} brought: entries are gone, and nobody knows what was in \
         them. Nothing was changed. Restore ledger and keys from one backup (`carepass store restore`). Without one, `carepass ledger \
         repair` says what it can keep.",
        end.position, newest.0
    )))
}

/// What lies in the directory of the index.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Found {
    Usable(Index, Meta),
    /// Why not, and how far it was if it still says so.
    Unusable(String, Option<Link>),
}

impl Found {
    fn witness(&self) -> Option<Link> {
        match self {
            Self::Usable(_, meta) => Some(meta.at),
            Self::Unusable(_, at) => *at,
        }
    }

    fn is_of_this_boot(&self) -> bool {
        match self {
            Self::Usable(index, meta) => index.is_of_this_boot(meta),
            Self::Unusable(..) => false,
        }
    }

    fn checked(self) -> Self {
        let Self::Usable(index, meta) = self else { return self };
        // The index is dropped within, too: what sled does on a damaged tree is not known.
        match guarded(move || index.verify(&meta).map(|()| index)) {
            Ok(Ok(index)) => Self::Usable(index, meta),
            Ok(Err(why)) | Err(why) => Self::Unusable(why, Some(meta.at)),
        }
    }
}

fn open_index(path: &Path, manner: &Manner) -> Result<Found, StoreError> {
    if let Err(error) = files::make_directory(path) {
        return Ok(Found::Unusable(error.to_string(), None));
    }
    let opened = guarded(|| {
        let index = Index::open(path, manner.cache_bytes)?;
        let meta = index.meta().map_err(Unopened::Unusable)?;
        Ok((index, meta))
    });
    match opened {
        Ok(Ok((index, meta))) => Ok(Found::Usable(index, meta)),
        Ok(Err(Unopened::Unusable(why))) | Err(why) => Ok(Found::Unusable(why, None)),
        Ok(Err(Unopened::Held(why))) => Err(StoreError::Unavailable(format!(
            "the index is held ({why}). Nothing was changed. If it stays so, start carepass again"
        ))),
    }
}

/// Runs what may panic on a thread of its own. sled panics on damaged files.
fn guarded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| scope.spawn(work).join()).map_err(|_| "sled panicked".to_owned())
}

/// Cuts a frame that was never acknowledged, or says that it is damage.
fn mend(
    reader: &LedgerReader,
    survey: &Survey,
    flaw: &'static str,
    directory: &Path,
) -> Result<(), StoreError> {
    let unavailable = files::unavailable(directory);
    let (tail, judged) = tail(&survey.walk).map_err(&unavailable)?;
    if let Tail::Damaged(why) = judged {
        return Err(StoreError::Damaged(verify::damage(reader, survey, flaw, why)?));
    }
    let kept = keep_torn(directory, &survey.end, &tail).map_err(&unavailable)?;
    let file = &survey.walk.segment().file;
    file.set_len(survey.walk.local().offset).and_then(|()| file.sync_all()).map_err(&unavailable)?;
    tracing::warn!(
        frame = survey.end.frame + 1,
        bytes = tail.len(),
        kept = %kept.display(),
        "the last frame of the ledger was never completed nor acknowledged; it was cut"
    );
    Ok(())
}

fn keep_torn(directory: &Path, end: &Link, tail: &[u8]) -> std::io::Result<PathBuf> {
    let mut earlier: Vec<PathBuf> = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("torn-") {
            earlier.push(file.path());
        }
    }
    earlier.sort();
    for path in earlier.iter().rev().skip(TORN_FILES_MAX - 1) {
        std::fs::remove_file(path)?;
    }
    let path = directory.join(format!("torn-at-{:020}", end.offset));
    files::write_whole(&path, tail)?;
    files::sync_directory(directory)?;
    Ok(path)
}

/// Brings the index to the end of the ledger. If that fails on the index we found, it is tried once more on a new one.
fn catch_up(
    root: &Path,
    found: Found,
    ledger: &Ledger,
    keys: &Keys,
    manner: &Manner,
) -> Result<Index, StoreError> {
    let why = match found {
        Found::Usable(index, meta) => match guarded(move || replay(index, meta.at, ledger, keys)) {
            Ok(Err(StoreError::Unavailable(why))) | Err(why) => why,
            Ok(done) => return done,
        },
        Found::Unusable(why, _) => why,
    };
    tracing::warn!(
        reason = why,
        entries = ledger.end().position,
        "the index cannot be used; it is rebuilt from the ledger"
    );
    let path = root.join("index");
    set_aside(root, &path).map_err(files::unavailable(root))?;
    match open_index(&path, manner)? {
        Found::Usable(index, meta) => {
            guarded(move || replay(index, meta.at, ledger, keys)).map_err(StoreError::Unavailable)?
        }
        Found::Unusable(why, _) => Err(StoreError::Unavailable(format!("no new index can be made: {why}"))),
    }
}

fn replay(index: Index, mut at: Link, ledger: &Ledger, keys: &Keys) -> Result<Index, StoreError> {
    let mut walk = ledger.reader().walk_behind(&at, BUFFER)?;
    while at != *ledger.end() {
        let mut stage = Stage::new(&index, keys);
        while at != *ledger.end() && stage.len() < REPLAY_KEYS {
            let Ok(Some(frame)) = walk.next() else {
                return Err(damaged(at.offset, "it changed while it was read"));
            };
            stage.put_frame(frame.first, frame.offset);
            for entry in entries_of(&frame)? {
                stage.put_changes(entry.position, entry.changes)?;
            }
            at = frame.end;
        }
        // A crash may have come between a frame that erases and the end of the key.
        keys.destroy(stage.erased())
            .map_err(|error| StoreError::Unavailable(format!("a data key cannot be destroyed: {error}")))?;
        stage.publish(at)?;
        index.catch_up()?;
    }
    Ok(index)
}

/// Keeps one unusable index for whoever wants to know what happened to it.
fn set_aside(root: &Path, index: &Path) -> std::io::Result<()> {
    let mut number = 0_u64;
    for file in std::fs::read_dir(root)? {
        let file = file?;
        let name = file.file_name();
        let earlier = name.to_str().and_then(|name| name.strip_prefix("index.damaged-"));
        if let Some(earlier) = earlier {
            number = number.max(earlier.parse().unwrap_or(0));
            std::fs::remove_dir_all(file.path())?;
        }
    }
    if index.exists() {
        std::fs::rename(index, root.join(format!("index.damaged-{}", number.saturating_add(1))))?;
    }
    files::sync_directory(root)
}
