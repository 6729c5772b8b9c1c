//! How a row takes up another wish of HR's: beside a run that is under way, or at once. Pure. Not here: every other move (`transition`).

use super::enrollment::{Enrollment, Leaving, State, WATCHED, Want, Wish};
use super::rules::later;
use super::transition::Rejected;
use jiff::Timestamp;

/// A newer wish is written beside the goal in force. What had changed for a wish that never came into force is still news.
pub(super) fn adopt(row: &mut Enrollment, wish: Wish) -> Result<(), Rejected> {
    if !row.takes(&wish) {
        return Err(Rejected::Stale);
    }
    row.next = Some(Box::new(wish));
    row.rechecking = false;
    Ok(())
}

/// A wish that came during the run takes over. Under another goal what was done no longer counts; under the same one, what is about
/// something that has changed. Whoever is to be locked out is handed no password any more.
pub(super) fn take_over(row: &mut Enrollment, now: Timestamp) {
    let Some(wish) = row.next.take() else { return };
    if wish.goal.want == row.goal.want {
        for step in wish.changed.since(row.goal.revision, row.id.kind()) {
            row.done.remove(&step);
            row.skipped.remove(&step);
        }
    } else {
        row.leaving = leaving(&wish, now, is_unfinished(row, now));
        if row.leaving.is_some_and(|leaving| leaving.unfinished) {
            row.facts.cut_short_at = Some(now);
        }
        row.done.clear();
        row.skipped.clear();
        row.credential = None;
        row.reissue = false;
        row.facts.locked_out_at = None;
    }
    row.goal = wish.goal;
    row.cause = wish.cause;
    row.starts = wish.starts;
    row.opens = wish.opens.filter(|_| wish.goal.want == Want::Present);
    row.rechecking = false;
}

/// Whether something that was begun for the old goal may still come about at Google: a run that was cut short while an account was being
/// made or was there, now or so lately that nobody has looked for long enough. Before the password is sealed no account is asked for.
fn is_unfinished(row: &Enrollment, now: Timestamp) -> bool {
    let asked_for = row.facts.account.is_some() || row.credential.is_some();
    let cut_short = row.has_begun() && row.state != State::Completed && asked_for;
    cut_short || row.facts.cut_short_at.is_some_and(|at| now < later(at, WATCHED))
}

pub(super) fn leaving(wish: &Wish, now: Timestamp, unfinished: bool) -> Option<Leaving> {
    (wish.goal.want == Want::Absent).then(|| Leaving {
        said_at: wish.said_at.unwrap_or(now),
        since: now,
        unfinished,
        never_started: wish.never_started,
    })
}
