//! The role that is given is known, and may do no more than was approved (guard 3). A custom role with pinned privileges is made
//! if it is missing; `choose` refuses whatever may do more. Nothing is guessed: none or several that fit is a question for the operator,
//! and so is what to pin (`docs/GOOGLE.md` 23, 24). What the role may do is remembered, so that a role that can do more later is seen.
//! Not here: giving the role to anybody (`role`).

use super::{Context, Outcome, Step};
use crate::google::role::{self, Chosen};
use crate::model::enrollment::{Facts, TargetKind};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Role,
    scope: TargetKind::Reseller,
    summary: "the role exists and may do no more than was approved",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let choice = &site.reseller.role;
    let roles = site.census.roles(cx.now()).await?;
    let mut ensured = Ensured::default();
    let role = match role::choose(choice, &roles.items)? {
        Chosen::Use(role) => role,
        Chosen::Create { name, privileges } => {
            ensured.made = true;
            let role = site.google.create_role(&name, &privileges).await?;
            // Somebody may have made one of that name a moment ago: what came of it is judged like any other.
            role::approve(&role, &privileges)?;
            role
        }
        Chosen::Propose { name } => {
            let anchor = role::anchor(&roles.items)?;
            return Err(role::propose(&name, anchor, &site.google.privileges().await?));
        }
    };
    let Facts { role: known, role_privileges: before, .. } = &cx.row.facts;
    if let Some(before) = before.as_ref().filter(|_| known.as_ref() == Some(&role.id)) {
        role::unchanged(choice, &role, before)?;
    }
    ensured.facts.role_privileges = role::remembered(choice, &role)?;
    ensured.facts.role = Some(role.id);
    Ok(ensured)
}
