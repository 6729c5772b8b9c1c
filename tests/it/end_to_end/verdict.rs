//! What must be so in the end: at Google, at the broker, in the store that three killed daemons left behind. Computed from the events
//! that were sent and from who was said to wait, not by carepass's code.

use super::{CROWDED, DOMAINS, ENGINEERS, MALFORMED};
use crate::fixture::queues::Queues;
use crate::fixture::{Account, Neighbour};
use carepass::model::engineer::EventRef;
use carepass::store::Store;
use carepass::store::embedded::Embedded;
use lapin::message::BasicGetMessage;
use lapin::types::AMQPValue;
use std::collections::{BTreeMap, BTreeSet};

/// One account for each engineer and domain but where somebody waits, with the free licence, the role and nothing else, under one local
/// part everywhere.
pub fn world(neighbour: &Neighbour, waiting: &BTreeSet<String>) {
    let mut by_engineer: BTreeMap<String, Vec<Account>> = BTreeMap::new();
    for account in neighbour.accounts() {
        assert_eq!(account.licenses, ["1010010001"], "{account:?}");
        assert_eq!(account.roles, ["Customer Care"], "{account:?}");
        assert_eq!(account.org_unit, "/Customer Care", "{account:?}");
        assert!(!account.suspended, "{account:?}");
        by_engineer.entry(account.engineer.clone()).or_default().push(account);
    }
    assert_eq!(by_engineer.len(), ENGINEERS);
    let mut local_parts = BTreeSet::new();
    for (engineer, accounts) in by_engineer {
        let mut domains: Vec<&str> = accounts.iter().map(Account::domain).collect();
        domains.sort_unstable();
        let expected = DOMAINS.iter().filter(|domain| **domain != CROWDED.1 || !waiting.contains(&engineer));
        assert!(domains.iter().eq(expected), "{engineer}: {domains:?}");
        let local: BTreeSet<&str> =
            accounts.iter().map(|account| account.address.split('@').next().unwrap()).collect();
        assert_eq!(local.len(), 1, "{engineer} has several local parts: {local:?}");
        assert!(local_parts.insert(local.first().unwrap().to_string()), "{engineer} shares a local part");
    }
}

/// What carepass changed at Google, counted where it was changed.
pub fn effects(neighbour: &Neighbour, waiting: &BTreeSet<String>) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for call in neighbour.sandbox.calls() {
        if let Some(effect) = call.effect {
            *effects.entry(effect).or_default() += 1;
        }
    }
    let accounts = ENGINEERS * DOMAINS.len() - waiting.len();
    // One of the three reseller accounts is licensed as a site: nothing is assigned there.
    let expected = [
        ("license.assigned", accounts - ENGINEERS),
        ("orgunit.created", 3),
        ("role.assigned", accounts),
        ("role.created", 3),
        ("user.created", accounts),
    ];
    assert!(effects.iter().map(|(effect, count)| (effect.as_str(), *count)).eq(expected), "{effects:?}");
}

/// Nothing lies in the queues of events any more; what cannot be used is among the dead letters, with its reason.
pub async fn queues(url: &str) {
    let queues = Queues::at(url).await;
    for queue in ["carepass.engineers", "carepass.leavers"] {
        assert_eq!(queues.take_all(queue).await.len(), 0, "{queue} is empty");
    }
    let letters = queues.take_all("carepass.dead-letters").await;
    // A daemon killed between the copy and the acknowledgement sends a copy twice, never none.
    let found: BTreeSet<(String, String)> = letters.iter().map(body_and_reason).collect();
    let expected = MALFORMED.map(|(body, reason)| (body.to_owned(), reason.to_owned()));
    assert_eq!(found, BTreeSet::from(expected));
}

fn body_and_reason(letter: &BasicGetMessage) -> (String, String) {
    let headers = letter.delivery.properties.headers().clone().expect("dead letters say why");
    let header = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        Some(AMQPValue::ShortString(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert!(!header("carepass-detail").is_empty());
    (String::from_utf8(letter.delivery.data.clone()).unwrap(), header("carepass-reason"))
}

/// Every acknowledged event is in the inbox of the store.
pub async fn ledger(neighbour: &Neighbour) {
    let path = neighbour.folder().join("data");
    let key = neighbour.chain_key();
    let store = tokio::task::spawn_blocking(move || Embedded::open_keyed(&path, &key))
        .await
        .unwrap()
        .expect("the store is whole");
    for number in 0..ENGINEERS {
        let event = EventRef {
            source: "https://hr.nordresale.example/test".into(),
            id: format!("joined-E-{number:05}"),
        };
        assert!(store.received(&event).await.unwrap().is_some(), "{event:?} is not in the inbox");
    }
    store.close().await;
}
