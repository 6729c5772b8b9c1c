//! Our own account that somebody deleted in the last 20 days: it is brought back under its id and then judged like any other. Before a
//! first insert the list of deleted accounts is looked at that the username step has read anyway.
//! Not here: what else can hold an address (`holder`), and giving it a new password, which never happens.

use super::own;
use crate::google::{Account, Snapshot};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{AccountId, EngineerKey};
use crate::steps::username::book;
use crate::steps::{Context, Outcome};
use std::sync::Arc;

/// The deleted accounts, as an address book may be old; read anew where Google has refused to restore one of them, and where the row's own
/// account is gone, which may have been deleted since.
pub(super) async fn shelf(cx: &Context<'_>) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
    let refused = cx.row.state.at().and_then(|at| at.waited_for) == Some(FailureCode::RestoreRefused);
    let fresh = if refused || cx.row.facts.account.is_some() { cx.fresh_since(cx.since) } else { book(cx) };
    cx.site()?.census.deleted(fresh).await
}

/// Our own among them.
pub(super) fn ours<'a>(deleted: &'a [Account], cx: &Context<'_>) -> Result<Option<&'a Account>, Failure> {
    latest(deleted, &cx.sheet()?.engineer.key, &cx.address()?.to_string())
}

/// The one with the engineer's marker and address that was deleted last. Several may have had the address (`docs/GOOGLE.md` 64); of two
/// that were deleted at the same time none is taken.
fn latest<'a>(
    deleted: &'a [Account],
    engineer: &EngineerKey,
    address: &str,
) -> Result<Option<&'a Account>, Failure> {
    let is_ours = |account: &&Account| {
        account.primary_address == address && account.marker.as_deref() == Some(engineer.as_str())
    };
    let mut ours: Vec<&Account> = deleted.iter().filter(is_ours).collect();
    ours.sort_by_key(|account| std::cmp::Reverse(account.deleted));
    match ours.as_slice() {
        [first, second, ..] if first.deleted == second.deleted => {
            Err(refused("two deleted accounts are this engineer's, and neither was deleted later"))
        }
        [first, ..] => Ok(Some(first)),
        [] => Ok(None),
    }
}

/// Restores it and looks. What Google refuses may have been done by an earlier call whose answer was lost, so it is looked for then too.
pub(super) async fn ensure(cx: &Context<'_>, id: &AccountId) -> Outcome {
    let site = cx.site()?;
    let restored = site.google.restore_account(id, cx.org_unit()?).await;
    match restored {
        Err(failure) if failure.code != FailureCode::RestoreRefused => return Err(failure),
        Ok(()) | Err(_) => (),
    }
    let account = site.google.account_by_id(id).await?;
    match (account, restored) {
        (Some(account), restored) => {
            let mut ensured = own::welcomed(cx, account).await?;
            ensured.made |= restored.is_ok();
            Ok(ensured)
        }
        (None, Ok(())) => Err(Failure::not_yet(FailureCode::AccountSettling)),
        (None, Err(failure)) => Err(failure),
    }
}

/// No seat is left, and a deleted account of the engineer's keeps one: under another address, or it would have been restored.
pub(super) fn instead_of_a_seat(failure: Failure, deleted: &[Account], cx: &Context<'_>) -> Failure {
    let key = cx.sheet.map(|sheet| sheet.engineer.key.as_str());
    let is_ours = |account: &Account| account.marker.is_some() && account.marker.as_deref() == key;
    if failure.code == FailureCode::SeatsSpent && deleted.iter().any(is_ours) {
        return failure.with_detail(
            "a deleted account of this engineer, with another address, keeps a seat: restore it by hand or wait for the 20 days",
        );
    }
    failure
}

fn refused(why: &str) -> Failure {
    Failure::needs(Who::Operator, FailureCode::RestoreRefused).with_detail(why)
}
