//! The role that is given is known, and may do no more than was approved (guard 3). A custom role with pinned privileges is made
//! if it is missing; `choose` refuses whatever may do more. Nothing is guessed: none or several that fit is a question for the operator (`docs/GOOGLE.md` 23, 24).
//! Not here: giving the role to anybody (`role`).

use super::{Context, Outcome, Step};
use crate::google::role::{self, Chosen};
use crate::model::enrollment::TargetKind;
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
    };
    ensured.facts.role = Some(role.id);
    Ok(ensured)
}
