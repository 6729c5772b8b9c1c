//! A leaver who arrives at every point of a running joiner: before and after each commit, and while each call is on its way, before its
//! effect and after it with the answer lost; with and without a crash right there. In the end nothing is open, nothing was given after the
//! lock-out, and the time from HR's word to the last lock-out stays within its bound. The real engine, steps and client, the sandbox over
//! HTTP, virtual time. Not here: random histories (`lifecycle`), and each step by itself (`step_harness`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::watched::{Point, Watch, WatchedStore};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, OutcomeSink};
use carepass::model::enrollment::{Enrollment, State, Want};
use carepass::model::id::EngineerKey;
use carepass::model::rules::Rules;
use carepass::sandbox::{User, World};
use carepass::steps::House;
use carepass::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const KEY: &str = "E-1";

/// A run that is under way when HR's word comes may be lost, and is then waited for until its lease is over; the next attempt locks out.
/// An attempt takes three quarters of a lease at most. In the nasty world Google hides a young account for minutes besides.
fn bound(nasty: bool) -> SignedDuration {
    let lease = Rules::default().lease;
    let hidden = if nasty { HIDDEN } else { SignedDuration::ZERO };
    lease + lease * 75 / 100 + hidden
}

/// In the plain world nothing has a reason to wait longer: not for a lane that looks by itself, and not for a lease.
const PROMPT: SignedDuration = SignedDuration::from_secs(15);

/// So long the nasty world shows, or lets change, a young account not at each try.
const HIDDEN: SignedDuration = SignedDuration::from_mins(5);

/// By then everything must have settled, in virtual time. The last look comes a quarter of an hour after the end; in the nasty world about
/// every tenth call goes wrong and a run that ends sessions makes a dozen, so that a row may need many looks, the later ones hours apart.
/// What must be quick is the lock-out, which has a bound of its own.
const SETTLES_WITHIN: Duration = Duration::from_hours(48);

/// How often it is looked, in virtual time.
const LOOK: Duration = Duration::from_millis(500);

/// Every so many points are tried in the nasty world, whose young accounts take minutes.
const NASTY_EVERY: usize = 9;

/// At every so many points the process dies.
const CRASH_EVERY: usize = 3;

/// Each point is tried in one of so many tests, which run side by side.
const PARTS: usize = 2;

#[derive(Clone, Copy, Debug)]
struct Case {
    point: Point,
    crash: bool,
    nasty: bool,
}

#[test]
fn a_leaver_at_every_point_of_a_joiner_is_locked_out_in_time_first_part() {
    every(0);
}

#[test]
fn a_leaver_at_every_point_of_a_joiner_is_locked_out_in_time_second_part() {
    every(1);
}

fn every(part: usize) {
    for nasty in [false, true] {
        let (mut worst, mut tried) = ((SignedDuration::ZERO, None), 0);
        let (commits, calls) = in_virtual_time(undisturbed(nasty));
        assert!(commits > 20 && calls > 20, "too little to cut into: {commits} commits, {calls} calls");
        for (number, point) in points(commits, calls).into_iter().enumerate() {
            let is_mine = number % PARTS == part && (!nasty || (number / PARTS).is_multiple_of(NASTY_EVERY));
            if !is_mine {
                continue;
            }
            let case = Case { point, crash: (number / PARTS).is_multiple_of(CRASH_EVERY), nasty };
            let took = in_virtual_time(cut(case));
            tried += 1;
            if took > worst.0 {
                worst = (took, Some(case));
            }
        }
        let (took, case) = worst;
        println!(
            "{tried} points, the longest lock-out {took:#} at {case:?}; the bound is {:#}",
            bound(nasty)
        );
    }
}

