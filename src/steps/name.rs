//! The account shows the name and the recovery address that HR says. A changed name may make another address than the one in use: the
//! primary address stays, and an alias is added where the house wants that, or a person says so. One alias for all domains, reserved like
//! the name itself.
//! Not here: the names of a new account, which its insert brings (`account`), and which candidates a name makes (`model/username`).

use super::account::instead;
use super::house::Guarded;
use super::{Context, Cost, Outcome, Sheet, Step, username};
use crate::google::{Account, AliasAddition, Change, Google};
use crate::model::enrollment::{AccountFact, TargetKind};
use crate::model::entry;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, LocalPart};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::username::{Candidates, Rename, candidates};
use crate::model::word::Subject;
use crate::store::StoreError;

/// How often a lost race for an alias is run again within one attempt.
const RACES_MAX: usize = 10;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Name,
    scope: TargetKind::Domain,
    summary: "the account shows the name and the recovery address that HR says",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    // An engineer's own account gets the role and nothing else.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let (guarded, account) = cx.guarded_account().await?;
    let google = cx.google_for(&guarded)?;
    let mut made = show_name(cx, &google, &guarded, &account).await?;
    made |= set_recovery(cx, &google, &guarded.fact).await?;
    made |= add_alias(cx, &google, &guarded.fact, &account).await?;
    Ok(guarded.ensured(made))
}

async fn show_name(
    cx: &Context<'_>,
    google: &Google,
    guarded: &Guarded,
    account: &Account,
) -> Result<bool, Failure> {
    let name = &cx.sheet()?.person.name;
    let (given, family) = (name.given.for_google(), name.family.for_google());
    if account.name.as_ref().is_some_and(|shown| (shown.0.as_str(), shown.1.as_str()) == (given, family)) {
        return Ok(false);
    }
    changed(&google.set_names(&guarded.fact.id, given, family).await?)
}

/// Reads do not show it, so it is written; the same again does no harm. Without one HR has none, and the old one stays.
async fn set_recovery(cx: &Context<'_>, google: &Google, fact: &AccountFact) -> Result<bool, Failure> {
    // Whoever waits for somebody's word has it already.
    let waited_for = cx.row.state.at().and_then(|at| at.waited_for);
    let is_written = matches!(waited_for, Some(FailureCode::RenameQuestion | FailureCode::AliasTaken));
    match &cx.sheet()?.person.contact_email {
        _ if is_written => Ok(false),
        Some(contact) => changed(&google.set_recovery_address(&fact.id, contact).await?),
        None => Ok(false),
    }
}

fn changed(change: &Change) -> Result<bool, Failure> {
    match change {
        Change::Made(_) => Ok(true),
        Change::Gone => Err(Failure::not_yet(FailureCode::AccountSettling)),
    }
}

async fn add_alias(
    cx: &Context<'_>,
    google: &Google,
    fact: &AccountFact,
    account: &Account,
) -> Result<bool, Failure> {
    let Some(local_part) = alias(cx).await? else { return Ok(false) };
    let domain = cx.address()?.domain;
    let alias = Address { local_part, domain };
    if account.aliases.contains(&alias.to_string()) {
        return Ok(false);
    }
    match google.add_alias(&fact.id, &alias).await? {
        AliasAddition::Made => Ok(true),
        AliasAddition::Found => Ok(false),
        AliasAddition::Taken => Err(Failure::needs(Who::Operator, FailureCode::AliasTaken)),
        AliasAddition::Gone => Err(Failure::not_yet(FailureCode::AccountSettling)),
    }
}

/// The alias that the account is to have; none where the name has not changed, or makes the address that is in use, or nobody wants one.
/// Another domain's row may have reserved it already.
async fn alias(cx: &Context<'_>) -> Result<Option<LocalPart>, Failure> {
    let Wanted::Alias = wanted(cx, cx.sheet()?)? else { return Ok(None) };
    let key = &cx.sheet()?.engineer.key;
    for _ in 0..RACES_MAX {
        let sheet = cx.house.sheet(key).await?;
        if let Some(reserved) = reserved(cx, &sheet) {
            return Ok(Some(reserved));
        }
        if !may_reserve(cx, &sheet) {
            return Err(Failure::needs(Who::Operator, FailureCode::RenameQuestion));
        }
        let books = username::address_books(cx).await?;
        let chosen = username::choose(cx, &sheet, &books).await?;
        match username::reserve_alias(cx, &sheet, &chosen, others(cx).await?).await {
            Ok(()) => return Ok(Some(chosen)),
            Err(StoreError::Conflict) => (),
            Err(StoreError::Unavailable(_) | StoreError::Damaged(_)) => break,
        }
    }
    Err(Failure::transient(FailureCode::StoreUnavailable))
}

/// Whether a changed name asks for an alias.
enum Wanted {
    Nothing,
    Alias,
}

fn wanted(cx: &Context<'_>, sheet: &Sheet) -> Result<Wanted, Failure> {
    let is_renamed = sheet.engineer.changed.name > 0 && cx.house.naming.rename != Rename::Never;
    let in_use = sheet.username.as_ref().ok_or_else(|| Failure::transient(FailureCode::StoreUnavailable))?;
    Ok(if is_renamed && !of_the_name(cx, sheet).contains(in_use) { Wanted::Alias } else { Wanted::Nothing })
}

/// What the name of now makes. One that makes nothing, since it has no Latin form, asks for nothing either.
fn of_the_name(cx: &Context<'_>, sheet: &Sheet) -> Vec<LocalPart> {
    let (key, wish) = (&sheet.engineer.key, sheet.person.preferred_username.as_ref());
    match candidates(&sheet.person.name, wish, Some(key), &cx.house.naming) {
        Candidates::Derived(made) => made.into_iter().map(|candidate| candidate.local_part).collect(),
        Candidates::NeedsLatin { .. } => sheet.username.iter().cloned().collect(),
    }
}

fn reserved(cx: &Context<'_>, sheet: &Sheet) -> Option<LocalPart> {
    let made = of_the_name(cx, sheet);
    sheet.aliases.iter().rev().find(|alias| made.contains(alias)).cloned()
}

/// The house wants it, or a person has said so of this name: a word from before it came into force is about another one.
fn may_reserve(cx: &Context<'_>, sheet: &Sheet) -> bool {
    let word = cx.row.facts.words.get(&Subject::Rename);
    match cx.house.naming.rename {
        Rename::Alias => true,
        Rename::Ask => word.is_some_and(|word| word.at >= sheet.engineer.stated.from),
        Rename::Never => false,
    }
}

/// The engineer's other rows that ask the same: one answer will do.
async fn others(cx: &Context<'_>) -> Result<Vec<entry::Change>, Failure> {
    let rows = cx.house.store.enrollments_of(&cx.sheet()?.engineer.key).await;
    let rows = rows.map_err(|_| Failure::transient(FailureCode::StoreUnavailable))?;
    let asks = |row: &&_| Subject::asked_by(row) == Some(Subject::Rename);
    let others = rows.iter().filter(|row| row.id != cx.row.id).filter(asks);
    Ok(others.map(|row| instead::touched(row, cx.now())).collect())
}
