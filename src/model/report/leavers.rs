//! How long it took from the moment at which access was to end until it was seen to be gone, domain by domain; also of movers, in the
//! domains that they leave. Where nothing was ever made there is nothing to lock out. Not here: who still has access for another reason
//! (`access`).

use super::super::enrollment::{EnrollmentId, Want};
use super::super::entry::Entry;
use super::super::id::{DomainName, EngineerKey, ResellerName};
use super::{Period, Spread, TooLong, domain_rows, push};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One engineer in one domain whose access was to end in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// HR's key.
    pub engineer: EngineerKey,
    /// The reseller account.
    pub reseller: ResellerName,
    /// The domain.
    pub domain: DomainName,
    /// When it was to end.
    pub said_at: Timestamp,
    /// When it was seen to be gone; none while it is open.
    pub locked_out_at: Option<Timestamp>,
    /// The time between.
    pub seconds: Option<i64>,
    /// The engineer never started.
    pub never_started: bool,
}

/// The fold.
#[derive(Debug)]
pub struct Leavers {
    period: Period,
    open: BTreeMap<EnrollmentId, Line>,
    /// The ends that a line tells of already: what comes later of the same row is looking again.
    told: BTreeMap<EnrollmentId, Timestamp>,
    lines: Vec<Line>,
}

impl Leavers {
    /// Of this period.
    pub fn of(period: Period) -> Self {
        Self { period, open: BTreeMap::new(), told: BTreeMap::new(), lines: Vec::new() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn take(&mut self, entry: &Entry) -> Result<(), TooLong> {
        for (row, engineer, reseller, domain) in domain_rows(entry) {
            let leaving = row
                .leaving
                .filter(|leaving| row.goal.want == Want::Absent && self.period.has(leaving.said_at));
            let Some(leaving) = leaving else {
                // Whoever came back before it was over was not locked out.
                self.open.remove(&row.id);
                continue;
            };
            let has_something = row.facts.account.is_some() || leaving.unfinished;
            let locked_out_at = row.facts.locked_out_at;
            if !has_something || self.told.get(&row.id) == Some(&leaving.said_at) {
                continue;
            }
            let line = Line {
                engineer: engineer.clone(),
                reseller: reseller.clone(),
                domain: domain.clone(),
                said_at: leaving.said_at,
                locked_out_at,
                seconds: locked_out_at.map(|at| at.duration_since(leaving.said_at).as_secs().max(0)),
                never_started: leaving.never_started,
            };
            if locked_out_at.is_some() {
                self.open.remove(&row.id);
                self.told.insert(row.id.clone(), leaving.said_at);
                push(&mut self.lines, line)?;
            } else if !row.has_lost_access() {
                self.open.insert(row.id.clone(), line);
            }
        }
        Ok(())
    }

    /// The lines, those first in which access is still open; and how long the others took.
    pub fn lines(self) -> (Vec<Line>, Spread) {
        let spread = Spread::of(self.lines.iter().filter_map(|line| line.seconds).collect());
        (self.open.into_values().chain(self.lines).collect(), spread)
    }
}
