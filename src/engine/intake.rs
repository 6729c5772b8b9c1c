//! An event becomes durable: read, decided, sealed, committed; only then may a door acknowledge it. Nothing is done with Google here,
//! so that it takes milliseconds. Not here: the doors themselves, and dead letters, which a door sends.

use super::granting::Granting;
use super::{Engine, observe, traced};
use crate::model::admission::{self, Admission, decide};
use crate::model::engineer::{Engineer, Forgetting, Hold, Release};
use crate::model::enrollment::Want;
use crate::model::entry::{Actor, Change, Commit, Disposition, Received};
use crate::model::event::{self, Ending, Event, Full, Lifecycle, ReasonCode, Refusal};
use crate::model::grants::Grant;
use crate::model::id::EngineerKey;
use crate::model::parked::{Door, Letter};
use crate::model::sealed::WrappedKey;
use crate::model::statement::{Changed, Statement, ending_heard, heard};
use crate::planted::planted;
use crate::seal::SealError;
use crate::steps::House;
use crate::store::StoreError;
use crate::trace::Context;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How often an admission is decided anew because somebody else was faster.
const RACES_MAX: usize = 8;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It set an engineer's goal.
    Applied(EngineerKey),
    /// It was known, or too late, and changed nothing.
    Unchanged(EngineerKey),
}

/// Why an event was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// It never will be, as it is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It never will be, as it is, and there is no room left to park it: whoever has it keeps it.
    #[error("{0}; no room is left to park it")]
    NoRoom(Refusal),
    /// Not now: it must be offered again.
    #[error("the event cannot be stored now: {0}")]
    Unavailable(String),
}

