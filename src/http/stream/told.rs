//! What a stream says of an entry of the ledger: which engineer, row or parked message moved, and where it stands now. Keys, rows and
//! states only: nothing that is sealed, no evidence, no words of anybody. Pure. Not here: when it is said (`stream`).

use crate::http::views::TargetView;
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, State, Want};
use crate::model::entry::{Change, Entry, Position};
use crate::model::failure::{FailureCode, Who};
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Unparking};
use crate::model::plan::StepName;
use jiff::Timestamp;
use serde::Serialize;

/// The data of one event; its name says which it is.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "StreamEvent")]
#[serde(untagged)]
pub(in crate::http) enum Told {
    /// `opened`: from where on the stream tells.
    Opened {
        /// The last entry of the ledger that it does not tell.
        position: u64,
    },
    /// `skipped`: entries are left out, since the caller was too far behind. Whatever the caller shows may be out of date.
    Skipped {
        /// The last entry before them.
        after: u64,
        /// The last of them.
        position: u64,
    },
    /// `engineer`: what HR or an operator has said of one is different.
    Engineer(EngineerMoved),
    /// `enrollment`: a row has moved.
    Enrollment(Box<RowMoved>),
    /// `dead_letter`: a message was parked, or is parked no longer.
    Letter(LetterMoved),
    /// `erased`: what was sealed for an engineer is destroyed.
    Erased {
        /// The place in the ledger.
        position: u64,
        /// When.
        at: Timestamp,
        /// Whose.
        key: EngineerKey,
    },
}

/// An engineer as a whole.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::http) struct EngineerMoved {
    /// The place in the ledger.
    position: u64,
    at: Timestamp,
    key: EngineerKey,
    goal: Want,
    /// Whether a person has to let the engineer in.
    held: bool,
    version: u64,
}

/// A row.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::http) struct RowMoved {
    /// The place in the ledger.
    position: u64,
    at: Timestamp,
    /// Null of a reseller account's own row.
    key: Option<EngineerKey>,
    target: TargetView,
    goal: Want,
    state: &'static str,
    step: Option<StepName>,
    attempt: Option<u32>,
    waiting_on: Option<Who>,
    reason: Option<FailureCode>,
    look_again_at: Option<Timestamp>,
    version: u64,
}

/// A parked message.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::http) struct LetterMoved {
    /// The place in the ledger.
    position: u64,
    at: Timestamp,
    id: LetterId,
    /// Whom it is about, as far as that is told.
    key: Option<EngineerKey>,
    standing: Standing,
    /// Why it could not be used, when it was parked.
    reason: Option<&'static str>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LetterStanding")]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum Standing {
    /// It is kept.
    Parked,
    /// It was taken up.
    Replayed,
    /// It was given up.
    Dropped,
}

/// Adds the events of an entry to the text. Only the last one carries the entry's id: a stream that breaks off within an entry tells
/// all of it again.
pub(super) fn write(text: &mut String, entry: &Entry) {
    let told: Vec<Told> = entry.changes.iter().filter_map(|change| Told::of(entry, change)).collect();
    let last = told.len().saturating_sub(1);
    for (index, told) in told.iter().enumerate() {
        told.write(text, (index == last).then_some(entry.position));
    }
}

impl Told {
    fn of(entry: &Entry, change: &Change) -> Option<Self> {
        let (position, at) = (entry.position.0, entry.at);
        match change {
            Change::Engineer(engineer) => Some(Self::Engineer(EngineerMoved::of(position, at, engineer))),
            Change::Enrollment { row, .. } => {
                Some(Self::Enrollment(Box::new(RowMoved::of(position, at, row))))
            }
            Change::Parked(parked) => Some(Self::Letter(LetterMoved {
                position,
                at,
                id: parked.id.clone(),
                key: parked.engineer.clone(),
                standing: Standing::Parked,
                reason: Some(parked.reason.code()),
            })),
            Change::Unparked { id, how } => Some(Self::Letter(LetterMoved {
                position,
                at,
                id: id.clone(),
                key: None,
                standing: Standing::of(*how),
                reason: None,
            })),
            Change::Erased { engineer } => Some(Self::Erased { position, at, key: engineer.clone() }),
            Change::Received(_)
            | Change::Reserved { .. }
            | Change::Released { .. }
            | Change::Bookmark { .. } => None,
        }
    }

    /// The name of the event.
    fn event(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Skipped { .. } => "skipped",
            Self::Engineer(_) => "engineer",
            Self::Enrollment(_) => "enrollment",
            Self::Letter(_) => "dead_letter",
            Self::Erased { .. } => "erased",
        }
    }

    /// Adds the event to the text of a stream (HTML Living Standard, section 9.2.5). JSON has no line breaks of its own.
    pub(super) fn write(&self, text: &mut String, id: Option<Position>) {
        let data =
            serde_json::to_string(self).expect("keys are texts, and there is nothing that cannot be JSON");
        text.push_str("event: ");
        text.push_str(self.event());
        if let Some(Position(id)) = id {
            text.push_str("\nid: ");
            text.push_str(&id.to_string());
        }
        text.push_str("\ndata: ");
        text.push_str(&data);
        text.push_str("\n\n");
    }
}

