//! The keys of the index: one tree, one byte for the kind, and parts in an order that equals the model's order.
//! Names have limited alphabets (`model::id`) without a zero byte, so a zero byte ends a name and sorts before all that goes on.
//!
//! | Key | Value |
//! |---|---|
//! | `e` engineer | the engineer |
//! | `r` `0` reseller | a row |
//! | `r` `1` engineer 0 `d` reseller 0 domain; `r` `1` engineer 0 `e` | a row; all rows of an engineer lie together |
//! | `w` lane 0 step `wake_at` row | nothing: the order is what counts; the step is a number of one byte |
//! | `i` SHA-256 of source and id | the received event |
//! | `t` tag | the holder |
//! | `p` letter | what is known of a parked message |
//! | `o` `at` letter | nothing: the order is what counts |
//! | `b` reader | a position |
//! | `h` engineer 0 position | nothing: the entry has this position |
//! | `f` first position | where a frame begins |
//! | `m` | how far the index is |
//!
//! Not here: the values (`value`), and sled itself (`index`).

use super::digest::Digest;
use crate::model::engineer::EventRef;
use crate::model::enrollment::{EnrollmentId, Lane};
use crate::model::entry::{Change, Position};
use crate::model::id::EngineerKey;
use crate::model::parked::LetterId;
use crate::model::sealed::NameTag;
use jiff::Timestamp;

/// How far the index is.
pub const META: &[u8] = b"m";

/// All engineers.
pub const ENGINEERS: &[u8] = b"e";

/// All parked messages, in order.
pub const PARKED: &[u8] = b"o";

/// All frames.
pub const FRAMES: &[u8] = b"f";

/// The length of a timestamp in a key.
const TIME: usize = 16;

/// An engineer.
pub fn engineer(key: &EngineerKey) -> Vec<u8> {
    joined(&[ENGINEERS, key.as_str().as_bytes()])
}

/// A row.
pub fn row(id: &EnrollmentId) -> Vec<u8> {
    match id {
        EnrollmentId::Reseller(reseller) => joined(&[b"r0", reseller.as_str().as_bytes()]),
        EnrollmentId::Domain(engineer, reseller, domain) => {
            let reseller = reseller.as_str().as_bytes();
            joined(&[&rows_of(engineer), b"d", reseller, b"\0", domain.as_str().as_bytes()])
        }
        EnrollmentId::Engineer(engineer) => joined(&[&rows_of(engineer), b"e"]),
    }
}

/// What the keys of all rows of an engineer begin with.
pub fn rows_of(engineer: &EngineerKey) -> Vec<u8> {
    joined(&[b"r1", engineer.as_str().as_bytes(), b"\0"])
}

/// The place of a wake among those of a lane.
pub fn wake_in(lane: &Lane, step: u8, at: Timestamp, id: &EnrollmentId) -> Vec<u8> {
    joined(&[&wakes_at(lane, step), &time(at), &row(id)[1..]])
}

/// The same, where the row is known by its key.
pub fn wake_of_row(lane: &Lane, step: u8, at: Timestamp, row: &[u8]) -> Vec<u8> {
    joined(&[&wakes_at(lane, step), &time(at), row.get(1..).unwrap_or_default()])
}

/// What the keys of all wakes of a lane at a step begin with.
pub fn wakes_at(lane: &Lane, step: u8) -> Vec<u8> {
    joined(&[&wakes_of(lane), &[step]])
}

/// What the keys of all wakes of a lane begin with.
pub fn wakes_of(lane: &Lane) -> Vec<u8> {
    match lane {
        Lane::Reseller(reseller) => joined(&[b"wr", reseller.as_str().as_bytes(), b"\0"]),
        Lane::Leaving(reseller) => joined(&[b"wl", reseller.as_str().as_bytes(), b"\0"]),
        Lane::House => b"wh\0".to_vec(),
    }
}

/// Takes the key of a wake of the lane apart: the step, the time, and the key of the row.
pub fn parse_wake(key: &[u8], lane: &Lane) -> Option<(u8, Timestamp, Vec<u8>)> {
    let (step, rest) = key.strip_prefix(wakes_of(lane).as_slice())?.split_first()?;
    let (at, row) = rest.split_at_checked(TIME)?;
    let shifted = u128::from_be_bytes(at.try_into().ok()?);
    let at = Timestamp::from_nanosecond((shifted ^ SIGN).cast_signed()).ok()?;
    Some((*step, at, joined(&[b"r", row])))
}

/// A received event. Its names come from outside and have no limited alphabet; the hash gives them one and a length.
pub fn received(event: &EventRef) -> Vec<u8> {
    let length = (event.source.len() as u64).to_be_bytes();
    joined(&[b"i", &Digest::of(&[&length, event.source.as_bytes(), event.id.as_bytes()]).0])
}

