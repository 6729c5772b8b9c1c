//! The main job, end to end: events on a real RabbitMQ, the built binary, a daemon that is killed at random moments. In the end Google's
//! world equals the model, nothing exists twice, and every event is accounted for.

use crate::fixture::daemon::Daemon;
use crate::fixture::{Account, Neighbour, events};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, Endpoint, Topology, publish_all};
use carepass::model::engineer::EventRef;
use carepass::store::Store;
use carepass::store::embedded::Embedded;
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ENGINEERS: usize = 185;
const DUPLICATES: usize = 10;
const MALFORMED: [(&str, &str); 5] = [
    ("not json", "json_syntax"),
    ("[]", "not_an_object"),
    ("{\"specversion\":\"1.0\"}", "missing_field"),
    ("{\"a\":1,\"a\":2}", "duplicate_key"),
    ("", "json_syntax"),
];
const DOMAINS: [&str; 4] =
    ["care-se.example", "reseller-dk.example", "reseller-no.example", "reseller-se.example"];
const KILLS: usize = 3;

/// The whole test may take this long; it usually takes a small part of it.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_two_hundred_events_and_three_kills() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let rabbit = RabbitNode::start();
    let url = SecretString::from(rabbit.url());
    let neighbour = Neighbour::start().await;
    let environment = neighbour.environment(&[("INTAKE__AMQP__URL", &rabbit.url())]);
    let settings = AmqpSettings::new(Endpoint::parse(&url).unwrap());
    Topology::of(&settings).unwrap().ensure_at(&settings.endpoint).await.unwrap();

    let mut daemon = Daemon::start(&neighbour, &environment);
    let published = tokio::spawn(publish(url.clone()));
    for _ in 0..KILLS {
        // Between one account and most of them: at a random amount of work, so at a random moment of it.
        let accounts = chance.usize(1..ENGINEERS * DOMAINS.len() * 2 / 3);
        wait_until(&mut daemon, "some accounts", || neighbour.accounts().len() >= accounts).await;
        daemon.kill9();
        daemon = Daemon::start(&neighbour, &environment);
    }
    published.await.unwrap();
    let told = tokio::time::timeout(PATIENCE, ready_outcomes(&rabbit.url())).await;
    let told = told.unwrap_or_else(|_| panic!("not everybody became ready:\n{}", daemon.log_tail()));
    assert!(daemon.stop().success());

    check_world(&neighbour);
    check_effects(&neighbour);
    check_outcomes(&told);
    check_dead_letters(&rabbit.url()).await;
    check_ledger(&neighbour).await;
}

async fn publish(url: SecretString) {
    let joined = |number| {
        let event = events::joined(number);
        events::outgoing(event.to_string().into_bytes(), event["id"].as_str().unwrap())
    };
    let duplicates = (0..DUPLICATES).map(|number| joined(number * 17));
    let malformed = MALFORMED.iter().enumerate();
    let malformed =
        malformed.map(|(i, (body, _))| events::outgoing(body.as_bytes().to_vec(), &format!("bad-{i}")));
    let messages: Vec<_> = (0..ENGINEERS).map(joined).chain(duplicates).chain(malformed).collect();
    assert_eq!(messages.len(), 200);
    let counts = publish_all(&url, messages, |_, _| ()).await.unwrap();
    assert_eq!(counts.confirmed, 200);
}

