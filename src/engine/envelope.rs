//! An envelope's page as its holder finds it: whoever has the token may look as often as they like, and open it once. The passwords are
//! destroyed in the commit that says that it was opened, before anybody sees them: what is lost on the way is lost, and made anew by an
//! operator's order. What nobody opens in time is destroyed unseen. Not here: how the page looks (`http/envelope`).

use super::Engine;
use crate::handover::FirstPassword;
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::handover::{Delivery, Handover};
use crate::model::id::{Address, EngineerKey};
use crate::model::person::Language;
use crate::steps::{Sheet, SheetError, destroyed};
use crate::store::StoreError;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How often an opening is tried again because a row moved meanwhile.
const RACES_MAX: usize = 5;

/// Requests for one engineer's envelopes in each window, and engineers of whom that is counted: whoever holds a good token could
/// otherwise keep the store busy. Others cost no read.
const REQUESTS_MAX: u32 = 60;
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
const COUNTED_MAX: usize = 10_000;

/// How an envelope stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeStanding {
    /// It can be opened.
    Closed,
    /// Somebody has opened it.
    Opened,
    /// Its time is over, or there is a newer one.
    Expired,
    /// The access is taken away.
    Revoked,
    /// Nobody made it.
    Unknown,
    /// Too many requests: it is not looked at.
    TooMany,
}

/// An envelope as it is found.
#[derive(Debug)]
pub struct Envelope {
    /// How it stands.
    pub standing: EnvelopeStanding,
    /// The language of its owner, where that is known.
    pub language: Option<Language>,
    /// What was in it, once it was opened here.
    pub passwords: Vec<FirstPassword>,
}

/// Requests for envelopes in this window.
#[derive(Default)]
pub(super) struct Pace {
    since: Option<Timestamp>,
    counted: BTreeMap<EngineerKey, u32>,
}

impl Pace {
    /// Whether one more may be answered.
    fn admits(&mut self, key: &EngineerKey, now: Timestamp) -> bool {
        if self.since.is_none_or(|since| now < since || now.duration_since(since) >= WINDOW) {
            *self = Self { since: Some(now), counted: BTreeMap::new() };
        }
        if self.counted.len() >= COUNTED_MAX && !self.counted.contains_key(key) {
            return false;
        }
        let count = self.counted.entry(key.clone()).or_default();
        *count += 1;
        *count <= REQUESTS_MAX
    }
}

/// What a token leads to.
struct Found {
    sheet: Sheet,
    rows: Vec<Enrollment>,
}

impl Engine {
    /// Looks at the envelope of a token, which changes nothing.
    pub async fn envelope(&self, token: &str) -> Result<Envelope, StoreError> {
        Ok(match self.find_envelope(token).await? {
            Ok(found) => found.envelope(EnvelopeStanding::Closed, self, Vec::new()),
            Err(envelope) => envelope,
        })
    }

