//! What carepass keeps about an engineer besides the rows: the goal, the scope, and the sealed person.
//! Not here: the person in clear (`person`), which exists only in memory.

use super::enrollment::{Enrollment, Goal, State, Target, Want};
use super::id::{DomainName, EmploymentId, EngineerKey};
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

    /// Works out how far an engineer is from the goal and the rows.
    pub fn of(want: Want, rows: &[Enrollment]) -> Self {
        let domains = || rows.iter().filter(|row| matches!(row.id.target(), Target::Domain(..)));
        let completed = domains().filter(|row| row.state == State::Completed).count();
        let all_settled = !rows.is_empty() && rows.iter().all(Enrollment::is_settled);
        let told = rows.iter().any(|row| row.id.target() == Target::Engineer && row.is_settled());
        match want {
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
