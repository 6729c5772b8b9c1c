//! Words for changing an account that is there: suspended or not, names, recovery address, password, aliases.
//! Not here: making and restoring one (`directory`, `exceptions`), what ends access besides (`leaving`), and whether the account is ours
//! (`guard`), which the caller has proved.

use super::call::Call;
use super::classify::Meaning;
use super::directory::{Account, WireAccount};
use super::request::{AccountAct, Request};
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, Address, MailAddress};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made, and this is the account as Google's answer shows it: not yet as reads show it.
    Made(Box<Account>),
    /// There is no such account; a young one may not be visible yet.
    Gone,
}

/// What came of adding an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliasAddition {
    /// It was added.
    Made,
    /// It was the account's own already.
    Found,
    /// Somebody else holds the address.
    Taken,
    /// There is no such account; a young one may not be visible yet.
    Gone,
}

impl Google {
    /// Suspends an account: nobody can sign in any more. Whatever was open before is ended by [`Google::sign_out`] and its like.
    /// Errors: `account_settling`, `not_authorized`, …; after an unclear one it may be suspended.
    pub async fn suspend(&self, id: &AccountId) -> Result<Change, Failure> {
        self.update(id, AccountAct::Suspend).await
    }

    /// Lets an account sign in again. Only for one that carepass itself suspended. Errors: `account_suspended` if Google did.
    pub async fn unsuspend(&self, id: &AccountId) -> Result<Change, Failure> {
        self.update(id, AccountAct::Unsuspend).await
    }

    /// Gives an account other names, each of at most 40 characters. The address stays.
    pub async fn set_names(&self, id: &AccountId, given: &str, family: &str) -> Result<Change, Failure> {
        self.update(id, AccountAct::SetNames { given, family }).await
    }

    /// Changes where Google sends account recovery.
    pub async fn set_recovery_address(
        &self,
        id: &AccountId,
        address: &MailAddress,
    ) -> Result<Change, Failure> {
        self.update(id, AccountAct::SetRecoveryAddress(address)).await
    }

    /// Sets a new initial password, which must be changed at the next sign-in. It ends what is open, so only for an account that nobody
    /// has signed in to, or that was suspended.
    pub async fn set_password(&self, id: &AccountId, password: &SecretString) -> Result<Change, Failure> {
        self.update(id, AccountAct::SetPassword(password)).await
    }

    /// The aliases of an account that are its own, lower-cased, without those of alias domains; none if there is no such account.
    pub async fn aliases_of(&self, id: &AccountId) -> Result<Option<BTreeSet<String>>, Failure> {
        let call = Call::ListAliases;
        match self.ask(&Request::Account { id, act: AccountAct::ListAliases }).await? {
            Outcome::Means(Meaning::NotThere) => Ok(None),
            outcome @ (Outcome::Done(_) | Outcome::Means(_)) => {
                let listed: WireAliases = outcome.done(call)?.decode(call)?;
                Ok(Some(listed.aliases.iter().map(|item| item.alias.to_ascii_lowercase()).collect()))
            }
        }
    }

    /// Adds an alias. What is taken is looked for among the account's own, as after an answer that was lost.
    pub async fn add_alias(&self, id: &AccountId, alias: &Address) -> Result<AliasAddition, Failure> {
        let call = Call::InsertAlias;
        match self.ask(&Request::Account { id, act: AccountAct::AddAlias(alias) }).await? {
            Outcome::Done(answer) => answer.decode::<WireAlias>(call).map(|_| AliasAddition::Made),
            Outcome::Means(Meaning::AlreadyExists) => {
                let own = self.aliases_of(id).await?.unwrap_or_default();
                let is_own = own.contains(&alias.to_string());
                Ok(if is_own { AliasAddition::Found } else { AliasAddition::Taken })
            }
            Outcome::Means(Meaning::NotThere) => Ok(AliasAddition::Gone),
            Outcome::Means(meaning @ (Meaning::AlreadyHeld | Meaning::Unavailable)) => {
                Err(unexpected(call, meaning))
            }
        }
    }

    async fn update(&self, id: &AccountId, act: AccountAct<'_>) -> Result<Change, Failure> {
        let call = Call::UpdateUser;
        match self.ask(&Request::Account { id, act }).await? {
            Outcome::Done(answer) => {
                let account = Account::from(answer.decode::<WireAccount>(call)?);
                if account.id != *id {
                    return Err(Failure::permanent(FailureCode::UnknownAnswer)
                        .with_detail("changed one account, got another"));
                }
                Ok(Change::Made(Box::new(account)))
            }
            Outcome::Means(Meaning::NotThere) => Ok(Change::Gone),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(call, meaning)),
        }
    }
}

#[derive(Deserialize)]
struct WireAliases {
    #[serde(default)]
    aliases: Vec<WireAlias>,
}

#[derive(Deserialize)]
struct WireAlias {
    alias: String,
}
