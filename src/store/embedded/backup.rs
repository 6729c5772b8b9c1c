//! Copies of a store: taken while a process works with it, and put into an empty folder. A copy has the form of a store, without the
//! index, and a last file that says what it holds: one that lacks it was cut short. What was acknowledged before the copy began is in it.
//!
//! The order makes it consistent: data keys and letters, then the ledger up to its last whole frame, then the data keys and letters that
//! came meanwhile. A data key is on disk before the entry that brings it, so none that the copied ledger needs is missing but of whoever
//! was erased meanwhile; those whose erasure is in the copied ledger are taken out again.
//! Not here: the master key, without which a copy opens nobody's record; it belongs in another place.

use super::files;
use super::frame::Frame;
use super::keys::Keys;
use super::ledger::entries_of;
use super::lock::Lock;
use super::segments::{self, Segment};
use super::survey;
use super::verify::{Verified, directory_of, ledger_of, verify};
use crate::model::entry::{Change, Position};
use crate::model::id::EngineerKey;
use crate::store::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The version of the form of a copy.
const VERSION: u32 = 1;

/// The file that makes a copy complete.
const MANIFEST: &str = "backup.json";

/// The directories of a store that belong in a copy, beside the ledger.
const BESIDE: [&str; 2] = ["keys", "letters"];

/// The buffer for copying.
const BUFFER: usize = 1 << 20;

/// How many files are brought to disk together.
const TOGETHER: usize = 1000;

/// What a copy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of its form.
    pub version: u32,
    /// When it was begun.
    pub at: Timestamp,
    /// Its last entry.
    pub position: Position,
    /// The hash that closes its last frame.
    pub sha256: String,
    /// How many data keys are in it.
    pub keys: usize,
    /// How many letters are in it.
    pub letters: usize,
    /// How many data keys of the store were damaged, and are not in it.
    pub damaged_keys: usize,
}

/// Why nothing was copied, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The folders are not as they have to be; nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The store or the copy cannot be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Files = BTreeMap<String, Vec<u8>>;

/// Copies the store in `root` into the empty folder `to`, which is made if it is missing.
///
/// # Errors
/// `Refused` if `to` is not empty; `Damaged` if the ledger is not whole. What was written so far lacks its last file then.
pub fn backup(root: &Path, to: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    if !files::is_empty(to).map_err(files::unavailable(to))? {
        return Err(refused(format!(
            "{} is not empty; a backup goes into a folder of its own. Nothing was written.",
            to.display()
        )));
    }
    if !directory_of(root).join(segments::FIRST).is_file() {
        return Err(refused(format!(
            "{} is no store: it has no ledger. Nothing was written.",
            root.display()
        )));
    }
    files::make_directory(&to.join("ledger")).map_err(files::unavailable(to))?;
    for name in BESIDE {
        files::make_directory(&to.join(name)).map_err(files::unavailable(to))?;
        copy_beside(root, to, name)?;
    }
    let verified = whole(root)?;
    copy_ledger(root, to, verified.bytes)?;
    for name in BESIDE {
        copy_beside(root, to, name)?;
    }
    let copied = whole(to)?;
    tidy_keys(to, copied.head.position)?;
    complete(to, copied, now)
}

/// Puts a copy into the folder of a store that holds nothing yet. The ledger comes last: a start finds no half of it.
///
/// # Errors
/// `Refused` if the folder holds something or the copy is not complete; `Unavailable` if a process works with the folder.
pub fn restore(from: &Path, root: &Path) -> Result<Manifest, BackupError> {
    let manifest = read_manifest(from)?;
    let verified = whole(from)?;
    if (verified.head.position, &verified.head.sha256) != (manifest.position, &manifest.sha256) {
        return Err(refused(format!(
            "the ledger in {} is whole and yet not the one that its {MANIFEST} names: it was exchanged. Nothing was written.",
            from.display()
        )));
    }
    if !verified.damaged_keys.is_empty() {
        return Err(refused(format!(
            "{} data keys in {} do not match their checks. Take another backup. Nothing was written.",
            verified.damaged_keys.len(),
            from.display()
        )));
    }
    let (keys, letters) = (read(from, "keys")?, read(from, "letters")?);
    if (keys.len(), letters.len()) != (manifest.keys, manifest.letters) {
        return Err(refused(format!(
            "{} holds {} data keys and {} letters where {} and {} were copied. Take another backup. Nothing was written.",
            from.display(),
            keys.len(),
            letters.len(),
            manifest.keys,
            manifest.letters
        )));
    }
    files::make_directory(root).map_err(files::unavailable(root))?;
    let _lock = Lock::acquire(&root.join("lock"), Duration::ZERO)?;
    refuse_a_store(root)?;
    write(root, "keys", keys)?;
    write(root, "letters", letters)?;
    files::make_directory(&directory_of(root)).map_err(files::unavailable(root))?;
    copy_ledger(from, root, verified.bytes)?;
    Ok(manifest)
}

/// Writes what makes a copy complete.
fn complete(to: &Path, copied: Verified, now: Timestamp) -> Result<Manifest, BackupError> {
    let count = |name: &str| files::read_all(&to.join(name)).map(|files| files.len());
    let counted = count("keys").and_then(|keys| Ok((keys, count("letters")?)));
    let (keys, letters) = counted.map_err(files::unavailable(to))?;
    let (position, sha256) = (copied.head.position, copied.head.sha256);
    let damaged_keys = copied.damaged_keys.len();
    let manifest = Manifest { version: VERSION, at: now, position, sha256, keys, letters, damaged_keys };
    let json = serde_json::to_vec_pretty(&manifest).expect("numbers and text become JSON");
    files::write_whole(&to.join(MANIFEST), &json)
        .and_then(|()| files::sync_directory(to))
        .map_err(files::unavailable(to))?;
    Ok(manifest)
}

