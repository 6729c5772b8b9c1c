//! One local part is reserved for the engineer, free in every domain that can be asked, before the first account is made. The rows of
//! an engineer's domains may run this at the same time: the store lets one reservation through, the others find it.
//! Not here: the candidates (`model/username`), who asks in advance (`preview`), and consumer accounts, which are asked about right before the insert (`account`).

mod preview;

pub use preview::{UsernamePreview, UsernameWish, preview_username};

use super::{Context, House, Outcome, Sheet, Site, Step, account};
use crate::google::address_book::AddressBook;
use crate::google::{Fresh, Snapshot};
use crate::model::engineer::Engineer;
use crate::model::enrollment::TargetKind;
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureCode, FailureKind, Who};
use crate::model::id::{Address, DomainName, EngineerKey, LocalPart};
use crate::model::plan::StepName;
use crate::model::sealed::Sealed;
use crate::model::transition::Ensured;
use crate::model::username::{self, Candidates, Decision, Holder};
use crate::store::StoreError;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An address book may have been read so long ago: Google's own 409 is the last word at the insert. When its read began does not
/// matter, so that a long one can be awaited.
const BOOK_AGE_MAX: SignedDuration = SignedDuration::from_mins(10);

/// That of another account may be as old as this while it is read anew: nobody waits for another account.
const OTHERS_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How often a lost race for a name is run again within one attempt.
const RACES_MAX: usize = 10;

/// Attempts that wait for another account's passing trouble, where its book was never read.
const WAITS_FOR_OTHERS: u32 = 2;

type Book = Arc<Snapshot<AddressBook>>;
pub(super) type Books = BTreeMap<DomainName, Book>;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Username,
    scope: TargetKind::Domain,
    summary: "one local part is reserved in all domains",
    seals_credential: false,
    // The account follows in the same breath.
    cost: account::cost,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let key = &cx.sheet()?.engineer.key;
    if cx.is_home() || cx.sheet()?.username.is_some() {
        return Ok(Ensured::default());
    }
    let books = address_books(cx).await?;
    for _ in 0..RACES_MAX {
        let sheet = cx.house.sheet(key).await?;
        if sheet.username.is_some() {
            return Ok(Ensured::default());
        }
        let local_part = choose(cx, &sheet, &books).await?;
        match reserve(cx, &sheet, &local_part, Vec::new()).await {
            Ok(()) => return Ok(Ensured { made: true, ..Ensured::default() }),
            Err(StoreError::Conflict) => (),
            Err(StoreError::Unavailable(_) | StoreError::Damaged(_)) => {
                return Err(Failure::transient(FailureCode::StoreUnavailable));
            }
        }
    }
    Err(Failure::transient(FailureCode::StoreUnavailable))
}

/// The address book of every reseller account that can be asked, by domain of the engineer's scope. Of another account the last one known
/// will do, so that its slowness is its own; only where there is none yet, a long one is waited for, and lasting trouble is not: there
/// Google's own 409 is the last word. At a home reseller the engineer gets no name.
pub(super) async fn address_books(cx: &Context<'_>) -> Result<Books, Failure> {
    let scope = &cx.sheet()?.engineer.stated.scope;
    let ready = cx.roster.resellers.iter().filter(|(_, status)| status.ready);
    let asked = ready
        .filter_map(|(name, status)| Some((cx.house.sites.get(name)?, status.domains.as_ref()?)))
        .filter(|(site, _)| !site.reseller.home);
    let books = try_join_all(asked.map(|(site, domains)| async move {
        let book = address_book(cx, site).await?;
        let wanted = domains.iter().filter(|domain| scope.covers(domain));
        Ok::<_, Failure>(book.map(|book| wanted.map(move |domain| (domain.clone(), Arc::clone(&book)))))
    }));
    Ok(books.await?.into_iter().flatten().flatten().collect())
}

/// How recent the lists of the row's own account must be that an address book is made of.
pub(super) fn book(cx: &Context<'_>) -> Fresh {
    Fresh { begun: Timestamp::MIN, ended: cx.now() - BOOK_AGE_MAX }
}

/// One account's address book; none if it is not the row's own and cannot be asked now.
async fn address_book(cx: &Context<'_>, site: &Site) -> Result<Option<Book>, Failure> {
    let fresh = book(cx);
    let at_worst = Fresh { ended: cx.now() - OTHERS_AGE_MAX, ..fresh };
    if cx.row.id.reseller() != Some(&site.reseller.name)
        && let Some(book) = site.census.addresses_known(fresh, at_worst)
    {
        return Ok(Some(book));
    }
    match site.census.addresses(fresh).await {
        Ok(book) => Ok(Some(book)),
        Err(failure) if cx.row.id.reseller() == Some(&site.reseller.name) => Err(failure),
        Err(failure) => match failure.kind {
            FailureKind::Transient | FailureKind::Throttled if cx.attempt <= WAITS_FOR_OTHERS => {
                Err(Failure { kind: FailureKind::Transient, ..failure })
            }
            // It is being read: the row joins that read when it comes back.
            FailureKind::NotYet => Err(failure),
            FailureKind::Transient
            | FailureKind::Throttled
            | FailureKind::Needs(_)
            | FailureKind::Permanent => Ok(None),
        },
    }
}

