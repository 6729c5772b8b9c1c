//! The flight check: what carepass will meet, looked at and not touched. It reads, it asks for tokens, and writes nothing anywhere, so that it
//! may run beside a daemon. Not here: how it is shown (`cli/check_online`).

mod neighbours;
pub mod probe;
mod reseller;

use crate::clock::Clock;
use crate::config::Config;
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::ResellerName;
use crate::model::message::{Place, explain, in_short};
use crate::model::person::Language;
use anyhow::Result;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;

/// Reseller accounts that are looked at side by side.
const SIDE_BY_SIDE: usize = 4;

/// How a thing stands; the worst is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It could not be seen.
    Unknown,
    /// It goes on, and somebody should know.
    Warning,
    /// A person has to act, or something does not go on.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub check: String,
    /// How it stands.
    pub grade: Grade,
    /// What is so.
    pub said: String,
    /// What to do; empty where there is nothing.
    pub advice: String,
    /// The failure, as a running carepass would call it.
    pub code: Option<FailureCode>,
}

/// A reseller account as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Which.
    pub reseller: ResellerName,
    /// What was looked at, in order.
    pub checks: Vec<Finding>,
}

/// All that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flight {
    /// The store.
    pub store: Finding,
    /// The broker.
    pub broker: Finding,
    /// The reseller accounts in the order of their names.
    pub resellers: Vec<Seen>,
}

/// How the check as a whole has ended; the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Broker or store cannot be reached.
    NeighbourAway,
    /// Google was reached for no reseller account.
    GoogleAway,
    /// A person has to act.
    NeedsPerson,
    /// Something could not be looked at.
    Partly,
    /// All is well.
    Well,
}

/// Looks at everything. `on_progress` hears how many of how many reseller accounts are done.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn look(
    config: &Config,
    clock: &Clock,
    mut on_progress: impl FnMut(usize, usize),
) -> Result<Flight> {
    let sites = super::house::sites(config, clock)?;
    let total = sites.len();
    on_progress(0, total);
    let store = neighbours::store(&config.store.backend).await;
    let broker = neighbours::broker(config.intake.amqp.as_ref()).await;
    let mut looks = stream::iter(&sites)
        .map(|(name, site)| async move {
            Seen { reseller: name.clone(), checks: reseller::look(site, clock).await }
        })
        .buffered(SIDE_BY_SIDE);
    let mut resellers = Vec::new();
    while let Some(seen) = looks.next().await {
        resellers.push(seen);
        on_progress(resellers.len(), total);
    }
    Ok(Flight { store, broker, resellers })
}

impl Flight {
    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        let all = || self.resellers.iter().flat_map(|seen| &seen.checks);
        let away = |seen: &Seen| seen.checks.iter().all(Finding::is_out_of_reach);
        if self.store.grade == Grade::Fault || self.broker.grade == Grade::Fault {
            Verdict::NeighbourAway
        } else if self.resellers.iter().all(away) {
            Verdict::GoogleAway
        } else if all().any(|finding| finding.grade == Grade::Fault) {
            Verdict::NeedsPerson
        } else if all().any(|finding| finding.grade == Grade::Unknown && finding.code.is_some()) {
            Verdict::Partly
        } else {
            Verdict::Well
        }
    }
}

impl Finding {
    fn new(check: &str, grade: Grade, said: impl Into<String>) -> Self {
        Self { check: check.to_owned(), grade, said: said.into(), advice: String::new(), code: None }
    }

    fn ok(check: &str, said: impl Into<String>) -> Self {
        Self::new(check, Grade::Ok, said)
    }

    fn advising(mut self, advice: &str) -> Self {
        advice.clone_into(&mut self.advice);
        self
    }

    /// What carepass would stop at, in its own words. What may pass by itself proves nothing.
    fn failed(check: &str, failure: &Failure, place: &Place, clock: &Clock) -> Self {
        let grade = match failure.kind {
            FailureKind::Transient | FailureKind::Throttled | FailureKind::NotYet => Grade::Unknown,
            FailureKind::Needs(_) | FailureKind::Permanent => Grade::Fault,
        };
        let short = in_short(failure.code, Language::English);
        let said =
            if failure.detail.is_empty() { short.to_owned() } else { format!("{short}: {}", failure.detail) };
        let values =
            failure.values.iter().map(|prefilled| format!("{}: {}", prefilled.name, prefilled.value));
        let you = explain(failure, place, clock.now(), Language::English).you;
        let advice = [you].into_iter().chain(values).collect::<Vec<_>>().join("\n");
        Self { advice, code: Some(failure.code), ..Self::new(check, grade, said) }
    }

    /// Whether nothing was heard of Google.
    fn is_out_of_reach(&self) -> bool {
        self.grade == Grade::Unknown && self.code.is_some_and(FailureCode::is_trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(grade: Grade, code: Option<FailureCode>) -> Finding {
        Finding { code, ..Finding::new("a", grade, "b") }
    }

    #[test]
    fn the_worst_that_was_seen_decides() {
        let well = || finding(Grade::Ok, None);
        let away = || finding(Grade::Unknown, Some(FailureCode::ConnectionLost));
        let check = |store: Finding, resellers: Vec<Vec<Finding>>, expected: Verdict| {
            let seen = |checks| Seen { reseller: "se".parse().unwrap(), checks };
            let resellers = resellers.into_iter().map(seen).collect();
            assert_eq!(Flight { store, broker: well(), resellers }.verdict(), expected);
        };
        check(well(), vec![vec![well()]], Verdict::Well);
        check(well(), vec![vec![well(), finding(Grade::Warning, None)]], Verdict::Well);
        check(well(), vec![vec![well(), finding(Grade::Unknown, None)]], Verdict::Well);
        check(well(), vec![vec![well()], vec![away()]], Verdict::Partly);
        check(well(), vec![vec![away()], vec![away()]], Verdict::GoogleAway);
        check(well(), vec![vec![finding(Grade::Fault, None)], vec![away()]], Verdict::NeedsPerson);
        check(finding(Grade::Fault, None), vec![vec![well()]], Verdict::NeighbourAway);
    }
}
