//! Bulk facts about one reseller account, each with an age, shared by all rows: one read serves many.
//! Not here: how old a fact may be (`steps` say so with a [`Fresh`]).
//!
//! One read of a kind at a time; who comes meanwhile and wants a newer one queues for the next, which serves them all. A read goes on
//! when those who asked for it have gone, so that a list which takes longer than a step may is read to its end all the same.
//! A failed read is reported to those who waited for it and is not kept: a failed or partial read counts as no read.

use super::Google;
use super::address_book::AddressBook;
use super::directory::Account;
use super::flight::Flight;
use super::licensing::PaidLicense;
use super::role::{Assignment, Role};
use crate::model::failure::{Failure, FailureCode};
use futures_util::FutureExt as _;
use futures_util::future::try_join3;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A read begins this part of the last one's length after it was first asked for, so that rows which come side by side share it instead
/// of waiting for the one after it.
const GATHER_PART: i32 = 10;

/// The longest that is waited for that.
const GATHER_MAX: SignedDuration = SignedDuration::from_millis(10);

/// After a read its list rests for so many times its length: under load one read then serves all who came meanwhile, and lists never take
/// more than a part of Google's quota and of this machine. Who comes alone waits for nothing.
const REST_TIMES: i32 = 3;

/// The longest rest.
const REST_MAX: SignedDuration = SignedDuration::from_secs(10);

/// How long a list may take: twice what the longest one needs at one page in 1.2 seconds.
const READ_MAX: Duration = Duration::from_mins(30);

/// How long a row waits for a list before it gives its worker back; the list is read on meanwhile.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// How recent a list must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Begun then or later: what was written by then is in it.
    pub begun: Timestamp,
    /// Ended then or later: it does not show what has long been otherwise.
    pub ended: Timestamp,
}

/// Begun, and so ended, then or later.
impl From<Timestamp> for Fresh {
    fn from(time: Timestamp) -> Self {
        Self { begun: time, ended: time }
    }
}

/// A whole list as it was at some time between `began` and `ended`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<T> {
    /// When the read began: what was written before that and has settled is in it.
    pub began: Timestamp,
    /// When the read had ended.
    pub ended: Timestamp,
    /// What was read.
    pub items: T,
}

impl<T> Snapshot<T> {
    /// Whether it is recent enough. One from the future was begun by a clock that has been set back since, and counts as old.
    fn is(&self, fresh: Fresh, now: Timestamp) -> bool {
        fresh.begun <= self.began && fresh.ended <= self.ended && self.began <= now
    }
}

/// The shared lists of one reseller account. Clones share them.
#[derive(Clone)]
pub struct Census {
    inner: Arc<Inner>,
}

struct Inner {
    google: Google,
    addresses: Shelf<AddressBook>,
    /// These two are shared with the read of the addresses, which must not hold the census that is to end it.
    accounts: Arc<Shelf<Vec<Account>>>,
    deleted: Arc<Shelf<Vec<Account>>>,
    assignments: Shelf<Vec<Assignment>>,
    paid_licenses: Shelf<Vec<PaidLicense>>,
    roles: Shelf<Vec<Role>>,
}

type Shelf<T> = Flight<Arc<Snapshot<T>>>;

impl fmt::Debug for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Census").field(&self.inner.google).finish()
    }
}

