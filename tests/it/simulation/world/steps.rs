//! One run of a step: the request flies off, the answer may be lost, what is seen may be old. Not here: the real steps (`step_harness`).

use super::{World, now};
use crate::simulation::google::{Place, Write};
use carepass::model::engineer::Engineer;
use carepass::model::enrollment::{Enrollment, EnrollmentId};
use carepass::model::entry::Change;
use carepass::model::failure::{Failure, FailureCode, FailureKind, Who};
use carepass::model::id::EngineerKey;
use carepass::model::plan::StepName;
use carepass::model::sealed::{NameTag, Sealed};
use carepass::model::transition::Ensured;
use carepass::store::Store;
use jiff::{SignedDuration, Timestamp};

impl World {
    /// The request flies off now and lands at its own time; the answer that the process will hear is fixed here.
    pub(super) fn ensure(&mut self, row: &Enrollment, step: StepName) -> Result<Ensured, Failure> {
        self.stats.runs += 1;
        if self.faults && self.chance.u8(..100) < 12 {
            return Err(self.some_failure());
        }
        let ensured = self.fact(row, step)?;
        if self.faults && self.chance.u8(..100) < 12 {
            self.stats.lost_answers += 1;
            return Err(Failure::transient(FailureCode::Timeout));
        }
        Ok(ensured)
    }

    fn some_failure(&mut self) -> Failure {
        let code = FailureCode::UnknownAnswer;
        let kinds = [
            FailureKind::Transient,
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotYet,
            FailureKind::Needs(Who::Operator),
            FailureKind::Permanent,
        ];
        Failure::new(kinds[self.chance.usize(..kinds.len())], code)
    }

    fn fact(&mut self, row: &Enrollment, step: StepName) -> Result<Ensured, Failure> {
        let mut ensured = Ensured::default();
        if let EnrollmentId::Reseller(name) = &row.id {
            if step == StepName::Domains {
                ensured.facts.domains = Some(self.domains[name].clone());
            }
            return Ok(ensured);
        }
        let ready = row.id.reseller().is_none_or(|name| self.roster().resellers[name].ready);
        if !ready {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        match step {
            StepName::Username => self.reserve(row.id.engineer().unwrap())?,
            StepName::Account => {
                self.account(row)?;
                ensured.also = [StepName::Password, StepName::Name, StepName::TwoStep].into();
            }
            StepName::License => self.write(row, |place, owner| Write::License { place, owner })?,
            StepName::Role => self.write(row, |place, owner| Write::Role { place, owner })?,
            StepName::Verify => self.verify(row)?,
            StepName::Credentials
            | StepName::Domains
            | StepName::OrgUnit
            | StepName::AutoLicensing
            | StepName::FreeSubscription
            | StepName::Seats
            | StepName::TwoStepPolicy
            | StepName::CaseAlertRoute
            | StepName::NoPaidLicense
            | StepName::CaseAlerts
            | StepName::Password
            | StepName::Name
            | StepName::TwoStep
            | StepName::HandOver
            | StepName::Welcome
            | StepName::Together
            | StepName::LockedOut
            | StepName::LastLook
            | StepName::Removal
            | StepName::RoleOff
            | StepName::SignOut
            | StepName::Suspend
            | StepName::Farewell => (),
        }
        Ok(ensured)
    }

    /// As the real step does: the reservation and the engineer's record are one commit, and a conflict is looked at anew.
    fn reserve(&mut self, key: &EngineerKey) -> Result<(), Failure> {
        loop {
            let engineer = now(self.store.engineer(key)).unwrap().unwrap();
            if engineer.username.is_some() {
                return Ok(());
            }
            let names = ["anna.berg", "anna.berg2", "anna.berg3"];
            let free = names.iter().find(|name| {
                let holder = now(self.store.holder(&tag(name))).unwrap();
                holder.is_none_or(|holder| holder == *key)
            });
            let name = free.expect("there are more names than engineers");
            if *name != names[0] {
                self.stats.name_races += 1;
            }
            let username = Some(Sealed::from_bytes(name.as_bytes().to_vec()));
            let engineer = Engineer { version: engineer.version + 1, username, ..engineer };
            let reserved = Change::Reserved { tag: tag(name), engineer: key.clone() };
            if self.commit(vec![reserved, Change::Engineer(Box::new(engineer))]) {
                return Ok(());
            }
        }
    }

    /// An insert finds the address taken by what an earlier one made, and looks, perhaps at an old picture.
    fn account(&mut self, row: &Enrollment) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        let stale = self.sees_an_old_picture(&place);
        let Some(account) = self.google.account(&place) else {
            return self.fly(Write::Account { place, owner });
        };
        assert_eq!(account.owner, owner, "one engineer's address is another's");
        if stale { Err(Failure::not_yet(FailureCode::AccountSettling)) } else { Ok(()) }
    }

    /// Whether a read of the account shows what was there before it; counted when that matters.
    fn sees_an_old_picture(&mut self, place: &Place) -> bool {
        let stale = self.faults && self.chance.u8(..100) < 30;
        self.stats.stale_reads += u64::from(stale && self.google.account(place).is_some());
        stale
    }

    fn write(
        &mut self,
        row: &Enrollment,
        write: impl Fn(Place, EngineerKey) -> Write,
    ) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        let stale = self.sees_an_old_picture(&place);
        if stale || self.google.account(&place).is_none_or(|account| account.owner != owner) {
            return Err(Failure::not_yet(FailureCode::AccountSettling));
        }
        self.fly(write(place, owner))
    }

    /// A request usually lands at once. A slow one lands later, and its sender hears a time-out.
    fn fly(&mut self, write: Write) -> Result<(), Failure> {
        let slow = self.faults && self.chance.u8(..100) < 30;
        let lands_at = self.now + SignedDuration::from_secs(if slow { self.chance.i64(1..200) } else { 0 });
        self.flying.push((lands_at, self.now + self.rules.lease, write));
        self.land_due();
        if slow { Err(Failure::transient(FailureCode::Timeout)) } else { Ok(()) }
    }

    pub(super) fn land_due(&mut self) {
        let (due, later) = std::mem::take(&mut self.flying).into_iter().partition(|(at, ..)| *at <= self.now);
        self.flying = later;
        let due: Vec<(Timestamp, Timestamp, Write)> = due;
        for (at, lease_over, write) in due {
            self.stats.late_effects += u64::from(at > lease_over);
            self.google.land(&write);
        }
    }

    fn verify(&mut self, row: &Enrollment) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        let stale = self.sees_an_old_picture(&place);
        let account = self.google.account(&place).filter(|_| !stale);
        let seen = account.is_some_and(|account| account.owner == owner && account.licensed && account.role);
        if seen { Ok(()) } else { Err(Failure::not_yet(FailureCode::NotYetConfirmed)) }
    }
}

fn tag(name: &str) -> NameTag {
    NameTag::from_bytes(name.as_bytes().to_vec())
}
