//! Walls: reasons for which a whole reseller account gets no new accounts, and who looks whether they still stand. Derived from rows
//! alone: a wall stands while a row waits because of it. Only the leader of each is kept, so that memory does not grow with those who wait.
//! Not here: reading the rows and nudging them (`engine/walls`), and how a row waits (`transition`).
//!
//! One row probes for everybody: the leader, the earliest start date of those who wait, at its own growing interval. When its account is
//! made the next one is asked at once, and so on: what Google gives is used up in the order of start dates, with one call at a time.

use super::enrollment::{Enrollment, EnrollmentId, State};
use super::failure::FailureCode;
use super::id::ResellerName;
use super::plan::StepName;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The reasons that are walls. Both belong to the Google customer, and so to all domains of a reseller account.
const CODES: [FailureCode; 2] = [FailureCode::SeatsSpent, FailureCode::AutoLicensingOn];

/// Which wall.
pub type WallId = (ResellerName, FailureCode);

/// The walls that stand.
#[derive(Debug, Default)]
pub struct Walls {
    standing: BTreeMap<WallId, Wall>,
}

#[derive(Debug, Default)]
struct Wall {
    /// The row that probes; none while its successor is looked for.
    leader: Option<Place>,
    /// The leader is gone, and the stored rows must be asked for the next.
    is_sought: bool,
    /// Whoever leads is to look at once. It stays so until a leader was told ([`Walls::told`]).
    probe: bool,
    /// Who was to be told and, as far as is known, is in the middle of a look: what that shows may be older than the reason to ask.
    looking: Option<EnrollmentId>,
}

/// A row's place in the order in which accounts are made. Who has no start date starts now, and goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    starts: Option<Timestamp>,
    id: EnrollmentId,
}

/// What is to be done about a wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Find the next leader among the stored rows, and say who it is ([`Walls::succeed`]).
    Seek,
    /// Have this row, the leader, look at once.
    Probe(EnrollmentId),
}

impl Place {
    /// The place of a row that probes for a wall, or could.
    pub fn of(row: &Enrollment, code: FailureCode) -> Option<Self> {
        let at = row.state.at()?;
        // Who waits for something else meanwhile shows nothing about the wall.
        let elsewhere = match &row.state {
            State::Waiting { reason, .. } => ![code, FailureCode::ResellerNotReady].contains(&reason.code),
            State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => {
                false
            }
        };
        let probes = CODES.contains(&code) && at.step == probing_step(code) && at.waited_for == Some(code);
        (probes && !elsewhere).then(|| Self { starts: row.starts, id: row.id.clone() })
    }
}

impl Walls {
    /// Keeps the walls in step with a row that has moved, or was read from the store. Answers whether there is a chore now.
    pub fn note(&mut self, before: Option<&Enrollment>, after: &Enrollment) -> bool {
        let Some(reseller) = after.id.domain().and(after.id.reseller()) else { return false };
        let mut chore = false;
        for code in CODES {
            let was_behind = before.is_some_and(|before| Place::of(before, code).is_some());
            let key = (reseller.clone(), code);
            match (self.standing.get_mut(&key), Place::of(after, code)) {
                (None, None) => (),
                (None, Some(place)) => {
                    self.standing.insert(key, Wall { leader: Some(place), ..Wall::default() });
                }
                (Some(wall), place) => chore |= wall.note(was_behind, after, place, code),
            }
        }
        chore
    }

    /// The wall that a row has to wait behind instead of running a step; none for a leader that probes.
    pub fn before(&self, row: &Enrollment, step: StepName) -> Option<FailureCode> {
        if step != StepName::Account || row.facts.account.is_some() {
            return None;
        }
        let reseller = row.id.reseller()?;
        let is_licensed_anew = self.stands(reseller, FailureCode::AutoLicensingOn);
        match self.standing.get(&(reseller.clone(), FailureCode::SeatsSpent)) {
            // Behind both walls the leader stays the leader and does not probe.
            Some(wall) if is_licensed_anew || !wall.is_led_by(&row.id) => Some(FailureCode::SeatsSpent),
            Some(_) | None => is_licensed_anew.then_some(FailureCode::AutoLicensingOn),
        }
    }

    /// Whether a wall stands.
    pub fn stands(&self, reseller: &ResellerName, code: FailureCode) -> bool {
        self.standing.contains_key(&(reseller.clone(), code))
    }

