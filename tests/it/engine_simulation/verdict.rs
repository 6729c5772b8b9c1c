//! What must hold when a history has settled: Google's world is the one that was wanted, nothing was made twice, the world outside was
//! told the truth in order, and the ledger has no gap. Not here: how it came to that (`history`).

use super::bystanders;
use super::history::{ENGINEERS, History, NEW_DOMAIN};
use crate::closed_list;
use carepass::model::entry::Position;
use carepass::store::Store;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most calls in an hour of virtual time, for each engineer and domain, set-up, faults and restarts included (measured: 294).
const CALLS_AN_HOUR: u64 = 600;

/// Checks every promise.
pub async fn check(history: &mut History) {
    check_world(history);
    check_bystanders(history);
    check_effects(history);
    check_calls(history);
    check_outcomes(history);
    check_letters(history);
    check_ledger(history).await;
}

/// One account for each engineer and domain, in its unit, active, with the free licence and the role and nothing else, under one local
/// part everywhere; and nothing at anybody else's.
fn check_world(history: &History) {
    let world = history.room.sandbox.world_json();
    let mut local_parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut places: Vec<(String, String)> = Vec::new();
    for (customer, state) in world["customers"].as_object().expect("customers by id") {
        for user in state["users"].as_array().expect("users") {
            let Some(engineer) = marker(user).filter(|key| ENGINEERS.contains(&&**key)) else {
                assert!(!texts(&user["roles"]).contains("Customer Care"), "a role went astray: {user}");
                continue;
            };
            let address = user["primaryEmail"].as_str().expect("an address");
            let (local, domain) = address.split_once('@').expect("an address");
            assert_eq!(texts(&user["roles"]), ["Customer Care".to_owned()].into(), "{user}");
            assert_eq!(texts(&user["licenses"]), ["1010010001".to_owned()].into(), "{customer}: {user}");
            assert_eq!(
                (&user["orgUnitPath"], &user["suspended"]),
                (&"/Customer Care".into(), &false.into()),
                "{user}"
            );
            local_parts.entry(engineer.clone()).or_default().insert(local.to_owned());
            places.push((engineer, domain.to_owned()));
        }
    }
    places.sort();
    let domains = history.domains();
    assert!(domains.contains(NEW_DOMAIN));
    let wanted: Vec<(String, String)> = ENGINEERS
        .iter()
        .flat_map(|key| domains.iter().map(|domain| ((*key).to_owned(), domain.clone())))
        .collect();
    assert_eq!(places, wanted);
    assert!(local_parts.values().all(|parts| parts.len() == 1), "{local_parts:?}");
    let all: BTreeSet<&String> = local_parts.values().flatten().collect();
    assert_eq!(all.len(), ENGINEERS.len(), "two share a local part: {local_parts:?}");
}

/// Everybody else has what they had.
fn check_bystanders(history: &History) {
    let world = history.room.sandbox.world_json();
    let seen = bystanders::seen(&world, &ENGINEERS);
    for (id, user) in &seen {
        assert_eq!(Some(user), history.bystanders.get(id), "somebody else's account was touched");
    }
    assert_eq!(seen.len(), history.bystanders.len(), "somebody else is gone");
}

/// Nothing but published methods, and no storm.
fn check_calls(history: &mut History) {
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for call in history.room.sandbox.calls() {
        assert!(closed_list::is_published(&call.method, &call.path), "not on the closed list: {call:?}");
        *hours.entry(call.at_ms / 3_600_000).or_default() += 1;
    }
    let accounts = (ENGINEERS.len() * history.domains().len()) as u64;
    let most = hours.values().max().expect("there were calls").div_ceil(accounts);
    assert!(most <= CALLS_AN_HOUR, "{most} calls in an hour for each engineer and domain: {hours:?}");
    history.stats.calls_an_hour = most;
}

/// Whether an account of an engineer has a paid licence.
pub fn has_paid(history: &History) -> bool {
    let world = history.room.sandbox.world_json();
    let customers = world["customers"].as_object().expect("customers by id");
    let mut users = customers.values().flat_map(|state| state["users"].as_array().expect("users"));
    users.any(|user| {
        let is_ours = marker(user).is_some_and(|key| ENGINEERS.contains(&&*key));
        is_ours && texts(&user["licenses"]).iter().any(|license| license != "1010010001")
    })
}

