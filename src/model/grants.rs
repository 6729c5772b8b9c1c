//! The limits on grants (guard 5): how many engineers may be given access in an hour and in a day before a person has to agree, in all
//! and by the word of one source, so that one HR system's flood leaves the others their room. A grant is one engineer, not one domain:
//! what a flood of forged events would do is let many people in. Pure. Not here: who is asked and releases (`engine/orders`).

use crate::planted::planted;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantLimits {
    /// Engineers in any hour.
    pub per_hour: u32,
    /// Engineers in any day.
    pub per_day: u32,
}

impl GrantLimits {
    /// Limits that nobody meets.
    pub const NONE: Self = Self { per_hour: u32::MAX, per_day: u32::MAX };
}

/// The limits on grants of all, and on those by the word of each source alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantRoom {
    /// For all.
    pub all: GrantLimits,
    /// For each source.
    pub each: GrantLimits,
}

/// One grant, as a commit gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The source of the event behind it.
    pub source: String,
    /// When it is given.
    pub at: Timestamp,
    /// What it has to fit into; none where a person has agreed.
    pub room: Option<GrantRoom>,
}

impl Grant {
    /// Whether it fits into its limits. `count` tells the grants later than a time, of all or of one source; those that a clock was ahead
    /// for are counted too, so that no hour and no day has more than its limit whoever's clock it is measured by. Errors: those of `count`.
    pub fn fits<E>(
        &self,
        mut count: impl FnMut(Option<&str>, Timestamp) -> Result<u32, E>,
    ) -> Result<bool, E> {
        let Some(GrantRoom { all, each }) = self.room else { return Ok(true) };
        for (source, limits) in [(None, all), (Some(self.source.as_str()), each)] {
            for (hours, limit) in [(1, limits.per_hour), (24, limits.per_day)] {
                if limit < u32::MAX && count(source, self.at - SignedDuration::from_hours(hours))? >= limit {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The grants of the last day, of all and by the source of the event behind each. A source without any is not kept.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    all: GrantWindow,
    by_source: BTreeMap<String, GrantWindow>,
}

impl Grants {
    /// Takes a grant if both the limits for all and those for each source allow one.
    pub fn take(&mut self, all: GrantLimits, each: GrantLimits, source: &str, now: Timestamp) -> bool {
        self.forget_before(now - SignedDuration::from_hours(24));
        let of_source = self.by_source.get(source).is_none_or(|window| window.has_room(each, now));
        let any = each.per_hour > 0 && each.per_day > 0;
        let allowed = any && of_source && self.all.has_room(all, now) || planted!(GrantsUncounted);
        if allowed {
            self.note(source, now);
        }
        allowed
    }

    /// Counts a grant that was made before, or by a person.
    pub fn note(&mut self, source: &str, at: Timestamp) {
        self.all.note(at);
        self.by_source.entry(source.to_owned()).or_default().note(at);
    }

    /// Gives a grant back that came to nothing.
    pub fn give_back(&mut self, source: &str, at: Timestamp) {
        self.all.give_back(at);
        if let Some(window) = self.by_source.get_mut(source) {
            window.give_back(at);
        }
    }

    fn forget_before(&mut self, limit: Timestamp) {
        self.all.forget_before(limit);
        self.by_source.retain(|_, window| {
            window.forget_before(limit);
            !window.granted.is_empty()
        });
    }
}

/// Grants of the last day, the oldest first.
#[derive(Clone, Debug, Default)]
struct GrantWindow {
    granted: VecDeque<Timestamp>,
}

impl GrantWindow {
    /// Whether there is room for one more; what is older than a day must have been forgotten.
    fn has_room(&self, limits: GrantLimits, now: Timestamp) -> bool {
        let hour_ago = now - SignedDuration::from_hours(1);
        let before = self.granted.partition_point(|at| *at <= hour_ago);
        let fits = |count: usize, limit: u32| u32::try_from(count).is_ok_and(|count| count < limit);
        fits(self.granted.len() - before, limits.per_hour) && fits(self.granted.len(), limits.per_day)
    }

    fn note(&mut self, at: Timestamp) {
        let place = self.granted.partition_point(|earlier| *earlier <= at);
        self.granted.insert(place, at);
    }

    fn give_back(&mut self, at: Timestamp) {
        if let Some(place) = self.granted.iter().position(|taken| *taken == at) {
            self.granted.remove(place);
        }
    }

    fn forget_before(&mut self, limit: Timestamp) {
        while self.granted.front().is_some_and(|at| *at <= limit) {
            self.granted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn both_limits_hold_and_time_opens_them_again() {
        let limits = GrantLimits { per_hour: 2, per_day: 3 };
        let mut grants = Grants::default();
        let taken = |grants: &mut Grants, minutes| grants.take(limits, GrantLimits::NONE, "hr", at(minutes));
        assert!(taken(&mut grants, 0) && taken(&mut grants, 10));
        assert!(!taken(&mut grants, 59), "a third in the hour");
        assert!(taken(&mut grants, 61), "the first hour is over");
        assert!(!taken(&mut grants, 600), "a fourth in the day");
        assert!(taken(&mut grants, 24 * 60 + 1), "the first is a day old");
        grants.give_back("hr", at(24 * 60 + 1));
        assert!(taken(&mut grants, 24 * 60 + 2), "one was given back");
    }

    #[test]
    fn each_source_has_a_room_of_its_own_within_that_of_all() {
        let (all, each) = (GrantLimits { per_hour: 5, per_day: 9 }, GrantLimits { per_hour: 3, per_day: 4 });
        let mut grants = Grants::default();
        let mut check = |source: &str, minutes: i64, times: usize, expected: usize| {
            let taken = (0..times).filter(|_| grants.take(all, each, source, at(minutes))).count();
            assert_eq!(taken, expected, "{source} at {minutes}");
        };
        check("flood", 0, 300, 3);
        check("other", 1, 1, 1);
        check("third", 2, 3, 1);
        check("flood", 61, 9, 1);
        check("other", 62, 9, 3);
        check("flood", 24 * 60 + 1, 9, 3);
        grants.forget_before(at(3 * 24 * 60));
        assert!(grants.by_source.is_empty(), "what is over is not kept");
        assert!(!grants.take(all, GrantLimits { per_hour: 0, per_day: 1 }, "none", at(5 * 24 * 60)));
    }
}
