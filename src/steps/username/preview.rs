//! Which name somebody would get, asked in advance: from the address books that carepass has or can read soon, and its own reservations.
//! Nothing is reserved and nobody waits long. Not here: private accounts, which Google is asked about right before the insert.

use super::{BOOK_AGE_MAX, Book, Books, OTHERS_AGE_MAX, holder, reservations};
use crate::google::Fresh;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{EngineerKey, LocalPart, ResellerName};
use crate::model::person::PersonName;
use crate::model::roster::Roster;
use crate::model::username::{self, Choice};
use crate::steps::{House, SheetError, Site};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long a list is waited for; it is read on meanwhile, and whoever asks again finds it.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Clone, Debug)]
pub struct UsernameWish {
    /// The name.
    pub name: PersonName,
    /// What HR would ask for.
    pub preferred: Option<LocalPart>,
    /// Whose it would be.
    pub key: Option<EngineerKey>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsernamePreview {
    /// What would be chosen, and everything that was looked at.
    pub choice: Choice,
    /// The name that this engineer has already, which stays.
    pub kept: Option<LocalPart>,
    /// Reseller accounts whose addresses are not known now, so that a name may be taken there.
    pub unknown: BTreeSet<ResellerName>,
}

/// Looks at all domains of all reseller accounts that engineers get accounts in.
///
/// # Errors
/// When the store does not answer.
pub async fn preview_username(
    house: &House,
    roster: &Roster,
    wish: &UsernameWish,
) -> Result<UsernamePreview, Failure> {
    let kept = match &wish.key {
        Some(key) => kept(house, key).await?,
        None => None,
    };
    let candidates =
        username::candidates(&wish.name, wish.preferred.as_ref(), wish.key.as_ref(), &house.naming);
    let (books, unknown) = books(house, roster).await;
    let mut reserved = reservations(house, &candidates).await?;
    reserved.retain(|_, holder| Some(&*holder) != wish.key.as_ref());
    let choice = username::choose(&candidates, |name| holder(&reserved, &books, name, wish.key.as_ref()));
    Ok(UsernamePreview { choice, kept, unknown })
}

/// The name of an engineer who is known already.
async fn kept(house: &House, key: &EngineerKey) -> Result<Option<LocalPart>, Failure> {
    match house.sheet(key).await {
        Ok(sheet) => Ok(sheet.username),
        Err(SheetError::Store(_)) => Err(Failure::transient(FailureCode::StoreUnavailable)),
        // A record that cannot be opened says no name; the name it had is still reserved.
        Err(SheetError::Seal(_) | SheetError::Incomplete) => Ok(None),
    }
}

async fn books(house: &House, roster: &Roster) -> (Books, BTreeSet<ResellerName>) {
    let sites = house.sites.values().filter(|site| !site.reseller.home);
    let read = join_all(sites.map(async |site| (site, book(site, house.clock.now()).await))).await;
    let (mut books, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for (site, book) in read {
        let name = &site.reseller.name;
        let domains = roster.resellers.get(name).and_then(|status| status.domains.as_ref());
        match (book, domains) {
            (Some(book), Some(domains)) => {
                books.extend(domains.iter().map(|domain| (domain.clone(), Arc::clone(&book))));
            }
            (None, _) | (_, None) => {
                unknown.insert(name.clone());
            }
        }
    }
    (books, unknown)
}

async fn book(site: &Site, now: Timestamp) -> Option<Book> {
    let fresh = Fresh { begun: Timestamp::MIN, ended: now - BOOK_AGE_MAX };
    let at_worst = Fresh { ended: now - OTHERS_AGE_MAX, ..fresh };
    match site.census.addresses_known(fresh, at_worst) {
        Some(book) => Some(book),
        None => tokio::time::timeout(WAIT_MAX, site.census.addresses(fresh)).await.ok()?.ok(),
    }
}
