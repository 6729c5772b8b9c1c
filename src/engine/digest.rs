//! One letter a day to each operator, if there is something to say, and never one for each failure. Which day an operator had last is a
//! bookmark of the ledger, so that a restart writes no second one; a day that was missed is not made up for.
//! Not here: the words and the order of sections (`mail/digest`).

use super::Engine;
use crate::mail::{
    self, Digest, Held, Letter, LockOut, MessageId, OpenLeaver, OpenTasks, StartAtRisk, UnopenedLink, Wording,
};
use crate::model::calendar::moment;
use crate::model::duty::Duty;
use crate::model::engineer::{Engineer, Progress};
use crate::model::enrollment::{Enrollment, EnrollmentId, State, TargetKind, Want};
use crate::model::entry::{Actor, Change, Commit, Position};
use crate::model::failure::Who;
use crate::model::handover::{Delivery, Handover};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::message::{in_short, lock_out_words, under_way};
use crate::model::roster::Roster;
use crate::model::task::{Task, batch, drift_tasks, task};
use crate::model::two_step::Standing;
use crate::steps::letters;
use crate::store::StoreError;
use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Engineers read from the store at a time.
const PAGE: usize = 200;

/// The longest sleep: a letter that did not leave is tried again, and a clock that was set is noticed.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// A page that nobody has opened for so long is worth a word, and once more for as long after its time was over.
const UNOPENED: SignedDuration = SignedDuration::from_hours(24);

/// The digest that is due at a time, and when the next one is. On a day whose clock skips the hour it is written after the gap; in an
/// hour that comes twice, the first time.
fn due(now: Timestamp, at: Time, time_zone: &TimeZone) -> (Option<Date>, Timestamp) {
    let today = now.to_zoned(time_zone.clone()).date();
    let moment = |day: Date| day.to_datetime(at).to_zoned(time_zone.clone()).map(|zoned| zoned.timestamp());
    match moment(today) {
        Ok(written) if now < written => (None, written),
        Ok(_) | Err(_) => {
            let tomorrow = today.tomorrow().ok().and_then(|day| moment(day).ok());
            (Some(today), tomorrow.unwrap_or(Timestamp::MAX))
        }
    }
}

/// A day as a place to keep in a bookmark: days since 1970.
fn position(day: Date) -> Position {
    let days = day.since(date(1970, 1, 1)).map_or(0, |span| span.get_days());
    Position(u64::try_from(days).unwrap_or(0))
}

impl Engine {
    /// Writes digests until the stop.
    pub(super) async fn write_digests(self: Arc<Self>) {
        let letters = &self.settings.letters;
        if letters.operators.is_empty() {
            return self.stop.cancelled().await;
        }
        loop {
            let now = self.house.clock.now();
            let (day, next) = due(now, letters.digest_at, &letters.time_zone);
            if let Some(day) = day
                && self.duties.holds(&Duty::Reconcile)
                && let Err(error) = self.write_digest(day, now).await
            {
                tracing::warn!(%error, "the digest waits: the store does not answer");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.house.clock.sleep_until(next.min(now + LOOK_AGAIN)) => (),
            }
        }
    }

    /// Writes the day's digest to each operator who has not had it.
    async fn write_digest(&self, day: Date, now: Timestamp) -> Result<(), StoreError> {
        let mut wording: Option<Option<Wording>> = None;
        for (number, to) in self.settings.letters.operators.iter().enumerate() {
            let reader = format!("digest/{number}");
            if self.house.store.bookmark(&reader).await? >= position(day) {
                continue;
            }
            let written = match &wording {
                Some(written) => written.clone(),
                None => mail::digest(&self.gather(now).await?),
            };
            wording = Some(written.clone());
            if let Some(written) = written {
                let id = MessageId::of_digest(day, number);
                let letter = Letter::new(id, now, to.clone(), self.house.letters_language, written);
                if let Err(failure) = letters::send(&self.house, &letter).await {
                    tracing::warn!(code = %failure.code, detail = failure.detail, operator = number, "the digest did not leave; it is tried again");
                    continue;
                }
            }
            let bookmark = Change::Bookmark { reader, position: position(day) };
            let fences = self.duties.fence(&Duty::Reconcile)?;
            self.commit(Commit { fences, ..Commit::of(now, Actor::Engine, bookmark) }).await?;
        }
        Ok(())
    }

    /// What there is to say.
    async fn gather(&self, now: Timestamp) -> Result<Digest, StoreError> {
        let mut gathering = Gathering::new(self, now);
        for name in self.house.sites.keys() {
            if let Some(row) = self.house.store.enrollment(&EnrollmentId::Reseller(name.clone())).await? {
                gathering.take_task(&row);
            }
        }
        let mut after: Option<EngineerKey> = None;
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(gathering.digest()) };
            after = Some(last.key.clone());
            for engineer in &page {
                let rows = self.house.store.enrollments_of(&engineer.key).await?;
                gathering.take(engineer, &rows);
            }
        }
    }
}

