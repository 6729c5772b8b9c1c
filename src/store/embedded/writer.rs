//! The one thread that writes: takes whatever waits, checks each commit, appends all that may happen as one frame with one
//! sync, brings it into the index, and answers. A lone commit goes at once: nothing waits for company.
//!
//! The order is what makes an `Ok` true: data keys and letters on disk, then the ledger on disk, then erased data keys gone, then everybody
//! sees it, then unparked letters gone, then the answers. The index is written behind (`late`): when so much waits for that, or when nothing
//! else was to be written for a moment. A process that dies before has the rest replayed from the ledger.
//! Conflicts are answered last too, so that whoever looks again after a conflict sees what the conflict was with.
//! After any failure the writer refuses everything: what a failed sync left behind is not known (a second sync would not say). It has the
//! store opened anew, each second until that works, and goes on with what is then on the disk (`standing`).
//! Not here: whether a commit may happen (`store/condition`), and trying a failed write again: whoever asked decides that.

use super::ledger::Ledger;
use super::stage::Stage;
use super::standing::Standing;
use super::{Shared, unavailable};
use crate::crash::crash_point;
use crate::model::engineer::Engineer;
use crate::model::entry::{Actor, Change, Commit, Entry, Position};
use crate::store::{StoreError, condition};
use jiff::Timestamp;
use serde::Serialize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The most commits in a frame.
pub const BATCH_COMMITS: usize = 256;

/// The most bytes of entries in a frame, and so in one commit.
pub const BATCH_BYTES: usize = 4 << 20;

/// How many keys the index lacks at most, but for the last batch: that bounds memory, and what a start replays.
const BEHIND_MAX: usize = 4_096;

/// The same in bytes of entries.
const BEHIND_BYTES: usize = 16 << 20;

/// How long nothing is to be written before the index is brought up to the ledger.
const QUIET: Duration = Duration::from_millis(100);

/// How long it is behind at most, however busy the store is.
const BEHIND_LONGEST: Duration = Duration::from_secs(1);

/// While the store has failed: how long it is waited between looking whether anybody asks.
const LOOK: Duration = Duration::from_millis(50);

/// At each so manieth look it is tried to open the store anew: once a second.
const LOOKS: u32 = 20;

/// What the JSON of a draft begins with.
const PREFIX: &str = "{\"position\":0";

/// The room that a real position and the line feed may take beyond that, in bytes.
const POSITION_MAX: usize = 20;

/// What the writer is asked for.
#[expect(clippy::large_enum_variant, reason = "commits are what it carries; the others come once")]
pub enum Request {
    /// Write this.
    Commit(Pending),
    /// Write what came before, then nothing more; answer when that is done.
    Close(oneshot::Sender<()>),
    /// Look whether the store has failed: a reader found something.
    Look,
}

/// A commit that waits for its turn.
pub struct Pending {
    commit: Commit,
    /// The entry as JSON, at position 0: made by the caller, so that the writer has less to do.
    json: Vec<u8>,
    answer: oneshot::Sender<Result<Position, StoreError>>,
}

/// The thread's own things.
pub struct Writer {
    /// What readers see too.
    pub shared: Arc<Standing>,
    /// The only one that appends.
    pub ledger: Ledger,
    /// What waits.
    pub queue: mpsc::Receiver<Request>,
    /// Since when the index is behind, and by how many bytes of entries.
    pub behind: (Option<Instant>, usize),
}

/// An [`Entry`] that does not own what it holds.
#[derive(Serialize)]
struct Draft<'a> {
    position: Position,
    at: Timestamp,
    actor: &'a Actor,
    changes: &'a [Change],
}

impl Pending {
    /// A commit that is ready to be written, and where its answer comes.
    pub fn new(
        commit: Commit,
    ) -> Result<(Self, oneshot::Receiver<Result<Position, StoreError>>), StoreError> {
        let Commit { at, ref actor, ref changes, .. } = commit;
        let draft = Draft { position: Position(0), at, actor, changes };
        // An entry that could be written and never read again would keep the store from opening.
        let json = serde_json::to_vec(&draft)
            .and_then(|json| serde_json::from_slice(&json).map(|_: Entry| json))
            .map_err(|error| {
                StoreError::Unavailable(format!("the commit cannot be stored as JSON: {error}"))
            })?;
        if json.len() + POSITION_MAX > BATCH_BYTES {
            let size = json.len();
            return Err(StoreError::Unavailable(format!(
                "the commit has {size} bytes, more than the {BATCH_BYTES} that are written at once; split it"
            )));
        }
        let (answer, answered) = oneshot::channel();
        Ok((Self { commit, json, answer }, answered))
    }

