//! Looking at a store from outside, also while a process works with it: how far the chain of its ledger is sound, the head hash, the first
//! place that is not, and what still stands behind that. Nothing is written. Not here: mending (`repair`), and what a start makes of it
//! (`recover`).

use super::Anchor;
use super::chain_key::ChainKey;
use super::files;
use super::frame::{self, Frame, Link, Tail};
use super::keys::Keys;
use super::ledger::{LedgerReader, entries_of};
use super::segments::{self, Segment};
use super::survey::{self, Survey};
use crate::store::StoreError;
use jiff::Timestamp;
use std::fs::{File, TryLockError};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the end of a ledger that is being written is looked at again, and how long in between.
const LOOKS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The buffer for looking through what is behind damage.
const BUFFER: usize = 1 << 20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The head of the chain, as far as it is sound.
    pub head: Anchor,
    /// How many bytes of the ledger are sound.
    pub bytes: u64,
    /// When its last sound entry was made.
    pub last_at: Option<Timestamp>,
    /// The first place that is not sound.
    pub flaw: Option<Flaw>,
    /// Names of files that are no sound data key.
    pub damaged_keys: Vec<String>,
    /// Whether a process works with the store.
    pub in_use: bool,
    /// Whether the hash that was asked for closes a frame of the chain.
    pub known: bool,
    /// Whether the frames were held against a key, and so cannot have been written by whoever lacks it.
    pub is_vouched: bool,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What is so, what is known and what not, and what can be done.
    pub text: String,
    /// The frame that is not sound.
    pub frame: u64,
    /// Whether it looks like one that was never completed, so that nobody was told of it. The next start says for sure.
    pub torn: bool,
    /// What is whole by itself behind it.
    pub behind: Behind,
}

/// Frames that verify by themselves behind a place that does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// How many.
    pub frames: u64,
    /// Their first entry, or 0.
    pub first: u64,
    /// Their last entry, or 0.
    pub last: u64,
}

/// The ledger's folder in that of a store.
pub(super) fn directory_of(root: &Path) -> PathBuf {
    root.join("ledger")
}

/// The ledger of a store, to be looked at.
pub(super) fn ledger_of(root: &Path) -> Result<LedgerReader, StoreError> {
    let directory = directory_of(root);
    let first = directory.join(segments::FIRST);
    File::open(&first).map_err(files::unavailable(&first))?;
    LedgerReader::open(&directory, false)
}

/// Verifies the store in a folder. `head` is a hash that was published: whether it closes a frame is told by `known`.
///
/// # Errors
/// `Unavailable` if there is no ledger or it cannot be read, `Damaged` if not even its first line can.
pub fn verify(root: &Path, head: Option<&str>) -> Result<Verified, StoreError> {
    look(root, head, None)
}

/// The same, and whether every frame was written with this key.
///
/// # Errors
/// As [`verify`].
pub fn verify_keyed(root: &Path, head: Option<&str>, key: &ChainKey) -> Result<Verified, StoreError> {
    look(root, head, Some(key))
}

fn look(root: &Path, head: Option<&str>, key: Option<&ChainKey>) -> Result<Verified, StoreError> {
    let reader = ledger_of(root)?;
    let in_use = is_in_use(root);
    let mut known = head.is_none_or(|head| head == Link::opening().hash.to_string());
    let mut packed = None;
    let mut visit = |frame: &Frame| {
        known |= head.is_some_and(|head| head == frame.end.hash.to_string());
        packed = packed.take().or_else(|| Some((frame.end.frame, frame.body().err()?)));
    };
    let mut survey = survey::survey(&reader, 0, None, key, &mut visit)?;
    for _ in 0..LOOKS {
        if in_use && survey.flaw.is_some() {
            wait_for_the_writer();
            survey.read_on(None, key, &mut visit)?;
        }
    }
    let flaw = survey.flaw.map(|what| flaw(&reader, &survey, what)).transpose()?;
    let flaw = flaw.or_else(|| packed.map(|(frame, what)| unpacked(frame, what)));
    let keys = root.join("keys");
    let damaged_keys = if keys.is_dir() { Keys::open(&keys)?.damaged()? } else { Vec::new() };
    let head = Anchor::from(survey.end);
    Ok(Verified {
        head,
        bytes: survey.end.offset,
        last_at: last_at(&survey),
        flaw,
        damaged_keys,
        in_use,
        known,
        is_vouched: key.is_some(),
    })
}

/// What is to be said of damage behind the last sound frame.
pub(super) fn damage(
    reader: &LedgerReader,
    survey: &Survey,
    flaw: &str,
    why: &str,
) -> Result<String, StoreError> {
    Ok(told(survey, flaw, why, behind(reader, survey)?))
}

