//! What must hold at the end of a run: Google's world is as wanted, nothing was made twice, the world outside was told the truth in order,
//! the letter was written once, the ledger has no gap, and no call was wasted. Not here: how it came to that (`stage`).

use super::plan::{Plan, Story};
use super::stage::{KEY, Stage};
use crate::closed_list;
use carepass::model::entry::{Entry, Position};
use carepass::store::Store;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every promise.
pub async fn check(stage: &Stage, plan: &Plan) {
    check_world(stage, plan);
    check_effects(stage, plan);
    check_outcomes(stage, plan);
    check_letters(stage, plan);
    check_ledger(stage).await;
    if plan.fault.is_none() {
        assert_eq!(stage.errors.logged(), Vec::<String>::new(), "an error without a fault");
    }
}

/// One account, with the licence and the role and nothing else; or suspended, without the role.
fn check_world(stage: &Stage, plan: &Plan) {
    let world = stage.room.sandbox.world_json();
    let customers = world["customers"].as_object().expect("customers by id");
    let users = customers.values().flat_map(|state| state["users"].as_array().expect("users"));
    let ours: Vec<&Value> = users.clone().filter(|user| is_marked(user)).collect();
    let [user] = ours.as_slice() else { panic!("{} accounts of the engineer: {ours:#?}", ours.len()) };
    let (suspended, roles): (bool, &[&str]) = match plan.story {
        Story::Joins => (false, &["Customer Care"]),
        Story::Leaves => (true, &[]),
    };
    assert_eq!((&user["suspended"], texts(&user["roles"])), (&suspended.into(), owned(roles)), "{user}");
    assert_eq!(texts(&user["licenses"]), owned(&["1010010001"]), "{user}");
    for user in users.filter(|user| !is_marked(user)) {
        assert!(!texts(&user["roles"]).contains("Customer Care"), "a role went astray: {user}");
    }
}

/// Google was made to do each thing once, and asked only what is published.
fn check_effects(stage: &Stage, plan: &Plan) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for call in stage.room.sandbox.calls() {
        assert!(closed_list::is_published(&call.method, &call.path), "not on the closed list: {call:?}");
        if let Some(effect) = call.effect {
            *effects.entry(effect).or_default() += 1;
        }
    }
    let creating = ["user.created", "license.assigned", "role.assigned", "role.created", "orgunit.created"];
    for effect in creating {
        assert_eq!(effects.remove(effect), Some(1), "{effect}");
    }
    if plan.story == Story::Leaves {
        assert_eq!(effects.remove("role.unassigned"), Some(1), "the role is taken away");
        // What ends access may be repeated at will.
        effects.retain(|effect, _| {
            !["user.signed_out", "user.updated", "backup_codes.invalidated"].contains(&effect.as_str())
        });
    }
    assert!(effects.is_empty(), "nobody wanted this: {effects:?}");
}

/// Each outcome once by its id, in order. Where an answer that nobody knows has made carepass ask a person, it tells when that is over.
fn check_outcomes(stage: &Stage, plan: &Plan) {
    let mut seen = BTreeSet::new();
    let told = stage.world.told();
    let kinds: Vec<&str> = told
        .iter()
        .filter(|event| event["subject"] == format!("engineer/{KEY}"))
        .filter(|event| seen.insert(event["id"].as_str()))
        .filter_map(|event| event["type"].as_str())
        .filter_map(|kind| kind.strip_prefix("com.carepass.provisioning."))
        .collect();
    let mut wanted = vec!["accepted.v1", "progressed.v1", "ready.v1"];
    if plan.story == Story::Leaves {
        wanted.extend(["accepted.v1", "progressed.v1", "deprovisioned.v1"]);
    }
    let mut steady: Vec<&str> =
        kinds.iter().copied().filter(|kind| !["delayed.v1", "action-required.v1"].contains(kind)).collect();
    if plan.fault.is_some() && kinds.ends_with(&["action-required.v1", "progressed.v1"]) {
        steady.pop();
    }
    assert_eq!(steady, wanted, "{kinds:?}");
    // While a leaver's access is open a second failure is told at once, and an end of the process is one.
    let is_urgent = plan.story == Story::Leaves && !plan.strikes.is_empty();
    let passes = !is_urgent && plan.fault.is_none_or(|(_, fault)| fault.passes());
    assert!(!passes || !kinds.contains(&"action-required.v1"), "nobody had to be asked: {kinds:?}");
}

fn check_letters(stage: &Stage, plan: &Plan) {
    let letters = stage.room.letters.letters();
    let ids: Vec<String> = letters.iter().map(|letter| letter.message_id.as_str().to_owned()).collect();
    let welcomes = ids.iter().filter(|id| id.starts_with("welcome")).count();
    assert_eq!(welcomes, 1, "{plan}: {ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

async fn check_ledger(stage: &Stage) {
    let entries = stage.room.store.entries(Position::default(), usize::MAX).await.expect("memory answers");
    let head = stage.room.store.head().await.expect("memory answers");
    assert_eq!(entries.len() as u64, head.0);
    let follow = |pair: &[Entry]| pair[0].position.0 + 1 == pair[1].position.0;
    assert!(entries.windows(2).all(follow), "a gap in the ledger");
}

fn is_marked(user: &Value) -> bool {
    let markers = user["externalIds"].as_array().into_iter().flatten();
    markers.clone().any(|marker| marker["customType"] == "carepass" && marker["value"] == KEY)
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn owned(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
