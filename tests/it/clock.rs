//! A machine whose clock jumps by hours, days and years, forward and back, at a random moment of the work, with and without a start by the
//! wrong clock: nobody's employment ends by it, nothing is deleted, nothing is made twice, and nothing waits for years once it is right.
//! Not here: what a clock makes of three times (`clock/steady`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events, seed};
use carepass::clock::{Belief, Clock};
use carepass::engine::Engine;
use carepass::model::enrollment::{Enrollment, State, Want};
use carepass::model::failure::Who;
use carepass::model::id::EngineerKey;
use carepass::model::parked::{Door, Letter};
use carepass::model::reseller::{Removal, Reseller};
use carepass::planted::{Bug, caught};
use carepass::sandbox::World;
use carepass::store::Store;
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Whose last day is to come.
const STAYS: &str = "E-1";
/// Who leaves at once.
const LEAVES: &str = "E-2";
/// The last day of the one who stays has ended by then, and the days of grace of the other's account are over.
const OVER: SignedDuration = SignedDuration::from_hours(40);

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const YEARS: i64 = 3_652 * DAY;
/// How far the clock is set, in milliseconds.
const JUMPS: [i64; 6] = [HOUR, -HOUR, 2 * DAY, -2 * DAY, YEARS, -YEARS];

struct Town {
    room: EngineRoom,
    below: Clock,
    hand: Arc<AtomicI64>,
    engine: Arc<Engine>,
    chance: fastrand::Rng,
}

