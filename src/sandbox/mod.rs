//! The built-in model of Google behind Google's HTTP. Imports nothing of the client.
//!
//! A model, not a script: customers, users, units, roles and licences are plain data (`world`); the handlers say what
//! Google does to them and what it answers; tests change the data, call, and read the data. Used in process
//! (`Sandbox::router`, `Sandbox::handle`) and on a socket (`Sandbox::serve`).
//!
//! Decided in synchronous code with the time as an argument (`state`, `google` and below); the server only carries
//! it out. Not modelled: delegated administrators (whoever is no super administrator may nothing), groups' members, the
//! Gmail API, roles given straight to a service account, and orders through the Reseller API.

mod audit;
mod batch;
pub mod broker;
mod call;
mod calls;
mod changes;
mod check;
mod clock;
mod control;
mod customer;
mod directory;
mod discovery;
mod error;
mod faults;
mod fields;
mod google;
mod iam;
mod identity;
pub mod init;
mod licensing;
mod org_units;
mod paging;
mod policies;
mod published;
mod quota;
mod reports;
mod reseller;
mod roles;
mod route;
mod rsa;
mod server;
mod settings;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod users;
mod users_change;
mod users_list;
mod users_security;
mod visibility;
mod world;
mod world_build;
mod world_file;

pub use call::{Answer, Body, Call};
pub use calls::CallLine;
pub use clock::{Millis, SandboxClock};
pub use rsa::KeyPair;
pub use state::Wire;
pub use tls::{Tls, TlsError};
pub use world::*;

use state::State;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The model of Google. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Sandbox {
    state: Arc<Mutex<State>>,
    clock: SandboxClock,
}

impl Sandbox {
    /// A sandbox that lives by the wall clock.
    pub fn new(world: World) -> Self {
        Self::with_clock(world, SandboxClock::wall())
    }

    /// A sandbox that lives by another clock.
    pub fn with_clock(mut world: World, clock: SandboxClock) -> Self {
        let (now, seed) = (clock.now(), world.seed);
        world.customers.values_mut().for_each(|customer| customer.begin(now, seed));
        Self { state: Arc::new(Mutex::new(State::new(world))), clock }
    }

    /// Serves on a listener until told to stop.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        server::serve(self, listener, None, stop).await
    }

    /// Serves HTTPS on a listener until told to stop.
    pub async fn serve_tls(self, listener: TcpListener, tls: Tls, stop: CancellationToken) -> io::Result<()> {
        server::serve(self, listener, Some(tls), stop).await
    }

    /// All routes, for use without a socket. There a cut connection is a bare 502.
    pub fn router(&self) -> axum::Router {
        server::router(self.clone())
    }

    /// Handles one call now, without HTTP and without any delay.
    pub fn handle(&self, call: &Call) -> Wire {
        let now = self.clock.now();
        self.lock().handle(call, now)
    }

    /// The whole model as JSON, as `GET /_sandbox/world` shows it.
    pub fn world_json(&self) -> serde_json::Value {
        let now = self.clock.now();
        self.change(|world| {
            world.customers.values_mut().for_each(|customer| customer.settle(now));
            control::world_json(world, now)
        })
    }

    /// Every call that is still in the log.
    pub fn calls(&self) -> Vec<CallLine> {
        self.calls_after(0)
    }

    /// The calls after a number.
    pub fn calls_after(&self, seq: u64) -> Vec<CallLine> {
        self.lock().calls.after(seq).cloned().collect()
    }

    /// Adds fault rules, in the shape of `POST /_sandbox/faults`; gives the number in force.
    pub fn add_faults(&self, rules: &serde_json::Value) -> Result<usize, Vec<String>> {
        let now = self.clock.now();
        let mut state = self.lock();
        let count = state.faults.add(rules)?;
        state.remember(now);
        Ok(count)
    }

    /// Drops every fault rule.
    pub fn clear_faults(&self) {
        self.lock().clear_faults();
    }

    /// Changes settings, in the shape of `POST /_sandbox/set`.
    pub fn set(&self, settings: &serde_json::Value) -> Result<(), String> {
        let changes = changes::Changes::parse(settings)?;
        let now = self.clock.now();
        changes::apply(&mut self.lock(), &changes, now)?;
        if let Some(offset) = changes.clock_offset() {
            self.clock.set_offset(offset);
        }
        Ok(())
    }

    /// Looks at the model or changes it behind Google's back, as a person at the console does.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.lock().world)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a handler is a bug of the sandbox that its test reports; the data is still worth reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
