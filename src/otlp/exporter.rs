//! Sends spans in batches, one request at a time, beside everything else: whoever makes spans never waits for it. A collector that is away
//! is asked again for a while; then the batch is dropped and counted. That it is away is told once, and that it is back.
//! Not here: the form of what is sent (`wire`), and the queue (`trace`).

use super::settings::OtlpSettings;
use super::wire::{ExportRequest, ExportResponse, Resource};
use crate::trace::{Finished, Tracer};
use prost::Message as _;
use reqwest::header::CONTENT_TYPE;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Spans in a request.
const BATCH: usize = 512;

/// How long a batch waits for company.
const GATHER: Duration = Duration::from_secs(1);

/// How long the collector may take.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// How often a batch is sent before it is dropped.
const TRIES: u32 = 5;

/// How long to wait after a failure, doubled each time.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// How long the last spans may take at the end, the request in hand included.
const FLUSH_MAX: Duration = Duration::from_secs(4);

/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// Empties the queue of spans towards one collector.
pub struct Exporter {
    client: reqwest::Client,
    settings: OtlpSettings,
    resource: Resource,
    tracer: Tracer,
    spans: mpsc::Receiver<Finished>,
    /// Whether it was told that spans are not taken, or are dropped.
    is_troubled: bool,
    /// How many were dropped when all was well last.
    dropped_before: u64,
}

/// Why spans were not taken. Repeats nothing of the collector's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    /// It passes.
    #[error("{0}")]
    Passing(String),
    /// The same request would be refused again.
    #[error("{0}")]
    Final(String),
}

impl Exporter {
    /// An exporter that has sent nothing yet, for a service that calls itself so in this run.
    ///
    /// # Errors
    /// When the system's trust anchors cannot be read.
    pub fn new(
        settings: OtlpSettings,
        instance: &str,
        tracer: Tracer,
        spans: mpsc::Receiver<Finished>,
    ) -> Result<Self, reqwest::Error> {
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(REQUEST_MAX)
            .user_agent(concat!("carepass/", env!("CARGO_PKG_VERSION")));
        let builder = match &settings.authorities {
            Some(authorities) => {
                let own = authorities.certificates().map(|der| reqwest::Certificate::from_der(&der));
                builder.tls_certs_only(own.collect::<Result<Vec<_>, _>>()?)
            }
            // Where nothing is encrypted nobody needs the system's authorities.
            None if settings.endpoint.starts_with("http://") => builder.tls_certs_only([]),
            None => builder,
        };
        let attributes = [
            ("service.name", settings.service.as_str()),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", instance),
        ];
        let resource = Resource::new(&attributes);
        let client = builder.build()?;
        Ok(Self { client, settings, resource, tracer, spans, is_troubled: false, dropped_before: 0 })
    }

    /// Sends until the stop, and then what is left, for a moment at most. A request in hand is not sent twice for it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let is_whole = tokio::select! {
            biased;
            () = async {
                while !stop.is_cancelled() {
                    tokio::select! { biased; () = stop.cancelled() => break, () = self.gather(&mut batch) => () }
                    self.deliver(&mut batch, &stop).await;
                }
                self.flush(&mut batch).await;
            } => true,
            () = async {
                stop.cancelled().await;
                tokio::time::sleep(FLUSH_MAX).await;
            } => false,
        };
        if !is_whole {
            self.tracer.lose(batch.len() + self.spans.len());
        }
        let lost = self.tracer.dropped() - self.dropped_before;
        if lost > 0 {
            tracing::warn!(lost, "traces: not all spans reached the collector before the end");
        }
    }

    /// Waits for spans, and a moment longer for more of them. What was gathered stays in the batch, also when this is cut off.
    async fn gather(&mut self, batch: &mut Vec<Finished>) {
        if batch.is_empty() && self.spans.recv_many(batch, BATCH).await == 0 {
            // Nobody makes spans any more: the stop is near.
            std::future::pending::<()>().await;
        }
        let until = Instant::now() + GATHER;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            match timeout_at(until, self.spans.recv_many(batch, room)).await {
                Ok(1..) => (),
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Sends the batch, more than once if need be; it is empty afterwards, whatever became of it, unless the stop comes between two tries.
    async fn deliver(&mut self, batch: &mut Vec<Finished>, stop: &CancellationToken) {
        let mut pause = PAUSE_MIN;
        for left in (0..TRIES).rev() {
            match self.send(batch).await {
                Ok(rejected) => {
                    self.tracer.lose(rejected);
                    self.well(rejected == 0);
                    batch.clear();
                    return;
                }
                Err(refusal) => {
                    self.trouble(&refusal.to_string());
                    if left == 0 || matches!(refusal, Refusal::Final(_)) {
                        break;
                    }
                    tokio::select! { biased; () = stop.cancelled() => return, () = tokio::time::sleep(pause) => () }
                    pause *= 2;
                }
            }
        }
        self.tracer.lose(batch.len());
        batch.clear();
    }

    /// Sends what is left, each batch once.
    async fn flush(&mut self, batch: &mut Vec<Finished>) {
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            let lost = self.send(batch).await.unwrap_or(batch.len());
            self.tracer.lose(lost);
            batch.clear();
        }
    }

    /// Sends the batch once; answers how many of it were not taken.
    async fn send(&self, batch: &[Finished]) -> Result<usize, Refusal> {
        let body = ExportRequest::new(&self.resource, batch).encode_to_vec();
        let request = self
            .client
            .post(format!("{}/v1/traces", self.settings.endpoint))
            .headers(self.settings.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            let words = format!("it answers {}", status.as_u16());
            // OTLP 1, "Retryable Response Codes".
            let passes = [429, 502, 503, 504].contains(&status.as_u16());
            return Err(if passes { Refusal::Passing(words) } else { Refusal::Final(words) });
        }
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if answer.len() + part.len() > ANSWER_MAX {
                return Ok(0);
            }
            answer.extend_from_slice(&part);
        }
        // Whoever answers 200 in other words has taken it.
        Ok(ExportResponse::decode(answer.as_slice()).map_or(0, |answer| answer.rejected()))
    }

    fn trouble(&mut self, why: &str) {
        if !self.is_troubled {
            tracing::warn!(
                why,
                "traces: the collector does not take spans; work goes on, and what finds no room is dropped and counted. Look after the collector, or empty traces.endpoint"
            );
        }
        self.is_troubled = true;
    }

    /// The collector answers. What it does not take, or what had no room, is trouble all the same.
    fn well(&mut self, has_taken_all: bool) {
        let lost = self.tracer.dropped() - self.dropped_before;
        if self.is_troubled && has_taken_all {
            tracing::info!(lost, "traces: the collector takes spans again");
            self.is_troubled = false;
        } else if lost > 0 && !self.is_troubled {
            tracing::warn!(lost, "traces: spans were dropped: there are more than the collector takes");
            self.is_troubled = true;
        }
        self.dropped_before = self.tracer.dropped();
    }
}

/// The words of the error hold the address, and may hold more.
fn unreachable(error: &reqwest::Error) -> Refusal {
    let words = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    Refusal::Passing(words.to_owned())
}

#[cfg(test)]
#[path = "exporter_tests.rs"]
mod tests;
