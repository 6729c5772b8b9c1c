//! The organisational unit of the support engineers' accounts exists. Once known it is looked for by its id, so that a renamed or moved
//! one goes on being used; one that is gone is never silently made again. The first time it is looked for by its path, before anything is
//! made, since Google says "no" to units it has made (`docs/GOOGLE.md` 16).
//! Not here: switching automatic licensing off, for which there is no API (`attested`), and moving anybody.

use super::{Context, Cost, Outcome, Site, Step};
use crate::google::classify::YOUNG;
use crate::google::{OrgUnit, OrgUnitCreation};
use crate::model::enrollment::{Facts, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{OrgUnitId, OrgUnitPath};
use crate::model::plan::StepName;
use crate::model::reseller::Reseller;
use crate::model::transition::Ensured;
use jiff::Timestamp;

/// The step.
pub const STEP: Step = Step {
    name: StepName::OrgUnit,
    scope: TargetKind::Reseller,
    summary: "the organisational unit exists",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    // Nothing is made or moved where engineers have accounts of their own.
    if site.reseller.home {
        return Ok(Ensured::default());
    }
    match known(&site.reseller, &cx.row.facts) {
        Some(id) => again(cx, site, &id).await,
        None => first_time(cx, site).await,
    }
}

/// The id of the unit, if it was found for the path that is configured now; another path means another unit. A row of an earlier release
/// does not know for which path.
fn known(reseller: &Reseller, facts: &Facts) -> Option<OrgUnitId> {
    let same = facts.org_unit_wanted.as_ref().is_none_or(|wanted| *wanted == reseller.org_unit);
    facts.org_unit.as_deref().filter(|_| same).and_then(|id| id.parse().ok())
}

/// The unit that is known, or the one that somebody has made at its path since.
async fn again(cx: &Context<'_>, site: &Site, id: &OrgUnitId) -> Outcome {
    if let Some(unit) = site.google.org_unit_by_id(id).await? {
        return ensured(cx, unit, None);
    }
    if let Some(unit) = site.google.org_unit(&site.reseller.org_unit).await? {
        tracing::warn!(reseller = %site.reseller.name, unit = unit.id, "the organisational unit was gone, and was made again by somebody");
        return ensured(cx, unit, Some(cx.now()));
    }
    // A single "not there" proves nothing while it is young.
    let made_at = cx.row.facts.org_unit_made_at;
    Err(if made_at.is_some_and(|made_at| cx.now().duration_since(made_at) < YOUNG) {
        Failure::not_yet(FailureCode::OrgUnitSettling)
    } else {
        Failure::needs(Who::Operator, FailureCode::OrgUnitGone).with_detail(id.as_str())
    })
}

async fn first_time(cx: &Context<'_>, site: &Site) -> Outcome {
    let path = &site.reseller.org_unit;
    if let Some(unit) = site.google.org_unit(path).await? {
        // After a lost answer it may be our own, a moment old: young units are not visible everywhere.
        return ensured(cx, unit, (!cx.is_first).then(|| cx.now()));
    }
    let creation = site.google.create_org_unit(path).await?;
    let made = matches!(creation, OrgUnitCreation::Made(_));
    let (OrgUnitCreation::Made(unit) | OrgUnitCreation::Found(unit)) = creation;
    // Whoever made it a moment ago: it is young.
    Ok(Ensured { made, ..ensured(cx, unit, Some(cx.now()))? })
}

fn ensured(cx: &Context<'_>, unit: OrgUnit, made_at: Option<Timestamp>) -> Outcome {
    let reseller = &cx.site()?.reseller;
    let path = OrgUnitPath::parse(&unit.path).map_err(|_| {
        Failure::needs(Who::Operator, FailureCode::OrgUnitRefused)
            .with_detail(&format!("its path is now {}, which Google's API mishandles", unit.path))
    })?;
    let before = cx.row.facts.org_unit_path.as_ref().unwrap_or(&reseller.org_unit);
    if path.as_str().to_lowercase() != before.as_str().to_lowercase() {
        tracing::warn!(reseller = %reseller.name, %before, now = %path, "the organisational unit was renamed or moved; it goes on being used");
    }
    let mut ensured = Ensured::default();
    ensured.facts.org_unit = Some(unit.id);
    ensured.facts.org_unit_path = Some(path);
    ensured.facts.org_unit_wanted = Some(reseller.org_unit.clone());
    ensured.facts.org_unit_made_at = made_at;
    Ok(ensured)
}
