//! The account exists and is ours. The very first run makes it without looking for it: names are known free from bulk lists, and
//! Google's own 409 is the last word. Every other run looks first, since the answer of an earlier insert may have been lost. Our own
//! account that was deleted is brought back, one that stands elsewhere is not made twice (`own`); whoever else holds the address keeps
//! it, and the engineer gets another name (`instead`).
//! Not here: the engineers' own accounts at a home reseller (`named`).

mod holder;
pub(super) mod instead;
mod named;
mod own;
mod restore;

use self::holder::Holder;
use super::{Context, Cost, Outcome, Outlook, Site, Step, license, role};
use crate::google::{Account, Creation, NewAccount, Quota};
use crate::model::engineer::Release;
use crate::model::enrollment::{AccountFact, Enrollment, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::Address;
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, standing};
use crate::planted::planted;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Google's clock and ours may differ so much when it is asked which of two things came first.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(15);

/// The step.
pub const STEP: Step = Step {
    name: StepName::Account,
    scope: TargetKind::Domain,
    summary: "the account exists and is ours",
    seals_credential: true,
    cost,
    ensure: |cx| Box::pin(ensure(cx)),
};

/// One insert, and the question before it where that is asked. Where the licence is assigned it follows while the answer still counts
/// as a look.
pub(super) fn cost(outlook: &Outlook<'_>) -> Cost {
    let Some(site) = outlook.site.filter(|site| !site.reseller.home) else { return Cost::nothing(outlook) };
    let now: &[Quota] = if spares_unmanaged(outlook.account) {
        &[Quota::UserInsert, Quota::Directory]
    } else {
        &[Quota::UserInsert, Quota::Directory, Quota::CloudIdentity]
    };
    let is_assigned = license::is_assigned(site, outlook.now);
    Cost::Turns { now, soon: if is_assigned { &[Quota::Licensing] } else { &[] } }
}

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    // Nobody gets an account, and spends a seat, where the profile has no role.
    if let Err(unconfigured) = cx.role_choice() {
        return Err(role::without(cx, unconfigured).await);
    }
    if site.reseller.home {
        return named::ensure(cx).await;
    }
    if !may_begin(site, cx.reseller_row) {
        return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
    }
    if let Some(known) = own::known(cx).await? {
        return known;
    }
    let address = cx.address()?;
    if !is_new(cx)
        && !planted!(NeverLooksForItsOwn)
        && let Some(account) = site.google.account_by_address(&address).await?
    {
        return found(cx, account).await;
    }
    if !planted!(NeverLooksForItsOwn)
        && let Some(account) = own::listed(cx).await?
    {
        return found(cx, account).await;
    }
    // Whoever is restored has a seat: no wall stands before that.
    let shelf = restore::shelf(cx).await?;
    if let Some(ours) = restore::ours(&shelf.items, cx)? {
        return restore::ensure(cx, &ours.id).await;
    }
    let inserted = insert(cx, &address).await;
    inserted.map_err(|failure| restore::instead_of_a_seat(failure, &shelf.items, cx))
}

/// Whether nothing can have been made for the row. One that knows its account and is looked at from the start has made it long ago.
fn is_new(cx: &Context<'_>) -> bool {
    cx.is_first && cx.row.facts.account.is_none()
}

/// Whether the customer's policy is known to do nothing to a private account that has the address.
fn spares_unmanaged(account: Option<&Enrollment>) -> bool {
    account.is_some_and(|row| row.facts.conflicts_are_safe == Some(true))
}

