//! How many engineers stand where, and how many things wait for a person, for those who watch: counted when something has changed, by the
//! replica that reconciles. Not here: writing the metrics (`observe`).

use super::pace::Pace;
use super::{Engine, observe};
use crate::model::duty::Duty;
use crate::model::engineer::{Engineer, Progress, Release};
use crate::model::enrollment::{Enrollment, EnrollmentId, State, TargetKind, Want};
use crate::model::failure::{FailureCode, Who};
use crate::model::id::EngineerKey;
use crate::model::roster::Roster;
use crate::model::task::{self, TaskId, drift_tasks};
use crate::store::StoreError;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked whether something has changed.
const INTERVAL: Duration = Duration::from_secs(30);

/// A count rests so many times as long as it took: it takes a tenth of the time at most.
const RESTS: u32 = 9;

/// Engineers read from the store at a time.
const PAGE: usize = 200;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Engineers by how far they are.
    pub(super) engineers: BTreeMap<Progress, u32>,
    /// Since when whoever is let in and not ready has waited, at most. Before the work on somebody begins, nobody waits.
    pub(super) unready_since: Option<Timestamp>,
    /// Engineers whose first day is at risk.
    pub(super) at_risk: u32,
    /// Engineers whose access was to end and is open somewhere.
    pub(super) leavers_open: u32,
    /// The cards by what stands in the way: no more than rows, and of each the two words alone.
    cards: BTreeMap<TaskId, FailureCode>,
}

impl Counts {
    /// An engineer and all rows.
    pub(super) fn take(
        &mut self,
        engineer: &Engineer,
        roster: &Roster,
        rows: &[Enrollment],
        lead_time: SignedDuration,
        now: Timestamp,
    ) {
        let progress = Progress::of(engineer, roster, rows);
        *self.engineers.entry(progress).or_default() += 1;
        self.leavers_open += u32::from(rows.iter().any(is_open));
        let is_awaited = match progress {
            Progress::Planned | Progress::Provisioning | Progress::PartlyReady => {
                engineer.stated.goal.want == Want::Present
            }
            Progress::Ready | Progress::Leaving | Progress::Removed | Progress::Cancelled => false,
        };
        if !is_awaited {
            return;
        }
        if let Some(since) = begun_at(engineer, lead_time) {
            let since = Some(since).filter(|since| *since < now);
            self.unready_since = self.unready_since.into_iter().chain(since).min();
        }
        let is_at_risk = engineer.at_risk.is_some_and(|risk| Some(risk.starts) == engineer.stated.starts);
        self.at_risk += u32::from(is_at_risk);
    }

    /// A row that waits for a person, or shows what others have changed. What an engineer is asked for is nobody else's to do.
    fn take_task(&mut self, row: &Enrollment, now: Timestamp) {
        if let Some((id, code, on)) = task::id(row)
            && on != Who::Engineer
        {
            self.cards.insert(id, code);
        }
        let asked = drift_tasks(row, &now.to_zoned(TimeZone::UTC));
        self.cards.extend(asked.into_iter().map(|task| (task.id, task.code)));
    }

    /// How long that is.
    pub(super) fn oldest_unready(&self, now: Timestamp) -> Duration {
        let waited = self.unready_since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
        Duration::try_from(waited).unwrap_or(Duration::ZERO)
    }

    /// Cards by what stands in the way: whoever waits for the same thing counts once.
    pub(super) fn cards(&self) -> BTreeMap<FailureCode, u32> {
        let mut cards = BTreeMap::new();
        for code in self.cards.values() {
            *cards.entry(*code).or_default() += 1;
        }
        cards
    }
}

impl Engine {
    /// Counts until the stop. Who does not reconcile says that there is nothing: what it counted before would stand beside what another counts.
    pub(super) async fn count_for_ever(self: Arc<Self>) {
        let (mut counted, mut at) = (Counts::default(), None);
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            let is_ours = self.duties.holds(&Duty::Reconcile);
            match self.house.store.head().await {
                Ok(_) if !is_ours => {
                    (counted, at) = (Counts::default(), None);
                    // So that whoever looks here does not wait for all that has happened since the last look.
                    let _ = self.waiting().await;
                }
                Ok(head) if at == Some(head) => (),
                // What cannot be read now is counted the next time.
                Ok(head) => {
                    if let Ok(counts) = self.count_all().await {
                        (counted, at) = (counts, Some(head));
                    }
                }
                Err(_) => (),
            }
            observe::counted(&counted, self.house.clock.now());
            let rest = INTERVAL.max(begun.elapsed() * RESTS);
            tokio::select! { () = self.stop.cancelled() => (), () = tokio::time::sleep(rest) => () }
        }
    }

    async fn count_all(&self) -> Result<Counts, StoreError> {
        let (mut counts, mut after) = (Counts::default(), None::<EngineerKey>);
        let (mut tempo, now, roster) = (Pace::brisk(), self.house.clock.now(), self.roster());
        self.waiting().await?.rows.iter().for_each(|row| counts.take_task(row, now));
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = Some(last.key.clone());
            for engineer in &page {
                let rows = self.house.store.enrollments_of(&engineer.key).await?;
                counts.take(engineer, &roster, &rows, self.settings.lead_time, now);
            }
            tempo.page_done(&self.stop).await;
        }
    }

    /// Measures how long it took, when an engineer's last row has just settled well. What cannot be read is not measured.
    pub(super) fn note_ready(&self, before: &Enrollment, after: &Enrollment) {
        let EnrollmentId::Engineer(key) = &after.id else { return };
        let settles = after.state == State::Completed && before.state != State::Completed;
        if !settles || after.goal.want == Want::Absent {
            return;
        }
        let (store, key) = (Arc::clone(&self.house.store), key.clone());
        let (lead_time, now) = (self.settings.lead_time, self.house.clock.now());
        self.spawn(async move {
            let engineer = store.engineer(&key).await.ok().flatten();
            if let Some(took) = engineer.and_then(|engineer| ready_after(&engineer, lead_time, now)) {
                observe::ready(took);
            }
        });
    }
}

