//! The AMQP door of carepass at a real node: an intake that keeps what it took, and the waits of the scenarios.
//! Not here: the scenarios (`broker_faults`, `broker_permissions`).

use carepass::amqp::{
    AmqpSettings, Consumer, Endpoint, Health, Incoming, Intake, Outgoing, Publisher, Verdict,
};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const JOINED: &str = "com.carepass.engineer.joined.v1";
/// A scenario takes seconds; on two cores full of tests many times that.
pub const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// Takes what comes, when it is let.
pub struct Engine {
    pub taken: Mutex<BTreeSet<Vec<u8>>>,
    pub deliveries: Mutex<usize>,
    pub gate: Semaphore,
}

impl Intake for Engine {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            *self.deliveries.lock().unwrap() += 1;
            let _place = self.gate.acquire().await.unwrap();
            self.taken.lock().unwrap().insert(delivery.body);
            Verdict::Durable
        })
    }
}

/// Both connections. Dropped, they are gone without a word, as in a crash.
pub struct Door {
    pub engine: Arc<Engine>,
    pub publisher: Publisher,
    pub intake: watch::Receiver<Health>,
    pub outcomes: watch::Receiver<Health>,
    tasks: [JoinHandle<()>; 2],
}

impl Door {
    pub fn open(settings: &AmqpSettings, places: usize) -> Self {
        let engine = Arc::new(Engine {
            taken: Mutex::default(),
            deliveries: Mutex::default(),
            gate: Semaphore::new(places),
        });
        let chance = fastrand::Rng::with_seed(7);
        let (publisher, link) = Publisher::new(settings, chance.clone()).unwrap();
        let intake: Arc<dyn Intake> = Arc::<Engine>::clone(&engine);
        let consumer = Consumer::new(settings, intake, publisher.clone(), chance).unwrap();
        let stop = CancellationToken::new();
        Self {
            engine,
            intake: consumer.health(),
            outcomes: publisher.health(),
            publisher,
            tasks: [tokio::spawn(link.run(stop.clone())), tokio::spawn(consumer.run(stop))],
        }
    }

    pub async fn connected(&self) {
        told(&self.intake, "connected").await;
        told(&self.outcomes, "connected").await;
    }

    pub async fn takes(&self, body: &str) {
        until(&format!("the engine takes {body}"), async || {
            self.engine.taken.lock().unwrap().contains(body.as_bytes())
        })
        .await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

pub fn settings(url: &str) -> AmqpSettings {
    AmqpSettings { prefetch: 5, ..AmqpSettings::new(Endpoint::parse(&SecretString::from(url)).unwrap()) }
}

pub fn message(exchange: &str, body: &str) -> Outgoing {
    Outgoing {
        exchange: exchange.into(),
        routing_key: JOINED.into(),
        message_id: body.into(),
        content_type: "application/cloudevents+json".into(),
        headers: BTreeMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

/// Waits until the connection says so, in the words of `/readyz`.
pub async fn told(health: &watch::Receiver<Health>, words: &str) {
    let mut health = health.clone();
    let last = Mutex::new(String::new());
    let told = health.wait_for(|health| {
        let now = in_words(health);
        let is_so = now.contains(words);
        last.lock().unwrap().extend([now.as_str(), "\n"]);
        is_so
    });
    let waited = tokio::time::timeout(LIMIT, told).await;
    assert!(waited.is_ok(), "not told '{words}', but:\n{}", last.lock().unwrap());
}

fn in_words(health: &Health) -> String {
    match health {
        Health::Connected => "connected".to_owned(),
        Health::Blocked => "blocked".to_owned(),
        Health::Connecting { last_error, .. } => format!("down: {}", last_error.clone().unwrap_or_default()),
    }
}

/// Looks until the fact holds; it comes about in another process.
pub async fn until(what: &str, fact: impl AsyncFn() -> bool) {
    let looking = async {
        while !fact().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, looking).await;
    assert!(waited.is_ok(), "not so: {what}");
}
