//! One engineer in five plain lines: has, lacks, why, who acts, when we look again. The sentences are those of every other door
//! (`model/message`). Pure. Not here: reading the rows (`engineer`).

use super::parts::moment;
use super::text::Text;
use crate::model::enrollment::{Enrollment, State, Target, Want};
use crate::model::failure::{Failure, Who};
use crate::model::message::{Message, Place, explain, state_words, who_words};
use crate::model::person::Language;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use maud::{Markup, html};

/// Places that are named in a sentence; of more the number is said.
const NAMED: usize = 6;

/// What the lines are made of.
pub(super) struct Five<'a> {
    /// The rows, those of domains and the engineer's own.
    pub(super) rows: &'a [Enrollment],
    /// What holds the engineer as a whole.
    pub(super) held: Option<Failure>,
    pub(super) now: Timestamp,
    pub(super) language: Language,
}

impl Five<'_> {
    pub(super) fn show(&self) -> Markup {
        let say = |text: Text| text.of(self.language);
        let first = self.first();
        html! {
            dl.five {
                dt { (say(Text::Has)) } dd { (self.has()) }
                dt { (say(Text::Lacks)) } dd { (self.lacks()) }
                dt { (say(Text::Why)) } dd { (self.why(first)) }
                dt { (say(Text::WhoActs)) } dd { (self.who(first)) }
                dt { (say(Text::LooksAgain)) } dd { (self.again(first)) }
            }
        }
    }

    fn has(&self) -> String {
        let ready =
            |row: &&Enrollment| row.state == State::Completed && row.newest_goal().want == Want::Present;
        self.places(self.rows.iter().filter(ready)).unwrap_or_else(|| self.say(Text::NoAccess))
    }

    fn lacks(&self) -> String {
        let open = |row: &&Enrollment| row.newest_goal().want == Want::Absent && !row.has_lost_access();
        let lacking = |row: &&Enrollment| {
            row.newest_goal().want == Want::Present && row.state != State::Completed && !cancelled(row)
        };
        let lacking = self.places(self.rows.iter().filter(lacking));
        let open = self.places(self.rows.iter().filter(open));
        match (lacking, open) {
            (None, None) => self.say(Text::LacksNothing),
            (Some(lacking), None) => lacking,
            (lacking, Some(open)) => {
                let open = format!("{} {open}", Text::OpenStill.of(self.language));
                lacking.map_or_else(|| open.clone(), |lacking| format!("{lacking}. {open}"))
            }
        }
    }

    fn why(&self, first: Option<&Enrollment>) -> String {
        match (&self.held, first) {
            (Some(_), _) => self.message(first).map(|message| message.so).unwrap_or_default(),
            (None, Some(row)) => self
                .message(first)
                .map_or_else(|| state_words(row, &self.zoned(), self.language), |message| message.so),
            (None, None) => self.say(Text::AllIsDone),
        }
    }

    fn who(&self, first: Option<&Enrollment>) -> String {
        let on = match (&self.held, first.map(|row| &row.state)) {
            (Some(_), _) => Some(Who::Operator),
            (None, Some(State::Waiting { on, .. })) => Some(*on),
            (None, _) => None,
        };
        match (on, self.message(first)) {
            (Some(on), Some(message)) => format!("{}. {}", who_words(on, self.language), message.you),
            (Some(on), None) => who_words(on, self.language).to_owned(),
            (None, _) if first.is_some() => "carepass".to_owned(),
            (None, _) => self.say(Text::NobodyActs),
        }
    }

    fn again(&self, first: Option<&Enrollment>) -> Markup {
        match first.and_then(Enrollment::wake_at) {
            Some(at) if self.held.is_none() => moment(at),
            Some(_) | None => html! { "–" },
        }
    }

    /// The row that needs somebody most: access that is to end, a person, anything that waits, anything that went wrong.
    fn first(&self) -> Option<&Enrollment> {
        let unsettled = self.rows.iter().filter(|row| !row.is_settled());
        unsettled.min_by_key(|row| (urgency(row), row.wake_at()))
    }

    fn message(&self, first: Option<&Enrollment>) -> Option<Message> {
        let nowhere =
            Place { reseller: None, domain: None, step: None, look_again: None, time_zone: TimeZone::UTC };
        if let Some(held) = &self.held {
            return Some(explain(held, &nowhere, self.now, self.language));
        }
        let row = first?;
        let failure = failure(row)?;
        Some(explain(failure, &Place::of(row, TimeZone::UTC), self.now, self.language))
    }

    fn places<'r>(&self, rows: impl Iterator<Item = &'r Enrollment>) -> Option<String> {
        let names: Vec<String> = rows
            .filter_map(|row| match row.id.target() {
                Target::Domain(_, domain) => Some(domain.to_string()),
                Target::Engineer => (!row.is_settled()).then(|| self.say(Text::TheLetter)),
                Target::Reseller(_) => None,
            })
            .collect();
        let more = names.len().saturating_sub(NAMED);
        let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(shown),
            (false, _) => Some(format!("{shown} {} {more}", Text::AndMore.of(self.language))),
        }
    }

    fn zoned(&self) -> Zoned {
        self.now.to_zoned(TimeZone::UTC)
    }

    fn say(&self, text: Text) -> String {
        text.of(self.language).to_owned()
    }
}

