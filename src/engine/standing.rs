//! How far each engineer is, kept in memory as the ledger goes on, so that whoever looks sees at a glance how many stand where: a look
//! reads again only those about whom something was written. Reading all is done beside the looks.
//! Not here: what the words mean (`Progress::of`), and what is exported for machines (`counts`).

use super::Engine;
use super::pace::Pace;
use crate::model::engineer::Progress;
use crate::model::entry::{Entry, Position};
use crate::model::id::EngineerKey;
use crate::model::roster::Roster;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Engineers who are kept. Where there are more, nobody is told how many stand where.
const KEPT_MAX: usize = 100_000;

/// Read from the store at a time.
const PAGE: usize = 200;

/// How much may have happened since, and to how many, so that those are read again and not all.
struct Reach {
    entries: u64,
    engineers: usize,
}

/// While somebody waits for a page.
const OF_A_LOOK: Reach = Reach { entries: 2_000, engineers: 64 };

/// While nobody does.
const AT_LEISURE: Reach = Reach { entries: 20_000, engineers: 2_000 };

/// How often what is kept is brought near to the ledger, though nobody asks.
const INTERVAL: Duration = Duration::from_mins(5);

/// The shortest pause between two readings, and how many times as long as the reading took it is.
const REST_MIN: Duration = Duration::from_secs(1);
const RESTS: u32 = 9;

/// What is kept between two looks.
#[derive(Default)]
pub(super) struct Shelf {
    /// Looks that come together wait for the one that catches up for all.
    kept: Mutex<Kept>,
    /// A look found nothing that it could use.
    wanted: Notify,
}

#[derive(Clone, Default)]
enum Kept {
    /// All were not read yet.
    #[default]
    Nothing,
    Seen(Arc<Seen>),
    /// More than are kept, until the next start.
    TooMany,
}

/// How far everybody was at a place of the ledger.
struct Seen {
    until: Position,
    at: Timestamp,
    /// What there is to be ready in: the accounts are the same for as long as an engine lives, and of them nothing else counts here.
    roster: Arc<Roster>,
    engineers: Arc<BTreeMap<EngineerKey, Progress>>,
}

/// How far everybody is.
pub struct Standing {
    seen: Arc<Seen>,
    /// When it was so, where too much has happened since or the store refuses; `None` where it is so now.
    pub was_at: Option<Timestamp>,
}

impl Standing {
    /// How many stand where; nothing of where nobody is.
    pub fn counts(&self) -> BTreeMap<Progress, usize> {
        let mut counts = BTreeMap::new();
        self.seen.engineers.values().for_each(|progress| *counts.entry(*progress).or_default() += 1);
        counts
    }

    /// The first engineers who are so far, behind one of them, in the order of their keys.
    pub fn keys(&self, progress: Progress, after: Option<&EngineerKey>, limit: usize) -> Vec<EngineerKey> {
        let begin = after.map_or(Unbounded, Excluded);
        let behind = self.seen.engineers.range::<EngineerKey, _>((begin, Unbounded));
        behind.filter(|(_, of)| **of == progress).map(|(key, _)| key.clone()).take(limit).collect()
    }
}

impl Engine {
    /// How far everybody is; `None` until all were read once since the start, and where there are too many. Where the store refuses,
    /// what was so before is what can be shown.
    pub async fn standing(&self) -> Option<Standing> {
        let mut kept = self.standing.kept.lock().await;
        let seen = match &*kept {
            Kept::Seen(seen) => Arc::clone(seen),
            Kept::Nothing => {
                self.standing.wanted.notify_one();
                return None;
            }
            Kept::TooMany => return None,
        };
        if let Ok(Some(newer)) = seen.caught_up(&*self.house.store, &OF_A_LOOK, self.house.clock.now()).await
        {
            *kept = Kept::Seen(Arc::clone(&newer));
            return Some(Standing { seen: newer, was_at: None });
        }
        self.standing.wanted.notify_one();
        Some(Standing { was_at: Some(seen.at), seen })
    }

    /// Keeps it until the stop, for a tenth of the time at most.
    pub(super) async fn keep_standing_for_ever(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            self.keep_standing().await;
            let rest = REST_MIN.max(begun.elapsed() * RESTS);
            let until_wanted = async {
                tokio::time::sleep(rest).await;
                let _ = tokio::time::timeout(INTERVAL, self.standing.wanted.notified()).await;
            };
            tokio::select! { () = self.stop.cancelled() => (), () = until_wanted => () }
        }
    }

    /// Keeps it near enough to the ledger for looks to catch up. What cannot be read now is read the next time.
    pub(crate) async fn keep_standing(&self) {
        let (store, now) = (&*self.house.store, self.house.clock.now());
        let kept = self.standing.kept.lock().await.clone();
        let near = match &kept {
            Kept::TooMany => return,
            Kept::Seen(seen) => seen.caught_up(store, &AT_LEISURE, now).await,
            Kept::Nothing => Ok(None),
        };
        let read = match near {
            Ok(Some(seen)) => Ok(Kept::Seen(seen)),
            Ok(None) => Seen::read(store, self.roster(), now, &self.stop).await,
            Err(error) => Err(error),
        };
        if let Ok(read) = read {
            self.standing.put(read).await;
        }
    }
}

