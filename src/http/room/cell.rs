//! How a row looks at a glance: a word and a shape, never a colour alone. Pure. Not here: why (`model/message`).

use super::text::Text;
use crate::model::enrollment::{Enrollment, State, Want};
use crate::model::failure::Who;
use crate::model::person::Language;
use maud::{Markup, html};

/// What is to be seen of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    /// Access is there.
    Ready,
    /// carepass is at work.
    Working,
    /// Something went wrong, and carepass tries again by itself.
    TriesAgain,
    /// An operator acts.
    NeedsOperator,
    /// HR acts.
    NeedsHr,
    /// The engineer acts.
    NeedsEngineer,
    /// Google acts.
    WaitsForGoogle,
    /// The date has to come.
    WaitsForDate,
    /// The set-up of the reseller account is not ready.
    WaitsForAccount,
    /// Access is to end and is not seen to be gone.
    StillOpen,
    /// Access is gone.
    Gone,
    /// An operator ended it.
    Ended,
    /// There is no row.
    Nothing,
}

impl Cell {
    /// Every cell, in the order of the key.
    pub(super) const ALL: [Self; 13] = [
        Self::Ready,
        Self::Working,
        Self::TriesAgain,
        Self::NeedsOperator,
        Self::NeedsHr,
        Self::NeedsEngineer,
        Self::WaitsForGoogle,
        Self::WaitsForDate,
        Self::WaitsForAccount,
        Self::StillOpen,
        Self::Gone,
        Self::Ended,
        Self::Nothing,
    ];

    /// Access that is to end counts as open until it was seen to be gone, whatever the row waits for.
    pub(super) fn of(row: &Enrollment) -> Self {
        let ends = row.newest_goal().want == Want::Absent;
        match &row.state {
            State::Cancelled { .. } => Self::Ended,
            _ if ends && row.has_lost_access() => Self::Gone,
            _ if ends => Self::StillOpen,
            State::Completed => Self::Ready,
            State::Scheduled { last: Some(_), .. } => Self::TriesAgain,
            State::Scheduled { last: None, .. } | State::Running { .. } => Self::Working,
            State::Waiting { on, .. } => match on {
                Who::Operator => Self::NeedsOperator,
                Who::Hr => Self::NeedsHr,
                Who::Engineer => Self::NeedsEngineer,
                Who::Google => Self::WaitsForGoogle,
                Who::Calendar => Self::WaitsForDate,
                Who::Reseller => Self::WaitsForAccount,
            },
        }
    }

    pub(super) fn text(self) -> Text {
        match self {
            Self::Ready => Text::CellReady,
            Self::Working => Text::CellWorking,
            Self::TriesAgain => Text::CellTriesAgain,
            Self::NeedsOperator => Text::CellNeedsOperator,
            Self::NeedsHr => Text::CellNeedsHr,
            Self::NeedsEngineer => Text::CellNeedsEngineer,
            Self::WaitsForGoogle => Text::CellWaitsForGoogle,
            Self::WaitsForDate => Text::CellWaitsForDate,
            Self::WaitsForAccount => Text::CellWaitsForAccount,
            Self::StillOpen => Text::CellStillOpen,
            Self::Gone => Text::CellGone,
            Self::Ended => Text::CellEnded,
            Self::Nothing => Text::CellNothing,
        }
    }

    /// The shape, as the style knows it. Kept short: a matrix has a thousand of them.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Ready => "s ready",
            Self::Working => "s work",
            Self::TriesAgain => "s again",
            Self::NeedsOperator | Self::NeedsHr | Self::NeedsEngineer => "s you",
            Self::WaitsForGoogle | Self::WaitsForDate | Self::WaitsForAccount => "s wait",
            Self::StillOpen => "s open",
            Self::Gone => "s gone",
            Self::Ended => "s ended",
            Self::Nothing => "s none",
        }
    }

    pub(super) fn show(self, language: Language) -> Markup {
        html! { span class=(self.class()) { (self.text().of(language)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::Goal;
    use crate::model::failure::{Failure, FailureCode};
    use jiff::Timestamp;

    #[test]
    fn a_row_looks_like_what_it_is() {
        let row = |want| {
            let goal = Goal { want, revision: 1 };
            Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH)
        };
        let waiting = |want, on| {
            let mut row = row(want);
            let (at, reason) = (row.state.at().unwrap(), Failure::needs(on, FailureCode::SeatsSpent));
            row.state = State::Waiting { at, on, reason, look_again: Timestamp::UNIX_EPOCH };
            row
        };
        let in_state = |want, state| Enrollment { state, ..row(want) };
        let check = |row: &Enrollment, expected| assert_eq!(Cell::of(row), expected, "{row:?}");
        check(&row(Want::Present), Cell::Working);
        check(&in_state(Want::Present, State::Completed), Cell::Ready);
        check(&in_state(Want::Absent, State::Completed), Cell::Gone);
        check(&row(Want::Absent), Cell::StillOpen);
        check(&waiting(Want::Absent, Who::Operator), Cell::StillOpen);
        check(&in_state(Want::Present, State::Cancelled { reason: String::new() }), Cell::Ended);
        for (on, expected) in [
            (Who::Operator, Cell::NeedsOperator),
            (Who::Hr, Cell::NeedsHr),
            (Who::Engineer, Cell::NeedsEngineer),
            (Who::Google, Cell::WaitsForGoogle),
            (Who::Calendar, Cell::WaitsForDate),
            (Who::Reseller, Cell::WaitsForAccount),
        ] {
            check(&waiting(Want::Present, on), expected);
        }
        let mut ready = in_state(Want::Present, State::Completed);
        ready.next = Some(Box::new(Goal { want: Want::Absent, revision: 2 }.into()));
        check(&ready, Cell::StillOpen);
    }

    /// Words alone tell states apart, and so do shapes: nobody has to see a colour.
    #[test]
    fn no_two_cells_read_alike() {
        for language in Language::ALL {
            for cell in Cell::ALL {
                let shown = cell.show(language).into_string();
                assert!(shown.contains(&format!(">{}<", cell.text().of(language))), "{shown}");
            }
            let mut words: Vec<_> = Cell::ALL.map(|cell| cell.text().of(language)).into();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), Cell::ALL.len());
        }
    }
}
