//! What a run meets: where the process ends, and which of Google's answers goes wrong and how. Not here: the run itself (`stage`).

use serde_json::{Value, json};
use std::fmt;

/// What is lived through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Somebody joins.
    Joins,
    /// Somebody who has everything leaves.
    Leaves,
}

/// How an answer goes wrong. In all but the first three Google has done what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Refused,
    Throttled,
    Unreached,
    Lost,
    Internal,
    BadGateway,
    Unavailable,
    Conflict,
    Truncated,
    Page,
    WrongType,
    Hangs,
}

impl Fault {
    pub const ALL: [Self; 12] = [
        Self::Refused,
        Self::Throttled,
        Self::Unreached,
        Self::Lost,
        Self::Internal,
        Self::BadGateway,
        Self::Unavailable,
        Self::Conflict,
        Self::Truncated,
        Self::Page,
        Self::WrongType,
        Self::Hangs,
    ];

    fn action(self) -> Value {
        match self {
            Self::Refused => json!({"fail_before": true, "status": 503}),
            Self::Throttled => json!({"fail_before": true, "status": 429}),
            Self::Unreached => json!({"fail_before": true, "reset": true}),
            Self::Lost => json!({"fail_after": true, "reset": true}),
            Self::Internal => json!({"fail_after": true, "status": 500}),
            Self::BadGateway => json!({"fail_after": true, "status": 502, "body": "<html>Bad Gateway</html>"}),
            Self::Unavailable => json!({"fail_after": true, "status": 503}),
            Self::Conflict => json!({"fail_after": true, "status": 409}),
            Self::Truncated => json!({"truncate": true}),
            Self::Page => json!({"fail_after": true, "status": 200, "body": "<html>Sign in</html>"}),
            Self::WrongType => json!({"content_type": "text/plain"}),
            Self::Hangs => json!({"delay_ms": 600_000}),
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub story: Story,
    /// The crash points at which the process ends, counted over all its lives.
    pub strikes: Vec<usize>,
    /// The calls whose answer goes wrong, counted likewise.
    pub faults: Vec<(usize, Fault)>,
}

impl Plan {
    pub fn quiet(story: Story) -> Self {
        Self { story, strikes: Vec::new(), faults: Vec::new() }
    }

    /// The rules that the sandbox gets.
    pub fn rules(&self) -> Value {
        let rule = |(call, fault): &(usize, Fault)| json!({"match": {"nth": call}, "do": fault.action()});
        self.faults.iter().map(rule).collect()
    }

    /// The same with one thing less.
    pub fn smaller(&self) -> Vec<Self> {
        let without_strike = (0..self.strikes.len()).map(|index| {
            let mut plan = self.clone();
            plan.strikes.remove(index);
            plan
        });
        let without_fault = (0..self.faults.len()).map(|index| {
            let mut plan = self.clone();
            plan.faults.remove(index);
            plan
        });
        without_strike.chain(without_fault).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, the process ends at {:?}, answers go wrong: {:?}", self.story, self.strikes, self.faults)
    }
}
