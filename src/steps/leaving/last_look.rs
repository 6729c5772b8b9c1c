//! Nothing that was under way when access ended has come about since: an insert or a grant whose answer was lost, or an account that a dead
//! worker let in again. It is looked for 1, 5 and 15 minutes after the end, and whatever is found open is locked out again.
//! Not here: rows for which nothing was under way; they have no such look.

use super::{Ours, also, find, is_open, is_unfinished, is_untouched, listed, lock_out_again, ours, removal};
use super::{roles_to_end, step};
use crate::model::enrollment::{AccountFact, WATCHED};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome, Step};
use jiff::{SignedDuration, Timestamp};

/// When it is looked, after the end.
const LOOKS: [SignedDuration; 3] = [SignedDuration::from_mins(1), SignedDuration::from_mins(5), WATCHED];

/// The step.
pub const STEP: Step = step(StepName::LastLook, "nothing has come about since", |cx| Box::pin(ensure(cx)));

async fn ensure(cx: &Context<'_>) -> Outcome {
    let Some(leaving) = cx.row.leaving.filter(|_| is_unfinished(cx) && !is_untouched(cx)) else {
        return Ok(Ensured::default());
    };
    let due = due(leaving.since, cx.now());
    let Some(look) = due.look else { return Err(watching(&due)) };
    let ours = find(cx, look).await?;
    let mut found = Vec::new();
    if due.next.is_none()
        && let Some(second) = listed(cx, look).await?
    {
        found.push(self::ours(cx, second, cx.now())?);
    }
    found.extend(ours);
    let mut late = false;
    for ours in &found {
        late |= closed_again(cx, ours).await?;
    }
    if late || due.next.is_some() {
        return Err(watching(&due));
    }
    Ok(watched(cx, found.pop()))
}

/// Locks it out if it is open; answers whether it was.
async fn closed_again(cx: &Context<'_>, ours: &Ours) -> Result<bool, Failure> {
    let held = roles_to_end(cx, &ours.guarded.fact).await?;
    let open = is_open(ours, &held);
    if open {
        lock_out_again(cx, ours, &held).await?;
    }
    Ok(open)
}

/// An account that nobody knew of was made by carepass and locked out by it.
fn watched(cx: &Context<'_>, ours: Option<Ours>) -> Ensured {
    let mut ensured = also(if removal::is_wanted(cx) { &[] } else { &[StepName::Removal] });
    let Some(ours) = ours else { return ensured };
    let is_new = cx.row.facts.account.is_none();
    let fact = ours.guarded.fact;
    let suspended_by_us = if is_new { Some(cx.now()) } else { fact.suspended_by_us };
    ensured.facts.account = Some(AccountFact { suspended_by_us, ..fact });
    ensured.facts.locked_out_at = cx.row.facts.locked_out_at.or_else(|| Some(cx.now()));
    ensured
}

/// The look that is due, when it became so, and the time until the next.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    look: Option<Timestamp>,
    next: Option<SignedDuration>,
}

fn due(since: Timestamp, now: Timestamp) -> Due {
    // A clock that was set back makes nobody wait for longer.
    let passed = now.duration_since(since).max(SignedDuration::ZERO);
    let look = LOOKS.iter().rev().find(|look| **look <= passed).map(|look| since + *look);
    let next = LOOKS.iter().find(|look| **look > passed).map(|look| *look - passed);
    Due { look, next }
}

/// After the last look there is no hurry any more.
fn watching(due: &Due) -> Failure {
    match due.next {
        Some(next) => Failure::not_yet(FailureCode::LateEffect)
            .after_ms(u64::try_from(next.as_millis()).unwrap_or(u64::MAX)),
        None => Failure::needs(Who::Google, FailureCode::LateEffect),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds after the end: the look that is due, and how long until the next.
    fn check(passed: i64, look: Option<i64>, next: Option<i64>) {
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let expected = Due { look: look.map(at), next: next.map(SignedDuration::from_secs) };
        assert_eq!(due(at(0), at(passed)), expected, "{passed}");
    }

    #[test]
    fn it_is_looked_three_times() {
        check(-5, None, Some(60));
        check(0, None, Some(60));
        check(60, Some(60), Some(240));
        check(299, Some(60), Some(1));
        check(300, Some(300), Some(600));
        check(900, Some(900), None);
        check(90_000, Some(900), None);
    }
}