/// What was found so far; moments stand beside each item until all are in order.
struct Gathering<'a> {
    engine: &'a Engine,
    roster: Arc<Roster>,
    now: Timestamp,
    leavers: Vec<(Timestamp, OpenLeaver)>,
    at_risk: Vec<(Timestamp, StartAtRisk)>,
    tasks: Vec<Task>,
    held: Vec<(Timestamp, Held)>,
    lock_outs: Vec<(Timestamp, LockOut)>,
    links: Vec<(Timestamp, UnopenedLink)>,
}

impl<'a> Gathering<'a> {
    fn new(engine: &'a Engine, now: Timestamp) -> Self {
        Self {
            engine,
            roster: engine.roster(),
            now,
            leavers: Vec::new(),
            at_risk: Vec::new(),
            tasks: Vec::new(),
            held: Vec::new(),
            lock_outs: Vec::new(),
            links: Vec::new(),
        }
    }

    fn take(&mut self, engineer: &Engineer, rows: &[Enrollment]) {
        for row in rows {
            self.take_task(row);
        }
        for row in rows.iter().filter(|row| row.id.kind() == TargetKind::Domain) {
            self.take_leaver(engineer, row);
            self.take_lock_out(engineer, row);
        }
        if engineer.stated.goal.want == Want::Absent {
            return;
        }
        if let Some((since, _)) = engineer.held() {
            self.held.push((since, Held { engineer: engineer.key.clone(), since: self.phrase(since) }));
        }
        self.take_risk(engineer, rows);
        self.take_link(engineer);
    }

    /// What an engineer is asked for stands among those who may be locked out.
    fn take_task(&mut self, row: &Enrollment) {
        let now = self.now.to_zoned(self.engine.settings.letters.time_zone.clone());
        self.tasks.extend(task(row, &now).filter(|task| task.on != Who::Engineer));
        self.tasks.extend(drift_tasks(row, &now));
    }

    fn take_leaver(&mut self, engineer: &Engineer, row: &Enrollment) {
        let Some(leaving) = row.leaving.filter(|_| row.goal.want == Want::Absent) else { return };
        if let (Some(domain), None) = (row.id.domain(), row.facts.locked_out_at)
            && row.state != State::Completed
        {
            let since = self.phrase(leaving.said_at);
            let open = OpenLeaver { engineer: engineer.key.clone(), domain: domain.clone(), since };
            self.leavers.push((leaving.said_at, open));
        }
    }

    fn take_lock_out(&mut self, engineer: &Engineer, row: &Enrollment) {
        let is_gated = row.waits_for_two_step();
        if !is_gated && self.engine.two_step(row) != Some(Standing::Pending) {
            return;
        }
        let (Some(domain), Some(account)) = (row.id.domain(), &row.facts.account) else { return };
        let at = lock_out_words(is_gated, self.engine.house.letters_language).to_owned();
        let lock_out = LockOut { engineer: engineer.key.clone(), domain: domain.clone(), at };
        self.lock_outs.push((account.since, lock_out));
    }

    fn take_risk(&mut self, engineer: &Engineer, rows: &[Enrollment]) {
        let Some(risk) = engineer.at_risk.filter(|risk| Some(risk.starts) == engineer.stated.starts) else {
            return;
        };
        if Progress::of(engineer, &self.roster, rows) == Progress::Ready {
            return;
        }
        let language = self.engine.house.letters_language;
        let waits = rows.iter().find_map(|row| match &row.state {
            State::Waiting { reason, .. } => Some(reason.code),
            State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => {
                None
            }
        });
        let code = engineer.held().map(|(_, why)| why.code()).or(waits);
        let waits_for = code.map_or(under_way(language), |code| in_short(code, language)).to_owned();
        let starts = self.phrase(risk.starts);
        self.at_risk.push((risk.starts, StartAtRisk { engineer: engineer.key.clone(), starts, waits_for }));
    }

    fn take_link(&mut self, engineer: &Engineer) {
        let unopened = |last: &&Handover| is_unopened(last, engineer.stated.starts, self.now);
        let Some(last) = engineer.handover.as_deref().filter(unopened) else { return };
        let expires_at = self.phrase(last.expires_at);
        self.links.push((last.expires_at, UnopenedLink { engineer: engineer.key.clone(), expires_at }));
    }

    fn phrase(&self, at: Timestamp) -> String {
        let zone = &self.engine.settings.letters.time_zone;
        moment::in_places(at, zone, &[], self.now, self.engine.house.letters_language)
    }

    fn digest(self) -> Digest {
        Digest {
            language: self.engine.house.letters_language,
            at: self.phrase(self.now),
            tasks: self.open_tasks(),
            leavers: in_order(self.leavers),
            at_risk: in_order(self.at_risk),
            held: in_order(self.held),
            lock_outs: in_order(self.lock_outs),
            links: in_order(self.links),
        }
    }

