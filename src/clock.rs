//! What time it is: the only place in the house that may ask. Everything else is handed a time, or a [`Clock`].
//! Not here: durations, which are measured with tokio's `Instant`, when the machine's time is believed (`steady`), and the sandbox's clock.

mod steady;

pub use steady::{Belief, Steady};

use crate::planted::planted;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long to sleep at most before looking at the clock again: it may have been set, or the machine asleep.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// The system's clock, one that a test moves by hand, or one that goes with tokio's time. Copies show the same time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's own clock.
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<watch::Sender<Timestamp>>),
    /// A clock that showed the first at the second, and goes with tokio's time, which a paused test makes jump.
    Following(Timestamp, Instant),
    /// A following clock that somebody sets: so many milliseconds ahead of it.
    Set(Timestamp, Instant, Arc<AtomicI64>),
    /// A clock that goes on by itself whatever becomes of the one below it, and follows that only when Google agrees.
    Steady(Arc<Steady>),
}

impl Clock {
    /// A clock that shows `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(to_millisecond(start))))
    }

    /// A clock that shows `start` now and goes with tokio's time.
    pub fn following(start: Timestamp) -> Self {
        Self::Following(to_millisecond(start), Instant::now())
    }

    /// A following clock, and the hand that sets it: the milliseconds that it is ahead.
    pub fn set_by_hand(start: Timestamp) -> (Self, Arc<AtomicI64>) {
        let hand = Arc::<AtomicI64>::default();
        (Self::Set(to_millisecond(start), Instant::now(), Arc::clone(&hand)), hand)
    }

    /// A steady clock over another one.
    pub fn steady(below: Self) -> Self {
        Self::Steady(Arc::new(Steady::over(below)))
    }

    /// Whether what happens at a date may happen: Google's clock has agreed with this one. Clocks without a second opinion are believed.
    pub fn is_believed(&self) -> bool {
        match self {
            Self::System | Self::Manual(_) | Self::Following(..) | Self::Set(..) => true,
            Self::Steady(steady) => {
                matches!(steady.belief().belief, Belief::Right) || planted!(AnyClockBelieved)
            }
        }
    }

    /// The steady clock, if it is one.
    pub fn as_steady(&self) -> Option<&Arc<Steady>> {
        match self {
            Self::System | Self::Manual(_) | Self::Following(..) | Self::Set(..) => None,
            Self::Steady(steady) => Some(steady),
        }
    }

    /// What is to be told Google's time, where this clock takes a second opinion.
    pub fn listener(&self) -> Option<Arc<dyn Fn(Timestamp) + Send + Sync>> {
        let steady = Arc::clone(self.as_steady()?);
        Some(Arc::new(move |google| steady.hear(google)))
    }

    /// The time, rounded down to a millisecond: what is stored and read back compares equal.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => to_millisecond(system_now()),
            Self::Manual(time) => *time.borrow(),
            // The end of time is where a clock stops.
            Self::Following(start, since) => {
                to_millisecond(start.checked_add(since.elapsed()).unwrap_or(Timestamp::MAX))
            }
            Self::Set(start, since, hand) => {
                let ahead = SignedDuration::from_millis(hand.load(Ordering::Relaxed));
                let shown = start.checked_add(since.elapsed()).and_then(|now| now.checked_add(ahead));
                to_millisecond(shown.unwrap_or(Timestamp::MAX))
            }
            Self::Steady(steady) => to_millisecond(steady.now()),
        }
    }

    /// Returns once the clock shows `at` or later; at once when it does already. May be dropped at any time.
    ///
    /// Under tokio's paused time use a manual or a following clock: the system's goes on while tokio's jumps.
    pub async fn sleep_until(&self, at: Timestamp) {
        match self {
            Self::System | Self::Following(..) | Self::Set(..) | Self::Steady(_) => {
                while let Some(left) = time_left(self.now(), at) {
                    tokio::time::sleep(left.min(LOOK_AGAIN)).await;
                }
            }
            Self::Manual(time) => {
                // It cannot be closed while this clock holds the sender.
                let _reached = time.subscribe().wait_for(|now| *now >= at).await.is_ok();
            }
        }
    }

    /// Moves a manual clock forward and wakes whoever sleeps until then.
    ///
    /// # Panics
    /// On the system's clock, and past the end of time (year 9999).
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).expect("less than the age of the universe");
        self.hand().send_modify(|now| {
            *now = to_millisecond(now.checked_add(by).expect("before the year 9999"));
        });
    }

    /// Sets a manual clock, also backwards, and wakes whoever sleeps until then.
    ///
    /// # Panics
    /// On the system's clock.
    pub fn set(&self, to: Timestamp) {
        self.hand().send_replace(to_millisecond(to));
    }

    fn hand(&self) -> &watch::Sender<Timestamp> {
        let hand = match self {
            Self::System | Self::Following(..) | Self::Set(..) | Self::Steady(_) => None,
            Self::Manual(time) => Some(time),
        };
        hand.expect("only a manual clock is moved by hand")
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock is the one place that reads the time")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

fn to_millisecond(time: Timestamp) -> Timestamp {
    let down = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
    time.round(down).expect("a millisecond divides a day, and no time is that close to its first moment")
}

/// What is left until then; nothing when it is reached.
fn time_left(now: Timestamp, at: Timestamp) -> Option<Duration> {
    Duration::try_from(at.duration_since(now)).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_for_all_copies() {
        let clock = Clock::manual(at("2026-11-22T10:00:00.123987Z"));
        let copy = clock.clone();
        assert_eq!(copy.now(), at("2026-11-22T10:00:00.123Z"));
        clock.advance(Duration::from_millis(877));
        assert_eq!(copy.now(), at("2026-11-22T10:00:01Z"));
        clock.set(at("2026-11-01T00:00:00.0009Z"));
        assert_eq!(copy.now(), at("2026-11-01T00:00:00Z"));
    }

    #[test]
    fn times_are_rounded_down_on_both_sides_of_the_epoch() {
        for (given, expected) in [
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("1970-01-01T00:00:00.0019Z", "1970-01-01T00:00:00.001Z"),
        ] {
            assert_eq!(to_millisecond(at(given)), at(expected));
        }
        let now = Clock::System.now();
        assert_eq!(now.subsec_nanosecond() % 1_000_000, 0);
        assert!(now > at("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn a_sleeper_wakes_when_the_manual_clock_arrives() {
        let clock = Clock::manual(at("2026-11-22T10:00:00Z"));
        let mut sleeping = pin!(clock.sleep_until(at("2026-11-22T10:00:02Z")));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(sleeping.as_mut().poll(&mut cx), Poll::Pending);
        clock.advance(Duration::from_millis(1999));
        assert_eq!(sleeping.as_mut().poll(&mut cx), Poll::Pending);
        clock.advance(Duration::from_millis(1));
        assert_eq!(sleeping.as_mut().poll(&mut cx), Poll::Ready(()));
    }

    #[tokio::test]
    async fn the_past_needs_no_sleep_and_the_near_future_comes() {
        let begun = Clock::System.now();
        Clock::System.sleep_until(begun).await;
        Clock::System.sleep_until(at("1999-01-01T00:00:00Z")).await;
        let soon = begun.checked_add(Duration::from_millis(20)).unwrap();
        Clock::System.sleep_until(soon).await;
        assert!(Clock::System.now() >= soon);
    }

    #[tokio::test(start_paused = true)]
    async fn a_following_clock_jumps_with_tokios_time() {
        let clock = Clock::following(at("2026-11-22T10:00:00Z"));
        clock.sleep_until(at("2026-11-23T10:00:00Z")).await;
        assert_eq!(clock.now(), at("2026-11-23T10:00:00Z"));
    }

    #[test]
    #[should_panic(expected = "only a manual clock")]
    fn the_system_clock_is_not_moved() {
        Clock::System.advance(Duration::ZERO);
    }
}
