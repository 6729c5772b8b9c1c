//! Calls that the happy path does not make: who holds an address that was refused, the account that a person named, and bringing a
//! deleted account of our own back. Not here: when to ask (`steps/account`), and whether an account is ours (`guard`).

use super::call::Call;
use super::classify::Meaning;
use super::directory::WireGroup;
use super::request::{Request, UserKey};
use super::{Account, Google, Group, Outcome, unexpected};
use crate::model::failure::Failure;
use crate::model::id::{AccountId, Address, MailAddress, OrgUnitPath};

impl Google {
    /// Reads the account that an address leads to which a person wrote down: it may be an alias, so compare.
    pub async fn account_by_named(&self, address: &MailAddress) -> Result<Option<Account>, Failure> {
        self.account(UserKey::Named(address)).await
    }

    /// Reads the group that an address leads to: it may be one of the group's aliases.
    pub async fn group_by_address(&self, address: &Address) -> Result<Option<Group>, Failure> {
        match self.ask(&Request::GetGroup { address }).await? {
            Outcome::Done(answer) => Ok(Some(answer.decode::<WireGroup>(Call::GetGroup)?.into())),
            Outcome::Means(Meaning::NotThere) => Ok(None),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::GetGroup, meaning)),
        }
    }

    /// Restores an account that was deleted in the last 20 days, into a unit. Errors: `restore_refused`, `seats_spent`, …; after any of
    /// them the account may be back, by an earlier call.
    pub async fn restore_account(&self, account: &AccountId, org_unit: &OrgUnitPath) -> Result<(), Failure> {
        let request = Request::UndeleteUser { account, org_unit };
        self.ask(&request).await?.done(Call::UndeleteUser).map(drop)
    }
}
