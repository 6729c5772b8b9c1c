//! The limit on grants (guard 5): how many engineers may be given access in an hour and in a day before a person has to agree.
//! A grant is one engineer, not one domain: what a flood of forged events would do is let many people in. Pure.
//! Not here: who is asked and releases (`engine/orders`).

use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantLimits {
    /// Engineers in any hour.
    pub per_hour: u32,
    /// Engineers in any day.
    pub per_day: u32,
}

/// The grants of the last day.
#[derive(Clone, Debug, Default)]
pub struct GrantWindow {
    granted: VecDeque<Timestamp>,
}

impl GrantWindow {
    /// Takes a grant if both limits allow one.
    pub fn take(&mut self, limits: GrantLimits, now: Timestamp) -> bool {
        self.forget_before(now - SignedDuration::from_hours(24));
        let hour_ago = now - SignedDuration::from_hours(1);
        let in_hour = self.granted.iter().filter(|at| **at > hour_ago).count();
        let allowed = in_hour < limits.per_hour as usize && self.granted.len() < limits.per_day as usize;
        if allowed {
            self.note(now);
        }
        allowed
    }

    /// Counts a grant that was made before, or by a person.
    pub fn note(&mut self, at: Timestamp) {
        let place = self.granted.partition_point(|earlier| *earlier <= at);
        self.granted.insert(place, at);
    }

    /// Gives a grant back that came to nothing.
    pub fn give_back(&mut self, at: Timestamp) {
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

    #[test]
    fn both_limits_hold_and_time_opens_them_again() {
        let limits = GrantLimits { per_hour: 2, per_day: 3 };
        let mut window = GrantWindow::default();
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let taken = |window: &mut GrantWindow, minutes| window.take(limits, at(minutes));
        assert!(taken(&mut window, 0) && taken(&mut window, 10));
        assert!(!taken(&mut window, 59), "a third in the hour");
        assert!(taken(&mut window, 61), "the first hour is over");
        assert!(!taken(&mut window, 600), "a fourth in the day");
        assert!(taken(&mut window, 24 * 60 + 1), "the first is a day old");
        window.give_back(at(24 * 60 + 1));
        assert!(taken(&mut window, 24 * 60 + 2), "one was given back");
    }
}
