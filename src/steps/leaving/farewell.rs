//! Access is gone in every domain, and when it was is noted on the engineer's own row. It asks the store alone, so that it holds for whoever
//! has no address, or is forgotten; the manager of whoever had access is told. Not here: the words (`mail`).

use crate::model::enrollment::{Enrollment, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::steps::{Context, Cost, Outcome, Step, letters};

/// The step.
pub const STEP: Step = Step {
    name: StepName::Farewell,
    scope: TargetKind::Engineer,
    summary: "access is gone in every domain",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let broken = || Failure::transient(FailureCode::StoreUnavailable);
    let key = cx.row.id.engineer().ok_or_else(broken)?;
    let rows = cx.house.store.enrollments_of(key).await.map_err(|_| broken())?;
    let domains: Vec<&Enrollment> = rows.iter().filter(|row| row.id.kind() == TargetKind::Domain).collect();
    if let Some(open) = domains.iter().find(|row| !row.has_lost_access()) {
        let domain = open.id.domain().map_or("", |domain| domain.as_str());
        return Err(Failure::needs(Who::Reseller, FailureCode::LockOutsPending).with_detail(domain));
    }
    let mut ensured = Ensured::default();
    ensured.facts.locked_out_at = domains.iter().filter_map(|row| row.facts.locked_out_at).max();
    // Where nothing was made, or the record is gone, nobody is told anything.
    if ensured.facts.locked_out_at.is_some() && cx.sheet.is_some() {
        ensured.made = letters::to_manager_gone(cx).await?;
    }
    Ok(ensured)
}
