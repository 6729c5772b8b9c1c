//! Reseller accounts that are not configured any more: nothing runs there, and whoever leaves keeps access. Such a row has no lane of its
//! own; it is moved from the sweep as far as it comes without the account, so that it becomes a task, and the lists of tasks look there
//! too. Not here: what it finds out (`steps`), and the words (`model/message`).

use super::Engine;
use super::drive::Pass;
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::id::ResellerName;
use std::collections::BTreeSet;

impl Engine {
    /// Accounts that are not configured any more and where, since the start, a sweep has found access open that was to end.
    pub fn removed(&self) -> BTreeSet<ResellerName> {
        self.known().removed.clone()
    }

    /// Brings the rows of a leaver to light that no lane works on.
    pub(super) async fn expose(&self, rows: Vec<Enrollment>) {
        for row in rows {
            let EnrollmentId::Domain(_, name, _) = &row.id else { continue };
            if !self.is_exposed(&row, name) {
                continue;
            }
            self.known().removed.insert(name.clone());
            let now = self.house.clock.now();
            if row.wake_at().is_some_and(|at| at <= now) {
                self.work(row, None, Pass::default()).await;
            }
        }
    }

    /// A row that another replica has moved may be one of those.
    pub(super) fn note_removed(&self, row: &Enrollment) {
        if let EnrollmentId::Domain(_, name, _) = &row.id
            && self.is_exposed(row, name)
        {
            self.known().removed.insert(name.clone());
        }
    }

    fn is_exposed(&self, row: &Enrollment, name: &ResellerName) -> bool {
        let is_open = row.goal.want == Want::Absent && !row.is_settled() && !row.has_lost_access();
        is_open && !self.house.sites.contains_key(name)
    }
}
