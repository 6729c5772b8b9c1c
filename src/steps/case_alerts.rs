//! Case mail reaches the engineer: the engineer enters the main address in the portal's Case Sharing field, which the welcome asks for;
//! or a rule redirects the mail of the whole domain; or an operator enters the engineer in an address map and says so. There is no API
//! for any of it (`docs/GOOGLE.md` 33, 34). Not here: a call to Google, or a proof that anybody did it.

use super::{Context, Cost, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::{CaseAlerts, Reseller};
use crate::model::transition::Ensured;
use crate::model::word::{Subject, routes_all_of};

/// The step.
pub const STEP: Step = Step {
    name: StepName::CaseAlerts,
    scope: TargetKind::Domain,
    summary: "case mail reaches the engineer",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(std::future::ready(ensure(cx))),
};

fn ensure(cx: &Context<'_>) -> Outcome {
    // An engineer's own account has a mailbox.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let reseller = &cx.site()?.reseller;
    match reseller.case_alerts {
        CaseAlerts::CaseSharing => cx.contact().map(|_| Ensured::default()),
        CaseAlerts::Redirect if is_redirected(cx, reseller) => Ok(Ensured::default()),
        CaseAlerts::Redirect => Err(Failure::needs(Who::Operator, FailureCode::CaseRedirectNeeded)),
    }
}

/// By a rule for everybody in the domain, or for this engineer, as an operator said.
fn is_redirected(cx: &Context<'_>, reseller: &Reseller) -> bool {
    let for_all = cx
        .row
        .id
        .domain()
        .zip(cx.reseller_row)
        .is_some_and(|(domain, row)| routes_all_of(domain, reseller, &row.facts));
    let word = cx.row.facts.words.get(&Subject::CaseAlerts);
    for_all
        || word
            .is_some_and(|word| word.customer.as_ref().is_none_or(|customer| *customer == reseller.customer))
}