/// Whether access in a domain was to end and has not been seen to be gone. What is left to do then, such as the last look and the letter,
/// lets nobody in.
fn is_open(row: &Enrollment) -> bool {
    let ends = row.id.kind() == TargetKind::Domain && row.newest_goal().want == Want::Absent;
    ends && row.facts.locked_out_at.is_none() && !row.has_lost_access()
}

/// When the work on somebody could begin: nobody held it back, and the first day was near enough.
fn begun_at(engineer: &Engineer, lead_time: SignedDuration) -> Option<Timestamp> {
    let Release::Granted(at) = engineer.release else { return None };
    Some(engineer.stated.opens(lead_time).map_or(at, |opens| opens.max(at)))
}

/// How long it took until an engineer was ready, who is so now: since HR's word came into force and the work could begin.
pub(super) fn ready_after(
    engineer: &Engineer,
    lead_time: SignedDuration,
    now: Timestamp,
) -> Option<Duration> {
    let since = begun_at(engineer, lead_time)?.max(engineer.stated.from);
    // A clock that was set back makes it no shorter than nothing.
    Some(Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::Goal;
    use crate::model::failure::Failure;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn whoever_is_let_in_and_not_ready_is_waited_for_since_the_work_may_begin() {
        let check = |released: i64, starts: Option<i64>, expected: u64| {
            let engineer = Engineer { release: Release::Granted(at(released)), ..Engineer::example("E-1") };
            let stated = crate::model::statement::Statement { starts: starts.map(at), ..engineer.stated };
            let engineer = Engineer { stated, ..engineer };
            let mut counts = Counts::default();
            let lead_time = SignedDuration::from_hours(24);
            counts.take(&engineer, &Roster::default(), &[], lead_time, at(1_000));
            let waited = counts.oldest_unready(at(1_000));
            assert_eq!(waited, Duration::from_secs(expected * 3600), "{released} {starts:?}");
            assert_eq!(counts.engineers, BTreeMap::from([(Progress::Planned, 1)]));
        };
        check(990, None, 10);
        check(900, Some(1_000), 24);
        check(900, Some(2_000), 0);
        check(990, Some(0), 10);
    }

    /// As the list of tasks has it.
    #[test]
    fn what_an_engineer_waits_for_in_every_domain_is_counted_once() {
        let mut counts = Counts::default();
        for id in ["domain/E-1/se/a.se", "domain/E-1/no/a.no", "domain/E-2/se/a.se"] {
            let goal = Goal { want: Want::Present, revision: 1 };
            let mut row = Enrollment::open(id.parse().unwrap(), goal, at(10));
            let (at, reason) =
                (row.state.at().unwrap(), Failure::needs(Who::Hr, FailureCode::LatinNameNeeded));
            row.state = State::Waiting { at, on: Who::Hr, reason, look_again: Timestamp::UNIX_EPOCH };
            counts.take_task(&row, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(counts.cards(), BTreeMap::from([(FailureCode::LatinNameNeeded, 2)]));
    }

    #[test]
    fn a_leaver_is_open_until_locked_out_everywhere_and_not_until_the_letter() {
        let goal = Goal { want: Want::Absent, revision: 2 };
        let row = |id: &str| Enrollment::open(id.parse().unwrap(), goal, at(10));
        let stated = crate::model::statement::Statement { goal, ..Engineer::example("E-1").stated };
        let engineer = Engineer { stated, ..Engineer::example("E-1") };
        let check = |rows: &[Enrollment], expected: u32| {
            let mut counts = Counts::default();
            counts.take(&engineer, &Roster::default(), rows, SignedDuration::ZERO, at(20));
            assert_eq!(counts.engineers, BTreeMap::from([(Progress::Leaving, 1)]));
            assert_eq!(counts.leavers_open, expected, "{rows:?}");
        };
        let (mut first, mut second) = (row("domain/E-1/se/a.se"), row("domain/E-1/se/b.se"));
        let letter = row("engineer/E-1");
        check(&[first.clone(), second.clone(), letter.clone()], 1);
        first.facts.locked_out_at = Some(at(11));
        check(&[first.clone(), second.clone(), letter.clone()], 1);
        second.state = State::Completed;
        check(&[first, second, letter], 0);
    }

    #[test]
    fn ready_is_measured_from_the_word_that_is_in_force() {
        let engineer = Engineer { release: Release::Granted(at(100)), ..Engineer::example("E-1") };
        let stated = crate::model::statement::Statement { from: at(104), ..engineer.stated.clone() };
        let moved = Engineer { stated, ..engineer };
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!(ready_after(&moved, SignedDuration::ZERO, at(110)), hours(6));
        assert_eq!(
            ready_after(&moved, SignedDuration::ZERO, at(1)),
            Some(Duration::ZERO),
            "a clock set back"
        );
    }
}
