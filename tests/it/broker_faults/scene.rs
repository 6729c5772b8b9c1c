//! What a scenario has: a virtual host with carepass's queues, a proxy before the node, HR, and what must work again after each fault.
//! Not here: the faults (`scenarios`).

use crate::broker_door::{Door, JOINED, message, settings, until};
use crate::broker_proxy::Proxy;
use crate::fixture::queues::Queues;
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, Topology, publish_all};
use secrecy::SecretString;
use std::net::SocketAddr;

pub const ENGINEERS: &str = "carepass.engineers";
pub const DEAD: &str = "carepass.dead-letters";
pub const OUTCOMES: &str = "carepass.outcomes";

pub struct Scene<'a> {
    pub node: &'a RabbitNode,
    pub url: String,
    pub proxy: Proxy,
}

impl<'a> Scene<'a> {
    pub async fn new(node: &'a RabbitNode) -> Self {
        let url = node.fresh_vhost();
        declare(&url).await;
        let proxy = Proxy::before(SocketAddr::from(([127, 0, 0, 1], port_of(&url)))).await;
        Self { node, url, proxy }
    }

    /// Through the proxy, with heartbeats that no stall of a busy machine is too long for.
    pub fn settings(&self) -> AmqpSettings {
        self.settings_with_heartbeat(60)
    }

    /// The same, where silence is noticed after twice as many seconds.
    pub fn settings_with_heartbeat(&self, seconds: u16) -> AmqpSettings {
        let behind =
            self.url.replace(&format!(":{}/", port_of(&self.url)), &format!(":{}/", self.proxy.port));
        settings(&format!("{behind}?heartbeat={seconds}"))
    }

    pub fn vhost(&self) -> &str {
        self.url.rsplit_once('/').unwrap().1
    }

    pub async fn hr(&self, bodies: &[&str]) {
        let messages = bodies.iter().map(|body| message("hr.events", body)).collect();
        let counts = publish_all(&SecretString::from(self.url.clone()), messages, |_, _| ()).await.unwrap();
        assert_eq!(counts.confirmed, bodies.len());
    }

    pub async fn open(&self) -> Door {
        let door = Door::open(&self.settings(), 10);
        door.connected().await;
        door
    }

    /// After a fault both ways work again, and what lay in the queue is settled.
    pub async fn works(&self, door: &Door) {
        door.connected().await;
        self.hr(&["after"]).await;
        door.takes("after").await;
        tell(door, "after").await;
        let queues = Queues::at(&self.url).await;
        until("the outcome lies in its queue", async || queues.depth(OUTCOMES).await.0 > 0).await;
        until("nothing is left", async || queues.depth(ENGINEERS).await.0 == 0 && self.in_hand() == 0).await;
    }

    /// Messages that the broker has handed out and that nobody has acknowledged.
    pub fn in_hand(&self) -> usize {
        self.node.in_hand(self.vhost(), ENGINEERS)
    }
}

/// Declares what carepass needs.
pub async fn declare(url: &str) {
    let full = settings(url);
    Topology::of(&full).unwrap().ensure_at(&full.endpoint).await.unwrap();
}

/// Publishes as the engine does: again until it is confirmed.
pub async fn tell(door: &Door, body: &str) {
    let outcome = || message(OUTCOMES, body);
    assert_eq!(outcome().routing_key, JOINED);
    until(&format!("outcome '{body}' is confirmed"), async || {
        let told = door.publish(outcome()).await;
        println!("outcome '{body}': {told:?}");
        told.is_ok()
    })
    .await;
}

fn port_of(url: &str) -> u16 {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split(['/', ':']).nth(1).unwrap().parse().unwrap()
}
