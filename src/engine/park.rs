//! Nothing refused is lost: a message that cannot be used is parked, sealed, before a door says that it was refused, and can be offered
//! again once the cause is mended. What is parked has its limits in number and time. What cannot be read has a room of its own, in which
//! the newest push out the oldest; an event is never pushed out: with its room full it is not parked, and whoever has it keeps it.
//! Not here: why a message is refused (`intake`, `model/admission`), and the copy that goes to the broker's dead letters (`amqp`).

use super::{Admitted, Engine, IntakeError};
use crate::model::duty::Duty;
use crate::model::entry::{Actor, Change, Commit};
use crate::model::event::{ReasonCode, Refusal};
use crate::model::id::EngineerKey;
use crate::model::parked::{Door, Letter, LetterId, Parked, Unparking};
use crate::store::StoreError;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// Messages that may be parked.
const ROOM: Count = Count { events: 9_000, unreadable: 1_000 };

/// After so many that were parked, or found no room, the limits are looked at without waiting for the hour.
const LOOK_AFTER: usize = 100;

/// How often parked messages whose time is over are looked for.
const TIDY: Duration = Duration::from_hours(1);

/// Messages read from the store, or dropped by one commit.
const PAGE: usize = 500;

/// How many messages, by [`Parked::is_unreadable`].
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    events: usize,
    unreadable: usize,
}

/// What the doors and the tidying share.
#[derive(Debug)]
pub(super) struct Parking {
    room: Count,
    /// One message is parked at a time: a leaver's comes by two queues at once, and is to be parked and told once. With it goes how many
    /// are, once somebody had to know; what an erasure drops is noticed by the next look.
    turn: Mutex<Option<Count>>,
    since_look: AtomicUsize,
    many: Notify,
}

impl Default for Parking {
    fn default() -> Self {
        Self {
            room: ROOM,
            turn: Mutex::default(),
            since_look: AtomicUsize::default(),
            many: Notify::default(),
        }
    }
}

impl Count {
    fn of(&mut self, parked: &Parked) -> &mut usize {
        if parked.is_unreadable() { &mut self.unreadable } else { &mut self.events }
    }
}

