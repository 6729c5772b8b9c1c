//! Which due rows of a lane start now: a row starts when there is a worker for it and every turn at Google's limits that its next step
//! takes. So a row that waits for one API holds up nothing that needs another's, and none waits with a worker in its hands. Rows go in
//! order ([`Urgency`]); what a row lacks nobody behind it takes, so that each API has a queue of its own. Pure: what is due, what is at
//! work and what the limits have are arguments.
//! Not here: reading these and starting the rows (`drive`), and what a step costs (`steps/cost`).
//!
//! **Nobody starves.** Before a row go only those that became due on the same day or earlier, which are finitely many and each leave the
//! queue; and the first of all that lack a turn gets it as soon as it is there. Where a step takes several turns at once, each of the rarer
//! ones is taken only together with the more common one, so that whoever is first for the rare one is never passed by for the common one.

use crate::google::{Supply, Turn};
use crate::model::enrollment::{Enrollment, TargetKind, Want};
use crate::model::plan::plan;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rows that may have begun and still need a turn, beyond those that have it within [`SOON_SECONDS`].
const BEGUN_LEAST: u32 = 2;

/// Turns that come back in so many seconds are in sight.
const SOON_SECONDS: f64 = 4.0;

/// A turn that is further away is in nobody's sight: what is begun without it loses nothing that would not be lost anyway.
const OUT_OF_SIGHT: Duration = Duration::from_secs(45);

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// Who goes first. A reseller account's own row, then the end of access, then what has begun, so that it ends while what was seen is
/// recent; then whoever became due on an earlier day; then the earliest start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Urgency {
    is_engineers: bool,
    joins: bool,
    is_new: bool,
    due_day: i64,
    starts: Timestamp,
    due: Timestamp,
}

impl Urgency {
    pub(super) fn of(row: &Enrollment, now: Timestamp) -> Self {
        let due = row.wake_at().unwrap_or(now);
        Self {
            is_engineers: row.id.kind() != TargetKind::Reseller,
            joins: row.goal.want == Want::Present,
            is_new: is_new(row),
            due_day: due.as_second().div_euclid(SECONDS_A_DAY),
            // Whoever has no date starts when the row says.
            starts: row.starts.unwrap_or(due),
            due,
        }
    }
}

/// Whether nothing that Google knows of can have been made for the row.
fn is_new(row: &Enrollment) -> bool {
    row.facts.account.is_none() && row.id.kind() == TargetKind::Domain
}

/// How far a joiner's row has got on its way to the lists that rows share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress(Option<usize>);

impl Progress {
    pub(super) fn of(row: &Enrollment) -> Self {
        let (kind, want) = (row.id.kind(), row.goal.want);
        let joins = kind == TargetKind::Domain && want == Want::Present;
        let step = row.state.at().filter(|_| joins).map(|at| at.step);
        Self(step.and_then(|step| plan(kind, want).iter().position(|planned| *planned == step)))
    }

    /// Whether this row is on its way to the list that the other one stands at.
    pub(super) fn is_before(self, other: Self) -> bool {
        self.0.zip(other.0).is_some_and(|(this, other)| this < other)
    }
}

/// What a row needs to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// These turns; those of `soon` must be in sight if nothing was made for the row yet.
    Turns { now: Vec<Turn>, soon: Vec<Turn> },
    /// A list: one that is at hand, or else one row reads it for all, at the latest when it has waited for so long.
    List { is_at_hand: bool, gathers: Duration },
}

/// A due row.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) urgency: Urgency,
    pub(super) progress: Progress,
    pub(super) need: Need,
}

/// A row at work, and the turns that it takes soon.
#[derive(Clone, Debug)]
pub(super) struct Busy {
    pub(super) progress: Progress,
    pub(super) soon: Vec<Turn>,
    /// When it is listed as due: before its claim is written, since it became due; then, once its lease is over.
    pub(super) wake: Option<Timestamp>,
}

/// What is chosen from.
pub(super) struct Scene<'a> {
    pub(super) due: &'a [Candidate],
    pub(super) at_work: &'a [Busy],
    /// What there is of each turn that a candidate names.
    pub(super) supply: BTreeMap<Turn, Supply>,
    /// Turns that others wait for who go before everybody here.
    pub(super) kept: BTreeSet<Turn>,
    /// Workers.
    pub(super) workers: usize,
}

/// What was chosen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// These candidates start.
    pub(super) start: Vec<usize>,
    /// Turns that somebody waits for.
    pub(super) lacking: BTreeSet<Turn>,
    /// Whether somebody is left who is due.
    pub(super) leaves_some: bool,
    /// When to look again, if nothing happens before.
    pub(super) look_again: Option<Duration>,
}