impl Census {
    /// A census that has read nothing yet.
    pub fn new(google: Google) -> Self {
        let inner = Inner {
            google: google.patient(),
            addresses: Flight::new(READ_MAX),
            accounts: Arc::new(Flight::new(READ_MAX)),
            deleted: Arc::new(Flight::new(READ_MAX)),
            assignments: Flight::new(READ_MAX),
            paid_licenses: Flight::new(READ_MAX),
            roles: Flight::new(READ_MAX),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Every address that is taken, and by what kind of thing.
    pub async fn addresses(&self, fresh: impl Into<Fresh>) -> Result<Arc<Snapshot<AddressBook>>, Failure> {
        let Inner { google, addresses, accounts, deleted, .. } = &*self.inner;
        let (fresh, client) = (fresh.into(), google.clone());
        let (accounts, deleted) = (Arc::clone(accounts), Arc::clone(deleted));
        let read = async move || read_addresses(&client, &accounts, &deleted, fresh).await;
        wait(google, addresses, fresh, read).await
    }

    /// The same without waiting: as recent as asked for, or as it was known last if that is no older than `at_worst`; it is then read
    /// anew meanwhile.
    pub fn addresses_known(&self, fresh: Fresh, at_worst: Fresh) -> Option<Arc<Snapshot<AddressBook>>> {
        // One look begins the read, which goes on by itself.
        if let Some(Ok(book)) = self.addresses(fresh).now_or_never() {
            return Some(book);
        }
        let now = self.inner.google.now();
        self.inner.addresses.latest().filter(|book| book.is(at_worst, now))
    }

    /// Whether the list of paid licences that is at hand is so recent.
    pub fn has_paid_licenses(&self, fresh: Fresh) -> bool {
        has(&self.inner.google, &self.inner.paid_licenses, fresh)
    }

    /// Whether the lists of accounts and of role assignments that are at hand are so recent.
    pub fn has_members(&self, fresh: Fresh) -> bool {
        has(&self.inner.google, &self.inner.accounts, fresh)
            && has(&self.inner.google, &self.inner.assignments, fresh)
    }

    /// How long the lists of accounts and of role assignments took when they were read last; `None` before that.
    pub fn members_took(&self) -> Option<SignedDuration> {
        let took = |began: Timestamp, ended: Timestamp| ended.duration_since(began);
        let accounts = self.inner.accounts.latest().map(|list| took(list.began, list.ended));
        let assignments = self.inner.assignments.latest().map(|list| took(list.began, list.ended));
        accounts.max(assignments)
    }

    /// Every account.
    pub async fn accounts(&self, fresh: impl Into<Fresh>) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
        read_accounts(&self.inner.google, &self.inner.accounts, fresh.into()).await
    }

    /// Every account that was deleted in the last 20 days.
    pub async fn deleted(&self, fresh: impl Into<Fresh>) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
        read_deleted(&self.inner.google, &self.inner.deleted, fresh.into()).await
    }

    /// Every role assignment.
    pub async fn assignments(
        &self,
        fresh: impl Into<Fresh>,
    ) -> Result<Arc<Snapshot<Vec<Assignment>>>, Failure> {
        take(&self.inner.google, &self.inner.assignments, fresh.into(), async |google| {
            google.assignments().await
        })
        .await
    }

    /// Every paid licence.
    pub async fn paid_licenses(
        &self,
        fresh: impl Into<Fresh>,
    ) -> Result<Arc<Snapshot<Vec<PaidLicense>>>, Failure> {
        take(&self.inner.google, &self.inner.paid_licenses, fresh.into(), async |google| {
            google.paid_licenses().await
        })
        .await
    }

    /// Every role.
    pub async fn roles(&self, fresh: impl Into<Fresh>) -> Result<Arc<Snapshot<Vec<Role>>>, Failure> {
        take(&self.inner.google, &self.inner.roles, fresh.into(), async |google| google.roles().await).await
    }
}

/// Its age is that of its oldest part: accounts and deleted ones may have been read before.
async fn read_addresses(
    google: &Google,
    accounts: &Shelf<Vec<Account>>,
    deleted: &Shelf<Vec<Account>>,
    fresh: Fresh,
) -> Result<Arc<Snapshot<AddressBook>>, Failure> {
    let began = google.now();
    let (accounts, deleted, groups) = try_join3(
        read_accounts(google, accounts, fresh),
        read_deleted(google, deleted, fresh),
        google.groups(),
    )
    .await?;
    let items = AddressBook::new(&accounts.items, &groups, &deleted.items);
    let (began, ended) = (began.min(accounts.began).min(deleted.began), accounts.ended.min(deleted.ended));
    Ok(Arc::new(Snapshot { began, ended, items }))
}

async fn read_accounts(
    google: &Google,
    kept: &Shelf<Vec<Account>>,
    fresh: Fresh,
) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
    take(google, kept, fresh, async |google| google.accounts(false).await).await
}

async fn read_deleted(
    google: &Google,
    kept: &Shelf<Vec<Account>>,
    fresh: Fresh,
) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
    take(google, kept, fresh, async |google| google.accounts(true).await).await
}