    /// Opens the envelope of a token, if it can be opened. Of two who try at the same moment one succeeds.
    pub async fn open_envelope(&self, token: &str) -> Result<Envelope, StoreError> {
        for _ in 0..RACES_MAX {
            let found = match self.find_envelope(token).await? {
                Ok(found) => found,
                Err(envelope) => return Ok(envelope),
            };
            let passwords: Result<Vec<_>, SheetError> =
                found.rows.iter().map(|row| self.unsealed(&found.sheet, row)).collect();
            let passwords = passwords.map_err(|error| StoreError::Damaged(error.to_string()))?;
            let now = self.house.clock.now();
            let commit = Commit::new(now, Actor::Engine, found.opened(now));
            match self.commit(commit).await {
                Ok(_) => {
                    self.grown.notify_one();
                    tracing::info!(engineer = %found.sheet.engineer.key, accounts = passwords.len(), "an envelope was opened");
                    return Ok(found.envelope(EnvelopeStanding::Opened, self, passwords));
                }
                Err(StoreError::Conflict) => (),
                Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// The envelope with the rows whose passwords are in it; or why it cannot be opened.
    async fn find_envelope(&self, token: &str) -> Result<Result<Found, Envelope>, StoreError> {
        use EnvelopeStanding::{Expired, Opened, Revoked, TooMany, Unknown};
        let nothing = |standing| Ok(Err(Envelope { standing, language: None, passwords: Vec::new() }));
        let Some((key, issue)) = self.house.sealer.read_envelope_token(token) else {
            return nothing(Unknown);
        };
        let now = self.house.clock.now();
        if !self.pace().admits(&key, now) {
            return nothing(TooMany);
        }
        let sheet = match self.house.sheet(&key).await {
            Ok(sheet) => sheet,
            Err(SheetError::Store(error)) => return Err(error),
            // Whoever was forgotten has nothing here any more.
            Err(SheetError::Seal(_) | SheetError::Incomplete) => return nothing(Revoked),
        };
        let rows = self.house.store.enrollments_of(&key).await?;
        let rows: Vec<Enrollment> = rows.into_iter().filter(|row| self.is_in_envelope(row)).collect();
        let last = sheet.engineer.handover.as_deref();
        let standing = match last {
            None => Some(Unknown),
            Some(_) if sheet.engineer.stated.goal.want == Want::Absent => Some(Revoked),
            Some(last) if last.issue != issue => Some(Expired),
            // The letter went to an address that HR has corrected since.
            Some(last) if sheet.engineer.changed.contact > last.revision => Some(Expired),
            Some(last) if last.opened_at.is_some() => Some(Opened),
            Some(last) if !last.is_open(now) || rows.is_empty() => Some(Expired),
            Some(_) => None,
        };
        let found = Found { sheet, rows };
        Ok(match standing {
            Some(standing) => Err(found.envelope(standing, self, Vec::new())),
            None => Ok(found),
        })
    }

    fn is_in_envelope(&self, row: &Enrollment) -> bool {
        let EnrollmentId::Domain(_, reseller, _) = &row.id else { return false };
        let by_link =
            |name| self.house.sites.get(name).is_some_and(|s| s.reseller.handover == Delivery::Link);
        row.holds_first_password() && by_link(reseller)
    }

    fn unsealed(&self, sheet: &Sheet, row: &Enrollment) -> Result<FirstPassword, SheetError> {
        let pair = sheet.username.clone().zip(row.id.domain().cloned());
        let (local_part, domain) = pair.ok_or(SheetError::Incomplete)?;
        let address = Address { local_part, domain: domain.clone() }.to_string();
        let password = self.house.first_password(&sheet.data_key, row)?;
        Ok(FirstPassword { domain, address, password })
    }

    /// Destroys what was not opened in time, and forgets a token of Vault's that has expired. Whoever moves one of the rows at the same
    /// moment leaves it to the next sweep.
    pub(super) async fn lapse(&self, engineer: &Engineer, rows: &[Enrollment]) -> Result<(), StoreError> {
        let now = self.house.clock.now();
        let is_due = |last: &&Handover| last.is_to_lapse(now) && self.house.clock.is_believed();
        let Some(last) = engineer.handover.as_deref().filter(is_due) else {
            return Ok(());
        };
        let mut after = last.clone();
        after.wrapped = after.wrapped.filter(|wrapped| now < wrapped.expires_at);
        let mut changes = Vec::new();
        if last.opened_at.is_none() && !last.is_open(now) && last.lapsed_at.is_none() {
            after.lapsed_at = Some(now);
            changes.extend(rows.iter().filter(|row| self.is_in_envelope(row)).map(destroyed));
        }
        changes.push(with_handover(engineer, after));
        match self.commit(Commit::new(now, Actor::Engine, changes)).await {
            Ok(_) => {
                self.grown.notify_one();
                Ok(())
            }
            Err(StoreError::Conflict) => Ok(()),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Err(error),
        }
    }
}

impl Found {
    fn opened(&self, now: Timestamp) -> Vec<Change> {
        let mut changes: Vec<Change> = self.rows.iter().map(destroyed).collect();
        if let Some(last) = self.sheet.engineer.handover.as_deref() {
            changes
                .push(with_handover(&self.sheet.engineer, Handover { opened_at: Some(now), ..last.clone() }));
        }
        changes
    }

    fn envelope(
        &self,
        standing: EnvelopeStanding,
        engine: &Engine,
        passwords: Vec<FirstPassword>,
    ) -> Envelope {
        Envelope { standing, language: Some(engine.house.language_of(&self.sheet.person)), passwords }
    }
}

pub(super) fn with_handover(engineer: &Engineer, handover: Handover) -> Change {
    let (version, handover) = (engineer.version + 1, Some(Box::new(handover)));
    Change::Engineer(Box::new(Engineer { version, handover, ..engineer.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_for_each_engineer_and_in_bounds() {
        let (now, mut pace) = (Timestamp::UNIX_EPOCH, Pace::default());
        let key = |number: usize| format!("E-{number}").parse::<EngineerKey>().unwrap();
        for _ in 0..REQUESTS_MAX {
            assert!(pace.admits(&key(0), now));
        }
        assert!(!pace.admits(&key(0), now) && pace.admits(&key(1), now));
        assert!(pace.admits(&key(0), now + WINDOW));
        for number in 0..COUNTED_MAX * 2 {
            pace.admits(&key(number), now + WINDOW);
        }
        assert_eq!(pace.counted.len(), COUNTED_MAX);
    }
}
