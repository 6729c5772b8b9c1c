//! A piece of work that is watched: what it is called, what is known of it, what it belongs to. It ends when it is said to, or when nobody
//! holds it any more, so that work which is cut off ends its span too. Not here: where spans go (`tracer`).

use super::context::{Context, SpanId, TraceId};
use super::tracer::{Finished, Inner};
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Attributes of a span at most; more are left out.
const ATTRIBUTES_MAX: usize = 32;

/// The longest attribute, in bytes; more is cut off.
const VALUE_MAX: usize = 256;

/// Links of a span at most; more are left out.
const LINKS_MAX: usize = 16;

tokio::task_local! {
    static CURRENT: Span;
}

/// The work that the caller is a part of; nothing where nobody watches.
pub fn current() -> Span {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// A piece of work. Copies are the same piece.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Arc<Live>>);

/// What a span is for those who read it (OpenTelemetry, span kinds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work of our own.
    Internal,
    /// An answer to a request.
    Server,
    /// A request to somebody.
    Client,
    /// A message that is sent.
    Producer,
    /// A message that came.
    Consumer,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// By what log lines can be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogIds {
    /// The trace of the event behind the work, or our own where the event has none.
    pub trace: Option<TraceId>,
    /// The id of the event behind the work.
    pub event: Option<String>,
}

/// What is said of a span that is exported.
#[derive(Debug)]
pub struct Notes<'a>(&'a mut Said);

#[derive(Debug)]
struct Live {
    recording: Option<Recording>,
    said: Mutex<Said>,
}

#[derive(Debug)]
struct Recording {
    tracer: Arc<Inner>,
    context: Context,
    parent: Option<SpanId>,
    kind: Kind,
    began: Timestamp,
    since: Instant,
}

#[derive(Debug, Default)]
struct Said {
    name: Cow<'static, str>,
    attributes: Vec<(&'static str, Value)>,
    links: Vec<Context>,
    has_failed: bool,
    took: Option<Duration>,
    ids: LogIds,
}

impl Span {
    /// Work that is exported nowhere and has ids for log lines.
    pub(super) fn unrecorded() -> Self {
        Self(Some(Arc::new(Live { recording: None, said: Mutex::default() })))
    }

    /// Work that begins now: a part of other work, or by itself.
    pub(super) fn recorded(
        tracer: &Arc<Inner>,
        kind: Kind,
        name: &'static str,
        parent: Option<Context>,
    ) -> Self {
        let (trace, span) = tracer.ids();
        let context = Context { trace: parent.map_or(trace, |parent| parent.trace), span, flags: 1 };
        let (began, since) = (tracer.now(), Instant::now());
        let parent = parent.map(|parent| parent.span);
        let recording = Recording { tracer: Arc::clone(tracer), context, parent, kind, began, since };
        let said = Said { name: Cow::Borrowed(name), ..Said::default() };
        Self(Some(Arc::new(Live { recording: Some(recording), said: Mutex::new(said) })))
    }

    /// A part of this work; nothing where this is not exported.
    #[must_use]
    pub fn child(&self, kind: Kind, name: &'static str) -> Self {
        let recording = self.recording();
        recording
            .map(|whole| Self::recorded(&whole.tracer, kind, name, Some(whole.context)))
            .unwrap_or_default()
    }

    /// Work that this asks for and that serves others too: a trace of its own, linked to this and to what this is linked to.
    #[must_use]
    pub fn apart(&self, name: &'static str) -> Self {
        let Some((live, asked)) = self.0.as_ref().and_then(|live| Some((live, live.recording.as_ref()?)))
        else {
            return Self::default();
        };
        let apart = Self::recorded(&asked.tracer, Kind::Internal, name, None);
        let links = live.said().links.clone();
        apart.note(|notes| {
            notes.link(asked.context);
            for link in links {
                notes.link(link);
            }
        });
        apart
    }

    /// Runs work as a part of this: whatever it does knows of it.
    pub fn run<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self.clone(), work)
    }

    /// The same without waiting for anything.
    pub fn show<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// Whether anybody watches.
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// How others name it; none where it is not exported.
    pub fn context(&self) -> Option<Context> {
        self.recording().map(|recording| recording.context)
    }

    /// Says something of it, if it is exported.
    pub fn note(&self, note: impl FnOnce(&mut Notes<'_>)) {
        if let Some(live) = self.0.as_ref().filter(|live| live.recording.is_some()) {
            note(&mut Notes(&mut live.said()));
        }
    }

    /// It has gone wrong.
    pub fn fail(&self) {
        if let Some(live) = &self.0 {
            live.said().has_failed = true;
        }
    }

    /// Names the event behind it, and the trace that this came from.
    pub fn about(&self, event: &str, sender: Option<Context>) {
        let Some(live) = &self.0 else { return };
        live.said().ids = LogIds { trace: sender.map(|sender| sender.trace), event: Some(event.to_owned()) };
        if let Some(sender) = sender {
            self.note(|notes| notes.link(sender));
        }
    }

    /// By what log lines of it can be found.
    pub fn ids(&self) -> LogIds {
        let Some(live) = &self.0 else { return LogIds::default() };
        let LogIds { trace, event } = live.said().ids.clone();
        let own = live.recording.as_ref().map(|recording| recording.context.trace);
        LogIds { trace: trace.or(own), event }
    }

    /// It ends now, however long it is still held.
    pub fn end(&self) {
        if let Some((live, recording)) =
            self.0.as_ref().and_then(|live| Some((live, live.recording.as_ref()?)))
        {
            live.said().took.get_or_insert_with(|| recording.since.elapsed());
        }
    }

    fn recording(&self) -> Option<&Recording> {
        self.0.as_ref()?.recording.as_ref()
    }
}

impl Notes<'_> {
    /// Names it anew, where the name is not known beforehand.
    pub fn name(&mut self, name: String) {
        self.0.name = Cow::Owned(name);
    }

    /// An attribute: never a name, an address, a token or a secret.
    pub fn text(&mut self, key: &'static str, text: &str) {
        let mut end = text.len().min(VALUE_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.attribute(key, Value::Text(text[..end].to_owned()));
    }

    /// An attribute that is a number.
    pub fn number(&mut self, key: &'static str, number: i64) {
        self.attribute(key, Value::Number(number));
    }

    /// It has to do with another span.
    pub fn link(&mut self, other: Context) {
        if self.0.links.len() < LINKS_MAX && !self.0.links.contains(&other) {
            self.0.links.push(other);
        }
    }

    /// It has gone wrong.
    pub fn failed(&mut self) {
        self.0.has_failed = true;
    }

    fn attribute(&mut self, key: &'static str, value: Value) {
        let attributes = &mut self.0.attributes;
        match attributes.iter().position(|(known, _)| *known == key) {
            Some(place) => attributes[place].1 = value,
            None if attributes.len() < ATTRIBUTES_MAX => attributes.push((key, value)),
            None => (),
        }
    }
}

impl Live {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let Some(recording) = self.recording.take() else { return };
        let said = std::mem::take(self.said.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Recording { tracer, context, parent, kind, began, since } = recording;
        let took = said.took.unwrap_or_else(|| since.elapsed());
        let Said { name, attributes, links, has_failed, .. } = said;
        tracer.take(Finished { context, parent, kind, name, began, took, attributes, links, has_failed });
    }
}
