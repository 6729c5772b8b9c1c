//! Every domain is open: the end of an engineer's way in. Where the role waited for 2-Step Verification the welcome itself goes out now,
//! since the letter before it came before the access did; and the manager hears that all is ready.
//! Not here: the letter to an engineer who waits for nothing (`welcome`, which then says that this step holds too).

use super::welcome::{self, Accounts};
use super::{Context, Cost, Outcome, Step, letters};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Together,
    scope: TargetKind::Engineer,
    summary: "every domain is open",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let Accounts { ready, waiting, last, rows: _ } = welcome::accounts(cx).await?;
    if let Some(account) = waiting.first() {
        return Err(welcome::unsettled(&account.domain));
    }
    // Whatever the first letter named was ended since: whether the engineer is to be told anything is a person's decision.
    if ready.is_empty() {
        return Err(Failure::needs(Who::Operator, FailureCode::AccountsUnsettled));
    }
    let mut ensured = Ensured::default();
    if cx.row.facts.told_early == Some(true) {
        letters::send(cx.house, &welcome::letter(cx, &ready, last.as_deref())?).await?;
        ensured.made = true;
    }
    ensured.made |= letters::to_manager_ready(cx, &ready).await?;
    ensured.facts.told_early = Some(false);
    ensured.facts.domains = Some(ready.into_iter().map(|account| account.domain).collect());
    Ok(ensured)
}
