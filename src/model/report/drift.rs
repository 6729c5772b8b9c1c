//! What others had changed at Google, as the looks at each reseller account found it: since when, and until when. Not here: the looks
//! (`engine/drift`), and what a finding means (`model/drift`).

use super::super::drift::{Action, Drift, Finding, FindingId, Kind, Severity};
use super::super::enrollment::EnrollmentId;
use super::super::entry::{Change, Entry};
use super::super::id::{DomainName, EngineerKey, ResellerName};
use super::{LINES_MAX, Period, TooLong, push};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The first look that found it.
    pub since: Timestamp,
    /// The first look after that which did not; none while it is so.
    pub gone: Option<Timestamp>,
    /// The reseller account.
    pub reseller: ResellerName,
    /// What.
    pub kind: Kind,
    /// How grave.
    pub severity: Severity,
    /// What was to be done about it.
    pub action: Action,
    /// Whose account it is.
    pub engineer: Option<EngineerKey>,
    /// In which domain.
    pub domain: Option<DomainName>,
    /// Google's id of the account, of whoever held the role, or of the role.
    pub google_id: String,
    /// The finding's id.
    pub id: FindingId,
    /// Evidence in Google's own terms.
    pub detail: String,
}

/// The fold.
#[derive(Debug)]
pub struct Drifted {
    period: Period,
    open: BTreeMap<ResellerName, Drift>,
    lines: Vec<Line>,
}

impl Drifted {
    /// What was so at some time of this period.
    pub fn of(period: Period) -> Self {
        Self { period, open: BTreeMap::new(), lines: Vec::new() }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn take(&mut self, entry: &Entry) -> Result<(), TooLong> {
        for change in &entry.changes {
            let Change::Enrollment { row, .. } = change else { continue };
            let (EnrollmentId::Reseller(name), Some(drift)) = (&row.id, &row.facts.drift) else { continue };
            let before = self.open.get(name);
            if drift.checked_at >= self.period.to || before == Some(drift.as_ref()) {
                continue;
            }
            for finding in drift.turned(before).gone {
                if drift.checked_at >= self.period.from {
                    push(&mut self.lines, line(name, &finding, Some(drift.checked_at)))?;
                }
            }
            self.open.insert(name.clone(), drift.as_ref().clone());
        }
        Ok(())
    }

    /// The lines, the oldest first.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn lines(mut self) -> Result<Vec<Line>, TooLong> {
        let open = self
            .open
            .iter()
            .flat_map(|(name, drift)| drift.findings.iter().map(move |finding| line(name, finding, None)));
        self.lines.extend(open);
        if self.lines.len() > LINES_MAX {
            return Err(TooLong);
        }
        self.lines.sort_by(|one, other| {
            (one.since, &one.reseller, one.id).cmp(&(other.since, &other.reseller, other.id))
        });
        Ok(self.lines)
    }
}

fn line(name: &ResellerName, finding: &Finding, gone: Option<Timestamp>) -> Line {
    Line {
        since: finding.since,
        gone,
        reseller: name.clone(),
        kind: finding.kind,
        severity: finding.kind.severity(),
        action: finding.action,
        engineer: finding.engineer.clone(),
        domain: finding.domain.clone(),
        google_id: finding.subject.clone(),
        id: finding.id(name),
        detail: finding.detail.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::drift::Policy;
    use super::super::super::enrollment::{Enrollment, Goal, Want};
    use super::super::super::entry::{Actor, Position};
    use super::*;
    use jiff::SignedDuration;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    /// Looks at these minutes that find these kinds; since when and until when each was so, in the period.
    fn check(looks: &[(i64, &[Kind])], period: (i64, i64), expected: &[(Kind, i64, Option<i64>)]) {
        let goal = Goal { want: Want::Present, revision: 0 };
        let mut row = Enrollment::open("reseller/nordic-se".parse().unwrap(), goal, at(0));
        let mut report = Drifted::of(Period { from: at(period.0), to: at(period.1) });
        for (minutes, kinds) in looks {
            let found = kinds
                .iter()
                .map(|kind| Finding::new(*kind, None, "1", "", at(*minutes), &Policy::default()))
                .collect();
            let drift = Drift::after(row.facts.drift.as_deref(), found, at(*minutes), Some(at(minutes + 9)));
            row = row.with_drift(drift);
            let position = Position(row.version);
            let changes = vec![Change::Enrollment { from: None, row: Box::new(row.clone()) }];
            let entry = Entry { position, at: at(*minutes), actor: Actor::Engine, changes };
            report.take(&entry).unwrap();
            report.take(&entry).unwrap();
        }
        let lines = report.lines().unwrap();
        let found: Vec<(Kind, Timestamp, Option<Timestamp>)> =
            lines.iter().map(|line| (line.kind, line.since, line.gone)).collect();
        let expected: Vec<(Kind, Timestamp, Option<Timestamp>)> =
            expected.iter().map(|(kind, since, gone)| (*kind, at(*since), gone.map(at))).collect();
        assert_eq!(found, expected, "{looks:?} in {period:?}");
    }

    #[test]
    fn a_line_says_since_when_and_until_when() {
        use Kind::{RoleTaken, RoleWidened};
        let looks: [(i64, &[Kind]); 4] =
            [(10, &[]), (20, &[RoleTaken]), (30, &[RoleTaken, RoleWidened]), (40, &[RoleWidened])];
        check(&looks, (0, 100), &[(RoleTaken, 20, Some(40)), (RoleWidened, 30, None)]);
        check(&looks, (0, 35), &[(RoleTaken, 20, None), (RoleWidened, 30, None)]);
        check(&looks, (50, 100), &[(RoleWidened, 30, None)]);
        check(&looks[..1], (0, 100), &[]);
    }
}
