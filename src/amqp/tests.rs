//! The door against the loopback broker: what is promised of deliveries, refusals, outages and outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::sandbox::broker::Broker;

const JOINED: &str = "com.carepass.engineer.joined.v1";
pub(super) const QUEUE: &str = "carepass.engineers";
const LEAVERS: &str = "carepass.leavers";
const DEAD: &str = "carepass.dead-letters";

type Judge = dyn FnMut(&Incoming) -> Verdict + Send;

/// An engine that judges as it is told, shows what it took, and can be held up.
struct Engine {
    judge: Mutex<Box<Judge>>,
    taken: mpsc::Sender<Incoming>,
    gate: Semaphore,
    ready: AtomicBool,
}

impl Intake for Engine {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            let place = self.gate.acquire().await.unwrap();
            let verdict = (self.judge.lock().unwrap())(&delivery);
            self.taken.try_send(delivery).unwrap();
            drop(place);
            verdict
        })
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.ready.load(Ordering::SeqCst) })
    }
}

/// A broker and both connections of the door.
struct Door {
    broker: Broker,
    engine: Arc<Engine>,
    taken: mpsc::Receiver<Incoming>,
    publisher: Publisher,
    intake_health: watch::Receiver<Health>,
    consuming: JoinHandle<()>,
    stop: CancellationToken,
}

pub(super) async fn broker() -> Broker {
    let broker = Broker::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    tokio::spawn(broker.clone().serve(CancellationToken::new()));
    broker
}

pub(super) fn settings(broker: &Broker) -> AmqpSettings {
    AmqpSettings { prefetch: 4, ..AmqpSettings::new(endpoint(&broker.uri())) }
}

pub(super) fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(&SecretString::from(url)).unwrap()
}

impl Door {
    async fn open(judge: impl FnMut(&Incoming) -> Verdict + Send + 'static) -> Self {
        let door = Self::open_at(broker().await, Semaphore::MAX_PERMITS, judge);
        door.consuming().await;
        door
    }

    fn open_at(
        broker: Broker,
        places: usize,
        judge: impl FnMut(&Incoming) -> Verdict + Send + 'static,
    ) -> Self {
        Self::open_with(&settings(&broker), broker, places, judge)
    }

    fn open_with(
        settings: &AmqpSettings,
        broker: Broker,
        places: usize,
        judge: impl FnMut(&Incoming) -> Verdict + Send + 'static,
    ) -> Self {
        let (sender, taken) = mpsc::channel(4096);
        let engine = Arc::new(Engine {
            judge: Mutex::new(Box::new(judge)),
            taken: sender,
            gate: Semaphore::new(places),
            ready: AtomicBool::new(true),
        });
        let chance = fastrand::Rng::with_seed(7);
        let (publisher, link) = Publisher::new(settings, chance.clone()).unwrap();
        let intake = Arc::clone(&engine);
        let consumer = Consumer::new(settings, intake, publisher.clone(), chance).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(link.run(CancellationToken::new()));
        Self {
            broker,
            engine,
            taken,
            publisher,
            intake_health: consumer.health(),
            consuming: tokio::spawn(consumer.run(stop.clone())),
            stop,
        }
    }

    async fn consuming(&self) {
        let both =
            |broker: &Broker| broker.consumers(QUEUE) == Some(1) && broker.consumers(LEAVERS) == Some(1);
        self.broker.wait_until(both).await;
    }

    async fn hr_publishes(&self, messages: Vec<Outgoing>) {
        let url = SecretString::from(self.broker.uri());
        let count = messages.len();
        let counts = publish_all(&url, messages, |_, _| ()).await.unwrap();
        assert_eq!(counts.confirmed, count);
    }

    async fn next(&mut self) -> Incoming {
        self.taken.recv().await.unwrap()
    }

    async fn settled(&self) {
        let settled = |broker: &Broker| {
            [QUEUE, LEAVERS]
                .iter()
                .all(|queue| broker.depth(queue) == Some(0) && broker.unacknowledged(queue) == Some(0))
        };
        self.broker.wait_until(settled).await;
    }
}