    /// How many cards each reseller account has, the oldest first.
    fn open_tasks(&self) -> Vec<OpenTasks> {
        let mut piles: BTreeMap<Option<ResellerName>, (Timestamp, usize)> = BTreeMap::new();
        for card in batch(self.tasks.clone()) {
            let (oldest, count) = piles.entry(card.task.reseller).or_insert((card.task.since, 0));
            *oldest = card.task.since.min(*oldest);
            *count += 1;
        }
        let open = piles.into_iter().map(|(reseller, (oldest, count))| {
            (oldest, OpenTasks { reseller, count, oldest: self.phrase(oldest) })
        });
        in_order(open.collect())
    }
}

/// Whether a page waits to be opened though there was time for it; days before the first day count for nobody, and a page that an order
/// replaces is no news.
fn is_unopened(last: &Handover, starts: Option<Timestamp>, now: Timestamp) -> bool {
    let waits_since = starts.map_or(last.issued_at, |starts| starts.max(last.issued_at));
    let is_news = match last.lapsed_at {
        None => now.duration_since(waits_since) >= UNOPENED,
        Some(lapsed) => lapsed >= last.expires_at && now.duration_since(lapsed) < UNOPENED,
    };
    last.opened_at.is_none() && !last.domains(Delivery::Link).is_empty() && is_news
}

/// The oldest first.
fn in_order<T>(mut items: Vec<(Timestamp, T)>) -> Vec<T> {
    items.sort_by_key(|(at, _)| *at);
    items.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Local times: now, the hour of the digest, the day that is due, and the next digest in UTC.
    fn check(now: &str, at: (i8, i8), due_day: Option<&str>, next: &str) {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let now: Timestamp = now.parse().unwrap();
        let (day, then) = due(now, Time::constant(at.0, at.1, 0, 0), &zone);
        assert_eq!(day.map(|day| day.to_string()).as_deref(), due_day, "{now}");
        assert_eq!(then.to_string(), next, "{now}");
    }

    #[test]
    fn a_digest_is_due_once_a_day_also_when_the_clock_is_changed() {
        check("2026-11-20T06:59:59Z", (8, 0), None, "2026-11-20T07:00:00Z");
        check("2026-11-20T07:00:00Z", (8, 0), Some("2026-11-20"), "2026-11-21T07:00:00Z");
        check("2026-10-24T07:00:00Z", (8, 0), Some("2026-10-24"), "2026-10-25T07:00:00Z");
        // Spring: half past two does not exist on 29 March, and is written at half past three.
        check("2026-03-29T00:59:00Z", (2, 30), None, "2026-03-29T01:30:00Z");
        check("2026-03-29T01:30:00Z", (2, 30), Some("2026-03-29"), "2026-03-30T00:30:00Z");
        // Autumn: half past two comes twice on 25 October.
        check("2026-10-25T00:30:00Z", (2, 30), Some("2026-10-25"), "2026-10-26T01:30:00Z");
        check("2026-10-25T01:30:00Z", (2, 30), Some("2026-10-25"), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn a_page_that_nobody_opens_is_told_after_a_day_and_when_its_time_is_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let page = Handover {
            issue: 1,
            revision: 1,
            issued_at: at("2026-11-20T10:00:00Z"),
            expires_at: at("2026-11-27T10:00:00Z"),
            opened_at: None,
            lapsed_at: None,
            ways: [("a.se".parse().unwrap(), Delivery::Link)].into(),
            wrapped: None,
        };
        let check = |page: &Handover, starts: Option<&str>, now: &str, expected: bool| {
            assert_eq!(is_unopened(page, starts.map(at), at(now)), expected, "{now} {page:?}");
        };
        check(&page, None, "2026-11-21T09:59:59Z", false);
        check(&page, None, "2026-11-21T10:00:00Z", true);
        check(&page, Some("2026-11-24T08:00:00Z"), "2026-11-25T07:00:00Z", false);
        check(&page, Some("2026-11-24T08:00:00Z"), "2026-11-25T08:00:00Z", true);
        let lapsed = Handover { lapsed_at: Some(page.expires_at), ..page.clone() };
        check(&lapsed, None, "2026-11-28T09:00:00Z", true);
        check(&lapsed, None, "2026-11-28T10:00:00Z", false);
        let replaced = Handover { lapsed_at: Some(at("2026-11-22T10:00:00Z")), ..page.clone() };
        check(&replaced, None, "2026-11-22T11:00:00Z", false);
        check(
            &Handover { opened_at: Some(page.issued_at), ..page.clone() },
            None,
            "2026-11-25T10:00:00Z",
            false,
        );
        let vault = [("a.se".parse().unwrap(), Delivery::Vault)].into();
        check(&Handover { ways: vault, ..page }, None, "2026-11-25T10:00:00Z", false);
    }

    #[test]
    fn days_are_in_order_as_bookmarks() {
        assert_eq!(position(date(1970, 1, 1)), Position(0));
        assert_eq!(position(date(2026, 11, 20)), Position(20_777));
    }
}
