//! Case mail to the new addresses is routed to the engineers, where the reseller account is configured to redirect it: one rule for each
//! domain, or an address map, made by hand and confirmed in the configuration or on the task (`docs/GOOGLE.md` 33).
//! Not here: whether each single engineer stands in the address map (`case_alerts`).

use super::{Context, Cost, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::CaseAlerts;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, standing};

/// The step.
pub const STEP: Step = Step {
    name: StepName::CaseAlertRoute,
    scope: TargetKind::Reseller,
    summary: "the route of case mail is confirmed, where it is redirected",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(std::future::ready(ensure(cx))),
};

fn ensure(cx: &Context<'_>) -> Outcome {
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let reseller = &cx.site()?.reseller;
    match (reseller.case_alerts, standing(Subject::CaseAlertRoute, reseller, &cx.row.facts)) {
        (CaseAlerts::CaseSharing, _) | (CaseAlerts::Redirect, Standing::Confirmed) => Ok(Ensured::default()),
        (CaseAlerts::Redirect, Standing::TakenBack | Standing::Unsaid) => {
            Err(Failure::needs(Who::Operator, FailureCode::CaseRouteUnconfirmed))
        }
    }
}