/// Chooses.
pub(super) fn choose(scene: Scene<'_>) -> Choice {
    let mut order: Vec<usize> = (0..scene.due.len()).collect();
    order.sort_by_key(|index| scene.due[*index].urgency);
    let mut choosing = Choosing::of(scene);
    for index in order {
        choosing.look_at(index);
    }
    choosing.choice
}

struct Choosing<'a> {
    scene: Scene<'a>,
    /// How many rows that have begun still need a turn.
    needed: BTreeMap<Turn, u32>,
    /// Rows that were chosen to read a list.
    reading: Vec<Progress>,
    choice: Choice,
}

impl<'a> Choosing<'a> {
    fn of(scene: Scene<'a>) -> Self {
        let mut needed = BTreeMap::new();
        let begun = scene.due.iter().filter(|row| !row.urgency.is_new).filter_map(|row| match &row.need {
            Need::Turns { now, .. } => Some(now),
            Need::List { .. } => None,
        });
        for turn in begun.chain(scene.at_work.iter().map(|busy| &busy.soon)).flatten() {
            *needed.entry(turn.clone()).or_default() += 1;
        }
        let choice = Choice { lacking: scene.kept.clone(), ..Choice::default() };
        Self { scene, needed, reading: Vec::new(), choice }
    }

    fn look_at(&mut self, index: usize) {
        let due = self.scene.due;
        let row = &due[index];
        let starts = match &row.need {
            Need::Turns { now, soon } => self.takes(row, now, soon),
            Need::List { is_at_hand, gathers } => *is_at_hand || self.reads(row, *gathers),
        };
        // A worker comes back with a row that ends, and then somebody looks.
        if starts && self.choice.start.len() < self.scene.workers {
            self.choice.start.push(index);
        } else {
            self.choice.leaves_some = true;
        }
    }

    /// Takes a row's turns, if all of them are there and those that come after them in sight.
    fn takes(&mut self, row: &Candidate, now: &[Turn], soon: &[Turn]) -> bool {
        let lacking: Vec<&Turn> = now.iter().filter(|turn| self.lacks(turn)).collect();
        if !lacking.is_empty() {
            let waits =
                lacking.iter().filter_map(|turn| self.scene.supply.get(turn)).map(|supply| supply.wait);
            let (wait, lacking) = (waits.max(), lacking.into_iter().cloned().collect::<Vec<_>>());
            self.look_again(wait);
            self.choice.lacking.extend(lacking);
            return false;
        }
        if row.urgency.is_new && soon.iter().any(|turn| self.is_spoken_for(turn)) {
            return false;
        }
        if self.choice.start.len() >= self.scene.workers {
            return false;
        }
        for turn in now {
            if let Some(supply) = self.scene.supply.get_mut(turn) {
                supply.now = supply.now.saturating_sub(1);
            }
        }
        for turn in soon {
            *self.needed.entry(turn.clone()).or_default() += 1;
        }
        true
    }

    fn lacks(&self, turn: &Turn) -> bool {
        self.choice.lacking.contains(turn) || self.scene.supply.get(turn).is_none_or(|supply| supply.now == 0)
    }

    /// Whether as many rows as there are turns in sight have begun and still need one.
    fn is_spoken_for(&self, turn: &Turn) -> bool {
        let Some(supply) = self.scene.supply.get(turn).filter(|supply| supply.wait < OUT_OF_SIGHT) else {
            return false;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive rate of at most some thousands"
        )]
        let in_sight = BEGUN_LEAST + (supply.per_second * SOON_SECONDS) as u32;
        self.needed.get(turn).is_some_and(|needed| *needed >= in_sight)
    }

    /// Whether the row reads its list now: nobody does, and either nobody else is on the way to it or the row has waited long enough.
    fn reads(&mut self, row: &Candidate, gathers: Duration) -> bool {
        let busy = self.scene.at_work.iter().map(|busy| busy.progress).chain(self.reading.iter().copied());
        if busy.clone().any(|progress| progress == row.progress) {
            return false;
        }
        let mut under_way = busy.chain(self.scene.due.iter().map(|other| other.progress));
        if !gathers.is_zero() && under_way.any(|progress| progress.is_before(row.progress)) {
            self.look_again(Some(gathers));
            return false;
        }
        self.reading.push(row.progress);
        true
    }

    fn look_again(&mut self, wait: Option<Duration>) {
        self.choice.look_again = self.choice.look_again.into_iter().chain(wait).min();
    }
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
