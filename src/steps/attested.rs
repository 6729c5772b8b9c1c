//! Two things that no API can do or show (`docs/GOOGLE.md` 31, 32): a person does them once per reseller account and says so in the
//! configuration. No account is made before that, so that no paid licence comes with it.
//! Not here: looking at Google; only the configuration is asked, and it is read at the start.

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::Attestation;
use crate::model::transition::Ensured;

/// Automatic licensing is off for the unit.
pub const AUTO_LICENSING: Step = Step {
    name: StepName::AutoLicensing,
    scope: TargetKind::Reseller,
    summary: "a person has confirmed that automatic licensing is off",
    seals_credential: false,
    ensure: |cx| Box::pin(std::future::ready(auto_licensing(cx))),
};

/// The free Cloud Identity subscription was taken.
pub const FREE_SUBSCRIPTION: Step = Step {
    name: StepName::FreeSubscription,
    scope: TargetKind::Reseller,
    summary: "a person has confirmed that the free Cloud Identity subscription was taken",
    seals_credential: false,
    ensure: |cx| Box::pin(std::future::ready(free_subscription(cx))),
};

fn auto_licensing(cx: &Context<'_>) -> Outcome {
    confirmed(cx, cx.site()?.reseller.auto_licensing_off.as_ref(), FailureCode::AutoLicensingUnconfirmed)
}

fn free_subscription(cx: &Context<'_>) -> Outcome {
    confirmed(cx, cx.site()?.reseller.free_subscription.as_ref(), FailureCode::FreeSubscriptionUnconfirmed)
}

/// Where engineers have accounts of their own none is made, and nothing has to be confirmed.
fn confirmed(cx: &Context<'_>, word: Option<&Attestation>, code: FailureCode) -> Outcome {
    match word {
        None if cx.is_home() => Ok(Ensured::default()),
        Some(_) => Ok(Ensured::default()),
        None => Err(Failure::needs(Who::Operator, code)),
    }
}
