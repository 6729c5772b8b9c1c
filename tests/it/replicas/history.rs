//! One history of three replicas: engineers join at any of them, Google has its moods, replicas come and go. Everything is the seed's
//! choice. Not here: what must hold in the end (`verdict`).

use super::town::{LEASE, Town};
use super::verdict;
use crate::engine_simulation::outside::Outside;
use carepass::engine::OutcomeSink;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Who joins.
pub const ENGINEERS: [&str; 4] = ["E-1", "E-2", "E-3", "E-4"];

/// Replicas, when all are there.
const REPLICAS: u32 = 3;

/// Troubles end after so many turns.
const TURNS: u32 = 10;

/// What the histories met.
#[derive(Debug, Default)]
pub struct Stats {
    histories: u64,
    kills: u64,
    freezes: u64,
    stops: u64,
    outages: u64,
    faults: u64,
    repeats: u64,
}

pub struct History {
    pub town: Town,
    pub outside: Arc<Outside>,
    chance: fastrand::Rng,
    stats: Stats,
}

impl Stats {
    pub fn add(&mut self, more: &Self) {
        let Self { histories, kills, freezes, stops, outages, faults, repeats } = more;
        self.histories += histories;
        self.kills += kills;
        self.freezes += freezes;
        self.stops += stops;
        self.outages += outages;
        self.faults += faults;
        self.repeats += repeats;
    }

    /// Histories that met no trouble prove nothing.
    pub fn check(&self) {
        let Self { histories, kills, freezes, stops, outages, faults, repeats: _ } = *self;
        for (what, count) in [("kills", kills), ("freezes", freezes), ("stops", stops), ("outages", outages)]
        {
            assert!(count >= histories, "too few {what}: {self:?}");
        }
        assert!(faults >= histories, "too few faults: {self:?}");
    }
}

impl History {
    pub async fn begin(seed: u64) -> Self {
        let outside = Arc::new(Outside::moody(seed));
        let sink = Arc::clone(&outside) as Arc<dyn OutcomeSink>;
        let town = Town::open(REPLICAS, Some(sink), seed).await;
        let (chance, stats) = (fastrand::Rng::with_seed(seed), Stats { histories: 1, ..Stats::default() });
        Self { town, outside, chance, stats }
    }

    pub async fn run(mut self) -> Stats {
        for turn in 0..TURNS {
            self.mood();
            if let Some(key) =
                ENGINEERS.get(usize::try_from(turn / 2).expect("few")).filter(|_| turn % 2 == 0)
            {
                let place = self.awake();
                self.town.join(place, key).await;
            }
            let longest = if self.chance.bool() { 3_000 } else { 60_000 };
            self.pass(longest).await;
            self.turn().await;
        }
        self.calm().await;
        self.town.settle(&ENGINEERS).await;
        // What is left to tell is told.
        tokio::time::sleep(Duration::from_mins(2)).await;
        verdict::check(&self).await;
        self.stats.repeats = verdict::repeats(&self);
        while !self.town.replicas.is_empty() {
            self.town.kill(0).await;
        }
        self.stats
    }

    async fn pass(&mut self, longest_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.chance.u64(..longest_ms))).await;
    }

    /// One that does not stand still.
    fn awake(&mut self) -> usize {
        let awake: Vec<usize> =
            (0..self.town.replicas.len()).filter(|place| !self.town.replicas[*place].is_frozen).collect();
        *self.chance.choice(&awake).expect("one is always left awake")
    }

    async fn turn(&mut self) {
        let place = self.awake();
        let others_awake = self.town.replicas.iter().filter(|replica| !replica.is_frozen).count() > 1;
        match self.chance.u8(..5) {
            0 => {
                self.stats.kills += 1;
                self.town.kill(place).await;
                self.pass(20_000).await;
                self.town.add().await;
            }
            1 | 2 if others_awake => {
                self.stats.freezes += 1;
                self.town.freeze(place, true);
                self.pass(40_000).await;
                // Some sleep on while other things happen.
                if self.chance.bool() {
                    self.thaw();
                }
            }
            3 => {
                self.stats.stops += 1;
                self.town.stop(place).await;
                self.pass(20_000).await;
                self.town.add().await;
            }
            _ => {
                self.stats.outages += 1;
                self.town.room.store.go_away();
                self.pass(30_000).await;
                self.town.room.store.come_back();
            }
        }
    }

    fn thaw(&mut self) {
        for place in 0..self.town.replicas.len() {
            self.town.freeze(place, false);
        }
    }

    /// Google's mood until the next.
    fn mood(&mut self) {
        let mut rules: Vec<Value> = Vec::new();
        let mut rule = |chance: f64, action: Value| {
            rules.push(json!({"match": {"probability": chance}, "do": action}));
        };
        match self.chance.u8(..6) {
            0 => {
                rule(0.1, json!({"fail_before": true, "reset": true}));
                rule(0.2, json!({"fail_after": true, "reset": true}));
            }
            1 => rule(0.2, json!({"fail_after": true, "status": 503})),
            2 | 3 => rule(0.5, json!({"delay_ms": self.chance.u64(1_000..25_000)})),
            4 => {
                let after = self.chance.u64(1..30);
                rule(0.3, json!({"fail_before": true, "status": 429, "retry_after": after}));
            }
            _ => (),
        }
        let calls = self.town.room.sandbox.calls();
        self.stats.faults = calls.iter().filter(|call| call.fault).count() as u64;
        self.town.room.sandbox.clear_faults();
        self.town.room.sandbox.add_faults(&json!(rules)).expect("rules that are understood");
    }

    async fn calm(&mut self) {
        self.mood();
        self.town.room.sandbox.clear_faults();
        self.outside.calm_down();
        self.thaw();
        while self.town.replicas.len() < REPLICAS as usize {
            self.town.add().await;
        }
        tokio::time::sleep(2 * LEASE).await;
    }
}