fn has<T>(google: &Google, kept: &Shelf<T>, fresh: Fresh) -> bool
where
    T: Send + Sync + 'static,
{
    kept.latest().is_some_and(|snapshot| snapshot.is(fresh, google.now()))
}

async fn take<T, R>(
    google: &Google,
    kept: &Shelf<T>,
    fresh: Fresh,
    list: impl FnOnce(Google) -> R + Send + 'static,
) -> Result<Arc<Snapshot<T>>, Failure>
where
    T: Send + Sync + 'static,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let (client, before) = (google.clone(), kept.latest().map(|before| (before.began, before.ended)));
    let read = async move || {
        gather(pause(before, client.now())).await;
        let began = client.now();
        let items = list(client.clone()).await?;
        Ok(Arc::new(Snapshot { began, ended: client.now(), items }))
    };
    wait(google, kept, fresh, read).await
}

/// How long a read waits for company, after one that took from the first to the second.
fn pause(last: Option<(Timestamp, Timestamp)>, now: Timestamp) -> SignedDuration {
    let Some((began, ended)) = last else { return SignedDuration::ZERO };
    let took = ended.duration_since(began).max(SignedDuration::ZERO);
    let rest = (took * REST_TIMES).min(REST_MAX);
    // A clock that was set back makes nobody wait longer than the rest.
    let since = now.duration_since(ended).max(SignedDuration::ZERO);
    (rest - since).max((took / GATHER_PART).min(GATHER_MAX))
}

/// Less than the timer can tell is one look at who else is there.
async fn gather(pause: SignedDuration) {
    match Duration::try_from(pause) {
        Ok(pause) if pause >= Duration::from_millis(1) => tokio::time::sleep(pause).await,
        Ok(_) | Err(_) => tokio::task::yield_now().await,
    }
}

async fn wait<T, R>(
    google: &Google,
    kept: &Shelf<T>,
    fresh: Fresh,
    read: impl FnOnce() -> R,
) -> Result<Arc<Snapshot<T>>, Failure>
where
    T: Send + Sync + 'static,
    R: Future<Output = Result<Arc<Snapshot<T>>, Failure>> + Send + 'static,
{
    let landed = kept.get(|snapshot| snapshot.is(fresh, google.now()), read);
    tokio::time::timeout(WAIT_MAX, landed).await.unwrap_or_else(|_| {
        Err(Failure::not_yet(FailureCode::NotYetConfirmed).with_detail("a long list is still being read"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read from one second to another, wanted at a time: begun and ended no earlier than that.
    fn check(read: (i64, i64), wanted: (i64, i64), now: i64, expected: bool) {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let snapshot = Snapshot { began: at(read.0), ended: at(read.1), items: () };
        let fresh = Fresh { begun: at(wanted.0), ended: at(wanted.1) };
        assert_eq!(snapshot.is(fresh, at(now)), expected, "{read:?} for {wanted:?} at {now}");
    }

    #[test]
    fn a_read_rests_under_load_and_gathers_a_little_when_it_is_asked_for_alone() {
        let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap();
        let check = |last: Option<(i64, i64)>, now: i64, expected: i64| {
            let waited = pause(last.map(|(began, ended)| (at(began), at(ended))), at(now));
            assert_eq!(waited, SignedDuration::from_millis(expected), "{last:?} at {now}");
        };
        check(None, 0, 0);
        check(Some((0, 100)), 100, 300);
        check(Some((0, 100)), 350, 50);
        check(Some((0, 100)), 500, 10);
        check(Some((0, 20)), 5_000, 2);
        check(Some((0, 0)), 0, 0);
        check(Some((0, 60_000)), 60_000, 10_000);
        check(Some((0, 100)), 50, 300);
        check(Some((100, 0)), 0, 0);
    }

    #[test]
    fn a_list_is_recent_by_both_its_ends() {
        check((100, 101), (90, 71), 101, true);
        check((100, 101), (101, 71), 101, false);
        check((100, 1_000), (90, 970), 1_000, true);
        check((100, 1_000), (90, 1_001), 1_031, false);
        check((100, 101), (90, 71), 99, false);
    }
}