    fn line(&self, position: Position) -> Vec<u8> {
        let mut line = format!("{{\"position\":{}", position.0).into_bytes();
        line.extend_from_slice(&self.json[PREFIX.len()..]);
        line.push(b'\n');
        line
    }
}

impl Writer {
    /// Writes until every sender is gone, and is then the last to let go of the files.
    pub fn run(mut self) {
        // Its own clock: that of whoever opened the store may stand still.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                return self.shared.fail(&unavailable(&format!("the writer has no clock: {error}")));
            }
        };
        let mut held_over = None;
        loop {
            if self.shared.has_failed() && !self.mend() {
                return;
            }
            let next = match held_over.take() {
                Some(next) => Some(next),
                None => runtime.block_on(self.next()),
            };
            match next {
                Some(Request::Commit(first)) => {
                    let batch = self.collect(first, &mut held_over);
                    self.guarded(|writer| writer.write(batch));
                }
                Some(Request::Close(done)) => {
                    self.guarded(Self::bring_up);
                    self.close(done);
                }
                Some(Request::Look) => {}
                None => return self.guarded(Self::bring_up),
            }
            if self.is_far_behind() {
                self.guarded(Self::bring_up);
            }
        }
    }

    /// What is asked for next. Once nothing was for a moment, the index is brought up.
    async fn next(&mut self) -> Option<Request> {
        if self.behind_by() > 0 {
            if let Ok(next) = tokio::time::timeout(QUIET, self.queue.recv()).await {
                return next;
            }
            self.guarded(Self::bring_up);
            // Whoever commits is refused before the queue: nobody else would have it mended.
            if self.shared.has_failed() {
                return Some(Request::Look);
            }
        }
        self.queue.recv().await
    }

    fn is_far_behind(&self) -> bool {
        let (since, bytes) = self.behind;
        self.behind_by() >= BEHIND_MAX
            || bytes >= BEHIND_BYTES
            || since.is_some_and(|since| since.elapsed() >= BEHIND_LONGEST)
    }

    fn behind_by(&self) -> usize {
        self.shared.look(|shared| shared.index.behind_by()).unwrap_or(0)
    }

    /// Brings the index up to the ledger. If that fails the store does.
    fn bring_up(&mut self) {
        crash_point!("index.write.before");
        // What went wrong is kept with the store.
        let _ = self.shared.read(|shared| shared.index.catch_up());
        self.behind = (None, 0);
        crash_point!("index.write.after");
    }

    /// Until the store takes commits again, is closed, or turns out to be damaged; `false` if nobody can ask for anything any more.
    fn mend(&mut self) -> bool {
        let mut looks = 0_u32;
        while self.shared.has_failed() {
            match self.queue.try_recv() {
                Ok(Request::Commit(pending)) => self.write(vec![pending]),
                Ok(Request::Close(done)) => self.close(done),
                Ok(Request::Look) => {}
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => {
                    if looks.is_multiple_of(LOOKS)
                        && let Some(ledger) = self.open_guarded()
                    {
                        self.ledger = ledger;
                        continue;
                    }
                    looks = looks.wrapping_add(1);
                    std::thread::park_timeout(LOOK);
                }
            }
        }
        true
    }

    fn open_guarded(&self) -> Option<Ledger> {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.shared.open_anew())).ok().flatten()
    }

    fn close(&self, done: oneshot::Sender<()>) {
        self.shared.close();
        // Whoever asked may have stopped waiting.
        let _ = done.send(());
    }

    /// Takes what waits, up to the limits.
    fn collect(&mut self, first: Pending, held_over: &mut Option<Request>) -> Vec<Pending> {
        let mut bytes = first.json.len() + POSITION_MAX;
        let mut batch = vec![first];
        while batch.len() < BATCH_COMMITS {
            match self.queue.try_recv() {
                Ok(Request::Commit(next)) if bytes + next.json.len() + POSITION_MAX <= BATCH_BYTES => {
                    bytes += next.json.len() + POSITION_MAX;
                    batch.push(next);
                }
                Ok(other) => {
                    *held_over = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }

    /// sled panics where others return an error; to us it is the same.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            // The answers were dropped with the batch; whoever waits hears that the store is unavailable.
            self.shared.fail(&unavailable("the writer panicked"));
        }
    }

    fn write(&mut self, mut batch: Vec<Pending>) {
        let answers = match self.shared.health() {
            Ok(()) => {
                let shared = self.shared.clone();
                shared.read(|open| self.try_write(open, &mut batch))
            }
            Err(error) => Err(error),
        };
        let answers = answers.unwrap_or_else(|error| batch.iter().map(|_| Err(error.clone())).collect());
        for (pending, answer) in batch.into_iter().zip(answers) {
            // Whoever asked may have stopped waiting.
            let _ = pending.answer.send(answer);
        }
    }

    /// Writes what may happen; one answer for each commit. An error means that nothing is certain.
    fn try_write(
        &mut self,
        shared: &Shared,
        batch: &mut [Pending],
    ) -> Result<Vec<Result<Position, StoreError>>, StoreError> {
        let mut stage = Stage::new(&shared.index, &shared.keys);
        let mut body = Vec::new();
        let mut count = 0;
        let mut answers = Vec::with_capacity(batch.len());
        let mut engineers = Vec::new();
        for pending in batch {
            let position = Position(self.ledger.end().position + count + 1);
            let answer = match condition::admit(&pending.commit, &mut stage) {
                Ok(()) => {
                    stage.put_beside(&pending.commit, position);
                    body.extend(pending.line(position));
                    let changes = std::mem::take(&mut pending.commit.changes);
                    engineers.extend(changes.iter().filter_map(|change| {
                        if let Change::Engineer(engineer) = change {
                            Some(Engineer::clone(engineer))
                        } else {
                            None
                        }
                    }));
                    stage.put_changes(position, changes)?;
                    count += 1;
                    Ok(position)
                }
                Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
                Err(refused @ (StoreError::Conflict | StoreError::Damaged(_))) => Err(refused),
            };
            answers.push(answer);
        }
        if count > 0 {
            self.put_down(shared, stage, count, &body, engineers)?;
        }
        Ok(answers)
    }

    fn put_down(
        &mut self,
        shared: &Shared,
        mut stage: Stage<'_>,
        count: u64,
        body: &[u8],
        engineers: Vec<Engineer>,
    ) -> Result<(), StoreError> {
        let failed = |what: &str, error: std::io::Error| StoreError::Unavailable(format!("{what}: {error}"));
        crash_point!("keys.write.before");
        shared
            .keys
            .write(stage.data_keys())
            .map_err(|error| failed("a data key cannot be written", error))?;
        crash_point!("letters.write.before");
        shared
            .letters
            .write(stage.letters())
            .map_err(|error| failed("a parked message cannot be written", error))?;
        let begins = self
            .ledger
            .make_room()
            .map_err(|error| failed("no new file of the ledger can be begun", error))?;
        stage.put_frame(self.ledger.end().position + 1, begins);
        let syncs = self.ledger.syncs();
        crash_point!("ledger.append.before");
        self.ledger.append(count, body).map_err(|error| failed("the ledger cannot be written", error))?;
        crash_point!("ledger.append.after");
        crash_point!("keys.destroy.before");
        shared
            .keys
            .destroy(stage.erased())
            .map_err(|error| failed("a data key cannot be destroyed", error))?;
        let unparked = stage.take_unparked();
        stage.publish(*self.ledger.end())?;
        // Before anybody is told of the entry: whoever reads it finds its engineers as they are now.
        self.shared.recent.written(engineers);
        let (since, bytes) = self.behind;
        self.behind = (since.or_else(|| Some(Instant::now())), bytes + body.len());
        crash_point!("letters.remove.before");
        shared
            .letters
            .remove(unparked.iter())
            .map_err(|error| failed("a parked message cannot be removed", error))?;
        self.shared.counters.commits.fetch_add(count, Relaxed);
        self.shared.counters.syncs.fetch_add(self.ledger.syncs() - syncs, Relaxed);
        self.shared.advance(*self.ledger.end());
        Ok(())
    }
}
