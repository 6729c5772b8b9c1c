//! Floor 5: what the operator says, as types. The only place that reads the environment.
//! Layers: `config/default.toml` < files in order < `$CREDENTIALS_DIRECTORY` < `CAREPASS__SECTION__KEY`.
//! All faults are found at once, each with the layer that says it, its key and what to do.
//! Whatever a file holds that is named here is read here too: what loads can be used. Not here: whether Google, the broker or the mail
//! server agree (that shows when carepass runs).

mod broker;
mod daemon;
mod environment;
mod fault;
mod files;
mod handover;
mod kinds;
mod layers;
mod mail;
#[cfg(test)]
mod mail_tests;
mod reader;
mod resellers;
mod sections;
mod shown;
mod suggest;
mod traces;
mod tree;
mod warnings;

#[cfg(test)]
mod broker_tests;
#[cfg(test)]
mod deploy_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod reseller_tests;
#[cfg(test)]
mod tests;

pub use fault::{Fault, Faults, Origin};
pub use sections::{
    AmqpSection, Approval, Backend, Config, Google, Handover, Http, Intake, Languages, Limits, Log,
    LogFormat, Mail, MailTls, MailTransport, Outcomes, Rates, Replica, ResellerSection, Seal, Stop, Store,
};
pub use shown::{Setting, settings};

use crate::model::rules::later;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reader::{Faulty, Findings, Read, Section};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use tree::Entries;

/// Where the day begins first, the clocks are this far ahead of UTC.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(14);

/// Reads the layers. A relative path in a file starts at that file's folder. A day on which something was confirmed has begun somewhere
/// by `now`.
///
/// # Errors
/// Everything that is wrong with any layer, at once.
pub fn load(
    files: &[PathBuf],
    environment: impl Iterator<Item = (String, String)>,
    now: Timestamp,
) -> Result<Config, Faults> {
    let variables: BTreeMap<String, String> = environment.collect();
    let (entries, faults) = layers::gather(files, &variables);
    // What a layer says that could not be read is not missing.
    let unread: BTreeSet<String> = faults.iter().map(|fault| fault.key.clone()).collect();
    let findings = Findings { faults: RefCell::new(faults), keys: layers::known_keys() };
    let latest = later(now, AHEAD_MAX).to_zoned(TimeZone::UTC).date();
    let config = read(&findings, &entries, latest);
    let mut faults = findings.faults.into_inner();
    faults.retain(|fault| {
        fault.origin != Origin::Default || !(unread.contains("") || unread.contains(&fault.key))
    });
    match config {
        Ok(config) if faults.is_empty() => Ok(config),
        Ok(_) | Err(Faulty) => Err(Faults(faults)),
    }
}

/// The environment of this process. A variable whose name is not Unicode is nobody's; a value that is not becomes
/// a wrong value, and is then named as one.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

/// Lets a test end this process at a crash point, said as `name:n` in `CAREPASS_CRASH_AT`. Release builds have no such points.
#[cfg(debug_assertions)]
pub fn arm_crash_point() {
    if let Some((_, at)) = environment().find(|(name, _)| name == "CAREPASS_CRASH_AT") {
        crate::crash::arm(&at);
    }
}

/// The service manager that started this process, if there is one: where it listens (`NOTIFY_SOCKET`), and how long it waits for a sign of
/// life (`WATCHDOG_USEC`, unless that is meant for another process). `sd_notify(3)`, `sd_watchdog_enabled(3)`.
pub fn service_manager() -> Option<(String, Option<Duration>)> {
    let said: BTreeMap<String, String> = environment().collect();
    let socket = said.get("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())?.clone();
    let is_meant = said.get("WATCHDOG_PID").is_none_or(|pid| *pid == std::process::id().to_string());
    let micros =
        said.get("WATCHDOG_USEC").and_then(|micros| micros.parse().ok()).filter(|micros| *micros > 0);
    Some((socket, micros.filter(|_| is_meant).map(Duration::from_micros)))
}

/// Whether whoever started carepass wants no colours (no-color.org: set, and not empty).
pub fn is_color_unwanted() -> bool {
    environment().any(|(name, value)| name == "NO_COLOR" && !value.is_empty())
}

fn read(findings: &Findings, entries: &Entries, latest: Date) -> Read<Config> {
    let mut root = Section::root(findings, entries);
    let (intake, outcomes) = broker::read(&mut root);
    let store = daemon::store(root.section("store"));
    let seal = daemon::seal(root.section("seal"), store.as_ref().map_err(|faulty| *faulty));
    let (endpoint, google) = daemon::google(root.section("google"));
    let resellers = resellers::read(&mut root, endpoint.as_ref().ok(), latest);
    let limits = daemon::limits(root.section("limits"));
    let approval = daemon::approval(root.section("approval"));
    let calendar = daemon::calendar(root.section("calendar"));
    let drift = daemon::drift(root.section("drift"), endpoint.as_ref().ok());
    let http = daemon::http(root.section("http"));
    let mail = mail::read(root.section("mail"), store.as_ref().map_err(|faulty| *faulty));
    let handover = handover::read(root.section("handover"), resellers.as_deref().unwrap_or_default());
    let engine = daemon::engine(root.section("engine"));
    let language = daemon::language(root.section("language"));
    let usernames = daemon::usernames(root.section("usernames"), language.as_ref().map_err(|faulty| *faulty));
    let portal_url = root.defaulted("portal_url", kinds::page);
    let stop = daemon::stop(root.section("stop"));
    let replica = daemon::replica(root.section("replica"));
    let traces = traces::read(root.section("traces"));
    let log = daemon::log(root.section("log"));
    root.close();
    Ok(Config {
        intake: intake?,
        outcomes: outcomes?,
        store: store?,
        seal: seal?,
        google: google?,
        resellers: resellers?,
        limits: limits?,
        approval: approval?,
        calendar: calendar?,
        drift: drift?,
        http: http?,
        mail: mail?,
        handover: handover?,
        engine: engine?,
        language: language?,
        usernames: usernames?,
        portal_url: portal_url?,
        stop: stop?,
        replica: replica?,
        traces: traces?,
        log: log?,
    })
}
