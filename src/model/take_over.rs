//! How a row takes up another wish of HR's: beside a run that is under way, or at once. Pure. Not here: every other move (`transition`).

use super::enrollment::{At, Enrollment, Goal, Leaving, State, TargetKind, WATCHED, Want, Wish};
use super::plan::StepName;
use super::rules::later;
use super::transition::{Effect, Rejected, due_now, next_state};
use jiff::Timestamp;

impl Wish {
    /// The steps that are about something that has changed since the row heard of its goal. What comes into force under the revision that
    /// the row knows has changed in that one.
    pub fn changes(&self, known: Goal, kind: TargetKind) -> impl Iterator<Item = StepName> {
        let same = u64::from(self.goal.revision == known.revision);
        self.changed.since(known.revision.saturating_sub(same), kind)
    }
}

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
        for step in wish.changes(row.goal, row.id.kind()) {
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
    row.said_at = wish.said_at;
    row.cause = wish.cause;
    row.starts = wish.starts;
    row.opens = wish.opens.filter(|_| wish.goal.want == Want::Present);
    row.rechecking = false;
}

/// The lease is given back: the row is due at once, and no attempt is spent. What the run did is not known, so it stays counted.
pub(super) fn called_off(row: &mut Enrollment, at: At, now: Timestamp) -> (State, Option<Effect>) {
    let is_news = row.next.is_some();
    take_over(row, now);
    if is_news { next_state(row, now) } else { (due_now(at, now), None) }
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

#[cfg(test)]
mod tests {
    use super::super::statement::Changed;
    use super::*;
    use jiff::SignedDuration;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    fn wish((want, revision, said): (Want, u64, i64)) -> Wish {
        Wish { said_at: Some(hour(said)), ..Goal { want, revision }.into() }
    }

    /// The row and the wish are (what, by which revision, in force since which hour).
    #[test]
    fn a_row_takes_what_is_newer_and_nothing_that_is_older() {
        let (present, absent) = (Want::Present, Want::Absent);
        let check = |row: (Want, u64, i64), said: (Want, u64, i64), takes: bool| {
            let row = Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), wish(row), hour(0));
            assert_eq!(row.takes(&wish(said)), takes, "{row:?} {said:?}");
        };
        check((present, 1, 1), (present, 2, 2), true);
        check((present, 1, 1), (present, 1, 1), false);
        check((present, 2, 2), (present, 1, 1), false);
        check((present, 2, 2), (absent, 2, 2), true);
        check((absent, 2, 2), (present, 2, 2), false);
        // A return that was announced before the end that has come since.
        check((absent, 5, 5), (present, 4, 9), true);
        // What somebody read before the end came.
        check((absent, 5, 5), (present, 4, 4), false);
        // Another spell follows without a gap, under a revision that both share.
        check((present, 4, 4), (present, 4, 9), true);
        // A return that is held, which leaves room for its release.
        check((present, 4, 4), (absent, 3, 9), true);
        check((present, 4, 4), (absent, 3, 3), false);
    }

    /// A page that turns without a newer word of HR's changes what it changes.
    #[test]
    fn what_changes_under_the_same_revision_is_done_again() {
        let mut row =
            Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), wish((Want::Present, 4, 4)), hour(0));
        row.done = [StepName::Account, StepName::Role].into();
        let changed = Changed { profile: 4, ..Changed::default() };
        adopt(&mut row, Wish { changed, ..wish((Want::Present, 4, 9)) }).unwrap();
        take_over(&mut row, hour(9));
        assert_eq!(row.done, [StepName::Account].into());
        assert_eq!(row.said_at, Some(hour(9)));
    }
}
