//! `GET /v1/tasks?cursor=&limit=`: one card for each thing to do. A part begins behind the place of the card before, also when that card is
//! gone meanwhile. Not here: which rows make a card (`model/task`), and saying that one is done (`tasks`).

use super::Api;
use super::api::{PAGE, limit_of};
use super::extract::Asked;
use super::language::Spoken;
use super::problem::Problem;
use super::views::{Page, TaskView, Wording};
use crate::model::engineer::Hold;
use crate::model::enrollment::{EnrollmentId, Lane};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::task::{CardId, Task, batch, task};
use crate::steps::House;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Rows and engineers looked at for the tasks.
const TASK_ROWS_MAX: usize = 20_000;

/// A place in the list: `<rank>_<since>_<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    rank: Rank,
    since: Timestamp,
    id: CardId,
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

/// One card for each thing to do: those first that keep a leaver's access open, then the oldest, and then those who are held.
pub(super) async fn tasks(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<TaskView>>, Problem> {
    let asked = asked.only(&["cursor", "limit"])?;
    let (after, limit) = (asked.get::<Place>("cursor")?, limit_of(&asked)?);
    let wording = Wording::new(&api, spoken);
    let mut cards: Vec<(Place, TaskView)> = batch(open_tasks(&api, wording).await?)
        .into_iter()
        .map(|card| (Place::of(&card.task), wording.task(card)))
        .collect();
    cards.extend(held_tasks(&api, wording).await?);
    cards.sort_by(|(one, _), (other, _)| one.cmp(other));
    let behind = |(place, _): &(Place, TaskView)| after.as_ref().is_none_or(|after| place > after);
    let mut cards: Vec<(Place, TaskView)> = cards.into_iter().filter(behind).collect();
    let more = cards.len() > limit;
    cards.truncate(limit);
    let next_cursor = cards.last().filter(|_| more).map(|(place, _)| place.to_string());
    Ok(Json(Page { items: cards.into_iter().map(|(_, card)| card).collect(), next_cursor }))
}

/// The tasks of all rows, before those that share a card are put together.
pub(super) async fn open_tasks(api: &Api, wording: Wording) -> Result<Vec<Task>, Problem> {
    let house = api.engine.house();
    let now = wording.zoned();
    let of = |name: &ResellerName| [Lane::Leaving(name.clone()), Lane::Reseller(name.clone())];
    let removed = api.engine.removed().into_iter().map(Lane::Leaving);
    let lanes = removed.chain(house.sites.keys().flat_map(of)).chain([Lane::House]);
    let (mut tasks, mut looked_at) = (Vec::new(), 0);
    for lane in lanes {
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        while looked_at < TASK_ROWS_MAX {
            let rows = house.store.queue(&lane, after.as_ref(), PAGE).await?;
            looked_at += rows.len();
            tasks.extend(rows.iter().filter_map(|row| task(row, &now)).map(|task| named(house, task)));
            after = rows.last().and_then(|row| row.wake_at().map(|at| (at, row.id.clone())));
            if rows.len() < PAGE {
                break;
            }
        }
    }
    Ok(tasks)
}

/// The task with what its row does not know of the reseller account.
fn named(house: &House, task: Task) -> Task {
    let site = task.reseller.as_ref().and_then(|name| house.sites.get(name));
    match site {
        Some(site) => task.of_customer(&site.reseller.customer),
        None => task,
    }
}

async fn held_tasks(api: &Api, wording: Wording) -> Result<Vec<(Place, TaskView)>, Problem> {
    let card = |(why, (since, keys))| {
        // The oldest of them may be let in between two parts.
        let place = Place { rank: Rank::Held, since: Timestamp::UNIX_EPOCH, id: CardId::Held(why) };
        (place, wording.held_task(why, since, keys))
    };
    Ok(held_engineers(api).await?.into_iter().map(card).collect())
}

/// Who is held for a person, by the reason, and since when the first of them is.
pub(super) async fn held_engineers(
    api: &Api,
) -> Result<BTreeMap<Hold, (Timestamp, Vec<EngineerKey>)>, Problem> {
    let mut after: Option<EngineerKey> = None;
    let (mut held, mut looked_at) = (BTreeMap::<Hold, (Timestamp, Vec<EngineerKey>)>::new(), 0);
    while looked_at < TASK_ROWS_MAX {
        let page = api.engine.house().store.engineers(after.as_ref(), PAGE).await?;
        looked_at += page.len();
        after = page.last().map(|engineer| engineer.key.clone());
        let last_page = page.len() < PAGE;
        for engineer in page {
            if let Some((since, why)) = engineer.held() {
                let (oldest, keys) = held.entry(why).or_insert((since, Vec::new()));
                *oldest = since.min(*oldest);
                keys.push(engineer.key);
            }
        }
        if last_page {
            break;
        }
    }
    Ok(held)
}

impl Place {
    fn of(task: &Task) -> Self {
        let rank = if task.leaving { Rank::Leaver } else { Rank::Row };
        Self { rank, since: task.since, id: CardId::Rows(task.id) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = match self.rank {
            Rank::Leaver => "leaver",
            Rank::Row => "row",
            Rank::Held => "held",
        };
        write!(f, "{rank}_{}_{}", self.since, self.id)
    }
}

/// A text that is no place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub(super) struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let mut parts = text.splitn(3, '_');
        let rank = match parts.next() {
            Some("leaver") => Rank::Leaver,
            Some("row") => Rank::Row,
            Some("held") => Rank::Held,
            Some(_) | None => return Err(InvalidPlace),
        };
        let since = parts.next().and_then(|part| part.parse().ok()).ok_or(InvalidPlace)?;
        let id = parts.next().and_then(|part| part.parse().ok()).ok_or(InvalidPlace)?;
        Ok(Self { rank, since, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for text in ["leaver_2026-11-22T10:00:00Z_T-0123456789", "held_2026-11-22T10:00:00.5Z_grants-held"] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "row",
            "row_2026-11-22T10:00:00Z",
            "row_x_T-0123456789",
            "all_2026-11-22T10:00:00Z_T-0123456789",
        ] {
            assert_eq!(text.parse::<Place>(), Err(InvalidPlace), "{text}");
        }
    }

    #[test]
    fn leavers_come_first_and_those_who_are_held_last() {
        let at = |rank, second| Place {
            rank,
            since: Timestamp::from_second(second).unwrap(),
            id: CardId::Held(Hold::GrantLimit),
        };
        let mut places = [at(Rank::Held, 1), at(Rank::Row, 2), at(Rank::Row, 1), at(Rank::Leaver, 3)];
        places.sort();
        assert_eq!(places, [at(Rank::Leaver, 3), at(Rank::Row, 1), at(Rank::Row, 2), at(Rank::Held, 1)]);
    }
}