/// A reserved local part.
pub fn holder(tag: &NameTag) -> Vec<u8> {
    joined(&[b"t", tag.as_bytes()])
}

/// What is known of a parked message.
pub fn letter(id: &LetterId) -> Vec<u8> {
    joined(&[b"p", id.as_str().as_bytes()])
}

/// The place of a parked message among all.
pub fn parked(at: Timestamp, id: &LetterId) -> Vec<u8> {
    joined(&[PARKED, &time(at), id.as_str().as_bytes()])
}

/// The key of the message that has this place.
pub fn letter_of_place(key: &[u8]) -> Option<Vec<u8>> {
    Some(joined(&[b"p", key.get(PARKED.len() + TIME..)?]))
}

/// A reader's bookmark.
pub fn bookmark(reader: &str) -> Vec<u8> {
    joined(&[b"b", reader.as_bytes()])
}

/// An entry in the history of an engineer.
pub fn history(engineer: &EngineerKey, position: Position) -> Vec<u8> {
    joined(&[&history_of(engineer), &position.0.to_be_bytes()])
}

/// The position of an entry in a history.
pub fn position_of(key: &[u8]) -> Option<Position> {
    key.last_chunk().map(|position| Position(u64::from_be_bytes(*position)))
}

/// What the keys of the history of an engineer begin with.
pub fn history_of(engineer: &EngineerKey) -> Vec<u8> {
    joined(&[b"h", engineer.as_str().as_bytes(), b"\0"])
}

/// A frame, by the position of its first entry.
pub fn frame(first: u64) -> Vec<u8> {
    joined(&[FRAMES, &first.to_be_bytes()])
}

/// What a change is about.
pub fn subject(change: &Change) -> Vec<u8> {
    match change {
        Change::Received(it) => received(&it.event),
        Change::Engineer(it) => engineer(&it.key),
        Change::Enrollment { row: it, .. } => row(&it.id),
        Change::Reserved { tag, .. } | Change::Released { tag, .. } => holder(tag),
        // Nothing is stored under it: what an erasure leaves is that there is no data key.
        Change::Erased { engineer } => joined(&[b"x", engineer.as_str().as_bytes()]),
        Change::Parked(it) => letter(&it.id),
        Change::Unparked { id, .. } => letter(id),
        Change::Bookmark { reader, .. } => bookmark(reader),
    }
}

/// The sign bit is turned over, so that times before 1970 sort first.
const SIGN: u128 = 1 << 127;

fn time(at: Timestamp) -> [u8; TIME] {
    (at.as_nanosecond().cast_unsigned() ^ SIGN).to_be_bytes()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_the_model_does() {
        let names = ["0", "a", "a-b", "a-b-c", "ab", "z"];
        let mut wakes = Vec::new();
        for at in [
            Timestamp::MIN,
            "1969-12-31T23:59:59.999999999Z".parse().unwrap(),
            Timestamp::UNIX_EPOCH,
            Timestamp::MAX,
        ] {
            wakes.push((at, "reseller/a".parse::<EnrollmentId>().unwrap()));
            for engineer in names {
                for domain in ["a.b", "a-b.c", "a.b-c", "ab.c"] {
                    wakes.push((at, format!("domain/{engineer}/a/{domain}").parse().unwrap()));
                }
            }
        }
        let mut by_model = wakes.clone();
        by_model.sort();
        let lane = Lane::Leaving("a".parse().unwrap());
        wakes.sort_by_key(|(at, id)| wake_in(&lane, 7, *at, id));
        assert_eq!(wakes, by_model);
        for (at, id) in &wakes {
            assert_eq!(parse_wake(&wake_in(&lane, 7, *at, id), &lane), Some((7, *at, row(id))));
        }
    }

    #[test]
    fn no_prefix_holds_a_strangers_key() {
        let lane = |name: &str| Lane::Reseller(name.parse().unwrap());
        let leaving = Lane::Leaving("a".parse().unwrap());
        let lanes = [lane("house"), lane("a"), lane("a-b"), leaving, Lane::House];
        let id: EnrollmentId = "reseller/a".parse().unwrap();
        for (own, other) in lanes.iter().flat_map(|own| lanes.iter().map(move |other| (own, other))) {
            let starts = wake_in(own, 0, Timestamp::UNIX_EPOCH, &id).starts_with(&wakes_of(other));
            assert_eq!(starts, own == other, "{own} {other}");
        }
        let [short, long] = ["E-1", "E-11"].map(|key| key.parse::<EngineerKey>().unwrap());
        assert!(!row(&EnrollmentId::Engineer(long.clone())).starts_with(&rows_of(&short)));
        assert!(!history(&long, Position(1)).starts_with(&history_of(&short)));
    }
}
