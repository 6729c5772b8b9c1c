//! What a run meets: where the process ends, and which of Google's answers goes wrong and how. Not here: the run itself (`stage`), and
//! which runs there are (`campaign`).

use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// What is lived through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Somebody joins.
    Joins,
    /// Somebody who has everything leaves.
    Leaves,
}

/// How an answer goes wrong. In all but the first three Google does what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 503, and nothing was done.
    Refused,
    /// 429, and nothing was done.
    Throttled,
    /// The connection broke before the request was read.
    Unreached,
    /// Done, and the connection broke.
    Lost,
    /// Done, and 500.
    Internal,
    /// Done, and 502 with a page.
    BadGateway,
    /// Done, and 503.
    Unavailable,
    /// Done, and 409.
    Conflict,
    /// Done, and the answer ends in the middle.
    Truncated,
    /// Done, and a page with 200.
    Page,
    /// Done, and another content type.
    WrongType,
    /// Done, and no answer comes.
    Hangs,
    /// A dead worker's call: done once its lease and its caller's patience are over, and nobody hears the answer.
    Late,
    /// The same after everything has settled.
    VeryLate,
}

impl Fault {
    pub const ALL: [Self; 14] = [
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
        Self::Late,
        Self::VeryLate,
    ];

    /// Whether it passes by itself: nobody may be asked for anything.
    pub fn passes(self) -> bool {
        match self {
            Self::Refused
            | Self::Throttled
            | Self::Unreached
            | Self::Lost
            | Self::Internal
            | Self::BadGateway
            | Self::Unavailable
            | Self::Truncated
            | Self::Hangs
            | Self::Late
            | Self::VeryLate => true,
            Self::Conflict | Self::Page | Self::WrongType => false,
        }
    }

    /// When a call reaches Google that nobody waits for any more.
    pub fn comes_after(self) -> Option<Duration> {
        match self {
            Self::Late => Some(Duration::from_secs(90)),
            Self::VeryLate => Some(Duration::from_mins(15)),
            Self::Refused
            | Self::Throttled
            | Self::Unreached
            | Self::Lost
            | Self::Internal
            | Self::BadGateway
            | Self::Unavailable
            | Self::Conflict
            | Self::Truncated
            | Self::Page
            | Self::WrongType
            | Self::Hangs => None,
        }
    }

    /// What the sandbox is told to do.
    fn action(self) -> Option<Value> {
        Some(match self {
            Self::Refused => json!({"fail_before": true, "status": 503}),
            Self::Throttled => json!({"fail_before": true, "status": 429}),
            Self::Unreached => json!({"fail_before": true, "reset": true}),
            Self::Lost => json!({"fail_after": true, "reset": true}),
            Self::Internal => json!({"fail_after": true, "status": 500}),
            Self::BadGateway => {
                json!({"fail_after": true, "status": 502, "body": "<html>Bad Gateway</html>"})
            }
            Self::Unavailable => json!({"fail_after": true, "status": 503}),
            Self::Conflict => json!({"fail_after": true, "status": 409}),
            Self::Truncated => json!({"truncate": true}),
            Self::Page => json!({"fail_after": true, "status": 200, "body": "<html>Sign in</html>"}),
            Self::WrongType => json!({"content_type": "text/plain"}),
            Self::Hangs => json!({"delay_ms": 600_000}),
            Self::Late | Self::VeryLate => return None,
        })
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub story: Story,
    /// The crash points at which the process ends, counted over all its lives, from 1.
    pub strikes: Vec<usize>,
    /// The call whose answer goes wrong, counted likewise.
    pub fault: Option<(usize, Fault)>,
}

impl Plan {
    pub fn quiet(story: Story) -> Self {
        Self { story, strikes: Vec::new(), fault: None }
    }

    /// The process ends at this point as well.
    pub fn struck(mut self, point: usize) -> Self {
        self.strikes.push(point);
        self
    }

    /// The rules that the sandbox gets.
    pub fn rules(&self) -> Value {
        let rule =
            |(call, fault): &(usize, Fault)| Some(json!({"match": {"nth": call}, "do": fault.action()?}));
        self.fault.iter().filter_map(rule).collect()
    }

    /// The same with one thing less.
    pub fn smaller(&self) -> Vec<Self> {
        let without_strike = (0..self.strikes.len()).map(|index| {
            let mut plan = self.clone();
            plan.strikes.remove(index);
            plan
        });
        let without_fault = self.fault.map(|_| Self { fault: None, ..self.clone() });
        without_strike.chain(without_fault).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}; the process ends at {:?}; goes wrong: {:?}", self.story, self.strikes, self.fault)
    }
}
