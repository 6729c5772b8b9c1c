//! Two things that no API can do (`docs/GOOGLE.md` 31, 32): a person does them once per reseller account and says so, in the configuration
//! or on the task; or carepass sees it, in the audit log and in the list of licences. No account is made before that, so that no paid
//! licence comes with it. What shows itself to be on later takes an earlier word back.
//! Not here: what a word is good for (`model/word`).

use super::optional::optional;
use super::{Context, Outcome, Step};
use crate::google::Audited;
use crate::google::activities::audited;
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, Word, standing};
use jiff::{SignedDuration, Timestamp};

/// How far back the audit log is read: Google keeps it for six months.
const LOG_AGE_MAX: SignedDuration = SignedDuration::from_hours(179 * 24);

/// Automatic licensing is off for the unit.
pub const AUTO_LICENSING: Step = Step {
    name: StepName::AutoLicensing,
    scope: TargetKind::Reseller,
    summary: "automatic licensing is known to be off",
    seals_credential: false,
    ensure: |cx| Box::pin(auto_licensing(cx)),
};

/// The free Cloud Identity subscription was taken.
pub const FREE_SUBSCRIPTION: Step = Step {
    name: StepName::FreeSubscription,
    scope: TargetKind::Reseller,
    summary: "the free Cloud Identity subscription is known to be taken",
    seals_credential: false,
    ensure: |cx| Box::pin(free_subscription(cx)),
};

async fn auto_licensing(cx: &Context<'_>) -> Outcome {
    // Where engineers have accounts of their own none is made, and nothing has to be so before that.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let (site, subject) = (cx.site()?, Subject::AutoLicensing);
    let changes = optional(cx, site.google.licensing_changes(cx.now() - LOG_AGE_MAX).await)?;
    let path = cx.row.facts.org_unit_path.as_ref().unwrap_or(&site.reseller.org_unit);
    let seen = audited(&changes.unwrap_or_default(), path.as_str());
    let mut ensured = Ensured::default();
    if let Audited::On(at) = seen {
        ensured.facts.auto_licensing_on_at = Some(at);
    }
    let mut facts = cx.row.facts.clone();
    facts.learn((*ensured.facts).clone());
    let said = standing(subject, &site.reseller, &facts);
    let code = match said {
        Standing::Confirmed => return Ok(ensured),
        Standing::TakenBack => FailureCode::AutoLicensingOn,
        Standing::Unsaid => FailureCode::AutoLicensingUnconfirmed,
    };
    let evidence = match seen {
        Audited::Off(at) if facts.auto_licensing_on_at.is_none_or(|on_at| on_at < at) => {
            ensured.facts.words.insert(subject, seen_at(cx, at, "the audit log says so"));
            return Ok(ensured);
        }
        Audited::Off(at) => format!("audit log: turned off at {at}"),
        Audited::On(at) => format!("audit log: turned on at {at}"),
        Audited::Unclear(entry) => entry,
        Audited::Silent => String::new(),
    };
    let shown = facts.auto_licensing_on_at.map(|at| format!("seen on at {at}")).unwrap_or_default();
    Err(Failure::needs(Who::Operator, code).with_detail(&format!("{shown} {evidence}")))
}

async fn free_subscription(cx: &Context<'_>) -> Outcome {
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let (site, subject) = (cx.site()?, Subject::FreeSubscription);
    let mut ensured = Ensured::default();
    if standing(subject, &site.reseller, &cx.row.facts) == Standing::Confirmed {
        return Ok(ensured);
    }
    if optional(cx, site.google.is_free_license_held().await)? == Some(true) {
        ensured.facts.words.insert(subject, seen_at(cx, cx.now(), "an account holds Cloud Identity Free"));
        return Ok(ensured);
    }
    Err(Failure::needs(Who::Operator, FailureCode::FreeSubscriptionUnconfirmed))
}

/// What carepass saw itself counts like a word.
fn seen_at(cx: &Context<'_>, at: Timestamp, what: &str) -> Word {
    Word::about(&cx.row.facts, None, at, what.to_owned())
}
