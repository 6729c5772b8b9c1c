//! What carepass would do next, worked out from what is so and what the configuration says, without asking or writing anything: for
//! `carepass plan`. It is the reconciler's own question and the rows' own moves, to the end of each plan. Pure.
//! Not here: what an event would change first (`heard`), and what each step writes (`steps/writes`).

mod heard;

pub use heard::{Hearing, Judged, heard};

use crate::model::engineer::{Engineer, Hold};
use crate::model::enrollment::{Enrollment, EnrollmentId, Goal, State, Target, Want};
use crate::model::failure::{FailureCode, Who};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::plan::plan;
use crate::model::reseller::{DomainChoice, Reseller};
use crate::model::roster::{ResellerStatus, Roster};
use crate::model::rules::Rules;
use crate::model::snapshot::Snapshot;
use crate::model::transition::{Input, apply};
use crate::steps::writes::{Known, Write, writes};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Row by row: the reseller accounts first, then the engineers in the order of their keys. Rows that have nothing more to do are left
    /// out.
    pub rows: Vec<Foreseen>,
    /// What HR has said for later.
    pub later: Vec<Later>,
    /// Who is held for a person: nothing is given to them before.
    pub held: Vec<(EngineerKey, Hold)>,
    /// The reseller accounts whose domains are not known yet: what is to come there is not in `rows`.
    pub unknown: BTreeSet<ResellerName>,
}

/// A row that is not at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Which.
    pub id: EnrollmentId,
    /// What it brings about.
    pub want: Want,
    /// What it waits for before anything is written.
    pub waits: Option<(Who, FailureCode)>,
    /// What it writes until its end.
    pub writes: Vec<Write>,
}

/// What HR has said for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Of whom.
    pub engineer: EngineerKey,
    /// From when.
    pub from: Timestamp,
    /// What.
    pub want: Want,
}

/// The part of the configuration that decides what is done.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The reseller accounts.
    pub resellers: &'a BTreeMap<ResellerName, Reseller>,
    /// How long before a start the work begins.
    pub lead_time: SignedDuration,
    /// The numbers of the machine.
    pub rules: &'a Rules,
}

/// Works it out, for now.
pub fn forecast(snapshot: &Snapshot, means: Means<'_>, now: Timestamp) -> Forecast {
    let roster = roster(snapshot, means.resellers);
    let unknown = roster.resellers.iter().filter(|(_, status)| status.domains.is_none());
    let mut found =
        Forecast { unknown: unknown.map(|(name, _)| name.clone()).collect(), ..Forecast::default() };
    for (name, reseller) in means.resellers {
        let stored = snapshot.accounts.get(name);
        let row = stored.cloned().unwrap_or_else(|| {
            let goal = Goal { want: Want::Present, revision: 0 };
            Enrollment::open(EnrollmentId::Reseller(name.clone()), goal, now)
        });
        let known = Known { row: &row, reseller: Some(reseller), account: None, engineer: None, now };
        found.rows.extend(foreseen(&known));
    }
    for engineer in snapshot.engineers.values() {
        of_engineer(engineer, snapshot, &roster, means, now, &mut found);
    }
    found
}

/// The reseller accounts as the running daemon would know them. Domains that the configuration lists are known before anybody has looked.
pub fn roster(snapshot: &Snapshot, resellers: &BTreeMap<ResellerName, Reseller>) -> Roster {
    let mut roster = Roster::default();
    for (name, reseller) in resellers {
        roster.resellers.insert(name.clone(), ResellerStatus::default());
        if let Some(row) = snapshot.accounts.get(name) {
            roster.learn(name, row);
        }
        let status = roster.resellers.entry(name.clone()).or_default();
        if let (None, DomainChoice::These(domains)) = (&status.domains, &reseller.domains) {
            status.domains = Some(domains.clone());
        }
    }
    roster
}

