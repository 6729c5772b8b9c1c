//! What the steps that end access share: which account it is about, whether it is ours to lock out, and the acts themselves, each of which
//! may be repeated at will. Where nothing was ever made or tried for a row, Google is asked nothing.
//! Not here: in which order the acts come (`model/plan`), and giving access back (`account`).

pub mod farewell;
pub mod last_look;
pub mod locked_out;
pub mod removal;
pub mod role_off;
pub mod sign_out;
pub mod suspend;

use super::house::Guarded;
use super::{Context, Cost, Step};
use crate::google::classify::YOUNG;
use crate::google::guard::{self, Expected};
use crate::google::{Account, Assignment, Change, Ended, Removal};
use crate::model::enrollment::{AccountFact, TargetKind, Want};
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::{DomainName, EngineerKey};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::planted::planted;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A run of an act that fails passingly so often suspends the account all the same.
const ATTEMPTS_BEFORE_SUSPENDING: u32 = 3;

/// An act that Google puts off for so long suspends the account all the same.
const PUT_OFF_BEFORE_SUSPENDING: SignedDuration = SignedDuration::from_mins(1);

/// An account that access to is ours to end, as it was read.
struct Ours {
    guarded: Guarded,
    account: Account,
}

const fn step(name: StepName, summary: &'static str, ensure: super::Ensure) -> Step {
    Step {
        name,
        scope: TargetKind::Domain,
        summary,
        seals_credential: false,
        cost: Cost::one_of_directory,
        ensure,
    }
}

/// The answer that these steps of the plan hold as well.
fn also(steps: &[StepName]) -> Ensured {
    Ensured { also: steps.iter().copied().collect::<BTreeSet<_>>(), ..Ensured::default() }
}

/// Whether something that was under way when access ended may still come about.
fn is_unfinished(cx: &Context<'_>) -> bool {
    cx.row.leaving.is_some_and(|leaving| leaving.unfinished)
}

/// Whether there is nothing to ask about: no account is known, and none was tried for. At a home reseller nothing is given to an account
/// that the row does not know.
fn is_untouched(cx: &Context<'_>) -> bool {
    cx.row.facts.account.is_none() && (cx.is_home() || !is_unfinished(cx))
}

/// The account that the row knows, or else the one that an unanswered insert may have made: at the address, or with the engineer's marker
/// in a list that began then or later. None if there is none. Errors: what is found is not ours to touch.
async fn find(cx: &Context<'_>, listed_since: Timestamp) -> Result<Option<Ours>, Failure> {
    let read_at = cx.now();
    if let Some(fact) = &cx.row.facts.account {
        let Some(account) = cx.known(fact).await? else { return Ok(None) };
        return ours(cx, account, read_at).map(Some);
    }
    if is_untouched(cx) {
        return Ok(None);
    }
    if let Ok(address) = cx.address()
        && let Some(account) = cx.site()?.google.account_by_address(&address).await?
    {
        return ours(cx, account, read_at).map(Some);
    }
    match listed(cx, listed_since).await? {
        Some(account) => ours(cx, account, read_at).map(Some),
        None => Ok(None),
    }
}

/// Guard 1 for a write to the account of whoever leaves. Errors: as of [`find`], and that it is gone.
pub(super) async fn guarded(cx: &Context<'_>) -> Result<Guarded, Failure> {
    let found = find(cx, cx.since).await?;
    found.map(|ours| ours.guarded).ok_or_else(|| Failure::not_yet(FailureCode::AccountSettling))
}

/// An account in the row's domain that carries the engineer's marker, other than the one that the row knows, read anew.
async fn listed(cx: &Context<'_>, since: Timestamp) -> Result<Option<Account>, Failure> {
    let site = cx.site()?;
    let known = cx.row.facts.account.as_ref().map(|fact| &fact.id);
    let accounts = site.census.accounts(cx.fresh_since(since)).await?;
    let found = accounts.items.iter().find(|account| is_marked(cx, account) && known != Some(&account.id));
    let Some(found) = found else { return Ok(None) };
    Ok(site.google.account_by_id(&found.id).await?.filter(|account| is_marked(cx, account)))
}