/// The first candidate that is free everywhere, or whom to ask. A name that the engineer has was refused by Google somewhere, and so was
/// every other that was kept for the engineer before; the address books may not know it yet.
pub(super) async fn choose(cx: &Context<'_>, sheet: &Sheet, books: &Books) -> Result<LocalPart, Failure> {
    let Sheet { engineer, person, .. } = sheet;
    let key = Some(&engineer.key);
    let candidates =
        username::candidates(&person.name, person.preferred_username.as_ref(), key, &cx.house.naming);
    // Each turn finds one more of the candidates kept for somebody, or ends. The first is free as a rule: the others are not asked about.
    let mut reserved = BTreeMap::new();
    loop {
        let choice = username::choose(&candidates, |name| holder(&reserved, books, name, key));
        let name = match choice.decision {
            Decision::Use(candidate) => candidate.local_part,
            Decision::NeedsLatin => return Err(Failure::needs(Who::Hr, FailureCode::LatinNameNeeded)),
            Decision::Exhausted => return Err(Failure::needs(Who::Operator, FailureCode::UsernamesSpent)),
        };
        let kept_for = kept_for(cx.house, &name).await?;
        match kept_for.filter(|holder| *holder != engineer.key || sheet.username.is_some()) {
            Some(other) => reserved.insert(name, other),
            None => return Ok(name),
        };
    }
}

/// For whom carepass keeps a name.
async fn kept_for(house: &House, name: &LocalPart) -> Result<Option<EngineerKey>, Failure> {
    let holder = house.store.holder(&house.sealer.tag(name)).await;
    holder.map_err(|_| Failure::transient(FailureCode::StoreUnavailable))
}

/// For whom carepass keeps which of the candidates.
async fn reservations(
    house: &House,
    candidates: &Candidates,
) -> Result<BTreeMap<LocalPart, EngineerKey>, Failure> {
    let mut reserved = BTreeMap::new();
    for name in candidates.names() {
        reserved.extend(kept_for(house, name).await?.map(|holder| (name.clone(), holder)));
    }
    Ok(reserved)
}

fn holder(
    reserved: &BTreeMap<LocalPart, EngineerKey>,
    books: &Books,
    name: &LocalPart,
    engineer: Option<&EngineerKey>,
) -> Option<Holder> {
    let kept = reserved.get(name).map(|engineer| Holder::Reservation { engineer: engineer.clone() });
    let taken = |(domain, book): (&DomainName, &Book)| {
        let address = Address { local_part: name.clone(), domain: domain.clone() };
        let by = book.items.holder(&address.to_string(), engineer)?;
        Some(Holder::in_domain(by, domain.clone()))
    };
    kept.or_else(|| books.iter().find_map(taken))
}

/// Writes the reservation and the engineer's new record as one commit, with what has to change along with them; somebody else's name,
/// or somebody else's change of the record, is a conflict.
pub(super) async fn reserve(
    cx: &Context<'_>,
    sheet: &Sheet,
    local_part: &LocalPart,
    along: Vec<Change>,
) -> Result<(), StoreError> {
    let sealed = sealed(cx, sheet, local_part)?;
    reserve_in(cx, Engineer { username: Some(sealed), ..sheet.engineer.clone() }, local_part, along).await
}

/// The same for an alias beside the name that the engineer has.
pub(super) async fn reserve_alias(
    cx: &Context<'_>,
    sheet: &Sheet,
    local_part: &LocalPart,
    along: Vec<Change>,
) -> Result<(), StoreError> {
    let mut engineer = sheet.engineer.clone();
    engineer.aliases.push(sealed(cx, sheet, local_part)?);
    reserve_in(cx, engineer, local_part, along).await
}

fn sealed(cx: &Context<'_>, sheet: &Sheet, local_part: &LocalPart) -> Result<Sealed, StoreError> {
    let place = House::username_place(&sheet.engineer.key);
    let plain = serde_json::to_vec(local_part).expect("a local part is plain text");
    let sealed = cx.house.sealer.seal(&sheet.data_key, &place, &plain);
    sealed.map_err(|error| StoreError::Unavailable(error.to_string()))
}

async fn reserve_in(
    cx: &Context<'_>,
    engineer: Engineer,
    local_part: &LocalPart,
    along: Vec<Change>,
) -> Result<(), StoreError> {
    let engineer = Engineer { version: engineer.version + 1, ..engineer };
    let tag = cx.house.sealer.tag(local_part);
    let reserved = Change::Reserved { tag, engineer: engineer.key.clone() };
    let mut changes = vec![reserved, Change::Engineer(Box::new(engineer))];
    changes.extend(along);
    let commit = Commit::new(cx.now(), Actor::Engine, changes);
    cx.house.store.commit(commit).await.map(|_| ())
}
