//! Somebody else holds the address: as long as nothing of the engineer's was made under the name, and nothing can have been, the
//! engineer gets the next one, in all domains at once. After that a person decides.
//! Not here: who holds it (`holder`), and which names there are (`model/username`, `username`).

use super::holder::{Holder, Wanted};
use super::own;
use crate::model::enrollment::{At, Enrollment, EnrollmentId, State};
use crate::model::entry::Change;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{LocalPart, ResellerName};
use crate::model::plan::StepName;
use crate::model::rules::Rules;
use crate::model::transition::{Input, apply};
use crate::steps::{Context, House, username};
use crate::store::StoreError;
use jiff::Timestamp;

/// Why the account is not there now: soon, under another name; or a task, with the evidence.
pub(super) async fn failure(cx: &Context<'_>, holder: &Holder) -> Failure {
    another_name(cx, holder).await.unwrap_or_else(|failure| failure)
}

async fn another_name(cx: &Context<'_>, holder: &Holder) -> Result<Failure, Failure> {
    let (address, sheet) = (cx.address()?, cx.sheet()?);
    let (engineer, name) = (&sheet.engineer.key, &sheet.person.name);
    let wanted = Wanted { address: &address, engineer, name, now: cx.now() };
    if cx.row.facts.account.is_some() || holder.is_own(wanted) || may_be_own(cx, holder) {
        return Ok(holder.task(wanted));
    }
    // It may take long, and rows may be opened meanwhile: they are read right before the commit.
    let next = next_name(cx).await;
    let rows = cx.house.store.enrollments_of(&sheet.engineer.key).await.map_err(unavailable)?;
    let others: Vec<&Enrollment> =
        rows.iter().filter(|row| row.id != cx.row.id && gets_an_account(cx.house, &row.id)).collect();
    match others.iter().map(|row| progress(row)).max() {
        Some(Progress::Used) => return Ok(holder.task(wanted)),
        Some(Progress::Undecided) => {
            let detail = "another domain's account is being made under the same name; then this is decided";
            return Ok(Failure::not_yet(FailureCode::AddressTaken).with_detail(detail));
        }
        Some(Progress::Unused) | None => (),
    }
    let touched = others.iter().map(|row| touched(row, cx.now())).collect();
    match username::reserve(cx, sheet, &next?, touched).await {
        // Somebody has moved meanwhile: the next run decides anew.
        Ok(()) | Err(StoreError::Conflict) => {
            let detail = format!("another name is taken: this one is {}", holder.evidence(wanted));
            Ok(Failure::not_yet(FailureCode::AddressTaken).with_detail(&detail))
        }
        Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Err(unavailable(error)),
    }
}

/// Whether an earlier run of the row may have made what holds the address.
fn may_be_own(cx: &Context<'_>, holder: &Holder) -> bool {
    match holder {
        Holder::Account(account) => own::may_be(account, cx),
        Holder::Group { .. } | Holder::Unmanaged => false,
    }
}

async fn next_name(cx: &Context<'_>) -> Result<LocalPart, Failure> {
    let books = username::address_books(cx).await?;
    username::choose(cx, cx.sheet()?, &books).await
}

/// Whether an account is made for the row: at a home reseller the engineer has one.
fn gets_an_account(house: &House, id: &EnrollmentId) -> bool {
    let is_home = |name: &ResellerName| house.sites.get(name).is_some_and(|site| site.reseller.home);
    id.domain().is_some() && !id.reseller().is_some_and(is_home)
}

/// Whether an account was made for a row under the engineer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// None.
    Unused,
    /// A run that has begun, or comes by itself, will tell.
    Undecided,
    /// One was, or may have been by a run whose answer was lost.
    Used,
}

/// A row that was refused because its address is somebody else's has no account.
fn progress(row: &Enrollment) -> Progress {
    if row.facts.account.is_some() {
        return Progress::Used;
    }
    let begun = |at: At| at.step == StepName::Account && at.runs > 0;
    let refused = |failure: &Failure| failure.code == FailureCode::AddressTaken;
    let (begun, then) = match &row.state {
        State::Scheduled { at, last, .. } => {
            (begun(*at) && !last.as_ref().is_some_and(refused), Progress::Undecided)
        }
        State::Running { at, .. } => (begun(*at), Progress::Undecided),
        State::Waiting { at, reason, .. } => (begun(*at) && !refused(reason), Progress::Used),
        // What an ended row had begun is not known, but for the order of its steps.
        State::Completed | State::Cancelled { .. } => {
            (row.done.contains(&StepName::Username), Progress::Used)
        }
    };
    if begun { then } else { Progress::Unused }
}

/// The row with a new version: a claim that came between our look and our commit makes that a conflict. A row that waits goes on, since
/// what it waits for may be the name.
pub(in crate::steps) fn touched(row: &Enrollment, now: Timestamp) -> Change {
    let nudged = match row.state {
        // How long anybody waits plays no part in that.
        State::Waiting { .. } => {
            apply(row, Input::Nudge, &Rules::default(), now).ok().map(|moved| moved.after)
        }
        State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => None,
    };
    let after = nudged.unwrap_or_else(|| Enrollment { version: row.version + 1, ..row.clone() });
    Change::Enrollment { from: Some(row.version), row: Box::new(after) }
}

fn unavailable(_: StoreError) -> Failure {
    Failure::transient(FailureCode::StoreUnavailable)
}
