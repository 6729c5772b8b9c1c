//! The forecast of seats: how many are used, who is known to come, and whether they will have room. Pure.
//! An estimate, since no API of Google tells how many seats are left (`docs/GOOGLE.md` 66); Google's own refusal is the last word.
//! Not here: counting (`steps/seats`), and what happens when the seats are used up (`wall`).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Seats that shall be left beyond those who are known to come; fewer is "low".
pub const SPARE: u32 = 3;

/// Who starts within this time counts as known to come.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What was counted at a reseller account, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCount {
    /// When; what could not be counted anew stays as it was then.
    pub counted_at: Timestamp,
    /// Accounts, suspended ones included: each has a seat.
    pub users: u32,
    /// Suspended ones among them.
    pub suspended: u32,
    /// Accounts deleted in the last 20 days: each keeps its seat so long.
    pub deleted: u32,
    /// Accounts that are wanted here and not made yet, of those who start within [`HORIZON`] or without a date.
    pub starters: u32,
    /// Seats that nobody has; unknown where the operator has not said how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u32>,
    /// They are not enough for the starters and [`SPARE`] more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub low: bool,
    /// They were enough when they were counted before, or nobody knew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub became_low: bool,
}

impl SeatCount {
    /// Draws the conclusions from a count. `before` is the one before it, `seats` what the operator said.
    #[must_use]
    pub fn concluded(self, seats: Option<u32>, before: Option<&Self>) -> Self {
        let remaining = seats.map(|seats| seats.saturating_sub(self.users.saturating_add(self.deleted)));
        let low = remaining.is_some_and(|remaining| remaining < self.starters.saturating_add(SPARE));
        let became_low = low && !before.is_some_and(|before| before.low);
        Self { remaining, low, became_low, ..self }
    }

    /// The same count once more, since nothing could be counted: it tells nothing new.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { became_low: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(users: u32, deleted: u32, starters: u32) -> SeatCount {
        SeatCount {
            counted_at: Timestamp::UNIX_EPOCH,
            users,
            suspended: 1,
            deleted,
            starters,
            remaining: None,
            low: false,
            became_low: false,
        }
    }

    /// Users, deleted ones and starters against the configured seats: what remains, and whether that is low.
    fn check(counted: (u32, u32, u32), seats: Option<u32>, expected: (Option<u32>, bool)) {
        let found = count(counted.0, counted.1, counted.2).concluded(seats, None);
        assert_eq!((found.remaining, found.low), expected, "{counted:?} of {seats:?}");
    }

    #[test]
    fn seats_are_low_when_the_starters_and_three_more_have_no_room() {
        check((40, 2, 5), Some(50), (Some(8), false));
        check((40, 3, 5), Some(50), (Some(7), true));
        check((48, 0, 0), Some(50), (Some(2), true));
        check((60, 5, 0), Some(50), (Some(0), true));
        check((60, 5, 9), None, (None, false));
        check((0, 0, u32::MAX), Some(u32::MAX), (Some(u32::MAX), false));
    }

    #[test]
    fn it_is_news_once_until_there_was_room_again() {
        let first = count(48, 0, 0).concluded(Some(50), None);
        let second = count(49, 0, 0).concluded(Some(50), Some(&first));
        let room = count(49, 0, 0).concluded(Some(80), Some(&second));
        let again = count(79, 0, 0).concluded(Some(80), Some(&room));
        let news = [first, first.kept(), second, room, again].map(|count| count.became_low);
        assert_eq!(news, [true, false, false, false, true]);
    }
}
