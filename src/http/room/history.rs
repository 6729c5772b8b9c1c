//! What the ledger says, in sentences: when, who, what. Nothing that is sealed is read. Pure. Not here: reading the ledger (`engineer`,
//! `reseller`).

use super::five::failure;
use super::parts::moment;
use super::text::Text;
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::entry::{Actor, Change, Disposition, Entry};
use crate::model::message::state_words;
use crate::model::parked::Unparking;
use crate::model::person::Language;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// Changes of one entry that are told one by one.
const TOLD: usize = 8;

/// Whether an entry says something about what is asked for. What carepass merely goes through on its way is left out; what somebody has
/// ordered or said is not.
pub(super) fn tells(entry: &Entry, concerns: impl Fn(&Change) -> bool) -> bool {
    entry.changes.iter().any(|change| concerns(change) && is_news(change, entry))
}

fn is_news(change: &Change, entry: &Entry) -> bool {
    match change {
        Change::Enrollment { row, .. } => {
            entry.actor != Actor::Engine || !row.is_under_way() || failure(row).is_some()
        }
        Change::Received(_)
        | Change::Engineer(_)
        | Change::Reserved { .. }
        | Change::Released { .. }
        | Change::Erased { .. }
        | Change::Parked(_)
        | Change::Unparked { .. } => true,
        Change::Bookmark { .. } => false,
    }
}

/// A list of entries, as far as they concern what is asked for, in the order in which they come.
pub(super) fn list(entries: &[Entry], concerns: impl Fn(&Change) -> bool, language: Language) -> Markup {
    html! {
        ol.past {
            @for entry in entries {
                @let told: Vec<String> = entry.changes.iter().filter(|change| concerns(change) && is_news(change, entry)).filter_map(|change| change_words(change, entry, language)).collect();
                @if !told.is_empty() {
                    li {
                        span { (moment(entry.at)) }
                        div {
                            @for line in told.iter().take(TOLD) { div { (line) } }
                            @if told.len() > TOLD { div { (Text::AndMore.of(language)) " " (told.len() - TOLD) } }
                            div.quiet { (actor(&entry.actor, language)) " · #" (entry.position.0) }
                        }
                    }
                }
            }
        }
    }
}

fn actor(actor: &Actor, language: Language) -> Markup {
    html! {
        @match actor {
            Actor::Engine => "carepass",
            Actor::Event(event) => { "HR: " (event.id) },
            Actor::Operator { name, reason } => { (name) ": " q lang="" { (reason) } },
        }
        @if let Actor::Operator { .. } = actor { span.quiet { " (" (Text::ByOrder.of(language)) ")" } }
    }
}

/// One change in a line; none for what says nothing to a reader.
fn change_words(change: &Change, entry: &Entry, language: Language) -> Option<String> {
    let say = |text: Text| text.of(language).to_owned();
    Some(match change {
        Change::Received(received) => say(match received.verdict {
            Disposition::Applied => Text::EventApplied,
            Disposition::Repeated => Text::EventRepeated,
            Disposition::Stale => Text::EventStale,
        }),
        Change::Engineer(engineer) => {
            let goal = match engineer.stated.goal.want {
                Want::Present => Text::WantsAccess,
                Want::Absent => Text::WantsNoAccess,
            };
            let held =
                if engineer.held().is_some() { format!(" – {}", say(Text::IsHeld)) } else { String::new() };
            format!("{} ({} {}){held}", say(goal), say(Text::Revision), engineer.stated.goal.revision)
        }
        Change::Enrollment { row, .. } => row_words(row, entry, language),
        Change::Reserved { .. } => say(Text::NameReserved),
        Change::Released { .. } => say(Text::NameReleased),
        Change::Erased { .. } => say(Text::ErasedPerson),
        Change::Parked(_) => say(Text::LetterParked),
        Change::Unparked { how: Unparking::Replayed, .. } => say(Text::LetterReplayed),
        Change::Unparked { how: Unparking::Dropped, .. } => say(Text::LetterDropped),
        Change::Bookmark { .. } => return None,
    })
}

fn row_words(row: &Enrollment, entry: &Entry, language: Language) -> String {
    let place = match &row.id {
        EnrollmentId::Domain(key, _, domain) => format!("{domain}, {key}"),
        EnrollmentId::Engineer(_) => Text::AsAWhole.of(language).to_owned(),
        EnrollmentId::Reseller(name) => name.to_string(),
    };
    format!("{place}: {}", state_words(row, &entry.at.to_zoned(TimeZone::UTC), language))
}
