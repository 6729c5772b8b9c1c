//! What the engine tells those who watch: one log line for each transition, and the domain metrics. The only place that writes them.
//! Labels are closed sets; an engineer's key is never a label, and a name or address is nowhere.
//! Not here: deciding anything; nothing reads back what is written here.

use super::counts::Counts;
use super::{Admitted, Engine, IntakeError, tenure, traced};
use crate::model::drift::{Finding, Severity, Turned};
use crate::model::duty::Duty;
use crate::model::engineer::Progress;
use crate::model::enrollment::{Enrollment, Lane, State};
use crate::model::event::{Event, EventType};
use crate::model::failure::FailureCode;
use crate::model::id::ResellerName;
use crate::model::plan::StepName;
use crate::model::sequence::Gap;
use crate::steps::Outcome;
use crate::store::seldom;
use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often gauges are set.
const INTERVAL: Duration = Duration::from_secs(5);

/// Names the metrics and says what they mean; once, at the start.
pub fn describe() {
    describe_counter!("carepass_events_total", "Events received, by type and outcome");
    describe_counter!("carepass_event_gaps_total", "Events that came after revisions which never did");
    describe_counter!("carepass_sequence_gaps_total", "Holes in a source's own count that nobody filled");
    describe_counter!("carepass_steps_total", "Runs of steps, by step, lane and outcome");
    describe_histogram!("carepass_step_duration_seconds", "How long runs of steps took");
    describe_counter!("carepass_transitions_total", "Transitions of rows, by new state");
    describe_counter!("carepass_waits_total", "Rows that began to wait, by code and who acts next");
    describe_histogram!(
        "carepass_leaver_lockout_seconds",
        "From the moment at which access was to end to the last domain of an engineer that was seen to be locked out"
    );
    describe_histogram!(
        "carepass_time_to_ready_seconds",
        "From the moment at which the work on an engineer could begin to the letter, once all is ready"
    );
    describe_gauge!("carepass_engineers", "Engineers by how far they are");
    describe_gauge!("carepass_tasks", "Tasks for a person by what stands in the way");
    describe_gauge!(
        "carepass_oldest_unready_age_seconds",
        "How long whoever has waited longest has waited to be ready; 0 if nobody waits"
    );
    describe_gauge!(
        "carepass_start_dates_at_risk",
        "Engineers whose first day is near and who are not ready"
    );
    describe_gauge!(
        "carepass_leavers_open",
        "Engineers whose access was to end and is open in a domain: they may still sign in"
    );
    describe_gauge!(
        "carepass_outcomes_pending",
        "Entries of the ledger whose outcomes are not told yet; 0 where another replica tells them, and until the first was ever told"
    );
    describe_counter!(
        "carepass_google_requests_total",
        "Requests to Google, by reseller account, API and status"
    );
    describe_counter!(
        "carepass_google_throttled_total",
        "Answers of Google that asked for fewer requests, by reseller account and quota"
    );
    describe_gauge!("carepass_reseller_up", "Whether a reseller account's set-up is finished");
    describe_gauge!("carepass_seats", "Seats of a reseller account, by kind, as last counted");
    describe_gauge!(
        "carepass_credentials_unopened",
        "Engineers whose page of first passwords nobody has opened yet, as of the last sweep"
    );
    describe_gauge!(
        "carepass_two_step_pending",
        "Accounts without 2-Step Verification that is watched for, by reseller account"
    );
    describe_gauge!(
        "carepass_drift_findings",
        "What others have changed at Google, by severity, in the reseller accounts that this replica works for"
    );
    describe_gauge!(
        "carepass_drift_look_age_seconds",
        "How long ago the oldest look for that ended among the reseller accounts that this replica works for"
    );
    describe_gauge!("carepass_duties_held", "Duties that this replica holds, where several share the store");
    describe_gauge!("carepass_replicas_living", "Replicas that live, as this one has heard");
    describe_gauge!("carepass_lease_age_seconds", "How long ago this replica last renewed its leases");
    describe_counter!("carepass_spans_dropped_total", "Spans of traces that did not reach the collector");
    describe_gauge!("carepass_ledger_position", "The last entry of the ledger");
    describe_gauge!(
        "carepass_outcomes_position",
        "The last entry whose outcomes are told; 0 where another replica tells them"
    );
    begin_at_zero();
}

/// The outcomes of an event.
const OUTCOMES: [&str; 4] = ["applied", "unchanged", "refused", "unavailable"];

/// What is alerted on when it grows has to be there before: of a counter that begins with one, nobody sees that it grew.
fn begin_at_zero() {
    for kind in EventType::ALL.map(EventType::word).into_iter().chain(["unknown"]) {
        for outcome in OUTCOMES {
            counter!("carepass_events_total", "type" => kind, "outcome" => outcome).increment(0);
        }
    }
    counter!("carepass_event_gaps_total").increment(0);
    counter!("carepass_sequence_gaps_total").increment(0);
    counter!("carepass_spans_dropped_total").increment(0);
}

