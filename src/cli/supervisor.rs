//! What `serve` tells the service manager that started it (systemd, `sd_notify(3)`): that it is ready, how it is, that it stops, and at
//! intervals that work is still handed out. The sign of life follows the pulse of the loops, so that a process which stands still is
//! ended and started again. Without a service manager nothing is told. Not here: what the manager does (`deploy/carepass.service`).

use crate::engine::Engine;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// Signs of life within the time that the manager waits for one: two may be late.
const SIGNS: u32 = 3;

/// How long what the manager has to hear may wait for room at its door.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the service manager.
pub(super) struct Supervisor {
    life: Arc<Life>,
    _watch: Option<AbortOnDropHandle<()>>,
}

/// What the manager is told about.
struct Life {
    line: Option<Line>,
    /// The engine that has to move; none while one is built or taken down, which has limits of its own.
    engine: Mutex<Option<Arc<Engine>>>,
}

struct Line {
    /// Waits for room: what it says is said once.
    patient: UnixDatagram,
    /// Waits for nothing: the next sign of life comes.
    hasty: UnixDatagram,
    address: SocketAddr,
}

impl Supervisor {
    /// Opens the way, and gives signs of life from now on if the manager waits for them.
    pub(super) fn find(said: Option<(String, Option<Duration>)>) -> Self {
        let (socket, within) = said.unzip();
        let open = socket.and_then(|name| {
            Line::open(&name)
                .inspect_err(|error| tracing::warn!(%error, "the service manager cannot be told anything"))
                .ok()
        });
        let life = Arc::new(Life { line: open, engine: Mutex::default() });
        let watched = Arc::clone(&life);
        let watch = within.flatten().map(|within| tokio::spawn(watched.give_signs(within / SIGNS)));
        Self { life, _watch: watch.map(AbortOnDropHandle::new) }
    }

    /// This engine works from now on.
    pub(super) fn ready(&self, engine: &Arc<Engine>) {
        self.life.follow(Some(engine));
        let accounts = engine.house().sites.len();
        self.life.tell(&format!("READY=1\nSTATUS=working for {accounts} reseller accounts"));
    }

    /// Another configuration is taken up.
    pub(super) fn reloading(&self) {
        self.life.follow(None);
        self.life.tell("STATUS=reading the configuration again");
    }

    /// It ends.
    pub(super) fn stopping(&self) {
        self.life.follow(None);
        self.life.tell("STOPPING=1\nSTATUS=finishing work in hand");
    }
}

impl Life {
    async fn give_signs(self: Arc<Self>, every: Duration) {
        loop {
            if self.is_well() {
                self.give_sign();
            }
            tokio::time::sleep(every).await;
        }
    }

    fn is_well(&self) -> bool {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().is_none_or(|engine| engine.is_moving())
    }

    fn follow(&self, engine: Option<&Arc<Engine>>) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine.cloned();
    }

    /// A sign that the manager does not hear it misses by itself, after some of them.
    fn give_sign(&self) {
        if let Some(line) = &self.line
            && let Err(error) = line.hasty.send_to_addr(b"WATCHDOG=1", &line.address)
        {
            tracing::debug!(%error, "the service manager did not hear a sign of life");
        }
    }

    fn tell(&self, what: &str) {
        if let Some(line) = &self.line
            && let Err(error) = line.patient.send_to_addr(what.as_bytes(), &line.address)
        {
            tracing::warn!(%error, what, "the service manager did not hear");
        }
    }
}

impl Line {
    /// A name that begins with `@` is in the abstract namespace of Linux.
    fn open(name: &str) -> io::Result<Self> {
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let (patient, hasty) = (UnixDatagram::unbound()?, UnixDatagram::unbound()?);
        patient.set_write_timeout(Some(PATIENCE))?;
        hasty.set_nonblocking(true)?;
        Ok(Self { patient, hasty, address })
    }
}
