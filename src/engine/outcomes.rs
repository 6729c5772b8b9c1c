//! The outbox is the ledger: this reader tells the world what it finds there, in order for each engineer, and remembers how far it got.
//! Nothing is told before it is durable; after a crash the last ones are told again under the same ids.
//! Not here: what there is to tell (`model/outcome`), and the broker (`amqp`).

use super::Engine;
use super::duties::Tenure;
use super::traced;
use crate::crash::crash_point;
use crate::model::duty::Duty;
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, State, Want};
use crate::model::entry::{Actor, Change, Commit, Entry, Position};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::message::{Place, explain};
use crate::model::outcome::{About, Outcome, OutcomeKind, outcomes};
use crate::model::parked::{Flaw, Parked};
use crate::model::person::Language;
use crate::model::task::task;
use crate::planted::{self, planted};
use crate::store::StoreError;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The name under which the place in the ledger is kept.
const READER: &str = "outcomes";

/// Entries read at a time.
const PAGE: usize = 500;

/// Engineers whose outcomes are under way side by side.
const SIDE_BY_SIDE: usize = 64;

/// How long to wait when there is nothing to read, should a signal be lost.
const IDLE: Duration = Duration::from_secs(5);

/// How long to wait after a publication failed, doubled each time; the sink itself reconnects.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// One event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeEvent {
    /// The CloudEvents `id`: the same each time it is published.
    pub id: String,
    /// The CloudEvents `type`.
    pub event_type: &'static str,
    /// The event in structured mode.
    pub body: Vec<u8>,
}

/// Where outcomes go.
pub trait OutcomeSink: Send + Sync + 'static {
    /// Answers Ok once the other side has confirmed that it keeps the event.
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>>;
}

/// The event was not confirmed, and is offered again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not confirmed: {0}")]
pub struct SinkError(pub String);

impl Engine {
    /// Publishes what the ledger tells until the stop, or until another replica does.
    pub(super) async fn publish_for_ever(self: Arc<Self>, sink: Arc<dyn OutcomeSink>, tenure: Tenure) {
        let mut reader = Reader::default();
        let mut pause = PAUSE_MIN;
        while !tenure.closing.is_cancelled() {
            let published = tokio::select! {
                biased;
                // What was on its way is told again at the next start.
                () = tenure.closing.cancelled() => return,
                published = self.publish_page(&mut reader, sink.as_ref()) => published,
            };
            let wait = match published {
                Ok(true) => {
                    pause = PAUSE_MIN;
                    continue;
                }
                Ok(false) => IDLE,
                Err(error) => {
                    if pause == PAUSE_MIN {
                        tracing::warn!(%error, "outcomes wait in the ledger");
                    }
                    let wait = pause;
                    pause = (pause * 2).min(PAUSE_MAX);
                    wait
                }
            };
            let failing = pause > PAUSE_MIN;
            tokio::select! {
                () = tenure.closing.cancelled() => (),
                () = self.grown.notified(), if !failing => (),
                () = tokio::time::sleep(wait) => (),
            }
        }
    }

    /// Publishes one page; answers whether there was one.
    async fn publish_page(&self, reader: &mut Reader, sink: &dyn OutcomeSink) -> Result<bool, PublishError> {
        let from = match reader.position {
            Some(position) => position,
            None => self.house.store.bookmark(READER).await?,
        };
        self.told.store(from.0, Ordering::Relaxed);
        let entries = self.house.store.entries(from, PAGE).await?;
        let last = entries.last().map_or(from, |entry| entry.position);
        if planted!(BookmarkBeforeOutcomes) && entries.iter().flat_map(outcomes).next().is_some() {
            self.note_told(last).await?;
        }
        let told = self.publish_entries(&entries, reader, sink).await?;
        if told > 0 {
            self.note_told(last).await?;
        }
        *reader = Reader { position: Some(last), confirmed: BTreeSet::new() };
        self.told.store(last.0, Ordering::Relaxed);
        Ok(!entries.is_empty())
    }

    async fn note_told(&self, position: Position) -> Result<(), StoreError> {
        let bookmark = Change::Bookmark { reader: READER.into(), position };
        let fences = self.duties.fence(&Duty::Outcomes)?;
        let commit = Commit { fences, ..Commit::of(self.house.clock.now(), Actor::Engine, bookmark) };
        self.commit(commit).await.map(drop)
    }

    /// Publishes what the entries tell, engineers side by side. All that can be is published before a failure is reported.
    async fn publish_entries(
        &self,
        entries: &[Entry],
        reader: &mut Reader,
        sink: &dyn OutcomeSink,
    ) -> Result<usize, PublishError> {
        let mut by_engineer: BTreeMap<Option<EngineerKey>, Vec<Outcome>> = BTreeMap::new();
        let told = entries.iter().flat_map(outcomes);
        for outcome in told.filter(|outcome| !reader.confirmed.contains(&outcome.id)) {
            by_engineer.entry(outcome.about.engineer().cloned()).or_default().push(outcome);
        }
        let mut running = stream::iter(by_engineer.into_values())
            .map(|outcomes| self.publish_in_order(outcomes, sink))
            .buffer_unordered(SIDE_BY_SIDE);
        let mut failed = None;
        while let Some((confirmed, ended)) = running.next().await {
            reader.confirmed.extend(confirmed);
            failed = failed.or(ended.err());
        }
        drop(running);
        failed.map_or(Ok(reader.confirmed.len()), |error| Err(error.into()))
    }