/// An event was offered.
pub(super) fn admitted(kind: Option<EventType>, admitted: &Result<Admitted, IntakeError>) {
    let outcome = match admitted {
        Ok(Admitted::Applied(key)) => {
            tracing::info!(engineer = %key, "event applied");
            "applied"
        }
        Ok(Admitted::Unchanged(key)) => {
            tracing::info!(engineer = %key, "event changes nothing");
            "unchanged"
        }
        Err(IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal)) => {
            tracing::info!(reason = refusal.reason.code(), detail = refusal.detail(), "event refused");
            "refused"
        }
        Err(IntakeError::Unavailable(error)) => {
            if let Some(kept_back) = seldom::may_tell() {
                tracing::warn!(error, kept_back, "event not stored; it is offered again");
            }
            "unavailable"
        }
    };
    let kind = kind.map_or("unknown", EventType::word);
    counter!("carepass_events_total", "type" => kind, "outcome" => outcome).increment(1);
}

/// An event came after revisions that never did.
pub(super) fn gap(event: &Event) {
    tracing::warn!(engineer = %event.engineer(), revision = event.revision(), "revisions are missing before this event, which was used");
    counter!("carepass_event_gaps_total").increment(1);
}

/// Events of a source never came, by its own count.
pub(super) fn sequence_gap(source: &str, gap: Gap) {
    let Gap { first, last } = gap;
    tracing::warn!(
        source,
        first,
        last,
        "events with these sequence numbers have not come; ask the source to send them again"
    );
    counter!("carepass_sequence_gaps_total").increment(1);
}

/// A row moved. The line carries the ids of the event behind the row, whoever moved it.
pub(super) fn moved(before: &Enrollment, after: &Enrollment) {
    traced::lines_about(after).show(|| moved_line(before, after));
}

fn moved_line(before: &Enrollment, after: &Enrollment) {
    let step = after.state.at().map_or("", |at| at.step.as_str());
    counter!("carepass_transitions_total", "state" => after.state.as_str()).increment(1);
    match &after.state {
        State::Waiting { on, reason, look_again, .. } => {
            tracing::info!(row = %after.id, from = before.state.as_str(), to = "waiting", step, %on, code = %reason.code,
                detail = reason.detail, %look_again, "moved");
            if after.has_begun_to_wait() {
                counter!("carepass_waits_total", "code" => reason.code.as_str(), "on" => on.as_str())
                    .increment(1);
            }
        }
        State::Scheduled { due, last: Some(failure), .. } => {
            tracing::info!(row = %after.id, from = before.state.as_str(), to = "scheduled", step, code = %failure.code,
                detail = failure.detail, %due, "moved");
        }
        State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => {
            tracing::info!(row = %after.id, from = before.state.as_str(), to = after.state.as_str(), step, "moved");
        }
    }
}

/// So many engineers have a page that nobody has opened yet.
pub(super) fn unopened(count: u32) {
    gauge!("carepass_credentials_unopened").set(f64::from(count));
}

/// A step has run.
pub(super) fn step(step: StepName, lane: &Lane, outcome: &Outcome, took: Duration) {
    let label = match outcome {
        Ok(ensured) if ensured.made => "made",
        Ok(_) => "found",
        Err(failure) => failure.code.as_str(),
    };
    counter!("carepass_steps_total", "step" => step.as_str(), "lane" => lane.to_string(), "outcome" => label)
        .increment(1);
    histogram!("carepass_step_duration_seconds", "step" => step.as_str()).record(took);
}

/// What was counted. What nobody stands at any more is none, and not what it was.
pub(super) fn counted(counts: &Counts, now: Timestamp) {
    for progress in Progress::ALL {
        let count = counts.engineers.get(&progress).copied().unwrap_or(0);
        gauge!("carepass_engineers", "state" => progress.as_str()).set(f64::from(count));
    }
    let cards = counts.cards();
    for code in FailureCode::ALL.iter().copied() {
        let gauge = gauge!("carepass_tasks", "code" => code.as_str());
        gauge.set(f64::from(cards.get(&code).copied().unwrap_or(0)));
    }
    gauge!("carepass_oldest_unready_age_seconds").set(counts.oldest_unready(now).as_secs_f64());
    gauge!("carepass_start_dates_at_risk").set(f64::from(counts.at_risk));
    gauge!("carepass_leavers_open").set(f64::from(counts.leavers_open));
}

/// An engineer is ready, so long after the work could begin.
pub(super) fn ready(took: Duration) {
    histogram!("carepass_time_to_ready_seconds").record(took);
}

/// The last domain of a leaver is locked out.
pub(super) fn locked_out(took: Duration) {
    histogram!("carepass_leaver_lockout_seconds").record(took);
}

