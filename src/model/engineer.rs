//! What carepass keeps about an engineer besides the rows: the goal, the scope, and the sealed person.
//! Not here: the person in clear (`person`), which exists only in memory.

use super::enrollment::{Enrollment, Goal, State, Target, Want, Wish};
use super::failure::{FailureCode, Who};
use super::handover::Handover;
use super::id::{DomainName, EmploymentId, EngineerKey};
use super::roster::Roster;
use super::sealed::Sealed;
use super::statement::{Changed, Statement};
use super::two_step::Reminded;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The identity of an incoming event (CloudEvents 1.0: unique by source and id together).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct EventRef {
    /// The CloudEvents `source`.
    pub source: String,
    /// The CloudEvents `id`.
    pub id: String,
}

/// Where the engineer is to have access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In every domain of every reseller, also those that come later.
    All,
    /// Only in these.
    Domains(BTreeSet<DomainName>),
}

impl Scope {
    /// Whether the domain is wanted.
    pub fn covers(&self, domain: &DomainName) -> bool {
        match self {
            Self::All => true,
            Self::Domains(domains) => domains.contains(domain),
        }
    }

    /// What both want.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, narrower) | (narrower, Self::All) => narrower.clone(),
            (Self::Domains(mine), Self::Domains(other)) => Self::Domains(mine & other),
        }
    }
}

/// Whether carepass may start to give this engineer access. Taking access away waits for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Since when.
    Granted(Timestamp),
    /// Held for release by a person.
    Held {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: Hold,
    },
}

/// Why an engineer is held for release by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// More new engineers than the limits on grants allow (guard 5).
    GrantLimit,
    /// Policy asks for an approval, and the event brings none.
    ApprovalMissing,
    /// The spell of employment has ended already: HR may have sent an old state again.
    EmploymentEnded,
}

impl Hold {
    /// The same as a failure that people read about.
    pub fn code(self) -> FailureCode {
        match self {
            Self::GrantLimit => FailureCode::GrantsHeld,
            Self::ApprovalMissing => FailureCode::ApprovalMissing,
            Self::EmploymentEnded => FailureCode::EmploymentEnded,
        }
    }
}

/// What HR wants beyond the access that somebody has already, while a person is asked about it: until then only what it takes away is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// All that HR wants.
    pub statement: Statement,
    /// Since when a person is asked.
    pub since: Timestamp,
    /// Why.
    pub why: Hold,
}

/// Whether the engineer is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgetting {
    /// As soon as all access is gone.
    Asked(Timestamp),
    /// The data key is destroyed.
    Done(Timestamp),
}

/// A start date before which the access may not be ready, and who was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRisk {
    /// The start.
    pub starts: Timestamp,
    /// When the risk was seen, and the manager told.
    pub since: Timestamp,
    /// The engineer's version with which HR was told that it is late; each start date is told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
}

/// Statements that are to come, at most, before another full state is refused; an end is always taken.
pub const UPCOMING_MAX: usize = 16;

/// Spells of employment that are remembered as over, at most; older ones are forgotten first.
pub const PAST_MAX: usize = 32;

/// One engineer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engineer {
    /// HR's opaque key.
    pub key: EngineerKey,
    /// Grows by one with each change; a commit is a compare-and-set on it.
    pub version: u64,
    /// What HR says, as it is in force.
    pub stated: Statement,
    /// What HR has said for later, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<Statement>,
    /// What has changed, and when.
    #[serde(default)]
    pub changed: Changed,
    /// The local part that is reserved for the engineer, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Sealed>,
    /// Other local parts that are reserved for the engineer, sealed: aliases from changed names, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Sealed>,
    /// Whether carepass may begin.
    pub release: Release,
    /// What is to be let in beyond that, and waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
    /// When more was last given to somebody who had access already: it counts as a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<Timestamp>,
    /// Spells of employment that are over, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<EmploymentId>,
    /// Whether carepass is to forget the engineer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgetting: Option<Forgetting>,
    /// The last envelope with first passwords that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Box<Handover>>,
    /// The start date that was seen to be at risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_risk: Option<AtRisk>,
    /// How often the engineer was reminded of 2-Step Verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded: Option<Reminded>,
}

impl Engineer {
    /// What HR said last, whether or not it is in force.
    pub fn newest(&self) -> &Statement {
        self.upcoming
            .iter()
            .chain([&self.stated])
            .max_by_key(|statement| statement.goal.revision)
            .unwrap_or(&self.stated)
    }

    /// What the engineer's rows are to bring about, and by whose word; the work for a new engineer begins so long before the start.
    pub fn wish(&self, lead_time: SignedDuration) -> Wish {
        Wish {
            goal: self.stated.goal,
            cause: Some(self.stated.cause.clone()),
            starts: self.stated.starts,
            opens: self.stated.opens(lead_time),
            never_started: self.stated.never_started,
            said_at: Some(self.stated.from),
            changed: self.changed,
        }
    }