fn event(routing_key: &str, id: usize) -> Outgoing {
    Outgoing {
        exchange: "hr.events".into(),
        routing_key: routing_key.into(),
        message_id: format!("m{id}"),
        content_type: "application/cloudevents+json".into(),
        headers: BTreeMap::from([("trace".to_owned(), "t1".to_owned())]),
        body: format!(r#"{{"id":{id}}}"#).into_bytes(),
    }
}

fn outcome(routing_key: &str) -> Outgoing {
    Outgoing { exchange: "carepass.outcomes".into(), ..event(routing_key, 0) }
}

fn refused() -> Verdict {
    Verdict::Refused { reason: "schema".into(), detail: "/data/name".into() }
}

#[tokio::test]
async fn what_is_durable_is_acknowledged() {
    let mut door = Door::open(|_| Verdict::Durable).await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    let expected = Incoming {
        body: br#"{"id":1}"#.to_vec(),
        content_type: Some("application/cloudevents+json".into()),
        headers: BTreeMap::from([("trace".to_owned(), "t1".to_owned())]),
        way: Way { queue: QUEUE.into(), exchange: "hr.events".into(), routing_key: JOINED.into() },
    };
    assert_eq!(door.next().await, expected);
    door.settled().await;
    assert_eq!(*door.intake_health.borrow(), Health::Connected);
}

#[tokio::test]
async fn the_end_of_access_reaches_the_leavers_queue_as_well() {
    let check = async |routing_key: &str, times: usize| {
        let mut door = Door::open(|_| Verdict::Durable).await;
        door.hr_publishes(vec![event(routing_key, 1)]).await;
        door.settled().await;
        let taken = std::iter::from_fn(|| door.taken.try_recv().ok()).count();
        assert_eq!(taken, times, "{routing_key}");
    };
    check(JOINED, 1).await;
    check("com.carepass.engineer.moved.v1", 1).await;
    for word in ["left", "cancelled", "erased"] {
        check(&format!("com.carepass.engineer.{word}.v1"), 2).await;
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable_and_no_more_than_prefetch_is_in_hand() {
    let mut door = Door::open_at(broker().await, 0, |_| Verdict::Durable);
    door.consuming().await;
    door.hr_publishes((0..10).map(|id| event(JOINED, id)).collect()).await;
    let in_hand = |broker: &Broker| broker.unacknowledged(QUEUE) == Some(4);
    door.broker.wait_until(in_hand).await;
    assert_eq!(door.broker.depth(QUEUE), Some(6));
    assert!(door.taken.try_recv().is_err());
    door.engine.gate.add_permits(10);
    door.settled().await;
    let mut taken = BTreeSet::new();
    for _ in 0..10 {
        taken.insert(door.next().await.body);
    }
    assert_eq!(taken.len(), 10);
}

#[tokio::test]
async fn what_is_refused_goes_to_the_dead_letters_with_the_reason() {
    let door = Door::open(|_| refused()).await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.settled().await;
    let dead = door.broker.take(DEAD).unwrap();
    assert_eq!(dead.body, br#"{"id":1}"#);
    assert_eq!(dead.message_id.as_deref(), Some("m1"));
    assert!(dead.persistent);
    let header = |name: &str| dead.headers.get(name).map(String::as_str);
    assert_eq!(header("carepass-reason"), Some("schema"));
    assert_eq!(header("carepass-detail"), Some("/data/name"));
    assert_eq!(header("carepass-routing-key"), Some(JOINED));
    assert_eq!(header("carepass-queue"), Some(QUEUE));
    assert_eq!(header("trace"), Some("t1"));
}

#[tokio::test]
async fn a_refused_message_stays_when_the_dead_letters_cannot_take_it() {
    let mut door = Door::open(|_| refused()).await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    door.settled().await;
    door.broker.take(DEAD).unwrap();

    *door.engine.judge.lock().unwrap() = Box::new({
        let broker = door.broker.clone();
        move |_| {
            broker.set_alarm(true);
            refused()
        }
    });
    door.hr_publishes(vec![event(JOINED, 3)]).await;
    door.next().await;
    let given_back = |broker: &Broker| broker.depth(QUEUE) == Some(1) && broker.consumers(QUEUE) == Some(0);
    door.broker.wait_until(given_back).await;
    let not_copied = |health: &Health| matches!(health, Health::Connecting { last_error: Some(error), .. } if error.contains("dead letters"));
    door.intake_health.wait_for(not_copied).await.unwrap();
    for _ in 0..2 {
        door.intake_health.changed().await.unwrap();
    }
    assert!(door.taken.try_recv().is_err(), "a redelivery was spent on trying");

    *door.engine.judge.lock().unwrap() = Box::new(|_| refused());
    door.broker.set_alarm(false);
    door.next().await;
    door.settled().await;
    // A broker may have taken what it kept back during its alarm: once or twice, and never not at all.
    let copies = bodies(&door, DEAD);
    assert!(
        (1..=2).contains(&copies.len()) && copies.iter().all(|body| body == br#"{"id":3}"#),
        "{copies:?}"
    );
    assert!(door.taken.try_recv().is_err());
}

#[tokio::test]
async fn dead_letters_without_their_queue_get_it_back() {
    let mut door = Door::open(|_| refused()).await;
    // Whoever connects declares what is missing: both connections are up before it goes.
    door.publisher.health().wait_for(|health| *health == Health::Connected).await.unwrap();
    door.broker.delete_queue(DEAD);
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    door.next().await;
    door.settled().await;
    assert_eq!(bodies(&door, DEAD), [br#"{"id":1}"#.to_vec()]);
    assert!(door.taken.try_recv().is_err(), "known by its copy after one redelivery");
}

fn bodies(door: &Door, queue: &str) -> Vec<Vec<u8>> {
    door.broker.messages(queue).into_iter().map(|message| message.body).collect()
}

#[tokio::test]
async fn what_is_large_or_has_many_headers_is_dead_lettered_nevertheless() {
    let door = Door::open(|_| refused()).await;
    let headers = (0..14).map(|number| (format!("h{number}"), "x".repeat(9_000)));
    let large = Outgoing { body: vec![b'x'; 600 * 1024], headers: headers.collect(), ..event(JOINED, 1) };
    door.hr_publishes(vec![large.clone()]).await;
    door.settled().await;
    let dead = door.broker.take(DEAD).unwrap();
    assert_eq!(dead.body, large.body);
    assert_eq!(dead.headers.get("carepass-reason").map(String::as_str), Some("schema"));
    assert_eq!(dead.headers.get("carepass-headers-left-out").map(String::as_str), Some("1"));
}

#[tokio::test]
async fn while_carepass_cannot_take_events_the_broker_keeps_them() {
    let mut door = Door::open(|_| Verdict::Unavailable).await;
    door.engine.ready.store(false, Ordering::SeqCst);
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    let kept = |broker: &Broker| broker.depth(QUEUE) == Some(1) && broker.consumers(QUEUE) == Some(0);
    door.broker.wait_until(kept).await;
    let connecting = |health: &Health| matches!(health, Health::Connecting { .. });
    door.intake_health.wait_for(connecting).await.unwrap();

    *door.engine.judge.lock().unwrap() = Box::new(|_| Verdict::Durable);
    door.engine.ready.store(true, Ordering::SeqCst);
    door.next().await;
    door.settled().await;
    assert_eq!(door.broker.depth(DEAD), Some(0));
    // Full speed again: the one-at-a-time consumer has made way for a normal one.
    door.hr_publishes((2..20).map(|id| event(JOINED, id)).collect()).await;
    door.settled().await;
}

#[tokio::test]
async fn nothing_is_lost_when_connections_break_again_and_again() {
    let mut door = Door::open(|_| Verdict::Durable).await;
    let publisher = door.publisher.clone();
    let publishing = tokio::spawn(async move {
        for id in 0..300 {
            while publisher.publish(event(JOINED, id)).await.is_err() {}
        }
    });
    let mut taken = BTreeSet::new();
    while taken.len() < 300 {
        let new = taken.insert(door.next().await.body);
        if new && [100, 200].contains(&taken.len()) {
            door.broker.drop_connections();
        }
    }
    publishing.await.unwrap();
    door.consuming().await;
    door.settled().await;
}

#[tokio::test]
async fn an_outcome_that_nobody_takes_is_an_error() {
    let door = Door::open(|_| Verdict::Durable).await;
    assert_eq!(door.publisher.publish(outcome("provisioning.ready.v1")).await, Ok(()));
    assert_eq!(door.broker.depth("carepass.outcomes"), Some(1));
    let unroutable = Outgoing { routing_key: "elsewhere".into(), ..event(JOINED, 1) };
    let expected = PublishError::Unroutable { exchange: "hr.events".into(), routing_key: "elsewhere".into() };
    assert_eq!(door.publisher.publish(unroutable).await, Err(expected));
}

#[tokio::test]
async fn an_alarm_blocks_outcomes_and_intake_goes_on() {
    let mut door = Door::open(|_| Verdict::Durable).await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    door.broker.set_alarm(true);
    for _ in 0..2 {
        let published = door.publisher.publish(outcome("a.v1")).await;
        assert_eq!(published, Err(PublishError::Blocked));
    }
    assert_eq!(*door.publisher.health().borrow(), Health::Blocked);
    door.settled().await;
    door.broker.set_alarm(false);
    let connected = |health: &Health| *health == Health::Connected;
    door.publisher.health().wait_for(connected).await.unwrap();
    assert_eq!(door.publisher.publish(outcome("b.v1")).await, Ok(()));
}

#[tokio::test]
async fn a_broker_that_is_away_is_waited_for() {
    let broker = broker().await;
    broker.set_away(true);
    let mut door = Door::open_at(broker, 1, |_| Verdict::Durable);
    let failed = |health: &Health| matches!(health, Health::Connecting { last_error: Some(error), .. } if !error.is_empty());
    door.intake_health.wait_for(failed).await.unwrap();
    door.broker.set_away(false);
    door.consuming().await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    door.settled().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_hand_and_takes_no_more() {
    let door = Door::open_at(broker().await, 0, |_| Verdict::Durable);
    door.consuming().await;
    door.hr_publishes((0..6).map(|id| event(JOINED, id)).collect()).await;
    let in_hand = |broker: &Broker| broker.unacknowledged(QUEUE) == Some(4);
    door.broker.wait_until(in_hand).await;
    door.stop.cancel();
    let cancelled = |broker: &Broker| broker.consumers(QUEUE) == Some(0);
    door.broker.wait_until(cancelled).await;
    door.engine.gate.add_permits(6);
    door.consuming.await.unwrap();
    assert_eq!(door.broker.unacknowledged(QUEUE), Some(0));
    assert_eq!(door.broker.depth(QUEUE), Some(2));
}

#[tokio::test]
async fn a_queue_deleted_under_the_consumer_is_declared_anew() {
    let mut door = Door::open(|_| Verdict::Durable).await;
    door.broker.delete_queue(QUEUE);
    door.consuming().await;
    door.hr_publishes(vec![event(JOINED, 1)]).await;
    door.next().await;
    door.settled().await;
}

#[tokio::test]
async fn a_list_is_published_and_counted() {
    let door = Door::open(|_| Verdict::Durable).await;
    let mut messages: Vec<Outgoing> = (0..100).map(|id| event(JOINED, id)).collect();
    messages.push(event("elsewhere", 100));
    messages.push(event(&"x".repeat(256), 101));
    let url = SecretString::from(door.broker.uri());
    let mut seen = BTreeSet::new();
    let counts = publish_all(&url, messages, |place, _| {
        seen.insert(place);
    });
    let expected = PublishCounts { confirmed: 100, unroutable: 1, failed: 1 };
    assert_eq!(counts.await.unwrap(), expected);
    assert_eq!(seen.len(), 102);

    let nowhere = Outgoing { exchange: "nowhere".into(), ..event(JOINED, 1) };
    let error = publish_all(&url, vec![nowhere], |_, _| ()).await;
    assert!(error.unwrap_err().to_string().contains("exchange 'nowhere' is missing"));
}

#[tokio::test]
async fn a_wrong_password_is_said_in_plain_words() {
    let broker = broker().await;
    let url = SecretString::from(strangers(&broker));
    let error = publish_all(&url, Vec::new(), |_, _| ()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("refuses access") && !text.contains("guest"), "{text}");
}

/// The broker of a demo as somebody else would name it.
fn strangers(broker: &Broker) -> String {
    let uri = broker.uri();
    let (_, place) = uri.split_once('@').unwrap();
    format!("amqp://guest:guest@{place}")
}

#[tokio::test]
async fn the_broker_of_a_demo_serves_its_own_demo_only() {
    let broker = broker().await;
    let settings = AmqpSettings::new(endpoint(&strangers(&broker)));
    let door = Door::open_with(&settings, broker, 1, |_| Verdict::Durable);
    let refused = |health: &Health| matches!(health, Health::Connecting { last_error: Some(error), .. } if error.contains("built-in broker of `carepass demo`"));
    door.publisher.health().wait_for(refused).await.unwrap();
    door.intake_health.clone().wait_for(refused).await.unwrap();
    assert_eq!(door.broker.consumers(QUEUE), None);
}

#[tokio::test]
async fn a_queue_is_looked_at_without_being_touched() {
    let door = Door::open(|_| Verdict::Unavailable).await;
    let endpoint = endpoint(&door.broker.uri());
    let names = [QUEUE, "elsewhere", "carepass.outcomes"];
    door.publisher.publish(outcome("a.v1")).await.unwrap();
    let seen = look_at_queues(&endpoint, &names).await.unwrap();
    let look = |messages, consumers| Some(QueueLook { messages, consumers });
    assert_eq!(seen, [look(0, 1), None, look(1, 0)]);
}
