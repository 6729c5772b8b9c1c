//! What must hold: after each event and in the end. The ledger is read as the publisher of outcomes reads it, entry by entry, and
//! Google's accounts are looked at as they are. Not here: what requests themselves must respect (`google`).

use super::World;
use super::now;
use crate::simulation::google::{Account, Place};
use carepass::model::enrollment::{Enrollment, EnrollmentId, State, TargetKind};
use carepass::model::entry::{Change, Entry, Position};
use carepass::model::id::{DomainName, EngineerKey};
use carepass::model::outcome::{Outcome, OutcomeKind, outcomes};
use carepass::model::plan::plan;
use carepass::model::sealed::Sealed;
use carepass::store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// Reads the ledger as it grows.
#[derive(Default)]
pub struct Judge {
    read: Position,
    rows: BTreeMap<EnrollmentId, Enrollment>,
    usernames: BTreeMap<EngineerKey, Sealed>,
    told: BTreeMap<EngineerKey, Vec<OutcomeKind>>,
}

impl Judge {
    fn read(&mut self, entry: &Entry) {
        assert_eq!(entry.position.0, self.read.0 + 1, "a gap in the ledger");
        self.read = entry.position;
        for change in &entry.changes {
            match change {
                Change::Enrollment { row, .. } => self.row(row),
                Change::Engineer(engineer) => {
                    let Some(username) = &engineer.username else { continue };
                    let first =
                        self.usernames.entry(engineer.key.clone()).or_insert_with(|| username.clone());
                    assert_eq!(first, username, "the username of {} changed", engineer.key);
                }
                Change::Received(_)
                | Change::Reserved { .. }
                | Change::Bookmark { .. }
                | Change::Released { .. }
                | Change::Erased { .. }
                | Change::Parked(_)
                | Change::Unparked { .. } => (),
            }
        }
        for outcome in outcomes(entry) {
            self.outcome(&outcome);
        }
    }

    fn row(&mut self, row: &Enrollment) {
        assert_eq!(row.wake_at().is_none(), row.is_settled(), "nobody will look at it again: {row:?}");
        match self.rows.get(&row.id) {
            Some(last) => goes_on(last, row),
            None => self.opens(row),
        }
        self.rows.insert(row.id.clone(), row.clone());
    }

    /// A domain that comes later opens a row beside the welcome, but the welcome never comes before one that is under way.
    fn opens(&self, row: &Enrollment) {
        let mut others = self.rows.values().filter(|other| other.id.engineer() == row.id.engineer());
        let is_welcome = row.id.kind() == TargetKind::Engineer;
        assert!(!is_welcome || others.all(Enrollment::is_settled), "the welcome came too early: {row:?}");
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Some(key) = outcome.about.engineer() {
            self.told.entry(key.clone()).or_default().push(outcome.kind);
        }
    }

    /// Accepted first and once, each domain once, ready once; domains that came late may follow it.
    fn check_told(&self, key: &EngineerKey, domains: usize) {
        let told = &self.told[key];
        let count = |kind| told.iter().filter(|one| **one == kind).count();
        assert_eq!(told[0], OutcomeKind::Accepted, "{key}: {told:?}");
        let counts = [OutcomeKind::Accepted, OutcomeKind::Progressed, OutcomeKind::Ready].map(count);
        assert_eq!(counts, [1, domains, 1], "{key}: {told:?}");
    }
}

fn goes_on(last: &Enrollment, row: &Enrollment) {
    assert!(row.version > last.version, "a version came again: {row:?}");
    let begins_anew = last.state == State::Completed;
    assert!(!begins_anew || row.rechecking, "a completed row ran again: {row:?}");
    assert!(begins_anew || row.done.is_superset(&last.done), "what was done is not: {last:?}, {row:?}");
}

impl World {
    /// What holds at every moment.
    pub(super) fn check_always(&mut self) {
        for entry in now(self.store.entries(self.judge.read, usize::MAX)).unwrap() {
            self.judge.read(&entry);
        }
        check_accounts(self.google.accounts());
    }

    pub(super) fn has_settled(&self) -> bool {
        let rows = self.rows();
        let wanted = self.domains.len() + self.engineers.len() * (self.domain_count() + 1);
        self.flying.is_empty() && rows.len() == wanted && rows.iter().all(|row| row.state == State::Completed)
    }

    /// What holds when everything has settled.
    pub(super) fn check_end(&self) {
        for row in self.rows() {
            let planned = plan(row.id.kind(), row.goal.want);
            assert!(planned.iter().all(|step| row.done.contains(step)), "{row:?}");
            if row.id.kind() == TargetKind::Domain {
                let (place, owner) = self.place(&row);
                let account = self.google.account(&place).expect("a completed row has its account");
                assert!(account.owner == owner && account.licensed && account.role, "{account:?}");
            }
        }
        let wanted = self.engineers.len() * self.domain_count();
        assert_eq!(self.google.accounts().count(), wanted, "an account too many, or too few");
        assert_eq!(self.judge.read, now(self.store.head()).unwrap(), "the ledger was read to its end");
        for key in &self.engineers {
            self.judge.check_told(key, self.domain_count());
        }
    }

    fn domain_count(&self) -> usize {
        self.domains.values().map(BTreeSet::len).sum()
    }
}

/// At most one account for each domain and owner, and one owner of each local part.
fn check_accounts<'a>(accounts: impl Iterator<Item = (&'a Place, &'a Account)>) {
    let mut homes: BTreeSet<(&DomainName, &EngineerKey)> = BTreeSet::new();
    let mut owners: BTreeMap<&str, &EngineerKey> = BTreeMap::new();
    for ((domain, name), Account { owner, .. }) in accounts {
        assert!(homes.insert((domain, owner)), "{owner} has two accounts in {domain}");
        let first = *owners.entry(name).or_insert(owner);
        assert_eq!(first, owner, "two engineers share the local part {name}");
    }
}
