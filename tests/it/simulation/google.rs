//! The simulated Google: plain data, and the one thing it promises: an address is unique. Each request lands at its own time, which may
//! be after the requester has crashed or lost its lease.

use carepass::model::id::{DomainName, EngineerKey};
use std::collections::BTreeMap;

/// An address as the simulation writes it.
pub type Place = (DomainName, String);

#[derive(Default)]
pub struct Google {
    accounts: BTreeMap<Place, Account>,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub owner: EngineerKey,
    pub licensed: bool,
    pub role: bool,
}

/// A write, by natural keys only: it may land late, twice, or never.
#[derive(Clone, Debug)]
pub enum Write {
    Account { place: Place, owner: EngineerKey },
    License { place: Place, owner: EngineerKey },
    Role { place: Place, owner: EngineerKey },
}

impl Google {
    /// Carries a write out. Answers whether it changed anything; a second insert of an address never does.
    pub fn land(&mut self, write: &Write) -> bool {
        match write {
            Write::Account { place, owner } => {
                let fresh = !self.accounts.contains_key(place);
                let account = Account { owner: owner.clone(), licensed: false, role: false };
                self.accounts.entry(place.clone()).or_insert(account);
                fresh
            }
            Write::License { place, owner } => {
                let account = self.accounts.get_mut(place).expect("a licence goes to an account that exists");
                assert_eq!(account.owner, *owner, "a licence went to somebody else's account");
                !std::mem::replace(&mut account.licensed, true)
            }
            Write::Role { place, owner } => {
                let account = self.accounts.get_mut(place).expect("a role goes to an account that exists");
                assert_eq!(account.owner, *owner, "a role went to somebody else's account");
                assert!(account.licensed, "the role came before the licence");
                !std::mem::replace(&mut account.role, true)
            }
        }
    }

    pub fn account(&self, place: &Place) -> Option<&Account> {
        self.accounts.get(place)
    }

    pub fn accounts(&self) -> impl Iterator<Item = (&Place, &Account)> {
        self.accounts.iter()
    }
}