async fn wait_until(daemon: &mut Daemon, what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            assert!(!daemon.has_ended(), "the daemon has ended:\n{}", daemon.log_tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let held = tokio::time::timeout(PATIENCE, waiting).await;
    held.unwrap_or_else(|_| panic!("no {what}:\n{}", daemon.log_tail()));
}

/// Reads the outcomes until every engineer is ready. They come at least once: the ids tell repeats.
async fn ready_outcomes(url: &str) -> BTreeMap<String, Vec<Value>> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = BasicConsumeOptions::default();
    let mut consumer = channel
        .basic_consume("carepass.outcomes".into(), "test".into(), options, FieldTable::default())
        .await
        .unwrap();
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    while ready.len() < ENGINEERS {
        let delivery = consumer.next().await.expect("the broker lives").unwrap();
        let event: Value = serde_json::from_slice(&delivery.data).unwrap();
        delivery.ack(BasicAckOptions::default()).await.unwrap();
        if event["type"] == "com.carepass.provisioning.ready.v1" {
            ready.insert(event["subject"].as_str().unwrap().to_owned());
        }
        told.entry(event["subject"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    told
}

/// One account for each engineer and domain, with the free licence, the role and nothing else, under one local part everywhere.
fn check_world(neighbour: &Neighbour) {
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
        let domains: BTreeSet<&str> = accounts.iter().map(Account::domain).collect();
        assert_eq!((domains, accounts.len()), (DOMAINS.into(), DOMAINS.len()), "{engineer}");
        let local: BTreeSet<&str> =
            accounts.iter().map(|account| account.address.split('@').next().unwrap()).collect();
        assert_eq!(local.len(), 1, "{engineer} has several local parts: {local:?}");
        assert!(local_parts.insert(local.first().unwrap().to_string()), "{engineer} shares a local part");
    }
}

/// What carepass changed at Google, counted where it was changed.
fn check_effects(neighbour: &Neighbour) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for call in neighbour.sandbox.calls() {
        if let Some(effect) = call.effect {
            *effects.entry(effect).or_default() += 1;
        }
    }
    let accounts = ENGINEERS * DOMAINS.len();
    assert_eq!(effects["user.created"], accounts);
    assert_eq!(effects["role.assigned"], accounts);
    // One of the three reseller accounts is licensed as a site: nothing is assigned there.
    assert_eq!(effects["license.assigned"], ENGINEERS * 3);
    assert_eq!((effects["orgunit.created"], effects["role.created"]), (3, 3));
    let known = ["user.created", "role.assigned", "license.assigned", "orgunit.created", "role.created"];
    assert!(effects.keys().all(|effect| known.contains(&effect.as_str())), "{effects:?}");
}

/// Exactly one `ready` for each engineer by its id, after one `progressed` for each domain, each after `accepted`.
fn check_outcomes(told: &BTreeMap<String, Vec<Value>>) {
    for number in 0..ENGINEERS {
        let events = &told[&format!("engineer/E-{number:05}")];
        let ids = |kind: &str| -> BTreeSet<&str> {
            let of_kind = events.iter().filter(|event| event["type"].as_str().unwrap().ends_with(kind));
            of_kind.map(|event| event["id"].as_str().unwrap()).collect()
        };
        assert_eq!(ids("provisioning.accepted.v1").len(), 1, "{events:?}");
        assert_eq!(ids("provisioning.progressed.v1").len(), DOMAINS.len(), "{events:?}");
        assert_eq!(ids("provisioning.ready.v1").len(), 1, "{events:?}");
        assert!(events[0]["type"].as_str().unwrap().ends_with("accepted.v1"), "{events:?}");
        assert!(
            events.iter().all(|event| event["causationid"] == format!("joined-E-{number:05}")),
            "{events:?}"
        );
    }
}

async fn check_dead_letters(url: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut found = Vec::new();
    while let Some(message) =
        channel.basic_get("carepass.dead-letters".into(), BasicGetOptions { no_ack: true }).await.unwrap()
    {
        let headers = message.delivery.properties.headers().clone().expect("dead letters say why");
        let header = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            Some(AMQPValue::ShortString(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        };
        assert!(!header("carepass-detail").is_empty());
        found.push((String::from_utf8(message.delivery.data.clone()).unwrap(), header("carepass-reason")));
    }
    // A daemon killed between the copy and the acknowledgement sends a copy twice, never none.
    found.sort();
    found.dedup();
    let mut expected: Vec<(String, String)> =
        MALFORMED.iter().map(|(body, reason)| ((*body).to_owned(), (*reason).to_owned())).collect();
    expected.sort();
    assert_eq!(found, expected);
}

/// Every acknowledged event is in the inbox of the store that three killed daemons left behind.
async fn check_ledger(neighbour: &Neighbour) {
    let path = neighbour.folder().join("data");
    let store = tokio::task::spawn_blocking(move || Embedded::open(&path))
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
