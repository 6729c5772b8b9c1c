//! What a step takes of Google's limits, told before it starts, so that no row holds a worker while it waits for a turn, and none begins
//! that could not go on. On its happy path: what it asks besides, it waits for.
//! Not here: what each step costs (beside the step), the limits (`google/limits`), and which row starts (`engine/choose`).

use super::Site;
use crate::google::Quota;
use crate::model::enrollment::Enrollment;
use jiff::{SignedDuration, Timestamp};

/// What is known of a row before its step starts.
pub struct Outlook<'a> {
    /// The reseller account; none where the row has none that is configured.
    pub site: Option<&'a Site>,
    /// The row of the reseller account.
    pub account: Option<&'a Enrollment>,
    /// The row.
    pub row: &'a Enrollment,
    /// The time.
    pub now: Timestamp,
}

/// What a step takes of Google's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Turns of its own.
    Turns {
        /// Those that it takes itself.
        now: &'static [Quota],
        /// Those that the steps after it take within a minute, while what guard 1 saw is recent: a row begins only where they are in sight.
        soon: &'static [Quota],
    },
    /// A list that one row reads for all that wait for it.
    List {
        /// One that is at hand has what this row looks for.
        is_at_hand: bool,
        /// How long the row waits for others that are on their way to the same list.
        gather: SignedDuration,
    },
}

impl Cost {
    /// It takes nothing, or what is never scarce.
    pub(super) fn nothing(_: &Outlook<'_>) -> Self {
        Self::Turns { now: &[], soon: &[] }
    }

    /// One call of the Directory API.
    pub(super) fn one_of_directory(_: &Outlook<'_>) -> Self {
        Self::Turns { now: &[Quota::Directory], soon: &[] }
    }
}