/// Makes the account, unless a private account has the address: an insert would do to it what the customer's policy says, so the
/// question may be left out only where that is known to be harmless. On the first run nobody was invited yet: the owner keeps the
/// address in peace. Later one may have been, and Google invites once more with each insert: then the row waits.
async fn insert(cx: &Context<'_>, address: &Address) -> Outcome {
    let (site, is_new) = (cx.site()?, is_new(cx));
    if !is_new && site.google.is_invitable(address).await? {
        return Err(invited());
    }
    cx.check_wall()?;
    if is_new && !spares_unmanaged(cx.reseller_row) && site.google.is_invitable(address).await? {
        return Err(instead::failure(cx, &Holder::Unmanaged).await);
    }
    match site.google.create_account(&new_account(cx, address)?).await? {
        Creation::Made(account) => {
            let holds_role = cx.check_ours(&account).await?;
            Ok(ensured(cx, &account, true, holds_role))
        }
        Creation::Invited => Err(invited()),
        Creation::Taken => taken(cx, address).await,
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

fn invited() -> Failure {
    Failure::needs(Who::Operator, FailureCode::UnmanagedAccount)
}

/// Somebody or something holds the address: ours, if it carries our marker.
async fn taken(cx: &Context<'_>, address: &Address) -> Outcome {
    let google = &cx.site()?.google;
    if planted!(NeverLooksForItsOwn) {
        return Err(instead::failure(cx, &Holder::Unmanaged).await);
    }
    if let Some(account) = google.account_by_address(address).await? {
        return found(cx, account).await;
    }
    if let Some(group) = google.group_by_address(address).await? {
        let alias = group.address != address.to_string();
        return Err(instead::failure(cx, &Holder::Group { alias }).await);
    }
    if google.is_invitable(address).await? {
        return Err(instead::failure(cx, &Holder::Unmanaged).await);
    }
    hidden(cx, address).await
}

/// What no single look shows may stand in a list.
async fn hidden(cx: &Context<'_>, address: &Address) -> Outcome {
    let (census, fresh) = (&cx.site()?.census, cx.fresh_since(cx.since));
    let deleted = census.deleted(fresh).await?;
    if let Some(ours) = restore::ours(&deleted.items, cx)? {
        return restore::ensure(cx, &ours.id).await;
    }
    let text = address.to_string();
    let holds = |account: &&Account| account.primary_address == text || account.aliases.contains(&text);
    let accounts = census.accounts(fresh).await?;
    let holder = if let Some(account) = accounts.items.iter().find(holds) {
        let ours = account.marker.as_deref() == Some(cx.sheet()?.engineer.key.as_str());
        (!ours).then(|| Holder::Account(Box::new(account.clone())))
    } else {
        deleted.items.iter().find(holds).map(|account| Holder::Account(Box::new(account.clone())))
    };
    Err(match holder {
        Some(holder) => instead::failure(cx, &holder).await,
        // Right after an insert Google can refuse the address before it shows the account (`docs/GOOGLE.md` 12).
        None => Failure::not_yet(FailureCode::AccountSettling),
    })
}

async fn found(cx: &Context<'_>, account: Account) -> Outcome {
    match cx.check_ours(&account).await {
        Ok(holds_role) => Ok(ensured(cx, &account, false, holds_role)),
        Err(failure) if failure.code == FailureCode::AccountNotOurs => Err(if own::may_show(&account, cx) {
            Failure::not_yet(FailureCode::AccountSettling).with_detail("a young account without a marker yet")
        } else {
            instead::failure(cx, &Holder::Account(Box::new(account))).await
        }),
        Err(failure) => Err(failure),
    }
}

fn ensured(cx: &Context<'_>, account: &Account, made: bool, holds_role: bool) -> Ensured {
    let now = cx.now();
    // The step that gives the role must see itself what the account holds: no read stands for its own.
    let read_at = if holds_role { Timestamp::UNIX_EPOCH } else { now };
    let restored = !made && has_its_own_password(account, granted(cx));
    // One insert brings the account, its first password and its name, also where its answer was lost; a name that HR has changed since
    // is looked at.
    let renamed = cx.sheet.is_some_and(|sheet| sheet.engineer.changed.name > 0);
    let also = if made || !restored && !renamed {
        [StepName::Password, StepName::Name].into()
    } else {
        BTreeSet::new()
    };
    let mut ensured = Ensured { made, also, ..Ensured::default() };
    let id = account.id.clone();
    // Looked at once more it is as old as it was.
    let known = cx.row.facts.account.as_ref().filter(|known| known.id == id);
    let since = known.map_or(now, |known| known.since);
    let restored = restored || known.is_some_and(|known| known.restored);
    let given = known.map(|known| known.given.clone()).unwrap_or_default();
    ensured.facts.account =
        Some(AccountFact { id, since, read_at, restored, home: false, suspended_by_us: None, given });
    ensured
}

/// When the engineer came here.
fn granted(cx: &Context<'_>) -> Option<Timestamp> {
    cx.sheet.and_then(|sheet| match sheet.engineer.release {
        Release::Granted(at) => Some(at),
        Release::Held { .. } => None,
    })
}

fn is_older(created: Timestamp, granted: Timestamp) -> bool {
    granted.duration_since(created) > CLOCKS_DIFFER
}

/// Whether the password that is sealed into the row is not this account's: it was made before the engineer came here, or somebody has
/// signed in to it, and whoever does that for the first time chooses a new one. What Google does not say counts as so.
fn has_its_own_password(account: &Account, granted: Option<Timestamp>) -> bool {
    let older = account.created.zip(granted).is_none_or(|(created, granted)| is_older(created, granted));
    older || account.last_login.is_some_and(|at| at > Timestamp::UNIX_EPOCH)
}

fn new_account(cx: &Context<'_>, address: &Address) -> Result<NewAccount, Failure> {
    let sheet = cx.sheet()?;
    let name = &sheet.person.name;
    Ok(NewAccount {
        address: address.clone(),
        given_name: name.given.for_google().to_owned(),
        family_name: name.family.for_google().to_owned(),
        password: cx.first_password(cx.row)?,
        org_unit: cx.org_unit()?.clone(),
        org_unit_made_at: cx.reseller_row.and_then(|row| row.facts.org_unit_made_at),
        engineer: sheet.engineer.key.clone(),
        recovery_address: sheet.person.contact_email.clone(),
    })
}
