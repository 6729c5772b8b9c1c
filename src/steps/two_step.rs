//! The engineer has enrolled in 2-Step Verification, where the role waits for that: Google asks for it of every administrator at once, and
//! locks out who is without it (`docs/GOOGLE.md` 30, 84). One list for the reseller account answers for every row that waits, at most
//! one in a few minutes; what Google leaves out is unknown, and unknown waits.
//! Not here: reminding anybody (`engine/reminders`), and where the role is given at once, which the step before says.

use super::{Context, Cost, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::TwoStepGate;
use crate::model::transition::Ensured;
use jiff::SignedDuration;

/// A list may be this old: whoever enrols waits so much longer at most.
const LIST_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The step.
pub const STEP: Step = Step {
    name: StepName::TwoStep,
    scope: TargetKind::Domain,
    summary: "the engineer has enrolled in 2-Step Verification, where the role waits for that",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

/// The step, where it holds without a look.
pub(super) fn held(cx: &Context<'_>) -> Result<Option<StepName>, Failure> {
    Ok(match cx.site()?.reseller.two_step {
        TwoStepGate::BeforeRole => None,
        TwoStepGate::WithRole | TwoStepGate::Off => Some(StepName::TwoStep),
    })
}

async fn ensure(cx: &Context<'_>) -> Outcome {
    if held(cx)?.is_some() {
        return Ok(Ensured::default());
    }
    let id = cx.row.facts.account.as_ref().map(|account| &account.id);
    let accounts = cx.site()?.census.accounts(cx.now() - LIST_AGE_MAX).await?;
    let account = accounts.items.iter().find(|account| Some(&account.id) == id);
    match account.and_then(|account| account.two_step_enrolled) {
        Some(true) => Ok(Ensured::default()),
        Some(false) | None => Err(Failure::needs(Who::Engineer, FailureCode::TwoStepPending)),
    }
}
