//! What no machine mends by itself, though its row could: too much at once, and what somebody means. Not here: the policy (`drift`).

use super::{Action, Drift, Finding, FindingId, Kind};
use crate::model::enrollment::EnrollmentId;
use crate::model::id::ResellerName;
use std::collections::BTreeSet;

/// Rows that one look tells to mend something, at most.
pub(super) const REPAIRS_MAX: usize = 20;

/// Rows that one look tells to give access again, at most.
pub(super) const GRANTS_MAX: usize = 5;

/// Of so many repairs of an account it is known that they were begun.
pub(super) const MENDED_MAX: usize = 100;

/// What was taken from so many at once was hardly an oversight, and what comes again after it was mended is somebody's will: no machine
/// gives it back, a person is asked. Who was asked once is asked until it is gone.
pub(super) fn hold_back(before: Option<&Drift>, reseller: &ResellerName, found: &mut [Finding]) {
    let is_repair = |finding: &&mut Finding| finding.action == Action::Repair;
    let rows_of = |found: &[Finding], of: fn(Kind) -> bool| {
        let mended = found.iter().filter(|one| one.action == Action::Repair && of(one.kind));
        mended.map(|one| one.row(reseller)).collect::<BTreeSet<EnrollmentId>>().len()
    };
    let is_mass = rows_of(found, |_| true) > REPAIRS_MAX;
    let are_grants = rows_of(found, is_mended_by_a_grant) > GRANTS_MAX;
    for finding in found.iter_mut().filter(is_repair) {
        let known = before.and_then(|before| before.findings.iter().find(|known| known.is(finding)));
        let is_held = match (known, before) {
            (Some(known), _) => known.action == Action::Ask,
            // It may have been held, and there was no room to say so.
            (None, Some(before)) => before.unlisted() > 0 || before.mended.contains(&finding.mend(reseller)),
            (None, None) => false,
        };
        if is_held || is_mass || are_grants && is_mended_by_a_grant(finding.kind) {
            finding.action = Action::Ask;
        }
    }
}

/// What rows were told to mend, now and before.
pub(super) fn mended(before: Option<&Drift>, reseller: &ResellerName, found: &[Finding]) -> Vec<FindingId> {
    let mut mended = before.map(|before| before.mended.clone()).unwrap_or_default();
    for finding in found.iter().filter(|finding| finding.action == Action::Repair) {
        let mend = finding.mend(reseller);
        mended.retain(|known| *known != mend);
        mended.push(mend);
    }
    mended.drain(..mended.len().saturating_sub(MENDED_MAX));
    mended
}

/// Whether mending it gives access that is not there: as a grant does, and no limit on grants counts it.
fn is_mended_by_a_grant(kind: Kind) -> bool {
    match kind {
        Kind::RoleTaken | Kind::Deleted => true,
        Kind::RoleWidened
        | Kind::UnknownHolder
        | Kind::SuperAdministrator
        | Kind::OtherRole
        | Kind::SpareRole
        | Kind::Reopened
        | Kind::PaidLicense
        | Kind::RoleNarrowed
        | Kind::Suspended
        | Kind::Renamed
        | Kind::MarkerGone
        | Kind::UnitChanged => false,
    }
}
