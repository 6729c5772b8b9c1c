//! The organisational unit of the support engineers' accounts exists. It is looked for first; the client looks again after any
//! refusal of the insert, since Google says "no" to units it has made (`facts/google.md` 1.3).

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::OrgUnit,
    scope: TargetKind::Reseller,
    summary: "the organisational unit exists",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let path = &site.reseller.org_unit;
    let mut ensured = Ensured::default();
    let unit = match site.google.find_org_unit(path).await? {
        Some(unit) => unit,
        None => {
            ensured.made = true;
            ensured.facts.org_unit_made_at = Some(cx.now());
            site.google.create_org_unit(path).await?
        }
    };
    ensured.facts.org_unit = Some(unit.id);
    Ok(ensured)
}
