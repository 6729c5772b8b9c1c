//! The account holds the role: the last write of joining. Right before it the account is known to be ours and unspoilt (guard 1), and
//! the role's definition, at most five minutes old, is still within what was approved (guard 3).

use super::house::ROLE_AGE_MAX;
use super::{Context, Outcome, Step};
use crate::google::{Given, role};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;

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
    let roles = site.census.roles(cx.now() - ROLE_AGE_MAX).await?;
    let definition = roles.items.iter().find(|role| role.id == *id);
    let definition = definition.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::RoleMissing))?;
    role::approve_choice(&site.reseller.role, definition)?;
    let guarded = cx.guarded().await?;
    if guarded.holds_role {
        return guarded.ensured(false);
    }
    match site.google.give(&guarded.fact.id, id).await? {
        Given::Made => guarded.ensured(true),
        Given::Found => guarded.ensured(false),
    }
}
