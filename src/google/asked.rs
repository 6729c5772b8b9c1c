//! What was asked of Google and not counted yet: by API and status, and how often Google asked for less. The engine takes it and counts.
//! Not here: metrics (`engine/observe`).

use super::call::Api;
use super::limits::Quota;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests and throttles since somebody took the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Requests by API and by the status of the answer; none where no answer came.
    pub requests: BTreeMap<(Api, Option<u16>), u64>,
    /// Answers that asked for fewer requests, by what they were counted on.
    pub throttled: BTreeMap<Quota, u64>,
}

/// Where they are noted.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Asked>);

impl Notes {
    /// A request has ended.
    pub(super) fn request(&self, api: Api, status: Option<u16>) {
        *self.lock().requests.entry((api, status)).or_default() += 1;
    }

    /// Google asked for fewer.
    pub(super) fn throttle(&self, quota: Quota) {
        *self.lock().throttled.entry(quota).or_default() += 1;
    }

    /// All since the last time.
    pub(super) fn take(&self) -> Asked {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
