//! The listener's side of a connection: accepted without delay of small packets (`TCP_NODELAY`), counted, and closed when nothing
//! was answered on it for too long, be it idle or fed one byte at a time. Not here: requests.

use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

/// Connections that are open at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 256;

/// How long a connection may stay open without an answer on it. Longer than any request may take.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// A listener with limits.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    quiet: Duration,
}

/// A connection with limits.
pub(super) struct Guest {
    stream: TcpStream,
    quiet: Duration,
    closes: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self::with_limits(listener, CONNECTIONS_MAX, QUIET_MAX)
    }

    fn with_limits(listener: TcpListener, connections: usize, quiet: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections)), quiet }
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the door never closes its places");
        // axum's own accept logs and waits where the process has run out of file descriptors.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay: it is closed already");
        }
        let closes = Box::pin(sleep_until(Instant::now() + self.quiet));
        (Guest { stream, quiet: self.quiet, closes, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closes.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.pending(cx),
            flushed @ Poll::Ready(_) => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Guest {
    /// Something was answered: the quiet time begins anew. Nothing can be: the caller does not read, and is waited for no longer
    /// than one who does not ask.
    fn note(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(_)) => {
                let until = Instant::now() + self.quiet;
                self.closes.as_mut().reset(until);
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => self.pending(cx),
        }
    }

    /// Waits for the socket until the quiet time is over.
    fn pending<T>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.closes.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn door(connections: usize, quiet: Duration) -> (Door, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Door::with_limits(listener, connections, quiet), address)
    }

    #[tokio::test]
    async fn bytes_that_drip_in_do_not_keep_a_connection_open() {
        let (mut door, address) = door(1, Duration::from_millis(50)).await;
        let mut caller = TcpStream::connect(address).await.unwrap();
        let (mut guest, _) = door.accept().await;
        let dripping = async {
            while caller.write_all(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let reading = async {
            let mut bytes = [0; 8];
            loop {
                if let Err(error) = guest.read(&mut bytes).await {
                    return error.kind();
                }
            }
        };
        tokio::select! {
            () = dripping => panic!("the caller gave up first"),
            kind = reading => assert_eq!(kind, io::ErrorKind::TimedOut),
        }
    }

    #[tokio::test]
    async fn a_caller_who_never_reads_is_not_waited_for() {
        let (mut door, address) = door(1, Duration::from_millis(50)).await;
        let _caller = TcpStream::connect(address).await.unwrap();
        let (mut guest, _) = door.accept().await;
        let answer = vec![b'x'; 64 * 1024];
        let kind = loop {
            if let Err(error) = guest.write_all(&answer).await {
                break error.kind();
            }
        };
        assert_eq!(kind, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_a_guest_has_left() {
        let (mut door, address) = door(1, QUIET_MAX).await;
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let (guest, _) = door.accept().await;
        assert!(guest.stream.nodelay().unwrap());
        assert_eq!(door.places.available_permits(), 0);
        drop(guest);
        door.accept().await;
    }
}