/// Why a parked message was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It is not parked.
    #[error("no such message is parked")]
    NotFound,
    /// What is known of it is there; the message itself is gone, or sealed with another master key.
    #[error("the message itself cannot be opened any more")]
    Lost,
    /// It still cannot be used; it stays parked.
    #[error(transparent)]
    Refused(Refusal),
    /// Not now.
    #[error("it cannot be stored now: {0}")]
    Unavailable(String),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Engine {
    /// Keeps a message that cannot be used. One that is parked already stays as it is; one that there is no room for is
    /// [`IntakeError::NoRoom`].
    pub async fn park(&self, letter: &Letter, refusal: &Refusal, door: Door) -> Result<(), IntakeError> {
        let now = self.house.clock.now();
        let parked = Parked::of(self.house.sealer.letter_id(letter), letter, refusal, door, now);
        let mut turn = self.parking.turn.lock().await;
        if let Some((_, Some(_))) = self.house.store.letter(&parked.id).await? {
            return Ok(());
        }
        let count = match &mut *turn {
            Some(count) => count,
            uncounted @ None => uncounted.insert(self.count_parked().await?),
        };
        if !parked.is_unreadable() && count.events >= self.parking.room.events {
            self.look_soon();
            tracing::warn!(letter = %parked.id, reason = parked.reason.code(), "no room is left to park an event that cannot be used");
            return Err(IntakeError::NoRoom(refusal.clone()));
        }
        let taken = count.of(&parked);
        let sealed = self.house.sealer.seal_letter(&parked.id, &letter.encode())?;
        let letters = vec![(parked.id.clone(), sealed)];
        tracing::info!(letter = %parked.id, reason = parked.reason.code(), door = door.as_str(), "parked");
        let actor = parked.event.clone().map_or(Actor::Engine, Actor::Event);
        self.commit(Commit { letters, ..Commit::of(now, actor, Change::Parked(parked)) }).await?;
        *taken += 1;
        self.grown.notify_one();
        self.look_soon();
        Ok(())
    }

    /// Another replica has parked a message, or ended one of which it is not known here of what kind it was.
    pub(super) fn parked_elsewhere(&self, parked: Option<&Parked>) {
        // Whoever counts now reads what is stored; whoever has counted just before is told by the next look.
        if let Ok(mut turn) = self.parking.turn.try_lock() {
            match (&mut *turn, parked) {
                (Some(count), Some(parked)) => *count.of(parked) += 1,
                (counted, None) => *counted = None,
                (None, Some(_)) => (),
            }
        }
    }

    fn look_soon(&self) {
        if self.parking.since_look.fetch_add(1, Ordering::Relaxed) >= LOOK_AFTER {
            self.parking.many.notify_one();
        }
    }

    async fn count_parked(&self) -> Result<Count, StoreError> {
        let mut count = Count::default();
        self.each_parked(|parked| *count.of(&parked) += 1).await?;
        Ok(count)
    }

    async fn each_parked(&self, mut see: impl FnMut(Parked)) -> Result<(), StoreError> {
        let mut after: Option<(Timestamp, LetterId)> = None;
        loop {
            let page = self.house.store.parked(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.at, last.id.clone()));
            page.into_iter().for_each(&mut see);
        }
    }

    /// Offers a parked message again, as if it came anew, in the name of an operator. Taken up, it is parked no longer; a crash between
    /// the two leaves it parked, and offering it once more changes nothing.
    pub async fn replay(&self, id: &LetterId, operator: &str, reason: &str) -> Result<Admitted, ReplayError> {
        let (parked, _) = self.house.store.letter(id).await?.ok_or(ReplayError::NotFound)?;
        if parked.truncated {
            // What was cut off might have said anything.
            return Err(ReplayError::Refused(Refusal::one("", ReasonCode::TooLarge, parked.event)));
        }
        let letter = self.opened(id).await?;
        let admitted = self.admit(&letter.body, letter.content_type.as_deref(), &letter.headers).await;
        let admitted = admitted.map_err(|error| match error {
            IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal) => ReplayError::Refused(refusal),
            IntakeError::Unavailable(why) => ReplayError::Unavailable(why),
        })?;
        let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        let change = Change::Unparked { id: id.clone(), how: Unparking::Replayed };
        match self.commit(Commit::of(self.house.clock.now(), actor, change)).await {
            // With a conflict somebody else was faster, and it is done.
            Err(StoreError::Conflict) => Ok(admitted),
            Ok(_) => {
                if let Some(count) = &mut *self.parking.turn.lock().await {
                    let one = count.of(&parked);
                    *one = one.saturating_sub(1);
                }
                Ok(admitted)
            }
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Err(error.into()),
        }
    }

    /// A parked message in clear: about a person, for those who may see that.
    pub async fn opened(&self, id: &LetterId) -> Result<Letter, ReplayError> {
        let (_, sealed) = self.house.store.letter(id).await?.ok_or(ReplayError::NotFound)?;
        let plain = sealed.and_then(|sealed| self.house.sealer.unseal_letter(id, &sealed).ok());
        plain.and_then(|plain| Letter::decode(&plain)).ok_or(ReplayError::Lost)
    }

    /// The changes that drop every parked message about an engineer: for the commit that erases the engineer.
    pub async fn drop_letters_of(&self, key: &EngineerKey) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        self.each_parked(|parked| {
            if parked.engineer.as_ref() == Some(key) {
                changes.push(dropped(parked.id));
            }
        })
        .await?;
        Ok(changes)
    }

    /// Keeps what is parked within its limits until the stop.
    pub(super) async fn tend_parked(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            self.parking.since_look.store(0, Ordering::Relaxed);
            if self.duties.holds(&Duty::Reconcile)
                && let Err(error) = self.tidy_parked().await
            {
                tracing::warn!(%error, "parked messages were not looked through");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.parking.many.notified() => (),
                () = tokio::time::sleep(TIDY) => (),
            }
        }
    }

    async fn tidy_parked(&self) -> Result<(), StoreError> {
        let now = self.house.clock.now();
        let mut turn = self.parking.turn.lock().await;
        let (mut count, most) = (self.count_parked().await?, self.parking.room.unreadable);
        let mut excess = count.unreadable.saturating_sub(most);
        if excess > 0 {
            tracing::warn!(
                dropped = excess,
                most,
                "too many parked messages that cannot be read; the oldest are dropped"
            );
        }
        // By a clock that is not believed nothing is too old.
        let is_believed = self.house.clock.is_believed();
        let too_old = if is_believed { too_old(now, self.settings.keep_refused) } else { Timestamp::MIN };
        let mut changes = Vec::new();
        self.each_parked(|parked| {
            let is_over = parked.is_unreadable() && excess > 0;
            excess -= usize::from(is_over);
            if is_over || parked.at < too_old {
                *count.of(&parked) -= 1;
                changes.push(dropped(parked.id));
            }
        })
        .await?;
        // Counted anew when next somebody has to know, should anything go wrong on the way.
        *turn = None;
        let mut met_somebody = false;
        for changes in changes.chunks(PAGE) {
            match self.commit(Commit::new(now, Actor::Engine, changes.to_vec())).await {
                Ok(_) => (),
                // An operator was faster with one of them; the next look finds the others.
                Err(StoreError::Conflict) => met_somebody = true,
                Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => return Err(error),
            }
        }
        if !met_somebody {
            *turn = Some(count);
        }
        Ok(())
    }
}

