//! A reseller account as the API shows it: its unit, its policies, its seats, and what was confirmed.
//! Not here: its row (`views`), and reading the store (`api`).

use super::drift::DriftSummary;
use super::views::EnrollmentView;
use crate::model::enrollment::{Facts, TwoStep};
use crate::model::id::{CustomerId, DomainName, OrgUnitPath, ResellerName};
use crate::model::seats::SeatCount;
use crate::model::word::{Subject, Word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A reseller account.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Reseller")]
pub(super) struct ResellerView {
    pub(super) name: ResellerName,
    pub(super) customer_id: CustomerId,
    pub(super) ready: bool,
    /// Null until Google was asked for them once.
    pub(super) domains: Option<BTreeSet<DomainName>>,
    /// Null until it is known.
    pub(super) org_unit: Option<OrgUnitView>,
    /// What the policies say about a new account's first sign-in; null until they were looked at.
    pub(super) two_step: Option<TwoStep>,
    /// What was confirmed on tasks, or seen by carepass.
    pub(super) words: BTreeMap<Subject, Word>,
    pub(super) enrollment: Option<EnrollmentView>,
    /// Null until they were counted once.
    pub(super) seats: Option<SeatsView>,
    /// Null until it was looked at for what others have changed.
    pub(super) drift: Option<DriftSummary>,
    /// The replica that works for it; null while none does, and where only one process has the store.
    pub(super) driven_by: Option<String>,
}

/// The seats of a reseller account, as they were counted last.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Seats")]
pub(super) struct SeatsView {
    counted_at: Timestamp,
    /// As the operator configured it.
    seats: Option<u32>,
    users: u32,
    suspended: u32,
    deleted: u32,
    starters: u32,
    remaining: Option<u32>,
    low: bool,
}

/// The organisational unit of a reseller account.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "OrgUnit")]
pub(super) struct OrgUnitView {
    id: String,
    /// Where it is now.
    path: Option<OrgUnitPath>,
    /// Where it was looked for first; another path than this one: it was renamed or moved.
    configured: Option<OrgUnitPath>,
}

impl OrgUnitView {
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let id = facts.org_unit.clone()?;
        Some(Self { id, path: facts.org_unit_path.clone(), configured: facts.org_unit_wanted.clone() })
    }
}

impl SeatsView {
    pub(super) fn of(counted: SeatCount, seats: Option<u32>) -> Self {
        let SeatCount { counted_at, users, suspended, deleted, starters, remaining, low, became_low: _ } =
            counted;
        Self { counted_at, seats, users, suspended, deleted, starters, remaining, low }
    }
}