/// Google was made to do each thing once.
fn check_effects(history: &History) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for effect in history.room.sandbox.calls().into_iter().filter_map(|call| call.effect) {
        *effects.entry(effect).or_default() += 1;
    }
    let pairs = ENGINEERS.len() * history.domains().len();
    // Automatic licensing may strike each account of the Danish one once, which has two domains in the end.
    let removed = effects.remove("license.removed").unwrap_or(0);
    assert!(
        removed <= if history.is_nasty { 2 * ENGINEERS.len() } else { 0 },
        "{removed} licences taken away"
    );
    // The Norwegian account has one domain, and its licence comes with the site.
    let licensed = pairs - ENGINEERS.len();
    let wanted = [
        ("license.assigned", licensed),
        ("orgunit.created", 3),
        ("role.assigned", pairs),
        ("role.created", 3),
        ("user.created", pairs),
    ];
    let wanted: BTreeMap<String, usize> =
        wanted.into_iter().map(|(effect, count)| (effect.to_owned(), count)).collect();
    assert_eq!(effects, wanted);
}

/// Each engineer: accepted first, one `progressed` for each domain, one `ready`; the domains that were there at `ready` before it.
fn check_outcomes(history: &History) {
    let told = history.world.told();
    for key in ENGINEERS {
        let mut seen = BTreeSet::new();
        // At least once: a repetition has the id of the first.
        let first = told.iter().filter(|event| {
            event["subject"] == format!("engineer/{key}")
                && seen.insert(event["id"].as_str().map(str::to_owned))
        });
        let kinds: Vec<(&str, &str)> = first
            .map(|event| {
                let kind =
                    event["type"].as_str().and_then(|kind| kind.strip_prefix("com.carepass.provisioning."));
                (kind.expect("one of ours"), event["data"]["domain"].as_str().unwrap_or_default())
            })
            .collect();
        assert_eq!(kinds.first(), Some(&("accepted.v1", "")), "{kinds:?}");
        let count = |wanted: &str| kinds.iter().filter(|(kind, _)| *kind == wanted).count();
        assert_eq!((count("accepted.v1"), count("ready.v1")), (1, 1), "{kinds:?}");
        let domains = check_progress(&kinds);
        assert_eq!(domains, history.domains().iter().map(String::as_str).collect(), "{kinds:?}");
        let ready = kinds.iter().position(|(kind, _)| *kind == "ready.v1").expect("just counted");
        let named: BTreeSet<&str> = told
            .iter()
            .find(|event| {
                event["subject"] == format!("engineer/{key}") && event["data"].get("readyAt").is_some()
            })
            .and_then(|event| event["data"]["domains"].as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let before: BTreeSet<&str> = kinds[..ready]
            .iter()
            .map(|(_, domain)| *domain)
            .filter(|domain| domains.contains(domain))
            .collect();
        // A zombie may write the letter, and know nothing of the newest domain.
        let mut unnamed = before.difference(&named);
        let excused = history.stats.zombies > 0;
        assert!(
            named.is_subset(&before) && unnamed.all(|domain| excused && *domain == NEW_DOMAIN),
            "{named:?} of {kinds:?}"
        );
        let late = kinds[ready..].iter().filter(|(kind, _)| *kind == "progressed.v1");
        let mut late = late.filter(|(_, domain)| !before.contains(domain));
        assert!(late.all(|(_, domain)| *domain == NEW_DOMAIN), "{kinds:?}");
    }
}

/// The domains that were told as ready: each once, and again only where a person was asked for meanwhile, since a paid licence may come
/// after everything was done and not go away before somebody acts.
fn check_progress<'a>(kinds: &[(&str, &'a str)]) -> BTreeSet<&'a str> {
    let (mut all, mut ready) = (BTreeSet::new(), BTreeSet::new());
    for (kind, domain) in kinds {
        match *kind {
            "progressed.v1" => {
                all.insert(*domain);
                assert!(ready.insert(*domain), "{domain} progressed twice: {kinds:?}");
            }
            "action-required.v1" => {
                ready.remove(domain);
            }
            _ => (),
        }
    }
    assert_eq!(ready, all, "trouble was not told to be over: {kinds:?}");
    all
}

fn check_letters(history: &History) {
    let letters: Vec<String> = history.room.letters.letters().into_iter().map(|letter| letter.text).collect();
    assert_eq!(letters.len(), ENGINEERS.len());
    let first = history.domains().into_iter().filter(|domain| domain != NEW_DOMAIN);
    for domain in first {
        assert!(letters.iter().all(|text| text.contains(&domain)), "{domain} is not in every letter");
    }
}

async fn check_ledger(history: &History) {
    let entries = history.room.store.entries(Position::default(), usize::MAX).await.expect("memory answers");
    let head = history.room.store.head().await.expect("memory answers");
    assert_eq!(entries.len() as u64, head.0);
    let follow = |pair: &[carepass::model::entry::Entry]| pair[0].position.0 + 1 == pair[1].position.0;
    assert!(entries.windows(2).all(follow), "a gap in the ledger");
}

/// Whose account it is.
pub fn marker(user: &Value) -> Option<String> {
    let markers = user["externalIds"].as_array()?;
    let ours = markers.iter().find(|marker| marker["customType"] == "carepass")?;
    ours["value"].as_str().map(str::to_owned)
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
