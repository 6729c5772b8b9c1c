//! Going on with what is sound: cuts a ledger behind its last sound frame, and keeps the original, the index and the data keys that
//! came later in one folder beside it. Only for whoever has no backup, and says how far the ledger is sound. Not here: telling what is
//! sound (`verify`).

use super::chain_key::ChainKey;
use super::files;
use super::keys::Keys;
use super::lock::Lock;
use super::segments::{self, Walk};
use super::survey::{self, Survey};
use super::verify::ledger_of;
use crate::model::entry::Position;
use crate::store::StoreError;
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Where the original is.
    pub kept: PathBuf,
    /// How many bytes were cut.
    pub cut: u64,
    /// How many data keys of later entries were set aside.
    pub keys: usize,
}

/// Cuts the ledger behind entry `after`, which must be its last sound one (with a key, the last that was written with it), and sets aside what knows of later ones. The next start makes
/// a new index.
///
/// # Errors
/// `Conflict` if the ledger is sound up to another entry; `Unavailable` if a process works with the store or the disk refuses; `Damaged`
/// if nothing of it is sound. Nothing was cut then.
pub fn repair(
    root: &Path,
    after: Position,
    key: Option<&ChainKey>,
    now: Timestamp,
) -> Result<Repaired, StoreError> {
    let unavailable = files::unavailable(root);
    // Before the lock, which would make the folder's file: a wrong path is not to be littered.
    ledger_of(root)?;
    let _lock = Lock::acquire(&root.join("lock"), Duration::ZERO)?;
    let survey = survey::survey(&ledger_of(root)?, 0, None, key, |_| ())?;
    if survey.end.position != after.0 {
        return Err(StoreError::Conflict);
    }
    let kept = root.join(format!("before-repair-{}", now.as_second()));
    let keys = keep(root, &survey, &kept)?;
    let cut = cut(&survey.walk, &kept).map_err(&unavailable)?;
    Ok(Repaired { kept, cut, keys })
}

/// Cuts the file with the first place that is not sound, and moves the later ones away, the last first: what stays is always a ledger.
fn cut(walk: &Walk, kept: &Path) -> io::Result<u64> {
    let (segment, mut cut) = (walk.segment(), 0);
    for later in walk.later().iter().rev() {
        cut += later.length()?;
        std::fs::rename(&later.path, kept.join(segments::name(later.number)))?;
    }
    let end = walk.local().offset;
    cut += segment.length()?.saturating_sub(end);
    let file = File::options().write(true).open(&segment.path)?;
    file.set_len(end)?;
    file.sync_all()?;
    files::sync_directory(kept)?;
    files::sync_directory(segment.path.parent().unwrap_or(kept))?;
    Ok(cut)
}

/// The copy is on disk before anything is changed.
fn keep(root: &Path, survey: &Survey, kept: &Path) -> Result<usize, StoreError> {
    let unavailable = files::unavailable(kept);
    let keys = Keys::open(&root.join("keys"))?;
    let later: Vec<_> = keys.all()?.into_iter().filter(|key| key.since.0 > survey.end.position).collect();
    files::make_directory(kept).map_err(&unavailable)?;
    let copied = || -> io::Result<()> {
        let segment = survey.walk.segment();
        let copy = kept.join(segments::name(segment.number));
        // Never over an original that an earlier repair kept.
        let mut to = File::options().write(true).create_new(true).mode(0o600).open(&copy)?;
        io::copy(&mut File::open(&segment.path)?, &mut to)?;
        to.sync_all()?;
        files::make_directory(&kept.join("keys"))?;
        files::write_together(
            &kept.join("keys"),
            later.iter().map(|key| (kept.join("keys").join(&key.name), key.bytes.clone())),
        )?;
        files::sync_directory(kept)?;
        files::remove_together(
            &root.join("keys"),
            later.iter().map(|key| root.join("keys").join(&key.name)),
        )?;
        let index = root.join("index");
        if index.exists() {
            std::fs::rename(index, kept.join("index"))?;
        }
        files::sync_directory(root)
    };
    copied().map_err(&unavailable)?;
    Ok(later.len())
}
