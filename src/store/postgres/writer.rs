//! The one task that writes: takes whatever waits, writes it as one transaction, and answers. A lone commit goes at once; what arrives
//! while it is under way is the next batch.
//!
//! An answer that is lost with the connection says nothing: the batch may have happened. It is kept, a new connection is made, and the
//! ledger is asked whether it holds the batch (by its token, under the lock that all commits take, so that no transaction of the old
//! connection is still under way). Only then its commits are answered, or written anew.
//! What was acknowledged and is gone when a connection is made anew is damage: the server was restored from a copy, or a standby that lagged
//! took over.
//! Not here: what a transaction does (`batch`), and what is told meanwhile (`standing`).

use super::batch::{self, Decided, Failure, Orders};
use super::chain::{Seal, Token};
use super::endpoint::Endpoint;
use super::fault;
use super::pending::{BATCH_BYTES, Pending};
use super::session::Session;
use super::standing::{Link, Standing};
use crate::crash::crash_point;
use crate::model::entry::Position;
use crate::planted::planted;
use crate::store::StoreError;
use crate::store::embedded::ChainKey;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// The most commits in a transaction.
const BATCH_COMMITS: usize = 256;

/// How many commits may wait here while the database is away, besides those in the queue.
const WAITING: usize = 1024;

/// How long a round trip of a batch may take: longer than the server lets a lock or a statement wait.
const FLIGHT_MAX: Duration = Duration::from_secs(35);

/// How long it is waited between two tries to connect: first this, then twice as long each time, up to the other.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What the writer is asked for.
pub enum Request {
    /// Write this.
    Commit(Box<Pending>),
    /// Write what came before, then nothing more; answer when that is done.
    Close(oneshot::Sender<()>),
}

/// The task's own things.
pub struct Writer {
    standing: Arc<Standing>,
    endpoint: Endpoint,
    key: ChainKey,
    queue: mpsc::Receiver<Request>,
    open: Option<Open>,
    /// Who it is, and how many batches it has begun.
    token: (u64, u64),
    waiting: VecDeque<Pending>,
    /// So many of those that wait are written one by one: the server has refused something of theirs.
    alone: usize,
    doubt: Option<Doubt>,
    /// The last batch of ours that is known to be there.
    last: Option<Link>,
    closing: Option<oneshot::Sender<()>>,
    retry: Duration,
}

/// A connection that can be written to.
pub struct Open {
    session: Session,
    orders: Orders,
}

/// A batch of which nobody knows whether it has happened.
struct Doubt {
    batch: Vec<Pending>,
    decided: Decided,
    /// What the server has against it, if that is why.
    refusal: Option<StoreError>,
}

impl Open {
    /// Makes a session ready for writing.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn new(session: Session, endpoint: &Endpoint) -> Result<Self, StoreError> {
        let orders = Orders::prepare(&session.client).await;
        let orders = orders.map_err(|error| fault::unavailable(&error, endpoint))?;
        Ok(Self { session, orders })
    }

    /// Where the ledger ends, and what closes the entry at a place, when no transaction is under way.
    ///
    /// # Errors
    /// `Unavailable`, or `Damaged`.
    pub async fn look(&self, at: Position, endpoint: &Endpoint) -> Result<(Link, Option<Seal>), StoreError> {
        let looked = within(Box::pin(batch::look(&self.session.client, &self.orders, at))).await;
        looked.map_err(|failure| failure.told(endpoint))
    }
}

impl Writer {
    /// A writer with an open connection. The seed tells it from every other writer there ever was.
    pub fn new(
        standing: Arc<Standing>,
        (endpoint, key): (Endpoint, ChainKey),
        queue: mpsc::Receiver<Request>,
        open: Open,
        seed: u64,
    ) -> Self {
        Self {
            standing,
            endpoint,
            key,
            queue,
            open: Some(open),
            token: (seed, 0),
            waiting: VecDeque::new(),
            alone: 0,
            doubt: None,
            last: None,
            closing: None,
            retry: RETRY_MIN,
        }
    }

