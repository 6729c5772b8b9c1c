//! A commit that waits for its turn, with its texts already made: by whoever brings it, so that the writer has less to do.
//! Not here: whether it may happen (`stage`).

use crate::model::entry::{Actor, Change, Commit, Entry, Position};
use crate::store::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// The most bytes of entries in a batch, and so in one commit.
pub const BATCH_BYTES: usize = 4 << 20;

/// What a commit is answered.
pub type Answered = Result<Position, StoreError>;

/// A commit that waits for its turn.
pub struct Pending {
    /// What is to happen.
    pub commit: Commit,
    /// The entry as JSON, without its position.
    pub body: String,
    /// For each change its document as JSON; empty where it has none.
    documents: Vec<String>,
    answer: oneshot::Sender<Answered>,
}

/// An [`Entry`] without its position.
#[derive(Serialize)]
struct Draft<'a> {
    at: Timestamp,
    actor: &'a Actor,
    changes: &'a [Change],
}

/// The same, read.
#[derive(Deserialize)]
struct Body {
    at: Timestamp,
    actor: Actor,
    changes: Vec<Change>,
}

impl Pending {
    /// A commit that is ready to be written, and where its answer comes.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be stored.
    pub fn new(commit: Commit) -> Result<(Self, oneshot::Receiver<Answered>), StoreError> {
        let draft = Draft { at: commit.at, actor: &commit.actor, changes: &commit.changes };
        // An entry that could be written and never read again would stop everybody who reads the ledger.
        let body = serde_json::to_string(&draft)
            .and_then(|body| serde_json::from_str::<Body>(&body).map(|_| body))
            .map_err(|error| unstorable(&format!("cannot be stored as JSON: {error}")))?;
        if body.len() > BATCH_BYTES {
            let size = body.len();
            return Err(unstorable(&format!(
                "has {size} bytes, more than the {BATCH_BYTES} that are written at once; split it"
            )));
        }
        let documents = commit.changes.iter().map(document).collect::<Result<_, _>>()?;
        let (answer, answered) = oneshot::channel();
        Ok((Self { commit, body, documents, answer }, answered))
    }

    /// Each change with its document.
    pub fn changes(&self) -> impl Iterator<Item = (&Change, &str)> {
        self.commit.changes.iter().zip(self.documents.iter().map(String::as_str))
    }

    /// Says how it ended. Whoever asked may have stopped waiting.
    pub fn answer(self, answer: Answered) {
        let _ = self.answer.send(answer);
    }
}

/// Reads an entry.
pub fn entry(position: Position, body: &str) -> serde_json::Result<Entry> {
    let Body { at, actor, changes } = serde_json::from_str(body)?;
    Ok(Entry { position, at, actor, changes })
}

fn document(change: &Change) -> Result<String, StoreError> {
    let written = match change {
        Change::Received(received) => serde_json::to_string(received),
        Change::Engineer(engineer) => serde_json::to_string(engineer),
        Change::Enrollment { row, .. } => serde_json::to_string(row),
        Change::Parked(parked) => serde_json::to_string(parked),
        Change::Reserved { .. }
        | Change::Released { .. }
        | Change::Erased { .. }
        | Change::Unparked { .. }
        | Change::Bookmark { .. } => Ok(String::new()),
    };
    written.map_err(|error| unstorable(&format!("cannot be stored as JSON: {error}")))
}

fn unstorable(what: &str) -> StoreError {
    StoreError::Unavailable(format!("the commit {what}"))
}