fn points(commits: u64, calls: u64) -> Vec<Point> {
    let commits = (1..=commits).flat_map(|number| [Point::BeforeCommit(number), Point::AfterCommit(number)]);
    let calls = (1..=calls).flat_map(|number| [Point::BeforeCall(number), Point::AfterCall(number)]);
    commits.chain(calls).collect()
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

/// A world, the engines over it, and what is watched.
struct Stage {
    room: EngineRoom,
    watch: Arc<Watch>,
    engine: Arc<Engine>,
}

impl Stage {
    async fn set(nasty: bool) -> Self {
        let text = if nasty { &demo::files().nasty_world } else { &demo::files().world };
        let mut world = World::from_toml(text).expect("a world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let watch = Arc::new(Watch::default());
        let room = EngineRoom::open_watched(world, Arc::clone(&watch)).await;
        let engine = live(&room, &watch, nasty).await;
        let ready = async {
            while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(SETTLES_WITHIN, ready).await.expect("reseller accounts that become ready");
        Self { room, watch, engine }
    }

    async fn say(&self, event: &Value) {
        let body = event.to_string();
        let admitted = self.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    /// Waits until every row is at its goal, and answers when something was last seen to be open.
    async fn settled(&self, want: Want) -> Timestamp {
        let key: EngineerKey = KEY.parse().expect("a key");
        let mut open_at = self.room.clock.now();
        let settled = async {
            loop {
                if self.is_open() {
                    open_at = self.room.clock.now();
                }
                tokio::time::sleep(LOOK).await;
                let rows = self.room.store.enrollments_of(&key).await.expect("memory answers");
                let told = want == Want::Absent || rows.iter().any(|row| row.id.domain().is_none());
                let over = |row: &Enrollment| row.state == State::Completed && row.goal.want == want;
                if told && rows.iter().all(over) {
                    return;
                }
            }
        };
        if tokio::time::timeout(SETTLES_WITHIN, settled).await.is_err() {
            let rows = self.room.store.enrollments_of(&key).await.expect("memory answers");
            panic!("has not settled: {rows:#?}");
        }
        open_at
    }

    /// Whether somebody can sign in to an account of the engineer, or it holds a role.
    fn is_open(&self) -> bool {
        self.room.sandbox.change(|world| {
            world.customers.values().any(|customer| {
                let is_the_engineers = |user: &User| {
                    let markers = user.fields.get("externalIds").and_then(Value::as_array);
                    markers.is_some_and(|all| all.iter().any(|one| one["value"] == KEY))
                };
                let holds =
                    |user: &User| customer.assignments.values().any(|held| held.assigned_to == user.id);
                let open = |user: &User| is_the_engineers(user) && (!user.suspended || holds(user));
                customer.users.values().any(|user| open(user))
            })
        })
    }

    async fn end(self) {
        self.engine.cut_off();
        self.engine.stopped().await;
    }
}

async fn live(room: &EngineRoom, watch: &Arc<Watch>, nasty: bool) -> Arc<Engine> {
    let reseller = if nasty { demo::nasty_reseller } else { demo::reseller };
    let store = WatchedStore { store: Arc::clone(&room.store), watch: Arc::clone(watch) };
    let house = House {
        store: Arc::new(store) as Arc<dyn Store>,
        ..room.house(demo::files().resellers.iter().map(reseller))
    };
    let engine = Engine::new(house, settings(4), CancellationToken::new());
    engine.start(None::<Arc<dyn OutcomeSink>>).await.expect("memory answers");
    engine
}

/// How many commits and calls a joiner takes.
async fn undisturbed(nasty: bool) -> (u64, u64) {
    let stage = Stage::set(nasty).await;
    stage.watch.begin(None);
    stage.say(&joined()).await;
    stage.settled(Want::Present).await;
    let counted = stage.watch.counted();
    stage.end().await;
    counted
}

/// The leaver comes at the point. Answers how long the lock-out took.
async fn cut(case: Case) -> SignedDuration {
    let mut stage = Stage::set(case.nasty).await;
    stage.watch.begin(Some(case.point));
    let joiner = joined().to_string();
    let engine = Arc::clone(&stage.engine);
    // The admission itself has a commit that may be held up; one that dies with its process is offered again by the door.
    let saying = tokio::spawn(async move {
        let _ = engine.admit(joiner.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    });
    let reached = tokio::time::timeout(SETTLES_WITHIN, stage.watch.reached());
    reached.await.unwrap_or_else(|_| panic!("{case:?} is never reached"));
    let since = stage.room.clock.now();
    stage.say(&left()).await;
    if case.crash {
        saying.abort();
        stage.engine.cut_off();
        stage.watch.go_on();
        stage.engine.stopped().await;
        stage.engine = live(&stage.room, &stage.watch, case.nasty).await;
    } else {
        stage.watch.go_on();
    }
    let open_at = stage.settled(Want::Absent).await;
    // The joiner may come late; it is fenced.
    if !saying.is_finished() {
        saying.await.ok();
    }
    stage.say(&joined()).await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    stage.settled(Want::Absent).await;
    assert!(!stage.is_open(), "{case:?} leaves something open");
    check(&stage, case, since);
    stage.end().await;
    let took = open_at.duration_since(since);
    assert!(took <= bound(case.nasty) && (case.nasty || took <= PROMPT), "{case:?} took {took:#}");
    took
}

/// Nothing was given but what was on its way when HR's word came.
fn check(stage: &Stage, case: Case, since: Timestamp) {
    let grants = |effect: &str| matches!(effect, "user.created" | "role.assigned" | "user.undeleted");
    let calls = stage.room.sandbox.calls();
    let granted = calls.iter().filter(|call| call.effect.as_deref().is_some_and(grants));
    let last = granted.map(|call| call.at_ms).max();
    let late = last.map(|last| SignedDuration::from_millis(last - since.as_millisecond()));
    let lease = Rules::default().lease;
    assert!(late.is_none_or(|late| late <= lease), "{case:?}: something was given {late:?} after HR's word");
}

fn joined() -> Value {
    events::joined_as(KEY, "Åsa", "Öberg")
}

fn left() -> Value {
    json!({
        "specversion": "1.0",
        "id": "left-E-1",
        "source": "https://hr.nordresale.example/test",
        "type": "com.carepass.engineer.left.v1",
        "subject": "engineer/E-1",
        "dataschema": "https://schemas.carepass.example/engineer/1.0.json",
        "data": {
            "revision": 2,
            "engineer": { "key": KEY },
            "employment": { "id": "E-1/1", "timeZone": "Europe/Stockholm", "urgency": "immediate" }
        }
    })
}