    /// Writes until every sender is gone.
    pub async fn run(mut self) {
        while self.turn().await {}
    }

    /// One thing after the other; `false` at the end.
    async fn turn(&mut self) -> bool {
        if self.waiting.is_empty() && self.doubt.is_none() && self.closing.is_some() {
            self.close();
        }
        if self.standing.is_closed() || self.standing.is_damaged() {
            return self.refuse().await;
        }
        let Some(mut open) = self.open.take() else { return self.mend().await };
        if self.waiting.is_empty() {
            let request = tokio::select! {
                biased;
                request = self.queue.recv() => request,
                () = open.session.ended() => {
                    self.standing.fail(&fault::ended(&self.endpoint));
                    return true;
                }
            };
            match request {
                Some(Request::Commit(pending)) => self.waiting.push_back(*pending),
                Some(Request::Close(done)) => self.closing = Some(done),
                None => return false,
            }
        }
        let batch = self.collect();
        if batch.is_empty() || self.write(&open, batch).await {
            self.open = Some(open);
        }
        true
    }

    /// Takes what waits, up to the limits.
    fn collect(&mut self) -> Vec<Pending> {
        let most = if self.alone > 0 { 1 } else { BATCH_COMMITS };
        self.alone = self.alone.saturating_sub(1);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < most {
            let Some(next) = self.take_one() else { break };
            bytes += next.body.len();
            if bytes > BATCH_BYTES && !batch.is_empty() {
                self.waiting.push_front(next);
                break;
            }
            batch.push(next);
        }
        batch
    }

    fn take_one(&mut self) -> Option<Pending> {
        if self.closing.is_some() || !self.waiting.is_empty() {
            return self.waiting.pop_front();
        }
        match self.queue.try_recv() {
            Ok(Request::Commit(pending)) => Some(*pending),
            Ok(Request::Close(done)) => {
                self.closing = Some(done);
                None
            }
            Err(_) => None,
        }
    }

    /// Whether the connection can be used further.
    async fn write(&mut self, open: &Open, batch: Vec<Pending>) -> bool {
        self.token.1 += 1;
        let token = Token::new(self.token.0, self.token.1);
        let (client, orders) = (&open.session.client, &open.orders);
        let decided = match within(Box::pin(batch::decide(client, orders, &batch, &self.key, token))).await {
            Ok(decided) => decided,
            Err(failure) => {
                self.give_back(batch);
                self.standing.fail(&failure.told(&self.endpoint));
                return false;
            }
        };
        crash_point!(async "postgres.write.before");
        let written = within(Box::pin(batch::put_down(client, orders, &decided))).await;
        crash_point!(async "postgres.write.after");
        if let Err(failure) = written {
            let refusal = failure.refusal(&self.endpoint);
            self.doubt = Some(Doubt { batch, decided, refusal });
            self.standing.fail(&failure.told(&self.endpoint));
            return false;
        }
        self.landed(batch, decided);
        true
    }

    fn landed(&mut self, batch: Vec<Pending>, decided: Decided) {
        if decided.token.is_some() {
            let commits = decided.answers.iter().filter(|answer| answer.is_ok()).count();
            self.standing.counters.commits.fetch_add(commits as u64, Relaxed);
            self.standing.counters.batches.fetch_add(1, Relaxed);
            self.standing.advance(decided.end);
            self.last = Some(decided.end);
        }
        for (pending, answer) in batch.into_iter().zip(decided.answers) {
            pending.answer(answer);
        }
    }

    fn give_back(&mut self, batch: Vec<Pending>) {
        batch.into_iter().rev().for_each(|pending| self.waiting.push_front(pending));
    }

