//! The account holds the role of the engineer's profile: the last write of joining. Right before it the account is known to be ours and
//! unspoilt (guard 1), and the role's definition, at most five minutes old, is still within what was approved (guard 3): what is pinned,
//! or what the role could do at the set-up. One of Google's legacy roles for support does as well as that of support cases and needs no
//! grant. Where the profile has changed the new role is given first; then the roles of the other profiles are taken away, and no others:
//! those that are configured, and those that the row remembers to have given.
//! Not here: choosing the roles (`reseller_role`), and the end of access.

use super::house::ROLE_AGE_MAX;
use super::{Context, Cost, Outcome, Step, leaving};
use crate::google::role::{self, Chosen};
use crate::google::{Assignment, Given};
use crate::model::enrollment::{AccountFact, TargetKind};
use crate::model::event::Profile;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::RoleId;
use crate::model::plan::StepName;
use crate::planted::planted;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Role,
    scope: TargetKind::Domain,
    summary: "the account holds the role",
    seals_credential: false,
    cost: Cost::one_of_directory,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    if let Err(unconfigured) = cx.role_choice() {
        return Err(without(cx, unconfigured).await);
    }
    let id = cx.role()?;
    if !is_approved(cx, cx.now() - ROLE_AGE_MAX).await? && !is_approved(cx, cx.now()).await? {
        return Err(
            Failure::needs(Who::Operator, FailureCode::RoleMissing).with_detail("another role than before")
        );
    }
    let guarded = cx.guarded().await?;
    let (google, account) = (cx.google_for(&guarded)?, &guarded.fact.id);
    let held = if guarded.holds_role { google.assignments_of(account).await? } else { Vec::new() };
    // What was added since the guard looked is nobody's to pass over.
    cx.check_roles(&held).await?;
    let (mut made, has_access) = (false, has_the_access(cx, &held).await?);
    if !has_access {
        let given = google.give(account, id).await;
        made = given.is_err() && planted!(UnansweredIsDone) || given? == Given::Made;
    }
    for other in others(cx, &held)? {
        google.take_away(&other.id).await?;
        made = true;
    }
    let mut fact = guarded.fact.clone();
    // Whoever has the access by one of Google's legacy roles was given nothing.
    if !has_access || held.iter().any(|held| held.role == *id) {
        fact.given.insert(id.clone());
    }
    let mut ensured = guarded.ensured(made);
    // It holds a role now: whoever writes to it next has to see which.
    ensured.facts.account = Some(AccountFact { read_at: Timestamp::UNIX_EPOCH, ..fact });
    Ok(ensured)
}

/// The profile has no role here. Where HR has changed it, what the account was given for the one before is taken away, and nothing is
/// given instead; then a person is asked. What only the configuration has changed takes nothing from anybody.
pub(super) async fn without(cx: &Context<'_>, unconfigured: Failure) -> Failure {
    let has_moved = cx.sheet.is_some_and(|sheet| sheet.engineer.changed.profile > 0);
    let is_given = cx.row.facts.account.is_some() && unconfigured.code == FailureCode::ProfileUnconfigured;
    if !has_moved || !is_given {
        return unconfigured;
    }
    match leaving::take_back(cx).await {
        Ok(()) => unconfigured.with_detail("the role of the profile before is taken away"),
        Err(failure) => failure,
    }
}

/// Whether the account has what its engineer's profile gives, by the role or by one of Google's legacy ones.
pub(super) async fn has_the_access<'h>(
    cx: &Context<'_>,
    held: impl IntoIterator<Item = &'h Assignment> + Clone,
) -> Result<bool, Failure> {
    let id = cx.role()?;
    if held.clone().into_iter().any(|held| held.role == *id && held.customer_wide) {
        return Ok(true);
    }
    let held: Vec<&Assignment> = held.into_iter().filter(|held| held.customer_wide).collect();
    if held.is_empty() || cx.sheet()?.engineer.stated.profile != Profile::SupportCases {
        return Ok(false);
    }
    let legacy = legacy(cx).await?;
    Ok(held.iter().any(|held| legacy.contains(&held.role)))
}

/// Those of our own roles that the account holds and the profile does not give.
pub(super) fn others<'h>(
    cx: &Context<'_>,
    held: impl IntoIterator<Item = &'h Assignment>,
) -> Result<Vec<&'h Assignment>, Failure> {
    let (id, ours) = (cx.role()?, cx.roles()?);
    Ok(held.into_iter().filter(|held| held.role != *id && ours.contains(&held.role)).collect())
}

/// Whether the role that the set-up resolved is still the one that the configuration means, in a list at most so old. A list from
/// before the role was made does not know it, hence the second, fresh look above. Errors: it may do more than was approved, or, where
/// nothing is pinned, more than when the set-up looked at it.
async fn is_approved(cx: &Context<'_>, not_before: Timestamp) -> Result<bool, Failure> {
    let (choice, known) = (cx.role_choice()?, cx.role_fact()?);
    let roles = cx.site()?.census.roles(not_before).await?;
    let role = match role::choose(choice, &roles.items)? {
        Chosen::Use(role) if role.id == known.id => role,
        Chosen::Use(_) | Chosen::Create { .. } | Chosen::Propose { .. } => return Ok(false),
    };
    match &known.privileges {
        Some(before) => role::unchanged(choice, &role, before)?,
        None if choice.privileges().is_empty() => {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        None => (),
    }
    Ok(true)
}

/// The roles of Google's whose holders have the access already (`docs/GOOGLE.md` 68).
pub(super) async fn legacy(cx: &Context<'_>) -> Result<BTreeSet<RoleId>, Failure> {
    let roles = cx.site()?.census.roles(cx.now() - ROLE_AGE_MAX).await?;
    Ok(roles.items.iter().filter(|role| role::is_legacy_access(role)).map(|role| role.id.clone()).collect())
}
