//! The entries of a ledger as lines of JSON, read from its files alone, also while a process works with them. Each frame is held against its
//! hash and the one before it. Not here: whether it was written by whoever has the key (`verify`).

use super::frame;
use super::ledger::damaged;
use super::survey::Survey;
use super::verify::{self, ledger_of};
use crate::model::entry::Position;
use crate::store::StoreError;
use std::path::Path;

/// Tells the entries behind a position, one after the other, until that is not wanted any more.
///
/// # Errors
/// `Unavailable` if there is no ledger or it cannot be read, `Damaged` where it is not whole; what comes before that was told.
pub fn export(root: &Path, after: Position, mut tell: impl FnMut(String) -> bool) -> Result<(), StoreError> {
    let reader = ledger_of(root)?;
    let mut survey = Survey::begin(&reader, 0)?;
    while let Some(frame) = survey.step(None)? {
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
    match survey.flaw {
        // What is being written is not whole yet.
        Some(_) if verify::is_in_use(root) => Ok(()),
        Some(flaw) => Err(damaged(survey.end.offset, flaw)),
        None => Ok(()),
    }
}
