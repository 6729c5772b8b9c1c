//! Floor 4: the HTTP door. JSON out, orders in; everything is read from the store and decided by the engine, and nothing here
//! keeps anything but the answers to orders that may be sent twice (`idempotency`) and who has signed in to the dashboard (`room`).
//! Not here: rules.

mod address_map;
mod api;
mod auth;
mod conditional;
mod connection;
mod dead_letters;
mod drift;
mod engineer_view;
mod envelope;
mod events;
mod extract;
mod front;
mod health;
mod hosts;
mod idempotency;
mod language;
mod leaving_view;
mod openapi;
mod orders;
mod pace;
mod problem;
mod reissue;
mod reseller_view;
mod room;
mod routes;
mod schemas;
mod stream;
mod task_list;
mod tasks;
#[cfg(test)]
mod tests;
mod tokens;
mod usernames;
mod views;

pub use health::{NO_BROKER, Part, Status};
pub use hosts::{Hosts, host_of};
pub use idempotency::Repeats;
pub use pace::Paces;
pub use problem::{Fault, Problem, ProblemKind};
pub use room::{NotSignedIn, Sessions};
pub use stream::Streams;
pub use tokens::{Caller, NewToken, Role, Tokens, TokensError};

use crate::engine::Engine;
use axum::Router;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The largest body of a request, in bytes; events may be larger (`events`).
pub(crate) const BODY_MAX: usize = 16 * 1024;

/// How long requests in hand may take after the stop.
const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// What the door needs from the house.
pub struct Api {
    /// Carries out orders; its house is read.
    pub engine: Arc<Engine>,
    /// Who may come in.
    pub tokens: Tokens,
    /// Whether events are taken.
    pub takes_events: bool,
    /// Which names are answered to.
    pub hosts: Hosts,
    /// What the house says of itself.
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// Orders that may be sent again: they outlive a door.
    pub repeats: Arc<Repeats>,
    /// Who looks on.
    pub streams: Arc<Streams>,
    /// How fast each caller asks.
    pub paces: Arc<Paces>,
    /// Who has signed in to the dashboard: they outlive a door too.
    pub sessions: Arc<Sessions>,
    /// Renders the metrics.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Serves until the stop; requests in hand are answered, for at most five seconds.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) -> io::Result<()> {
    let (asked, streams) = (stop.clone(), Arc::clone(&api.streams));
    let serving =
        axum::serve(connection::Door::new(listener), router(&api)).with_graceful_shutdown(async move {
            asked.cancelled().await;
            streams.close();
        });
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GOODBYE_MAX).await;
    };
    tokio::select! {
        served = serving => served,
        () = late => {
            tracing::info!("requests in hand were cut off: they took too long after the stop");
            Ok(())
        }
    }
}

/// Every route behind everything that holds for all of them.
pub fn router(api: &Arc<Api>) -> Router {
    routes::router(api)
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MAX))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(api), front::front))
        .with_state(Arc::clone(api))
}
