//! What is so after an entry: engineers, rows and one event of interest, gathered from the ledger alone. It grows with what there is, and
//! not with the history; of one engineer it holds that one. Not here: reading the ledger, and what follows from what is so.

use super::engineer::{Engineer, EventRef};
use super::enrollment::{Enrollment, EnrollmentId};
use super::entry::{Change, Entry, Position, Received};
use super::id::{EngineerKey, ResellerName};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is so after the last entry that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The engineers.
    pub engineers: BTreeMap<EngineerKey, Engineer>,
    /// The rows of reseller accounts.
    pub accounts: BTreeMap<ResellerName, Enrollment>,
    /// The rows of engineers.
    pub rows: BTreeMap<EngineerKey, BTreeMap<EnrollmentId, Enrollment>>,
    /// What the inbox knows of the event of interest.
    pub received: Option<Received>,
    /// The last entry.
    pub position: Position,
    /// When it was decided.
    pub at: Option<Timestamp>,
    interest: Interest,
}

/// What is gathered; the rows of reseller accounts in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Only this engineer; none is all.
    pub engineer: Option<EngineerKey>,
    /// Whether this event was received.
    pub event: Option<EventRef>,
}

impl Snapshot {
    /// Nothing is so yet.
    pub fn of(interest: Interest) -> Self {
        Self { interest, ..Self::default() }
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: Entry) {
        self.position = entry.position;
        self.at = Some(entry.at);
        for change in entry.changes {
            match change {
                Change::Received(received) if self.interest.event.as_ref() == Some(&received.event) => {
                    self.received = Some(received);
                }
                Change::Engineer(engineer) if self.interest.covers(&engineer.key) => {
                    self.engineers.insert(engineer.key.clone(), *engineer);
                }
                Change::Enrollment { row, .. } => self.take_row(*row),
                Change::Received(_)
                | Change::Engineer(_)
                | Change::Reserved { .. }
                | Change::Released { .. }
                | Change::Erased { .. }
                | Change::Parked(_)
                | Change::Unparked { .. }
                | Change::Bookmark { .. } => (),
            }
        }
    }

    /// The rows of an engineer, in the order of their ids.
    pub fn rows_of(&self, key: &EngineerKey) -> impl Iterator<Item = &Enrollment> {
        self.rows.get(key).into_iter().flat_map(BTreeMap::values)
    }

    fn take_row(&mut self, row: Enrollment) {
        match &row.id {
            EnrollmentId::Reseller(name) => {
                self.accounts.insert(name.clone(), row);
            }
            EnrollmentId::Domain(key, ..) | EnrollmentId::Engineer(key) if self.interest.covers(key) => {
                self.rows.entry(key.clone()).or_default().insert(row.id.clone(), row);
            }
            EnrollmentId::Domain(..) | EnrollmentId::Engineer(_) => (),
        }
    }
}

impl Interest {
    fn covers(&self, key: &EngineerKey) -> bool {
        self.engineer.as_ref().is_none_or(|only| only == key)
    }
}
