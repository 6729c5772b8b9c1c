//! A stand-in for Google that costs next to nothing: one thread, a few microseconds for each call, a latency that can be set. It answers
//! the calls that carepass makes on the happy path and counts what arrives. It runs as a process of its own, so that its CPU is nobody
//! else's, and ends with whoever started it. Not here: whether a request is one that Google would take; that is the sandbox's matter.

mod client;
mod connection;
mod control;
mod counts;
mod customer;
mod routes;
mod trouble;

pub use client::{StandIn, Tally};
pub use counts::DOORS;
pub use customer::{MARKER, admin, customer_id};
pub use trouble::Trouble;

use crate::process::orphaned;
use connection::serve_connection;
use control::Control;
use futures_util::future::join_all;
use routes::World;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

/// The argument that makes this program the stand-in.
pub const ARGUMENT: &str = "--stand-in-for-google";

/// Everything that the one thread shares.
pub struct Shared {
    world: RefCell<World>,
    control: Control,
}

/// Serves until standard input ends. The ports are the first line of standard output.
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, serve());
    ExitCode::SUCCESS
}

async fn serve() {
    let listeners =
        join_all((0..DOORS).map(async |_| TcpListener::bind("127.0.0.1:0").await.expect("a free port")));
    let listeners = listeners.await;
    announce(listeners.iter().map(|listener| listener.local_addr().expect("bound").port()));
    let shared = Rc::new(Shared { world: RefCell::default(), control: Control::default() });
    let accepting = listeners.into_iter().enumerate().map(|(door, listener)| accept(listener, door, &shared));
    tokio::select! { () = orphaned() => (), _ = join_all(accepting) => () }
}

async fn accept(listener: TcpListener, door: usize, shared: &Rc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers must not wait for each other.
        if stream.set_nodelay(true).is_ok() {
            spawn_local(serve_connection(stream, door, Rc::clone(shared)));
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is how the parent process learns the ports")]
fn announce(ports: impl Iterator<Item = u16>) {
    println!("{}", ports.map(|port| port.to_string()).collect::<Vec<_>>().join(" "));
}
