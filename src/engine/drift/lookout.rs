//! When a reseller account is to be looked at for what others have changed: by the clock, soon after a failure, or because a person asked.
//! Not here: the look itself (`engine/drift`).

use crate::model::drift::Drift;
use crate::model::id::ResellerName;
use crate::model::rules::{later, part_of};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Accounts that are looked at side by side.
const SIDE_BY_SIDE: usize = 4;

/// Where nobody looks by the clock, a look that a person asked for and that failed is tried again as if it were so long.
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An account that was never looked at has its first look within this part of the time between two.
const FIRST_PART: i32 = 48;

/// After a look that failed the next one comes after this part of the time between two.
const RETRY_PART: i32 = 24;

/// When each account is to be looked at.
pub(in crate::engine) struct Lookouts {
    by_reseller: Mutex<BTreeMap<ResellerName, Lookout>>,
    /// Somebody wants to see an account at once.
    pub(super) moved: Notify,
    /// Looks that may be under way.
    pub(super) room: Semaphore,
}

/// When one account is to be looked at, beside what its row says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lookout {
    /// When it was first seen not to have been looked at.
    pub(super) since: Option<Timestamp>,
    /// When it was last tried.
    pub(super) tried: Option<Timestamp>,
    /// A look is under way, or waits for room.
    pub(super) is_looking: bool,
}

impl Default for Lookouts {
    fn default() -> Self {
        Self { by_reseller: Mutex::default(), moved: Notify::new(), room: Semaphore::new(SIDE_BY_SIDE) }
    }
}

impl Lookouts {
    /// By account.
    pub(super) fn of(&self) -> MutexGuard<'_, BTreeMap<ResellerName, Lookout>> {
        self.by_reseller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookout {
    /// Whether the account is to be looked at now. A clock that was set back does not put it off.
    pub(super) fn is_due(
        &mut self,
        name: &ResellerName,
        kept: Option<&Drift>,
        every: Option<SignedDuration>,
        now: Timestamp,
    ) -> bool {
        let again = kept.and_then(|kept| kept.look_again).filter(|at| *at <= now);
        // A person who wants it now is not told to wait because a look failed before.
        if again.is_some_and(|at| self.tried.is_none_or(|tried| tried < at)) {
            return true;
        }
        let pause = every.unwrap_or(DAY) / RETRY_PART;
        if self.tried.is_some_and(|tried| tried <= now && now.duration_since(tried) < pause) {
            return false;
        }
        match (kept, every) {
            // The time between two may have become shorter.
            (Some(kept), Some(every)) => {
                again.is_some() || now >= later(kept.checked_at, every) || kept.checked_at > now
            }
            (Some(_), None) => again.is_some(),
            (None, Some(every)) => {
                let since = *self.since.get_or_insert(now);
                let first = every / FIRST_PART;
                since > now || now >= later(since, first / 5 + part_of(name.as_str(), first - first / 5))
            }
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn an_account_is_looked_at_once_a_day_and_again_soon_after_a_failure() {
        let name: ResellerName = "nordic-se".parse().unwrap();
        let kept = |checked: i64, again: i64| Drift {
            checked_at: at(checked),
            look_again: Some(at(again)),
            findings: Vec::new(),
            counts: BTreeMap::new(),
            accepted: BTreeSet::new(),
            mended: Vec::new(),
        };
        let check = |lookout: Lookout, kept: Option<&Drift>, now: i64, expected: bool| {
            let due = { lookout }.is_due(&name, kept, Some(DAY), at(now));
            assert_eq!(due, expected, "{lookout:?} {kept:?} at {now}");
        };
        let fresh = Lookout::default();
        check(fresh, None, 0, false);
        check(Lookout { since: Some(at(0)), ..fresh }, None, 5, false);
        check(Lookout { since: Some(at(0)), ..fresh }, None, 30, true);
        check(Lookout { since: Some(at(60)), ..fresh }, None, 30, true);
        check(fresh, Some(&kept(0, 1_400)), 1_399, false);
        check(fresh, Some(&kept(0, 1_400)), 1_400, true);
        check(fresh, Some(&kept(0, 9_000)), 24 * 60, true);
        check(fresh, Some(&kept(100, 1_500)), 50, true);
        let tried = Lookout { tried: Some(at(1_400)), ..fresh };
        check(tried, Some(&kept(0, 1_400)), 1_459, false);
        check(tried, Some(&kept(0, 1_400)), 1_460, true);
        // A person has asked for it since the try that failed.
        check(tried, Some(&kept(0, 1_401)), 1_401, true);
        let by_hand =
            |lookout: Lookout, kept: Option<&Drift>| { lookout }.is_due(&name, kept, None, at(1_401));
        let nobody_asks = Drift { look_again: None, ..kept(0, 0) };
        assert!(!by_hand(fresh, None) && !by_hand(fresh, Some(&nobody_asks)));
        assert!(by_hand(fresh, Some(&kept(0, 1_401))) && by_hand(tried, Some(&kept(0, 1_401))));
        assert!(!by_hand(Lookout { tried: Some(at(1_401)), ..fresh }, Some(&kept(0, 1_401))));
    }
}
