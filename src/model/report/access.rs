//! Who has access where at a moment: from the time at which carepass knew that the role was given until it saw that access was gone. A
//! row that is cancelled or looked at anew keeps what was given. Not here: what somebody gave by hand, which the ledger does not know.

use super::super::enrollment::{EnrollmentId, Want};
use super::super::entry::Entry;
use super::super::id::{AccountId, DomainName, EngineerKey, ResellerName};
use super::super::plan::StepName;
use super::{TooLong, domain_rows};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One engineer in one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// HR's key.
    pub engineer: EngineerKey,
    /// The reseller account.
    pub reseller: ResellerName,
    /// The domain.
    pub domain: DomainName,
    /// When carepass knew that the role was given.
    pub since: Timestamp,
    /// Since when access is to end, where it is.
    pub ends_since: Option<Timestamp>,
    /// Google's id of the account.
    pub account: Option<AccountId>,
    /// Google's ids of the roles that carepass gave.
    pub roles: String,
    /// The event that asked for it: `event SOURCE ID`. What HR chooses never begins it, so that no spreadsheet takes it for a formula.
    pub event: String,
    /// HR's revision.
    pub revision: u64,
}

/// The fold.
#[derive(Debug)]
pub struct Access {
    at: Timestamp,
    open: BTreeMap<EnrollmentId, Line>,
}

impl Access {
    /// Of this moment.
    pub fn at(at: Timestamp) -> Self {
        Self { at, open: BTreeMap::new() }
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &Entry) {
        if entry.at > self.at {
            return;
        }
        for (row, engineer, reseller, domain) in domain_rows(entry) {
            let is_held = row.goal.want == Want::Present && row.done.contains(&StepName::Role);
            if row.goal.want == Want::Absent {
                let is_gone = row.has_lost_access() || row.done.contains(&StepName::LockedOut);
                if is_gone {
                    self.open.remove(&row.id);
                } else if let Some(line) = self.open.get_mut(&row.id) {
                    line.ends_since = line.ends_since.or(row.leaving.map(|leaving| leaving.said_at));
                }
            } else if is_held {
                let before = self.open.get(&row.id).filter(|line| line.ends_since.is_none());
                let account = row.facts.account.as_ref();
                let roles =
                    account.map(|fact| fact.given.iter().map(ToString::to_string).collect::<Vec<_>>());
                let cause = row.cause.as_ref();
                let line = Line {
                    engineer: engineer.clone(),
                    reseller: reseller.clone(),
                    domain: domain.clone(),
                    since: before.map_or(entry.at, |line| line.since),
                    ends_since: None,
                    account: account.map(|fact| fact.id.clone()),
                    roles: roles.unwrap_or_default().join(" "),
                    event: cause.map_or_else(String::new, |cause| {
                        format!("event {} {}", cause.event.source, cause.event.id)
                    }),
                    revision: row.goal.revision,
                };
                self.open.insert(row.id.clone(), line);
            }
        }
    }

    /// The lines, in the order of engineers.
    ///
    /// # Errors
    /// When they are too many.
    pub fn lines(self) -> Result<Vec<Line>, TooLong> {
        let lines: Vec<Line> = self.open.into_values().collect();
        if lines.len() > super::LINES_MAX { Err(TooLong) } else { Ok(lines) }
    }
}