fn is_marked(cx: &Context<'_>, account: &Account) -> bool {
    let domain = account.primary_address.rsplit_once('@').map(|(_, domain)| domain);
    let engineer = cx.row.id.engineer().map(EngineerKey::as_str);
    domain == cx.row.id.domain().map(DomainName::as_str)
        && account.marker.is_some()
        && account.marker.as_deref() == engineer
}

/// Guard 1 for ending access.
fn ours(cx: &Context<'_>, account: Account, read_at: Timestamp) -> Result<Ours, Failure> {
    judge(cx, &account)?;
    let known = cx.row.facts.account.clone().filter(|fact| fact.id == account.id);
    let fact = known.unwrap_or_else(|| AccountFact {
        id: account.id.clone(),
        since: account.created.unwrap_or(read_at).min(read_at),
        read_at,
        restored: false,
        home: false,
        suspended_by_us: None,
        given: BTreeSet::new(),
    });
    // Whoever finds it open suspends it, whatever comes between: afterwards nobody can see who it was.
    let is_to_be_ours = cx.row.goal.want == Want::Absent && !fact.home && account.suspended != Some(true);
    let suspended_by_us = fact.suspended_by_us.or(is_to_be_ours.then_some(read_at));
    let fact = AccountFact { read_at, suspended_by_us, ..fact };
    Ok(Ours { guarded: Guarded { fact, holds_role: true }, account })
}

fn judge(cx: &Context<'_>, account: &Account) -> Result<(), Failure> {
    let customer = &cx.site()?.reseller.customer;
    let broken = || Failure::permanent(FailureCode::SealBroken);
    let engineer = cx.row.id.engineer().ok_or_else(broken)?;
    if cx.is_home() {
        let shown = || account.primary_address.parse().ok();
        // The id is the one that was found under the name; the name may have been taken back with the engineer.
        return match cx.home_account().ok().or_else(shown) {
            Some(named) => guard::leaving_home(account, &named, engineer, customer),
            None => Err(broken()),
        };
    }
    let is_known = cx.row.facts.account.as_ref().is_some_and(|known| known.id == account.id);
    match &cx.address() {
        Ok(address) => guard::leaving(account, &Expected { address, engineer, customer }),
        Err(_) if is_known => guard::leaving_known(account, engineer, customer),
        Err(failure) => Err(failure.clone()),
    }
}

/// What the account holds and is not to hold: everything of our own account, and of an engineer's own only the roles that carepass gives.
async fn roles_to_end(cx: &Context<'_>, fact: &AccountFact) -> Result<Vec<Assignment>, Failure> {
    if fact.home { of_ours(cx, fact).await } else { cx.google()?.assignments_of(&fact.id).await }
}

/// The roles that carepass gives, or gave, and no others.
async fn of_ours(cx: &Context<'_>, fact: &AccountFact) -> Result<Vec<Assignment>, Failure> {
    let roles = cx.roles()?;
    let mut held = cx.google()?.assignments_of(&fact.id).await?;
    held.retain(|held| roles.contains(&held.role) && held.customer_wide);
    Ok(held)
}

/// Takes away what carepass gave, and leaves everything else as it is. Errors: as of [`guarded`].
pub(super) async fn take_back(cx: &Context<'_>) -> Result<(), Failure> {
    let guarded = guarded(cx).await?;
    let held = of_ours(cx, &guarded.fact).await?;
    take_away(cx, &guarded, &held).await.map(|_| ())
}

/// Takes these roles away; answers whether any was there.
async fn take_away(cx: &Context<'_>, guarded: &Guarded, held: &[Assignment]) -> Result<bool, Failure> {
    let google = cx.google_for(guarded)?;
    let mut made = false;
    for assignment in held {
        made |= google.take_away(&assignment.id).await? == Removal::Done;
    }
    Ok(made)
}

