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
    /// The first whole list after that which lacked it; none while it is so, or not known to have gone.
    pub gone: Option<Timestamp>,
    /// The look from which on the configuration accepts it; none where it does not.
    pub accepted: Option<Timestamp>,
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
    open: BTreeMap<ResellerName, Open>,
    lines: Vec<Line>,
}

/// What is so in an account, as far as it is known.
#[derive(Debug)]
struct Open {
    latest: Drift,
    /// Those included for which there was no room later.
    findings: Vec<Finding>,
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
            if drift.checked_at >= self.period.to {
                continue;
            }
            let open = self.open.entry(name.clone());
            let open = open.or_insert_with(|| Open { latest: drift.as_ref().clone(), findings: Vec::new() });
            for (finding, end) in open.turn(name, drift) {
                if drift.checked_at >= self.period.from {
                    push(&mut self.lines, line(name, &finding, end))?;
                }
            }
        }
        Ok(())
    }

    /// How many more the last looks have found that are listed nowhere.
    pub fn unlisted(&self) -> u32 {
        let shown = |open: &Open| {
            let all: u32 = open.latest.counts.values().sum();
            all.saturating_sub(u32::try_from(open.findings.len()).unwrap_or(u32::MAX))
        };
        self.open.values().map(shown).sum()
    }

    /// The lines, the oldest first.
    ///
    /// # Errors
    /// When the report is too long.
    pub fn lines(mut self) -> Result<Vec<Line>, TooLong> {
        let open = self
            .open
            .iter()
            .flat_map(|(name, open)| open.findings.iter().map(move |finding| line(name, finding, End::None)));
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

impl Open {
    /// Takes the next look, and gives back what it has ended. While a look does not list all that it has found, nothing has gone.
    fn turn(&mut self, name: &ResellerName, drift: &Drift) -> Vec<(Finding, End)> {
        let mut ended = Vec::new();
        let mut open = drift.findings.clone();
        for known in std::mem::take(&mut self.findings) {
            if let Some(again) = open.iter_mut().find(|finding| finding.is(&known)) {
                again.since = again.since.min(known.since);
            } else if drift.accepted.contains(&known.id(name)) {
                ended.push((known, End::Accepted(drift.checked_at)));
            } else if drift.unlisted() == 0 {
                ended.push((known, End::Gone(drift.checked_at)));
            } else {
                open.push(known);
            }
        }
        (self.findings, self.latest) = (open, drift.clone());
        ended
    }
}

/// How a line ends.
#[derive(Clone, Copy)]
enum End {
    None,
    Gone(Timestamp),
    Accepted(Timestamp),
}

fn line(name: &ResellerName, finding: &Finding, end: End) -> Line {
    let (gone, accepted) = match end {
        End::None => (None, None),
        End::Gone(at) => (Some(at), None),
        End::Accepted(at) => (None, Some(at)),
    };
    Line {
        since: finding.since,
        gone,
        accepted,
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
    use std::collections::BTreeSet;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn finding(kind: Kind, subject: &str, minutes: i64) -> Finding {
        Finding::new(kind, None, subject, "", at(minutes), &Policy::default())
    }

    /// The report on looks at these minutes that find this, where this is accepted.
    fn report(looks: Vec<(i64, Vec<Finding>, BTreeSet<FindingId>)>, period: (i64, i64)) -> Drifted {
        let goal = Goal { want: Want::Present, revision: 0 };
        let mut row = Enrollment::open("reseller/nordic-se".parse().unwrap(), goal, at(0));
        let mut report = Drifted::of(Period { from: at(period.0), to: at(period.1) });
        let name = "nordic-se".parse().unwrap();
        for (minutes, found, accepted) in looks {
            let drift = Drift::after(row.facts.drift.as_deref(), &name, found, &accepted, at(minutes));
            row = row.with_drift(drift);
            let position = Position(row.version);
            let changes = vec![Change::Enrollment { from: None, row: Box::new(row.clone()) }];
            let entry = Entry { position, at: at(minutes), actor: Actor::Engine, changes };
            report.take(&entry).unwrap();
            report.take(&entry).unwrap();
        }
        report
    }

    /// Looks at these minutes that find these kinds; since when and until when each was so, in the period.
    fn check(looks: &[(i64, &[Kind])], period: (i64, i64), expected: &[(Kind, i64, Option<i64>)]) {
        let found = looks.iter().map(|(minutes, kinds)| {
            let found = kinds.iter().map(|kind| finding(*kind, "1", *minutes)).collect();
            (*minutes, found, BTreeSet::new())
        });
        let lines = report(found.collect(), period).lines().unwrap();
        let found: Vec<(Kind, Timestamp, Option<Timestamp>)> =
            lines.iter().map(|line| (line.kind, line.since, line.gone)).collect();
        let expected: Vec<(Kind, Timestamp, Option<Timestamp>)> =
            expected.iter().map(|(kind, since, gone)| (*kind, at(*since), gone.map(at))).collect();
        assert_eq!(found, expected, "{looks:?} in {period:?}");
    }

    #[test]
    fn what_a_look_has_no_room_for_stays_open_and_what_is_accepted_has_not_gone() {
        let (first, none) = (finding(Kind::UnitChanged, "1", 10), BTreeSet::new());
        let graver =
            |minutes| (0..500).map(|n| finding(Kind::OtherRole, &n.to_string(), minutes)).collect::<Vec<_>>();
        let crowded: Vec<Finding> =
            graver(20).into_iter().chain([finding(Kind::UnitChanged, "1", 20)]).collect();
        let looks = |last: Vec<Finding>, accepted: BTreeSet<FindingId>| {
            let looks = [(10, vec![first.clone()], none.clone()), (20, crowded.clone(), none.clone())];
            report(looks.into_iter().chain([(30, last, accepted)]).collect(), (0, 100))
        };
        let still = looks(crowded.clone(), none.clone());
        assert_eq!(still.unlisted(), 501 - 41);
        let of_first = |report: Drifted| {
            let mut lines = report.lines().unwrap();
            lines.retain(|line| line.kind == Kind::UnitChanged);
            lines.into_iter().map(|line| (line.since, line.gone, line.accepted)).collect::<Vec<_>>()
        };
        assert_eq!(of_first(still), [(at(10), None, None)]);
        assert_eq!(of_first(looks(Vec::new(), none.clone())), [(at(10), Some(at(30)), None)]);
        assert_eq!(
            of_first(looks(vec![finding(Kind::UnitChanged, "1", 30)], none.clone())),
            [(at(10), None, None)]
        );
        let id = first.id(&"nordic-se".parse().unwrap());
        let twice =
            report(vec![(10, vec![first.clone()], none), (30, vec![first.clone()], [id].into())], (0, 100));
        assert_eq!(of_first(twice), [(at(10), None, Some(at(30)))]);
    }

    #[test]
    fn of_two_of_a_kind_each_has_its_own_end() {
        let (one, other) = (finding(Kind::RoleTaken, "1", 10), finding(Kind::RoleTaken, "2", 10));
        let looks = [(10, vec![one, other.clone()]), (20, vec![other])];
        let lines = report(looks.map(|(at, found)| (at, found, BTreeSet::new())).into(), (0, 100)).lines();
        let mut lines = lines.unwrap();
        lines.sort_by(|one, other| one.google_id.cmp(&other.google_id));
        let found: Vec<_> = lines.iter().map(|line| (line.google_id.as_str(), line.gone)).collect();
        assert_eq!(found, [("1", Some(at(20))), ("2", None)]);
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
