//! What an operator is told about the configuration: since when it is in force, and why the last reload was refused. Not here: reading it
//! (`config`), and taking another one up (`reload`).

use crate::config::Config;
use crate::http::Part;
use jiff::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest answer, in characters: a file of another kind altogether has a fault in each line.
const WORDS_MAX: usize = 4_000;

/// The configuration as it stands.
#[derive(Debug)]
pub struct InForce(Mutex<Standing>);

#[derive(Debug)]
struct Standing {
    since: Timestamp,
    stop_within: Duration,
    /// When the last reload was refused, and why; nothing once one was taken.
    refused: Option<(Timestamp, String)>,
}

impl InForce {
    /// In force from now on.
    pub fn new(config: &Config, now: Timestamp) -> Self {
        Self(Mutex::new(Standing { since: now, stop_within: stop_within(config), refused: None }))
    }

    /// How long a stop may take.
    pub fn stop_within(&self) -> Duration {
        self.standing().stop_within
    }

    /// Another configuration has taken its place.
    pub(super) fn exchange(&self, config: &Config, now: Timestamp) {
        *self.standing() = Standing { since: now, stop_within: stop_within(config), refused: None };
    }

    /// A reload was refused, for these reasons.
    pub(super) fn refuse(&self, why: &str, now: Timestamp) {
        let why = why.chars().take(WORDS_MAX).collect();
        self.standing().refused = Some((now, why));
    }

    /// As a part of `/readyz`. A refused reload takes nothing away: the part is up.
    pub(super) fn part(&self) -> Part {
        let Standing { since, refused, .. } = &*self.standing();
        let detail = match refused {
            None => format!("in force since {since}"),
            Some((at, why)) => format!(
                "in force since {since}; the reload at {at} was refused and changed nothing. Correct this and reload again: {why}"
            ),
        };
        Part::new("configuration", true).with_detail(detail)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stop_within(config: &Config) -> Duration {
    config.stop.within.unsigned_abs()
}
