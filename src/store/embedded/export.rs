//! The entries of a ledger as lines of JSON, read from its files alone, also while a process works with them. Each frame is held against its
//! hash and the one before it. Not here: whether it was written by whoever has the key (`verify`).

use super::frame::{self, Tail};
use super::ledger::damaged;
use super::survey::{self, Survey};
use super::verify::{self, ledger_of};
use crate::model::entry::Position;
use crate::store::StoreError;
use std::path::Path;

/// Tells the entries behind a position, one after the other, until that is not wanted any more.
///
/// # Errors
/// `Unavailable` if there is no ledger or it cannot be read, `Damaged` where it is not whole; what comes before that was told. A last frame
/// that a process is writing is neither.
pub fn export(root: &Path, after: Position, mut tell: impl FnMut(String) -> bool) -> Result<(), StoreError> {
    let reader = ledger_of(root)?;
    let mut survey = Survey::begin(&reader, 0)?;
    let mut stuck_at = None;
    loop {
        let Some(frame) = survey.step(None)? else {
            let Some(flaw) = survey.flaw else { return Ok(()) };
            let at = survey.end.offset;
            if verify::is_in_use(root) {
                let unreadable =
                    |error| StoreError::Unavailable(format!("the ledger cannot be read: {error}"));
                if survey::tail(&survey.walk).map_err(unreadable)?.1 == Tail::Torn {
                    return Ok(());
                }
                // It may have become whole between the reading and the judgement.
                if stuck_at.replace(at) != Some(at) {
                    survey.walk.again();
                    survey.flaw = None;
                    continue;
                }
            }
            return Err(damaged(at, flaw));
        };
        if frame.end.position <= after.0 {
            continue;
        }
        let body = frame.body().map_err(|flaw| damaged(frame.offset, flaw))?;
        for (line, position) in frame::lines(&body).zip(frame.first..) {
            if position > after.0 && !tell(String::from_utf8_lossy(line).trim_end().to_owned()) {
                return Ok(());
            }
        }
    }
}
