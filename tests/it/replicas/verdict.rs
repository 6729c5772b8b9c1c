//! What must hold when a history of several replicas is over. Not here: how it came about (`history`).

use super::history::{ENGINEERS, History};
use super::town::duties;
use crate::engine_simulation::verdict::marker;
use carepass::model::entry::Position;
use carepass::store::Store;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every promise.
pub async fn check(history: &History) {
    check_world(history);
    check_effects(history);
    check_outcomes(history);
    check_letters(history);
    check_holders(history).await;
    check_ledger(history).await;
}

/// Outcomes that were told again.
pub fn repeats(history: &History) -> u64 {
    let told = history.outside.told();
    let ids: BTreeSet<&str> = told.iter().filter_map(|event| event["id"].as_str()).collect();
    (told.len() - ids.len()) as u64
}

/// One account for each engineer and domain, with licence and role, under one local part everywhere.
fn check_world(history: &History) {
    let world = history.town.room.sandbox.world_json();
    let mut local_parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut places: Vec<(String, String)> = Vec::new();
    for state in world["customers"].as_object().expect("customers by id").values() {
        for user in state["users"].as_array().expect("users") {
            let Some(engineer) = marker(user).filter(|key| ENGINEERS.contains(&&**key)) else { continue };
            let address = user["primaryEmail"].as_str().expect("an address");
            let (local, domain) = address.split_once('@').expect("an address");
            assert_eq!(user["roles"], serde_json::json!(["Customer Care"]), "{user}");
            assert_eq!(user["licenses"], serde_json::json!(["1010010001"]), "{user}");
            assert_eq!(user["suspended"], false, "{user}");
            local_parts.entry(engineer.clone()).or_default().insert(local.to_owned());
            places.push((engineer, domain.to_owned()));
        }
    }
    places.sort();
    let domains = history.town.domains();
    let each =
        |key: &&str| domains.iter().map(|domain| ((*key).to_owned(), domain.clone())).collect::<Vec<_>>();
    assert_eq!(places, ENGINEERS.iter().flat_map(each).collect::<Vec<_>>());
    assert!(local_parts.values().all(|parts| parts.len() == 1), "{local_parts:?}");
    assert_eq!(
        local_parts.values().flatten().collect::<BTreeSet<_>>().len(),
        ENGINEERS.len(),
        "{local_parts:?}"
    );
}

/// Google was made to do each thing once.
fn check_effects(history: &History) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for effect in history.town.room.sandbox.calls().into_iter().filter_map(|call| call.effect) {
        *effects.entry(effect).or_default() += 1;
    }
    let pairs = ENGINEERS.len() * history.town.domains().len();
    // The Norwegian account has one domain, and its licence comes with the site.
    let wanted = [
        ("license.assigned", pairs - ENGINEERS.len()),
        ("orgunit.created", 3),
        ("role.assigned", pairs),
        ("role.created", 3),
        ("user.created", pairs),
    ];
    let wanted = wanted.into_iter().map(|(effect, count)| (effect.to_owned(), count)).collect();
    assert_eq!(effects, wanted);
}

/// Each engineer: accepted once, ready once, and each domain's progress once; told again only under the same id.
fn check_outcomes(history: &History) {
    let told = history.outside.told();
    for key in ENGINEERS {
        let mut ids = BTreeSet::new();
        let mine = told.iter().filter(|event| event["subject"] == format!("engineer/{key}"));
        let first: Vec<&Value> = mine.filter(|event| ids.insert(event["id"].as_str())).collect();
        let count = |kind: &str| {
            let wanted = format!("com.carepass.provisioning.{kind}.v1");
            first.iter().filter(|event| event["type"] == wanted.as_str()).count()
        };
        let counts = (count("accepted"), count("ready"), count("progressed"));
        assert_eq!(counts, (1, 1, history.town.domains().len()), "{first:#?}");
    }
}

fn check_letters(history: &History) {
    // One that is sent again has the same name, and is one.
    assert_eq!(history.town.room.letters.letters().len(), ENGINEERS.len());
}

/// Every duty has one holder, who lives, and the lanes are even to within one.
async fn check_holders(history: &History) {
    let lanes = history.town.lanes().await.expect("every lane has a holder that lives");
    assert!(lanes.iter().max().expect("some") - lanes.iter().min().expect("some") <= 1, "{lanes:?}");
    let mut held: BTreeMap<String, usize> = BTreeMap::new();
    for replica in &history.town.replicas {
        assert!(replica.engine.is_alive(), "a loop of {} has ended", replica.id);
        let roll = replica.engine.duties().expect("the store is shared");
        for duty in roll.held {
            *held.entry(duty.to_string()).or_default() += 1;
        }
    }
    let wanted = duties().iter().map(|duty| (duty.to_string(), 1)).collect();
    assert_eq!(held, wanted);
}

async fn check_ledger(history: &History) {
    let store = &history.town.room.store;
    let entries = store.entries(Position::default(), usize::MAX).await.expect("memory answers");
    assert_eq!(entries.len() as u64, store.head().await.expect("memory answers").0);
}