impl EngineerMoved {
    fn of(position: u64, at: Timestamp, engineer: &Engineer) -> Self {
        Self {
            position,
            at,
            key: engineer.key.clone(),
            goal: engineer.stated.goal.want,
            held: engineer.held().is_some(),
            version: engineer.version,
        }
    }
}

impl RowMoved {
    fn of(position: u64, at: Timestamp, row: &Enrollment) -> Self {
        let place = row.state.at();
        let (waiting_on, reason, look_again_at) = match &row.state {
            State::Scheduled { due, last, .. } => (None, last.as_ref(), Some(*due)),
            State::Waiting { on, reason, look_again, .. } => (Some(*on), Some(reason), Some(*look_again)),
            State::Running { .. } | State::Completed | State::Cancelled { .. } => (None, None, None),
        };
        Self {
            position,
            at,
            key: row.id.engineer().cloned(),
            target: TargetView::of(&row.id),
            goal: row.goal.want,
            state: row.state.as_str(),
            step: place.map(|place| place.step),
            attempt: place.map(|place| place.attempt),
            waiting_on,
            reason: reason.map(|failure| failure.code),
            look_again_at,
            version: row.version,
        }
    }
}

impl Standing {
    fn of(how: Unparking) -> Self {
        match how {
            Unparking::Replayed => Self::Replayed,
            Unparking::Dropped => Self::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engineer::{EventRef, Hold, Release};
    use crate::model::enrollment::Goal;
    use crate::model::entry::{Actor, Disposition, Received};
    use crate::model::failure::Failure;
    use crate::store::contract::beside;

    fn text_of(changes: Vec<Change>) -> String {
        let operator = Actor::Operator { name: "SECRET".into(), reason: "SECRET".into() };
        let entry = Entry { position: Position(7), at: Timestamp::UNIX_EPOCH, actor: operator, changes };
        let mut text = String::new();
        write(&mut text, &entry);
        text
    }

    fn row(state: impl FnOnce(&Enrollment) -> State) -> Change {
        let goal = Goal { want: Want::Present, revision: 3 };
        let mut row = Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
        row.state = state(&row);
        Change::Enrollment { from: None, row: Box::new(row) }
    }

    /// Exactly these fields: what is added is thought about here first.
    #[test]
    fn an_event_holds_keys_rows_and_states_and_nothing_else() {
        let mut engineer = Engineer::example("E-1");
        engineer.release = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::GrantLimit };
        let waiting = row(|row| State::Waiting {
            at: row.state.at().unwrap(),
            on: Who::Operator,
            reason: Failure::needs(Who::Operator, FailureCode::SeatsSpent).with_detail("SECRET"),
            look_again: Timestamp::UNIX_EPOCH,
        });
        let text = text_of(vec![Change::Engineer(Box::new(engineer)), waiting]);
        assert_eq!(
            text,
            concat!(
                "event: engineer\n",
                r#"data: {"position":7,"at":"1970-01-01T00:00:00Z","key":"E-1","goal":"present","held":true,"version":1}"#,
                "\n\nevent: enrollment\nid: 7\n",
                r#"data: {"position":7,"at":"1970-01-01T00:00:00Z","key":"E-1","#,
                r#""target":{"kind":"domain","reseller":"se","domain":"a.se"},"goal":"present","state":"waiting","#,
                r#""step":"username","attempt":1,"waiting_on":"operator","reason":"seats_spent","#,
                r#""look_again_at":"1970-01-01T00:00:00Z","version":0}"#,
                "\n\n",
            )
        );
        let cancelled = text_of(vec![row(|_| State::Cancelled { reason: "SECRET\n\ndata: x".into() })]);
        assert!(cancelled.contains("cancelled") && !cancelled.contains("SECRET"), "{cancelled}");
    }

    #[test]
    fn a_message_that_cannot_be_used_is_told_and_its_end() {
        let parked = beside::parked("a letter", 1);
        for change in [beside::unpark(&parked.id), Change::Parked(parked.clone())] {
            let text = text_of(vec![change]);
            assert!(
                text.starts_with("event: dead_letter\nid: 7\n") && text.contains(parked.id.as_str()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_concerns_nobody_who_looks_on_is_not_told() {
        let event = EventRef { source: "hr".into(), id: "1".into() };
        let received =
            Received { event, content: String::new(), verdict: Disposition::Stale, engineer: None };
        let bookmark = Change::Bookmark { reader: "outcomes".into(), position: Position(6) };
        assert_eq!(text_of(vec![Change::Received(received), bookmark]), "");
        let erased = text_of(vec![Change::Erased { engineer: "E-1".parse().unwrap() }]);
        assert!(erased.starts_with("event: erased\nid: 7\n"), "{erased}");
    }
}
