//! A clock that nobody sets by accident. It shows the machine's time of its start and goes on by the time that has passed since, so a machine
//! whose clock jumps, stands still or goes back changes nothing here. Google's answers say what time it is there, which is a second opinion
//! that costs nothing: the machine's clock is followed where Google agrees with it. Where Google agrees with neither, time is counted from
//! Google's word, so that what is stored has true times, and what happens at a date waits until two clocks agree again.
//! Not here: what waits (`engine/dated`).

use super::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// Two clocks agree that are no further apart. Google itself refuses tokens of a clock that is further off (`docs/GOOGLE.md` 62).
const AGREE: SignedDuration = SignedDuration::from_mins(5);

/// A machine's clock that is further from this one was set, or the machine has slept: Google is asked.
const JUMP: SignedDuration = SignedDuration::from_mins(1);

/// What is known of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// Google has not said anything yet.
    Unknown,
    /// Google agrees.
    Right,
    /// Google has contradicted it, and the machine does not agree with Google yet.
    Wrong {
        /// How far the machine's clock is ahead of Google's.
        ahead: SignedDuration,
    },
}

/// A belief, and the one thing that may have happened to the clock with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Believed {
    /// What is known.
    pub belief: Belief,
    /// How often the clock was set by more than a minute, to follow the machine's or Google's.
    pub set: u64,
}

/// The clock.
#[derive(Debug)]
pub struct Steady {
    below: Clock,
    counted: Mutex<Counted>,
    believed: watch::Sender<Believed>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    at: Timestamp,
    since: Instant,
    /// It is Google's word, and nobody else's.
    is_borrowed: bool,
}

/// What a second opinion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// The machine's clock is right: it is followed.
    Machine,
    /// This one is, and the machine's is not.
    Own,
    /// Google's word stands alone.
    Google,
}

