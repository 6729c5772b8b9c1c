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

use super::chain_key::ChainKey;
use super::files;
use super::frame::{self, Frame, Link, Tail, Unread};
use super::index::{Index, Meta, Unopened};
use super::keys::Keys;
use super::layout;
use super::ledger::{Ledger, LedgerReader, damaged, entries_of};
use super::letters::Letters;
use super::lock::Lock;
use super::stage::Stage;
use super::verify;
use super::writer::BATCH_COMMITS;
use crate::store::StoreError;
use std::fs::File;
use std::io::{BufRead, Read};
use std::os::unix::fs::FileExt;
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
    /// What the index says about itself.
    pub meta: Meta,
    /// The data keys.
    pub keys: Keys,
    /// Parked messages.
    pub letters: Letters,
    /// Keeps other processes out.
    pub lock: Arc<Lock>,
    /// What its frames are vouched for with.
    pub key: ChainKey,
}

/// Why a frame is refused whose hash is right.
const STRANGE: &str = "it was not written with this master key";

/// How many files with torn bytes are kept.
const TORN_FILES_MAX: usize = 8;

/// How many keys are staged before they are written, when many frames are replayed.
const REPLAY_KEYS: usize = 4096;

/// The buffer for reading the ledger from end to end.
const BUFFER: usize = 1 << 20;

/// Opens the store in a directory, making what is missing and mending what may be mended.
pub fn recover(root: &Path, patience: Duration, key: &ChainKey) -> Result<Recovered, StoreError> {
    let ledger_directory = root.join("ledger");
    files::make_directory(&ledger_directory).map_err(files::unavailable(&ledger_directory))?;
    let lock = Lock::acquire(&root.join("lock"), patience)?;
    reopen(root, Arc::new(lock), key)
}

