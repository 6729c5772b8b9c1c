//! The seats of each reseller account over time, as they were counted: the last count of each day (UTC). Not here: counting
//! (`steps/seats`), and what it means (`model/seats`).

use super::super::enrollment::EnrollmentId;
use super::super::entry::{Change, Entry};
use super::super::id::ResellerName;
use super::{LINES_MAX, Period, TooLong};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// One reseller account on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The day.
    pub day: Date,
    /// The reseller account.
    pub reseller: ResellerName,
    /// When it was counted.
    pub counted_at: Timestamp,
    /// Accounts, suspended ones included.
    pub users: u32,
    /// Suspended ones among them.
    pub suspended: u32,
    /// Accounts that were deleted lately and keep their seat so long.
    pub deleted: u32,
    /// Accounts that were still to be made.
    pub starters: u32,
    /// Seats that nobody had, where the operator said how many there are.
    pub remaining: Option<u32>,
    /// They were not enough.
    pub low: bool,
}

/// The fold.
#[derive(Debug)]
pub struct Seats {
    period: Period,
    days: BTreeMap<(Date, ResellerName), Line>,
}

impl Seats {
    /// Of this period.
    pub fn of(period: Period) -> Self {
        Self { period, days: BTreeMap::new() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn take(&mut self, entry: &Entry) -> Result<(), TooLong> {
        for change in &entry.changes {
            let Change::Enrollment { row, .. } = change else { continue };
            let (EnrollmentId::Reseller(name), Some(count)) = (&row.id, &row.facts.seats) else { continue };
            if !self.period.has(count.counted_at) {
                continue;
            }
            let day = count.counted_at.to_zoned(TimeZone::UTC).date();
            let line = Line {
                day,
                reseller: name.clone(),
                counted_at: count.counted_at,
                users: count.users,
                suspended: count.suspended,
                deleted: count.deleted,
                starters: count.starters,
                remaining: count.remaining,
                low: count.low,
            };
            self.days.insert((day, name.clone()), line);
            if self.days.len() > LINES_MAX {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// The lines, the oldest first.
    pub fn lines(self) -> Vec<Line> {
        self.days.into_values().collect()
    }
}
