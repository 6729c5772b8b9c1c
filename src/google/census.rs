//! Bulk facts about one reseller account, each with an age, shared by all rows: one read serves many.
//! Not here: how old a fact may be (`steps` say so with `not_before`).
//!
//! One read of a kind at a time; who comes meanwhile and wants a newer one queues for the next, which serves them all.
//! A failed read is reported to those who waited for it and is not kept: a failed or partial read counts as no read.

use super::Google;
use super::directory::Account;
use super::flight::Flight;
use super::licensing::PaidLicense;
use super::role::{Assignment, Role};
use crate::model::failure::Failure;
use futures_util::future::try_join3;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A read begins this much after it was first asked for, so that rows which come side by side share it instead of waiting for
/// the one after it.
const GATHER: Duration = Duration::from_millis(5);

/// A whole list as it was at some time after `began`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<T> {
    /// When the read began: what was written before that and has settled is in it.
    pub began: Timestamp,
    /// What was read.
    pub items: T,
}

impl<T> Snapshot<T> {
    /// Whether it is recent enough. One from the future was begun by a clock that has been set back since, and counts as old.
    fn is_from(&self, not_before: Timestamp, now: Timestamp) -> bool {
        not_before <= self.began && self.began <= now
    }
}

/// The shared lists of one reseller account. Clones share them.
#[derive(Clone)]
pub struct Census {
    inner: Arc<Inner>,
}

struct Inner {
    google: Google,
    addresses: Shelf<BTreeSet<String>>,
    accounts: Shelf<Vec<Account>>,
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
            google,
            addresses: Flight::new(),
            accounts: Flight::new(),
            assignments: Flight::new(),
            paid_licenses: Flight::new(),
            roles: Flight::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Every address that is taken, lower-cased: accounts, their aliases (those of alias domains too), accounts deleted in
    /// the last 20 days, groups and their aliases.
    pub async fn addresses(&self, not_before: Timestamp) -> Result<Arc<Snapshot<BTreeSet<String>>>, Failure> {
        let read = async {
            let google = &self.inner.google;
            let (accounts, deleted, groups) =
                try_join3(self.accounts(not_before), google.accounts(true), google.groups()).await?;
            let mut taken = BTreeSet::new();
            add_accounts(&mut taken, &accounts.items);
            add_accounts(&mut taken, &deleted);
            for group in groups {
                taken.insert(group.address);
                taken.extend(group.aliases);
            }
            Ok(Arc::new(Snapshot { began: accounts.began, items: taken }))
        };
        let google = &self.inner.google;
        self.inner.addresses.get(|snapshot| snapshot.is_from(not_before, google.now()), read).await
    }

    /// Every account.
    pub async fn accounts(&self, not_before: Timestamp) -> Result<Arc<Snapshot<Vec<Account>>>, Failure> {
        self.take(&self.inner.accounts, not_before, self.inner.google.accounts(false)).await
    }

    /// Every role assignment.
    pub async fn assignments(
        &self,
        not_before: Timestamp,
    ) -> Result<Arc<Snapshot<Vec<Assignment>>>, Failure> {
        self.take(&self.inner.assignments, not_before, self.inner.google.assignments()).await
    }

    /// Every paid licence.
    pub async fn paid_licenses(
        &self,
        not_before: Timestamp,
    ) -> Result<Arc<Snapshot<Vec<PaidLicense>>>, Failure> {
        self.take(&self.inner.paid_licenses, not_before, self.inner.google.paid_licenses()).await
    }

    /// Every role.
    pub async fn roles(&self, not_before: Timestamp) -> Result<Arc<Snapshot<Vec<Role>>>, Failure> {
        self.take(&self.inner.roles, not_before, self.inner.google.roles()).await
    }

    async fn take<T>(
        &self,
        kept: &Shelf<T>,
        not_before: Timestamp,
        list: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Arc<Snapshot<T>>, Failure> {
        let read = async {
            tokio::time::sleep(GATHER).await;
            let began = self.inner.google.now();
            Ok(Arc::new(Snapshot { began, items: list.await? }))
        };
        let google = &self.inner.google;
        kept.get(|snapshot| snapshot.is_from(not_before, google.now()), read).await
    }
}

fn add_accounts(taken: &mut BTreeSet<String>, accounts: &[Account]) {
    for account in accounts {
        taken.insert(account.primary_address.clone());
        taken.extend(account.aliases.iter().cloned());
    }
}
