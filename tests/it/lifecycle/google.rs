//! A small Google: accounts, their roles, whether they are suspended. What gives access may land late, after whoever asked for it has
//! died or lost its lease; what takes it away lands at once or not at all. Not here: its HTTP face (the sandbox).

use carepass::model::id::{DomainName, EngineerKey};
use std::collections::BTreeMap;

/// An address as the simulation writes it.
pub type Place = (DomainName, String);

#[derive(Default)]
pub struct Google {
    pub accounts: BTreeMap<Place, Account>,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub owner: EngineerKey,
    pub has_role: bool,
    pub is_suspended: bool,
}

/// A write, by natural keys only: it may land twice, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Insert,
    Restore,
    Role,
    RoleOff,
    Suspend,
}

impl Write {
    pub fn gives(self) -> bool {
        matches!(self, Self::Insert | Self::Restore | Self::Role)
    }
}

impl Google {
    /// Carries a write out. A second insert of an address changes nothing; neither does what is about an account that is not there.
    pub fn land(&mut self, write: Write, place: &Place, owner: &EngineerKey) {
        if write == Write::Insert {
            let fresh = Account { owner: owner.clone(), has_role: false, is_suspended: false };
            self.accounts.entry(place.clone()).or_insert(fresh);
            return;
        }
        let Some(account) = self.accounts.get_mut(place) else { return };
        assert_eq!(account.owner, *owner, "{write:?} of somebody else's account");
        match write {
            Write::Insert => (),
            Write::Restore => account.is_suspended = false,
            Write::Role => account.has_role = true,
            Write::RoleOff => account.has_role = false,
            Write::Suspend => account.is_suspended = true,
        }
    }
}