/// What a look at a reseller account has found anew, and what it has not found again.
pub(super) fn drifted(name: &ResellerName, turned: &Turned) {
    let Turned { appeared, gone, accepted } = turned;
    for finding in appeared {
        let Finding { kind, subject, action, detail, .. } = finding;
        let (severity, engineer) =
            (kind.severity().as_str(), finding.engineer.as_ref().map(ToString::to_string));
        tracing::warn!(reseller = %name, finding = %finding.id(name), kind = kind.as_str(), severity, engineer, subject,
            ?action, detail, "others have changed something at Google");
    }
    for finding in gone {
        let Finding { kind, since, .. } = finding;
        let engineer = finding.engineer.as_ref().map(ToString::to_string);
        tracing::info!(reseller = %name, finding = %finding.id(name), kind = kind.as_str(), engineer, %since,
            "what others had changed is not so any more");
    }
    for finding in accepted {
        let Finding { kind, since, .. } = finding;
        let engineer = finding.engineer.as_ref().map(ToString::to_string);
        tracing::info!(reseller = %name, finding = %finding.id(name), kind = kind.as_str(), engineer, %since,
            "what others have changed is accepted by the configuration, and told no more");
    }
}

/// What this replica does.
pub(super) fn duties(held: usize, living: usize, age: Duration) {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    gauge!("carepass_duties_held").set(count(held));
    gauge!("carepass_replicas_living").set(count(living));
    gauge!("carepass_lease_age_seconds").set(age.as_secs_f64());
}

/// Sets the gauges until the stop.
pub(super) async fn watch(engine: Arc<Engine>) {
    let mut dropped = 0;
    while !engine.stop.is_cancelled() {
        let spans = engine.settings.tracer.dropped();
        counter!("carepass_spans_dropped_total").increment(spans - dropped);
        dropped = spans;
        for (name, status) in &engine.roster().resellers {
            gauge!("carepass_reseller_up", "reseller" => name.to_string()).set(if status.ready {
                1.0
            } else {
                0.0
            });
        }
        gauge_seats(&engine);
        gauge_drift(&engine);
        tenure::gauge(&engine);
        for (name, pending) in engine.two_step_pending() {
            gauge!("carepass_two_step_pending", "reseller" => name.to_string()).set(f64::from(pending));
        }
        count_requests(&engine);
        // Only who publishes knows what is told: what is known from before grows old.
        let publishes = engine.duties.holds(&Duty::Outcomes);
        let told = if publishes { engine.told.load(Ordering::Relaxed) } else { 0 };
        if let Ok(head) = engine.house.store.head().await {
            gauge!("carepass_ledger_position").set(float(head.0));
            let pending = if told == 0 { 0 } else { head.0.saturating_sub(told) };
            gauge!("carepass_outcomes_pending").set(float(pending));
        }
        gauge!("carepass_outcomes_position").set(float(told));
        tokio::select! { () = engine.stop.cancelled() => (), () = tokio::time::sleep(INTERVAL) => () }
    }
}

/// What was asked of Google since the last look.
fn count_requests(engine: &Engine) {
    for (name, site) in &engine.house.sites {
        let asked = site.google.asked();
        for ((api, status), count) in asked.requests {
            // No answer came, or none that is one.
            let code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            counter!("carepass_google_requests_total", "reseller" => name.to_string(), "api" => api.as_str(), "code" => code)
                .increment(count);
        }
        for (quota, count) in asked.throttled {
            counter!("carepass_google_throttled_total", "reseller" => name.to_string(), "quota" => quota.as_str())
                .increment(count);
        }
    }
}

/// Each account is counted where it is worked for, so that replicas add up. Before the first look nothing is known: no gauge says zero.
fn gauge_drift(engine: &Engine) {
    let age = engine.oldest_look().and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
    gauge!("carepass_drift_look_age_seconds").set(age.as_secs_f64());
    let known = engine.known();
    let mine = known.rows.iter().filter(|(name, _)| engine.duties.holds(&Duty::Account((*name).clone())));
    let mine: Vec<_> = mine.map(|(_, row)| row.facts.drift.as_deref()).collect();
    if !mine.is_empty() && mine.iter().all(Option::is_none) {
        return;
    }
    for severity in Severity::ALL {
        let count: u32 = mine.iter().flatten().map(|drift| drift.count(severity)).sum();
        gauge!("carepass_drift_findings", "severity" => severity.as_str()).set(f64::from(count));
    }
}

/// What is not known has no gauge: zero would mean that none is left.
fn gauge_seats(engine: &Engine) {
    let known = engine.known();
    let counted = known.rows.iter().filter_map(|(name, row)| Some((name, row.facts.seats.as_deref()?)));
    for (name, seats) in counted {
        let kinds = [
            ("users", Some(seats.users)),
            ("suspended", Some(seats.suspended)),
            ("deleted", Some(seats.deleted)),
            ("starters", Some(seats.starters)),
            ("remaining", seats.remaining),
        ];
        for (kind, count) in kinds.iter().filter_map(|(kind, count)| Some((*kind, (*count)?))) {
            gauge!("carepass_seats", "reseller" => name.to_string(), "kind" => kind).set(f64::from(count));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; positions stay far below 2^53")]
fn float(position: u64) -> f64 {
    position as f64
}
