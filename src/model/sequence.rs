//! Whether an event is missing in a source's own count (the CloudEvents extension `sequence`, where it is a number): a hole that nobody
//! fills. Events come by two queues and out of order, so a hole is given time before it counts. What one process has seen; pure.
//! Not here: the revisions of one engineer (`admission`), by which events are ordered.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Sources that are followed at most; of others nothing is said.
const SOURCES_MAX: usize = 100;

/// Numbers that are kept beyond a hole at most.
const AHEAD_MAX: usize = 2_000;

/// How long a hole may stay open.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The counts of all sources.
#[derive(Clone, Debug, Default)]
pub struct Sequences(BTreeMap<String, Count>);

/// Numbers that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

#[derive(Clone, Debug)]
struct Count {
    /// Everything up to here has come, was there before this process, or was given up.
    up_to: u64,
    /// What has come beyond the first hole.
    ahead: BTreeSet<u64>,
    /// Since when there is one.
    open_since: Timestamp,
}

impl Sequences {
    /// An event has come. Answers with the hole that is given up by it, each once. A text that is no number has no holes.
    pub fn note(&mut self, source: &str, sequence: &str, now: Timestamp) -> Option<Gap> {
        let digits = sequence.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = sequence.parse().ok().filter(|_| digits)?;
        if !self.0.contains_key(source) && self.0.len() >= SOURCES_MAX {
            return None;
        }
        let first = || Count { up_to: number, ahead: BTreeSet::new(), open_since: now };
        self.0.entry(source.to_owned()).or_insert_with(first).note(number, now)
    }
}

impl Count {
    fn note(&mut self, number: u64, now: Timestamp) -> Option<Gap> {
        if number > self.up_to {
            if self.ahead.is_empty() {
                self.open_since = now;
            }
            self.ahead.insert(number);
        }
        if self.close() {
            self.open_since = now;
        }
        let next = *self.ahead.first()?;
        let is_over = now.duration_since(self.open_since) >= PATIENCE || self.ahead.len() > AHEAD_MAX;
        if !is_over {
            return None;
        }
        let gap = Gap { first: self.up_to + 1, last: next - 1 };
        self.up_to = next - 1;
        self.close();
        self.open_since = now;
        Some(gap)
    }

    /// Goes on to the next hole; whether it went at all.
    fn close(&mut self) -> bool {
        let before = self.up_to;
        while self.ahead.first().is_some_and(|next| *next == self.up_to + 1) {
            self.ahead.pop_first();
            self.up_to += 1;
        }
        self.up_to > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each event is `number@minute`; what is expected are the holes, `first-last@number`.
    fn check(events: &str, expected: &[&str]) {
        let mut sequences = Sequences::default();
        let mut gaps = Vec::new();
        for event in events.split(' ') {
            let (number, minute) = event.split_once('@').unwrap();
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute.parse().unwrap());
            if let Some(Gap { first, last }) = sequences.note("hr", number, now) {
                gaps.push(format!("{first}-{last}@{number}"));
            }
        }
        assert_eq!(gaps, expected, "{events}");
    }

    #[test]
    fn only_a_hole_that_stays_is_told_and_only_once() {
        check("5@0 6@1 7@2", &[]);
        check("0005@0 0007@1 0006@2 0008@99", &[]);
        check("5@0 7@1 8@30 9@62 10@63 11@200", &["6-6@9"]);
        check("5@0 7@1 10@2 11@62 12@100 13@130", &["6-6@11", "8-9@13"]);
        check("5@0 3@1 4@2 5@3 6@99", &[]);
        check("5@0 900@1 6@2 901@62 902@63", &["7-899@901"]);
        check("a@0 c@99 -1@200 99999999999999999999999@300", &[]);
        check("18446744073709551614@0 18446744073709551615@99", &[]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut sequences = Sequences::default();
        let now = Timestamp::UNIX_EPOCH;
        sequences.note("hr", "0", now);
        let told = (0..5_000u64).filter_map(|n| sequences.note("hr", &(2 + 2 * n).to_string(), now)).count();
        assert_eq!(told, 5_000 - AHEAD_MAX);
        assert!(sequences.0["hr"].ahead.len() <= AHEAD_MAX);
        for source in 0..1_000 {
            sequences.note(&source.to_string(), "1", now);
        }
        assert_eq!(sequences.0.len(), SOURCES_MAX);
    }
}
