//! A stand-in for Google that costs next to nothing: one thread, a few microseconds for each call, a latency that can be set. It answers
//! the calls that carepass makes on the happy path and counts what arrives. It runs as a process of its own, so that its CPU is nobody
//! else's, and ends with whoever started it. Not here: whether a request is one that Google would take; that is the sandbox's matter.

mod client;
mod connection;
mod control;
mod counts;
mod customer;
mod routes;

pub use client::{StandIn, Tally};
pub use customer::{MARKER, admin, customer_id};

use crate::process::orphaned;
use connection::serve_connection;
use control::Control;
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

/// Serves until standard input ends. The port is the first line of standard output.
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, serve());
    ExitCode::SUCCESS
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    announce(listener.local_addr().expect("bound").port());
    let shared = Rc::new(Shared { world: RefCell::default(), control: Control::default() });
    let accepting = async {
        while let Ok((stream, _)) = listener.accept().await {
            // Small answers must not wait for each other.
            if stream.set_nodelay(true).is_ok() {
                spawn_local(serve_connection(stream, Rc::clone(&shared)));
            }
        }
    };
    tokio::select! { () = orphaned() => (), () = accepting => () }
}

#[expect(clippy::print_stdout, reason = "it is how the parent process learns the port")]
fn announce(port: u16) {
    println!("{port}");
}
