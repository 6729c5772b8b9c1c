//! Automatic licensing may strike after an account was looked at: for 24 hours after the newest account of carepass in a reseller
//! account the lists of paid licences are read once an hour, for all accounts together, and a row whose account has one is looked at
//! again. One time for each reseller account is all that is remembered; after a restart it is not known, and 24 hours are watched.
//! Not here: what is done about a licence that is found (`steps/no_paid_license`).

use super::{Engine, traced};
use crate::google::{Account, PaidLicense};
use crate::model::duty::Duty;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, State, Want};
use crate::model::failure::{Failure, FailureKind};
use crate::model::id::{AccountId, ResellerName};
use crate::model::plan::StepName;
use crate::model::rules::later;
use crate::model::transition::Input;
use crate::steps::Site;
use crate::store::StoreError;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long after an account was made a paid licence is looked for.
const WATCHED: SignedDuration = SignedDuration::from_hours(24);

/// What is watched, by reseller account.
#[derive(Default)]
pub(super) struct Watches {
    by_reseller: Mutex<BTreeMap<ResellerName, Watch>>,
}

/// What is watched of one reseller account.
#[derive(Clone, Copy, Default)]
struct Watch {
    /// A list that begins then or later is the last one.
    until: Option<Timestamp>,
    /// When the last list began that was read, and followed up, to its end.
    read: Option<Timestamp>,
    /// When a list was last asked for.
    tried: Option<Timestamp>,
}

impl Watches {
    fn of(&self) -> MutexGuard<'_, BTreeMap<ResellerName, Watch>> {
        self.by_reseller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    fn made(&mut self, account: Timestamp) {
        self.until = self.until.max(Some(later(account, WATCHED)));
    }

    /// Whether the lists are to be read now. A clock that was set back does not put it off.
    fn is_due(&self, now: Timestamp, pause: SignedDuration) -> bool {
        let wanted = self.until.is_some_and(|until| self.read.is_none_or(|read| read < until));
        wanted && self.tried.is_none_or(|tried| tried > now || now.duration_since(tried) >= pause)
    }
}

impl Engine {
    /// Accounts of carepass exist here, and when the newest was made is not known.
    pub(super) fn watch_from_now(&self, name: &ResellerName) {
        self.watch_account(name, self.house.clock.now());
    }

    /// A row that has just learned of its account begins the watch, or prolongs it.
    pub(super) fn watch_new_account(&self, before: &Enrollment, after: &Enrollment) {
        let EnrollmentId::Domain(_, name, _) = &after.id else { return };
        let Some(account) = &after.facts.account else { return };
        if before.facts.account.as_ref().is_none_or(|known| known.id != account.id) {
            self.watch_account(name, account.since);
        }
    }

    fn watch_account(&self, name: &ResellerName, made: Timestamp) {
        // An engineer's own account may have what licences it likes.
        if self.house.sites.get(name).is_some_and(|site| !site.reseller.home) {
            self.watches.of().entry(name.clone()).or_default().made(made);
        }
    }

    /// Reads the lists that are due. Long ones hold nobody up.
    pub(super) fn watch_licenses(self: &Arc<Self>) {
        let (now, unseen) = (self.house.clock.now(), self.known().unseen.clone());
        let mut due = Vec::new();
        for (name, watch) in self.watches.of().iter_mut().filter(|(name, _)| !unseen.contains(name)) {
            if watch.is_due(now, self.settings.recheck) && self.duties.holds(&Duty::Account(name.clone())) {
                watch.tried = Some(now);
                due.push(name.clone());
            }
        }
        for name in due {
            let engine = Arc::clone(self);
            let span = traced::look(&self.settings.tracer, "look at licenses", &name);
            self.spawn(async move { span.run(engine.look_at_licenses(&name, now)).await });
        }
    }

    async fn look_at_licenses(&self, name: &ResellerName, now: Timestamp) {
        let Some(site) = self.house.sites.get(name) else { return };
        let looked = match licensed(site, now, self.settings.recheck).await {
            Ok((began, licensed)) => {
                self.look_again(name, licensed).await.map(|whole| whole.then_some(began))
            }
            Err(failure) => {
                tracing::warn!(reseller = %name, code = %failure.code, "paid licences could not be looked for");
                // A long list is read on meanwhile, and is there the next time.
                if failure.kind == FailureKind::NotYet {
                    self.watches.of().entry(name.clone()).or_default().tried = None;
                }
                return;
            }
        };
        match looked {
            Ok(began) => {
                let mut watches = self.watches.of();
                let watch = watches.entry(name.clone()).or_default();
                watch.read = watch.read.max(began);
            }
            Err(error) => tracing::warn!(reseller = %name, %error, "paid licences are not followed up yet"),
        }
    }

    /// Has the rows of these accounts look again; whether that worked for all of them.
    async fn look_again(
        &self,
        name: &ResellerName,
        licensed: BTreeMap<EnrollmentId, AccountId>,
    ) -> Result<bool, StoreError> {
        let mut whole = true;
        for (id, account) in licensed {
            let row = self.house.store.enrollment(&id).await?;
            let Some(row) = row.filter(|row| self.is_past(row, &account)) else { continue };
            tracing::info!(row = %id, "the account has a paid licence: the row looks again");
            self.move_row(&row, Input::Recheck).await;
            let row = self.house.store.enrollment(&id).await?;
            whole &= row.is_none_or(|row| !self.is_past(&row, &account));
        }
        self.wake(&Lane::Leaving(name.clone()));
        self.wake(&Lane::Reseller(name.clone()));
        Ok(whole)
    }

