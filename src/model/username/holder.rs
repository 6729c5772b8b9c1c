//! Who holds a name already, as it is told to whoever asks in advance. Not here: how it is found out.

use crate::model::id::{DomainName, EngineerKey};
use serde::Serialize;

/// What holds an address at Google.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TakenBy {
    /// An account.
    User,
    /// An account, as one of its other addresses.
    Alias,
    /// A group, also as one of its other addresses.
    Group,
    /// An account that was deleted in the last 20 days.
    Deleted,
}

/// Who holds a name, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// An account.
    Account {
        /// Where.
        domain: DomainName,
    },
    /// An account, as one of its other addresses.
    Alias {
        /// Where.
        domain: DomainName,
    },
    /// A group, also as one of its other addresses.
    Group {
        /// Where.
        domain: DomainName,
    },
    /// An account that was deleted in the last 20 days.
    Deleted {
        /// Where.
        domain: DomainName,
    },
    /// An engineer for whom carepass keeps it: another one, or the same one to whom Google has refused it.
    Reservation {
        /// Whose it is.
        engineer: EngineerKey,
    },
    /// Nobody gets it. Which word it is is not said.
    StopList,
}

impl Holder {
    /// What holds it in a domain.
    pub fn in_domain(by: TakenBy, domain: DomainName) -> Self {
        match by {
            TakenBy::User => Self::Account { domain },
            TakenBy::Alias => Self::Alias { domain },
            TakenBy::Group => Self::Group { domain },
            TakenBy::Deleted => Self::Deleted { domain },
        }
    }
}
