//! The account no longer holds any role: the first act of leaving, since the role is what lets somebody act for customers, and since an
//! administrator's account is the harder one to change (`docs/GOOGLE.md` 80). Our own account loses every role, an engineer's own the one
//! that carepass gave. What the account was like before is remembered, for a return.
//! Not here: sessions (`sign_out`), and the last word on whether access is gone (`locked_out`).

use super::{also, find, is_untouched, roles_to_end, step, suspended_at_least, take_away};
use crate::model::plan::StepName;
use crate::planted::planted;
use crate::steps::{Context, Outcome, Step};

/// What holds where nothing was made.
const NOTHING: &[StepName] = &[
    StepName::SignOut,
    StepName::Suspend,
    StepName::LockedOut,
    StepName::LastLook,
    StepName::NoPaidLicense,
    StepName::Removal,
];

/// What holds where there is no account, or not yet.
const NO_ACCOUNT: &[StepName] = &[StepName::SignOut, StepName::Suspend];

/// The step.
pub const STEP: Step =
    step(StepName::RoleOff, "the account no longer holds a role", |cx| Box::pin(ensure(cx)));

async fn ensure(cx: &Context<'_>) -> Outcome {
    if is_untouched(cx) || planted!(KeepsTheRole) {
        return Ok(also(NOTHING));
    }
    let Some(ours) = find(cx, cx.since).await? else { return Ok(also(NO_ACCOUNT)) };
    let held = match roles_to_end(cx, &ours.guarded.fact).await {
        Ok(held) => take_away(cx, &ours.guarded, &held).await,
        Err(failure) => Err(failure),
    };
    let made = match held {
        Ok(made) => made,
        Err(failure) => return Err(suspended_at_least(cx, &ours.guarded, failure).await),
    };
    let fact = ours.guarded.fact;
    let mut ensured = also(if fact.home { NO_ACCOUNT } else { &[] });
    ensured.made = made;
    ensured.facts.account = Some(fact);
    Ok(ensured)
}
