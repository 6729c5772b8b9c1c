//! How long it took from HR's word until access was ready, domain by domain, and on whom it waited. The clock starts when the word came
//! into force, or, for whoever starts later, when the work began. Not here: changes to access that was ready before.

use super::super::enrollment::{Enrollment, EnrollmentId, State, Want};
use super::super::entry::Entry;
use super::super::failure::Who;
use super::super::id::{DomainName, EngineerKey, ResellerName};
use super::{Period, Spread, TooLong, domain_rows, push};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One engineer in one domain, ready in the period for the first time in this spell of access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// HR's key.
    pub engineer: EngineerKey,
    /// The reseller account.
    pub reseller: ResellerName,
    /// The domain.
    pub domain: DomainName,
    /// When the clock started.
    pub asked_at: Timestamp,
    /// When everything was seen to be so.
    pub ready_at: Timestamp,
    /// The time between.
    pub seconds: i64,
    /// As much of it as an operator was waited for.
    pub operator_seconds: i64,
    /// The engineer.
    pub engineer_seconds: i64,
    /// HR.
    pub hr_seconds: i64,
    /// Google: its delays and quotas.
    pub google_seconds: i64,
    /// The reseller account's set-up.
    pub reseller_seconds: i64,
}

/// The fold.
#[derive(Debug)]
pub struct Ready {
    period: Period,
    rows: BTreeMap<EnrollmentId, Progress>,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Progress {
    OnItsWay(Waits),
    Ready,
}

#[derive(Debug)]
struct Waits {
    asked_at: Timestamp,
    last: (Timestamp, Option<Who>),
    seconds: BTreeMap<Who, i64>,
}

impl Ready {
    /// Of this period.
    pub fn of(period: Period) -> Self {
        Self { period, rows: BTreeMap::new(), lines: Vec::new() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn take(&mut self, entry: &Entry) -> Result<(), TooLong> {
        for (row, engineer, reseller, domain) in domain_rows(entry) {
            if row.goal.want == Want::Absent {
                self.rows.remove(&row.id);
                continue;
            }
            let progress = self
                .rows
                .entry(row.id.clone())
                .or_insert_with(|| Progress::OnItsWay(Waits::begin(row, entry.at)));
            let Progress::OnItsWay(waits) = progress else { continue };
            waits.step(row, entry.at);
            if row.state != State::Completed {
                continue;
            }
            let line = waits.line((engineer, reseller, domain), entry.at);
            *progress = Progress::Ready;
            if self.period.has(entry.at) {
                push(&mut self.lines, line)?;
            }
        }
        Ok(())
    }

    /// The lines in the order in which they became ready, and how long they took.
    pub fn lines(self) -> (Vec<Line>, Spread) {
        let spread = Spread::of(self.lines.iter().map(|line| line.seconds).collect());
        (self.lines, spread)
    }
}

impl Waits {
    fn begin(row: &Enrollment, at: Timestamp) -> Self {
        let said = row.said_at.unwrap_or(at).min(at);
        let asked_at = row.opens.map_or(said, |opens| opens.max(said));
        Self { asked_at, last: (at, None), seconds: BTreeMap::new() }
    }

    fn step(&mut self, row: &Enrollment, at: Timestamp) {
        let (since, on) = self.last;
        if let Some(on) = on {
            *self.seconds.entry(on).or_default() += seconds(since.max(self.asked_at), at);
        }
        let on = if let State::Waiting { on, .. } = &row.state { Some(*on) } else { None };
        self.last = (at, on);
    }

    fn line(
        &self,
        (engineer, reseller, domain): (&EngineerKey, &ResellerName, &DomainName),
        at: Timestamp,
    ) -> Line {
        let waited = |who: Who| self.seconds.get(&who).copied().unwrap_or_default();
        Line {
            engineer: engineer.clone(),
            reseller: reseller.clone(),
            domain: domain.clone(),
            asked_at: self.asked_at,
            ready_at: at,
            seconds: seconds(self.asked_at, at),
            operator_seconds: waited(Who::Operator),
            engineer_seconds: waited(Who::Engineer),
            hr_seconds: waited(Who::Hr),
            google_seconds: waited(Who::Google),
            reseller_seconds: waited(Who::Reseller),
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}
