//! One connection's socket: reads, lets the session decide, writes. Wakes when anybody changes the shared
//! state, so that a message published elsewhere reaches an idle consumer at once. Not here: TLS, and any address but loopback.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::session::Session;
use super::wire::{Outbox, take_frame};

const READ_BYTES: usize = 64 * 1024;
/// A client that does not finish its handshake, or does not answer a close, is not waited for.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Serves one client until it closes, breaks, or `dropped` is cancelled; gives its messages back then.
pub(super) async fn serve(stream: TcpStream, number: u64, shared: &Shared, dropped: CancellationToken) {
    let mut session = Session::new(number, shared.password());
    tokio::select! {
        () = dropped.cancelled() => {}
        ended = talk(stream, &mut session, shared) => {
            if let Err(error) = ended {
                tracing::debug!(connection = number, %error, "sandbox broker: connection broke");
            }
        }
    }
    shared.with_state(|state| session.end(state));
}

async fn talk(mut stream: TcpStream, session: &mut Session, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut changes = shared.changes.subscribe();
    let mut received = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    let mut deadline = Instant::now() + HANDSHAKE_TIME;
    loop {
        if session.is_open() {
            deadline = Instant::now() + HANDSHAKE_TIME;
        }
        changes.mark_unchanged();
        let out = advance(session, &mut received, shared);
        let wrote_some = !out.is_empty();
        stream.write_all(&out).await?;
        if session.is_closed() {
            return stream.shutdown().await;
        }
        if wrote_some {
            // There may be more to deliver than one outbox takes.
            continue;
        }
        let woken = wait(&mut stream, session, &mut changes, &mut chunk);
        let read = if session.is_open() { woken.await? } else { timeout_at(deadline, woken).await?? };
        match read {
            Woken::Received(0) => return Ok(()),
            Woken::Received(bytes) => received.extend_from_slice(&chunk[..bytes]),
            Woken::Changed => {}
        }
    }
}

/// Handles every whole frame and then delivers; all under one short lock.
fn advance(session: &mut Session, received: &mut Vec<u8>, shared: &Shared) -> Vec<u8> {
    let mut out = Outbox::default();
    shared.with_state(|state| {
        session.resume(state, &mut out);
        while !session.is_held() && !session.is_closed() {
            match take_frame(received) {
                Ok(Some(frame)) => session.frame(frame, state, &mut out),
                Ok(None) => break,
                Err(refusal) => {
                    received.clear();
                    session.garbage(&refusal, state, &mut out);
                    break;
                }
            }
        }
        session.deliver(state, &mut out);
    });
    out.take()
}

enum Woken {
    /// That many bytes; none at the end of the stream.
    Received(usize),
    /// The shared state is not what it was.
    Changed,
}

/// Nothing is read while an alarm holds a publish up, as RabbitMQ does: the client feels it as back-pressure.
async fn wait(
    stream: &mut TcpStream,
    session: &Session,
    changes: &mut watch::Receiver<u64>,
    chunk: &mut [u8],
) -> io::Result<Woken> {
    tokio::select! {
        read = stream.read(chunk), if !session.is_held() => read.map(Woken::Received),
        woken = changes.changed() => woken.map(|()| Woken::Changed).map_err(io::Error::other),
    }
}
