//! The organisational unit of the support engineers' accounts exists. It is looked for first; the client looks again after any
//! refusal of the insert, since Google says "no" to units it has made (`docs/GOOGLE.md` 16).
//! Not here: switching automatic licensing off, for which there is no API (`attested`), and moving anybody.

use super::{Context, Outcome, Step};
use crate::google::OrgUnitCreation;
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
    // Nothing is made or moved where engineers have accounts of their own.
    if site.reseller.home {
        return Ok(Ensured::default());
    }
    let path = &site.reseller.org_unit;
    let mut ensured = Ensured::default();
    if let Some(unit) = site.google.org_unit(path).await? {
        // After a lost answer it may be our own, a moment old: young units are not visible everywhere.
        ensured.facts.org_unit_made_at = (!cx.is_first).then(|| cx.now());
        ensured.facts.org_unit = Some(unit.id);
        return Ok(ensured);
    }
    let unit = match site.google.create_org_unit(path).await? {
        OrgUnitCreation::Made(unit) => {
            ensured.made = true;
            unit
        }
        OrgUnitCreation::Found(unit) => unit,
    };
    // Whoever made it a moment ago: it is young.
    ensured.facts.org_unit_made_at = Some(cx.now());
    ensured.facts.org_unit = Some(unit.id);
    Ok(ensured)
}
