//! Words for ending access: a role is taken away, sessions end, programs and application passwords are locked out, backup codes become
//! worthless, the account is deleted. Each may be repeated at will.
//! Not here: suspending (`changes`), in which order (`steps`; what must come before the suspension: `docs/GOOGLE.md` 77), and whether the
//! account is ours (`guard`), which the caller has proved.

use super::classify::Meaning;
use super::request::{AccountAct, Request};
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, AssignmentId, ClientId};
use serde::Deserialize;

/// The most programs, and application passwords, of one account that one call of these words takes away.
const MOST: usize = 200;

/// What came of taking something away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It was taken away.
    Done,
    /// It was not there, or not any more.
    Gone,
}

/// What came of ending some way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing of that kind is open.
    Done,
    /// There is no such account; a young one may not be visible yet.
    Gone,
    /// Google refuses it, as it may do while the account is suspended (`docs/GOOGLE.md` 77): that is an end only for a caller
    /// who has read that it is.
    Refused,
}

/// The programs that an account let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetIn {
    /// Those that can be locked out one by one.
    pub clients: Vec<ClientId>,
    /// How many have ids that cannot stand in a path.
    pub others: usize,
}

impl Google {
    /// Takes a role away. An assignment is known by the lists of [`Google::assignments_of`] and [`Google::assignments`]. That of a deleted
    /// account counts as gone.
    pub async fn take_away(&self, assignment: &AssignmentId) -> Result<Removal, Failure> {
        let customer = &self.shared.customer;
        self.removed(&Request::RemoveAssignment { customer, assignment }).await
    }

    /// Ends all sessions of an account.
    pub async fn sign_out(&self, id: &AccountId) -> Result<Ended, Failure> {
        self.ended(id, AccountAct::SignOut).await
    }

    /// The programs that an account let in; none if there is no such account.
    pub async fn tokens_of(&self, id: &AccountId) -> Result<Option<LetIn>, Failure> {
        let listed: Option<WireTokens> = self.listed(id, AccountAct::ListTokens).await?;
        let Some(listed) = listed else { return Ok(None) };
        let total = listed.items.len();
        let clients: Vec<ClientId> =
            listed.items.iter().filter_map(|item| ClientId::parse(&item.client_id).ok()).collect();
        Ok(Some(LetIn { others: total - clients.len(), clients }))
    }

    /// Locks out every program that an account let in. Errors: `request_refused`, after all others, if one cannot be named.
    pub async fn revoke_tokens(&self, id: &AccountId) -> Result<Ended, Failure> {
        let Some(open) = self.tokens_of(id).await? else { return Ok(Ended::Gone) };
        for client in open.clients.iter().take(MOST) {
            if self.taken(id, AccountAct::DeleteToken(client)).await? == Ended::Refused {
                return Ok(Ended::Refused);
            }
        }
        if open.others > 0 {
            return Err(Failure::permanent(FailureCode::RequestRefused)
                .with_detail("a program was let in whose id cannot stand in a path"));
        }
        done_if(open.clients.len() <= MOST)
    }

    /// The numbers of an account's application passwords; none if there is no such account.
    pub async fn application_passwords_of(&self, id: &AccountId) -> Result<Option<Vec<u32>>, Failure> {
        let listed: Option<WirePasswords> = self.listed(id, AccountAct::ListPasswords).await?;
        Ok(listed.map(|listed| listed.items.into_iter().map(|item| item.code_id).collect()))
    }

    /// Takes every application password of an account away.
    pub async fn delete_application_passwords(&self, id: &AccountId) -> Result<Ended, Failure> {
        let Some(codes) = self.application_passwords_of(id).await? else { return Ok(Ended::Gone) };
        for code in codes.iter().take(MOST) {
            if self.taken(id, AccountAct::DeletePassword(*code)).await? == Ended::Refused {
                return Ok(Ended::Refused);
            }
        }
        done_if(codes.len() <= MOST)
    }

    /// Makes all backup codes of an account worthless.
    pub async fn invalidate_backup_codes(&self, id: &AccountId) -> Result<Ended, Failure> {
        self.ended(id, AccountAct::InvalidateCodes).await
    }

    /// Deletes an account, by its id. Google keeps it for 20 days, its seat too (`docs/GOOGLE.md` 64, 79). Errors: `account_settling`
    /// while it is too new.
    pub async fn delete_account(&self, id: &AccountId) -> Result<Removal, Failure> {
        self.removed(&Request::Account { id, act: AccountAct::Delete }).await
    }

    async fn removed(&self, request: &Request<'_>) -> Result<Removal, Failure> {
        match self.ask(request).await? {
            Outcome::Done(answer) => answer.is_googles(request.call()).map(|()| Removal::Done),
            Outcome::Means(Meaning::NotThere) => Ok(Removal::Gone),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(request.call(), meaning)),
        }
    }

    /// One of several, of which a missing one is as good as taken away.
    async fn taken(&self, id: &AccountId, act: AccountAct<'_>) -> Result<Ended, Failure> {
        let ended = self.ended(id, act).await?;
        Ok(if ended == Ended::Gone { Ended::Done } else { ended })
    }

    async fn ended(&self, id: &AccountId, act: AccountAct<'_>) -> Result<Ended, Failure> {
        let request = Request::Account { id, act };
        match self.ask(&request).await? {
            Outcome::Done(answer) => answer.is_googles(request.call()).map(|()| Ended::Done),
            Outcome::Means(Meaning::NotThere) => Ok(Ended::Gone),
            Outcome::Means(Meaning::Unavailable) => Ok(Ended::Refused),
            Outcome::Means(meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld)) => {
                Err(unexpected(request.call(), meaning))
            }
        }
    }

    async fn listed<T: serde::de::DeserializeOwned>(
        &self,
        id: &AccountId,
        act: AccountAct<'_>,
    ) -> Result<Option<T>, Failure> {
        let request = Request::Account { id, act };
        let call = request.call();
        match self.ask(&request).await? {
            Outcome::Means(Meaning::NotThere) => Ok(None),
            outcome @ (Outcome::Done(_) | Outcome::Means(_)) => outcome.done(call)?.decode(call).map(Some),
        }
    }
}

/// More than one run takes away is left for the next one.
fn done_if(is_all: bool) -> Result<Ended, Failure> {
    if is_all {
        return Ok(Ended::Done);
    }
    Err(Failure::not_yet(FailureCode::NotYetConfirmed)
        .with_detail("there are more than are taken away in one go"))
}

#[derive(Deserialize)]
struct WireTokens {
    #[serde(default)]
    items: Vec<WireToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireToken {
    client_id: String,
}

#[derive(Deserialize)]
struct WirePasswords {
    #[serde(default)]
    items: Vec<WirePassword>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePassword {
    code_id: u32,
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
