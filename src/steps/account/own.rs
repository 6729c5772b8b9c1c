//! Our own account that is there before this run makes one: the row knows its id, or the engineer's marker stands in the list of accounts
//! that the username step has read anyway; and one that may be ours and does not show its marker yet. What carepass
//! suspended when the engineer left it lets in again.
//! Not here: one that was deleted (`restore`), and whoever else holds the address (`holder`).

use super::{ensured, granted, is_older};
use crate::google::classify::YOUNG;
use crate::google::{Account, Change};
use crate::model::enrollment::AccountFact;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{Address, EngineerKey};
use crate::steps::house::Guarded;
use crate::steps::username::book;
use crate::steps::{Context, Outcome};

/// The account that the row knows, by its id: under whatever address, it is the row's one account, and no second one is made. None if the
/// row knows none, or it is gone.
pub(super) async fn known(cx: &Context<'_>) -> Result<Option<Outcome>, Failure> {
    let Some(fact) = cx.row.facts.account.as_ref().filter(|fact| !fact.home) else { return Ok(None) };
    let Some(account) = cx.known(fact).await? else { return Ok(None) };
    Ok(Some(welcomed(cx, account).await))
}

/// The account, judged like any other. If carepass itself suspended it when the engineer left, it is let in again first; one that somebody
/// else suspended, or Google, is for a person to look at. It has a password of its own then, and no role.
pub(super) async fn welcomed(cx: &Context<'_>, account: Account) -> Outcome {
    let fact = cx.row.facts.account.as_ref().filter(|fact| fact.id == account.id);
    let locked_out = fact.is_some_and(|fact| fact.suspended_by_us.is_some());
    let let_in = locked_out && account.suspended == Some(true);
    let account = if let_in { let_in_again(cx, &account).await? } else { account };
    let holds_role = cx.check_ours(&account).await?;
    let mut ensured = ensured(cx, &account, false, holds_role);
    ensured.made = let_in;
    if let Some(fact) = &mut ensured.facts.account {
        fact.restored |= locked_out;
    }
    Ok(ensured)
}

/// The account as Google's answer shows it: reads may trail.
async fn let_in_again(cx: &Context<'_>, account: &Account) -> Result<Account, Failure> {
    let read_at = cx.now();
    cx.check_returning(account).await?;
    let fact = cx.row.facts.account.clone().ok_or_else(|| Failure::permanent(FailureCode::AccountGone))?;
    let guarded = Guarded { fact: AccountFact { read_at, ..fact }, holds_role: false };
    match cx.google_for(&guarded)?.unsuspend(&account.id).await? {
        Change::Made(account) => Ok(*account),
        Change::Gone => Err(Failure::not_yet(FailureCode::AccountSettling)),
    }
}

/// The account in the row's domain that carries the engineer's marker, best at the address that is wanted: a carepass that has lost its
/// store, or was installed anew, finds what it made before. The list may be old, so the account is read again.
pub(super) async fn listed(cx: &Context<'_>) -> Result<Option<Account>, Failure> {
    let (site, address, engineer) = (cx.site()?, cx.address()?, &cx.sheet()?.engineer.key);
    let accounts = site.census.accounts(book(cx)).await?;
    let is_ours = |account: &Account| is_in(account, &address, engineer);
    let text = address.to_string();
    let best = accounts.items.iter().filter(|account| is_ours(account));
    let Some(best) = best.max_by_key(|account| account.primary_address == text) else { return Ok(None) };
    Ok(site.google.account_by_id(&best.id).await?.filter(is_ours))
}

/// Whether the account carries the engineer's marker in the domain of the address, under another local part.
pub(super) fn is_elsewhere(account: &Account, address: &Address, engineer: &EngineerKey) -> bool {
    account.deleted.is_none()
        && is_in(account, address, engineer)
        && account.primary_address != address.to_string()
}

/// Whether an earlier run may have made the account that holds the address: it carries no marker, and is no older than the engineer's
/// grant. What Google does not say counts as so.
pub(super) fn may_be(account: &Account, cx: &Context<'_>) -> bool {
    !cx.is_first
        && account.marker.is_none()
        && cx.address().is_ok_and(|address| account.primary_address == address.to_string())
        && !account.created.zip(granted(cx)).is_some_and(|(created, granted)| is_older(created, granted))
}

/// Whether it may and Google may still be about to show the marker.
pub(super) fn may_show(account: &Account, cx: &Context<'_>) -> bool {
    let since = account.created.unwrap_or(cx.since);
    may_be(account, cx) && cx.now().duration_since(since) < YOUNG
}

fn is_in(account: &Account, address: &Address, engineer: &EngineerKey) -> bool {
    let domain = || account.primary_address.rsplit_once('@').map(|(_, domain)| domain);
    // Of thousands hardly one has the marker.
    account.marker.as_deref() == Some(engineer.as_str()) && domain() == Some(address.domain.as_str())
}
