//! Who or what holds an address that an engineer was to get, and what a person is told of it: evidence for and against its being the
//! same person, and nothing personal. Pure. Not here: what is done about it (`instead`); nothing is ever adopted for its name.

use crate::google::Account;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::Address;
use crate::model::person::PersonName;
use jiff::Timestamp;
use jiff::tz::TimeZone;

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

impl Holder {
    /// What a person has to decide.
    pub(super) fn task(&self, address: &Address, name: &PersonName) -> Failure {
        let code = match self {
            Self::Unmanaged => FailureCode::UnmanagedAccount,
            Self::Account(_) | Self::Group { .. } => FailureCode::AddressTaken,
        };
        Failure::needs(Who::Operator, code).with_detail(&self.evidence(address, name))
    }

    /// What is known of it, in a few words.
    pub(super) fn evidence(&self, address: &Address, name: &PersonName) -> String {
        match self {
            Self::Account(account) => of_account(account, address, name),
            Self::Group { alias: false } => "held by a group".to_owned(),
            Self::Group { alias: true } => "held by a group, as an alias".to_owned(),
            Self::Unmanaged => "held by a private account".to_owned(),
        }
    }
}

fn of_account(account: &Account, address: &Address, name: &PersonName) -> String {
    let kind = if account.deleted.is_some() { "a deleted account" } else { "an account" };
    let is_primary = account.primary_address == address.to_string();
    let administers = match (account.is_admin, account.is_delegated_admin) {
        (Some(true), _) => "a super administrator",
        (_, Some(true)) => "an administrator",
        (Some(false), Some(false)) => "no administrator",
        (None, _) | (_, None) => "perhaps an administrator",
    };
    let marker = match account.marker {
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
        account.created.map_or_else(|| "made nobody knows when".to_owned(), |at| format!("made {}", day(at))),
        match account.last_login {
            Some(at) if at > Timestamp::UNIX_EPOCH => format!("last signed in {}", day(at)),
            Some(_) => "never signed in".to_owned(),
            None => "last signed in nobody knows when".to_owned(),
        },
        state.to_owned(),
        administers.to_owned(),
        marker.to_owned(),
        if has_name(account, name) { "of the same name" } else { "of another name" }.to_owned(),
    ];
    facts.join(", ")
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
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
            org_unit_path: None,
            aliases: BTreeSet::new(),
            name: Some(("åsa".into(), "Öberg".into())),
            created: Some("2023-05-06T07:08:09Z".parse().unwrap()),
            last_login: Some("2026-11-24T07:08:09Z".parse().unwrap()),
            deleted: None,
        };
        change(&mut account);
        let failure = Holder::Account(Box::new(account)).task(&address, &name);
        assert_eq!((failure.code, failure.detail.as_str()), (FailureCode::AddressTaken, expected));
    }

    #[test]
    fn the_evidence_says_what_speaks_for_the_same_person_and_what_against() {
        check(
            |_| (),
            "held by an account, made 2023-05-06, last signed in 2026-11-24, active, no administrator, without a marker of \
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
            "held by an account, as an alias, made 2023-05-06, never signed in, suspended, a super administrator, with the \
             marker of another engineer, of another name",
        );
        let unknown = |account: &mut Account| {
            (account.created, account.last_login, account.suspended, account.is_admin) =
                (None, None, None, None);
            account.deleted = Some(Timestamp::UNIX_EPOCH);
        };
        check(
            unknown,
            "held by a deleted account, made nobody knows when, last signed in nobody knows when, perhaps suspended, perhaps an \
             administrator, without a marker of carepass, of the same name",
        );
    }
}
