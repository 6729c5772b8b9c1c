//! The limits on grants hold exactly while several replicas admit at once. Not here: the counting (`model/grants`), and one engine (`grants`).

use super::in_virtual_time;
use super::town::{LEASE, Town};
use crate::fixture::engine_room::settings;
use crate::fixture::events;
use carepass::engine::{EngineerOrder, Settings};
use carepass::model::engineer::{Hold, Release};
use carepass::model::grants::GrantLimits;
use carepass::store::Store;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;

/// In an hour, in all and by the word of one source; in a day.
const HOUR: usize = 7;
const SOURCE: u32 = 5;
const DAY: usize = 11;

/// How many are let in.
async fn let_in(town: &Town) -> usize {
    let engineers = town.room.store.engineers(None, 1_000).await.expect("memory answers");
    engineers.iter().filter(|engineer| matches!(engineer.release, Release::Granted(_))).count()
}

async fn flood(town: &Town, source: &str, count: usize) {
    let admitting = (0..count).map(async |number| {
        let mut event = events::joined_as(&format!("{source}-{number}"), "Åsa", "Öberg");
        event["source"] = format!("https://{source}.example").into();
        let engine = &town.replicas[number % town.replicas.len()].engine;
        let body = event.to_string();
        engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await
    });
    let admitted = join_all(admitting).await;
    assert!(admitted.iter().all(Result::is_ok), "{admitted:?}");
}

/// Three replicas that know nothing of one another's grants let in as many as one may, and hold the rest.
pub async fn three_admit_at_once() {
    let grants = GrantLimits {
        per_hour: u32::try_from(HOUR).expect("few"),
        per_day: u32::try_from(DAY).expect("few"),
    };
    let source_grants = GrantLimits { per_hour: SOURCE, ..GrantLimits::NONE };
    let settings = Settings { lease: LEASE, grants, source_grants, ..settings(4) };
    let town = Town::with(settings, 3, None, 1).await;
    flood(&town, "a", 30).await;
    assert_eq!(let_in(&town).await, SOURCE as usize);
    flood(&town, "b", 30).await;
    assert_eq!(let_in(&town).await, HOUR);
    let engineers = town.room.store.engineers(None, 1_000).await.expect("memory answers");
    let held = |why| matches!(why, Release::Held { why: Hold::GrantLimit, .. });
    assert_eq!(engineers.iter().filter(|engineer| held(engineer.release)).count(), 60 - HOUR);
    // What a person lets in at one replica counts at all.
    let key = engineers.iter().find(|engineer| held(engineer.release)).expect("somebody is held").key.clone();
    let order = EngineerOrder::Approve;
    town.replicas[1].engine.order_engineer(&key, order, "ada", "known").await.expect("an order");
    tokio::time::sleep(Duration::from_mins(61)).await;
    flood(&town, "c", 30).await;
    assert_eq!(let_in(&town).await, DAY);
}

#[test]
fn three_replicas_let_in_no_more_than_one() {
    in_virtual_time(three_admit_at_once);
}
