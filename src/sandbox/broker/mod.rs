//! A small AMQP 0-9-1 broker in this process, on the codec crate under lapin, for `carepass demo` and for
//! fault tests. It listens on loopback addresses only and keeps everything **in memory**: queues called
//! durable are kept while the broker lives, and no longer.
//!
//! Modelled: PLAIN login, channels, direct, fanout and topic exchanges, declarations that are compared,
//! consumers with prefetch, `basic.get`, confirms, mandatory returns, ack, nack and reject, dead-lettering with
//! `x-death`, `x-delivery-limit`, `x-max-length`, redelivery, exclusive and auto-delete queues, alarms.
//! Not modelled, and refused rather than ignored: time-to-live, priorities, transactions, headers exchanges,
//! bindings between exchanges, single active consumer, per-channel global prefetch.
//!
//! `State` and `Session` are synchronous; `connection` is the socket around them.

mod channel;
mod connection;
mod declare;
mod message;
mod queue;
mod refusal;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod topic;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use message::SeenMessage;
use state::State;

/// Connections served at once; one more is closed at once.
const CONNECTIONS_MAX: usize = 64;
/// Random bytes in the password.
const PASSWORD_BYTES: usize = 18;

/// The broker. Clones are handles to the same one, so that a test can look while it serves.
#[derive(Clone)]
pub struct Broker {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// Of this broker alone, and told by [`Broker::uri`] only.
    password: Arc<str>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    /// Cancelled and replaced to drop every connection.
    dropped: Mutex<CancellationToken>,
    accepted: AtomicU64,
    places: Arc<Semaphore>,
}

impl Broker {
    /// Listens on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// An address that is not loopback is refused (`InvalidInput`): this broker has no TLS.
    /// Otherwise what the operating system says.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the sandbox broker listens on loopback addresses only, not on {address}"),
            ));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(password()?));
        Ok(Self { listener: Arc::new(listener), address, shared })
    }

    /// Where and as whom to connect. The password is made anew for each broker, so that nobody uses one by mistake who was not
    /// given this.
    pub fn uri(&self) -> String {
        format!("amqp://{}:{}@{}/%2f", session::USER, self.shared.password, self.address)
    }

    /// Serves until `stop` is cancelled, and then drops every connection.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let connections = TaskTracker::new();
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.admit(stream, &connections),
                    Err(error) if is_passing(&error) => {}
                    Err(error) => break Err(error),
                },
            }
        };
        connections.close();
        self.drop_connections();
        connections.wait().await;
        ended
    }

    fn admit(&self, stream: TcpStream, connections: &TaskTracker) {
        if self.shared.with_state(|state| state.away) {
            return;
        }
        let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            tracing::warn!(limit = CONNECTIONS_MAX, "sandbox broker: too many connections");
            return;
        };
        let shared = Arc::clone(&self.shared);
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let dropped = shared.dropped().clone();
        connections.spawn(async move {
            connection::serve(stream, number, &shared, dropped).await;
            drop(place);
            shared.with_state(State::touch);
        });
    }

    /// Messages waiting in `queue`, or `None` if there is no such queue.
    pub fn depth(&self, queue: &str) -> Option<usize> {
        self.shared.with_state(|state| state.queue(queue).map(|queue| queue.ready.len()))
    }

    /// Messages of `queue` delivered and not yet settled.
    pub fn unacknowledged(&self, queue: &str) -> Option<usize> {
        self.shared.with_state(|state| state.queue(queue).map(|queue| queue.unacknowledged))
    }

    /// Consumers of `queue`.
    pub fn consumers(&self, queue: &str) -> Option<usize> {
        self.shared.with_state(|state| state.queue(queue).map(|queue| queue.consumers))
    }

    /// Connections being served.
    pub fn connections(&self) -> usize {
        CONNECTIONS_MAX - self.shared.places.available_permits()
    }

    /// The messages waiting in `queue`, the oldest first; they stay.
    pub fn messages(&self, queue: &str) -> Vec<SeenMessage> {
        self.shared.with_state(|state| {
            let queue = state.queue(queue);
            let ready = queue.into_iter().flat_map(|queue| &queue.ready);
            ready.map(SeenMessage::from).collect()
        })
    }

    /// Takes the oldest message waiting in `queue`, as a consumer that acknowledges at once would.
    pub fn take(&self, queue: &str) -> Option<SeenMessage> {
        self.shared.with_state(|state| {
            let message = state.take(queue)?;
            state.acknowledge(queue, &message);
            Some(SeenMessage::from(&message))
        })
    }

    /// Fault: deletes a queue under its consumers, as an operator might.
    pub fn delete_queue(&self, queue: &str) {
        self.shared.with_state(|state| state.delete_queue(queue));
    }

    /// Waits until `condition` holds of this broker; it is asked again after every change.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        while !condition(self) {
            // The sender lives in the broker that this call borrows: there is always a next change to wait for.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Fault: every connection breaks at once, without a word. New ones are served.
    pub fn drop_connections(&self) {
        let old = std::mem::take(&mut *self.shared.dropped());
        old.cancel();
    }

    /// Fault: while `true`, new connections are accepted and closed at once, like those of a broker that is
    /// still starting behind a proxy.
    pub fn set_away(&self, away: bool) {
        self.shared.with_state(|state| {
            state.away = away;
            state.touch();
        });
    }

    /// Fault: while `true`, a memory alarm. A connection that publishes is told that it is blocked and nothing
    /// more of it is read; connections that only consume go on (RabbitMQ, "Memory and Disk Alarms").
    pub fn set_alarm(&self, alarm: bool) {
        self.shared.with_state(|state| {
            state.alarm = alarm;
            state.touch();
        });
    }
}

impl Shared {
    fn new(password: Arc<str>) -> Self {
        Self {
            password,
            state: Mutex::new(State::new()),
            changes: watch::Sender::new(0),
            dropped: Mutex::new(CancellationToken::new()),
            accepted: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }

    /// Works on the state and wakes whoever waits if it changed.
    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.version();
        let result = work(&mut state);
        let after = state.version();
        drop(state);
        if after != before {
            self.changes.send_replace(after);
        }
        result
    }

    fn password(&self) -> Arc<str> {
        Arc::clone(&self.password)
    }

    fn dropped(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn password() -> io::Result<Arc<str>> {
    let mut bytes = [0; PASSWORD_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// Errors of one connection attempt, not of the listener.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
