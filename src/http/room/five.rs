//! One engineer in five plain lines: has, lacks, why, who acts, when we look again. The sentences are those of every other door
//! (`model/message`). Pure. Not here: reading the rows (`engineer`).

use super::parts::moment;
use super::text::Text;
use crate::model::enrollment::{Enrollment, State, Target, Want};
use crate::model::failure::{Failure, Who};
use crate::model::message::{Message, Place, ended_words, explain, state_words, who_words};
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
            row.newest_goal().want == Want::Present
                && row.state != State::Completed
                && words_at_the_end(row).is_none()
        };
        let headed = |head: Text, places: Option<String>| {
            places.map(|places| format!("{} {places}", head.of(self.language)))
        };
        let lacking = self.places(self.rows.iter().filter(lacking));
        let ended = self.places(self.ended().map(|(row, _)| row));
        let open = self.places(self.rows.iter().filter(open));
        let parts = [lacking, headed(Text::EndedByOperator, ended), headed(Text::OpenStill, open)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { self.say(Text::LacksNothing) } else { parts.join(". ") }
    }

    /// What an operator has ended that was to be had, with the words: nothing more happens there, and it is lacking all the same.
    fn ended(&self) -> impl Iterator<Item = (&Enrollment, &str)> {
        self.rows.iter().filter_map(|row| words_at_the_end(row).map(|words| (row, words)))
    }

    /// Why it was ended; where that differs, of each place by itself.
    fn ended_why(&self) -> Option<String> {
        let (_, first) = self.ended().next()?;
        if self.ended().all(|(_, words)| words == first) {
            return Some(ended_words(first, self.language));
        }
        let one = |(row, words): (&Enrollment, &str)| {
            let place = self.places(std::iter::once(row)).unwrap_or_default();
            format!("{place}: {}", ended_words(words, self.language))
        };
        let shown = self.ended().take(NAMED).map(one).collect::<Vec<_>>().join("; ");
        Some(match self.ended().count().saturating_sub(NAMED) {
            0 => shown,
            more => format!("{shown} {} {more}", Text::AndMore.of(self.language)),
        })
    }

    fn why(&self, first: Option<&Enrollment>) -> String {
        match (&self.held, first) {
            (Some(_), _) => self.message(first).map(|message| message.so).unwrap_or_default(),
            (None, Some(row)) => self
                .message(first)
                .map_or_else(|| state_words(row, &self.zoned(), self.language), |message| message.so),
            (None, None) => self.ended_why().unwrap_or_else(|| self.say(Text::AllIsDone)),
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
                Target::Engineer => (row.state != State::Completed).then(|| self.say(Text::TheLetter)),
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

/// The operator's words, of a row that was to be had and was ended.
fn words_at_the_end(row: &Enrollment) -> Option<&str> {
    match &row.state {
        State::Cancelled { reason } if row.newest_goal().want == Want::Present => Some(reason),
        State::Scheduled { .. }
        | State::Running { .. }
        | State::Waiting { .. }
        | State::Completed
        | State::Cancelled { .. } => None,
    }
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
        check(
            &[ready.clone(), gone.clone(), off],
            None,
            ["a.se", "Ended by an operator: e.se", "Nobody has to."],
            None,
        );
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

    fn standing(id: &str, state: State) -> Enrollment {
        let goal = Goal { want: Want::Present, revision: 1 };
        Enrollment { state, ..Enrollment::open(id.parse().unwrap(), goal, Timestamp::UNIX_EPOCH) }
    }

    fn ended(id: &str, reason: &str) -> Enrollment {
        standing(id, State::Cancelled { reason: reason.to_owned() })
    }

    /// What is lacking, why, and who acts.
    fn check_words(rows: &[Enrollment], language: Language, expected: [&str; 3]) {
        let five = Five { rows, held: None, now: Timestamp::UNIX_EPOCH, language };
        let first = five.first();
        assert_eq!([five.lacks(), five.why(first), five.who(first)], expected);
    }

    #[test]
    fn what_an_operator_has_ended_is_lacking_for_the_reason_that_was_given() {
        let ready = standing("domain/E-1/se/a.se", State::Completed);
        let (one, other) =
            (ended("domain/E-1/se/b.se", "no case there"), ended("domain/E-1/no/a.no", "sold"));
        let nobody = "Nobody has to.";
        let all_well = ["Nothing.", "Everything is as it should be.", nobody];
        check_words(std::slice::from_ref(&ready), Language::English, all_well);
        let rows = [ready, one, other, ended("engineer/E-1", "sold")];
        check_words(
            &rows[..2],
            Language::English,
            ["Ended by an operator: b.se", "An operator ended this, with the words: no case there", nobody],
        );
        check_words(
            &rows[2..],
            Language::Swedish,
            [
                "Avslutat av en operatör: a.no, brevet till teknikern",
                "En operatör avslutade detta, med orden: sold",
                "Ingen behöver.",
            ],
        );
        check_words(
            &rows[..3],
            Language::English,
            [
                "Ended by an operator: b.se, a.no",
                "b.se: An operator ended this, with the words: no case there; a.no: An operator ended this, with the words: sold",
                nobody,
            ],
        );
    }

    #[test]
    fn what_was_ended_stands_beside_what_is_lacking_and_does_not_speak_for_it() {
        let goal = Goal { want: Want::Present, revision: 1 };
        let working = Enrollment::open("domain/E-1/se/c.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
        let rows = [ended("domain/E-1/se/b.se", "no case there"), working];
        let five = Five { rows: &rows, held: None, now: Timestamp::UNIX_EPOCH, language: Language::English };
        let first = five.first();
        assert_eq!(five.lacks(), "c.se. Ended by an operator: b.se");
        assert_eq!(five.who(first), "carepass");
        assert!(!five.why(first).contains("no case there"), "{}", five.why(first));
    }
}
