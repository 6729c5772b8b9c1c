//! The account has no paid licence of the products in which it is looked for (`docs/GOOGLE.md` 47). One bulk read for the reseller,
//! begun after the account was made, answers for every row that waits for it. What is found is taken away if the operator listed its
//! SKU and the account passes guard 1; else it is a question for the operator. That Google refuses to take one away proves that
//! automatic licensing is on (`docs/GOOGLE.md` 5).
//! Whoever leaves is looked at once more: the end may have come before this step, or automatic licensing after it.
//! Not here: watching the account after this one look (`engine/watch`).

use super::house::{Guarded, fresh_at};
use super::{Context, Cost, Outcome, Outlook, Step, leaving, license, two_step};
use crate::google::{Fresh, PaidLicense};
use crate::model::enrollment::{TargetKind, Want};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::LicenseSku;
use crate::model::plan::StepName;
use crate::model::reseller::Reseller;
use crate::model::transition::Ensured;
use crate::planted::planted;
use jiff::SignedDuration;

/// The step.
pub const STEP: Step = Step {
    name: StepName::NoPaidLicense,
    scope: TargetKind::Domain,
    summary: "the account has no paid licence",
    seals_credential: false,
    cost,
    ensure: |cx| Box::pin(ensure(cx)),
};

/// The list takes a turn of the API that grants the fewest, so that rows gather for it: as long as lets the account, which was made a
/// moment before, have its role while the answer of its insert still counts as a look (guard 1).
const GATHER: SignedDuration = SignedDuration::from_secs(35);

/// The same where the licence comes with the site, and nobody else wants that API's turns.
const GATHER_AT_SITE: SignedDuration = SignedDuration::from_secs(2);

fn cost(outlook: &Outlook<'_>) -> Cost {
    let account = outlook.row.facts.account.as_ref();
    let (Some(site), Some(account), Want::Present) = (outlook.site, account, outlook.row.goal.want) else {
        return Cost::nothing(outlook);
    };
    if account.home {
        return Cost::nothing(outlook);
    }
    let fresh = fresh_at(outlook.now, account.since);
    let gather = if license::is_assigned(site, outlook.now) { GATHER } else { GATHER_AT_SITE };
    Cost::List { is_at_hand: site.census.has_paid_licenses(fresh), gather }
}

/// Where nothing is waited for before the role, the next step holds with this one.
async fn ensure(cx: &Context<'_>) -> Outcome {
    let mut ensured = looked_at(cx).await?;
    if cx.row.goal.want == Want::Present {
        ensured.also.extend(two_step::held(cx)?);
    }
    Ok(ensured)
}

async fn looked_at(cx: &Context<'_>) -> Outcome {
    // An engineer's own account has the licences of its own work; and whoever left before there was an account has none.
    let has_none = cx.row.goal.want == Want::Absent && cx.row.facts.account.is_none();
    if cx.is_home() || has_none || planted!(PaidLicenceStays) {
        return Ok(Ensured::default());
    }
    // A leaver's account may be older than a day, and is not watched then: what was bought up to now is to be seen.
    let made = cx.row.facts.account.as_ref().filter(|_| cx.row.goal.want == Want::Present);
    let found = held(cx, cx.fresh_since(made.map_or(cx.since, |account| account.since))).await?;
    let Some(first) = found.first() else { return Ok(Ensured::default()) };
    let removable = removable(&cx.site()?.reseller, &found);
    if removable.is_empty() {
        return Err(a_question(first));
    }
    let (guarded, made) = remove(cx, &removable).await?;
    match held(cx, cx.fresh_since(cx.now())).await?.first() {
        None => Ok(guarded.ensured(made)),
        Some(left) if removable.iter().any(|license| left.is(license)) => {
            Err(Failure::not_yet(FailureCode::NotYetConfirmed).with_detail("taken away, and still listed"))
        }
        Some(left) => Err(a_question(left)),
    }
}

/// The paid licences of the row's account.
async fn held(cx: &Context<'_>, fresh: Fresh) -> Result<Vec<PaidLicense>, Failure> {
    let address = cx.address()?.to_string();
    let listed = cx.site()?.census.paid_licenses(fresh).await?;
    Ok(listed.items.iter().filter(|license| license.address == address).cloned().collect())
}

/// Those that the operator listed; none where the account is the engineer's own.
fn removable<'a>(reseller: &'a Reseller, found: &[PaidLicense]) -> Vec<&'a LicenseSku> {
    if reseller.home {
        return Vec::new();
    }
    let listed = reseller.removable_licenses.iter();
    listed.filter(|license| found.iter().any(|found| found.is(license))).collect()
}

/// Takes them away; answers whether there was one to take.
async fn remove(cx: &Context<'_>, licenses: &[&LicenseSku]) -> Result<(Guarded, bool), Failure> {
    let guarded = match cx.row.goal.want {
        Want::Present => cx.guarded().await?,
        Want::Absent => leaving::guarded(cx).await?,
    };
    let (google, address) = (cx.google_for(&guarded)?, cx.address()?);
    let mut made = false;
    for license in licenses {
        made |= google.remove_license(&address, license).await?;
    }
    Ok((guarded, made))
}

fn a_question(found: &PaidLicense) -> Failure {
    let found_one = Failure::needs(Who::Operator, FailureCode::PaidLicenseFound);
    found_one.with_detail(&format!("{} {}", found.product, found.sku))
}