    /// Publishes until one is not confirmed; those after it must not overtake it.
    async fn publish_in_order(
        &self,
        outcomes: Vec<Outcome>,
        sink: &dyn OutcomeSink,
    ) -> (Vec<String>, Result<(), SinkError>) {
        let mut confirmed = Vec::new();
        for outcome in outcomes {
            let event = envelope(&outcome, &self.settings.outcome_source, self.house.store.chain_head());
            let span = traced::tells(&self.settings.tracer, &outcome);
            crash_point!(async "outcome.publish.before");
            let published = span.run(sink.publish(event)).await;
            crash_point!(async "outcome.publish.after");
            if let Err(error) = published {
                span.fail();
                return (confirmed, Err(error));
            }
            confirmed.push(outcome.id);
        }
        (confirmed, Ok(()))
    }
}

/// How far the ledger is told.
#[derive(Default)]
struct Reader {
    /// Up to here everything is; unknown at the start.
    position: Option<Position>,
    /// What is told of the page in hand: one outcome that fails must not make the others come again at every try.
    confirmed: BTreeSet<String>,
}

/// Why a page was not published in full.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// The outcome as a `CloudEvent` in structured mode (CloudEvents 1.0, JSON format). No personal data, no secret. The head of the ledger's
/// chain is that of the publication, and so the one thing that differs when an outcome is told again.
fn envelope(outcome: &Outcome, source: &str, head: Option<String>) -> OutcomeEvent {
    let id = if planted!(OutcomeIdByChance) { planted::number().to_string() } else { outcome.id.clone() };
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": outcome.kind.event_type(),
        "subject": subject(&outcome.about),
        "time": outcome.at,
        "datacontenttype": "application/json",
        "sequence": format!("{:020}", outcome.position.0),
        "data": data(outcome),
    });
    let extensions = [
        ("partitionkey", outcome.about.engineer().map(ToString::to_string)),
        ("causationid", outcome.about.event().map(|event| event.id.clone())),
        ("correlationid", outcome.about.cause().and_then(|cause| cause.correlation_id.clone())),
        ("traceparent", outcome.about.cause().and_then(|cause| cause.trace_parent.clone())),
        ("ledgerhead", head),
    ];
    add_texts(&mut event, extensions);
    OutcomeEvent { id, event_type: outcome.kind.event_type(), body: event.to_string().into_bytes() }
}

fn subject(about: &About) -> String {
    match about {
        About::Engineer(engineer) => format!("engineer/{}", engineer.key),
        About::Letter(parked) => match &parked.engineer {
            Some(key) => format!("engineer/{key}"),
            None => format!("dead-letter/{}", parked.id),
        },
        About::Row(row) => match (row.id.engineer(), row.id.reseller()) {
            (Some(key), _) => format!("engineer/{key}"),
            (None, reseller) => format!("reseller/{}", reseller.map_or("", ResellerName::as_str)),
        },
    }
}

fn data(outcome: &Outcome) -> Value {
    let row = match &outcome.about {
        About::Row(row) => row,
        About::Engineer(engineer) => {
            return of_engineer(outcome.kind, engineer);
        }
        About::Letter(parked) => return rejected(parked),
    };
    let mut data = json!({ "state": row.state.as_str(), "goal": row.goal.want });
    let names = [
        ("engineerKey", row.id.engineer().map(ToString::to_string)),
        ("reseller", row.id.reseller().map(ToString::to_string)),
        ("domain", row.id.domain().map(ToString::to_string)),
        ("step", row.state.at().map(|at| at.step.to_string())),
    ];
    add_texts(&mut data, names);
    if outcome.kind == OutcomeKind::Ready {
        data["readyAt"] = json!(outcome.at);
        data["domains"] = json!(row.facts.domains.clone().unwrap_or_default());
    }
    if row.goal.want == Want::Absent && row.state == State::Completed {
        add_end(&mut data, row, outcome);
    }
    if let (OutcomeKind::SeatsLow, Some(seats)) = (outcome.kind, &row.facts.seats) {
        data["seats"] = json!({ "users": seats.users, "suspended": seats.suspended, "deleted": seats.deleted,
            "starters": seats.starters, "remaining": seats.remaining });
    }
    add_reason(&mut data, row, outcome);
    data
}

fn of_engineer(kind: OutcomeKind, engineer: &Engineer) -> Value {
    let state = if kind == OutcomeKind::Delayed { "delayed" } else { "accepted" };
    let newest = engineer.newest();
    let mut data = json!({ "engineerKey": engineer.key, "revision": newest.goal.revision, "state": state, "goal": newest.goal.want });
    if let (OutcomeKind::Delayed, Some(risk)) = (kind, engineer.at_risk) {
        data["startsAt"] = json!(risk.starts);
        data["atRiskSince"] = json!(risk.since);
    }
    data
}

