//! Everything was seen in Google's own lists: the account in its unit, active, marked as this engineer's, holding the role. Two bulk
//! reads for the reseller, begun after the role was given, answer for every row that waits for them.
//! Not here: whether the portal lets the engineer in, and mending what is not as it should be.

use super::house::fresh_at;
use super::{Context, Cost, Outcome, Outlook, Step, role};
use crate::google::{Account, Assignment};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use futures_util::future::try_join;
use jiff::SignedDuration;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Verify,
    scope: TargetKind::Domain,
    summary: "everything was seen in Google's own lists",
    seals_credential: false,
    cost,
    ensure: |cx| Box::pin(ensure(cx)),
};

/// The lists are as long as the account has users, so that rows gather for them where many come one after the other: so many times as long
/// as the lists took last, which leaves them a small part of the account's calls.
const GATHER_TIMES: i32 = 30;

/// The least and the most that rows gather; the least also where nobody has read the lists yet.
const GATHER: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(1), SignedDuration::from_mins(3));

fn cost(outlook: &Outlook<'_>) -> Cost {
    let Some((site, at)) = outlook.site.zip(outlook.row.state.at()) else { return Cost::nothing(outlook) };
    let (least, most) = GATHER;
    let gather = site.census.members_took().map_or(least, |took| (took * GATHER_TIMES).clamp(least, most));
    Cost::List { is_at_hand: site.census.has_members(fresh_at(outlook.now, at.since)), gather }
}

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let id = &cx.row.facts.account.as_ref().ok_or_else(gone)?.id;
    let (accounts, assignments) = try_join(
        site.census.accounts(cx.fresh_since(cx.since)),
        site.census.assignments(cx.fresh_since(cx.since)),
    )
    .await?;
    let account = accounts.items.iter().find(|account| account.id == *id).ok_or_else(not_yet)?;
    check(cx, account)?;
    let held: Vec<&Assignment> =
        assignments.items.iter().filter(|held| held.assigned_to == id.as_str()).collect();
    if held.is_empty() {
        return Err(not_yet());
    }
    cx.check_roles(held.iter().copied()).await?;
    if !role::has_the_access(cx, held.iter().copied()).await? {
        return Err(not_yet().with_detail("the role of another profile"));
    }
    if !role::others(cx, held.iter().copied())?.is_empty() {
        return Err(not_yet().with_detail("the role of another profile beside it"));
    }
    Ok(Ensured::default())
}

/// In lists an administrator is known by the role alone, so only here the role does not count against the account.
fn check(cx: &Context<'_>, account: &Account) -> Result<(), Failure> {
    cx.guard(account, true)?;
    if cx.is_home() {
        return Ok(());
    }
    let unit = account.org_unit_path.as_deref().ok_or_else(not_yet)?;
    if unit.to_lowercase() == cx.org_unit()?.as_str().to_lowercase() {
        Ok(())
    } else {
        Err(not_yet().with_detail("another organisational unit"))
    }
}

fn not_yet() -> Failure {
    Failure::not_yet(FailureCode::NotYetConfirmed)
}

fn gone() -> Failure {
    Failure::needs(Who::Operator, FailureCode::AccountGone)
}
