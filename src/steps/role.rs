//! The account holds the role: the last write of joining. Right before it the account is known to be ours and unspoilt (guard 1), and
//! the role's definition, at most five minutes old, is still within what was approved (guard 3): what is pinned, or what the role could
//! do at the set-up. One of Google's legacy roles for support does as well and needs no grant.
//! Not here: choosing the role (`reseller_role`), and taking one away.

use super::house::ROLE_AGE_MAX;
use super::{Context, Outcome, Step};
use crate::google::Given;
use crate::google::role::{self, Chosen};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::RoleId;
use crate::model::plan::StepName;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Role,
    scope: TargetKind::Domain,
    summary: "the account holds the role",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let id = cx.role()?;
    if !is_approved(cx, id, cx.now() - ROLE_AGE_MAX).await? && !is_approved(cx, id, cx.now()).await? {
        return Err(
            Failure::needs(Who::Operator, FailureCode::RoleMissing).with_detail("another role than before")
        );
    }
    let guarded = cx.guarded().await?;
    if guarded.holds_role {
        return Ok(guarded.ensured(false));
    }
    match cx.google_for(&guarded)?.give(&guarded.fact.id, id).await? {
        Given::Made => Ok(guarded.ensured(true)),
        Given::Found => Ok(guarded.ensured(false)),
    }
}

/// Whether the role that the set-up resolved is still the one that the configuration means, in a list at most so old. A list from
/// before the role was made does not know it, hence the second, fresh look above. Errors: it may do more than was approved, or, where
/// nothing is pinned, more than when the set-up looked at it.
async fn is_approved(cx: &Context<'_>, id: &RoleId, not_before: Timestamp) -> Result<bool, Failure> {
    let site = cx.site()?;
    let (choice, roles) = (&site.reseller.role, site.census.roles(not_before).await?);
    let role = match role::choose(choice, &roles.items)? {
        Chosen::Use(role) if role.id == *id => role,
        Chosen::Use(_) | Chosen::Create { .. } | Chosen::Propose { .. } => return Ok(false),
    };
    match cx.reseller_row.and_then(|row| row.facts.role_privileges.as_ref()) {
        Some(before) => role::unchanged(choice, &role, before)?,
        None if choice.privileges().is_empty() => {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        None => (),
    }
    Ok(true)
}

/// The roles of Google's whose holders have the access already (`docs/GOOGLE.md` 68).
pub(super) async fn legacy(cx: &Context<'_>) -> Result<BTreeSet<RoleId>, Failure> {
    let roles = cx.site()?.census.roles(cx.now() - ROLE_AGE_MAX).await?;
    Ok(roles.items.iter().filter(|role| role::is_legacy_access(role)).map(|role| role.id.clone()).collect())
}
