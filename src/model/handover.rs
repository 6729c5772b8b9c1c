//! How first passwords come to an engineer, and what has become of the last envelope that was made for them.
//! Not here: the passwords, which are sealed in the rows until they are handed over, and the ways themselves (`handover`).

use super::enrollment::{Enrollment, State, Want};
use super::id::DomainName;
use super::plan::StepName;
use super::sealed::Sealed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A way for first passwords, chosen for each reseller account.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// A page of carepass's, opened with a button, once.
    #[default]
    Link,
    /// A file that only its recipients can read.
    Age,
    /// Wrapped in Vault.
    Vault,
    /// No password is handed out.
    Sso,
}

/// One envelope: all first passwords that an engineer was owed when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Counts from 1 for each engineer and never comes again.
    pub issue: u32,
    /// HR's revision of the engineer when it was made: a contact that changed later gets a new one.
    pub revision: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When its page closes.
    pub expires_at: Timestamp,
    /// When somebody opened its page; who, nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When what nobody opened was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed_at: Option<Timestamp>,
    /// Which domains it is about, and the way for each.
    pub ways: BTreeMap<DomainName, Delivery>,
    /// What unwraps the passwords in Vault, until it has expired there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<Wrapped>,
}

/// Passwords that are wrapped in Vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// The token, sealed.
    pub token: Sealed,
    /// Until when it unwraps them.
    pub expires_at: Timestamp,
}

impl Handover {
    /// The domains that go one way.
    pub fn domains(&self, way: Delivery) -> BTreeSet<&DomainName> {
        self.ways.iter().filter(|(_, chosen)| **chosen == way).map(|(domain, _)| domain).collect()
    }

    /// Whether its page can still be opened.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.has_page() && self.opened_at.is_none() && self.lapsed_at.is_none() && now < self.expires_at
    }

    /// Whether nobody opened its page in time, or Vault's token has expired, and that is still to be written down.
    pub fn is_to_lapse(&self, now: Timestamp) -> bool {
        let page = self.has_page() && self.opened_at.is_none() && self.lapsed_at.is_none();
        page && now >= self.expires_at
            || self.wrapped.as_ref().is_some_and(|wrapped| now >= wrapped.expires_at)
    }

    fn has_page(&self) -> bool {
        self.ways.values().any(|way| *way == Delivery::Link)
    }
}

impl Enrollment {
    /// Whether the sealed password opens the account, as far as carepass knows: it was made or set with it, and has not been handed over.
    pub fn holds_first_password(&self) -> bool {
        let opens =
            |row: &Self| row.facts.account.as_ref().is_some_and(|known| !known.restored && !known.home);
        self.goal.want == Want::Present
            && self.credential.is_some()
            && !self.reissue
            && self.done.contains(&StepName::Password)
            && opens(self)
    }