    /// Somebody believes that it has changed for this row: the leader of what it waits behind looks at once. Answers whether
    /// there is a chore now.
    pub fn ask(&mut self, row: &Enrollment) -> bool {
        let waited_for = row.state.at().and_then(|at| at.waited_for);
        let Some((reseller, code)) = row.id.reseller().cloned().zip(waited_for) else { return false };
        match self.standing.get_mut(&(reseller, code)) {
            // The leader itself was woken by whoever asked.
            Some(wall) if !wall.is_led_by(&row.id) => {
                wall.probe = true;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Somebody believes that something has changed for a whole account: whoever leads there looks at once. Answers whether there is a chore
    /// now.
    pub fn ask_all(&mut self, reseller: &ResellerName) -> bool {
        let mut chore = false;
        for (_, wall) in self.standing.iter_mut().filter(|((name, _), _)| name == reseller) {
            (wall.probe, chore) = (true, true);
        }
        chore
    }

    /// Whether a row leads there.
    pub fn is_led_by(&self, key: &WallId, id: &EnrollmentId) -> bool {
        self.standing.get(key).is_some_and(|wall| wall.is_led_by(id))
    }

    /// The leader was told to look, or does so soon by itself.
    pub fn told(&mut self, key: &WallId) {
        if let Some(wall) = self.standing.get_mut(key) {
            (wall.probe, wall.looking) = (false, None);
        }
    }

    /// Nobody could be told: the chore comes again.
    pub fn untold(&mut self, key: &WallId) {
        if let Some(wall) = self.standing.get_mut(key) {
            wall.looking = None;
        }
    }

    /// The next thing to do. [`Chore::Seek`] comes again until it is done, [`Chore::Probe`] when the row is next seen not to be looking, or
    /// somebody else leads.
    pub fn take_chore(&mut self) -> Option<(WallId, Chore)> {
        self.standing.iter_mut().find_map(|(key, wall)| {
            if wall.is_sought {
                return Some((key.clone(), Chore::Seek));
            }
            let leader = wall.to_be_told()?.clone();
            wall.looking = Some(leader.clone());
            Some((key.clone(), Chore::Probe(leader)))
        })
    }

    /// The first of the stored rows that wait, if any does: it leads, unless an earlier one has come meanwhile, and looks at once. Answers
    /// whether the wall has fallen.
    pub fn succeed(&mut self, key: &WallId, found: Option<Place>) -> bool {
        let Some(wall) = self.standing.get_mut(key) else { return false };
        wall.leader = wall.leader.take().into_iter().chain(found).min();
        (wall.is_sought, wall.probe) = (false, true);
        let has_fallen = wall.leader.is_none();
        if has_fallen {
            self.standing.remove(key);
        }
        has_fallen
    }

    /// Somebody else looks after the account now, or its rows are to be read anew.
    pub fn forget(&mut self, reseller: &ResellerName) {
        self.standing.retain(|(name, _), _| name != reseller);
    }

    /// The rows that lead.
    pub fn leaders(&self) -> Vec<EnrollmentId> {
        self.standing.values().filter_map(|wall| wall.leader.as_ref()).map(|place| place.id.clone()).collect()
    }
}

impl Wall {
    fn is_led_by(&self, id: &EnrollmentId) -> bool {
        self.leader.as_ref().is_some_and(|leader| leader.id == *id)
    }

    fn to_be_told(&self) -> Option<&EnrollmentId> {
        let leader = self.leader.as_ref().filter(|_| self.probe)?;
        Some(&leader.id).filter(|id| self.looking.as_ref() != Some(id))
    }

    fn note(&mut self, was_behind: bool, row: &Enrollment, place: Option<Place>, code: FailureCode) -> bool {
        if self.looking.as_ref() == Some(&row.id) && !matches!(row.state, State::Running { .. }) {
            self.looking = None;
        }
        match (self.is_led_by(&row.id), place) {
            (true, Some(place)) => self.leader = Some(place),
            (true, None) if is_probing(row, code) => (),
            (true, None) => {
                self.leader = None;
                self.is_sought = true;
            }
            (false, Some(place)) => {
                if self.leader.as_ref().is_none_or(|leader| place < *leader) {
                    self.leader = Some(place);
                }
            }
            // Somebody who waited here got through: an earlier one had come while it probed.
            (false, None) if was_behind && row.facts.account.is_some() => self.probe = true,
            (false, None) => (),
        }
        self.is_sought || self.to_be_told().is_some()
    }
}

/// A leader that was told to begin anew has forgotten what it waited for, and finds out now.
fn is_probing(row: &Enrollment, code: FailureCode) -> bool {
    row.is_under_way() && row.state.at().is_some_and(|at| at.step == probing_step(code))
}

/// The step whose run shows whether the wall stands.
fn probing_step(code: FailureCode) -> StepName {
    if code == FailureCode::AutoLicensingOn { StepName::NoPaidLicense } else { StepName::Account }
}

#[cfg(test)]
#[path = "wall_tests.rs"]
mod tests;
