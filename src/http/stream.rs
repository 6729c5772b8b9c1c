//! `GET /v1/stream`: what changes, as server-sent events, read from the ledger's end by whoever looks on. The ledger is the buffer: of a
//! slow caller nothing is kept but one chunk and a place, and whoever is too far behind skips ahead and is told so. Streams are few, end
//! by themselves after a while (the caller's token is looked at anew), with the session they were opened in, and at the stop. Not here: what is said (`told`) and HTTP
//! (`route`).

pub(super) mod route;
pub(super) mod told;

use crate::model::entry::Position;
use crate::store::{Store, StoreError, seldom};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use told::Told;

/// Streams that are open at once, and of one caller.
const STREAMS_MAX: usize = 64;
const EACH_MAX: usize = 8;

/// How often the end of the ledger is looked for, by all streams together.
const POLL: Duration = Duration::from_millis(250);

/// How long a stream says nothing. Well below the time after which the door and what stands in front of it close a quiet connection.
const BEAT: Duration = Duration::from_secs(10);

/// How long a stream lasts; the caller comes again with the place it had reached.
const LIFE: Duration = Duration::from_mins(10);

/// How long a caller waits before coming again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// How many entries somebody may be behind before being told to look anew.
const BEHIND_MAX: u64 = 10_000;

/// Entries read at a time, and the length of a chunk after which the others wait, in bytes. A chunk is longer by one entry at most.
const PAGE: usize = 200;
const CHUNK: usize = 64 * 1024;

/// The streams of a door.
#[derive(Debug, Default)]
pub struct Streams {
    /// How many each caller has.
    open: Mutex<BTreeMap<String, usize>>,
    /// The ledger's end, and when it was looked for.
    head: tokio::sync::Mutex<Option<(Instant, Position)>>,
    closing: CancellationToken,
}

/// Room for a stream, until it is dropped.
#[derive(Debug)]
struct Place {
    streams: Arc<Streams>,
    caller: String,
}

/// Until when a stream may be followed, where the caller has signed in: cancelled with the session.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Allowed(pub(in crate::http) CancellationToken);

/// One stream: what is to be sent next.
pub(super) struct Follower {
    place: Place,
    store: Arc<dyn Store>,
    /// The last entry that was told, or that there was nothing to tell of.
    read: Position,
    /// What is said before the first entry.
    greeting: Option<String>,
    next_beat: Instant,
    ends: Instant,
    allowed: Allowed,
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum NoStream {
    /// There are as many as there may be.
    TooMany,
    /// The store does not answer.
    Store(StoreError),
}

impl Streams {
    /// Ends every stream; there is none from then on.
    pub fn close(&self) {
        self.closing.cancel();
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // Nothing panics while it is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(self: &Arc<Self>, caller: &str) -> Option<Place> {
        let mut open = self.open();
        let count = open.get(caller).copied().unwrap_or_default();
        if open.values().sum::<usize>() >= STREAMS_MAX || count >= EACH_MAX {
            return None;
        }
        open.insert(caller.to_owned(), count + 1);
        drop(open);
        Some(Place { streams: Arc::clone(self), caller: caller.to_owned() })
    }

    /// The ledger's end, as it was a moment ago at most. Whoever asks meanwhile waits for the same look.
    async fn head(&self, store: &dyn Store) -> Result<Position, StoreError> {
        let mut known = self.head.lock().await;
        match *known {
            Some((at, head)) if at.elapsed() < POLL => Ok(head),
            Some(_) | None => {
                let head = store.head().await?;
                *known = Some((Instant::now(), head));
                Ok(head)
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
        }
        open.retain(|_, count| *count > 0);
    }
}

impl Follower {
    /// Begins behind the given place, or now. A place that the ledger has not reached belongs to another ledger.
    pub(super) async fn begin(
        streams: &Arc<Streams>,
        store: Arc<dyn Store>,
        caller: &str,
        after: Option<Position>,
        allowed: Allowed,
    ) -> Result<Self, NoStream> {
        let place = streams.take_place(caller).ok_or(NoStream::TooMany)?;
        let head = store.head().await.map_err(NoStream::Store)?;
        let mut greeting = format!("retry: {RETRY_MS}\n");
        let after = after.unwrap_or(head);
        if after > head {
            skipped(&mut greeting, after, head);
        }
        let read = after.min(head);
        Told::Opened { position: read.0 }.write(&mut greeting, Some(read));
        let now = Instant::now();
        let (next_beat, ends) = (now + BEAT, now + LIFE);
        Ok(Self { place, store, read, greeting: Some(greeting), next_beat, ends, allowed })
    }

    /// What is to be sent next; none at the end. Asked only when what was given before has left: nothing piles up.
    pub(super) async fn next(&mut self) -> Option<String> {
        let said = match self.greeting.take() {
            Some(greeting) => Some(greeting),
            None => self.wait().await,
        };
        self.next_beat = Instant::now() + BEAT;
        said
    }

    async fn wait(&mut self) -> Option<String> {
        loop {
            let now = Instant::now();
            if self.is_over(now) {
                return None;
            }
            match self.look().await {
                Ok(text) if !text.is_empty() => return Some(text),
                Ok(_) => (),
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(%error, kept_back, "streams tell nothing: the store does not answer");
                    }
                }
            }
            if now >= self.next_beat {
                // An event without data is none, but its id counts.
                return Some(format!(": nothing new\nid: {}\n\n", self.read.0));
            }
            let until = (now + POLL).min(self.next_beat).min(self.ends);
            tokio::select! {
                () = self.place.streams.closing.cancelled() => (),
                () = self.allowed.0.cancelled() => (),
                () = sleep_until(until) => (),
            }
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.place.streams.closing.is_cancelled() || self.allowed.0.is_cancelled() || now >= self.ends
    }

    /// What the ledger has that was not told.
    async fn look(&mut self) -> Result<String, StoreError> {
        let mut text = String::new();
        let head = self.place.streams.head(self.store.as_ref()).await?;
        if head.0.saturating_sub(self.read.0) > BEHIND_MAX {
            skipped(&mut text, self.read, head);
            self.read = head;
            return Ok(text);
        }
        while self.read < head && text.is_empty() {
            let entries = self.store.entries(self.read, PAGE).await?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                if text.len() >= CHUNK {
                    break;
                }
                told::write(&mut text, entry);
                self.read = entry.position;
            }
        }
        Ok(text)
    }
}

fn skipped(text: &mut String, after: Position, head: Position) {
    Told::Skipped { after: after.0, position: head.0 }.write(text, Some(head));
}

#[cfg(test)]
#[path = "stream/tests.rs"]
mod tests;