/// What went wrong with a row, or what it waits for.
pub(super) fn failure(row: &Enrollment) -> Option<&Failure> {
    match &row.state {
        State::Waiting { reason, .. } => Some(reason),
        State::Scheduled { last, .. } => last.as_ref(),
        State::Running { .. } | State::Completed | State::Cancelled { .. } => None,
    }
}

fn urgency(row: &Enrollment) -> (bool, u8) {
    let is_open = row.newest_goal().want == Want::Absent && !row.has_lost_access();
    let need = match &row.state {
        State::Waiting { on, .. } if on.is_a_person() => 0,
        State::Waiting { .. } => 1,
        State::Scheduled { last: Some(_), .. } => 2,
        State::Scheduled { .. } | State::Running { .. } | State::Completed | State::Cancelled { .. } => 3,
    };
    (!is_open, need)
}

fn cancelled(row: &Enrollment) -> bool {
    matches!(row.state, State::Cancelled { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::Goal;
    use crate::model::failure::FailureCode;
    use jiff::SignedDuration;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn row(domain: &str, want: Want, state: impl FnOnce(&Enrollment) -> State) -> Enrollment {
        let id = format!("domain/E-1/se/{domain}").parse().unwrap();
        let mut row = Enrollment::open(id, Goal { want, revision: 1 }, at(0));
        row.state = state(&row);
        row
    }

    fn waits(on: Who, code: FailureCode, minutes: i64) -> impl FnOnce(&Enrollment) -> State {
        move |row| State::Waiting {
            at: row.state.at().unwrap(),
            on,
            reason: Failure::needs(on, code),
            look_again: at(minutes),
        }
    }

    /// Of these rows: where access is, where it is not, who acts, and when carepass looks again.
    fn check(rows: &[Enrollment], held: Option<Failure>, expected: [&str; 3], again: Option<i64>) {
        let five = Five { rows, held, now: at(5), language: Language::English };
        let who = five.who(five.first());
        let found = [five.has(), five.lacks(), who.split(". ").next().unwrap_or_default().to_owned()];
        assert_eq!(found, expected, "{rows:#?}");
        let shown = five.again(five.first()).into_string();
        assert_eq!(shown, again.map_or("–".to_owned(), |minutes| moment(at(minutes)).into_string()));
    }

    #[test]
    fn the_five_lines_tell_of_the_row_that_needs_somebody_most() {
        let operator = who_words(Who::Operator, Language::English);
        let google = who_words(Who::Google, Language::English);
        let ready = row("a.se", Want::Present, |_| State::Completed);
        let asks = row("b.se", Want::Present, waits(Who::Operator, FailureCode::SeatsSpent, 7));
        let open = row("c.se", Want::Absent, waits(Who::Google, FailureCode::BackendError, 9));
        let gone = row("d.se", Want::Absent, |_| State::Completed);
        let off = row("e.se", Want::Present, |_| State::Cancelled { reason: String::new() });
        let still = "Access is still open in: c.se";
        check(&[], None, ["No access.", "Nothing.", "Nobody has to."], None);
        check(&[ready.clone(), gone.clone(), off], None, ["a.se", "Nothing.", "Nobody has to."], None);
        check(&[ready.clone(), asks.clone()], None, ["a.se", "b.se", operator], Some(7));
        check(
            &[asks.clone(), open.clone()],
            None,
            ["No access.", &format!("b.se. {still}"), google],
            Some(9),
        );
        check(&[ready, gone, open], None, ["a.se", still, google], Some(9));
        let held = Failure::needs(Who::Operator, FailureCode::GrantsHeld);
        check(&[asks], Some(held), ["No access.", "b.se", operator], None);
    }
}
