//! Access was seen to be gone: the account is suspended, or is no more, and holds no role. It is read by its id, and so are its roles: two
//! calls that are as fresh as can be, where a list of a large customer takes minutes. What is still open after a while is locked out again.
//! Not here: what may come about later (`last_look`).

use super::{also, find, is_open, is_unfinished, is_untouched, lock_out_again, remembered, removal};
use super::{roles_to_end, step};
use crate::model::failure::{Failure, FailureCode};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome, Step};
use jiff::SignedDuration;

/// For so long Google's reads may show a young account as it was (`docs/GOOGLE.md` 13).
const SHOWN_LATE: SignedDuration = SignedDuration::from_mins(1);

/// The step.
pub const STEP: Step = step(StepName::LockedOut, "access was seen to be gone", |cx| Box::pin(ensure(cx)));

async fn ensure(cx: &Context<'_>) -> Outcome {
    if is_untouched(cx) {
        return Ok(Ensured::default());
    }
    let Some(ours) = find(cx, cx.since).await? else {
        let mut ensured = rest(cx);
        ensured.facts.locked_out_at = cx.row.facts.account.is_some().then(|| cx.now());
        return Ok(ensured);
    };
    let held = roles_to_end(cx, &ours.guarded.fact).await?;
    if is_open(&ours, &held) {
        if !held.is_empty() || cx.now().duration_since(cx.since) >= SHOWN_LATE {
            let locked = lock_out_again(cx, &ours, &held).await;
            locked.map_err(|failure| remembered(&ours.guarded, failure))?;
        }
        return Err(remembered(&ours.guarded, Failure::not_yet(FailureCode::NotYetConfirmed)));
    }
    let mut ensured = rest(cx);
    ensured.facts.account = Some(ours.guarded.fact);
    ensured.facts.locked_out_at = Some(cx.now());
    Ok(ensured)
}

/// What holds along with it, so that the usual leaver costs no more commits.
fn rest(cx: &Context<'_>) -> Ensured {
    match (is_unfinished(cx), removal::is_wanted(cx)) {
        (true, _) => Ensured::default(),
        (false, true) => also(&[StepName::LastLook]),
        (false, false) => also(&[StepName::LastLook, StepName::Removal]),
    }
}
