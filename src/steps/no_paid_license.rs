//! The account has no paid licence of the products in which it is looked for (`docs/GOOGLE.md` 47). One bulk read for the reseller,
//! begun after the account was made, answers for every row that waits for it. What is found is a question for the operator.
//! Not here: removing anything, and watching the account after this one look.

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::NoPaidLicense,
    scope: TargetKind::Domain,
    summary: "the account has no paid licence",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    // An engineer's own account has the licences of its own work.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let address = cx.address()?.to_string();
    let made = cx.row.facts.account.as_ref().map_or(cx.since, |account| account.since);
    let licenses = cx.site()?.census.paid_licenses(cx.fresh_since(made)).await?;
    match licenses.items.iter().find(|license| license.address == address) {
        Some(license) => {
            let found = Failure::needs(Who::Operator, FailureCode::PaidLicenseFound);
            Err(found.with_detail(&format!("{} {}", license.product, license.sku)))
        }
        None => Ok(Ensured::default()),
    }
}
