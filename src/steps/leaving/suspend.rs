//! The account is suspended. Not here: an engineer's own account, which is never suspended, and seeing it done (`locked_out`).

use super::{Ours, find, is_untouched, remembered, step, suspend_account};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome, Step};

/// The step.
pub const STEP: Step = step(StepName::Suspend, "the account is suspended", |cx| Box::pin(ensure(cx)));

async fn ensure(cx: &Context<'_>) -> Outcome {
    if is_untouched(cx) || cx.is_home() {
        return Ok(Ensured::default());
    }
    let Some(Ours { guarded, account }) = find(cx, cx.since).await? else { return Ok(Ensured::default()) };
    if account.suspended == Some(true) {
        return Ok(guarded.left(false));
    }
    match suspend_account(cx, &guarded).await {
        Ok(()) => Ok(guarded.left(true)),
        Err(failure) => Err(remembered(&guarded, failure)),
    }
}
