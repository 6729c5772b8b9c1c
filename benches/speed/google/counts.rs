//! What arrived, counted. Not here: how it is asked for (`control`).

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
}

impl Counts {
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