impl Town {
    async fn open(seed: u64) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let mut room = EngineRoom::open(world).await;
        let (below, hand) = Clock::set_by_hand(room.clock.now());
        room.clock = Clock::steady(below.clone());
        let engine = start(&room).await;
        Self { room, below, hand, engine, chance: fastrand::Rng::with_seed(seed) }
    }

    /// The process ends, and another one begins by the clock as it is.
    async fn start_anew(&mut self) {
        self.engine.cut_off();
        self.engine.stopped().await;
        self.room.clock = Clock::steady(self.below.clone());
        self.engine = start(&self.room).await;
    }

    async fn say(&self, event: &Value) {
        let said = event.to_string();
        let said = self.engine.admit(said.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        said.expect("an event without faults");
    }

    async fn wait(&mut self, most: Duration) {
        let most = u64::try_from(most.as_millis()).expect("hours");
        tokio::time::sleep(Duration::from_millis(self.chance.u64(..most))).await;
    }

    async fn rows(&self, key: &str) -> Vec<Enrollment> {
        let key: EngineerKey = key.parse().expect("a key");
        self.room.store.enrollments_of(&key).await.expect("memory answers")
    }

    /// How many accounts of an engineer are open, and closed.
    fn accounts(&self, key: &str) -> (usize, usize) {
        let world = self.room.sandbox.world_json();
        let customers = world["customers"].as_object().expect("customers by id");
        let users = customers.values().flat_map(|state| state["users"].as_array().expect("users"));
        let mine: Vec<bool> = users
            .filter(|user| user["externalIds"][0]["value"] == key)
            .map(|user| user["suspended"].as_bool().unwrap_or_default())
            .collect();
        let closed = mine.iter().filter(|closed| **closed).count();
        (mine.len() - closed, closed)
    }

    /// What must hold while the clock is wrong: nobody's end has come, nothing was deleted, nothing forgotten.
    async fn check_kept(&self) {
        let stored = self.room.store.engineer(&STAYS.parse().expect("a key")).await.expect("memory answers");
        let stays = stored.expect("an engineer");
        assert_eq!(
            (stays.stated.goal.want, stays.upcoming.len()),
            (Want::Present, 1),
            "a last day came early"
        );
        assert_eq!(self.accounts(STAYS).1, 0, "somebody was locked out by a wrong clock");
        assert_eq!(self.room.store.parked(None, 10).await.expect("memory answers").len(), 1);
        let deleted = |state: &mut World| {
            state.customers.values().map(|customer| customer.deleted.len()).sum::<usize>()
        };
        let mut count = 0;
        self.room.sandbox.change(|world| count = deleted(world));
        assert_eq!(count, 0, "an account was deleted by a wrong clock");
    }

    /// Until everybody is where HR wants them.
    async fn settle(&self, within: Duration) {
        let is_at_goal = |row: &Enrollment, want: Want| {
            let is_kept = want == Want::Absent && row.waits_on(Who::Calendar);
            row.goal.want == want && (row.state == State::Completed || is_kept)
        };
        let settled = async {
            loop {
                let (stay, leave) = (self.rows(STAYS).await, self.rows(LEAVES).await);
                let all = stay.len() == 5 && stay.iter().all(|row| is_at_goal(row, Want::Present));
                if all && leave.iter().all(|row| is_at_goal(row, Want::Absent)) {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        };
        let settled = tokio::time::timeout(within, settled).await;
        assert!(
            settled.is_ok(),
            "it does not settle: {:#?} {:#?}",
            self.rows(STAYS).await,
            self.rows(LEAVES).await
        );
        assert_eq!(self.accounts(STAYS), (4, 0));
        assert_eq!(self.accounts(LEAVES).0, 0);
    }

    /// No row waits for longer than the rules let it, unless for a day that HR has said.
    async fn check_horizon(&self) {
        let horizon = self.room.clock.now() + SignedDuration::from_hours(2) * 5 / 4;
        for key in [STAYS, LEAVES] {
            for row in self.rows(key).await {
                let is_late = row.wake_at().is_some_and(|at| at > horizon);
                assert!(!is_late || row.waits_on(Who::Calendar), "{row:#?}");
            }
        }
    }

    /// Google made each account once, and gave each role once.
    fn check_effects(&self) {
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for call in self.room.sandbox.calls() {
            if let Some(effect) = call.effect {
                *made.entry(effect).or_default() += 1;
            }
        }
        let count = |effect: &str| made.get(effect).copied().unwrap_or(0);
        let (_, left) = self.accounts(LEAVES);
        assert_eq!(count("user.created"), 4 + left, "{made:?}");
        assert!((4..=4 + left).contains(&count("role.assigned")), "{made:?}");
    }
}

async fn start(room: &EngineRoom) -> Arc<Engine> {
    let grace = SignedDuration::from_hours(24);
    let deletes = |reseller: Reseller| Reseller { removal: Removal::SuspendThenDelete { grace }, ..reseller };
    let all = demo::files().resellers.iter().map(demo::reseller).map(deletes);
    let engine = Engine::new(room.house(all), settings(4), CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    engine
}

fn joined(key: &str, last_day: Option<&str>) -> Value {
    let mut event = events::joined_as(key, "Åsa", "Öberg");
    event["data"]["employment"]["startDate"] = "2026-11-20".into();
    if let Some(day) = last_day {
        event["data"]["employment"]["lastDay"] = day.into();
    }
    event
}

async fn history(seed: u64) {
    let mut town = Town::open(seed).await;
    let junk = Letter::new(Some("text/plain".into()), BTreeMap::new(), b"junk".to_vec());
    town.engine.receive(&junk, Door::Http).await.expect_err("it cannot be used");
    town.say(&joined(STAYS, Some("2026-11-21"))).await;
    town.say(&joined(LEAVES, None)).await;
    town.wait(Duration::from_secs(30)).await;
    let jump = JUMPS[usize::try_from(seed).expect("small") % JUMPS.len()];
    town.hand.store(jump, Ordering::Relaxed);
    let anew = (seed / JUMPS.len() as u64).is_multiple_of(2);
    if anew {
        town.start_anew().await;
    }
    town.wait(Duration::from_mins(2)).await;
    town.say(&events::ended("left", LEAVES, 11)).await;
    town.wait(Duration::from_hours(1)).await;
    town.check_kept().await;
    let steady = Arc::clone(town.room.clock.as_steady().expect("a steady clock"));
    let is_wrong = matches!(steady.belief().belief, Belief::Wrong { .. });
    assert_eq!((is_wrong, steady.in_words().0), (anew, !anew), "seed {seed}: {:?}", steady.in_words());
    // Whoever is to leave at once is locked out, whatever the clock says.
    town.wait(Duration::from_mins(45)).await;
    town.check_kept().await;
    assert_eq!(town.accounts(LEAVES).0, 0, "seed {seed}: an end of access waits for no clock");

    town.hand.store(0, Ordering::Relaxed);
    town.settle(Duration::from_hours(3)).await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    assert_eq!((steady.belief().belief, steady.jumped()), (Belief::Right, None), "seed {seed}");
    town.check_horizon().await;
    town.check_effects();
    if seed % JUMPS.len() as u64 == 4 {
        // What has a date comes on its day.
        tokio::time::sleep(Duration::try_from(OVER).expect("days ahead")).await;
        assert_eq!(town.accounts(STAYS).0, 0, "the last day is over");
        assert_eq!(town.accounts(LEAVES), (0, 0), "the days of grace are over");
    }
    town.engine.cut_off();
    town.engine.stopped().await;
}

#[test]
fn a_clock_that_jumps_ends_nothing_early_makes_nothing_twice_and_loses_nothing() {
    let most = 2 * JUMPS.len() as u64 * u64::try_from(seed::rounds()).expect("few");
    let seeds = seed::asked_for().map_or_else(|| seed::after()..seed::after() + most, |seed| seed..seed + 1);
    for seed in seeds {
        println!("seed {seed}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(history(seed));
    }
}

#[test]
fn planted_any_clock_is_believed() {
    caught(
        Bug::AnyClockBelieved,
        a_clock_that_jumps_ends_nothing_early_makes_nothing_twice_and_loses_nothing,
    );
}