    /// What one row is to bring about: in a domain that has left the scope, and for whoever is held for a person, that access is gone.
    pub fn wish_for(&self, target: &Target, lead_time: SignedDuration) -> Wish {
        let mut wish = self.wish(lead_time);
        // Who is held had no access, or had lost it: a row that has not heard of that end yet hears of it now, under a revision that leaves
        // room for the release.
        if wish.goal.want == Want::Present && !self.is_released() {
            wish.goal = Goal { want: Want::Absent, revision: wish.goal.revision.saturating_sub(1) };
        }
        if let Target::Domain(_, domain) = target
            && !self.stated.scope.covers(domain)
        {
            wish.goal.want = Want::Absent;
        }
        wish
    }

    /// Whether the end of access has come and nobody has turned the page yet.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        let due = self.upcoming.iter().take_while(|statement| statement.from <= now).last();
        due.is_some_and(|statement| statement.goal.want == Want::Absent)
    }

    /// Since when a person is asked whether this is to be let in, and why.
    pub fn held(&self) -> Option<(Timestamp, Hold)> {
        let asked = self.asked.as_ref().map(|asked| (asked.since, asked.why));
        match self.release {
            _ if self.stated.goal.want == Want::Absent => None,
            Release::Held { since, why } => Some((since, why)),
            Release::Granted(_) => asked,
        }
    }

    /// The spells of employment that are over once this is in force.
    #[must_use]
    pub fn past_after(&self, stated: &Statement) -> Vec<EmploymentId> {
        let mut past = self.past.clone();
        if self.stated.employment != stated.employment {
            past.push(self.stated.employment.clone());
            past.drain(..past.len().saturating_sub(PAST_MAX));
        }
        past
    }

    /// Whether access may be given now.
    pub fn is_released(&self) -> bool {
        matches!(self.release, Release::Granted(_))
    }

    /// When the next statement comes into force.
    pub fn next_moment(&self) -> Option<Timestamp> {
        self.upcoming.first().map(|statement| statement.from)
    }
}

/// How far the engineer as a whole is, as the API shows it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "EngineerState")]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nothing has begun.
    Planned,
    /// Under way, nowhere ready.
    Provisioning,
    /// Ready in some domains.
    PartlyReady,
    /// Ready everywhere, and told.
    Ready,
    /// Access is being taken away.
    Leaving,
    /// Access is gone.
    Removed,
    /// Ended by an operator everywhere.
    Cancelled,
}

impl Progress {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Planned,
        Self::Provisioning,
        Self::PartlyReady,
        Self::Ready,
        Self::Leaving,
        Self::Removed,
        Self::Cancelled,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Provisioning => "provisioning",
            Self::PartlyReady => "partly_ready",
            Self::Ready => "ready",
            Self::Leaving => "leaving",
            Self::Removed => "removed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Works out how far an engineer is from the goal and the rows. While access is to be had, rows outside the scope, or of a reseller
    /// account that left the configuration, count only where there are no others; where it is to go, every row counts.
    pub fn of(engineer: &Engineer, roster: &Roster, rows: &[Enrollment]) -> Self {
        let stated = &engineer.stated;
        let is_wanted = |row: &&Enrollment| match row.id.target() {
            Target::Domain(reseller, domain) => {
                stated.goal.want == Want::Absent
                    || stated.scope.covers(&domain) && roster.resellers.contains_key(&reseller)
            }
            Target::Engineer | Target::Reseller(_) => true,
        };
        let wanted: Vec<&Enrollment> = rows.iter().filter(is_wanted).collect();
        let rows = if wanted.is_empty() { rows.iter().collect() } else { wanted };
        let domains = || rows.iter().filter(|row| matches!(row.id.target(), Target::Domain(..)));
        let at_goal = |row: &Enrollment| row.goal.want == stated.goal.want;
        let completed = domains().filter(|row| row.state == State::Completed && at_goal(row)).count();
        let all_settled = rows.iter().all(|row| row.is_settled() && at_goal(row));
        let all_gone = rows.iter().all(|row| row.has_lost_access());
        let told = rows.iter().any(|row| row.id.target() == Target::Engineer && row.is_settled());
        let untouched = domains().all(|row| row.waits_on(Who::Calendar));
        match stated.goal.want {
            Want::Absent if all_gone && stated.never_started => Self::Cancelled,
            Want::Absent if all_gone && (told || rows.is_empty()) => Self::Removed,
            Want::Absent => Self::Leaving,
            Want::Present if rows.is_empty() || untouched && domains().count() > 0 => Self::Planned,
            // The move to other domains waits for a person.
            Want::Present if engineer.asked.is_some() && completed == 0 => Self::Provisioning,
            Want::Present if all_settled && completed == 0 => Self::Cancelled,
            Want::Present if all_settled && told && completed == domains().count() => Self::Ready,
            Want::Present if completed > 0 => Self::PartlyReady,
            Want::Present => Self::Provisioning,
        }
    }
}

