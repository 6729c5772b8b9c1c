//! The reseller's credentials work and lead to the pinned customer. A wrong customer id is a real danger: reseller administrators
//! may also act on the customers they resell to (`docs/GOOGLE.md` 35), so the id is compared before anything is written.
//! Not here: each scope by itself; one that is not delegated stops the first step that needs it.

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Credentials,
    scope: TargetKind::Reseller,
    summary: "the credentials work and lead to the pinned customer",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let customer = site.google.customer().await?.id;
    if customer != site.reseller.customer {
        return Err(
            Failure::needs(Who::Operator, FailureCode::CustomerMismatch).with_detail(customer.as_str())
        );
    }
    let mut ensured = Ensured::default();
    ensured.facts.checked_at = Some(cx.now());
    ensured.facts.customer = Some(customer);
    Ok(ensured)
}
