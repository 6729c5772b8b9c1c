//! A reseller account that lets nobody in is closed at once, whichever of its rows finds out: its own row is looked at, every other row
//! waits for that and asks nothing. A row whose trouble the account does not share keeps it for itself.
//! Not here: what the look finds (`steps/credentials`), and how it is looked at again (`model/transition`).

use super::Engine;
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::failure::{Failure, FailureCode, FailureKind, Who};
use crate::model::id::ResellerName;
use crate::model::transition::Input;
use crate::steps::Outcome;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// For so long a look at the account vouches for it: what a row runs into meanwhile is its own trouble, unless it is another.
const VOUCHED: SignedDuration = SignedDuration::from_mins(10);

/// An account was closed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    at: Timestamp,
}

impl Engine {
    /// What a run of a row has brought, as the row is told: trouble that may be the whole account's closes the account, and the row waits
    /// for it.
    pub(super) async fn judge(&self, row: &Enrollment, outcome: Outcome) -> Outcome {
        let (EnrollmentId::Domain(_, name, _), Err(failure)) = (&row.id, &outcome) else { return outcome };
        if !may_close(failure) {
            return outcome;
        }
        let now = self.house.clock.now();
        let looked_at = self.known().rows.get(name).and_then(|row| row.facts.checked_at);
        let before = self.known().closed.get(&(name.clone(), failure.code)).copied();
        // What the account did not share the last time is the row's own for as long as it waits for it.
        let is_own = row.state.at().is_some_and(|at| at.waited_for == Some(failure.code));
        if before.is_some_and(|closed| closed.vouches(is_own, looked_at, now)) {
            return outcome;
        }
        self.close(name, failure.code, Closed { at: now }).await;
        // A leaver asks at every look, ready or not, and its trouble is on the account's card: that access is open is for people to see.
        if row.goal.want == Want::Absent {
            return outcome;
        }
        let detail = format!("{}: {}", failure.code, failure.detail);
        Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady).with_detail(&detail))
    }

    /// Lets nothing of the account run but the look at it.
    async fn close(&self, name: &ResellerName, code: FailureCode, closed: Closed) {
        let row = {
            let mut known = self.known();
            // A look that is under way or has just failed may have seen it, and another row may have been here first.
            if !known.roster.is_ready(name) {
                return;
            }
            known.closed.insert((name.clone(), code), closed);
            Arc::make_mut(&mut known.roster).resellers.entry(name.clone()).or_default().ready = false;
            known.rows.get(name).cloned()
        };
        tracing::warn!(reseller = %name, code = %code, "the reseller account is closed until it has been looked at");
        let Some(row) = row else { return };
        self.move_row(&row, Input::Recheck).await;
        let mut known = self.known();
        match known.rows.get(name).cloned() {
            Some(row) if row.is_under_way() => {
                known.unseen.insert(name.clone());
            }
            // The store did not take it: the next run tries again.
            Some(row) => Arc::make_mut(&mut known.roster).learn(name, &row),
            None => (),
        }
        drop(known);
        self.wake(&row.lane());
    }
}

/// Only what Google said for good: an unclear answer is asked for again.
fn may_close(failure: &Failure) -> bool {
    failure.code.may_close_account() && failure.kind == FailureKind::Needs(Who::Operator)
}

impl Closed {
    /// Whether the account was looked at since, and found well, so that the same trouble is not the account's.
    fn vouches(self, is_own: bool, looked_at: Option<Timestamp>, now: Timestamp) -> bool {
        let well_since = looked_at.is_some_and(|at| at > self.at);
        well_since && (is_own || now.duration_since(self.at) < VOUCHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_vouches_for_the_same_trouble_and_for_a_while() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let closed = Closed { at: at(10) };
        let check = |is_own, looked_at: Option<i64>, now, expected: bool| {
            assert_eq!(closed.vouches(is_own, looked_at.map(at), at(now)), expected, "{looked_at:?} {now}");
        };
        check(false, Some(11), 12, true);
        check(false, Some(9), 12, false);
        check(true, Some(9), 12, false);
        check(true, None, 12, false);
        check(false, Some(11), 20, false);
        check(true, Some(11), 20, true);
    }

    #[test]
    fn only_what_is_certain_closes() {
        let needs = |code| Failure::needs(Who::Operator, code);
        assert!(may_close(&needs(FailureCode::DelegationMissing)));
        assert!(!may_close(&needs(FailureCode::AddressTaken)));
        assert!(!may_close(&Failure::transient(FailureCode::CredentialsRefused)));
    }
}