#[cfg(test)]
impl Engineer {
    /// An engineer for tests, whose record is sealed with nothing.
    pub(crate) fn example(key: &str) -> Self {
        let event = EventRef { source: "hr".into(), id: format!("{key}-1") };
        Self {
            key: key.parse().unwrap(),
            version: 1,
            stated: Statement {
                goal: Goal { want: Want::Present, revision: 1 },
                from: Timestamp::UNIX_EPOCH,
                own_from: Timestamp::UNIX_EPOCH,
                own_revision: 1,
                employment: format!("{key}/1").parse().unwrap(),
                starts: None,
                time_zone: super::time_zone::TimeZoneName::parse("UTC").unwrap(),
                scope: Scope::All,
                profile: super::event::Profile::SupportCases,
                person: Some(Sealed::from_bytes(Vec::new())),
                never_started: false,
                approval: None,
                content: String::new(),
                cause: super::statement::Cause { event, correlation_id: None, trace_parent: None },
            },
            upcoming: Vec::new(),
            changed: Changed::default(),
            username: None,
            aliases: Vec::new(),
            release: Release::Granted(Timestamp::UNIX_EPOCH),
            asked: None,
            widened: None,
            past: Vec::new(),
            forgetting: None,
            at_risk: None,
            handover: None,
            reminded: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::ResellerStatus;
    use super::*;

    fn engineer(scope: Scope) -> Engineer {
        let mut engineer = Engineer::example("E-1");
        engineer.stated.scope = scope;
        engineer
    }

    /// Nobody has turned the page yet, and nothing is given any more: what counts is the last word that has come.
    #[test]
    fn an_end_that_has_come_counts_before_the_page_is_turned() {
        let day = |day: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day);
        let check = |upcoming: &[(Want, i64)], has_ended: bool| {
            let mut engineer = engineer(Scope::All);
            let statement = |(want, from): &(Want, i64)| Statement {
                goal: Goal { want: *want, revision: 1 },
                from: day(*from),
                ..engineer.stated.clone()
            };
            engineer.upcoming = upcoming.iter().map(statement).collect();
            assert_eq!(engineer.has_ended(day(5)), has_ended, "{upcoming:?}");
        };
        check(&[], false);
        check(&[(Want::Absent, 5)], true);
        check(&[(Want::Absent, 6)], false);
        check(&[(Want::Absent, 4), (Want::Present, 5)], false);
        check(&[(Want::Absent, 4), (Want::Present, 6)], true);
    }

    /// Rows are written `path=state`; the one reseller account that is configured is `se`.
    fn check(scope: &Scope, rows: &[&str], expected: Progress) {
        let engineer = engineer(scope.clone());
        let known = ResellerStatus { domains: Some(["a.se".parse().unwrap()].into()), ready: true };
        let roster = Roster { resellers: [("se".parse().unwrap(), known)].into() };
        let row = |text: &&str| {
            let (id, state) = text.split_once('=').unwrap();
            let mut row = Enrollment::open(
                id.parse().unwrap(),
                engineer.wish(SignedDuration::ZERO),
                Timestamp::UNIX_EPOCH,
            );
            match state {
                "open" => (),
                "done" => row.state = State::Completed,
                "cancelled" => row.state = State::Cancelled { reason: String::new() },
                other => panic!("{other}"),
            }
            row
        };
        let rows_of: Vec<Enrollment> = rows.iter().map(row).collect();
        assert_eq!(Progress::of(&engineer, &roster, &rows_of), expected, "{rows:?}");
    }

    /// The row may not have heard of the end before the return; the release, at the return's revision, must still be able to follow.
    #[test]
    fn who_is_held_is_locked_out_until_the_release() {
        let mut engineer = engineer(Scope::All);
        engineer.stated.goal.revision = 7;
        let wish = |engineer: &Engineer| engineer.wish_for(&Target::Engineer, SignedDuration::ZERO).goal;
        let open = wish(&engineer);
        engineer.release = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::EmploymentEnded };
        let held = wish(&engineer);
        assert_eq!((held.want, held.revision), (Want::Absent, 6));
        assert!(open.replaces(held) && held.replaces(Goal { want: Want::Present, revision: 5 }));
    }

    #[test]
    fn progress_follows_from_the_rows_that_are_wanted() {
        let (all, a) = (Scope::All, Scope::Domains(["a.se".parse().unwrap()].into()));
        check(&all, &[], Progress::Planned);
        check(&all, &["domain/E-1/se/a.se=open"], Progress::Provisioning);
        check(&all, &["domain/E-1/se/a.se=done"], Progress::PartlyReady);
        check(&all, &["domain/E-1/se/a.se=cancelled"], Progress::Cancelled);
        check(&all, &["domain/E-1/se/a.se=done", "engineer/E-1=done"], Progress::Ready);
        let left_over = ["domain/E-1/se/a.se=done", "domain/E-1/gone/b.gone=open", "engineer/E-1=done"];
        check(&all, &left_over, Progress::Ready);
        check(&all, &["domain/E-1/gone/b.gone=open"], Progress::Provisioning);
        let narrowed = ["domain/E-1/se/a.se=done", "domain/E-1/se/b.se=open", "engineer/E-1=done"];
        check(&all, &narrowed, Progress::PartlyReady);
        check(&a, &narrowed, Progress::Ready);
    }
}
