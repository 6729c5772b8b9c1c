//! The world outside that outcomes are told to, and what a run has met. Not here: what was to be told (`verdict`).

use super::nastiness::Nastiness;
use carepass::engine::{OutcomeEvent, OutcomeSink, SinkError};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::{Mutex, MutexGuard};

/// What the histories met.
#[derive(Debug, Default)]
pub struct Stats {
    pub kills: u64,
    pub zombies: u64,
    pub faults: u64,
    pub stale: u64,
    pub late: u64,
    pub unconfirmed: u64,
    pub waits: u64,
    /// Looks at what waits for a person, and the rows that were shown.
    pub boards: u64,
    pub on_boards: u64,
    /// Looks at how many stand where.
    pub numbers: u64,
    /// The most calls in an hour, for each engineer and domain.
    pub calls_an_hour: u64,
    pub nastiness: Nastiness,
}

impl Stats {
    pub fn add(&mut self, more: &Self) {
        let Self {
            kills,
            zombies,
            faults,
            stale,
            late,
            unconfirmed,
            waits,
            boards,
            on_boards,
            numbers,
            calls_an_hour,
            nastiness,
        } = more;
        self.kills += kills;
        self.zombies += zombies;
        self.faults += faults;
        self.stale += stale;
        self.late += late;
        self.unconfirmed += unconfirmed;
        self.waits += waits;
        self.boards += boards;
        self.on_boards += on_boards;
        self.numbers += numbers;
        self.calls_an_hour = self.calls_an_hour.max(*calls_an_hour);
        self.nastiness.add(nastiness);
    }

    /// Histories that met no faults prove nothing.
    pub fn check(&self, seeds: usize) {
        let Self {
            kills,
            zombies,
            faults,
            stale,
            late,
            unconfirmed,
            waits,
            boards,
            on_boards,
            numbers,
            calls_an_hour: _,
            nastiness,
        } = self;
        for (what, count) in [
            ("kills", kills),
            ("zombies", zombies),
            ("faults", faults),
            ("stale reads", stale),
            ("late answers", late),
            ("unconfirmed outcomes", unconfirmed),
            ("waits", waits),
            ("looks at what waits for a person", boards),
            ("looks at how many stand where", numbers),
            ("rows that waited for a person", on_boards),
        ] {
            assert!(*count >= seeds as u64, "too few {what}: {self:?}");
        }
        nastiness.check();
    }
}

/// Who listens to outcomes: confirms them, and while in a mood sometimes not.
pub struct Outside(Mutex<Listening>);

struct Listening {
    chance: fastrand::Rng,
    is_moody: bool,
    told: Vec<Value>,
    unconfirmed: u64,
}

impl Outside {
    pub fn moody(seed: u64) -> Self {
        let chance = fastrand::Rng::with_seed(seed);
        Self(Mutex::new(Listening { chance, is_moody: true, told: Vec::new(), unconfirmed: 0 }))
    }

    pub fn calm_down(&self) {
        self.listening().is_moody = false;
    }

    /// What arrived, in order. The same outcome may come several times, under the same id.
    pub fn told(&self) -> Vec<Value> {
        self.listening().told.clone()
    }

    pub fn unconfirmed(&self) -> u64 {
        self.listening().unconfirmed
    }

    fn listening(&self) -> MutexGuard<'_, Listening> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl OutcomeSink for Outside {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let mut listening = self.listening();
        let lot = if listening.is_moody { listening.chance.u8(..4) } else { u8::MAX };
        // An outcome may have arrived although nobody said so.
        let (arrives, confirmed) = (lot > 0, lot > 1);
        if arrives {
            listening.told.push(serde_json::from_slice(&event.body).expect("an outcome is JSON"));
        }
        listening.unconfirmed += u64::from(!confirmed);
        Box::pin(async move { if confirmed { Ok(()) } else { Err(SinkError("not confirmed".into())) } })
    }
}
