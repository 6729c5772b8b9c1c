//! One run of a step, as it is meant: the request flies off, the answer may be lost, what gives access may land late.
//! Not here: the real steps (`lived`, `step_harness`).

use super::{World, now};
use crate::lifecycle::google::{Account, Place, Write};
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

/// What gives access lands so late at most.
const LANDS_WITHIN: i64 = 200;

/// So long after an end somebody looks whether something has come about since.
const LAST_LOOK: SignedDuration = SignedDuration::from_mins(15);

impl World {
    pub(super) fn ensure(&mut self, row: &Enrollment, step: StepName) -> Result<Ensured, Failure> {
        if self.faults && self.chance.u8(..100) < 10 {
            let kinds = [FailureKind::Transient, FailureKind::Throttled, FailureKind::Needs(Who::Operator)];
            return Err(Failure::new(kinds[self.chance.usize(..kinds.len())], FailureCode::UnknownAnswer));
        }
        let ensured = self.fact(row, step)?;
        if self.faults && self.chance.u8(..100) < 10 {
            return Err(Failure::transient(FailureCode::Timeout));
        }
        Ok(ensured)
    }

    fn fact(&mut self, row: &Enrollment, step: StepName) -> Result<Ensured, Failure> {
        let ensured = Ensured::default();
        let Some((place, owner)) = self.place(row) else {
            if step == StepName::Username {
                return self.reserve(row.id.engineer().expect("a row of an engineer"));
            }
            return Ok(ensured);
        };
        let account = self.google.accounts.get(&place).cloned();
        let wanted = match (step, &account) {
            (StepName::Account, None) => Some(Write::Insert),
            (StepName::Account, Some(account)) => account.is_suspended.then_some(Write::Restore),
            (StepName::Role, Some(account)) if !account.is_suspended => {
                (!account.has_role).then_some(Write::Role)
            }
            (StepName::Role, _) => return Err(Failure::not_yet(FailureCode::AccountSettling)),
            (StepName::Verify, Some(account)) if account.has_role && !account.is_suspended => None,
            (StepName::Verify, _) => return Err(Failure::not_yet(FailureCode::NotYetConfirmed)),
            (StepName::RoleOff, Some(account)) => account.has_role.then_some(Write::RoleOff),
            (StepName::Suspend, Some(account)) => (!account.is_suspended).then_some(Write::Suspend),
            (StepName::LastLook, account) => self.last_look(row, account.as_ref())?,
            _ => None,
        };
        if let Some(write) = wanted {
            self.fly(write, place, owner)?;
        }
        Ok(ensured)
    }

    /// What was under way when access ended has landed by now, or never will.
    fn last_look(&mut self, row: &Enrollment, account: Option<&Account>) -> Result<Option<Write>, Failure> {
        let leaving = row.leaving.expect("an end of access");
        let left = (leaving.since + LAST_LOOK).duration_since(self.clock.now());
        if leaving.unfinished && left.is_positive() {
            let left = u64::try_from(left.as_millis()).expect("a positive time");
            return Err(Failure::not_yet(FailureCode::LateEffect).after_ms(left));
        }
        if account.is_some_and(|account| account.has_role) {
            let (place, owner) = self.place(row).expect("there is an account");
            self.fly(Write::RoleOff, place, owner)?;
        }
        Ok(account.filter(|account| !account.is_suspended).map(|_| Write::Suspend))
    }

    fn fly(&mut self, write: Write, place: Place, owner: EngineerKey) -> Result<(), Failure> {
        let slow = self.faults && write.gives() && self.chance.u8(..100) < 25;
        self.stats.late += u64::from(slow);
        let lands_in = if slow { self.chance.i64(1..LANDS_WITHIN) } else { 0 };
        self.flying.push((self.clock.now() + SignedDuration::from_secs(lands_in), write, place, owner));
        self.land_due();
        if slow { Err(Failure::transient(FailureCode::Timeout)) } else { Ok(()) }
    }

    pub(super) fn land_due(&mut self) {
        let at = self.clock.now();
        let (due, later) = std::mem::take(&mut self.flying).into_iter().partition(|flight| flight.0 <= at);
        self.flying = later;
        let due: Vec<(Timestamp, Write, Place, EngineerKey)> = due;
        for (_, write, place, owner) in due {
            self.google.land(write, &place, &owner);
        }
    }

    fn reserve(&mut self, key: &EngineerKey) -> Result<Ensured, Failure> {
        let engineer = now(self.store.engineer(key)).expect("memory answers").expect("it has rows");
        let tag = NameTag::from_bytes(key.as_str().as_bytes().to_vec());
        let username = Some(Sealed::from_bytes(key.as_str().as_bytes().to_vec()));
        let engineer = Engineer { version: engineer.version + 1, username, ..engineer };
        let reserved = Change::Reserved { tag, engineer: key.clone() };
        if self.commit(vec![reserved, Change::Engineer(Box::new(engineer))]) {
            Ok(Ensured::default())
        } else {
            Err(Failure::transient(FailureCode::StoreUnavailable))
        }
    }

    /// The account of a row, once the engineer has a name.
    fn place(&self, row: &Enrollment) -> Option<(Place, EngineerKey)> {
        let EnrollmentId::Domain(key, _, domain) = &row.id else { return None };
        let engineer = now(self.store.engineer(key)).expect("memory answers")?;
        engineer.username.map(|_| ((domain.clone(), key.to_string()), key.clone()))
    }
}