/// Opens it again under the lock that is held.
pub fn reopen(root: &Path, lock: Arc<Lock>, key: &ChainKey) -> Result<Recovered, StoreError> {
    let ledger_directory = root.join("ledger");
    let keys = Keys::open(&root.join("keys"))?;
    let letters = Letters::open(&root.join("letters"))?;
    let path = ledger_directory.join("entries.jsonl");
    refuse_a_missing_ledger(root, &path)?;
    let file = Ledger::open_file(&path)?;
    let reader = LedgerReader::new(&file).map_err(files::unavailable(&ledger_directory))?;

    let found = open_index(&root.join("index"))?;
    let witness = found.witness();
    let (survey, found) = std::thread::scope(|scope| {
        let checked = scope.spawn(|| found.checked());
        (
            survey(&reader, witness, Some(key), |_| ()),
            checked.join().expect("the check catches panics itself"),
        )
    });
    let survey = survey?;
    if let Some(flaw) = survey.flaw {
        refuse_a_strange_key(&survey, flaw)?;
        mend(&file, &survey, flaw, &ledger_directory)?;
    }
    if witness.is_none_or(|witness| witness.position == 0) {
        refuse_a_cut_ledger(&survey.end, &keys)?;
    }
    let ledger = Ledger::new(file, survey.end, key.clone());
    ledger.settle(survey.last.as_ref()).map_err(files::unavailable(&ledger_directory))?;
    let (index, meta) = catch_up(root, found, &ledger, &keys)?;
    letters.keep_only(|id| index.get(&layout::letter(id)).map(|found| found.is_some()))?;
    let (root, key) = (root.to_owned(), key.clone());
    Ok(Recovered { root, ledger, index, meta, keys, letters, lock, key })
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
fn refuse_a_missing_ledger(root: &Path, ledger: &Path) -> Result<(), StoreError> {
    if ledger.exists() {
        return Ok(());
    }
    for name in ["index", "keys", "letters"] {
        let path = root.join(name);
        if !files::is_empty(&path).map_err(files::unavailable(&path))? {
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

    fn checked(self) -> Self {
        let Self::Usable(index, meta) = self else { return self };
        // The index is dropped within, too: what sled does on a damaged tree is not known.
        match guarded(move || index.verify(&meta).map(|()| index)) {
            Ok(Ok(index)) => Self::Usable(index, meta),
            Ok(Err(why)) | Err(why) => Self::Unusable(why, Some(meta.at)),
        }
    }
}

fn open_index(path: &Path) -> Result<Found, StoreError> {
    if let Err(error) = files::make_directory(path) {
        return Ok(Found::Unusable(error.to_string(), None));
    }
    let opened = guarded(|| {
        let index = Index::open(path)?;
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

/// The ledger as it was read.
pub(super) struct Survey {
    /// The end of the last valid frame.
    pub end: Link,
    /// The last valid frame.
    pub last: Option<Frame>,
    /// Why what follows is not a frame.
    pub flaw: Option<&'static str>,
}

/// Reads the ledger from end to end, and shows each frame. Without a key nothing is said of who wrote them.
pub(super) fn survey(
    reader: &LedgerReader,
    witness: Option<Link>,
    key: Option<&ChainKey>,
    mut visit: impl FnMut(&Frame),
) -> Result<Survey, StoreError> {
    check_opening(&mut reader.bytes_from(0, BUFFER))?;
    let mut survey = Survey { end: Link::opening(), last: None, flaw: None };
    compare(&survey.end, witness)?;
    survey.read_on(reader, witness, key, &mut visit)?;
    let acknowledged = witness.map_or(0, |witness| witness.position);
    // What somebody else wrote is told as that, whatever the index knows.
    if acknowledged <= survey.end.position || survey.flaw == Some(STRANGE) {
        return Ok(survey);
    }
    let Link { position, offset, .. } = survey.end;
    Err(StoreError::Damaged(format!(
        "the ledger is whole up to entry {position} (byte {offset}), but entries up to {acknowledged} were acknowledged; the \
         index still knows them. Nothing was changed. Restore the ledger from a newer copy. Without one, `carepass ledger repair` \
         sets the index aside and goes on from entry {position}; what came later has to be sent again."
    )))
}

impl Survey {
    /// Goes on where it ended.
    pub fn read_on(
        &mut self,
        reader: &LedgerReader,
        witness: Option<Link>,
        key: Option<&ChainKey>,
        visit: &mut impl FnMut(&Frame),
    ) -> Result<(), StoreError> {
        let mut bytes = reader.bytes_from(self.end.offset, BUFFER);
        self.flaw = None;
        loop {
            match frame::next_frame(&mut bytes, &self.end) {
                Ok(Some(frame)) if key.is_some_and(|key| !key.vouches_for(&frame)) => {
                    self.flaw = Some(STRANGE);
                    return Ok(());
                }
                Ok(Some(frame)) => {
                    visit(&frame);
                    self.end = frame.end;
                    self.last = Some(frame);
                    compare(&self.end, witness)?;
                }
                Ok(None) => return Ok(()),
                Err(Unread::Flaw(flaw)) => {
                    self.flaw = Some(flaw);
                    return Ok(());
                }
                Err(Unread::Io(error)) => {
                    return Err(StoreError::Unavailable(format!("the ledger cannot be read: {error}")));
                }
            }
        }
    }
}

fn check_opening(bytes: &mut impl BufRead) -> Result<(), StoreError> {
    let mut line = Vec::new();
    bytes
        .take(frame::OPENING.len() as u64)
        .read_to_end(&mut line)
        .map_err(|error| StoreError::Unavailable(format!("the ledger cannot be read: {error}")))?;
    if line == frame::OPENING {
        return Ok(());
    }
    Err(StoreError::Damaged(match frame::version_of(&line) {
        Some(version) => format!(
            "the ledger has version {version}, which this release cannot read. Nothing was changed. Start the release that wrote it."
        ),
        None => "the first line of the ledger is not that of a ledger, so nothing in it can be trusted, whole or not. Nothing was \
                 changed. Keep a copy of the folder and restore a backup (`carepass store restore`)."
            .to_owned(),
    }))
}

/// The index saw this frame acknowledged: it must be the same one.
fn compare(end: &Link, witness: Option<Link>) -> Result<(), StoreError> {
    let differs = |witness: &Link| witness.position == end.position && witness != end;
    if witness.as_ref().is_none_or(|witness| !differs(witness)) {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "the ledger and the index tell different stories up to entry {}: one of them was exchanged or rewritten. Nothing was \
         changed. Find out which, with the heads that outcomes carry (`carepass ledger verify --head`); to trust the ledger, let \
         `carepass ledger repair` set the index aside.",
        end.position
    )))
}

/// What follows the last valid frame, as far as one frame may reach, and what it is.
pub(super) fn tail(file: &File, end: &Link) -> std::io::Result<(Vec<u8>, Tail)> {
    let length = file.metadata()?.len().saturating_sub(end.offset);
    let read = usize::try_from(length).unwrap_or(usize::MAX).min(frame::FRAME_MAX + 1);
    let mut tail = vec![0; read];
    file.read_exact_at(&mut tail, end.offset)?;
    let judged = frame::judge(&tail, end);
    Ok((tail, judged))
}

/// Cuts a frame that was never acknowledged, or says that it is damage.
fn mend(file: &File, survey: &Survey, flaw: &'static str, directory: &Path) -> Result<(), StoreError> {
    let (end, unavailable) = (&survey.end, files::unavailable(directory));
    let (tail, judged) = tail(file, end).map_err(&unavailable)?;
    if let Tail::Damaged(why) = judged {
        let found = verify::damage(file, survey, flaw, why)?;
        return Err(StoreError::Damaged(found));
    }
    let kept = keep_torn(directory, end, &tail).map_err(&unavailable)?;
    file.set_len(end.offset).and_then(|()| file.sync_all()).map_err(&unavailable)?;
    tracing::warn!(
        frame = end.frame + 1,
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
fn catch_up(root: &Path, found: Found, ledger: &Ledger, keys: &Keys) -> Result<(Index, Meta), StoreError> {
    let why = match found {
        Found::Usable(index, meta) => match guarded(move || replay(index, meta, ledger, keys)) {
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
    match open_index(&path)? {
        Found::Usable(index, meta) => {
            guarded(move || replay(index, meta, ledger, keys)).map_err(StoreError::Unavailable)?
        }
        Found::Unusable(why, _) => Err(StoreError::Unavailable(format!("no new index can be made: {why}"))),
    }
}

fn replay(index: Index, mut meta: Meta, ledger: &Ledger, keys: &Keys) -> Result<(Index, Meta), StoreError> {
    let reader = ledger.reader();
    let mut bytes = reader.bytes_from(meta.at.offset, BUFFER);
    let mut at = meta.at;
    while at != *ledger.end() {
        let mut stage = Stage::new(&index, keys);
        while at != *ledger.end() && stage.len() < REPLAY_KEYS {
            let Ok(Some(frame)) = frame::next_frame(&mut bytes, &at) else {
                return Err(damaged(at.offset, "it changed while it was read"));
            };
            stage.put_frame(frame.first, frame.offset)?;
            for entry in entries_of(&frame) {
                let (entry, place) = entry?;
                stage.put_changes(entry.position, &entry.changes, place)?;
            }
            at = frame.end;
        }
        // A crash may have come between a frame that erases and the end of the key.
        keys.destroy(stage.erased())
            .map_err(|error| StoreError::Unavailable(format!("a data key cannot be destroyed: {error}")))?;
        meta = stage.write(&meta, &at)?;
    }
    Ok((index, meta))
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
