//! One local part is reserved for the engineer, free in every domain that can be asked, before the first account is made. The rows of
//! an engineer's domains may run this at the same time: the store lets one reservation through, the others find it.
//! Not here: the candidates (`model/username`), and consumer accounts, which only the insert itself can tell.

use super::{Context, House, Outcome, Sheet, Step};
use crate::google::census::AddressBook;
use crate::model::engineer::Engineer;
use crate::model::enrollment::TargetKind;
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, DomainName, LocalPart};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use crate::model::username::{self, Candidates, Decision, TakenBy};
use crate::store::StoreError;
use futures_util::future::try_join_all;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// An address book may be this old: Google's own 409 is the last word at the insert.
const BOOK_AGE_MAX: SignedDuration = SignedDuration::from_mins(10);

/// How often a lost race for a name is run again within one attempt.
const RACES_MAX: usize = 10;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Username,
    scope: TargetKind::Domain,
    summary: "one local part is reserved in all domains",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let key = &cx.sheet()?.engineer.key;
    if cx.sheet()?.username.is_some() {
        return Ok(Ensured::default());
    }
    let books = address_books(cx).await?;
    for _ in 0..RACES_MAX {
        let sheet = cx.house.sheet(key).await?;
        if sheet.username.is_some() {
            return Ok(Ensured::default());
        }
        let local_part = choose(cx, &sheet, &books).await?;
        match reserve(cx, &sheet, &local_part).await {
            Ok(()) => return Ok(Ensured { made: true, ..Ensured::default() }),
            Err(StoreError::Conflict) => (),
            Err(StoreError::Unavailable(_) | StoreError::Damaged(_)) => {
                return Err(Failure::transient(FailureCode::StoreUnavailable));
            }
        }
    }
    Err(Failure::transient(FailureCode::StoreUnavailable))
}

/// The address book of every reseller account that can be asked, by domain of the engineer's scope.
async fn address_books(cx: &Context<'_>) -> Result<BTreeMap<DomainName, AddressBook>, Failure> {
    let scope = &cx.sheet()?.engineer.scope;
    let not_before = cx.now() - BOOK_AGE_MAX;
    let rows = try_join_all(cx.house.sites.keys().map(|name| async {
        let id = crate::model::enrollment::EnrollmentId::Reseller(name.clone());
        let row = cx.house.store.enrollment(&id).await;
        row.map(|row| (name, row)).map_err(|_| Failure::transient(FailureCode::StoreUnavailable))
    }))
    .await?;
    let mut books = BTreeMap::new();
    for (name, row) in rows {
        let Some(domains) = row.filter(|row| row.state == crate::model::enrollment::State::Completed || row.facts.role.is_some()).and_then(|row| row.facts.domains) else {
            continue;
        };
        let book = cx.house.sites[name].census.addresses(not_before).await?;
        for domain in domains.into_iter().filter(|domain| scope.covers(domain)) {
            books.insert(domain, book.clone());
        }
    }
    Ok(books)
}
