//! The account exists and is ours. The very first run inserts without asking: names are known free from bulk lists, and Google's own
//! 409 is the last word. Every other run looks first, since the answer of an earlier insert may have been lost.
//! Not here: giving up a name that somebody else turns out to hold; a person decides that.

use super::{Context, Outcome, Site, Step};
use crate::google::{Account, Creation, NewAccount};
use crate::model::enrollment::{AccountFact, Enrollment, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::Address;
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, standing};
use futures_util::future::try_join;
use jiff::Timestamp;
use secrecy::SecretString;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Account,
    scope: TargetKind::Domain,
    summary: "the account exists and is ours",
    seals_credential: true,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    if !may_begin(cx.site()?, cx.reseller_row) {
        return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
    }
    let (site, address) = (cx.site()?, cx.address()?);
    if !cx.is_first {
        if let Some(account) = site.google.account_by_address(&address).await? {
            return found(cx, &account).await;
        }
        // An earlier run may have had its owner invited, and Google invites once more with each insert.
        if site.google.is_invitable(&address).await? {
            return Err(unmanaged());
        }
    }
    cx.check_wall()?;
    match site.google.create_account(&new_account(cx, &address)?).await? {
        Creation::Made(account) => {
            cx.check_ours(&account).await?;
            Ok(ensured(cx, &account, true))
        }
        Creation::Invited => Err(unmanaged()),
        Creation::Taken => taken(cx, &address).await,
    }
}

/// Whether the set-up that the reseller's row remembers is still that of the configuration: the row may have settled before the
/// process began, under another customer, for another unit, or under words that somebody has taken back since.
fn may_begin(site: &Site, row: Option<&Enrollment>) -> bool {
    let (Some(row), reseller) = (row, &site.reseller) else { return false };
    let is_confirmed = |subject| standing(subject, reseller, &row.facts) == Standing::Confirmed;
    is_confirmed(Subject::AutoLicensing)
        && is_confirmed(Subject::FreeSubscription)
        && row.facts.customer.as_ref() == Some(&reseller.customer)
        && row.facts.org_unit_wanted.as_ref().is_none_or(|wanted| *wanted == reseller.org_unit)
}

fn unmanaged() -> Failure {
    Failure::needs(Who::Operator, FailureCode::UnmanagedAccount)
}

/// Somebody or something holds the address: ours, if it carries our marker.
async fn taken(cx: &Context<'_>, address: &Address) -> Outcome {
    let site = cx.site()?;
    if let Some(account) = site.google.account_by_address(address).await? {
        return found(cx, &account).await;
    }
    let (accounts, book) = try_join(
        site.census.accounts(cx.fresh_since(cx.since)),
        site.census.addresses(cx.fresh_since(cx.since)),
    )
    .await?;
    let key = cx.sheet()?.engineer.key.as_str();
    let text = address.to_string();
    let is_ours =
        |account: &&Account| account.primary_address == text && account.marker.as_deref() == Some(key);
    if accounts.items.iter().find(is_ours).is_none() && book.items.contains(&text) {
        return Err(Failure::needs(Who::Operator, FailureCode::AddressTaken));
    }
    // Right after an insert Google can refuse the address before it shows the account (`docs/GOOGLE.md` 12).
    Err(Failure::not_yet(FailureCode::AccountSettling))
}

async fn found(cx: &Context<'_>, account: &Account) -> Outcome {
    match cx.check_ours(account).await {
        Ok(holds_role) => {
            let mut ensured = ensured(cx, account, false);
            // The step that gives the role must see itself what the account holds: no read stands for its own.
            if let Some(fact) = ensured.facts.account.as_mut().filter(|_| holds_role) {
                fact.read_at = Timestamp::UNIX_EPOCH;
            }
            Ok(ensured)
        }
        Err(failure) if failure.code == FailureCode::AccountNotOurs => {
            Err(Failure::needs(Who::Operator, FailureCode::AddressTaken))
        }
        Err(failure) => Err(failure),
    }
}

fn ensured(cx: &Context<'_>, account: &Account, made: bool) -> Ensured {
    let now = cx.now();
    let mut ensured = Ensured { made, ..Ensured::default() };
    ensured.facts.account = Some(AccountFact { id: account.id.clone(), since: now, read_at: now });
    ensured
}

fn new_account(cx: &Context<'_>, address: &Address) -> Result<NewAccount, Failure> {
    let sheet = cx.sheet()?;
    let name = &sheet.person.name;
    Ok(NewAccount {
        address: address.clone(),
        given_name: name.given.for_google().to_owned(),
        family_name: name.family.for_google().to_owned(),
        password: password(cx)?,
        org_unit: cx.org_unit()?.clone(),
        org_unit_made_at: cx.reseller_row.and_then(|row| row.facts.org_unit_made_at),
        engineer: sheet.engineer.key.clone(),
        recovery_address: sheet.person.contact_email.clone(),
    })
}

/// The password that was sealed into the row before this step first ran.
fn password(cx: &Context<'_>) -> Result<SecretString, Failure> {
    let broken = || Failure::permanent(FailureCode::SealBroken);
    let sealed = cx.row.credential.as_ref().ok_or_else(broken)?;
    let plain = cx
        .house
        .sealer
        .unseal(&cx.sheet()?.data_key, &cx.row.id.to_string(), sealed)
        .map_err(|_| broken())?;
    let text = std::str::from_utf8(&plain).map_err(|_| broken())?;
    Ok(SecretString::from(text))
}