fn refused(text: String) -> BackupError {
    BackupError::Refused(text)
}

/// A copy of half a ledger would pass for a whole one.
fn whole(root: &Path) -> Result<Verified, StoreError> {
    let verified = verify(root, None)?;
    match &verified.flaw {
        None => Ok(verified),
        Some(flaw) => Err(StoreError::Damaged(flaw.text.clone())),
    }
}

fn read_manifest(from: &Path) -> Result<Manifest, BackupError> {
    let path = from.join(MANIFEST);
    let read = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let manifest: Option<Manifest> = read.filter(|manifest: &Manifest| manifest.version == VERSION);
    manifest.ok_or_else(|| {
        refused(format!(
            "{} cannot be read as what ends a backup of this release: either the backup was cut short, or it is none. Nothing was written.",
            path.display()
        ))
    })
}

fn refuse_a_store(root: &Path) -> Result<(), BackupError> {
    for name in ["ledger", "index", "keys", "letters"] {
        let path = root.join(name);
        if !files::is_empty(&path).map_err(files::unavailable(&path))? {
            return Err(refused(format!(
                "{} holds a store already ({name} is not empty). Nothing was written. Move the folder away first; carepass removes no store.",
                root.display()
            )));
        }
    }
    Ok(())
}

/// Copies what is not in the copy yet. Of a data key the newer one counts, where the store has replaced it meanwhile.
fn copy_beside(root: &Path, to: &Path, name: &str) -> Result<(), StoreError> {
    let copied = read(to, name)?;
    let mut new = read(root, name)?;
    new.retain(|file, bytes| copied.get(file).is_none_or(|copy| copy != bytes));
    write(to, name, new)
}

fn read(root: &Path, name: &str) -> Result<Files, StoreError> {
    let path = root.join(name);
    if !path.is_dir() {
        return Ok(Files::new());
    }
    Ok(files::read_all(&path).map_err(files::unavailable(&path))?.into_iter().collect())
}

fn write(root: &Path, name: &str, files: Files) -> Result<(), StoreError> {
    let directory = root.join(name);
    files::make_directory(&directory).map_err(files::unavailable(&directory))?;
    let files: Vec<_> = files.into_iter().map(|(file, bytes)| (directory.join(file), bytes)).collect();
    for part in files.chunks(TOGETHER) {
        files::write_together(&directory, part.iter().cloned()).map_err(files::unavailable(&directory))?;
    }
    Ok(())
}

/// Copies the files of the ledger, so many bytes over all. The first one comes last: without it there is no ledger.
fn copy_ledger(from: &Path, to: &Path, bytes: u64) -> Result<(), StoreError> {
    let directory = directory_of(to);
    for segment in ledger_of(from)?.segments().iter().rev().filter(|segment| segment.base < bytes) {
        let path = directory.join(segments::name(segment.number));
        copy_segment(segment, &path, bytes).map_err(files::unavailable(&path))?;
    }
    Ok(())
}

fn copy_segment(segment: &Segment, to: &Path, bytes: u64) -> io::Result<()> {
    let (length, draft) = (segment.length()?.min(bytes - segment.base), files::draft_of(to));
    let mut copy = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let copied = io::copy(&mut segment.bytes_from(segment.base, BUFFER).take(length), &mut copy)?;
    if copied < length {
        return Err(io::Error::other("the ledger became shorter while it was copied"));
    }
    copy.sync_all()?;
    std::fs::rename(&draft, to)?;
    files::sync_directory(to.parent().unwrap_or(to))
}

/// Takes out of a copy the data keys that its ledger destroys, those of entries behind its end, and those that are damaged.
fn tidy_keys(to: &Path, end: Position) -> Result<(), StoreError> {
    let directory = to.join("keys");
    let keys = Keys::open(&directory)?;
    let later = keys.all()?.into_iter().filter(|key| key.since > end).map(|key| key.name);
    let left_out: Vec<String> = later.chain(keys.damaged()?).collect();
    let erased = erased(to)?;
    files::remove_together(&directory, left_out.iter().map(|name| directory.join(name)))
        .and_then(|()| keys.destroy(erased.iter()))
        .map_err(files::unavailable(&directory))
}

fn erased(root: &Path) -> Result<Vec<(EngineerKey, Position)>, StoreError> {
    let mut erased = Vec::new();
    survey::survey(&ledger_of(root)?, 0, None, None, |frame| erased.extend(erased_in(frame)))?;
    Ok(erased)
}

fn erased_in(frame: &Frame) -> Vec<(EngineerKey, Position)> {
    let mark = b"\"erased\"";
    if !frame.body().is_ok_and(|body| body.windows(mark.len()).any(|window| window == mark)) {
        return Vec::new();
    }
    let entries = entries_of(frame).unwrap_or_default().into_iter();
    entries
        .flat_map(|entry| {
            let keys: Vec<_> = entry.changes.iter().filter_map(Change::erased).cloned().collect();
            keys.into_iter().map(move |key| (key, entry.position))
        })
        .collect()
}
