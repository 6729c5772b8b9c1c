//! The broker's two doors: the engine as the consumer sees it, the broker as the engine sees it. Not here: connections and queues
//! (`amqp`), and what becomes of an event (`engine`).

use super::doors::Planned;
use crate::amqp::{AmqpSettings, Consumer, Health, Incoming, Intake, Outgoing, Publisher, Verdict, Way};
use crate::config::{AmqpSection, Config};
use crate::engine::{Engine, IntakeError, OutcomeEvent, OutcomeSink, SinkError};
use crate::model::parked::{Door, Letter};
use crate::trace::{self, Context, Kind, Notes, Span};
use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// The door that is closed last: the engine tells what it has finished.
pub(super) const PUBLISHER: &str = "publisher";

/// The header by which a sender names its span (W3C Trace Context). An event's own attribute is stronger.
const TRACE_PARENT: &str = "traceparent";

/// What the house sees of its broker.
pub(super) struct Broker {
    /// Where outcomes go.
    pub(super) sink: Arc<dyn OutcomeSink>,
    /// How its two connections are.
    pub(super) health: BrokerHealth,
}

/// How the two connections to the broker are.
#[derive(Clone)]
pub(super) struct BrokerHealth {
    /// The one that events come in by.
    pub(super) intake: watch::Receiver<Health>,
    /// The one that outcomes and dead letters leave by.
    pub(super) outcomes: watch::Receiver<Health>,
}

/// Builds both doors; nothing is connected yet.
pub(super) fn plan(
    section: &AmqpSection,
    config: &Config,
    engine: &Arc<Engine>,
    admissions: &TaskTracker,
    doors: &mut Vec<Planned>,
) -> Result<Broker> {
    let settings = AmqpSettings {
        exchange: section.exchange.clone(),
        queue: section.queue.clone(),
        dead_letter_exchange: section.dead_letter_exchange.clone(),
        declare: section.declare,
        prefetch: section.prefetch,
        outcomes_exchange: config.outcomes.exchange.clone(),
        ..AmqpSettings::new(section.endpoint.clone())
    };
    let (publisher, link) = Publisher::new(&settings, chance()?).context("intake.amqp")?;
    let intake = EngineIntake { engine: Arc::clone(engine), admissions: admissions.clone() };
    let consumer = Consumer::new(&settings, Arc::new(intake), publisher.clone(), chance()?);
    let consumer = consumer.context("intake.amqp")?;
    let health = BrokerHealth { intake: consumer.health(), outcomes: publisher.health() };
    doors.push(Planned::new("consumer", |stop| consumer.run(stop)));
    doors.push(Planned::new(PUBLISHER, |stop| link.run(stop)));
    let exchange = settings.outcomes_exchange;
    Ok(Broker { sink: Arc::new(AmqpSink { publisher, exchange }), health })
}

/// Chance for spreading reconnects: seeded by the system, so that replicas do not march in step.
fn chance() -> Result<fastrand::Rng> {
    Ok(fastrand::Rng::with_seed(super::random_seed()?))
}

/// The engine as the consumer sees it.
struct EngineIntake {
    engine: Arc<Engine>,
    admissions: TaskTracker,
}

impl Intake for EngineIntake {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        let engine = Arc::clone(&self.engine);
        let admitting = async move {
            let Incoming { body, content_type, headers, way } = delivery;
            let sender = headers.get(TRACE_PARENT).and_then(|text| Context::parse(text));
            let span = taken(&engine, &way);
            let letter = Letter::new(content_type, headers, body);
            span.run(engine.receive_from(&letter, Door::Amqp, sender)).await
        };
        Box::pin(async move {
            match to_its_end(&self.admissions, admitting).await {
                Some(Ok(_)) => Verdict::Durable,
                // Without room here the broker's dead letters keep it: waiting would hold up whoever leaves behind it.
                Some(Err(IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal))) => {
                    Verdict::Refused { reason: refusal.reason.code().to_owned(), detail: refusal.detail() }
                }
                Some(Err(IntakeError::Unavailable(_))) | None => Verdict::Unavailable,
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.engine.house().store.head().await.is_ok() })
    }
}

/// The span of one message (OpenTelemetry, conventions for messaging and RabbitMQ).
fn taken(engine: &Engine, way: &Way) -> Span {
    let span = engine.tracer().begin(Kind::Consumer, "process");
    span.note(|notes| {
        notes.name(format!("process {}", way.queue));
        notes.text("messaging.operation.type", "process");
        notes.text("messaging.operation.name", "process");
        goes(notes, &way.exchange, &way.routing_key);
    });
    span
}

/// Where a message goes, or came from.
fn goes(notes: &mut Notes<'_>, exchange: &str, routing_key: &str) {
    notes.text("messaging.system", "rabbitmq");
    notes.text("messaging.destination.name", &format!("{exchange}:{routing_key}"));
    notes.text("messaging.rabbitmq.destination.routing_key", routing_key);
}

/// Runs work that must not be cut in half: the door drops its end when the connection is lost, and a commit that lands without its
/// signal and its grant would be half an admission. `None` when it panicked.
async fn to_its_end<T: Send + 'static>(
    tasks: &TaskTracker,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match tasks.spawn(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "an admission has failed");
            None
        }
    }
}

/// The broker as the engine sees it.
struct AmqpSink {
    publisher: Publisher,
    exchange: String,
}

impl OutcomeSink for AmqpSink {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let routing_key =
            event.event_type.strip_prefix("com.carepass.").unwrap_or(event.event_type).to_owned();
        let outgoing = Outgoing {
            exchange: self.exchange.clone(),
            routing_key,
            message_id: event.id,
            content_type: "application/cloudevents+json; charset=utf-8".to_owned(),
            headers: BTreeMap::new(),
            body: event.body,
        };
        Box::pin(async move {
            trace::current().note(|notes| {
                notes.name(format!("send {}", outgoing.exchange));
                notes.text("messaging.operation.name", "send");
                goes(notes, &outgoing.exchange, &outgoing.routing_key);
            });
            self.publisher.publish(outgoing).await.map_err(|error| SinkError(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_finished() {
        let tasks = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let work = async move {
            gone.await.unwrap();
            tell.send("done").unwrap();
        };
        // Polled once and dropped, as the door does when its connection is lost.
        assert_eq!(to_its_end(&tasks, work).now_or_never(), None);
        go.send(()).unwrap();
        assert_eq!(told.await, Ok("done"));
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn work_that_panics_is_no_verdict() {
        let tasks = TaskTracker::new();
        assert_eq!(to_its_end(&tasks, async { 7 }).await, Some(7));
        let panics = async { std::panic::panic_any("planted") };
        assert_eq!(to_its_end::<()>(&tasks, panics).await, None);
    }
}