impl Verified {
    /// Whether everything is sound.
    pub fn is_sound(&self) -> bool {
        self.flaw.is_none() && self.damaged_keys.is_empty() && self.known
    }
}

/// It may be in the middle of a frame.
#[expect(
    clippy::disallowed_methods,
    reason = "the writer is another process, which says nothing when a frame is whole"
)]
fn wait_for_the_writer() {
    std::thread::sleep(PAUSE);
}

pub(super) fn is_in_use(root: &Path) -> bool {
    let lock = File::open(root.join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whoever wrote it had the key, and wrote what nobody can read.
fn unpacked(frame: u64, what: &str) -> Flaw {
    let text = format!(
        "the chain of the ledger is whole, and yet frame {frame} cannot be read: {what}. Nothing was changed. Keep a copy of the folder; a \
         later release may have written it."
    );
    Flaw { text, frame, torn: false, behind: Behind::default() }
}

fn flaw(reader: &LedgerReader, survey: &Survey, what: &str) -> Result<Flaw, StoreError> {
    let unreadable = |error| StoreError::Unavailable(format!("the ledger cannot be read: {error}"));
    let (_, judged) = survey::tail(&survey.walk).map_err(unreadable)?;
    let behind = behind(reader, survey)?;
    let (torn, text) = match judged {
        Tail::Torn => (true, torn(survey, what)),
        Tail::Damaged(why) => (false, told(survey, what, why, behind)),
    };
    Ok(Flaw { text, frame: survey.end.frame + 1, torn, behind })
}

fn torn(survey: &Survey, flaw: &str) -> String {
    format!(
        "the ledger is whole up to entry {}{}; one last frame behind it is not ({flaw}). It looks as if it was never written to its end, \
         and then nobody was told of it. The next start compares it with the index: it cuts it and keeps the bytes beside the ledger, or \
         says what is missing. Nothing was changed.",
        survey.end.position,
        dated(survey)
    )
}

fn told(survey: &Survey, flaw: &str, why: &str, behind: Behind) -> String {
    let Link { position, offset, frame, .. } = survey.end;
    let rest = match behind {
        Behind { frames: 0, .. } => "Of what stood behind it nothing can be read for sure.".to_owned(),
        Behind { frames, first, last } => format!(
            "Behind it {frames} frames are whole by themselves, between entries {first} and {last}; what stood in between is not known, and \
             the chain vouches for none of it."
        ),
    };
    format!(
        "the ledger is whole up to entry {position}{} (byte {offset}); frame {} behind it is not: {flaw}, and {why}. {rest} Nothing was \
         changed and nothing more is written. Stop carepass and keep a copy of the whole folder; then restore a backup (`carepass store \
         restore`). Without one, `carepass ledger repair` cuts behind entry {position} and keeps the original: what was acknowledged since \
         then has to be sent again.",
        dated(survey),
        frame + 1
    )
}

fn dated(survey: &Survey) -> String {
    last_at(survey).map_or(String::new(), |at| format!(" of {at}"))
}

fn last_at(survey: &Survey) -> Option<Timestamp> {
    let entries = entries_of(survey.last.as_ref()?).ok()?;
    Some(entries.last()?.at)
}

/// Looks for whole frames behind the end of the sound ones, line by line, in its file and in those after it.
fn behind(reader: &LedgerReader, survey: &Survey) -> Result<Behind, StoreError> {
    let mut found = behind_in(reader, survey.walk.segment(), survey.walk.at().offset, Behind::default())?;
    for segment in survey.walk.later() {
        let base = segment.first().map_or(segment.base, |first| first.offset);
        found = behind_in(reader, segment, base, found)?;
    }
    Ok(found)
}

fn behind_in(
    reader: &LedgerReader,
    segment: &Segment,
    mut offset: u64,
    mut found: Behind,
) -> Result<Behind, StoreError> {
    let unreadable = |error| StoreError::Unavailable(format!("the ledger cannot be read: {error}"));
    let mut bytes = segment.bytes_from(offset, BUFFER);
    loop {
        let mut line = Vec::new();
        let read =
            (&mut bytes).take(frame::BODY_MAX as u64).read_until(b'\n', &mut line).map_err(unreadable)?;
        if read == 0 {
            return Ok(found);
        }
        let whole = line.starts_with(frame::MARK).then(|| reader.frame(offset)).and_then(Result::ok);
        let next = whole.as_ref().map_or(offset + read as u64, |frame| frame.end.offset);
        if let Some(frame) = whole {
            let first = if found.frames == 0 { frame.first } else { found.first };
            found = Behind { frames: found.frames + 1, first, last: frame.end.position };
            bytes = segment.bytes_from(next, BUFFER);
        }
        offset = next;
    }
}
