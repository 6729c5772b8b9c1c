//! `GET /v1/tasks?cursor=&limit=`: one card for each thing to do. A part begins behind the place of the card before, also when that card is
//! gone meanwhile. Not here: which rows make a card (`model/task`), and saying that one is done (`tasks`).

use super::Api;
use super::api::limit_of;
use super::extract::Asked;
use super::language::Spoken;
use super::problem::Problem;
use super::views::{Page, TaskView, Wording};
use crate::engine::Waiting;
use crate::model::engineer::Hold;
use crate::model::id::EngineerKey;
use crate::model::task::{CardId, Task, batch, drift_tasks, task};
use crate::steps::House;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A place in the list: `<rank>_<first day or ->_<since>_<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    rank: Rank,
    /// What has no first day comes after what has one.
    starts: Starts,
    since: Timestamp,
    id: CardId,
}

/// The first day of whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Starts {
    /// The earliest of them.
    On(Timestamp),
    /// There is none.
    Never,
}

/// Which cards come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A leaver's access is open.
    Leaver,
    /// Something waits.
    Row,
    /// Somebody is held.
    Held,
}

/// One card for each thing to do: those first that keep a leaver's access open, then the earliest first day, then the oldest, and then those
/// who are held.
pub(super) async fn tasks(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<TaskView>>, Problem> {
    let asked = asked.only(&["cursor", "limit"])?;
    let (after, limit) = (asked.get::<Place>("cursor")?, limit_of(&asked)?);
    let wording = Wording::new(&api, spoken);
    let waiting = api.engine.waiting().await?;
    let mut cards: Vec<(Place, TaskView)> = batch(open_tasks(&api, &waiting, wording))
        .into_iter()
        .map(|card| (Place::of(&card.task), wording.task(card)))
        .collect();
    cards.extend(held_tasks(&waiting, wording));
    cards.sort_by(|(one, _), (other, _)| one.cmp(other));
    let behind = |(place, _): &(Place, TaskView)| after.as_ref().is_none_or(|after| place > after);
    let mut cards: Vec<(Place, TaskView)> = cards.into_iter().filter(behind).collect();
    let more = cards.len() > limit;
    cards.truncate(limit);
    let next_cursor = cards.last().filter(|_| more).map(|(place, _)| place.to_string());
    Ok(Json(Page { items: cards.into_iter().map(|(_, card)| card).collect(), next_cursor }))
}

/// The tasks of all rows, before those that share a card are put together.
pub(super) fn open_tasks(api: &Api, waiting: &Waiting, wording: Wording) -> Vec<Task> {
    let now = wording.zoned();
    let tasks = waiting.rows.iter().flat_map(|row| task(row, &now).into_iter().chain(drift_tasks(row, &now)));
    tasks.map(|task| named(api.engine.house(), task)).collect()
}

/// The task with what its row does not know of the reseller account.
fn named(house: &House, task: Task) -> Task {
    let site = task.reseller.as_ref().and_then(|name| house.sites.get(name));
    match site {
        Some(site) => task.of_customer(&site.reseller.customer),
        None => task,
    }
}

fn held_tasks(waiting: &Waiting, wording: Wording) -> Vec<(Place, TaskView)> {
    let card = |(why, (since, keys))| {
        // The oldest of them may be let in between two parts.
        let place = Place {
            rank: Rank::Held,
            starts: Starts::Never,
            since: Timestamp::UNIX_EPOCH,
            id: CardId::Held(why),
        };
        (place, wording.held_task(why, since, keys))
    };
    let mut held = BTreeMap::<Hold, (Timestamp, Vec<EngineerKey>)>::new();
    for (key, one) in &waiting.held {
        let (oldest, keys) = held.entry(one.why).or_insert((one.since, Vec::new()));
        *oldest = one.since.min(*oldest);
        keys.push(key.clone());
    }
    held.into_iter().map(card).collect()
}

impl Place {
    fn of(task: &Task) -> Self {
        let rank = if task.leaving { Rank::Leaver } else { Rank::Row };
        let starts = task.starts.map_or(Starts::Never, Starts::On);
        Self { rank, starts, since: task.since, id: CardId::Rows(task.id) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = match self.rank {
            Rank::Leaver => "leaver",
            Rank::Row => "row",
            Rank::Held => "held",
        };
        match self.starts {
            Starts::On(day) => write!(f, "{rank}_{day}_{}_{}", self.since, self.id),
            Starts::Never => write!(f, "{rank}_-_{}_{}", self.since, self.id),
        }
    }
}

/// A text that is no place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub(super) struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let mut parts = text.splitn(4, '_');
        let rank = match parts.next() {
            Some("leaver") => Rank::Leaver,
            Some("row") => Rank::Row,
            Some("held") => Rank::Held,
            Some(_) | None => return Err(InvalidPlace),
        };
        let starts = match parts.next() {
            Some("-") => Starts::Never,
            Some(day) => day.parse().map(Starts::On).map_err(|_| InvalidPlace)?,
            None => return Err(InvalidPlace),
        };
        let since = parts.next().and_then(|part| part.parse().ok()).ok_or(InvalidPlace)?;
        let id = parts.next().and_then(|part| part.parse().ok()).ok_or(InvalidPlace)?;
        Ok(Self { rank, starts, since, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for text in [
            "leaver_-_2026-11-22T10:00:00Z_T-0123456789",
            "row_2026-12-01T08:00:00Z_2026-11-22T10:00:00Z_T-0123456789",
            "held_-_2026-11-22T10:00:00.5Z_grants-held",
        ] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "row",
            "row_2026-11-22T10:00:00Z",
            "row_2026-11-22T10:00:00Z_T-0123456789",
            "row_x_2026-11-22T10:00:00Z_T-0123456789",
            "all_-_2026-11-22T10:00:00Z_T-0123456789",
        ] {
            assert_eq!(text.parse::<Place>(), Err(InvalidPlace), "{text}");
        }
    }

    #[test]
    fn leavers_come_first_then_the_earliest_first_day_and_those_who_are_held_last() {
        let at = |rank, starts: Option<i64>, since| Place {
            rank,
            starts: starts.map_or(Starts::Never, |day| Starts::On(Timestamp::from_second(day).unwrap())),
            since: Timestamp::from_second(since).unwrap(),
            id: CardId::Held(Hold::GrantLimit),
        };
        let expected = [
            at(Rank::Leaver, None, 9),
            at(Rank::Row, Some(5), 8),
            at(Rank::Row, Some(6), 1),
            at(Rank::Row, None, 2),
            at(Rank::Row, None, 3),
            at(Rank::Held, None, 1),
        ];
        let mut places = expected.clone();
        places.reverse();
        places.sort();
        assert_eq!(places, expected);
    }
}
