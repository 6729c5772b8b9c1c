//! What the steps found out about a reseller account's licences is written into the account's row, for the process after this one.
//! Level-triggered: a write that comes to nothing is made up for by the next step's end.
//! Not here: the finding out (`steps/license`), and taking it over at the start, which comes with everything else of the row (`run`).

use super::Engine;
use crate::model::enrollment::{Enrollment, EnrollmentId, LicenseLesson};
use crate::model::entry::Actor;
use crate::store::{StoreError, seldom};

/// How often the row is read anew because somebody else has moved it meanwhile.
const RACES_MAX: usize = 5;

impl Engine {
    /// Writes what is known of the account that a domain's row belongs to, if the account's row does not say it yet.
    pub(super) async fn remember_lesson(&self, id: &EnrollmentId) {
        let EnrollmentId::Domain(_, name, _) = id else { return };
        let Some(site) = self.house.sites.get(name) else { return };
        let Some(lesson) = site.learned.lesson(self.house.clock.now()) else { return };
        if self.known().rows.get(name).is_none_or(|row| row.facts.licensing == Some(lesson)) {
            return;
        }
        let id = EnrollmentId::Reseller(name.clone());
        if let Err(error) = self.write_lesson(&id, lesson).await
            && let Some(kept_back) = seldom::may_tell()
        {
            tracing::warn!(row = %id, %error, kept_back, "what was found out about licences is not kept yet");
        }
    }

    /// The row's worker, if it is at work, offers its report again to the row as it is then.
    async fn write_lesson(&self, id: &EnrollmentId, lesson: LicenseLesson) -> Result<(), StoreError> {
        for _ in 0..RACES_MAX {
            let Some(row) = self.house.store.enrollment(id).await? else { return Ok(()) };
            let Some(after) = row.with_lesson(lesson) else { return Ok(()) };
            match self.commit_row(&row, &after, Actor::Engine, self.fences_of(&row)?).await {
                Err(StoreError::Conflict) => (),
                written => return written.map(|()| self.learn(&after)),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Takes over what an earlier process found out.
    pub(super) fn recall_lesson(&self, row: &Enrollment) {
        let site = row.id.reseller().and_then(|name| self.house.sites.get(name));
        if let (Some(site), Some(lesson)) = (site, row.facts.licensing)
            && row.facts.customer.as_ref() == Some(&site.reseller.customer)
        {
            site.learned.recall(lesson);
        }
    }
}