    /// The row without its sealed password. It moves nowhere, and what it had to tell is not told once more.
    #[must_use]
    pub fn without_credential(&self) -> Self {
        let mut row = self.clone();
        row.version += 1;
        row.credential = None;
        row.rechecking |= row.state == State::Completed;
        let has_begun_to_wait = row.has_begun_to_wait();
        if let State::Waiting { at, .. } = &mut row.state
            && has_begun_to_wait
        {
            at.looks += 1;
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::super::enrollment::{AccountFact, Goal, TargetKind};
    use super::super::entry::{Actor, Change, Entry, Position};
    use super::super::failure::{Failure, FailureCode, Who};
    use super::super::outcome::outcomes;
    use super::super::plan::plan;
    use super::super::rules::Rules;
    use super::super::transition::{Input, Order, Rejected, apply};
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn row() -> Enrollment {
        let id = "domain/E-1/se/a.se".parse().unwrap();
        let mut row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, Timestamp::UNIX_EPOCH);
        row.credential = Some(Sealed::from_bytes(vec![7]));
        row.done = [StepName::Username, StepName::Account, StepName::Password].into();
        let (id, at) = ("1".parse().unwrap(), Timestamp::UNIX_EPOCH);
        row.facts.account = Some(AccountFact {
            id,
            since: at,
            read_at: at,
            restored: false,
            home: false,
            suspended_by_us: None,
            given: BTreeSet::new(),
        });
        row
    }

    #[test]
    fn only_a_password_that_opens_the_account_is_handed_over() {
        let check = |expected: bool, change: fn(&mut Enrollment)| {
            let mut row = row();
            change(&mut row);
            assert_eq!(row.holds_first_password(), expected, "{row:?}");
        };
        check(true, |_| ());
        check(false, |row| row.credential = None);
        check(false, |row| row.reissue = true);
        check(false, |row| row.goal.want = Want::Absent);
        check(false, |row| row.facts.account = None);
        check(false, |row| row.facts.account.as_mut().unwrap().restored = true);
        check(false, |row| row.facts.account.as_mut().unwrap().home = true);
        check(false, |row| row.done.clear());
    }

    /// A password that is destroyed is no news about the row.
    #[test]
    fn a_destroyed_password_tells_nothing_once_more() {
        let at = row().state.at().unwrap();
        let reason = Failure::needs(Who::Operator, FailureCode::SeatsSpent);
        let waiting = State::Waiting {
            at: super::super::enrollment::At { looks: 1, ..at },
            on: Who::Operator,
            reason,
            look_again: Timestamp::UNIX_EPOCH,
        };
        for state in [State::Completed, waiting, row().state] {
            let after = Enrollment { state, ..row() }.without_credential();
            assert_eq!((after.credential.clone(), after.version), (None, 1));
            let change = Change::Enrollment { from: Some(0), row: Box::new(after) };
            let entry = Entry {
                position: Position(1),
                at: Timestamp::UNIX_EPOCH,
                actor: Actor::Engine,
                changes: vec![change],
            };
            assert!(outcomes(&entry).is_empty());
        }
    }

    /// The new password is sealed by the claim, and nothing is handed over before it is the account's; a skipped one never is.
    #[test]
    fn an_order_asks_for_a_new_password_of_an_account_that_is_known() {
        let reissue = |row: &Enrollment| apply(row, Input::Ordered(Order::Reissue), &Rules::default(), NOW);
        let settled = Enrollment { state: State::Completed, done: plan_of_all(), ..row() };
        let after = reissue(&settled).unwrap().after;
        assert!(after.reissue && after.credential.is_none() && !after.holds_first_password());
        assert_eq!(after.next_step(), Some(StepName::Password));
        let skipped = apply(&after, Input::Ordered(Order::Skip), &Rules::default(), NOW).unwrap().after;
        assert!(!skipped.reissue && skipped.state == State::Completed && !skipped.holds_first_password());
        for change in [
            |row: &mut Enrollment| row.facts.account = None,
            |row: &mut Enrollment| row.facts.account.as_mut().unwrap().home = true,
            |row: &mut Enrollment| row.goal.want = Want::Absent,
        ] {
            let mut other = settled.clone();
            change(&mut other);
            assert_eq!(reissue(&other), Err(Rejected::NoFirstPassword));
        }
    }

    fn plan_of_all() -> BTreeSet<StepName> {
        plan(TargetKind::Domain, Want::Present).iter().copied().collect()
    }

    #[test]
    fn a_page_is_open_until_it_was_opened_or_its_time_is_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (issued_at, expires_at) = (at("2026-11-22T10:00:00Z"), at("2026-11-29T10:00:00Z"));
        let page = Handover {
            issue: 1,
            revision: 1,
            issued_at,
            expires_at,
            opened_at: None,
            lapsed_at: None,
            ways: [("a.se".parse().unwrap(), Delivery::Link)].into(),
            wrapped: None,
        };
        let check = |page: &Handover, now: Timestamp, open: bool, lapses: bool| {
            assert_eq!((page.is_open(now), page.is_to_lapse(now)), (open, lapses), "{now} {page:?}");
        };
        check(&page, issued_at, true, false);
        check(&page, expires_at, false, true);
        check(&Handover { opened_at: Some(issued_at), ..page.clone() }, issued_at, false, false);
        check(&Handover { opened_at: Some(issued_at), ..page.clone() }, expires_at, false, false);
        check(&Handover { lapsed_at: Some(expires_at), ..page.clone() }, expires_at, false, false);
        let ways = [("a.se".parse().unwrap(), Delivery::Sso)].into();
        check(&Handover { ways, ..page }, expires_at, false, false);
    }
}
