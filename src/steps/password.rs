//! The account opens with the first password that is sealed into the row. The insert has seen to that, so nothing is asked or written;
//! unless an operator has ordered a new one: then it is set, once the account is known to be ours and never to have been signed in to.
//! A repetition after a lost answer sets the same one. Not here: handing it over (`hand_over`).

use super::{Context, Cost, Outcome, Step};
use crate::google::Change;
use crate::model::enrollment::{AccountFact, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Password,
    scope: TargetKind::Domain,
    summary: "the account opens with its first password, or with one of its owner's",
    seals_credential: true,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    if !cx.row.reissue || cx.is_home() {
        return Ok(Ensured::default());
    }
    let fact = cx.row.facts.account.clone().ok_or_else(gone)?;
    let read_at = cx.now();
    let account = cx.known(&fact).await?.ok_or_else(gone)?;
    cx.check_ours(&account).await?;
    match account.never_signed_in() {
        Some(true) => (),
        Some(false) => return Err(Failure::needs(Who::Operator, FailureCode::PasswordInUse)),
        None => {
            return Err(Failure::not_yet(FailureCode::AccountSettling)
                .with_detail("whether somebody has signed in is not shown yet"));
        }
    }
    let password = cx.first_password(cx.row)?;
    match cx.writing(read_at)?.set_password(&fact.id, &password).await? {
        Change::Made(_) => (),
        Change::Gone => return Err(gone()),
    }
    let mut ensured = Ensured { made: true, ..Ensured::default() };
    ensured.facts.account = Some(AccountFact { restored: false, ..fact });
    Ok(ensured)
}

fn gone() -> Failure {
    Failure::needs(Who::Operator, FailureCode::AccountGone)
}
