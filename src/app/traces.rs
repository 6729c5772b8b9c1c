//! Where spans go, as a door that is closed last. Not here: sending them (`otlp`), and what they say.

use super::doors::Planned;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::duty::ReplicaId;
use crate::otlp::Exporter;
use crate::trace::{self, Tracer};
use anyhow::{Context as _, Result};

/// The door's name.
pub(super) const EXPORTER: &str = "traces";

/// Builds the exporter, if a collector is named; nothing is connected yet.
pub(super) fn plan(
    config: &Config,
    replica: &ReplicaId,
    clock: &Clock,
    doors: &mut Vec<Planned>,
) -> Result<Tracer> {
    let Some(settings) = config.traces.clone() else { return Ok(Tracer::default()) };
    let (shown, chance) = (clock.clone(), fastrand::Rng::with_seed(super::random_seed()?));
    let (tracer, spans) = trace::tracer(move || shown.now(), chance);
    let exporter = Exporter::new(settings, &replica.to_string(), tracer.clone(), spans).context("traces")?;
    doors.push(Planned::new(EXPORTER, |stop| exporter.run(stop)));
    Ok(tracer)
}