fn of_engineer(
    stored: &Engineer,
    snapshot: &Snapshot,
    roster: &Roster,
    means: Means<'_>,
    now: Timestamp,
    found: &mut Forecast,
) {
    let engineer = turned(stored, now);
    let later = engineer.upcoming.iter().map(|said| Later {
        engineer: engineer.key.clone(),
        from: said.from,
        want: said.goal.want,
    });
    found.later.extend(later);
    let is_let_in = engineer.is_released();
    if let Some((_, why)) = engineer.held() {
        found.held.push((engineer.key.clone(), why));
    }
    let mut rows: BTreeMap<Target, Enrollment> = snapshot
        .rows_of(&engineer.key)
        .map(|row| (row.id.target(), told(row, &engineer, means, now)))
        .collect();
    let is_wanted = engineer.stated.goal.want == Want::Present && is_let_in;
    let missing = roster.wanted(&engineer.stated.scope).filter(|_| is_wanted);
    for target in missing.chain((is_wanted || !rows.is_empty()).then_some(Target::Engineer)) {
        rows.entry(target.clone()).or_insert_with(|| opened(&engineer, &target, means, now));
    }
    for (target, row) in &rows {
        let reseller = row.id.reseller();
        let known = Known {
            row,
            reseller: reseller.and_then(|name| means.resellers.get(name)),
            account: reseller.and_then(|name| snapshot.accounts.get(name)),
            engineer: Some(&engineer),
            now,
        };
        let mut one = foreseen(&known);
        if let (Some(one), Target::Domain(name, _)) = (&mut one, target) {
            let ended = row.goal.want == Want::Absent;
            if !means.resellers.contains_key(name) {
                one.waits = Some((Who::Operator, FailureCode::ResellerRemoved));
            } else if !ended && !roster.is_ready(name) && one.waits.is_none() {
                one.waits = Some((Who::Reseller, FailureCode::ResellerNotReady));
            }
        }
        found.rows.extend(one);
    }
}

/// The engineer with what has come into force by now. Whether it may be let in is asked when the page turns.
fn turned(stored: &Engineer, now: Timestamp) -> Engineer {
    let due = stored.upcoming.iter().take_while(|said| said.from <= now).count();
    let mut engineer = stored.clone();
    if let Some(said) = engineer.upcoming.drain(..due).next_back() {
        engineer.stated = said;
    }
    engineer
}

/// The row once it has heard what HR says now. A run that is under way is taken to have ended in vain.
fn told(row: &Enrollment, engineer: &Engineer, means: Means<'_>, now: Timestamp) -> Enrollment {
    let mut row = row.clone();
    if let State::Running { at, .. } = row.state {
        row.state = State::Scheduled { at, due: now, last: None };
    }
    let wish = engineer.wish_for(&row.id.target(), means.lead_time);
    match apply(&row, Input::Retargeted(Box::new(wish)), means.rules, now) {
        Ok(moved) => moved.after,
        Err(_) => row,
    }
}

fn opened(engineer: &Engineer, target: &Target, means: Means<'_>, now: Timestamp) -> Enrollment {
    let key = engineer.key.clone();
    let id = match target {
        Target::Domain(reseller, domain) => EnrollmentId::Domain(key, reseller.clone(), domain.clone()),
        Target::Engineer => EnrollmentId::Engineer(key),
        Target::Reseller(reseller) => EnrollmentId::Reseller(reseller.clone()),
    };
    Enrollment::open(id, engineer.wish_for(target, means.lead_time), now)
}

/// What the row still does; none where it has settled.
fn foreseen(known: &Known<'_>) -> Option<Foreseen> {
    let row = known.row;
    let waits = match &row.state {
        State::Waiting { on, reason, .. } => Some((*on, reason.code)),
        State::Scheduled { .. } | State::Running { .. } => None,
        State::Completed | State::Cancelled { .. } => return None,
    };
    let steps = plan(row.id.kind(), row.goal.want).iter().filter(|step| !row.done.contains(step));
    let writes = steps.flat_map(|step| writes(*step, known)).collect();
    Some(Foreseen { id: row.id.clone(), want: row.goal.want, waits, writes })
}
