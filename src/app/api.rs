//! The HTTP door: its address, what it says of the house, and the upkeep of what it shows. Not here: routes and requests (`http`).

use super::broker::BrokerHealth;
use super::doors::Planned;
use super::in_force::InForce;
use crate::amqp::Health;
use crate::config::Config;
use crate::engine::{self, Engine};
use crate::http::{self, Api, Hosts, NO_BROKER, Part, Repeats, Sessions, Status};
use crate::telemetry;
use anyhow::{Context as _, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the metrics' samples are folded.
const UPKEEP: Duration = Duration::from_secs(5);

/// Takes the address; whoever calls already waits until the door is open.
pub(super) fn bind(wanted: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(wanted).with_context(|| format!("http.listen {wanted}"))?;
    listener.set_nonblocking(true).context("http.listen")?;
    let listen = listener.local_addr().context("http.listen")?;
    Ok((listener, listen))
}

/// What the door shows, beside what its configuration says.
pub(super) struct Shown<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) broker: Option<BrokerHealth>,
    pub(super) in_force: &'a Arc<InForce>,
    pub(super) repeats: &'a Arc<Repeats>,
    pub(super) sessions: &'a Arc<Sessions>,
}

/// Builds the door and the upkeep.
pub(super) fn plan(
    config: &Config,
    listener: TcpListener,
    listen: SocketAddr,
    shown: Shown<'_>,
    doors: &mut Vec<Planned>,
) {
    let Shown { engine, broker, in_force, repeats, sessions } = shown;
    let handle = telemetry::metrics();
    engine::describe_metrics();
    let (rendered, watched, in_force) = (handle.clone(), Arc::clone(engine), Arc::clone(in_force));
    let public_host = config.handover.public_url.as_deref().and_then(http::host_of);
    let api = Api {
        engine: Arc::clone(engine),
        tokens: config.http.tokens.clone(),
        takes_events: config.intake.http,
        hosts: Hosts::new(listen, config.http.hosts.iter().cloned().chain(public_host)),
        status: Arc::new(move || status(&watched, broker.as_ref(), &in_force)),
        repeats: Arc::clone(repeats),
        streams: Arc::default(),
        paces: Arc::default(),
        sessions: Arc::clone(sessions),
        metrics: Arc::new(move || rendered.render()),
    };
    doors.push(Planned::new("http", |stop| serve(listener, api, stop)));
    doors.push(Planned::new("upkeep", |stop| upkeep(handle, stop)));
}

async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) {
    if let Err(error) = http::serve(listener, Arc::new(api), stop).await {
        tracing::error!(%error, "the API has failed");
    }
}

async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    while !stop.is_cancelled() {
        handle.run_upkeep();
        tokio::select! { () = stop.cancelled() => (), () = tokio::time::sleep(UPKEEP) => () }
    }
}

fn status(engine: &Engine, broker: Option<&BrokerHealth>, in_force: &InForce) -> Status {
    let intake = match broker {
        None => vec![Part::new("amqp", false).with_detail(NO_BROKER)],
        Some(broker) => {
            vec![part("amqp", &broker.intake.borrow()), part("outcomes", &broker.outcomes.borrow())]
        }
    };
    Status {
        loops: vec![Part::new("engine", engine.is_alive()), Part::new("scheduler", engine.is_moving())],
        intake,
        standing: vec![in_force.part(), clock(engine)].into_iter().chain(replica(engine)).collect(),
    }
}

/// A replica whose leases have run out does nothing but take events and answer; another one does the rest.
fn replica(engine: &Engine) -> Option<Part> {
    let roll = engine.duties()?;
    let held: Vec<String> = roll.held.iter().map(ToString::to_string).collect();
    let of = if held.is_empty() { "no duty".to_owned() } else { held.join(", ") };
    let detail =
        format!("{}: {of}; {} living, asked {} s ago", roll.replica, roll.living.len(), roll.age.as_secs());
    Some(Part::new("replica", roll.is_current).with_detail(detail))
}

/// A clock that Google contradicts is not up: what has a date waits.
fn clock(engine: &Engine) -> Part {
    let (well, said) =
        engine.house().clock.as_steady().map_or((true, String::new()), |steady| steady.in_words());
    Part::new("clock", well).with_detail(said)
}

fn part(name: &str, health: &Health) -> Part {
    match health {
        Health::Connected => Part::new(name, true),
        Health::Connecting { .. } | Health::Blocked => Part::new(name, false).with_detail(health.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test]
    async fn each_connection_is_a_part_and_an_alarm_is_not_up() {
        let connecting = |error: Option<&str>| Health::Connecting {
            since: Instant::now(),
            last_error: error.map(str::to_owned),
        };
        let check = |health: &Health, up: bool, detail: &str| {
            assert_eq!(part("outcomes", health), Part::new("outcomes", up).with_detail(detail));
        };
        check(&Health::Connected, true, "");
        check(&Health::Blocked, false, "the broker has a memory or disk alarm");
        check(&connecting(None), false, "connecting");
        check(&connecting(Some("nobody listens there")), false, "nobody listens there");
    }
}