impl Shelf {
    /// A look may have read further meanwhile.
    async fn put(&self, read: Kept) {
        let mut kept = self.kept.lock().await;
        let is_older =
            matches!((&*kept, &read), (Kept::Seen(kept), Kept::Seen(read)) if kept.until > read.until);
        if !is_older {
            *kept = read;
        }
    }
}

impl Seen {
    /// Everybody.
    async fn read(
        store: &dyn Store,
        roster: Arc<Roster>,
        at: Timestamp,
        stop: &CancellationToken,
    ) -> Result<Kept, StoreError> {
        // What is written during the reading is read again at the next look.
        let until = store.head().await?;
        let mut engineers = BTreeMap::new();
        let (mut after, mut tempo) = (None::<EngineerKey>, Pace::brisk());
        loop {
            let page = store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                let engineers = Arc::new(engineers);
                return Ok(Kept::Seen(Arc::new(Self { until, at, roster, engineers })));
            };
            after = Some(last.key.clone());
            if engineers.len() + page.len() > KEPT_MAX {
                return Ok(Kept::TooMany);
            }
            for engineer in page {
                let rows = store.enrollments_of(&engineer.key).await?;
                let progress = Progress::of(&engineer, &roster, &rows);
                engineers.insert(engineer.key, progress);
            }
            tempo.page_done(stop).await;
            if stop.is_cancelled() {
                return Err(StoreError::Unavailable("how far everybody is was not read to its end".into()));
            }
        }
    }

    /// The same as of now; `None` where that is beyond the reach.
    async fn caught_up(
        &self,
        store: &dyn Store,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Option<Arc<Self>>, StoreError> {
        let head = store.head().await?;
        let Some(touched) = self.touched(store, head, reach).await? else { return Ok(None) };
        let mut engineers = Arc::clone(&self.engineers);
        for key in touched {
            let engineers = Arc::make_mut(&mut engineers);
            match store.engineer(&key).await? {
                Some(engineer) => {
                    let rows = store.enrollments_of(&key).await?;
                    engineers.insert(key, Progress::of(&engineer, &self.roster, &rows));
                }
                None => drop(engineers.remove(&key)),
            }
        }
        let is_kept = engineers.len() <= KEPT_MAX;
        let roster = Arc::clone(&self.roster);
        Ok(is_kept.then(|| Arc::new(Self { until: head, at: now, roster, engineers })))
    }

    /// About whom something was written since.
    async fn touched(
        &self,
        store: &dyn Store,
        head: Position,
        reach: &Reach,
    ) -> Result<Option<BTreeSet<EngineerKey>>, StoreError> {
        let (mut touched, mut until) = (BTreeSet::new(), self.until);
        if head.0.checked_sub(until.0).is_none_or(|behind| behind > reach.entries) {
            return Ok(None);
        }
        while until < head && touched.len() <= reach.engineers {
            let entries = store.entries(until, PAGE).await?;
            let Some(last) = entries.last() else { break };
            until = last.position;
            touched.extend(entries.iter().flat_map(Entry::engineers).cloned());
        }
        Ok((touched.len() <= reach.engineers).then_some(touched))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engineer::{Engineer, Release};
    use crate::model::enrollment::{Enrollment, Goal, State, Want};
    use crate::model::entry::{Actor, Change, Commit};
    use crate::model::roster::ResellerStatus;
    use crate::store::memory::Memory;
    use fastrand::Rng;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    async fn put(store: &Memory, changes: Vec<Change>) {
        store.commit(Commit::new(NOW, Actor::Engine, changes)).await.unwrap();
    }

    async fn read(store: &Memory, roster: &Arc<Roster>) -> Arc<Seen> {
        let read = Seen::read(store, Arc::clone(roster), NOW, &CancellationToken::new()).await.unwrap();
        let Kept::Seen(seen) = read else { panic!("they are few enough") };
        seen
    }

    fn roster() -> Arc<Roster> {
        let status =
            ResellerStatus { domains: Some(["a.se".parse().unwrap()].into()), ..ResellerStatus::default() };
        Arc::new(Roster { resellers: [("se".parse().unwrap(), status)].into() })
    }

    /// An engineer who is wanted or not, with rows that have settled or not, in the place of what is stored.
    async fn somebody(store: &Memory, chance: &mut Rng) -> Vec<Change> {
        let key: EngineerKey = format!("E-{}", chance.u8(0..9)).parse().unwrap();
        let want = if chance.bool() { Want::Present } else { Want::Absent };
        let goal = Goal { want, revision: 1 };
        let mut engineer = Engineer { release: Release::Granted(NOW), ..Engineer::example(key.as_str()) };
        engineer.stated.goal = goal;
        engineer.version += store.engineer(&key).await.unwrap().map_or(0, |stored| stored.version);
        let mut changes = vec![Change::Engineer(Box::new(engineer))];
        for id in [format!("engineer/{key}"), format!("domain/{key}/se/a.se")] {
            let mut row = Enrollment::open(id.parse().unwrap(), goal, NOW);
            let from = store.enrollment(&row.id).await.unwrap().map(|stored| stored.version);
            row.version = from.unwrap_or_default() + 1;
            if chance.bool() {
                row.state = State::Completed;
            }
            changes.push(Change::Enrollment { from, row: Box::new(row) });
        }
        changes.truncate(chance.usize(1..4));
        changes
    }

    #[tokio::test]
    async fn a_look_that_catches_up_is_as_if_all_were_read() {
        let (store, roster) = (Memory::new(), roster());
        let mut chance = Rng::with_seed(7);
        let (mut seen, mut met) = (read(&store, &roster).await, BTreeSet::new());
        for _ in 0..200 {
            for _ in 0..chance.u8(0..4) {
                let changes = somebody(&store, &mut chance).await;
                put(&store, changes).await;
            }
            seen = seen.caught_up(&store, &OF_A_LOOK, NOW).await.unwrap().expect("within reach");
            let all = read(&store, &roster).await;
            assert_eq!((seen.until, &seen.engineers), (all.until, &all.engineers));
            met.extend(all.engineers.values().copied());
        }
        let expected = [
            Progress::Planned,
            Progress::Provisioning,
            Progress::Ready,
            Progress::Leaving,
            Progress::Removed,
        ];
        assert!(expected.iter().all(|progress| met.contains(progress)), "too little happens here: {met:?}");
    }

    #[tokio::test]
    async fn beyond_its_reach_a_look_reads_nobody_again() {
        let (store, roster) = (Memory::new(), roster());
        let seen = read(&store, &roster).await;
        for number in 0..4 {
            put(&store, vec![Change::Engineer(Box::new(Engineer::example(&format!("E-{number}"))))]).await;
        }
        for (entries, engineers, expected) in [(4, 4, true), (3, 4, false), (4, 3, false)] {
            let found = seen.caught_up(&store, &Reach { entries, engineers }, NOW).await.unwrap();
            assert_eq!(found.is_some(), expected, "{entries} entries, {engineers} engineers");
        }
    }

    #[tokio::test]
    async fn what_a_look_has_read_meanwhile_stays() {
        let (store, roster) = (Memory::new(), roster());
        let older = read(&store, &roster).await;
        put(&store, vec![Change::Engineer(Box::new(Engineer::example("E-1")))]).await;
        let newer = read(&store, &roster).await;
        let shelf = Shelf::default();
        for (put, expected) in [(&older, &older), (&newer, &newer), (&older, &newer)] {
            shelf.put(Kept::Seen(Arc::clone(put))).await;
            let Kept::Seen(kept) = shelf.kept.lock().await.clone() else { panic!("something was put") };
            assert!(Arc::ptr_eq(&kept, expected), "{} behind {}", put.until.0, expected.until.0);
        }
    }

    #[tokio::test]
    async fn a_stop_ends_the_reading() {
        let (store, roster, stop) = (Memory::new(), roster(), CancellationToken::new());
        put(&store, vec![Change::Engineer(Box::new(Engineer::example("E-1")))]).await;
        stop.cancel();
        assert!(Seen::read(&store, roster, NOW, &stop).await.is_err());
    }

    #[tokio::test]
    async fn those_of_a_state_come_in_the_order_of_their_keys_behind_the_last_one() {
        let (store, roster) = (Memory::new(), roster());
        for number in [3, 1, 2, 4] {
            put(&store, vec![Change::Engineer(Box::new(Engineer::example(&format!("E-{number}"))))]).await;
        }
        let standing = Standing { seen: read(&store, &roster).await, was_at: None };
        assert_eq!(standing.counts(), BTreeMap::from([(Progress::Planned, 4)]));
        let keys = |progress, after: Option<&str>| {
            let after = after.map(|key| key.parse().unwrap());
            let keys = standing.keys(progress, after.as_ref(), 2);
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(keys(Progress::Planned, None), ["E-1", "E-2"]);
        assert_eq!(keys(Progress::Planned, Some("E-2")), ["E-3", "E-4"]);
        assert_eq!(keys(Progress::Planned, Some("E-4")), [""; 0]);
        assert_eq!(keys(Progress::Ready, None), [""; 0]);
    }
}