    /// Tries to connect anew; after a vain try a moment passes in which what comes is taken in.
    async fn mend(&mut self) -> bool {
        match self.open_anew().await {
            Ok(open) => {
                self.retry = RETRY_MIN;
                self.open = Some(open);
                self.standing.recovered();
                return true;
            }
            Err(error) => self.standing.fail(&error),
        }
        if self.closing.is_some() {
            self.close();
            return true;
        }
        if let Err(error) = self.standing.may_offer() {
            self.waiting.drain(..).for_each(|pending| pending.answer(Err(error.clone())));
        }
        let until = Instant::now() + self.retry;
        self.retry = (self.retry * 2).min(RETRY_MAX);
        loop {
            let has_room = self.waiting.len() < WAITING && self.closing.is_none();
            tokio::select! {
                biased;
                () = sleep_until(until) => return true,
                request = self.queue.recv(), if has_room => match request {
                    Some(Request::Commit(pending)) => self.waiting.push_back(*pending),
                    Some(Request::Close(done)) => self.closing = Some(done),
                    None => return false,
                },
            }
        }
    }

    async fn open_anew(&mut self) -> Result<Open, StoreError> {
        let session = Session::connect(&self.endpoint).await?;
        let open = Open::new(session, &self.endpoint).await?;
        self.compare(&open).await?;
        self.settle(&open).await?;
        Ok(open)
    }

    /// Whether everything that was acknowledged is there.
    async fn compare(&self, open: &Open) -> Result<(), StoreError> {
        let Some(last) = self.last else { return Ok(()) };
        let (end, seal) = open.look(last.position, &self.endpoint).await?;
        if seal.is_some_and(|seal| seal.hash == last.hash) {
            return Ok(());
        }
        Err(StoreError::Damaged(format!(
            "{}: entry {} was acknowledged and is not there any more; the ledger ends with {}. The server was restored from a copy, or a \
             standby that lagged behind took over: have HR send again what it sent since then. A new start goes on with what is there",
            self.endpoint, last.position.0, end.position.0
        )))
    }

    /// Finds out whether a batch whose answer was lost has happened, and answers it or has it written anew.
    async fn settle(&mut self, open: &Open) -> Result<(), StoreError> {
        let Some(Doubt { decided, .. }) = &self.doubt else { return Ok(()) };
        let has_happened = match decided.token {
            Some(token) => {
                let (_, seal) = open.look(decided.end.position, &self.endpoint).await?;
                seal.is_some_and(|seal| seal.token == token && !planted!(LostAnswerMeansLost))
                    || planted!(LostAnswerMeansDone)
            }
            None => false,
        };
        let Some(Doubt { batch, decided, refusal }) = self.doubt.take() else { return Ok(()) };
        tracing::info!(commits = batch.len(), has_happened, "a batch whose answer was lost was looked for");
        match refusal {
            _ if has_happened => self.landed(batch, decided),
            Some(refusal) if batch.len() == 1 => {
                for pending in batch {
                    pending.answer(Err(refusal.clone()));
                }
            }
            Some(_) => {
                self.alone = batch.len();
                self.give_back(batch);
            }
            None => self.give_back(batch),
        }
        Ok(())
    }

    fn close(&mut self) {
        self.standing.close();
        if let Some(done) = self.closing.take() {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }

    /// Nothing is written any more.
    async fn refuse(&mut self) -> bool {
        self.open = None;
        let error = self.standing.health().err().unwrap_or_else(|| fault::ended(&self.endpoint));
        let doubtful = self.doubt.take().into_iter().flat_map(|doubt| doubt.batch);
        doubtful.chain(self.waiting.drain(..)).for_each(|pending| pending.answer(Err(error.clone())));
        match self.queue.recv().await {
            Some(Request::Commit(pending)) => pending.answer(Err(error)),
            Some(Request::Close(done)) => {
                self.closing = Some(done);
                self.close();
            }
            None => return false,
        }
        true
    }
}

async fn within<T>(flight: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(FLIGHT_MAX, flight).await.unwrap_or(Err(Failure::Silent))
}