/// Ends sessions, locks out programs and application passwords, and makes backup codes worthless. What Google refuses of an account that is
/// suspended is no way in.
async fn end_sessions(cx: &Context<'_>, guarded: &Guarded) -> Result<(), Failure> {
    let (google, id) = (cx.google_for(guarded)?, &guarded.fact.id);
    let ended = [
        google.sign_out(id).await?,
        google.revoke_tokens(id).await?,
        google.delete_application_passwords(id).await?,
    ];
    // Last, and refused as Google likes (`docs/GOOGLE.md` 77, 89): without a password, and of a suspended account, they open nothing.
    google.invalidate_backup_codes(id).await?;
    if ended.contains(&Ended::Gone) {
        return gone(cx, &guarded.fact);
    }
    if !ended.contains(&Ended::Refused) {
        return Ok(());
    }
    match cx.known(&guarded.fact).await? {
        Some(account) if account.suspended != Some(true) => {
            Err(Failure::not_yet(FailureCode::NotYetConfirmed)
                .with_detail("Google refuses to end the sessions"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Suspends the account.
async fn suspend_account(cx: &Context<'_>, guarded: &Guarded) -> Result<(), Failure> {
    if planted!(LeavesAccountOpen) {
        return Ok(());
    }
    match cx.google_for(guarded)?.suspend(&guarded.fact.id).await? {
        Change::Made(_) => Ok(()),
        Change::Gone => gone(cx, &guarded.fact),
    }
}

/// Everything at once, for an account that was found open after it had been locked out.
async fn lock_out_again(cx: &Context<'_>, ours: &Ours, held: &[Assignment]) -> Result<(), Failure> {
    take_away(cx, &ours.guarded, held).await?;
    if ours.guarded.fact.home || ours.account.suspended == Some(true) {
        return Ok(());
    }
    let ended = end_sessions(cx, &ours.guarded).await;
    suspend_account(cx, &ours.guarded).await?;
    ended
}

/// An account that Google does not find is gone, unless it is too young to be found everywhere.
fn gone(cx: &Context<'_>, fact: &AccountFact) -> Result<(), Failure> {
    if cx.now().duration_since(fact.since) < YOUNG {
        return Err(Failure::not_yet(FailureCode::AccountSettling));
    }
    Ok(())
}

/// Whatever else cannot be done, nobody signs in to our own account any more while a person looks.
async fn suspended_at_least(cx: &Context<'_>, guarded: &Guarded, failure: Failure) -> Failure {
    let passes = match failure.kind {
        FailureKind::Transient => cx.attempt < ATTEMPTS_BEFORE_SUSPENDING,
        // What Google puts off for longer must not keep the account open.
        FailureKind::Throttled | FailureKind::NotYet => {
            cx.now().duration_since(cx.since) < PUT_OFF_BEFORE_SUSPENDING
                && cx.row.state.at().is_none_or(|at| at.waited_for.is_none())
        }
        FailureKind::Needs(_) | FailureKind::Permanent => false,
    };
    if !passes && !guarded.fact.home && suspend_account(cx, guarded).await.is_ok() {
        return remembered(guarded, failure.and_detail("the account is suspended meanwhile"));
    }
    remembered(guarded, failure)
}

/// The failure, with what was seen of the account: by the next look carepass may have suspended it, whatever it has heard of that. What
/// comes next reads it anew.
fn remembered(guarded: &Guarded, failure: Failure) -> Failure {
    failure.having_seen(AccountFact { read_at: Timestamp::UNIX_EPOCH, ..guarded.fact.clone() })
}

/// Whether the account is open: somebody can sign in to our own, or it holds what it is not to hold.
fn is_open(ours: &Ours, held: &[Assignment]) -> bool {
    !held.is_empty() || !ours.guarded.fact.home && ours.account.suspended != Some(true)
}
