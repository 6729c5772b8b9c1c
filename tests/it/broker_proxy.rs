//! A TCP proxy between carepass and the broker that drops silently, in one direction or both, or resets what is open. What drops drops
//! the end of a connection too: a network that carries nothing does not carry that either.
//! Not here: what carepass makes of it (`broker_faults`).

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of bytes that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Bytes to the broker vanish.
    pub out_vanishes: bool,
    /// Bytes from the broker vanish.
    pub back_vanishes: bool,
    /// Counts up; at each change all open connections are reset.
    resets: u32,
}

const OPEN: Way = Way { out_vanishes: false, back_vanishes: false, resets: 0 };

/// A listening proxy; it ends with the test's runtime.
pub struct Proxy {
    pub port: u16,
    way: watch::Sender<Way>,
}

impl Proxy {
    pub async fn before(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (way, reader) = watch::channel(OPEN);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, broker, reader.clone()));
            }
        });
        Self { port, way }
    }

    pub fn swallow(&self, out_vanishes: bool, back_vanishes: bool) {
        self.way.send_modify(|way| {
            way.out_vanishes = out_vanishes;
            way.back_vanishes = back_vanishes;
        });
    }

    pub fn reset(&self) {
        self.way.send_modify(|way| way.resets += 1);
    }
}

async fn pass(near: TcpStream, broker: SocketAddr, way: watch::Receiver<Way>) {
    let Ok(far) = TcpStream::connect(broker).await else { return };
    // Closing with no time to linger sends a reset and not an end.
    for stream in [&near, &far] {
        reset_on_close(stream);
    }
    let resets = way.borrow().resets;
    let mut watched = way.clone();
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let out = pump(near_read, far_write, way.clone(), |way| way.out_vanishes);
    let back = pump(far_read, near_write, way, |way| way.back_vanishes);
    tokio::select! {
        () = out => {}
        () = back => {}
        _ = watched.wait_for(|way| way.resets != resets) => {}
    }
}

#[expect(deprecated, reason = "the wait that it warns of is for a linger time above zero")]
fn reset_on_close(stream: &TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).expect("an open socket");
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    vanishes: fn(&Way) -> bool,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let swallowed = vanishes(&way.borrow());
        if !swallowed {
            // Who cannot be written to has ended, which is read on the other way.
            let _ = to.write_all(&buffer[..count]).await;
        }
    }
    // Without its sender the proxy itself is gone.
    let _ = way.wait_for(|way| !vanishes(way)).await;
}
