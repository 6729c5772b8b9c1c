//! An event becomes durable: read, decided, sealed, committed; only then may a door acknowledge it. Nothing is done with Google here,
//! so that it takes milliseconds. Not here: the doors themselves, and dead letters, which a door sends.

use super::{Engine, observe};
use crate::model::admission::{Admission, decide};
use crate::model::engineer::{Engineer, Release};
use crate::model::enrollment::{Goal, Want};
use crate::model::entry::{Actor, Change, Commit, Disposition, Received};
use crate::model::event::{self, Event, Joined, Lifecycle, ReasonCode, Refusal};
use crate::model::id::EngineerKey;
use crate::model::sealed::WrappedKey;
use crate::seal::SealError;
use crate::steps::House;
use crate::store::StoreError;
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
    /// Takes an event up. `Ok` means that it is durable.
    pub async fn admit(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Admitted, IntakeError> {
        let admitted = self.admit_unobserved(body, content_type, headers).await;
        observe::admitted(&admitted);
        admitted
    }

    async fn admit_unobserved(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Admitted, IntakeError> {
        let event = event::parse(body, content_type, headers)?;
        let allowed = &self.settings.allowed_sources;
        if !allowed.is_empty() && !allowed.contains(&event.reference.source) {
            return Err(Refusal::one("/source", ReasonCode::UntrustedSource, Some(event.reference)).into());
        }
        let Lifecycle::Joined(joined) = &event.lifecycle;
        for _ in 0..RACES_MAX {
            match self.try_admit(&event, joined).await {
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

    async fn try_admit(&self, event: &Event, joined: &Joined) -> Result<Admitted, Race> {
        let received = self.house.store.received(&event.reference).await?;
        let stored = self.house.store.engineer(&joined.key).await?;
        match decide(event, received.as_ref(), stored.as_ref(), &self.roster_seen()) {
            Admission::Known => Ok(Admitted::Unchanged(joined.key.clone())),
            Admission::Refuse { pointer, reason } => {
                Err(Race::Over(Refusal::one(pointer, reason, Some(event.reference.clone())).into()))
            }
            Admission::Note(verdict) => {
                self.write(event, joined, verdict, Vec::new(), Vec::new()).await?;
                Ok(Admitted::Unchanged(joined.key.clone()))
            }
            Admission::Apply => {
                self.apply_joined(event, joined, stored).await?;
                Ok(Admitted::Applied(joined.key.clone()))
            }
        }
    }

    /// A grant is taken before the commit, and given back if the commit comes to nothing.
    async fn apply_joined(
        &self,
        event: &Event,
        joined: &Joined,
        stored: Option<Engineer>,
    ) -> Result<(), Race> {
        let now = self.house.clock.now();
        let (release, taken) = match &stored {
            Some(engineer) => (engineer.release, false),
            None if self.grants().take(self.settings.grants, now) => (Release::Granted(now), true),
            None => (Release::Held(now), false),
        };
        let written = self.write_joined(event, joined, stored, release).await;
        if written.is_err() && taken {
            self.grants().give_back(now);
        }
        written
    }

    async fn write_joined(
        &self,
        event: &Event,
        joined: &Joined,
        stored: Option<Engineer>,
        release: Release,
    ) -> Result<(), Race> {
        let key = &joined.key;
        // Only this engineer's record is broken: everybody else's events must not wait for it.
        let unreadable =
            || Refusal::one("/data/engineer", ReasonCode::RecordUnreadable, Some(event.reference.clone()));
        let (data_key, keys) = match (&stored, self.house.store.data_key(key).await) {
            // A fresh key would open the new record, and nothing that was sealed before.
            (_, Err(StoreError::Damaged(_))) | (Some(_), Ok(None)) => {
                return Err(Race::Over(unreadable().into()));
            }
            (_, Err(error)) => return Err(error.into()),
            (Some(_), Ok(Some(data_key))) => (data_key, Vec::new()),
            (None, Ok(_)) => {
                let fresh = self.house.sealer.new_key().map_err(|error| Race::Over(error.into()))?;
                (fresh.clone(), vec![(key.clone(), fresh)])
            }
        };
        let plain = serde_json::to_vec(&joined.person).expect("a person is plain data");
        let sealed = self.house.sealer.seal(&data_key, &House::person_place(key), &plain);
        let person = sealed.map_err(|_| Race::Over(unreadable().into()))?;
        let engineer = Engineer {
            key: key.clone(),
            version: stored.as_ref().map_or(1, |engineer| engineer.version + 1),
            goal: Goal { want: Want::Present, revision: joined.revision },
            employment: joined.employment.clone(),
            starts: joined.starts_at(),
            scope: joined.scope.clone(),
            person,
            username: stored.and_then(|engineer| engineer.username),
            release,
            content: event.content_hash.to_string(),
            cause: event.reference.clone(),
            correlation_id: event.correlation_id.clone(),
        };
        self.write(event, joined, Disposition::Applied, vec![Change::Engineer(Box::new(engineer))], keys)
            .await?;
        Ok(())
    }

    async fn write(
        &self,
        event: &Event,
        joined: &Joined,
        verdict: Disposition,
        changes: Vec<Change>,
        keys: Vec<(EngineerKey, WrappedKey)>,
    ) -> Result<(), StoreError> {
        let received = Received {
            event: event.reference.clone(),
            content: event.content_hash.to_string(),
            verdict,
            engineer: Some(joined.key.clone()),
        };
        let changes = [Change::Received(received)].into_iter().chain(changes).collect();
        let actor = Actor::Event(event.reference.clone());
        self.house
            .store
            .commit(Commit { keys, ..Commit::new(self.house.clock.now(), actor, changes) })
            .await?;
        self.grown.notify_one();
        Ok(())
    }
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
