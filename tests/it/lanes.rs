//! What one reseller account's trouble costs the others: nothing. One account has its delegation revoked half-way, one is throttled to a
//! tenth of its calls, and the healthy one finishes as if it were alone; in virtual time, at Google's own rates.
//! Not here: what becomes of the two in trouble (`engine_simulation`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::Engine;
use carepass::model::enrollment::{Lane, State};
use carepass::model::entry::{Change, Position};
use carepass::sandbox::World;
use carepass::store::Store;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const ENGINEERS: usize = 40;
const HEALTHY: &str = "nordic-se";
const REVOKED: &str = "C01nordicdk";
const THROTTLED: &str = "C01nordicno";

/// The delegation is revoked so long after the engineers came.
const REVOKED_AFTER: Duration = Duration::from_secs(20);

/// By then the healthy account must have finished at all.
const PATIENCE: Duration = Duration::from_hours(2);

/// How much longer the healthy account may take beside the two in trouble.
const LONGER_MAX: f64 = 1.05;

#[test]
fn a_healthy_account_finishes_as_if_alone() {
    let alone = in_virtual_time(healthy_finishes(false));
    let beside = in_virtual_time(healthy_finishes(true));
    println!("alone {alone:?}, beside two in trouble {beside:?}");
    assert!(alone > Duration::from_secs(30), "too little work to tell anything");
    assert!(beside.as_secs_f64() <= alone.as_secs_f64() * LONGER_MAX, "{beside:?} instead of {alone:?}");
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

/// How long the healthy account takes for all engineers.
async fn healthy_finishes(in_trouble: bool) -> Duration {
    let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
    world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
    let room = EngineRoom::open(world).await;
    let mut resellers: Vec<_> = demo::files().resellers.iter().map(demo::reseller).collect();
    if !in_trouble {
        resellers.retain(|reseller| reseller.name.as_str() == HEALTHY);
    }
    let engine = Engine::new(room.house(resellers), settings(8), CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if in_trouble {
        let throttled = json!({"match": {"customer": THROTTLED, "probability": 0.9},
            "do": {"fail_before": true, "status": 429, "reason": "rateLimitExceeded"}});
        room.sandbox.add_faults(&throttled).expect("a rule that is understood");
    }
    let begun = Instant::now();
    for number in 0..ENGINEERS {
        let event = events::joined(number).to_string();
        let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }
    let mut revoked = !in_trouble;
    let finished = async {
        while completed(&room).await < ENGINEERS * 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if !revoked && begun.elapsed() >= REVOKED_AFTER {
                room.sandbox.set(&json!({"delegation": {REVOKED: false}})).expect("a setting");
                revoked = true;
            }
        }
        begun.elapsed()
    };
    let finished = tokio::time::timeout(PATIENCE, finished).await.expect("the healthy account finishes");
    engine.cut_off();
    engine.stopped().await;
    finished
}

/// Rows of the healthy account that are ready: each engineer has one for each of its two domains.
async fn completed(room: &EngineRoom) -> usize {
    let lane = Lane::Reseller(HEALTHY.parse().expect("a name"));
    let entries = room.store.entries(Position::default(), usize::MAX).await.expect("memory answers");
    let rows = entries.iter().flat_map(|entry| &entry.changes).filter_map(|change| match change {
        Change::Enrollment { row, .. } => Some(row),
        Change::Received(_)
        | Change::Engineer(_)
        | Change::Reserved { .. }
        | Change::Bookmark { .. }
        | Change::Released { .. }
        | Change::Erased { .. }
        | Change::Parked(_)
        | Change::Unparked { .. } => None,
    });
    let ready = rows.filter(|row| row.id.engineer().is_some() && row.lane() == lane);
    let ready: BTreeSet<String> =
        ready.filter(|row| row.state == State::Completed).map(|row| row.id.to_string()).collect();
    ready.len()
}
