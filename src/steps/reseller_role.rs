//! The role of each profile is known, and may do no more than was approved (guard 3). A custom role with pinned privileges is made
//! if it is missing; `choose` refuses whatever may do more. Nothing is guessed: none or several that fit is a question for the operator,
//! and so is what to pin (`docs/GOOGLE.md` 23, 24). What a role may do is remembered, so that a role that can do more later is seen.
//! Not here: giving a role to anybody (`role`).

use super::{Context, Cost, Outcome, Step};
use crate::google::role::{self, Chosen, Role};
use crate::model::enrollment::{RoleFact, TargetKind};
use crate::model::event::Profile;
use crate::model::failure::Failure;
use crate::model::plan::StepName;
use crate::model::reseller::RoleChoice;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Role,
    scope: TargetKind::Reseller,
    summary: "the roles exist and may do no more than was approved",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let roles = site.census.roles(cx.now()).await?;
    let mut ensured = Ensured::default();
    for (profile, choice) in site.reseller.roles() {
        let (role, made) = resolved(cx, choice, &roles.items).await?;
        ensured.made |= made;
        ensured.facts.roles.insert(profile, approved(cx, profile, choice, role)?);
    }
    Ok(ensured)
}

/// The role that the configuration means, and whether it was made just now.
async fn resolved(cx: &Context<'_>, choice: &RoleChoice, roles: &[Role]) -> Result<(Role, bool), Failure> {
    let google = &cx.site()?.google;
    match role::choose(choice, roles)? {
        Chosen::Use(role) => Ok((role, false)),
        Chosen::Create { name, privileges } => {
            let role = google.create_role(&name, &privileges).await?;
            // Somebody may have made one of that name a moment ago: what came of it is judged like any other.
            role::approve(&role, &privileges)?;
            Ok((role, true))
        }
        Chosen::Propose { name } => {
            let anchor = role::anchor(roles)?;
            Err(role::propose(&name, anchor, &google.privileges().await?))
        }
    }
}

/// What is to be remembered of it. Errors: it may do more than when it was approved.
fn approved(
    cx: &Context<'_>,
    profile: Profile,
    choice: &RoleChoice,
    role: Role,
) -> Result<RoleFact, Failure> {
    let known = cx.row.facts.roles.get(&profile).filter(|known| known.id == role.id);
    if let Some(before) = known.and_then(|known| known.privileges.as_ref()) {
        role::unchanged(choice, &role, before)?;
    }
    Ok(RoleFact { privileges: role::remembered(choice, &role)?, id: role.id })
}
