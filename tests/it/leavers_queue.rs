//! Leavers do not stand in line: with a thousand joiners queued before an intake that is busy with the first of them, a leaver is
//! admitted within a second, over a real RabbitMQ node. Not here: what is declared (`amqp/topology`), and the work after admission.

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::events;
use crate::rabbit::shared;
use carepass::amqp::{
    AmqpSettings, Consumer, Endpoint, Incoming, Intake, Outgoing, Publisher, Topology, Verdict, publish_all,
};
use carepass::engine::Engine;
use carepass::model::enrollment::Want;
use carepass::sandbox::World;
use carepass::store::Store;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const JOINERS: usize = 1_000;

/// The promise.
const AT_ONCE: Duration = Duration::from_secs(1);

/// For everything else, where many tests share two cores.
const PATIENCE: Duration = Duration::from_mins(2);

/// An engine that is busy with joiners until it is let go on.
struct Slow {
    engine: Arc<Engine>,
    gate: Semaphore,
    admitted: mpsc::Sender<(String, Instant)>,
}

impl Intake for Slow {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            let event: Value = serde_json::from_slice(&delivery.body).expect("an event of this test");
            let event_type = event["type"].as_str().expect("a type").to_owned();
            if event_type == events::TYPE {
                self.gate.acquire().await.expect("it is never closed").forget();
            }
            let admitted =
                self.engine.admit(&delivery.body, delivery.content_type.as_deref(), &delivery.headers).await;
            admitted.expect("an event without faults");
            self.admitted.try_send((event_type, Instant::now())).expect("the test listens");
            Verdict::Durable
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_a_leaver_overtakes_a_thousand_joiners() {
    let url = SecretString::from(shared().fresh_vhost());
    let amqp = AmqpSettings::new(Endpoint::parse(&url).expect("an address"));
    let topology = Topology::of(&amqp).expect("sound settings");
    topology.ensure_at(&amqp.endpoint).await.expect("a broker that has nothing yet");
    publish(&url, (0..JOINERS).map(|number| message(&events::joined(number))).collect()).await;

    let room = EngineRoom::open(World::default()).await;
    let engine = Engine::new(room.house([]), settings(4), CancellationToken::new());
    let (admitted, mut told) = mpsc::channel(2_000);
    let slow = Arc::new(Slow { engine, gate: Semaphore::new(0), admitted });
    let (stop, chance) = (CancellationToken::new(), fastrand::Rng::with_seed(7));
    let (publisher, link) = Publisher::new(&amqp, chance.clone()).expect("sound settings");
    let consumer = Consumer::new(&amqp, Arc::clone(&slow) as Arc<dyn Intake>, publisher, chance);
    let consuming = tokio::spawn(consumer.expect("sound settings").run(stop.clone()));
    let linking = tokio::spawn(link.run(stop.clone()));

    // One joiner passes, so that the main queue is known to be worked on.
    slow.gate.add_permits(1);
    let (first, _) = next(&mut told).await;
    assert_eq!(first, events::TYPE);
    publish(&url, vec![message(&left(JOINERS - 1))]).await;
    let said = Instant::now();
    let (event_type, at) = next(&mut told).await;
    assert_eq!(event_type, "com.carepass.engineer.left.v1");
    let took = at.saturating_duration_since(said);
    assert!(took < AT_ONCE, "{took:?}");

    slow.gate.add_permits(JOINERS);
    for _ in 0..JOINERS {
        // The other joiners, and the leaver once more from the main queue.
        next(&mut told).await;
    }
    stop.cancel();
    timeout(PATIENCE, async { tokio::join!(consuming, linking) })
        .await
        .expect("both ends close")
        .0
        .expect("no panic");
    let engineers = room.store.engineers(None, JOINERS + 1).await.expect("memory answers");
    let gone = engineers.iter().filter(|engineer| engineer.stated.goal.want == Want::Absent);
    let gone: Vec<&str> = gone.map(|engineer| engineer.key.as_str()).collect();
    assert_eq!(
        (engineers.len(), gone),
        (JOINERS, vec!["E-00999"]),
        "a joiner that comes after its end is stale"
    );
}

async fn next(told: &mut mpsc::Receiver<(String, Instant)>) -> (String, Instant) {
    timeout(PATIENCE, told.recv()).await.expect("the next event in time").expect("the intake lives")
}

async fn publish(url: &SecretString, messages: Vec<Outgoing>) {
    let count = messages.len();
    let published = timeout(PATIENCE, publish_all(url, messages, |_, _| ())).await.expect("in time");
    assert_eq!(published.expect("a broker").confirmed, count);
}

fn message(event: &Value) -> Outgoing {
    let id = event["id"].as_str().expect("an id");
    let routing_key = event["type"].as_str().expect("a type").to_owned();
    Outgoing { routing_key, ..events::outgoing(event.to_string().into_bytes(), id) }
}

/// The end of an engineer whose joining still stands in line.
fn left(number: usize) -> Value {
    let mut event = events::joined(number);
    event["id"] = format!("left-{number}").into();
    event["type"] = "com.carepass.engineer.left.v1".into();
    event["dataschema"] = "https://schemas.carepass.example/engineer/1.0.json".into();
    event["data"]["revision"] = 2.into();
    event["data"]["employment"]["urgency"] = json!("immediate");
    event
}
