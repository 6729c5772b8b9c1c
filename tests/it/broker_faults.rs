//! Faults of a real broker, one scenario after the other on one node: nothing lost, nothing stuck, and each state told in plain words.
//! Each scenario has a virtual host of its own; the last two end the node. Not here: permissions (`broker_permissions`), kills of
//! carepass itself (`end_to_end`).

use crate::broker_door::{Door, JOINED, LIMIT, message, settings, told, until};
use crate::broker_proxy::Proxy;
use crate::fixture::queues::Queues;
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, PublishError, Topology, publish_all};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const ENGINEERS: &str = "carepass.engineers";
const DEAD: &str = "carepass.dead-letters";
const OUTCOMES: &str = "carepass.outcomes";
/// One more than the delivery limit.
const CRASHES: usize = 21;
const BATCH: usize = 12;

type Scenario = fn(Scene<'_>) -> LocalBoxFuture<'_, ()>;

/// What a failure names, and what happens.
const SCENARIOS: [(&str, Scenario); 13] = [
    ("memory alarm", |scene| Box::pin(scene.alarm("set_vm_memory_high_watermark", "0.00001", "0.4"))),
    ("disk alarm", |scene| Box::pin(scene.alarm("set_disk_free_limit", "900000GB", "50MB"))),
    ("queue deleted", |scene| Box::pin(scene.queue_deleted())),
    ("connection closed by an operator", |scene| Box::pin(scene.closed_by_operator())),
    ("permission revoked", |scene| Box::pin(scene.permission_revoked())),
    ("unroutable outcome", |scene| Box::pin(scene.unroutable())),
    ("nack on publish", |scene| Box::pin(scene.nacked())),
    ("reset", |scene| Box::pin(scene.reset())),
    ("silent both ways", |scene| Box::pin(scene.silent(true, true))),
    ("silent from the broker", |scene| Box::pin(scene.silent(false, true))),
    ("silent to the broker", |scene| Box::pin(scene.silent(true, false))),
    ("confirm lost", |scene| Box::pin(scene.confirm_lost())),
    ("21 crashes with a full prefetch", |scene| Box::pin(scene.crashes())),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_faults_lose_nothing_and_are_told() {
    let mut node = RabbitNode::start();
    let mut failed = Vec::new();
    for (name, scenario) in SCENARIOS {
        let began = tokio::time::Instant::now();
        println!("scenario: {name}");
        let scene = Scene::new(&node).await;
        let done = tokio::time::timeout(LIMIT, AssertUnwindSafe(scenario(scene)).catch_unwind()).await;
        if !matches!(done, Ok(Ok(()))) {
            failed.push(name);
        }
        println!("  {} after {:?}", if failed.contains(&name) { "failed" } else { "done" }, began.elapsed());
    }
    assert!(failed.is_empty(), "failed, each as told above: {failed:?}");
    killed_and_started(&mut node).await;
}

/// A virtual host, and a proxy before the node.
struct Scene<'a> {
    node: &'a RabbitNode,
    url: String,
    proxy: Proxy,
}

impl<'a> Scene<'a> {
    async fn new(node: &'a RabbitNode) -> Self {
        let url = node.fresh_vhost();
        let full = settings(&url);
        Topology::of(&full).unwrap().ensure_at(&full.endpoint).await.unwrap();
        let proxy = Proxy::before(SocketAddr::from(([127, 0, 0, 1], port_of(&url)))).await;
        Self { node, url, proxy }
    }

    /// Through the proxy, with heartbeats that notice silence within a few seconds.
    fn settings(&self) -> AmqpSettings {
        let behind =
            self.url.replace(&format!(":{}/", port_of(&self.url)), &format!(":{}/", self.proxy.port));
        settings(&format!("{behind}?heartbeat=2"))
    }

    fn vhost(&self) -> &str {
        self.url.rsplit_once('/').unwrap().1
    }

    async fn hr(&self, bodies: &[&str]) {
        let messages = bodies.iter().map(|body| message("hr.events", body)).collect();
        let counts = publish_all(&SecretString::from(self.url.clone()), messages, |_, _| ()).await.unwrap();
        assert_eq!(counts.confirmed, bodies.len());
    }

    async fn open(&self) -> Door {
        let door = Door::open(&self.settings(), 10);
        door.connected().await;
        door
    }

    /// After a fault both ways work again, and what lay in the queue is settled.
    async fn works(&self, door: &Door) {
        door.connected().await;
        self.hr(&["after"]).await;
        door.takes("after").await;
        tell(door, "after").await;
        let queues = Queues::at(&self.url).await;
        until("the outcome lies in its queue", async || queues.depth(OUTCOMES).await.0 > 0).await;
    }

    async fn alarm(self, command: &str, low: &str, normal: &str) {
        let door = self.open().await;
        self.node.ctl(&[command, low]);
        let meanwhile = door.publisher.publish(message(OUTCOMES, "held")).await;
        // A node that hears of its alarm after it confirmed has taken the message.
        assert!(matches!(meanwhile, Ok(()) | Err(PublishError::Blocked)), "{meanwhile:?}");
        door.publisher.publish(message(OUTCOMES, "held")).await.unwrap_err();
        told(&door.outcomes, "blocked").await;
        self.node.ctl(&[command, normal]);
        self.works(&door).await;
    }

    async fn queue_deleted(self) {
        let door = self.open().await;
        self.node.ctl(&["delete_queue", "-p", self.vhost(), ENGINEERS]);
        told(&door.intake, "was the queue deleted?").await;
        self.works(&door).await;
    }

    async fn closed_by_operator(self) {
        let door = self.open().await;
        self.node.ctl(&["close_all_connections", "-p", self.vhost(), "maintenance"]);
        told(&door.intake, "an operator closed the connection").await;
        self.works(&door).await;
    }

    async fn permission_revoked(self) {
        let door = Door::open(&AmqpSettings { declare: false, ..self.settings() }, 10);
        door.connected().await;
        self.node.ctl(&["set_permissions", "-p", self.vhost(), "guest", ".*", ".*", "^$"]);
        self.node.ctl(&["close_all_connections", "-p", self.vhost(), "maintenance"]);
        self.hr(&["kept"]).await;
        told(&door.intake, "may not read queue 'carepass.").await;
        self.node.ctl(&["set_permissions", "-p", self.vhost(), "guest", ".*", ".*", ".*"]);
        door.takes("kept").await;
        self.works(&door).await;
    }

    async fn unroutable(self) {
        let door = self.open().await;
        self.node.ctl(&["delete_queue", "-p", self.vhost(), OUTCOMES]);
        let refused = door.publisher.publish(message(OUTCOMES, "o")).await;
        assert!(matches!(refused, Err(PublishError::Unroutable { .. })), "{refused:?}");
        let full = settings(&self.url);
        Topology::of(&full).unwrap().ensure_at(&full.endpoint).await.unwrap();
        self.works(&door).await;
    }

    async fn nacked(self) {
        let door = self.open().await;
        let full = r#"{"max-length":1,"overflow":"reject-publish"}"#;
        self.node.ctl(&["set_policy", "-p", self.vhost(), "full", "^carepass.dead-letters$", full]);
        let dead = || {
            let mut dead = message("carepass.dead", "d");
            DEAD.clone_into(&mut dead.routing_key);
            door.publisher.publish(dead)
        };
        until("the broker refuses what a full queue cannot take", async || {
            matches!(dead().await, Err(PublishError::Nacked))
        })
        .await;
        self.works(&door).await;
    }

    async fn reset(self) {
        let door = self.open().await;
        self.proxy.reset();
        told(&door.intake, "the connection broke").await;
        self.works(&door).await;
    }

    async fn silent(self, out: bool, back: bool) {
        let door = self.open().await;
        self.proxy.swallow(out, back);
        self.hr(&["meanwhile"]).await;
        told(&door.intake, "down: ").await;
        self.proxy.swallow(false, false);
        self.proxy.reset();
        door.takes("meanwhile").await;
        self.works(&door).await;
    }

    async fn confirm_lost(self) {
        let door = self.open().await;
        self.proxy.swallow(false, true);
        let lost = door.publisher.publish(message(OUTCOMES, "twice")).await;
        assert!(matches!(lost, Err(PublishError::Timeout | PublishError::Closed(_))), "{lost:?}");
        self.proxy.swallow(false, false);
        self.proxy.reset();
        tell(&door, "twice").await;
        let ids: Vec<_> = Queues::at(&self.url).await.take_all(OUTCOMES).await;
        let same = ids.iter().all(|message| message.delivery.data == b"twice");
        assert!(ids.len() == 2 && same, "told again under the same id, {} times", ids.len());
        self.works(&door).await;
    }

    /// What was in hand at too many crashes lies with the dead letters, all else in the queue: none is gone.
    async fn crashes(self) {
        let bodies: Vec<String> = (0..BATCH).map(|number| format!("m{number}")).collect();
        self.hr(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let queues = Queues::at(&self.url).await;
        for _ in 0..CRASHES {
            let door = Door::open(&self.settings(), 0);
            until("deliveries are in hand", async || *door.engine.deliveries.lock().unwrap() >= 5).await;
            drop(door);
            self.proxy.reset();
            until("the broker has them back", async || queues.depth(ENGINEERS).await.1 == 0).await;
        }
        let door = self.open().await;
        until("all is settled", async || queues.depth(ENGINEERS).await.0 == 0).await;
        self.works(&door).await;
        let dead = queues.take_all(DEAD).await;
        let taken = door.engine.taken.lock().unwrap().clone();
        let gone = bodies.iter().filter(|body| {
            !taken.contains(body.as_bytes()) && !dead.iter().any(|dead| dead.delivery.data == body.as_bytes())
        });
        assert_eq!(gone.count(), 0, "{} dead, {} taken", dead.len(), taken.len());
        assert!(!dead.is_empty(), "delivered {CRASHES} times, and the limit is 20");
    }
}

/// Both ways of ending the node, with messages in it.
async fn killed_and_started(node: &mut RabbitNode) {
    println!("scenario: kill -9");
    let scene = Scene::new(node).await;
    let (url, direct) = (scene.url.clone(), settings(&scene.url));
    scene.hr(&["before"]).await;
    node.ctl(&["eval", "mnesia:sync_log()."]);
    let door = Door::open(&direct, 0);
    until("it is in hand", async || *door.engine.deliveries.lock().unwrap() == 1).await;
    node.kill9();
    told(&door.intake, "down: ").await;
    told(&door.outcomes, "nobody listens there").await;
    door.engine.gate.add_permits(10);
    node.restart();
    door.connected().await;
    door.takes("before").await;
    tell(&door, "after").await;
    let queues = Queues::at(&url).await;
    until("nothing is left", async || queues.depth(ENGINEERS).await.0 == 0).await;
}

/// Publishes as the engine does: again until it is confirmed.
async fn tell(door: &Door, body: &str) {
    let outcome = || message(OUTCOMES, body);
    assert_eq!(outcome().routing_key, JOINED);
    while door.publisher.publish(outcome()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn port_of(url: &str) -> u16 {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split(['/', ':']).nth(1).unwrap().parse().unwrap()
}
