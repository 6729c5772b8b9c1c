//! Which addresses of a reseller account are taken, and by what kind of thing. Pure: it is made of lists that were read.
//! Not here: reading them (`census`), and what is done about a holder (`steps`).

use super::directory::{Account, Group};
use crate::model::id::EngineerKey;
use crate::model::username::TakenBy;
use std::collections::BTreeMap;

/// Every address that is taken, lower-cased: accounts, their aliases (those of alias domains too), groups and their aliases, accounts
/// deleted in the last 20 days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressBook {
    taken: BTreeMap<String, TakenBy>,
    /// The markers of accounts that are there, by primary address.
    marked: BTreeMap<String, String>,
    /// Addresses that deleted accounts alone hold, with the one marker that all of those carry.
    shelved: BTreeMap<String, Option<String>>,
}

impl AddressBook {
    /// Puts the lists together. What is there counts before what was deleted.
    pub fn new(accounts: &[Account], groups: &[Group], deleted: &[Account]) -> Self {
        let mut book = Self::default();
        for account in accounts {
            book.take(&account.primary_address, TakenBy::User);
            if let Some(marker) = &account.marker {
                book.marked.insert(account.primary_address.clone(), marker.clone());
            }
            account.aliases.iter().for_each(|alias| book.take(alias, TakenBy::Alias));
        }
        for group in groups {
            book.take(&group.address, TakenBy::Group);
            group.aliases.iter().for_each(|alias| book.take(alias, TakenBy::Group));
        }
        for account in deleted {
            book.shelve(&account.primary_address, account.marker.as_deref());
            account.aliases.iter().for_each(|alias| book.shelve(alias, None));
        }
        book
    }

    /// What holds the address, as this engineer sees it: the engineer's own account is the one to be used, and a deleted one can be
    /// restored, so they hold nothing. Without an engineer everybody's holds.
    pub fn holder(&self, address: &str, engineer: Option<&EngineerKey>) -> Option<TakenBy> {
        let engineer = engineer.map(EngineerKey::as_str);
        if engineer.is_some() && self.marked.get(address).map(String::as_str) == engineer {
            return None;
        }
        let shelved = || {
            let marker = self.shelved.get(address)?;
            (marker.is_none() || marker.as_deref() != engineer).then_some(TakenBy::Deleted)
        };
        self.taken.get(address).copied().or_else(shelved)
    }

    fn take(&mut self, address: &str, by: TakenBy) {
        self.taken.entry(address.to_owned()).or_insert(by);
    }

    /// Several deleted accounts may have had one address (`docs/GOOGLE.md` 64).
    fn shelve(&mut self, address: &str, marker: Option<&str>) {
        let kept = self.shelved.entry(address.to_owned()).or_insert_with(|| marker.map(str::to_owned));
        if kept.as_deref() != marker {
            *kept = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn account(address: &str, aliases: &[&str], marker: Option<&str>) -> Account {
        Account {
            id: "1".parse().unwrap(),
            primary_address: address.to_owned(),
            customer: None,
            marker: marker.map(str::to_owned),
            is_admin: None,
            is_delegated_admin: None,
            suspended: None,
            suspension_reason: None,
            archived: None,
            two_step_enrolled: None,
            two_step_enforced: None,
            org_unit_path: None,
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            name: None,
            created: None,
            last_login: None,
            deleted: None,
        }
    }

    #[test]
    fn an_address_is_taken_by_what_is_there_and_by_what_others_deleted() {
        let group = Group { address: "team@x.se".into(), aliases: BTreeSet::from(["help@x.se".into()]) };
        let deleted = [
            account("mine@x.se", &["also@x.se"], Some("E-1")),
            account("theirs@x.se", &[], None),
            account("left@x.se", &[], None),
            account("both@x.se", &[], Some("E-1")),
            account("both@x.se", &[], Some("E-2")),
            account("twice@x.se", &[], Some("E-1")),
            account("twice@x.se", &[], Some("E-1")),
            account("again@x.se", &[], Some("E-1")),
        ];
        let there = [
            account("a@x.se", &["b@x.se"], Some("E-1")),
            account("again@x.se", &[], None),
            account("other@x.se", &[], Some("E-2")),
            account("none@x.se", &[], None),
            account("theirs@x.se", &[], Some("E-1")),
        ];
        let book = AddressBook::new(&there, &[group], &deleted);
        let check = |address: &str, expected: Option<TakenBy>| {
            assert_eq!(book.holder(address, Some(&"E-1".parse().unwrap())), expected, "{address}");
        };
        check("a@x.se", None);
        check("other@x.se", Some(TakenBy::User));
        check("none@x.se", Some(TakenBy::User));
        check("b@x.se", Some(TakenBy::Alias));
        check("team@x.se", Some(TakenBy::Group));
        check("help@x.se", Some(TakenBy::Group));
        check("mine@x.se", None);
        check("also@x.se", Some(TakenBy::Deleted));
        check("theirs@x.se", None);
        check("left@x.se", Some(TakenBy::Deleted));
        check("both@x.se", Some(TakenBy::Deleted));
        check("twice@x.se", None);
        check("again@x.se", Some(TakenBy::User));
        check("free@x.se", None);
        assert_eq!(book.holder("a@x.se", None), Some(TakenBy::User));
        assert_eq!(book.holder("twice@x.se", None), Some(TakenBy::Deleted));
        assert_eq!(book.holder("free@x.se", None), None);
    }
}
