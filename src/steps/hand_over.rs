//! First passwords are ready to be handed over: an envelope is made for all that the engineer has not been handed yet. What goes by a
//! page stays sealed in the rows until somebody opens it; what was wrapped in Vault or written for recipients is destroyed here, and
//! so is what nobody is to have. Made again after a crash, it is the same envelope or the next one, and an older one opens nothing.
//! Not here: the letter (`welcome`) and the page (`engine/envelope`).

use super::{Context, Cost, House, Outcome, Step, welcome};
use crate::handover::{FirstPassword, VaultError};
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, TargetKind};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::handover::{Delivery, Handover, Wrapped};
use crate::model::id::{Address, DomainName};
use crate::model::plan::StepName;
use crate::model::rules::later;
use crate::model::transition::Ensured;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

/// The step.
pub const STEP: Step = Step {
    name: StepName::HandOver,
    scope: TargetKind::Engineer,
    summary: "the first passwords are ready to be handed over",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let made = envelope(cx, &welcome::accounts(cx).await?.rows).await?;
    Ok(Ensured { made, ..Ensured::default() })
}

/// Makes an envelope for the first passwords that these rows of the engineer hold, if the last one is not still good for them; answers
/// whether it did.
pub(super) async fn envelope(cx: &Context<'_>, rows: &[Enrollment]) -> Result<bool, Failure> {
    let key = &cx.sheet()?.engineer.key;
    let stored = cx.house.store.engineer(key).await;
    let engineer = stored.ok().flatten().ok_or_else(store_away)?;
    let owed: Vec<&Enrollment> = rows.iter().filter(|row| row.holds_first_password()).collect();
    let ways: BTreeMap<DomainName, Delivery> =
        owed.iter().filter_map(|row| Some((row.id.domain()?.clone(), way(cx.house, row)?))).collect();
    if ways.is_empty() || is_still_good(&engineer, &ways, cx) {
        return Ok(false);
    }
    let issue = engineer.handover.as_ref().map_or(1, |last| last.issue.saturating_add(1));
    let now = cx.now();
    // Days before the first day count for nobody. The letter of this run goes to the contact of the sheet.
    let stated = &cx.sheet()?.engineer.stated;
    let counts_from = stated.starts.map_or(now, |starts| starts.max(now));
    let handover = Handover {
        issue,
        revision: stated.goal.revision,
        issued_at: now,
        expires_at: later(counts_from, cx.house.handovers.expires),
        opened_at: None,
        lapsed_at: None,
        wrapped: wrap(cx, issue, &owed).await?,
        ways,
    };
    write(cx, issue, &owed).await?;
    let handed = owed.iter().filter(|row| way(cx.house, row).is_some_and(|way| way != Delivery::Link));
    let mut changes: Vec<Change> = handed.map(|row| destroyed(row)).collect();
    let version = engineer.version + 1;
    let handover = Some(Box::new(handover));
    changes.push(Change::Engineer(Box::new(Engineer { version, handover, ..engineer })));
    // Whoever was faster has said something new: the next run looks at that.
    cx.house.store.commit(Commit::new(now, Actor::Engine, changes)).await.map_err(|_| store_away())?;
    Ok(true)
}

/// The change that takes the sealed password out of a row.
pub(crate) fn destroyed(row: &Enrollment) -> Change {
    Change::Enrollment { from: Some(row.version), row: Box::new(row.without_credential()) }
}

/// Whether the last envelope can still be opened, is for all of these domains, and was not made for another contact.
fn is_still_good(engineer: &Engineer, ways: &BTreeMap<DomainName, Delivery>, cx: &Context<'_>) -> bool {
    engineer.handover.as_ref().is_some_and(|last| {
        last.is_open(cx.now())
            && engineer.changed.contact <= last.revision
            && ways.iter().all(|(domain, way)| *way == Delivery::Link && last.ways.get(domain) == Some(way))
    })
}

fn way(house: &House, row: &Enrollment) -> Option<Delivery> {
    row.id.reseller().and_then(|name| house.sites.get(name)).map(|site| site.reseller.handover)
}

async fn wrap(cx: &Context<'_>, issue: u32, owed: &[&Enrollment]) -> Result<Option<Wrapped>, Failure> {
    let passwords = passwords(cx, owed, Delivery::Vault)?;
    if passwords.is_empty() {
        return Ok(None);
    }
    let vault = cx.house.handovers.vault.as_ref();
    let vault = vault.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::VaultRefused))?;
    let asked_at = cx.now();
    let wrapping = vault.wrap(&passwords).await.map_err(|error| match error {
        VaultError::Unavailable(why) => Failure::transient(FailureCode::VaultUnavailable).with_detail(&why),
        VaultError::Refused(why) => {
            Failure::needs(Who::Operator, FailureCode::VaultRefused).with_detail(&why)
        }
    })?;
    let sheet = cx.sheet()?;
    let place = House::wrapped_place(&sheet.engineer.key, issue);
    let token = wrapping.token.expose_secret().as_bytes();
    let sealed = cx.house.sealer.seal(&sheet.data_key, &place, token);
    let token = sealed.map_err(|_| Failure::permanent(FailureCode::SealBroken))?;
    Ok(Some(Wrapped { token, expires_at: later(asked_at, wrapping.ttl) }))
}

async fn write(cx: &Context<'_>, issue: u32, owed: &[&Enrollment]) -> Result<(), Failure> {
    let passwords = passwords(cx, owed, Delivery::Age)?;
    if passwords.is_empty() {
        return Ok(());
    }
    let failed = || Failure::needs(Who::Operator, FailureCode::HandOverFailed);
    let age = cx.house.handovers.age.as_ref().ok_or_else(failed)?;
    let written = age.write(&cx.sheet()?.engineer.key, issue, &passwords).await;
    written.map_err(|error| failed().with_detail(&error.kind().to_string()))
}

fn passwords(
    cx: &Context<'_>,
    owed: &[&Enrollment],
    chosen: Delivery,
) -> Result<Vec<FirstPassword>, Failure> {
    let of_way = owed.iter().filter(|row| way(cx.house, row) == Some(chosen));
    of_way.map(|row| first_password(cx, row)).collect()
}

fn first_password(cx: &Context<'_>, row: &Enrollment) -> Result<FirstPassword, Failure> {
    let pair = cx.sheet()?.username.clone().zip(row.id.domain().cloned());
    let (local_part, domain) = pair.ok_or_else(store_away)?;
    let address = Address { local_part, domain: domain.clone() }.to_string();
    Ok(FirstPassword { domain, address, password: cx.first_password(row)? })
}

fn store_away() -> Failure {
    Failure::transient(FailureCode::StoreUnavailable)
}