impl Steady {
    /// A clock that begins with what the one below it shows.
    pub fn over(below: Clock) -> Self {
        let counted = Counted { at: below.now(), since: Instant::now(), is_borrowed: false };
        let believed = watch::Sender::new(Believed { belief: Belief::Unknown, set: 0 });
        Self { below, counted: Mutex::new(counted), believed }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let Counted { at, since, .. } = *self.counted();
        at.checked_add(since.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// What is known of it.
    pub fn belief(&self) -> Believed {
        *self.believed.borrow()
    }

    /// The same, for whoever wants to hear of changes.
    pub fn beliefs(&self) -> watch::Receiver<Believed> {
        self.believed.subscribe()
    }

    /// How far the machine's clock is ahead of this one, if it was set or the machine has slept.
    pub fn jumped(&self) -> Option<SignedDuration> {
        let ahead = self.below.now().duration_since(self.now());
        (ahead.abs() > JUMP).then_some(ahead)
    }

    /// Google says that it is this time now.
    pub fn hear(&self, google: Timestamp) {
        let (own, machine) = (self.now(), self.below.now());
        let judged = judge(own, machine, google, self.counted().is_borrowed);
        let (at, belief) = match judged {
            Judged::Machine => (machine, Belief::Right),
            Judged::Own => (own, Belief::Right),
            Judged::Google => (google, Belief::Wrong { ahead: machine.duration_since(google) }),
        };
        *self.counted() = Counted { at, since: Instant::now(), is_borrowed: judged == Judged::Google };
        let set = at.duration_since(own).abs() > JUMP;
        self.believed.send_if_modified(|before| {
            let news = set || !same(before.belief, belief);
            let set = before.set + u64::from(set);
            // A difference is told once, and not each time that it is a second more.
            *before = Believed { belief: if news { belief } else { before.belief }, set };
            news
        });
    }

    /// In words for an operator, and whether it is well.
    pub fn in_words(&self) -> (bool, String) {
        let jumped =
            self.jumped().map(|ahead| words(ahead, "this machine's clock is", "what carepass counts"));
        match self.belief().belief {
            Belief::Unknown => (true, "Google has not said the time yet; until then nothing happens that has a date".to_owned()),
            Belief::Right => (true, jumped.map_or_else(String::new, |jumped| {
                format!("{jumped}, which is right by Google's clock: set the machine's before carepass is started again")
            })),
            Belief::Wrong { ahead } => {
                let how = words(ahead, "this machine's clock is", "Google's");
                (false, format!("{how}: nothing happens that has a date (employments that begin or end, deletions) until they agree; set the machine's clock"))
            }
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(own: Timestamp, machine: Timestamp, google: Timestamp, is_borrowed: bool) -> Judged {
    let agrees = |with: Timestamp| with.duration_since(google).abs() <= AGREE;
    if agrees(machine) {
        Judged::Machine
    } else if agrees(own) && !is_borrowed {
        Judged::Own
    } else {
        Judged::Google
    }
}

/// Two wrong beliefs are one piece of news.
fn same(one: Belief, other: Belief) -> bool {
    match (one, other) {
        (Belief::Unknown, Belief::Unknown) | (Belief::Right, Belief::Right) => true,
        (Belief::Wrong { ahead: one }, Belief::Wrong { ahead: other }) => (one - other).abs() <= AGREE,
        (Belief::Unknown | Belief::Right | Belief::Wrong { .. }, _) => false,
    }
}

fn words(ahead: SignedDuration, which: &str, than: &str) -> String {
    let way = if ahead.is_negative() { "behind" } else { "ahead of" };
    let minutes = ahead.abs().as_mins();
    let how_far = match minutes {
        0..=119 => format!("{minutes} minutes"),
        120..=2_879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    };
    format!("{which} {how_far} {way} {than}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn noon() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    fn after(ms: i64) -> Timestamp {
        noon() + SignedDuration::from_millis(ms)
    }

    #[test]
    fn two_of_three_clocks_decide() {
        let check = |own: i64, machine: i64, google: i64, expected: Judged| {
            let judged = |is_borrowed| judge(after(own), after(machine), after(google), is_borrowed);
            assert_eq!(judged(false), expected, "{own} {machine} {google}");
            let alone = if expected == Judged::Own { Judged::Google } else { expected };
            assert_eq!(judged(true), alone, "Google does not agree with itself: {own} {machine} {google}");
        };
        check(0, 0, 0, Judged::Machine);
        check(0, 0, 5 * MINUTE, Judged::Machine);
        check(0, 0, 6 * MINUTE, Judged::Google);
        check(0, 60 * MINUTE, 0, Judged::Own);
        check(0, 60 * MINUTE, 60 * MINUTE, Judged::Machine);
        check(3_650 * DAY, 3_650 * DAY, 0, Judged::Google);
        check(0, -DAY, 3 * DAY, Judged::Google);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_whose_clock_is_set_is_followed_when_google_agrees() {
        for jump in [60 * MINUTE, -60 * MINUTE, DAY, -DAY, 3_650 * DAY, -3_650 * DAY] {
            let (machine, hand) = Clock::set_by_hand(noon());
            let steady = Steady::over(machine);
            assert_eq!(steady.belief().belief, Belief::Unknown);
            steady.hear(noon());
            hand.store(jump, Ordering::Relaxed);
            tokio::time::advance(Duration::from_secs(10)).await;
            assert_eq!(steady.now(), after(10_000), "it goes on");
            assert_eq!(steady.jumped(), Some(SignedDuration::from_millis(jump)));
            steady.hear(after(10_000));
            assert_eq!(
                (steady.belief().belief, steady.now()),
                (Belief::Right, after(10_000)),
                "Google agrees with it"
            );
            assert!(steady.in_words().1.contains("this machine's clock is"), "{:?}", steady.in_words());
            steady.hear(after(jump + 10_000));
            assert_eq!(
                (steady.belief().set, steady.now()),
                (1, after(jump + 10_000)),
                "the machine was right"
            );
            assert_eq!((steady.jumped(), steady.in_words()), (None, (true, String::new())));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_with_a_wrong_clock_is_known_by_googles_first_word() {
        for wrong in [60 * MINUTE, -DAY, 3_650 * DAY] {
            let (machine, hand) = Clock::set_by_hand(noon());
            hand.store(wrong, Ordering::Relaxed);
            let clock = Clock::steady(machine);
            let steady = clock.as_steady().unwrap();
            assert!(!clock.is_believed());
            steady.hear(noon());
            assert_eq!(steady.belief().belief, Belief::Wrong { ahead: SignedDuration::from_millis(wrong) });
            assert_eq!((clock.now(), clock.is_believed()), (noon(), false), "what is stored has true times");
            steady.hear(noon());
            assert_eq!(
                (clock.is_believed(), steady.belief().set),
                (false, 1),
                "Google alone is nobody's second opinion"
            );
            let (well, said) = steady.in_words();
            assert!(!well && said.contains("set the machine's clock"), "{said}");
            hand.store(0, Ordering::Relaxed);
            assert!(!clock.is_believed(), "nobody has said so yet");
            steady.hear(noon());
            assert_eq!((clock.now(), clock.is_believed()), (noon(), true));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_whose_clock_stands_still_is_not_waited_for() {
        let machine = Clock::manual(noon());
        let steady = Steady::over(machine);
        for minute in 1..=120 {
            tokio::time::advance(Duration::from_mins(1)).await;
            steady.hear(after(minute * MINUTE));
            let behind = after(minute * MINUTE).duration_since(steady.now());
            assert!(behind <= AGREE, "{minute}: {behind:?}");
            assert_eq!(steady.belief().belief, Belief::Right);
        }
    }
}