    /// Whether the row has this account, will not look for paid licences by itself any more, and is still watched: no whole list has begun
    /// a day after the account was made. Whoever left in that time is watched like anybody else. What somebody gave an older account, or took as done, is left alone.
    fn is_past(&self, row: &Enrollment, account: &AccountId) -> bool {
        let read = row.id.reseller().and_then(|name| self.watches.of().get(name)?.read);
        let read = read.unwrap_or_else(|| self.house.clock.now() - self.settings.recheck);
        let known = row.facts.account.as_ref().filter(|known| known.id == *account);
        let is_at_rest = row.goal.want == Want::Present || row.has_lost_access();
        is_at_rest
            && row.done.contains(&StepName::NoPaidLicense)
            && !row.skipped.contains(&StepName::NoPaidLicense)
            && !matches!(row.state, State::Cancelled { .. })
            && known.is_some_and(|known| read < later(known.since, WATCHED))
    }
}

/// When the list began, and the rows whose accounts, by our marker, have a paid licence. The list of accounts may be as old as a pause:
/// an account that it lacks is in the next one.
async fn licensed(
    site: &Site,
    now: Timestamp,
    pause: SignedDuration,
) -> Result<(Timestamp, BTreeMap<EnrollmentId, AccountId>), Failure> {
    let pause = pause.min(WATCHED);
    let licenses = site.census.paid_licenses(now - pause / 2).await?;
    if licenses.items.is_empty() {
        return Ok((licenses.began, BTreeMap::new()));
    }
    let accounts = site.census.accounts(now - pause).await?;
    Ok((licenses.began, ours(&site.reseller.name, &licenses.items, &accounts.items)))
}

fn ours(
    name: &ResellerName,
    licenses: &[PaidLicense],
    accounts: &[Account],
) -> BTreeMap<EnrollmentId, AccountId> {
    let addresses: BTreeSet<&str> = licenses.iter().map(|license| license.address.as_str()).collect();
    let row_of = |account: &Account| {
        let engineer = account.marker.as_ref()?.parse().ok()?;
        let domain = account.primary_address.rsplit_once('@')?.1.parse().ok()?;
        Some((EnrollmentId::Domain(engineer, name.clone(), domain), account.id.clone()))
    };
    accounts
        .iter()
        .filter(|account| addresses.contains(account.primary_address.as_str()))
        .filter_map(row_of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    /// Minutes: when the newest account was made, when the last whole list began, when one was last tried; and whether one is due.
    fn check(made: Option<i64>, read: Option<i64>, tried: Option<i64>, now: i64, due: bool) {
        let mut watch = Watch { until: None, read: read.map(at), tried: tried.map(at) };
        if let Some(made) = made {
            watch.made(at(made));
        }
        assert_eq!(watch.is_due(at(now), HOUR), due, "{made:?} {read:?} {tried:?} at {now}");
    }

    #[test]
    fn lists_are_read_once_an_hour_for_a_day_and_once_after_it() {
        const DAY: i64 = 24 * 60;
        check(None, None, None, 0, false);
        check(Some(0), None, None, 0, true);
        check(Some(0), None, Some(0), 59, false);
        check(Some(0), None, Some(0), 60, true);
        check(Some(0), Some(DAY - 1), Some(DAY - 1), DAY + 59, true);
        check(Some(0), Some(DAY), Some(DAY), DAY + 60, false);
        check(Some(0), Some(DAY - 1), Some(DAY + 59), 9 * DAY, true);
        check(Some(DAY), Some(DAY), Some(DAY), DAY + 60, true);
        check(Some(0), None, Some(90), 30, true);
    }

    #[test]
    fn only_accounts_with_our_marker_are_looked_at() {
        let account = |address: &str, marker: Option<&str>| Account {
            id: "1".parse().unwrap(),
            primary_address: address.to_owned(),
            customer: None,
            marker: marker.map(str::to_owned),
            is_admin: None,
            is_delegated_admin: None,
            suspended: None,
            suspension_reason: None,
            archived: None,
            two_step_enrolled: None,
            two_step_enforced: None,
            org_unit_path: None,
            aliases: BTreeSet::new(),
            name: None,
            created: None,
            last_login: None,
            deleted: None,
        };
        let license = |address: &str| PaidLicense {
            address: address.to_owned(),
            product: "Google-Apps".to_owned(),
            sku: "1010020027".to_owned(),
        };
        let accounts = [
            account("asa@x.example", Some("E-1")),
            account("bo@x.example", Some("E-2")),
            account("cia@x.example", None),
        ];
        let licenses = [license("asa@x.example"), license("cia@x.example")];
        let found = ours(&"nordic-se".parse().unwrap(), &licenses, &accounts);
        let rows: Vec<String> = found.keys().map(ToString::to_string).collect();
        assert_eq!(rows, ["domain/E-1/nordic-se/x.example"]);
    }
}
