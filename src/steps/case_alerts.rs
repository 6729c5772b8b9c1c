//! Case mail reaches the engineer: either the engineer enters the main address in the portal's Case Sharing field, which the welcome
//! asks for, or an operator redirects the account's mail, for which there is no API (`docs/GOOGLE.md` 33, 34).
//! Not here: a call to Google, or a proof that anybody did it.

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::CaseAlerts;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::CaseAlerts,
    scope: TargetKind::Domain,
    summary: "case mail reaches the engineer",
    seals_credential: false,
    ensure: |cx| Box::pin(std::future::ready(ensure(cx))),
};

fn ensure(cx: &Context<'_>) -> Outcome {
    // An engineer's own account has a mailbox.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    match cx.site()?.reseller.case_alerts {
        CaseAlerts::CaseSharing => cx.contact().map(|_| Ensured::default()),
        CaseAlerts::Redirect => Err(Failure::needs(Who::Operator, FailureCode::CaseRedirectNeeded)),
    }
}