/// How access ended: from HR's word to the last lock-out that was seen.
fn add_end(data: &mut Value, row: &Enrollment, outcome: &Outcome) {
    if let Some(leaving) = row.leaving {
        data["saidAt"] = json!(leaving.said_at);
        if let Some(locked_out) = row.facts.locked_out_at {
            data["lockedOutAt"] = json!(locked_out);
            data["seconds"] = json!(locked_out.duration_since(leaving.said_at).as_secs().max(0));
        }
    }
    if outcome.kind == OutcomeKind::Deprovisioned {
        data["neverStarted"] = json!(row.leaving.is_some_and(|leaving| leaving.never_started));
        data["domains"] = json!(row.facts.domains.clone().unwrap_or_default());
    }
}

/// What is wrong and what to send instead: places and rules, no values.
fn rejected(parked: &Parked) -> Value {
    let flaw = |flaw: &Flaw| {
        let text = |language| flaw.reason.text(language);
        json!({ "pointer": flaw.pointer, "reason": flaw.reason,
            "text": { "en": text(Language::English), "sv": text(Language::Swedish) } })
    };
    let mut data = json!({ "state": "rejected", "letter": parked.id, "reason": parked.reason,
        "errors": parked.flaws.iter().map(flaw).collect::<Vec<_>>() });
    add_texts(&mut data, [("engineerKey", parked.engineer.as_ref().map(ToString::to_string))]);
    data
}

fn add_texts<const N: usize>(object: &mut Value, fields: [(&str, Option<String>); N]) {
    for (name, value) in fields {
        if let Some(value) = value {
            object[name] = Value::String(value);
        }
    }
}

fn add_reason(data: &mut Value, row: &Enrollment, outcome: &Outcome) {
    let State::Waiting { on, reason, look_again, .. } = &row.state else { return };
    let now = outcome.at.to_zoned(TimeZone::UTC);
    let place = Place::of(row, TimeZone::UTC);
    let say = |language| explain(reason, &place, outcome.at, language).to_string();
    data["waitingOn"] = json!(on);
    data["reason"] = json!(reason.code);
    data["message"] = json!({ "en": say(Language::English), "sv": say(Language::Swedish) });
    data["nextCheckAt"] = json!(look_again);
    if let Some(task) = task(row, &now) {
        data["task"] = json!({ "id": task.id, "closesItself": task.closes_itself });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engineer::EventRef;
    use crate::model::event::{Fault, ReasonCode, Refusal};
    use crate::model::parked::{Door, Letter, LetterId};
    use jiff::Timestamp;

    fn told(body: &str, event: Option<EventRef>) -> Value {
        let letter = Letter::new(None, BTreeMap::new(), body.as_bytes().to_vec());
        let faults = vec![
            Fault { pointer: "/data/scope".to_owned(), code: ReasonCode::MissingField },
            Fault { pointer: "/data/engineer/*".to_owned(), code: ReasonCode::RoleFieldForbidden },
        ];
        let refusal = Refusal { reason: ReasonCode::RoleFieldForbidden, faults, event };
        let parked = Parked::of(
            LetterId::of_tag(&letter.digest()),
            &letter,
            &refusal,
            Door::Amqp,
            Timestamp::UNIX_EPOCH,
        );
        let changes = vec![Change::Parked(parked)];
        let entry = Entry { position: Position(9), at: Timestamp::UNIX_EPOCH, actor: Actor::Engine, changes };
        serde_json::from_slice(&envelope(&outcomes(&entry)[0], "urn:carepass", None).body).unwrap()
    }

    #[test]
    fn a_rejected_event_is_told_with_places_and_advice_and_no_values() {
        let hr = EventRef { source: "https://hr.example".to_owned(), id: "id-7".to_owned() };
        let body = r#"{"data":{"engineer":{"key":"E-1","name":"Canary"}}}"#;
        let event = told(body, Some(hr));
        assert_eq!(event["type"], "com.carepass.provisioning.event-rejected.v1");
        assert_eq!((&event["subject"], &event["causationid"]), (&json!("engineer/E-1"), &json!("id-7")));
        assert_eq!((&event["partitionkey"], &event["data"]["engineerKey"]), (&json!("E-1"), &json!("E-1")));
        assert_eq!(event["data"]["reason"], "role_field_forbidden");
        let first = json!({ "pointer": "/data/scope", "reason": "missing_field", "text": {
            "en": "A required field is missing. Add it as the schema says.",
            "sv": "Ett obligatoriskt fält saknas. Lägg till det enligt schemat." } });
        assert_eq!(
            (event["data"]["errors"].as_array().unwrap().len(), &event["data"]["errors"][0]),
            (2, &first)
        );
        assert!(!event.to_string().contains("Canary"), "{event}");

        let unreadable = told("Canary", None);
        let letter = unreadable["data"]["letter"].as_str().unwrap();
        assert_eq!(unreadable["subject"], format!("dead-letter/{letter}"));
        assert_eq!((unreadable.get("causationid"), unreadable.get("partitionkey")), (None, None));
    }
}