impl From<StoreError> for IntakeError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SealError> for IntakeError {
    fn from(error: SealError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Engine {
    /// Takes a message up, by whatever door it came. What is refused is parked before this answers; if that cannot be, the message must
    /// be offered again.
    pub async fn receive(&self, letter: &Letter, door: Door) -> Result<Admitted, IntakeError> {
        self.receive_from(letter, door, None).await
    }

    /// The same with the span of whoever sent it, for an event that names none itself.
    pub async fn receive_from(
        &self,
        letter: &Letter,
        door: Door,
        sender: Option<Context>,
    ) -> Result<Admitted, IntakeError> {
        let kind = letter.content_type.as_deref();
        let admitted = self.admit_from(&letter.body, kind, &letter.headers, sender).await;
        if let Err(IntakeError::Refused(refusal)) = &admitted {
            self.park(letter, refusal, door).await?;
        }
        admitted
    }

    /// Takes an event up. `Ok` means that it is durable.
    pub async fn admit(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Admitted, IntakeError> {
        self.admit_from(body, content_type, headers, None).await
    }

    /// The same with the span of whoever sent it, for an event that names none itself.
    pub(super) async fn admit_from(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
        sender: Option<Context>,
    ) -> Result<Admitted, IntakeError> {
        let mut kind = None;
        let read = event::parse(body, content_type, headers).map(|event| with_sender(event, sender));
        let admitted = match read {
            Ok(event) => {
                kind = Some(event.event_type());
                traced::admits(&event);
                self.admit_event(event, body, content_type, headers).await
            }
            Err(refusal) => {
                traced::cannot_read(&refusal, sender);
                Err(refusal.into())
            }
        };
        observe::admitted(kind, &admitted);
        traced::admitted(&admitted);
        admitted
    }

    async fn admit_event(
        &self,
        mut event: Event,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Admitted, IntakeError> {
        // What is kept of a person's data must not be a way back to it.
        event.content_hash = self.house.sealer.content(&event.content_hash);
        self.trusts(&event, body, content_type, headers)?;
        self.count(&event);
        for _ in 0..RACES_MAX {
            match self.try_admit(&event).await {
                Err(Race::Lost) => (),
                Err(Race::Over(error)) => return Err(error),
                Ok(admitted) => {
                    if let Admitted::Applied(key) = &admitted {
                        self.signal(key);
                    }
                    return Ok(admitted);
                }
            }
        }
        Err(IntakeError::Unavailable("others were faster each time".into()))
    }

    async fn try_admit(&self, event: &Event) -> Result<Admitted, Race> {
        let key = event.engineer();
        let received = self.house.store.received(&event.reference).await?;
        let stored = match self.house.store.engineer(key).await? {
            // What has come into force by now is so, whether or not anybody has turned the page yet.
            Some(engineer) => Some(self.turn_page(&engineer).await?.unwrap_or(engineer)),
            None => None,
        };
        let house = admission::House { roster: &self.roster_seen(), profiles: &self.settings.profiles };
        match decide(event, received.as_ref(), stored.as_ref(), house) {
            Admission::Known => {
                // Whoever says it again may have heard no answer, and nobody may have looked at what was stored.
                self.signal(key);
                Ok(Admitted::Unchanged(key.clone()))
            }
            Admission::Refuse { pointer, reason } => Err(Race::Over(refused(event, pointer, reason))),
            Admission::Note(verdict) => {
                self.write(event, verdict, Vec::new(), Beside::default()).await?;
                Ok(Admitted::Unchanged(key.clone()))
            }
            Admission::Apply { hold, gap } => {
                self.apply(event, stored, hold).await?;
                if gap {
                    observe::gap(event);
                }
                Ok(Admitted::Applied(key.clone()))
            }
        }
    }

    async fn apply(&self, event: &Event, stored: Option<Engineer>, hold: Option<Hold>) -> Result<(), Race> {
        let now = self.house.clock.now();
        match &event.lifecycle {
            Lifecycle::Joined(full) | Lifecycle::Moved(full) => {
                self.apply_full(event, full, stored, hold, now).await
            }
            Lifecycle::Left(ending) => {
                let from = ending.employment.leaves_at().unwrap_or(now).max(now);
                self.apply_ending(event, ending, stored, from, now).await
            }
            Lifecycle::Cancelled(ending) => self.apply_ending(event, ending, stored, now, now).await,
            Lifecycle::Erased(_) => {
                let Some(stored) = stored else { return Ok(()) };
                let stated = stored.stated.clone().ended(event, now, stored.stated.never_started);
                let forgetting = Some(Forgetting::Asked(now));
                // What HR has said for later is said no more, and holds a sealed record.
                let upcoming = Vec::new();
                let engineer =
                    Engineer { version: stored.version + 1, stated, upcoming, forgetting, ..stored };
                self.write_engineer(event, engineer, Beside::default()).await
            }
        }
    }

    /// A grant is taken before the commit, and given back if the commit comes to nothing.
    async fn apply_full(
        &self,
        event: &Event,
        full: &Full,
        stored: Option<Engineer>,
        hold: Option<Hold>,
        now: Timestamp,
    ) -> Result<(), Race> {
        let (key, before) = (&full.key, stored.as_ref());
        let (data_key, keys) = self.data_key(event, before).await?;
        let plain = serde_json::to_vec(&full.person).expect("a person is plain data");
        let sealed = self.house.sealer.seal(&data_key, &House::person_place(key), &plain);
        let person = sealed.map_err(|_| Race::Over(unreadable(event)))?;
        let said = Statement::of_full(event, full, person, now);
        let (stated, upcoming) = heard(before, said, now, self.settings.lead_time);
        let source = stated.cause.event.source.clone();
        let granting = self.granting(before, stated, hold, now);
        let changed = self.changed(event, before, &granting.stated, &data_key)?;
        let past = before.map_or_else(Vec::new, |before| before.past_after(&granting.stated));
        let Granting { stated, release, asked, widened, taken } = granting;
        let (at_risk, reminded) = before.map_or((None, None), |before| (before.at_risk, before.reminded));
        let (version, username, aliases, handover) = match stored {
            Some(stored) => (stored.version + 1, stored.username, stored.aliases, stored.handover),
            None => (1, None, Vec::new(), None),
        };
        let engineer = Engineer {
            key: key.clone(),
            version,
            stated,
            upcoming,
            changed,
            username,
            aliases,
            release,
            asked,
            widened,
            past,
            forgetting: None,
            handover,
            at_risk,
            reminded,
        };
        let taken = if taken { vec![(source, now)] } else { Vec::new() };
        let beside = Beside { keys, grants: self.granted(taken.clone()) };
        let written = self.write_engineer(event, engineer, beside).await;
        if written.is_err() {
            self.took_none(&taken).await;
        }
        written
    }

    /// An end of access waits for nobody's release.
    async fn apply_ending(
        &self,
        event: &Event,
        ending: &Ending,
        stored: Option<Engineer>,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<(), Race> {
        let engineer = match stored {
            Some(stored) => {
                let (stated, upcoming) =
                    ending_heard(&stored, event, ending, from, now, self.settings.lead_time);
                let past = stored.past_after(&stated);
                let asked = stored.asked.clone().filter(|_| stated.goal.want == Want::Present);
                Engineer { version: stored.version + 1, stated, upcoming, past, asked, ..stored }
            }
            None => Engineer {
                key: ending.key.clone(),
                version: 1,
                stated: Statement::of_ending(event, ending, now),
                upcoming: Vec::new(),
                changed: Changed::default(),
                username: None,
                aliases: Vec::new(),
                // Nothing was granted: it counts for no hour.
                release: Release::Granted(Timestamp::UNIX_EPOCH),
                asked: None,
                widened: None,
                past: Vec::new(),
                forgetting: None,
                handover: None,
                at_risk: None,
                reminded: None,
            },
        };
        self.write_engineer(event, engineer, Beside::default()).await
    }

    /// The key that the engineer's record is sealed with: a fresh one for whoever has none, or whose key was destroyed.
    async fn data_key(
        &self,
        event: &Event,
        before: Option<&Engineer>,
    ) -> Result<(WrappedKey, NewKeys), Race> {
        let key = event.engineer();
        let has_sealed = before.is_some_and(|engineer| {
            let mut said = [&engineer.stated].into_iter().chain(&engineer.upcoming);
            said.any(|said| said.person.is_some())
                && !matches!(engineer.forgetting, Some(Forgetting::Done(_)))
        });
        let stored = match before {
            Some(_) => self.house.store.data_key(key).await,
            // Whoever is not stored has no key.
            None => Ok(None),
        };
        match (has_sealed, stored) {
            // A fresh key would open the new record, and nothing that was sealed before. Only this engineer's record is broken:
            // everybody else's events must not wait for it.
            (_, Err(StoreError::Damaged(_))) | (true, Ok(None)) => Err(Race::Over(unreadable(event))),
            (_, Err(error)) => Err(error.into()),
            // Also where all that was sealed was called off: whoever is stored keeps the key, or the store would refuse the commit.
            (_, Ok(Some(data_key))) if before.is_some() => Ok((data_key, Vec::new())),
            (_, Ok(_)) => {
                let fresh = self.house.sealer.new_key().map_err(|error| Race::Over(error.into()))?;
                Ok((fresh.clone(), vec![(key.clone(), fresh)]))
            }
        }
    }

    /// What the statement changes, if it is in force now.
    fn changed(
        &self,
        event: &Event,
        before: Option<&Engineer>,
        stated: &Statement,
        data_key: &WrappedKey,
    ) -> Result<Changed, Race> {
        let Some(before) = before else { return Ok(Changed::default()) };
        self.note_changes(before, stated, data_key).map_err(|_| Race::Over(unreadable(event)))
    }

    async fn write_engineer(&self, event: &Event, engineer: Engineer, beside: Beside) -> Result<(), Race> {
        let change = Change::Engineer(Box::new(engineer));
        Ok(self.write(event, Disposition::Applied, vec![change], beside).await?)
    }

    async fn write(
        &self,
        event: &Event,
        verdict: Disposition,
        changes: Vec<Change>,
        beside: Beside,
    ) -> Result<(), StoreError> {
        let received = Received {
            event: event.reference.clone(),
            content: event.content_hash.to_string(),
            verdict,
            engineer: Some(event.engineer().clone()),
        };
        let changes = [Change::Received(received)].into_iter().chain(changes).collect();
        let actor = Actor::Event(event.reference.clone());
        let Beside { keys, grants } = beside;
        let commit = Commit { keys, grants, ..Commit::new(self.house.clock.now(), actor, changes) };
        if planted!(AcksBeforeCommit) {
            let store = std::sync::Arc::clone(&self.house.store);
            tokio::spawn(async move { store.commit(commit).await.map(drop) });
            return Ok(());
        }
        self.commit(commit).await?;
        self.grown.notify_one();
        Ok(())
    }
}

/// An event that names no trace itself belongs to that of whoever sent it.
fn with_sender(event: Event, sender: Option<Context>) -> Event {
    let trace_parent = event.trace_parent.or_else(|| sender.map(|sender| sender.to_string()));
    Event { trace_parent, ..event }
}

/// Data keys to be stored with a commit.
type NewKeys = Vec<(EngineerKey, WrappedKey)>;

/// What is stored with a commit beside its changes.
#[derive(Default)]
struct Beside {
    keys: NewKeys,
    grants: Vec<Grant>,
}

fn refused(event: &Event, pointer: &str, reason: ReasonCode) -> IntakeError {
    Refusal::one(pointer, reason, Some(event.reference.clone())).into()
}

fn unreadable(event: &Event) -> IntakeError {
    refused(event, "/data/engineer", ReasonCode::RecordUnreadable)
}

/// How one try at an admission ended without success.
enum Race {
    /// Somebody else was faster: decide anew.
    Lost,
    /// Anything else.
    Over(IntakeError),
}

impl From<StoreError> for Race {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Lost,
            StoreError::Unavailable(_) | StoreError::Damaged(_) => Self::Over(error.into()),
        }
    }
}
