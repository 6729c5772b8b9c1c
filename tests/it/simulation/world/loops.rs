//! The daemon's two loops as one process sees them, with the crash in which it ends. Not here: what a step does (`steps`).

use super::{Replica, Run, World, now};
use carepass::model::enrollment::{Enrollment, EnrollmentId, State, Target};
use carepass::model::entry::Change;
use carepass::model::failure::Who;
use carepass::model::id::EngineerKey;
use carepass::model::roster::{Roster, missing};
use carepass::model::transition::{Effect, Input, apply, apply_and_claim};
use carepass::store::Store;
use jiff::SignedDuration;
use std::collections::BTreeMap;

impl World {
    pub(super) fn pick(&mut self, replica: usize) {
        let due = self.lanes().flat_map(|lane| now(self.store.due(&lane, self.now, 4)).unwrap()).collect();
        self.replicas[replica].picked = due;
    }

    pub(super) fn claim(&mut self, replica: usize) {
        let Some(row) = self.replicas[replica].picked.pop() else { return };
        self.advance(replica, &row, Input::Wake);
    }

    pub(super) fn report(&mut self, replica: usize) {
        let ready = self.replicas[replica].runs.iter().position(|run| run.reports_at <= self.now);
        let Some(place) = ready else { return };
        let run = self.replicas[replica].runs.remove(place);
        if let State::Running { lease_until, .. } = run.row.state
            && lease_until <= self.now
        {
            self.stats.late_reports += 1;
        }
        self.advance(replica, &run.row, Input::Reported(run.outcome));
    }

    fn advance(&mut self, replica: usize, row: &Enrollment, input: Input) {
        let Ok(moved) = apply_and_claim(row, input, &self.rules, self.now) else { return };
        if !self.commit_row(row, &moved.after) {
            return;
        }
        if let Some(Effect::Run { step, .. }) = moved.effect {
            let outcome = self.ensure(&moved.after, step);
            let slow = if self.faults { 90 } else { 10 };
            let reports_at = self.now + SignedDuration::from_secs(self.chance.i64(0..slow));
            self.replicas[replica].runs.push(Run { row: moved.after, outcome, reports_at });
        }
    }

    /// A process dies: what it had in memory is gone, what it had sent flies on.
    pub(super) fn crash(&mut self, replica: usize) {
        self.stats.crashes += 1;
        self.replicas[replica] = Replica::default();
        if self.fleet.orphans {
            for row in self.rows().into_iter().filter(|row| matches!(row.state, State::Running { .. })) {
                let moved = apply(&row, Input::Orphaned, &self.rules, self.now).unwrap();
                assert!(self.commit_row(&row, &moved.after));
            }
        }
    }

    pub(super) fn sweep(&mut self) {
        let roster = self.roster();
        let ready: Vec<_> = roster
            .resellers
            .iter()
            .filter(|(_, status)| status.ready)
            .map(|(name, _)| name.clone())
            .collect();
        for row in self.rows().into_iter().filter(|row| row.waits_on(Who::Reseller)) {
            if row.id.reseller().is_some_and(|name| ready.contains(name)) {
                let moved = apply(&row, Input::Nudge, &self.rules, self.now).unwrap();
                self.commit_row(&row, &moved.after);
            }
        }
        for key in self.engineers.clone() {
            self.reconcile(&key, &roster);
        }
    }

    fn reconcile(&mut self, key: &EngineerKey, roster: &Roster) {
        let engineer = now(self.store.engineer(key)).unwrap().unwrap();
        let rows: BTreeMap<Target, Enrollment> = now(self.store.enrollments_of(key))
            .unwrap()
            .into_iter()
            .map(|row| (row.id.target(), row))
            .collect();
        for target in missing(roster, &engineer, &rows) {
            let id = match &target {
                Target::Domain(reseller, domain) => {
                    EnrollmentId::Domain(key.clone(), reseller.clone(), domain.clone())
                }
                Target::Engineer => EnrollmentId::Engineer(key.clone()),
                Target::Reseller(_) => unreachable!("resellers are not an engineer's targets"),
            };
            let ready = id.reseller().is_none_or(|name| roster.resellers[name].ready);
            let mut row = Enrollment::open(id, engineer.stated.goal, self.now);
            if !ready {
                row = row.until_reseller_ready(&self.rules, self.now);
            }
            self.commit(vec![Change::Enrollment { from: None, row: Box::new(row) }]);
        }
    }
}
