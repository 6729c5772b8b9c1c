//! What was found out about a reseller account by trying: how the free licence comes to an account, and since when a scope lacks.
//! Kept here as long as the process lives; the licence's part also in the account's row as a [`LicenseLesson`], so that the next
//! process need not find it out again.
//! Not here: the trying itself (`license`), and who writes the row (`engine/lesson`).

use crate::model::enrollment::LicenseLesson;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Refusals before "for ever" is believed (`docs/GOOGLE.md` 3). One counts if it is at least this part of the whole spacing after the
/// one counted before: a burst is one refusal.
const REFUSALS: u32 = 3;

/// How long it is believed that the licence comes with the site.
const SITE_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How long it is believed that it does not, after an assignment that worked. Without an end a customer whose licence comes with the
/// site from now on would never be found out.
const ASSIGNED_AGE_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An assignment that works so long after the one that is remembered is remembered instead: once a day, and not for each account.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What was found out about a reseller account by trying.
#[derive(Default)]
pub struct Learned {
    licensing: Mutex<Licensing>,
    /// Since when a scope that is needed lacks.
    lacking_since: Mutex<Option<Timestamp>>,
}

/// What the free licence's assignment has shown so far.
#[derive(Clone, Copy, Default)]
enum Licensing {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It was refused so often, first then, and counted last then.
    Refused { times: u32, first: Timestamp, counted: Timestamp },
    /// It was found out.
    Known(LicenseLesson),
}

/// What a refusal of the free licence teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// It will be refused for ever: the licence comes with the site.
    ForEver,
    /// It may be for ever, or a quota, or an outage.
    Doubt,
    /// It was assigned before, so this is a quota or an outage.
    Trouble,
}

impl Learned {
    /// Whether the free licence turned out to come by itself.
    pub fn is_site_licensed(&self, now: Timestamp) -> bool {
        matches!(self.licensing().lesson(now), Some(LicenseLesson::Site { .. }))
    }

    /// What is known, to be kept in the account's row.
    pub fn lesson(&self, now: Timestamp) -> Option<LicenseLesson> {
        self.licensing().lesson(now)
    }

    /// Takes over what an earlier process knew. What this one has seen itself counts for more.
    pub fn recall(&self, lesson: LicenseLesson) {
        let mut licensing = self.licensing();
        if matches!(*licensing, Licensing::Unknown) {
            *licensing = Licensing::Known(lesson);
        }
    }

    /// A licence was assigned, or found to be: whatever is refused from now on is trouble.
    pub fn license_worked(&self, now: Timestamp) {
        let mut licensing = self.licensing();
        let fresh = match licensing.lesson(now) {
            Some(LicenseLesson::Assigned { since }) => now.duration_since(since) < RENEWED_AFTER,
            Some(LicenseLesson::Site { .. }) | None => false,
        };
        if !fresh {
            *licensing = Licensing::Known(LicenseLesson::Assigned { since: now });
        }
    }

    /// The assignment was refused with the answer that may mean "for ever". That is believed when it has been refused, and never worked,
    /// often enough, with enough time in between, and over a long enough time.
    pub fn license_refused(&self, now: Timestamp, spacing: SignedDuration) -> Lesson {
        let mut licensing = self.licensing();
        match licensing.lesson(now) {
            Some(LicenseLesson::Assigned { .. }) => return Lesson::Trouble,
            // The answer to a call that was under way when it was found out unteaches nothing.
            Some(LicenseLesson::Site { .. }) => return Lesson::ForEver,
            None => (),
        }
        let gap = spacing / 3;
        let (times, first, counted) = match *licensing {
            Licensing::Refused { times, first, counted } if now.duration_since(counted) >= gap => {
                (times.saturating_add(1), first, now)
            }
            Licensing::Refused { times, first, counted } => (times, first, counted),
            Licensing::Unknown | Licensing::Known(_) => (1, now, now),
        };
        *licensing = Licensing::Refused { times, first, counted };
        let believed = times >= REFUSALS && now.duration_since(first) >= spacing;
        if believed { Lesson::ForEver } else { Lesson::Doubt }
    }

    /// Remembers that the free licence comes by itself, unless one was assigned meanwhile.
    pub fn note_site_licensed(&self, now: Timestamp) {
        let mut licensing = self.licensing();
        if licensing.lesson(now).is_none() {
            *licensing = Licensing::Known(LicenseLesson::Site { since: now });
        }
    }

    /// Every scope that is needed was had.
    pub fn scopes_work(&self) {
        *self.lacking_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A scope that is needed was refused; answers when that was first so.
    pub fn scopes_lack(&self, now: Timestamp) -> Timestamp {
        *self.lacking_since.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now)
    }

