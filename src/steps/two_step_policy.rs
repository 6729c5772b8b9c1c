//! New accounts can sign in: 2-Step Verification is not enforced on them from the first moment (`docs/GOOGLE.md` 60), or a person has
//! confirmed that they can enrol all the same. The policies are read where that is allowed; else it stays unknown and nothing stops.
//! Along the way it is learned whether unmanaged accounts are spared. Not here: whether an engineer has enrolled.

use super::optional::optional;
use super::{Context, Cost, Outcome, Step};
use crate::google::policies::{sign_in, spares_unmanaged};
use crate::google::{Policy, SignIn};
use crate::model::enrollment::{TargetKind, TwoStep};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, standing};
use std::collections::BTreeSet;

/// The step.
pub const STEP: Step = Step {
    name: StepName::TwoStepPolicy,
    scope: TargetKind::Reseller,
    summary: "new accounts can sign in",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let site = cx.site()?;
    let read = optional(cx, read(cx).await)?;
    let (found, spared) = match &read {
        Some((policies, lineage)) => {
            (of(sign_in(policies, lineage, cx.now())), spares_unmanaged(policies, lineage))
        }
        None => (TwoStep::Unknown, false),
    };
    let attested = standing(Subject::TwoStepPolicy, &site.reseller, &cx.row.facts) == Standing::Confirmed;
    if found == TwoStep::Enforced && !attested {
        return Err(Failure::needs(Who::Operator, FailureCode::TwoStepEnforced));
    }
    let mut ensured = Ensured::default();
    ensured.facts.two_step = Some(found);
    ensured.facts.conflicts_are_safe = Some(spared);
    Ok(ensured)
}

/// The policies, and the ids of the unit and of all above it. The policies come first: where they are forbidden, nothing else is asked.
async fn read(cx: &Context<'_>) -> Result<(Vec<Policy>, BTreeSet<String>), Failure> {
    let google = &cx.site()?.google;
    let policies = google.policies().await?;
    let lineage = match &cx.row.facts.org_unit {
        Some(unit) => google.lineage(unit).await?,
        None => BTreeSet::new(),
    };
    Ok((policies, lineage))
}

fn of(found: SignIn) -> TwoStep {
    match found {
        SignIn::Open => TwoStep::Open,
        SignIn::Barred => TwoStep::Enforced,
        SignIn::Unclear => TwoStep::Unknown,
    }
}
