//! The reseller's credentials work, for every scope that is needed, and lead to the pinned customer. A wrong customer id is a real danger:
//! reseller administrators may also act on the customers they resell to (`docs/GOOGLE.md` 35), so the id is compared before anything is
//! written. Scopes are asked for one by one, since one that is missing refuses all that are asked for with it (`docs/GOOGLE.md` 62).
//! Not here: optional scopes, without which nothing stops.

use super::{Context, Cost, Outcome, Site, Step};
use crate::google::call::Scope;
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, FailureKind, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use futures_util::future::join_all;
use jiff::Timestamp;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Credentials,
    scope: TargetKind::Reseller,
    summary: "the credentials work for every scope and lead to the pinned customer",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    probe(site, cx.now(), cx.row.facts.checked_at).await?;
    let customer = site.google.customer().await?.id;
    if customer != site.reseller.customer {
        return Err(
            Failure::needs(Who::Operator, FailureCode::CustomerMismatch).with_detail(customer.as_str())
        );
    }
    let mut ensured = Ensured::default();
    ensured.facts.checked_at = Some(cx.now());
    ensured.facts.customer = Some(customer);
    Ok(ensured)
}

/// Asks for each scope. What passes by itself is tried again later; what a person has to mend is gathered, so that one task names all of
/// it.
async fn probe(site: &Site, now: Timestamp, worked_at: Option<Timestamp>) -> Result<(), Failure> {
    let mut lacking: Vec<(Scope, Failure)> = Vec::new();
    // Side by side: after a start nothing goes on before they have all answered.
    let answers = join_all(Scope::ALL.map(|scope| site.google.probe(scope))).await;
    for (scope, answer) in Scope::ALL.into_iter().zip(answers) {
        match answer {
            Ok(()) => (),
            Err(failure) if failure.kind == FailureKind::Needs(Who::Operator) => {
                lacking.push((scope, failure));
            }
            Err(failure) => return Err(failure),
        }
    }
    let Some((_, first)) = lacking.first().cloned() else {
        site.learned.scopes_work();
        return Ok(());
    };
    let since = site.learned.scopes_lack(now);
    let scopes: Vec<Scope> = lacking.iter().map(|(scope, _)| *scope).collect();
    let detail = describe(&scopes, &first.detail, since, worked_at);
    Err(first.with_list(&detail).with_values(site.google.delegation()))
}

/// Which scopes lack, which work, since when, and whether they ever did.
fn describe(lacking: &[Scope], said: &str, since: Timestamp, worked_at: Option<Timestamp>) -> String {
    let named = |lack: bool| -> Vec<&str> {
        let fits = |scope: &Scope| lacking.contains(scope) == lack;
        Scope::ALL.into_iter().filter(fits).map(Scope::short_name).collect()
    };
    let (lack, work) = (named(true), named(false));
    let shown = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let worked = match worked_at {
        Some(at) => format!("all worked last at {at:.0}"),
        None => "never seen to work".to_owned(),
    };
    format!(
        "refused: {}; working: {}; seen first at {since:.0}, {worked}; Google says: {said}",
        shown(lack),
        shown(work)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_and_what_works_is_said_with_its_times() {
        let since = "2026-11-22T09:16:00Z".parse().unwrap();
        let worked_at = "2026-11-22T08:00:00.5Z".parse().unwrap();
        assert_eq!(
            describe(&[Scope::Licensing], "no", since, Some(worked_at)),
            "refused: apps.licensing; working: admin.directory.user, admin.directory.group.readonly, \
             admin.directory.orgunit, admin.directory.rolemanagement, admin.directory.domain.readonly, \
             admin.directory.customer.readonly, cloud-identity.userinvitations.readonly, \
             admin.directory.user.security; seen first at 2026-11-22T09:16:00Z, all worked last at 2026-11-22T08:00:00Z; Google says: no"
        );
        let nothing = describe(&Scope::ALL, "no", since, None);
        assert!(
            nothing.contains("working: none; seen first at 2026-11-22T09:16:00Z, never seen to work"),
            "{nothing}"
        );
    }
}