    fn licensing(&self) -> MutexGuard<'_, Licensing> {
        self.licensing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Licensing {
    /// What is believed now.
    fn lesson(self, now: Timestamp) -> Option<LicenseLesson> {
        let Self::Known(lesson) = self else { return None };
        is_believed(lesson, now).then_some(lesson)
    }
}

/// Whether a lesson still counts: none is for ever.
pub(super) fn is_believed(lesson: LicenseLesson, now: Timestamp) -> bool {
    let (since, age_max) = match lesson {
        LicenseLesson::Site { since } => (since, SITE_AGE_MAX),
        LicenseLesson::Assigned { since } => (since, ASSIGNED_AGE_MAX),
    };
    now.duration_since(since) < age_max
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: SignedDuration = SignedDuration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    /// Refusals at these seconds; whether the last one is believed.
    fn check(refused: &[i64], expected: Lesson) {
        let learned = Learned::default();
        let believed: Vec<Lesson> =
            refused.iter().map(|second| learned.license_refused(at(*second), SPACING)).collect();
        assert_eq!(believed.last(), Some(&expected), "{refused:?} {believed:?}");
    }

    /// Several rows ask at once: one finds it out, and the others hear "no" a moment later.
    #[test]
    fn a_refusal_that_comes_late_unteaches_nothing() {
        let learned = Learned::default();
        for second in [0, 10, 30] {
            learned.license_refused(at(second), SPACING);
        }
        learned.note_site_licensed(at(30));
        assert_eq!(learned.license_refused(at(30), SPACING), Lesson::ForEver);
        assert!(learned.is_site_licensed(at(31)));
        let day_later = at(30) + SITE_AGE_MAX;
        assert_eq!(learned.license_refused(day_later, SPACING), Lesson::Doubt, "found out anew");
    }

    #[test]
    fn a_refusal_is_believed_only_when_it_is_repeated_and_spaced() {
        check(&[0], Lesson::Doubt);
        check(&[0, 35], Lesson::Doubt);
        check(&[0, 1, 2], Lesson::Doubt);
        check(&[0, 1, 30], Lesson::Doubt);
        check(&[0, 29, 30], Lesson::Doubt);
        check(&[0, 10, 30], Lesson::ForEver);
        check(&[0, 9, 18, 27, 36], Lesson::ForEver);
    }

    #[test]
    fn a_lesson_fades() {
        let learned = Learned::default();
        learned.note_site_licensed(at(50));
        assert!(learned.is_site_licensed(at(60)));
        assert!(!learned.is_site_licensed(at(60) + SITE_AGE_MAX), "a lesson is not for ever");
    }

    #[test]
    fn an_assignment_that_worked_takes_every_doubt_away_for_a_month() {
        let learned = Learned::default();
        learned.note_site_licensed(at(0));
        learned.license_worked(at(0));
        assert!(!learned.is_site_licensed(at(1)));
        let hours_of_trouble = (0..1_000).map(|minute| at(60 * minute));
        for now in hours_of_trouble {
            assert_eq!(learned.license_refused(now, SPACING), Lesson::Trouble);
        }
        learned.note_site_licensed(at(70_000));
        assert!(!learned.is_site_licensed(at(70_001)));
        let month_later = at(0) + ASSIGNED_AGE_MAX;
        assert_eq!(learned.license_refused(month_later, SPACING), Lesson::Doubt, "found out anew");
    }

    #[test]
    fn an_assignment_is_remembered_anew_once_a_day() {
        let learned = Learned::default();
        let remembered = |now| {
            learned.license_worked(now);
            learned.lesson(now)
        };
        assert_eq!(remembered(at(0)), Some(LicenseLesson::Assigned { since: at(0) }));
        assert_eq!(remembered(at(3_600)), Some(LicenseLesson::Assigned { since: at(0) }));
        let next_day = at(0) + RENEWED_AFTER;
        assert_eq!(remembered(next_day), Some(LicenseLesson::Assigned { since: next_day }));
    }

    #[test]
    fn what_an_earlier_process_knew_counts_until_this_one_knows_better() {
        let site = LicenseLesson::Site { since: at(0) };
        let learned = Learned::default();
        learned.recall(site);
        assert_eq!(learned.lesson(at(1)), Some(site));
        assert_eq!(
            learned.lesson(at(0) + SITE_AGE_MAX),
            None,
            "and no longer than it would have counted there"
        );
        let learned = Learned::default();
        learned.license_worked(at(5));
        learned.recall(site);
        assert_eq!(learned.lesson(at(6)), Some(LicenseLesson::Assigned { since: at(5) }));
    }
}
