//! What carepass keeps about an engineer besides the rows: the goal, the scope, and the sealed person.
//! Not here: the person in clear (`person`), which exists only in memory.

use super::enrollment::{Enrollment, Goal, State, Target, Want, Wish};
use super::id::{DomainName, EmploymentId, EngineerKey};
use super::roster::Roster;
use super::sealed::Sealed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The identity of an incoming event (CloudEvents 1.0: unique by source and id together).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// The CloudEvents `source`.
    pub source: String,
    /// The CloudEvents `id`.
    pub id: String,
}

/// Where the engineer is to have access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Whether carepass may start to give this engineer access (guard 5: a flood waits for a person).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Since when.
    Granted(Timestamp),
    /// Held for release by a person, since when.
    Held(Timestamp),
}

/// One engineer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engineer {
    /// HR's opaque key.
    pub key: EngineerKey,
    /// Grows by one with each change; a commit is a compare-and-set on it.
    pub version: u64,
    /// What ought to be, by which revision.
    pub goal: Goal,
    /// The spell of employment behind the goal.
    pub employment: EmploymentId,
    /// When the engineer starts, if HR said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// Where.
    pub scope: Scope,
    /// Name and contact, sealed.
    pub person: Sealed,
    /// The local part that is reserved for the engineer, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Sealed>,
    /// Whether carepass may begin.
    pub release: Release,
    /// SHA-256 of the event's content in hexadecimal: tells a repetition of a revision from a conflict.
    pub content: String,
    /// The event that brought the goal.
    pub cause: EventRef,
    /// HR's onboarding case, passed on in outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl Engineer {
    /// What the engineer's rows are to bring about, and by whose word.
    pub fn wish(&self) -> Wish {
        Wish {
            goal: self.goal,
            cause: Some(self.cause.clone()),
            correlation_id: self.correlation_id.clone(),
            starts: self.starts,
        }
    }
}

/// How far the engineer as a whole is, as the API shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

    /// Works out how far an engineer is from the goal and the rows. Rows outside the scope, or of a reseller account that left the
    /// configuration, count only where there are no others.
    pub fn of(engineer: &Engineer, roster: &Roster, rows: &[Enrollment]) -> Self {
        let is_wanted = |row: &&Enrollment| match row.id.target() {
            Target::Domain(reseller, domain) => {
                engineer.scope.covers(&domain) && roster.resellers.contains_key(&reseller)
            }
            Target::Engineer | Target::Reseller(_) => true,
        };
        let wanted: Vec<&Enrollment> = rows.iter().filter(is_wanted).collect();
        let rows = if wanted.is_empty() { rows.iter().collect() } else { wanted };
        let domains = || rows.iter().filter(|row| matches!(row.id.target(), Target::Domain(..)));
        let completed = domains().filter(|row| row.state == State::Completed).count();
        let all_settled = !rows.is_empty() && rows.iter().all(|row| row.is_settled());
        let told = rows.iter().any(|row| row.id.target() == Target::Engineer && row.is_settled());
        match engineer.goal.want {
            Want::Absent if all_settled && told => Self::Removed,
            Want::Absent => Self::Leaving,
            Want::Present if rows.is_empty() => Self::Planned,
            Want::Present if all_settled && completed == 0 => Self::Cancelled,
            Want::Present if all_settled && told && completed == domains().count() => Self::Ready,
            Want::Present if completed > 0 => Self::PartlyReady,
            Want::Present => Self::Provisioning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::ResellerStatus;
    use super::*;

    fn engineer(scope: Scope) -> Engineer {
        Engineer {
            key: "E-1".parse().unwrap(),
            version: 1,
            goal: Goal { want: Want::Present, revision: 1 },
            employment: "E-1/1".parse().unwrap(),
            starts: None,
            scope,
            person: Sealed::from_bytes(Vec::new()),
            username: None,
            release: Release::Granted(Timestamp::UNIX_EPOCH),
            content: String::new(),
            cause: EventRef { source: "hr".into(), id: "1".into() },
            correlation_id: None,
        }
    }

    /// Rows are written `path=state`; the one reseller account that is configured is `se`.
    fn check(scope: &Scope, rows: &[&str], expected: Progress) {
        let engineer = engineer(scope.clone());
        let known = ResellerStatus { domains: Some(["a.se".parse().unwrap()].into()), ready: true };
        let roster = Roster { resellers: [("se".parse().unwrap(), known)].into() };
        let row = |text: &&str| {
            let (id, state) = text.split_once('=').unwrap();
            let mut row = Enrollment::open(id.parse().unwrap(), engineer.wish(), Timestamp::UNIX_EPOCH);
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
