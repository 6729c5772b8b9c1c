//! What arrived, counted. Not here: how it is asked for (`control`).

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Ports that the stand-in listens on: so many daemons can be told apart.
pub const DOORS: usize = 3;

/// Everything that is counted since the last reset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Calls by what they are.
    pub calls: BTreeMap<String, u64>,
    /// Accounts made.
    pub accounts: u64,
    /// Roles given to accounts: the last write of a pair of engineer and domain.
    pub roles: u64,
    /// Writes that had been done before.
    pub repeats: u64,
    /// The most calls that were under way at once.
    pub in_flight_max: u64,
    /// Calls under way now.
    pub in_flight: u64,
    /// Accounts made for an engineer who had one in that domain. Nothing else can be had twice: a licence or role that is there is refused.
    pub twice: u64,
    /// What came in at each port.
    pub doors: [Door; DOORS],
}

/// What came in at one port.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Door {
    /// Writes.
    pub writes: u64,
    /// Writes that had been done before, and were refused.
    pub repeats: u64,
    /// Calls under way now.
    pub in_flight: u64,
}

impl Counts {
    /// Nothing is counted any more but what is under way.
    pub fn afresh(&self) -> Self {
        let doors = self.doors.map(|door| Door { in_flight: door.in_flight, ..Door::default() });
        Self { in_flight: self.in_flight, doors, ..Self::default() }
    }

    /// A call has come in.
    pub fn begin(&mut self, door: usize) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
        self.doors[door].in_flight += 1;
    }

    /// A call is answered.
    pub fn end(&mut self, door: usize) {
        self.in_flight -= 1;
        self.doors[door].in_flight -= 1;
    }

    /// A write is refused, since it had been done before.
    pub fn repeat(&mut self, door: usize) {
        self.repeats += 1;
        self.doors[door].repeats += 1;
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// All calls but those for tokens.
    pub fn without_tokens(&self) -> u64 {
        self.total() - self.calls.get("token").copied().unwrap_or(0)
    }
}

/// Accounts that something was begun for and not ended when a process was killed, and that nobody has come back to yet.
#[derive(Debug, Default)]
pub struct Unfinished(pub BTreeSet<String>);
