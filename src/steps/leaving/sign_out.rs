//! No session, program or application password of the account opens anything: before the suspension, which makes Google refuse it
//! (`docs/GOOGLE.md` 77). What stands in the way for longer does not keep the account from being suspended.
//! Not here: an engineer's own account, whose sessions are the engineer's.

use super::{end_sessions, find, is_untouched, step, suspended_at_least};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome, Step};

/// The step.
pub const STEP: Step =
    step(StepName::SignOut, "no session of the account is left", |cx| Box::pin(ensure(cx)));

async fn ensure(cx: &Context<'_>) -> Outcome {
    if is_untouched(cx) || cx.is_home() {
        return Ok(Ensured::default());
    }
    let guarded = match cx.just_read() {
        Some(guarded) => guarded,
        None => match find(cx, cx.since).await? {
            Some(ours) => ours.guarded,
            None => return Ok(Ensured::default()),
        },
    };
    match end_sessions(cx, &guarded).await {
        Ok(()) => Ok(guarded.left(true)),
        Err(failure) => Err(suspended_at_least(cx, &guarded, failure).await),
    }
}
