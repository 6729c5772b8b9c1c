//! Reports, each a fold over the ledger's entries: pure, one pass, in memory that grows with what is so and with the lines of the report,
//! never with the history. What they tell is what carepass knew and when; the key stands for the engineer, as everywhere in the ledger.
//! Not here: reading the ledger, and how lines are printed (`cli/report`).

pub mod access;
pub mod drift;
pub mod evidence;
pub mod leavers;
pub mod ready;
pub mod seats;

use super::enrollment::{Enrollment, EnrollmentId};
use super::entry::{Change, Entry};
use super::id::{DomainName, EngineerKey, ResellerName};
use jiff::Timestamp;

/// Lines of a report at most; a longer one is for a shorter period.
pub const LINES_MAX: usize = 500_000;

/// A report would be longer than [`LINES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the report has more than {LINES_MAX} lines; ask for a shorter period")]
pub struct TooLong;

/// A time from one moment up to and without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment that is in it.
    pub from: Timestamp,
    /// The first that is not.
    pub to: Timestamp,
}

impl Period {
    /// Whether a moment is in it.
    pub fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// Seconds at the middle, at the ninth tenth and at the end of what was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Spread {
    /// How many were measured.
    pub count: usize,
    /// Half of them took no longer.
    pub median_seconds: i64,
    /// Nine of ten took no longer.
    pub p90_seconds: i64,
    /// None took longer.
    pub max_seconds: i64,
}

impl Spread {
    /// Of these.
    pub fn of(mut seconds: Vec<i64>) -> Self {
        seconds.sort_unstable();
        // The nearest rank: a time that was really taken.
        let rank = |tenths: usize| {
            let place = (seconds.len() * tenths).div_ceil(10).saturating_sub(1);
            seconds.get(place).copied().unwrap_or_default()
        };
        Self {
            count: seconds.len(),
            median_seconds: rank(5),
            p90_seconds: rank(9),
            max_seconds: seconds.last().copied().unwrap_or_default(),
        }
    }
}

/// The rows of domains that an entry changes.
fn domain_rows(
    entry: &Entry,
) -> impl Iterator<Item = (&Enrollment, &EngineerKey, &ResellerName, &DomainName)> {
    entry.changes.iter().filter_map(|change| {
        let Change::Enrollment { row, .. } = change else { return None };
        let EnrollmentId::Domain(key, reseller, domain) = &row.id else { return None };
        Some((row.as_ref(), key, reseller, domain))
    })
}

fn push<T>(lines: &mut Vec<T>, line: T) -> Result<(), TooLong> {
    if lines.len() == LINES_MAX {
        return Err(TooLong);
    }
    lines.push(line);
    Ok(())
}

#[cfg(test)]
mod tests;
