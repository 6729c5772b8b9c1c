//! The account is deleted, where the reseller's configuration says so, and when the days of grace are over: by its id, and only if it is
//! still ours and still suspended. Whatever else it is by then, a person looks. Google keeps it for 20 days more (`docs/GOOGLE.md` 64).
//! Not here: an engineer's own account, which is never deleted.

use super::{find, gone, is_untouched, step};
use crate::google::Removal as Removed;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::Removal;
use crate::model::rules::later;
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome, Step};
use jiff::{SignedDuration, Timestamp};

/// When it is looked again, where the clock is not believed.
const LOOK_AGAIN_MS: u64 = 3_600_000;

/// The step.
pub const STEP: Step =
    step(StepName::Removal, "the account is deleted, where that is configured", |cx| Box::pin(ensure(cx)));

/// Whether the account is to be deleted in the end.
pub(super) fn is_wanted(cx: &Context<'_>) -> bool {
    grace(cx).is_some() && !cx.is_home() && !is_untouched(cx)
}

async fn ensure(cx: &Context<'_>) -> Outcome {
    let Some(grace) = grace(cx).filter(|_| is_wanted(cx) && cx.row.facts.account.is_some()) else {
        return Ok(Ensured::default());
    };
    let began = cx.row.leaving.map(|leaving| leaving.since);
    if let Some(wait) = still(cx.row.facts.locked_out_at.or(began), grace, cx.now()) {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        return Err(Failure::needs(Who::Calendar, FailureCode::RemovalDue).after_ms(ms));
    }
    // Nothing is deleted by a clock that Google contradicts.
    if !cx.house.clock.is_believed() {
        return Err(Failure::needs(Who::Calendar, FailureCode::RemovalDue).after_ms(LOOK_AGAIN_MS));
    }
    let Some(ours) = find(cx, cx.since).await? else { return Ok(Ensured::default()) };
    if ours.account.suspended != Some(true) {
        return Err(Failure::needs(Who::Operator, FailureCode::AccountNotOurs)
            .with_detail("it was to be deleted, and somebody has let it in again"));
    }
    match cx.google_for(&ours.guarded)?.delete_account(&ours.guarded.fact.id).await? {
        Removed::Done => Ok(Ensured { made: true, ..Ensured::default() }),
        Removed::Gone => gone(cx, &ours.guarded.fact).map(|()| Ensured::default()),
    }
}

fn grace(cx: &Context<'_>) -> Option<SignedDuration> {
    match cx.site().map(|site| site.reseller.removal) {
        Ok(Removal::SuspendThenDelete { grace }) => Some(grace),
        Ok(Removal::Suspend) | Err(_) => None,
    }
}

/// How long the account is still kept. One that was never seen to be locked out is kept from now on.
fn still(locked_out_at: Option<Timestamp>, grace: SignedDuration, now: Timestamp) -> Option<SignedDuration> {
    let due = later(locked_out_at.unwrap_or(now), grace);
    (now < due).then(|| due.duration_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_kept_for_the_days_of_grace() {
        let (day, now) = (SignedDuration::from_hours(24), Timestamp::UNIX_EPOCH);
        assert_eq!(still(Some(now), day, now), Some(day));
        assert_eq!(still(Some(now - day), day, now), None);
        assert_eq!(still(None, day, now), Some(day));
        assert_eq!(still(Some(now), SignedDuration::MAX, now), Some(Timestamp::MAX.duration_since(now)));
    }
}