fn dropped(id: LetterId) -> Change {
    Change::Unparked { id, how: Unparking::Dropped }
}

fn too_old(now: Timestamp, keep: SignedDuration) -> Timestamp {
    now.checked_sub(keep).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::engine::Settings;
    use crate::mail::{Mailer, PortalUrl};
    use crate::model::entry::Position;

    use crate::model::person::{Language, LanguageTag};

    use crate::seal::Sealer;
    use crate::steps::House;
    use crate::store::Store;
    use crate::store::embedded::Embedded;
    use crate::store::memory::{Lost, Memory};
    use std::collections::BTreeMap;
    use tokio_util::sync::CancellationToken;

    const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");
    const START: &str = "2026-11-22T10:00:00Z";

    fn engine<S: Store>(store: &Arc<S>, now: &str, sources: &[&str], sealer: Sealer) -> Arc<Engine> {
        let house = House {
            sites: BTreeMap::new(),
            store: Arc::clone(store) as Arc<dyn Store>,
            sealer,
            mailer: Mailer::None,
            clock: Clock::manual(now.parse().unwrap()),
            naming: crate::model::username::Naming::of(LanguageTag::english()),
            letters_language: Language::English,
            license_spacing: SignedDuration::ZERO,
            portal: PortalUrl::default(),
            handovers: crate::handover::Handovers::default(),
            to_managers: true,
        };
        let allowed_sources = sources.iter().map(|source| (*source).to_owned()).collect();
        let settings = Settings { allowed_sources, ..Settings::default() };
        Engine::new(house, settings, CancellationToken::new())
    }

    fn sealer(folder: &tempfile::TempDir) -> Sealer {
        Sealer::open(&folder.path().join("master")).unwrap()
    }

    fn sample() -> Letter {
        let content_type = Some("application/cloudevents+json".to_owned());
        Letter::new(content_type, BTreeMap::new(), SAMPLE.as_bytes().to_vec())
    }

    fn numbered(number: usize) -> Letter {
        let body = format!("{{\"subject\":\"engineer/E-{}\",\"data\":{number}}}", number % 2);
        Letter { body: body.into_bytes(), ..sample() }
    }

    async fn listed(store: &Memory) -> Vec<Parked> {
        store.parked(None, usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_refused_is_parked_once_and_taken_up_when_the_cause_is_mended() {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let strict = engine(&store, START, &["https://other.example"], sealer(&folder));
        for door in [Door::Amqp, Door::Http, Door::Amqp] {
            let refused = strict.receive(&sample(), door).await;
            assert!(matches!(refused, Err(IntakeError::Refused(_))), "{refused:?}");
        }
        let [parked] = <[Parked; 1]>::try_from(listed(&store).await).unwrap();
        assert_eq!((parked.reason, parked.door), (ReasonCode::UntrustedSource, Door::Amqp));
        assert_eq!(parked.engineer.as_ref().map(EngineerKey::as_str), Some("E-20417"));
        assert_eq!(store.head().await, Ok(Position(1)), "told once");
        let (id, asa) = (parked.id, "åsa");
        let refused = strict.replay(&id, asa, "try").await;
        assert!(
            matches!(&refused, Err(ReplayError::Refused(refusal)) if refusal.reason == ReasonCode::UntrustedSource)
        );
        assert_eq!(listed(&store).await.len(), 1, "it stays");

        let strange = engine(&store, START, &[], Sealer::ephemeral().unwrap());
        assert!(matches!(strange.replay(&id, asa, "try").await, Err(ReplayError::Lost)));
        let mended = engine(&store, START, &[], sealer(&folder));
        let replayed = mended.replay(&id, asa, "the source is allowed now").await.unwrap();
        assert_eq!(replayed, Admitted::Applied("E-20417".parse().unwrap()));
        assert_eq!(listed(&store).await, []);
        let last = store.entries(Position(2), 9).await.unwrap().remove(0);
        let reason = "the source is allowed now".to_owned();
        assert_eq!(last.actor, Actor::Operator { name: asa.to_owned(), reason });
        assert_eq!(last.changes, [Change::Unparked { id: id.clone(), how: Unparking::Replayed }]);
        assert!(matches!(mended.replay(&id, asa, "again").await, Err(ReplayError::NotFound)));
        assert_eq!(
            mended.receive(&sample(), Door::Http).await.unwrap(),
            Admitted::Unchanged("E-20417".parse().unwrap())
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_comes_by_two_queues_at_once_is_parked_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(&folder.path().join("store")).unwrap());
        let engine = engine(&store, START, &["https://other.example"], Sealer::ephemeral().unwrap());
        let letter = sample();
        let many = (0..8).map(|_| engine.receive(&letter, Door::Amqp));
        let answers = futures_util::future::join_all(many).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(IntakeError::Refused(_)))));
        assert_eq!(store.head().await, Ok(Position(1)));
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_parked_is_not_refused() {
        let store = Arc::new(Memory::new());
        let engine = engine(&store, START, &["https://other.example"], Sealer::ephemeral().unwrap());
        store.lose_next_commit(Lost::BeforeEffect);
        assert!(matches!(engine.receive(&sample(), Door::Amqp).await, Err(IntakeError::Unavailable(_))));
        assert!(matches!(engine.receive(&sample(), Door::Amqp).await, Err(IntakeError::Refused(_))));
        assert_eq!(listed(&store).await.len(), 1);
    }

    #[tokio::test]
    async fn a_message_that_was_cut_is_never_taken_up() {
        let store = Arc::new(Memory::new());
        let engine = engine(&store, START, &[], Sealer::ephemeral().unwrap());
        // A whole event, and then blanks beyond what is kept: the rest alone would be good.
        let padded = [SAMPLE.as_bytes(), &vec![b' '; crate::model::parked::KEPT_MAX]].concat();
        let long = Letter { body: padded, ..sample() };
        let headers = BTreeMap::from([("cloudEvents_id".to_owned(), "\u{1}".repeat(8_000))]);
        for letter in [long, Letter { headers, ..numbered(0) }] {
            assert!(matches!(engine.receive(&letter, Door::Amqp).await, Err(IntakeError::Refused(_))));
            let replayed = engine.replay(&engine.house().sealer.letter_id(&letter), "åsa", "try").await;
            assert!(
                matches!(&replayed, Err(ReplayError::Refused(refusal)) if refusal.reason == ReasonCode::TooLarge)
            );
        }
    }

    fn with_room<S: Store>(store: &Arc<S>, now: &str, sealer: Sealer, room: Count) -> Arc<Engine> {
        let mut engine = engine(store, now, &[], sealer);
        Arc::get_mut(&mut engine).unwrap().parking.room = room;
        engine
    }

    async fn refuse(engine: &Engine, letter: &Letter) {
        let refused = engine.receive(letter, Door::Amqp).await;
        assert!(matches!(refused, Err(IntakeError::Refused(_))), "{refused:?}");
    }

    fn junk(number: usize) -> Letter {
        Letter { body: vec![0xff; number + 1], ..sample() }
    }

    #[tokio::test]
    async fn junk_pushes_out_junk_and_no_event() {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let room = Count { events: 3, unreadable: 2 };
        let early = with_room(&store, START, sealer(&folder), room);
        refuse(&early, &numbered(0)).await;
        let engine = with_room(&store, "2026-11-23T09:00:00Z", sealer(&folder), room);
        for number in 0..7 {
            refuse(&engine, &junk(number)).await;
        }
        engine.tidy_parked().await.unwrap();
        let listed = listed(&store).await;
        assert_eq!(listed.iter().filter(|parked| parked.is_unreadable()).count(), 2);
        assert_eq!(listed.len(), 3, "the event that came before all junk is there");
    }

    #[tokio::test]
    async fn an_event_without_room_is_not_taken_in_and_none_is_dropped_for_it() {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let room = Count { events: 2, unreadable: 9 };
        for number in 0..2 {
            refuse(&with_room(&store, START, sealer(&folder), room), &numbered(number)).await;
        }
        // After a start, too.
        let engine = with_room(&store, START, sealer(&folder), room);
        for _ in 0..2 {
            let third = engine.receive(&numbered(2), Door::Http).await;
            assert!(matches!(third, Err(IntakeError::NoRoom(_))), "{third:?}");
        }
        refuse(&engine, &numbered(1)).await;
        refuse(&engine, &junk(0)).await;
        engine.tidy_parked().await.unwrap();
        assert_eq!(listed(&store).await.len(), 3);
        let changes = engine.drop_letters_of(&"E-1".parse().unwrap()).await.unwrap();
        store.commit(Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, changes)).await.unwrap();
        engine.tidy_parked().await.unwrap();
        refuse(&engine, &numbered(2)).await;
    }

    #[tokio::test]
    async fn a_replay_makes_room() {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let strict = engine(&store, START, &["https://other.example"], sealer(&folder));
        refuse(&strict, &sample()).await;
        let mended = with_room(&store, START, sealer(&folder), Count { events: 1, unreadable: 0 });
        assert!(matches!(mended.receive(&numbered(0), Door::Http).await, Err(IntakeError::NoRoom(_))));
        let id = mended.house().sealer.letter_id(&sample());
        mended.replay(&id, "åsa", "the source is allowed now").await.unwrap();
        refuse(&mended, &numbered(0)).await;
    }

    #[tokio::test]
    async fn what_is_parked_has_its_time() {
        let (store, folder) = (Arc::new(Memory::new()), tempfile::tempdir().unwrap());
        let park = async |now: &str, numbers: std::ops::Range<usize>| {
            let engine = engine(&store, now, &[], sealer(&folder));
            for number in numbers {
                refuse(&engine, &numbered(number)).await;
            }
            engine
        };
        park(START, 0..3).await;
        park("2026-11-23T09:00:00Z", 3..7).await.tidy_parked().await.unwrap();
        assert_eq!(listed(&store).await.len(), 7);
        park("2027-02-21T09:30:00Z", 7..8).await.tidy_parked().await.unwrap();
        assert_eq!(listed(&store).await.len(), 1, "the others are older than 90 days");
    }
}
