//! Who or what holds an address that an engineer was to get, and what a person is told of it: evidence for and against its being the
//! same person, and nothing personal. Pure. Not here: what is done about it (`instead`); nothing is ever adopted for its name.

use super::own;
use crate::google::Account;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, EngineerKey};
use crate::model::person::PersonName;
use jiff::{SignedDuration, Timestamp};

/// A day would tell a stranger's habits; this is enough to see whether anybody uses the account.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Who or what holds an address.
pub(super) enum Holder {
    /// An account that is there, or was deleted in the last 20 days: by its primary address or by another.
    Account(Box<Account>),
    /// A group.
    Group {
        /// By another than its own address.
        alias: bool,
    },
    /// Somebody's private account.
    Unmanaged,
}

/// Who was to get the address, and when it is asked.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The address.
    pub(super) address: &'a Address,
    /// For whom.
    pub(super) engineer: &'a EngineerKey,
    /// The engineer's name.
    pub(super) name: &'a PersonName,
    /// The time now.
    pub(super) now: Timestamp,
}

impl Holder {
    /// Whether it is an account of the engineer's own in the domain, at another address.
    pub(super) fn is_own(&self, wanted: Wanted<'_>) -> bool {
        matches!(self, Self::Account(account) if own::is_elsewhere(account, wanted.address, wanted.engineer))
    }

    /// What a person has to decide.
    pub(super) fn task(&self, wanted: Wanted<'_>) -> Failure {
        let code = match self {
            Self::Unmanaged => FailureCode::UnmanagedAccount,
            Self::Account(_) | Self::Group { .. } => FailureCode::AddressTaken,
        };
        Failure::needs(Who::Operator, code).with_detail(&self.evidence(wanted))
    }

    /// What is known of it, in a few words.
    pub(super) fn evidence(&self, wanted: Wanted<'_>) -> String {
        if self.is_own(wanted) {
            return "an account with this engineer's own marker has another address".to_owned();
        }
        match self {
            Self::Account(account) => of_account(account, wanted),
            Self::Group { alias: false } => "held by a group".to_owned(),
            Self::Group { alias: true } => "held by a group, as an alias".to_owned(),
            Self::Unmanaged => "held by a private account".to_owned(),
        }
    }
}

fn of_account(account: &Account, wanted: Wanted<'_>) -> String {
    let Wanted { address, engineer, name, now } = wanted;
    let kind = if account.deleted.is_some() { "a deleted account" } else { "an account" };
    let is_primary = account.primary_address == address.to_string();
    let administers = match (account.is_admin, account.is_delegated_admin) {
        (Some(true), _) => "a super administrator",
        (_, Some(true)) => "an administrator",
        (Some(false), Some(false)) => "no administrator",
        (None, _) | (_, None) => "perhaps an administrator",
    };
    let marker = match &account.marker {
        Some(marker) if marker == engineer.as_str() => "with this engineer's own marker",
        Some(_) => "with the marker of another engineer",
        None => "without a marker of carepass",
    };
    let state = match account.suspended {
        Some(true) => "suspended",
        Some(false) => "active",
        None => "perhaps suspended",
    };
    let facts = [
        format!("held by {kind}{}", if is_primary { "" } else { ", as an alias" }),
        account
            .created
            .map_or_else(|| "made nobody knows when".to_owned(), |at| format!("made {}", lately(at, now))),
        match account.last_login {
            Some(at) if at > Timestamp::UNIX_EPOCH => format!("last sign-in {}", lately(at, now)),
            Some(_) => "never signed in".to_owned(),
            None => "last sign-in nobody knows when".to_owned(),
        },
        state.to_owned(),
        administers.to_owned(),
        marker.to_owned(),
        if has_name(account, name) { "of the same name" } else { "of another name" }.to_owned(),
    ];
    facts.join(", ")
}

fn lately(at: Timestamp, now: Timestamp) -> &'static str {
    if now.duration_since(at) <= LATELY { "in the last 30 days" } else { "longer ago" }
}

fn has_name(account: &Account, name: &PersonName) -> bool {
    let same = |theirs: &str, ours: &str| theirs.trim().to_lowercase() == ours.trim().to_lowercase();
    account.name.as_ref().is_some_and(|(given, family)| {
        same(given, name.given.for_google()) && same(family, name.family.for_google())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::person::NamePart;
    use std::collections::BTreeSet;

    fn check(change: impl FnOnce(&mut Account), expected: &str) {
        let address: Address =
            Address { local_part: "asa.oberg".parse().unwrap(), domain: "x.se".parse().unwrap() };
        let part = |text: &str| NamePart::parse(text).unwrap();
        let name = PersonName {
            given: part("Åsa"),
            family: part("Öberg"),
            latin_given: None,
            latin_family: None,
            language: None,
        };
        let mut account = Account {
            id: "1".parse().unwrap(),
            primary_address: address.to_string(),
            customer: None,
            marker: None,
            is_admin: Some(false),
            is_delegated_admin: Some(false),
            suspended: Some(false),
            suspension_reason: None,
            archived: None,
            two_step_enrolled: None,
            two_step_enforced: None,
            org_unit_path: None,
            aliases: BTreeSet::new(),
            name: Some(("åsa".into(), "Öberg".into())),
            created: Some("2023-05-06T07:08:09Z".parse().unwrap()),
            last_login: Some("2026-11-24T07:08:09Z".parse().unwrap()),
            deleted: None,
        };
        change(&mut account);
        let now = "2026-11-25T07:08:09Z".parse().unwrap();
        let wanted = Wanted { address: &address, engineer: &"E-1".parse().unwrap(), name: &name, now };
        let failure = Holder::Account(Box::new(account)).task(wanted);
        assert_eq!((failure.code, failure.detail.as_str()), (FailureCode::AddressTaken, expected));
    }

    #[test]
    fn the_evidence_says_what_speaks_for_the_same_person_and_what_against() {
        check(
            |_| (),
            "held by an account, made longer ago, last sign-in in the last 30 days, active, no administrator, without a marker of \
             carepass, of the same name",
        );
        let stranger = |account: &mut Account| {
            account.primary_address = "boss@x.se".into();
            account.is_admin = Some(true);
            account.marker = Some("E-2".into());
            account.last_login = Some(Timestamp::UNIX_EPOCH);
            account.suspended = Some(true);
            account.name = None;
        };
        check(
            stranger,
            "held by an account, as an alias, made longer ago, never signed in, suspended, a super administrator, with the \
             marker of another engineer, of another name",
        );
        let long_unused = |account: &mut Account| {
            account.primary_address = "asa@y.se".into();
            account.marker = Some("E-1".into());
            account.created = Some("2026-10-26T07:08:09Z".parse().unwrap());
            account.last_login = Some("2026-10-26T07:08:08Z".parse().unwrap());
        };
        check(
            long_unused,
            "held by an account, as an alias, made in the last 30 days, last sign-in longer ago, active, no administrator, with \
             this engineer's own marker, of the same name",
        );
        let renamed = |account: &mut Account| {
            account.primary_address = "asa@x.se".into();
            account.marker = Some("E-1".into());
        };
        check(renamed, "an account with this engineer's own marker has another address");
        let unknown = |account: &mut Account| {
            (account.created, account.last_login, account.suspended, account.is_admin) =
                (None, None, None, None);
            account.deleted = Some(Timestamp::UNIX_EPOCH);
        };
        check(
            unknown,
            "held by a deleted account, made nobody knows when, last sign-in nobody knows when, perhaps suspended, perhaps an \
             administrator, without a marker of carepass, of the same name",
        );
    }
}
