//! The account has the free Cloud Identity licence. Where the licence comes by itself with the account, assigning it fails for ever
//! (`docs/GOOGLE.md` 2); that is learned by three spaced refusals and a control call that works, and remembered.
//! Not here: buying seats, and paid licences (`no_paid_license`).

use super::house::Guarded;
use super::learned::Lesson;
use super::{Context, Cost, Outcome, Outlook, Site, Step};
use crate::google::{FreeLicense, Quota};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode};
use crate::model::plan::StepName;
use crate::model::reseller::LicenseMode;
use crate::model::transition::Ensured;
use jiff::Timestamp;

/// The step.
pub const STEP: Step = Step {
    name: StepName::License,
    scope: TargetKind::Domain,
    summary: "the account has the free licence",
    seals_credential: false,
    cost,
    ensure: |cx| Box::pin(ensure(cx)),
};

fn cost(outlook: &Outlook<'_>) -> Cost {
    match outlook.site {
        Some(site) if is_assigned(site, outlook.now) => Cost::Turns { now: &[Quota::Licensing], soon: &[] },
        Some(_) | None => Cost::nothing(outlook),
    }
}

/// Whether the licence is assigned to each account, as far as is known.
pub(super) fn is_assigned(site: &Site, now: Timestamp) -> bool {
    !site.reseller.home && site.license_mode(now) != LicenseMode::Site
}

async fn ensure(cx: &Context<'_>) -> Outcome {
    // An engineer's own account has the licences of its own work.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let site = cx.site()?;
    match site.license_mode(cx.now()) {
        LicenseMode::Site => Ok(Ensured::default()),
        mode @ (LicenseMode::Auto | LicenseMode::PerUser) => assign(cx, site, mode).await,
    }
}

async fn assign(cx: &Context<'_>, site: &Site, mode: LicenseMode) -> Outcome {
    let guarded = cx.guarded().await?;
    let is_new = match cx.google_for(&guarded)?.assign_free(&cx.address()?).await? {
        FreeLicense::Made => true,
        FreeLicense::Found => false,
        FreeLicense::Unavailable if mode == LicenseMode::PerUser => return Err(site.google.slow_licensing()),
        FreeLicense::Unavailable => return refused(cx, site, guarded).await,
    };
    site.learned.license_worked(cx.now());
    Ok(guarded.ensured(is_new))
}

/// "Unavailable" is a quota, an outage, or for ever, where nobody has said how the licence comes. The last is believed once nothing else
/// has been heard for a while from an API that answers other questions: a list of it has just been read.
async fn refused(cx: &Context<'_>, site: &Site, guarded: Guarded) -> Outcome {
    match site.learned.license_refused(cx.now(), cx.house.license_spacing) {
        Lesson::ForEver => {
            site.census.paid_licenses(cx.fresh_since(Timestamp::MIN)).await?;
            site.learned.note_site_licensed(cx.now());
            Ok(guarded.ensured(false))
        }
        Lesson::Doubt => Err(Failure::transient(FailureCode::BackendError)),
        Lesson::Trouble => Err(site.google.slow_licensing()),
    }
}
