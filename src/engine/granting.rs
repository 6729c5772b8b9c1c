//! What of HR's word is in force at once, and what waits for a person: the limit on grants, a missing approval, an employment that has
//! ended. Access that was not there before is a grant, whether somebody joins, comes back, or is to have more than before.
//! Not here: counting (`model/grants`), when a word comes into force (`calendar`), and the person's order (`orders`).

use super::Engine;
use crate::model::engineer::{Asked, Engineer, Hold, Release};
use crate::model::enrollment::Want;
use crate::model::grants::{Grant, GrantRoom};
use crate::model::statement::Statement;
use crate::store::StoreError;
use jiff::Timestamp;

/// What of a statement is in force, and what waits for a person.
pub(super) struct Granting {
    pub(super) stated: Statement,
    pub(super) release: Release,
    pub(super) asked: Option<Box<Asked>>,
    pub(super) widened: Option<Timestamp>,
    /// A grant was taken for it.
    pub(super) taken: bool,
}

impl Granting {
    fn unchanged(before: &Engineer) -> Self {
        Self {
            stated: before.stated.clone(),
            release: before.release,
            asked: before.asked.clone(),
            widened: before.widened,
            taken: false,
        }
    }

    /// By whose word a grant was taken.
    pub(super) fn source(&self) -> String {
        self.stated.cause.event.source.clone()
    }

    /// The engineer with it.
    pub(super) fn over(self, before: Engineer) -> Engineer {
        let Self { stated, release, asked, widened, taken: _ } = self;
        Engineer { stated, release, asked, widened, ..before }
    }
}

impl Engine {
    /// What of a statement is in force at once. Whoever has access is given no more than that without a grant, and where a joiner would
    /// need one, an approval; what is taken away waits for nobody.
    pub(super) fn granting(
        &self,
        before: Option<&Engineer>,
        said: Statement,
        hold: Option<Hold>,
        now: Timestamp,
    ) -> Granting {
        if let Some(before) = before.filter(|before| has_access(before) && hold.is_none())
            && said.goal.want == Want::Present
        {
            return if before.stated == said {
                Granting::unchanged(before)
            } else if said.widens(&before.stated) {
                self.widening(before, said, now)
            } else {
                Granting { stated: said, asked: None, ..Granting::unchanged(before) }
            };
        }
        let (release, taken) = self.release(before, &said, hold, now);
        Granting {
            stated: said,
            release,
            asked: None,
            widened: before.and_then(|before| before.widened),
            taken,
        }
    }

    /// Whoever is asked about stays so until a person, or an approval of HR's, ends the reason.
    fn widening(&self, before: &Engineer, said: Statement, now: Timestamp) -> Granting {
        let asked = before.asked.as_deref();
        let why = match asked.map(|asked| asked.why) {
            _ if self.lacks_approval(&said) => Some(Hold::ApprovalMissing),
            Some(Hold::GrantLimit) => Some(Hold::GrantLimit),
            Some(Hold::ApprovalMissing | Hold::EmploymentEnded) | None => {
                let taken = self.takes_grant(&said.cause.event.source, now);
                (!taken).then_some(Hold::GrantLimit)
            }
        };
        let same = Granting::unchanged(before);
        let Some(why) = why else {
            return Granting { stated: said, asked: None, widened: Some(now), taken: true, ..same };
        };
        let since = asked.filter(|asked| asked.why == why).map_or(now, |asked| asked.since);
        let stated = said.clone().narrowed_to(&before.stated);
        Granting { stated, asked: Some(Box::new(Asked { statement: said, since, why })), ..same }
    }

    /// What was asked about is let in by a person.
    pub(super) async fn widened(&self, engineer: Engineer) -> Result<Engineer, StoreError> {
        let now = self.house.clock.now();
        let Some(asked) = &engineer.asked else { return Ok(engineer) };
        let stated = asked.statement.clone().let_in(&engineer.stated, now);
        let data_key = self.key_if_whole(&engineer).await?;
        let changed = self.seen_changes(&engineer, &stated, data_key.as_ref());
        Ok(Engineer { stated, changed, asked: None, widened: Some(now), ..engineer })
    }

    /// Whether the engineer may be let in under a statement, and whether a grant was taken for that. Access that was not there before
    /// is a grant, also of who comes back; who is held stays so until a person, or a better word of HR's, ends the reason.
    pub(super) fn release(
        &self,
        before: Option<&Engineer>,
        stated: &Statement,
        hold: Option<Hold>,
        now: Timestamp,
    ) -> (Release, bool) {
        let waits = |why| (Release::Held { since: now, why }, false);
        if let Some(why) = hold {
            return waits(why);
        }
        let kept = before.and_then(|before| match before.release {
            Release::Granted(_) if before.stated.goal.want == Want::Absent => None,
            // Another spell ends the question about the one before, unless it is one that has been.
            Release::Held { why: Hold::EmploymentEnded, .. }
                if before.stated.employment != stated.employment
                    && !before.past.contains(&stated.employment) =>
            {
                None
            }
            Release::Held { why: Hold::ApprovalMissing, .. } if stated.approval.is_some() => None,
            release @ (Release::Granted(_) | Release::Held { .. }) => Some(release),
        });
        match kept {
            _ if stated.goal.want == Want::Absent => {
                (before.map_or(Release::Granted(now), |before| before.release), false)
            }
            // A release of all who met the limit must not let in whom nobody has approved.
            Some(Release::Held { since, why: Hold::GrantLimit }) if self.lacks_approval(stated) => {
                (Release::Held { since, why: Hold::ApprovalMissing }, false)
            }
            Some(release) => (release, false),
            None if self.lacks_approval(stated) => waits(Hold::ApprovalMissing),
            None if self.takes_grant(&stated.cause.event.source, now) => (Release::Granted(now), true),
            None => waits(Hold::GrantLimit),
        }
    }

    fn lacks_approval(&self, stated: &Statement) -> bool {
        self.settings.approval_required && stated.approval.is_none()
    }

    /// The grants of a commit, for a store that counts them itself.
    pub(super) fn granted(&self, taken: impl IntoIterator<Item = (String, Timestamp)>) -> Vec<Grant> {
        let room = Some(GrantRoom { all: self.settings.grants, each: self.settings.source_grants });
        let taken = taken.into_iter().filter(|_| self.duties.is_shared());
        taken.map(|(source, at)| Grant { source, at, room }).collect()
    }

    /// A commit that was to give grants came to nothing. Where others give some too, it may have met the limit: whoever decides anew does so
    /// by what is stored.
    pub(super) async fn took_none(&self, taken: &[(String, Timestamp)]) {
        for (source, at) in taken {
            self.grants().give_back(source, *at);
        }
        if !taken.is_empty()
            && self.duties.is_shared()
            && let Err(error) = self.count_grants().await
        {
            tracing::info!(%error, "grants could not be counted anew; the store counts them at the next");
        }
    }

    fn takes_grant(&self, source: &str, now: Timestamp) -> bool {
        self.grants().take(self.settings.grants, self.settings.source_grants, source, now)
    }
}

fn has_access(engineer: &Engineer) -> bool {
    engineer.stated.goal.want == Want::Present && engineer.is_released()
}
