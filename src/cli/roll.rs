//! The roll of engineers as `demo` shows it: who is ready where, and who waits for whom and why. It reads the store in this process;
//! `status` shows the same from the API of another. Not here: waiting until everybody has settled (`demo`).

use super::exit::Exit;
use super::table::{Cell, Table};
use crate::engine::Engine;
use crate::model::engineer::Progress;
use crate::model::enrollment::{Enrollment, State, Target};
use crate::model::id::{DomainName, EngineerKey, ResellerName};
use crate::model::message::state_words;
use crate::model::person::Language;
use crate::model::roster::Roster;
use crate::steps::SheetError;
use crate::store::StoreError;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Engineers read at a time.
const PAGE: usize = 200;

/// Everybody, at one moment.
pub struct Roll {
    lines: Vec<Line>,
    domains: Vec<(ResellerName, DomainName)>,
    roster: Arc<Roster>,
    now: Zoned,
}

struct Line {
    key: EngineerKey,
    username: String,
    progress: Progress,
    held: bool,
    rows: BTreeMap<Target, Enrollment>,
}

impl Roll {
    /// Reads everybody.
    pub async fn read(engine: &Engine) -> Result<Self, StoreError> {
        let (house, roster) = (engine.house(), engine.roster());
        let mut lines = Vec::new();
        let mut after: Option<EngineerKey> = None;
        loop {
            let page = house.store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for engineer in page {
                let rows = house.store.enrollments_of(&engineer.key).await?;
                let username = match house.sheet(&engineer.key).await {
                    Ok(sheet) => sheet.username.map_or_else(|| "–".to_owned(), |name| name.to_string()),
                    Err(SheetError::Store(error)) => return Err(error),
                    Err(SheetError::Seal(_) | SheetError::Incomplete) => "(sealed)".to_owned(),
                };
                lines.push(Line {
                    username,
                    progress: Progress::of(&engineer, &roster, &rows),
                    held: engineer.held().is_some(),
                    rows: rows.into_iter().map(|row| (row.id.target(), row)).collect(),
                    key: engineer.key,
                });
            }
        }
        let domains = roster.domains().map(|(reseller, domain)| (reseller.clone(), domain.clone())).collect();
        Ok(Self { lines, domains, roster, now: house.clock.now().to_zoned(TimeZone::system()) })
    }

    /// Whether all of so many engineers are here and can go no further without a person.
    pub fn has_settled(&self, engineers: usize) -> bool {
        self.lines.len() >= engineers
            && self.roster.is_complete()
            && self.lines.iter().all(|line| line.has_settled(&self.domains))
    }

    /// Ready; partly; or waiting for a person.
    pub fn exit(&self) -> Exit {
        let waits = |row: &Enrollment| matches!(row.state, State::Waiting { on, .. } if on.is_a_person());
        if self.lines.iter().any(|line| line.held || line.rows.values().any(waits)) {
            Exit::NeedsPerson
        } else if self.lines.iter().all(|line| line.progress == Progress::Ready) {
            Exit::Done
        } else {
            Exit::Partly
        }
    }

    /// One line for a terminal while the demo runs.
    pub fn progress(&self, engineers: usize) -> String {
        let rows = || self.lines.iter().flat_map(|line| line.rows.values());
        let done = rows().filter(|row| row.is_settled()).count();
        let ready = self.lines.iter().filter(|line| line.progress == Progress::Ready).count();
        format!("{ready} of {engineers} engineers ready, {done} of {} rows done", rows().count())
    }
}

impl Line {
    fn has_settled(&self, domains: &[(ResellerName, DomainName)]) -> bool {
        let is_still = |row: &Enrollment| match row.state {
            State::Waiting { on, .. } => on.is_a_person(),
            State::Completed | State::Cancelled { .. } => true,
            State::Scheduled { .. } | State::Running { .. } => false,
        };
        let everywhere = self.rows.len() >= domains.len() && self.rows.values().all(is_still);
        let told = self.rows.contains_key(&Target::Engineer);
        self.held || (everywhere && (told || !self.rows.values().all(Enrollment::is_settled)))
    }
}

/// The roll as text.
pub fn render(roll: &Roll, colored: bool) -> String {
    let mut table = Table::new(["ENGINEER", "USERNAME", "STATE", "READY", "WAITS FOR"]);
    for line in &roll.lines {
        let ready = line.rows.values().filter(|row| is_domain(row) && row.state == State::Completed).count();
        let waits: Vec<&str> = line.rows.values().filter_map(waits_on).collect();
        let waits = if line.held { "operator".to_owned() } else { unique(waits) };
        let ready = format!("{ready}/{}", roll.domains.len());
        let cells =
            [line.key.to_string(), line.username.clone(), line.progress.as_str().to_owned(), ready, waits];
        table.row(cells.map(Cell::from));
    }
    let mut text = table.render(colored);
    for line in &roll.lines {
        for row in line.rows.values().filter(|row| waits_on(row).is_some()) {
            let place = row.id.domain().map_or_else(|| "everywhere".to_owned(), ToString::to_string);
            let words = state_words(row, &roll.now, Language::English);
            write!(text, "\n{} in {place}: {words}", line.key).expect("a String takes every text");
        }
        if line.held {
            write!(text, "\n{}: held by the limit on grants until somebody approves", line.key)
                .expect("a String takes every text");
        }
    }
    text
}

fn is_domain(row: &Enrollment) -> bool {
    matches!(row.id.target(), Target::Domain(..))
}

fn waits_on(row: &Enrollment) -> Option<&'static str> {
    match &row.state {
        State::Waiting { on, .. } => Some(on.as_str()),
        State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => None,
    }
}

fn unique(mut words: Vec<&str>) -> String {
    words.sort_unstable();
    words.dedup();
    words.join(", ")
}
