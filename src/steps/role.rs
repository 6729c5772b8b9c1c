//! The account holds the role: the last write of joining. Right before it the account is known to be ours and unspoilt (guard 1), and
//! the role's definition, at most five minutes old, is still within what was approved (guard 3).
//! Not here: choosing the role (`reseller_role`), and taking one away.

use super::house::ROLE_AGE_MAX;
use super::{Context, Outcome, Site, Step};
use crate::google::Given;
use crate::google::role::{self, Chosen};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::RoleId;
use crate::model::plan::StepName;
use jiff::Timestamp;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Role,
    scope: TargetKind::Domain,
    summary: "the account holds the role",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let id = cx.role()?;
    if !is_approved(site, id, cx.now() - ROLE_AGE_MAX).await? && !is_approved(site, id, cx.now()).await? {
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
/// before the role was made does not know it, hence the second, fresh look above.
async fn is_approved(site: &Site, id: &RoleId, not_before: Timestamp) -> Result<bool, Failure> {
    let roles = site.census.roles(not_before).await?;
    match role::choose(&site.reseller.role, &roles.items)? {
        Chosen::Use(role) => Ok(role.id == *id),
        Chosen::Create { .. } => Ok(false),
    }
}
