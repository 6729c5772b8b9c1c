//! The exporter against a collector on a socket that answers as it is told. Not here: what spans say (`tests/it/traces`).

use super::super::settings::headers;
use super::*;
use crate::trace::{Kind, tracer};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use secrecy::SecretString;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The answers that are still to be given, then 200; and how many spans came with each request.
#[derive(Clone, Default)]
struct Collector {
    answers: Arc<Mutex<VecDeque<u16>>>,
    heard: Arc<Mutex<Vec<usize>>>,
}

impl Collector {
    async fn start(answers: &[u16]) -> (Self, String) {
        let collector =
            Self { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), ..Self::default() };
        let routes = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, routes).into_future());
        (collector, endpoint)
    }

    fn heard(&self) -> Vec<usize> {
        self.heard.lock().unwrap().clone()
    }
}

async fn take(
    State(collector): State<Collector>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let said = ["content-type", "x-key"].map(|name| headers[name].to_str().unwrap());
    assert_eq!(said, ["application/x-protobuf", "hunter2"]);
    let request = ExportTraceServiceRequest::decode(body.as_ref()).unwrap();
    let spans = request.resource_spans.iter().flat_map(|all| &all.scope_spans).map(|scope| scope.spans.len());
    collector.heard.lock().unwrap().push(spans.sum());
    let status = collector.answers.lock().unwrap().pop_front().unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), [("location", "/v1/traces")])
}

/// Sends so many spans and stops once the condition holds; how many were lost, and what the collector heard.
async fn sent(answers: &[u16], spans: usize, until: impl Fn(&[usize]) -> bool) -> (u64, Vec<usize>) {
    let (collector, endpoint) = Collector::start(answers).await;
    let headers = headers(&SecretString::from("x-key=hunter2".to_owned())).unwrap();
    let settings = OtlpSettings { endpoint, headers, authorities: None, service: "carepass".into() };
    let (tracer, queue) = tracer(|| Timestamp::UNIX_EPOCH, fastrand::Rng::with_seed(7));
    let exporter = Exporter::new(settings, "one", tracer.clone(), queue).unwrap();
    (0..spans).for_each(|_| drop(tracer.begin(Kind::Internal, "step")));
    let stop = CancellationToken::new();
    let running = tokio::spawn(exporter.run(stop.clone()));
    while !until(&collector.heard()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    (tracer.dropped(), collector.heard())
}

#[tokio::test]
async fn what_is_left_at_the_stop_is_sent_then() {
    assert_eq!(sent(&[], 700, |_| true).await, (0, vec![512, 188]));
}

#[tokio::test]
async fn a_collector_that_is_away_for_a_moment_is_asked_again() {
    assert_eq!(sent(&[503], 3, |heard| heard.len() == 2).await, (0, vec![3, 3]));
}

#[tokio::test]
async fn what_is_refused_for_good_is_counted_and_a_redirect_is_followed_nowhere() {
    for status in [401, 307] {
        let (lost, heard) = sent(&[status], 3, |heard| !heard.is_empty()).await;
        assert_eq!((lost, heard), (3, vec![3]), "not even where the stop comes before the answer");
    }
}
