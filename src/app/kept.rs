//! A store as the house holds it: what a daemon needs of it besides reading and committing. Not here: which one it is (`house`).

use crate::store::embedded::Embedded;
use crate::store::postgres::Postgres;
use crate::store::{Store, StoreError};
use futures_util::future::BoxFuture;

/// A store that can be closed, and says how it stands.
pub(super) trait Kept: Store {
    /// Writes what is waiting and refuses commits from then on.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Whether it takes commits, and why not.
    fn health(&self) -> Result<(), StoreError>;

    /// Whether it never takes commits again: a person must look.
    fn is_lost(&self) -> bool;
}

impl Kept for Embedded {
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close())
    }

    fn health(&self) -> Result<(), StoreError> {
        self.health()
    }

    fn is_lost(&self) -> bool {
        self.is_lost()
    }
}

impl Kept for Postgres {
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close())
    }

    fn health(&self) -> Result<(), StoreError> {
        self.health()
    }

    fn is_lost(&self) -> bool {
        self.is_lost()
    }
}
