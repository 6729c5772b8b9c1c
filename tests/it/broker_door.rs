//! The AMQP door of carepass at a real node: an intake that keeps what it took, and what the door says of its connections in the log.
//! Not here: the scenarios (`broker_faults`, `broker_permissions`).

use carepass::amqp::{
    AmqpSettings, Consumer, Endpoint, Health, Incoming, Intake, Outgoing, PublishError, Publisher, Verdict,
};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const JOINED: &str = "com.carepass.engineer.joined.v1";
pub const PREFETCH: usize = 5;
/// A fact comes about within seconds; on two cores full of tests it takes many times that.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// Everything that carepass has logged in this process.
static LOG: Mutex<String> = Mutex::new(String::new());

/// What the engine does with what comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes it, when it is let.
    Takes,
    /// Cannot take anything.
    Unavailable,
    /// Finds that it can never be used.
    Refuses,
}

/// Notes what came and what it took.
pub struct Engine {
    pub taken: Mutex<BTreeSet<Vec<u8>>>,
    pub deliveries: Mutex<usize>,
    pub gate: Semaphore,
    pub mood: Mutex<Mood>,
}

impl Intake for Engine {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            *self.deliveries.lock().unwrap() += 1;
            let mood = *self.mood.lock().unwrap();
            match mood {
                Mood::Takes => {
                    let _place = self.gate.acquire().await.unwrap();
                    self.taken.lock().unwrap().insert(delivery.body);
                    Verdict::Durable
                }
                Mood::Unavailable => Verdict::Unavailable,
                Mood::Refuses => {
                    Verdict::Refused { reason: "missing_field".to_owned(), detail: "/data".to_owned() }
                }
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { *self.mood.lock().unwrap() != Mood::Unavailable })
    }
}

/// Both connections. Dropped, they are gone without a word, as in a crash.
pub struct Door {
    pub engine: Arc<Engine>,
    publisher: Publisher,
    pub intake: Link,
    pub outcomes: Link,
    tasks: [JoinHandle<()>; 2],
}

/// One connection.
pub struct Link {
    name: &'static str,
    broker: String,
    health: watch::Receiver<Health>,
}

impl Door {
    /// As many deliveries are taken as there are places.
    pub fn open(settings: &AmqpSettings, places: usize) -> Self {
        Self::open_in(settings, places, Mood::Takes)
    }

    pub fn open_in(settings: &AmqpSettings, places: usize, mood: Mood) -> Self {
        listen_to_the_log();
        let engine = Arc::new(Engine {
            taken: Mutex::default(),
            deliveries: Mutex::default(),
            gate: Semaphore::new(places),
            mood: Mutex::new(mood),
        });
        let chance = fastrand::Rng::with_seed(7);
        let (publisher, link) = Publisher::new(settings, chance.clone()).unwrap();
        let intake: Arc<dyn Intake> = Arc::<Engine>::clone(&engine);
        let consumer = Consumer::new(settings, intake, publisher.clone(), chance).unwrap();
        let stop = CancellationToken::new();
        let broker = settings.endpoint.to_string();
        Self {
            engine,
            intake: Link::watch("intake", &broker, consumer.health()),
            outcomes: Link::watch("outcomes", &broker, publisher.health()),
            publisher,
            tasks: [tokio::spawn(link.run(stop.clone())), tokio::spawn(consumer.run(stop))],
        }
    }

    pub async fn connected(&self) {
        for link in [&self.intake, &self.outcomes] {
            until(&format!("{} is connected", link.name), async || {
                *link.health.borrow() == Health::Connected
            })
            .await;
        }
    }

    /// On a worker: the scenarios' own thread stands still in each question to the node, and the link does not wait for it for ever.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        let publisher = self.publisher.clone();
        tokio::spawn(async move { publisher.publish(message).await }).await.expect("it does not panic")
    }

    pub async fn takes(&self, body: &str) {
        until(&format!("the engine takes {body}"), async || {
            self.engine.taken.lock().unwrap().contains(body.as_bytes())
        })
        .await;
    }

    pub async fn has_in_hand(&self, count: usize) {
        until(&format!("{count} are in hand"), async || *self.engine.deliveries.lock().unwrap() >= count)
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

impl Link {
    fn watch(name: &'static str, broker: &str, health: watch::Receiver<Health>) -> Self {
        Self { name, broker: broker.to_owned(), health }
    }

    /// What `/readyz` says of it at the moment.
    pub fn shown(&self) -> String {
        self.health.borrow().to_string()
    }

    /// How often it was told to be connected.
    pub fn times_connected(&self) -> usize {
        self.logged().iter().filter(|line| line.contains(": connected to the AMQP broker")).count()
    }

    /// Its lines in the log. Each scenario has a broker's address of its own.
    fn logged(&self) -> Vec<String> {
        let name = format!("link=\"{}\"", self.name);
        let broker = format!("broker={} ", self.broker);
        let log = LOG.lock().unwrap();
        let lines = log.lines().filter(|line| line.contains(&name) && format!("{line} ").contains(&broker));
        lines.map(str::to_owned).collect()
    }
}

pub fn settings(url: &str) -> AmqpSettings {
    AmqpSettings {
        prefetch: u16::try_from(PREFETCH).unwrap(),
        ..AmqpSettings::new(Endpoint::parse(&SecretString::from(url)).unwrap())
    }
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

/// Waits until the connection has said so in the log. `/readyz` says why there is no connection in the same words, for as long as there is
/// none (`amqp/health`): that may be shorter than a look takes.
pub async fn told(link: &Link, words: &str) {
    let is_told = holds(async || link.logged().iter().any(|said| said.contains(words))).await;
    assert!(is_told, "{} never said '{words}', but {:#?}", link.name, link.logged());
}

/// Looks until the fact holds; it comes about in another process.
pub async fn until(what: &str, fact: impl AsyncFn() -> bool) {
    assert!(holds(fact).await, "not so: {what}");
}

async fn holds(fact: impl AsyncFn() -> bool) -> bool {
    let looking = async {
        while !fact().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LIMIT, looking).await.is_ok()
}

fn listen_to_the_log() {
    let log = tracing_subscriber::fmt().with_env_filter("carepass=info").with_ansi(false);
    // The second door of a process finds it done.
    let _ = log.with_writer(|| Writer).try_init();
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
