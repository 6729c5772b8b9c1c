//! The account has the free Cloud Identity licence. Where the licence comes by itself with the account, assigning it fails for ever
//! (`docs/GOOGLE.md` 2); that is learned by three spaced tries and a control call that works, and remembered.

use super::{Context, Outcome, Site, Step};
use crate::google::FreeLicense;
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode};
use crate::model::plan::StepName;
use crate::model::reseller::LicenseMode;
use crate::model::transition::Ensured;

/// Tries before "for ever" is believed (`docs/GOOGLE.md` 3).
const TRIES: u32 = 3;

/// The step.
pub const STEP: Step = Step {
    name: StepName::License,
    scope: TargetKind::Domain,
    summary: "the account has the free licence",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    match site.license_mode() {
        LicenseMode::Site => Ok(Ensured::default()),
        mode @ (LicenseMode::Auto | LicenseMode::PerUser) => assign(cx, site, mode).await,
    }
}

async fn assign(cx: &Context<'_>, site: &Site, mode: LicenseMode) -> Outcome {
    let guarded = cx.guarded().await?;
    match cx.google()?.assign_free(&cx.address()?).await? {
        FreeLicense::Made => Ok(guarded.ensured(true)),
        FreeLicense::Found => Ok(guarded.ensured(false)),
        FreeLicense::Unavailable if mode == LicenseMode::Auto && cx.attempt >= TRIES => {
            site.census.paid_licenses(cx.now()).await?;
            site.learned.note_site_licensed();
            Ok(guarded.ensured(false))
        }
        FreeLicense::Unavailable => Err(Failure::transient(FailureCode::BackendError)),
    }
}
