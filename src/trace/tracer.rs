//! Where finished spans go: into a queue with a limit, which never makes anybody wait. What finds no room is dropped and counted.
//! Not here: who empties the queue (`otlp`).

use super::context::{Context, SpanId, TraceId};
use super::span::{Kind, Span, Value};
use jiff::Timestamp;
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Spans that wait to be sent; some 3 MB.
const QUEUE: usize = 4_096;

/// Begins spans. Copies share the queue; the default exports nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which it is.
    pub context: Context,
    /// What it was a part of.
    pub parent: Option<SpanId>,
    /// What it was for.
    pub kind: Kind,
    /// What it is called; few different names in all.
    pub name: Cow<'static, str>,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// What it has to do with.
    pub links: Vec<Context>,
    /// Whether it went wrong.
    pub has_failed: bool,
}

pub(super) struct Inner {
    queue: mpsc::Sender<Finished>,
    dropped: AtomicU64,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    chance: Mutex<fastrand::Rng>,
}

/// A tracer, and the spans that have ended. Ids are made with `chance`.
pub fn tracer(
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
    chance: fastrand::Rng,
) -> (Tracer, mpsc::Receiver<Finished>) {
    let (queue, spans) = mpsc::channel(QUEUE);
    let dropped = AtomicU64::new(0);
    let inner = Inner { queue, dropped, now: Box::new(now), chance: Mutex::new(chance) };
    (Tracer(Some(Arc::new(inner))), spans)
}

impl Tracer {
    /// Work that begins now and is a part of none. What is exported nowhere has ids for log lines all the same.
    pub fn begin(&self, kind: Kind, name: &'static str) -> Span {
        match &self.0 {
            Some(inner) => Span::recorded(inner, kind, name, None),
            None => Span::unrecorded(),
        }
    }

    /// Counts spans that were lost on their way.
    pub fn lose(&self, count: usize) {
        if let Some(inner) = &self.0 {
            inner.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// How many spans were dropped or lost so far.
    pub fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.dropped.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.0.is_some()).finish()
    }
}

impl Inner {
    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// New ids; zeros name nothing, and chance gives none.
    pub(super) fn ids(&self) -> (TraceId, SpanId) {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let trace = chance.u128(1..).to_be_bytes();
        (TraceId(trace), SpanId(chance.u64(1..).to_be_bytes()))
    }

    pub(super) fn take(&self, span: Finished) {
        if self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

#[cfg(test)]
mod tests {
    use super::super::current;
    use super::*;

    const SENDER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn some() -> (Tracer, mpsc::Receiver<Finished>) {
        tracer(|| Timestamp::UNIX_EPOCH, fastrand::Rng::with_seed(7))
    }

    #[tokio::test(start_paused = true)]
    async fn parts_know_their_whole_and_end_when_nobody_holds_them() {
        let (tracer, mut spans) = some();
        let whole = tracer.begin(Kind::Internal, "step");
        whole.about("id-7", Context::parse(SENDER));
        let context = whole.context().unwrap();
        let work = async {
            let call = current().child(Kind::Client, "GET /x");
            tokio::time::sleep(Duration::from_secs(2)).await;
            call.note(|notes| notes.number("status", 200));
            drop(call);
            std::future::pending::<()>().await;
        };
        // Cut off, as a step is that takes too long.
        let cut = tokio::time::timeout(Duration::from_secs(3), whole.run(work)).await;
        assert!(cut.is_err());
        let call = spans.try_recv().unwrap();
        assert_eq!((call.context.trace, call.parent), (context.trace, Some(context.span)));
        assert_eq!(
            (call.took, call.attributes),
            (Duration::from_secs(2), vec![("status", Value::Number(200))])
        );
        whole.end();
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(whole);
        let whole = spans.try_recv().unwrap();
        assert_eq!(
            (whole.took, whole.links),
            (Duration::from_secs(3), vec![Context::parse(SENDER).unwrap()])
        );
        assert!(!current().is_some(), "nothing is left behind");
    }

    #[test]
    fn work_for_several_has_its_own_trace_and_says_who_asked() {
        let (tracer, mut spans) = some();
        let asked = tracer.begin(Kind::Internal, "step");
        asked.about("id-7", Context::parse(SENDER));
        drop(asked.apart("shared read"));
        let read = spans.try_recv().unwrap();
        let asked = asked.context().unwrap();
        assert_ne!(read.context.trace, asked.trace);
        assert_eq!((read.parent, read.links), (None, vec![asked, Context::parse(SENDER).unwrap()]));
    }

    #[test]
    fn a_full_queue_makes_nobody_wait_and_what_is_too_long_is_cut() {
        let (tracer, mut spans) = some();
        for _ in 0..QUEUE + 3 {
            let span = tracer.begin(Kind::Internal, "step");
            span.note(|notes| (0..100).for_each(|_| notes.text("key", &"å".repeat(200))));
        }
        assert_eq!(tracer.dropped(), 3);
        assert_eq!(spans.try_recv().unwrap().attributes, [("key", Value::Text("å".repeat(128)))]);
    }

    #[test]
    fn what_is_exported_nowhere_still_has_ids_for_log_lines() {
        let span = Tracer::default().begin(Kind::Internal, "step");
        span.about("id-7", Context::parse(SENDER));
        span.show(|| {
            let ids = current().ids();
            assert_eq!(ids.trace.unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(ids.event.as_deref(), Some("id-7"));
            assert!(!current().child(Kind::Client, "GET /x").is_some());
        });
    }
}
