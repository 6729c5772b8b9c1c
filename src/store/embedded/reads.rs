//! What can be read, in synchronous code for a thread that may block. A row that moves while a list of rows is put together is
//! left out, as if the list had been read after the move. Not here: how these get onto such a thread (`mod`).

use super::Shared;
use super::index::{broken, end_of};
use super::late::{Held, Late};
use super::layout;
use super::ledger::{Opened, entries_of};
use super::merged::Found;
use super::stage::engineer_key;
use super::value::{Content, Document};
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Change, Entry, Position, Received};
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::{NameTag, WrappedKey};
use crate::store::{StoreError, StoredLetter};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The most bytes of entries in one answer; the first entry always fits. An answer may so be shorter than its limit.
const ANSWER_BYTES: u64 = 16 << 20;

type Read<T> = Result<T, StoreError>;

/// At which step, when, and the key of the row.
type Wake = (u8, Timestamp, Vec<u8>);

/// What lies in the index as a document.
trait Stored: DeserializeOwned {
    /// Takes it out of the change that wrote it.
    fn of(change: Change) -> Option<Self>;

    /// The same of one that is in memory.
    fn late(late: Late) -> Option<Self>;
}

impl Shared {
    /// See [`crate::store::Store::engineer`]; the same holds for the others.
    pub fn engineer(&self, key: &EngineerKey) -> Read<Option<Engineer>> {
        self.document(&layout::engineer(key))
    }

    /// Engineers in the order of their keys.
    pub fn engineers(&self, after: Option<&EngineerKey>, limit: usize) -> Read<Vec<Engineer>> {
        let after = after.map_or(layout::ENGINEERS.to_vec(), layout::engineer);
        let found = self.index.behind(layout::ENGINEERS, after);
        found.take(limit).map(|found| found.and_then(|(key, held)| self.decode(&key, held))).collect()
    }

    /// The data key of an engineer who is there. The inner error concerns this engineer alone, not the store.
    pub fn data_key(&self, key: &EngineerKey) -> Read<Read<Option<WrappedKey>>> {
        match self.index.get(&layout::engineer(key))? {
            Some(_) => Ok(self.keys.read(key)),
            None => Ok(Ok(None)),
        }
    }

    /// One row.
    pub fn enrollment(&self, id: &EnrollmentId) -> Read<Option<Enrollment>> {
        self.document(&layout::row(id))
    }

    /// All rows of an engineer.
    pub fn enrollments_of(&self, key: &EngineerKey) -> Read<Vec<Enrollment>> {
        let prefix = layout::rows_of(key);
        let found = self.index.behind(&prefix, prefix.clone());
        found.map(|found| found.and_then(|(key, held)| self.decode(&key, held))).collect()
    }

    /// Rows whose time has come.
    pub fn due(&self, lane: &Lane, now: Timestamp, limit: usize) -> Read<Vec<Enrollment>> {
        let (mut due, end) = (Vec::new(), end_of(&layout::wakes_of(lane)));
        let mut from = layout::wakes_of(lane);
        loop {
            let mut wakes = self.index.range(from, end.clone()).map(|found| wake_of(lane, found)).peekable();
            let step = match wakes.peek() {
                None => break,
                Some(Ok((step, ..))) => *step,
                Some(Err(error)) => return Err(error.clone()),
            };
            let is_due = |wake: &Read<Wake>| {
                wake.as_ref().map_or(true, |(at_step, at, _)| *at_step == step && *at <= now)
            };
            due.extend(self.rows_of_wakes(wakes.take_while(is_due), limit)?);
            from = end_of(&layout::wakes_at(lane, step));
        }
        due.sort_by(|a, b| (a.wake_at(), &a.id).cmp(&(b.wake_at(), &b.id)));
        Ok(due)
    }

    /// Rows with a wake, behind a place.
    pub fn queue(
        &self,
        lane: &Lane,
        after: Option<&(Timestamp, EnrollmentId)>,
        limit: usize,
    ) -> Read<Vec<Enrollment>> {
        let mut after = after.map(|(at, id)| (*at, layout::row(id)));
        let mut rows = Vec::new();
        // Rows that have moved meanwhile are left out, and others come in their place.
        loop {
            let left = limit.saturating_sub(rows.len());
            let wakes = self.wakes_behind(lane, after.as_ref(), left)?;
            let Some((_, at, row)) = wakes.last() else { return Ok(rows) };
            after = Some((*at, row.clone()));
            rows.extend(self.rows_of_wakes(wakes.into_iter().map(Ok), left)?);
        }
    }

    /// The earliest wake.
    pub fn next_wake(&self, lane: &Lane) -> Read<Option<Timestamp>> {
        Ok(self.wakes_behind(lane, None, 1)?.first().map(|(_, at, _)| *at))
    }

    /// An event of the inbox.
    pub fn received(&self, event: &EventRef) -> Read<Option<Received>> {
        self.document(&layout::received(event))
    }

    /// The holder of a local part.
    pub fn holder(&self, tag: &NameTag) -> Read<Option<EngineerKey>> {
        self.index.get(&layout::holder(tag))?.map(|held| engineer_key(&held)).transpose()
    }

    /// Parked messages behind a place.
    pub fn parked(&self, after: Option<&(Timestamp, LetterId)>, limit: usize) -> Read<Vec<Parked>> {
        let after = after.map_or(layout::PARKED.to_vec(), |(at, id)| layout::parked(*at, id));
        let mut parked = Vec::new();
        for place in self.index.behind(layout::PARKED, after).take(limit) {
            let key = layout::letter_of_place(&place?.0).ok_or_else(|| broken("a place cannot be read"))?;
            parked.extend(self.document::<Parked>(&key)?);
        }
        Ok(parked)
    }

    /// A parked message. The inner error concerns this message alone, not the store.
    pub fn letter(&self, id: &LetterId) -> Read<Read<Option<StoredLetter>>> {
        let Some(parked) = self.document(&layout::letter(id))? else { return Ok(Ok(None)) };
        Ok(self.letters.read(id).map(|letter| Some((parked, letter))))
    }

    /// Entries after a position.
    pub fn entries(&self, after: Position, limit: usize) -> Read<Vec<Entry>> {
        let head = self.head();
        let mut entries = Vec::new();
        if after >= head || limit == 0 {
            return Ok(entries);
        }
        let mut offset = self.frame_of(after.0.saturating_add(1))?;
        let started = offset;
        loop {
            // Whole frames are read, so that what is handed out has been verified against its hash.
            let frame = self.ledger.frame(offset)?;
            for entry in entries_of(&frame)? {
                if entry.position > after && entries.len() < limit {
                    entries.push(entry);
                }
            }
            offset = frame.end.offset;
            if entries.len() >= limit || frame.end.position >= head.0 || offset - started >= ANSWER_BYTES {
                return Ok(entries);
            }
        }
    }

    /// Entries that concern an engineer.
    pub fn history(&self, key: &EngineerKey, after: Position, limit: usize) -> Read<Vec<Entry>> {
        let (mut bytes, mut entries) = (0, Vec::new());
        let mut opened: Option<Opened> = None;
        for found in self.index.behind(&layout::history_of(key), layout::history(key, after)).take(limit) {
            let (entry, length) = self.entry_of(&found?.0, &mut opened)?;
            bytes += length;
            if bytes > ANSWER_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The same before a position, the newest first.
    pub fn recent(&self, key: &EngineerKey, before: Position, limit: usize) -> Read<Vec<Entry>> {
        let (prefix, mut bytes, mut entries) = (layout::history_of(key), 0, Vec::new());
        let (mut opened, mut until) = (None, before.0.checked_sub(1));
        while let Some(position) = until.filter(|_| entries.len() < limit) {
            let found = self.index.last_until(&prefix, &layout::history(key, Position(position)))?;
            let Some((place, _)) = found else { break };
            let (entry, length) = self.entry_of(&place, &mut opened)?;
            bytes += length;
            if bytes > ANSWER_BYTES && !entries.is_empty() {
                break;
            }
            until = entry.position.0.checked_sub(1);
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The entry that a place in a history is of, and its length; the frame that was opened last is not opened again.
    fn entry_of(&self, place: &[u8], opened: &mut Option<Opened>) -> Read<(Entry, u64)> {
        let position = layout::position_of(place).ok_or_else(|| broken("a position cannot be read"))?;
        let offset = self.frame_of(position.0)?;
        let frame = match opened.take().filter(|opened| opened.offset == offset) {
            Some(same) => same,
            None => self.ledger.opened(offset)?,
        };
        let (entry, length) = opened.insert(frame).entry(position)?;
        Ok((entry, length as u64))
    }

    /// A reader's bookmark.
    pub fn bookmark(&self, reader: &str) -> Read<Position> {
        let held = self.index.get(&layout::bookmark(reader))?;
        held.map_or(Ok(Position::default()), |held| number(&held).map(Position))
    }

    fn entry(&self, position: Position) -> Read<Entry> {
        let (entry, _) = self.ledger.opened(self.frame_of(position.0)?)?.entry(position)?;
        Ok(entry)
    }

    fn frame_of(&self, position: u64) -> Read<u64> {
        let found = self.index.last_until(layout::FRAMES, &layout::frame(position))?;
        found.map_or_else(|| Err(broken("it does not know where an entry lies")), |(_, held)| number(&held))
    }

    /// The steps at which rows of a lane stand.
    fn steps_of(&self, lane: &Lane) -> Read<Vec<u8>> {
        let (prefix, mut steps) = (layout::wakes_of(lane), Vec::new());
        let mut from = prefix.clone();
        while let Some(found) = self.index.range(from, end_of(&prefix)).next() {
            let (step, ..) = wake_of(lane, found)?;
            steps.push(step);
            from = end_of(&layout::wakes_at(lane, step));
        }
        Ok(steps)
    }

    /// The first wakes of a lane behind a place, in the order of time and row, whatever their steps.
    fn wakes_behind(
        &self,
        lane: &Lane,
        after: Option<&(Timestamp, Vec<u8>)>,
        limit: usize,
    ) -> Read<Vec<Wake>> {
        let mut wakes = Vec::new();
        for step in self.steps_of(lane)? {
            let prefix = layout::wakes_at(lane, step);
            let after = after.map_or(prefix.clone(), |(at, row)| layout::wake_of_row(lane, step, *at, row));
            for found in self.index.behind(&prefix, after).take(limit) {
                wakes.push(wake_of(lane, found)?);
            }
        }
        wakes.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
        wakes.truncate(limit);
        Ok(wakes)
    }

    fn rows_of_wakes(&self, wakes: impl Iterator<Item = Read<Wake>>, limit: usize) -> Read<Vec<Enrollment>> {
        let mut rows = Vec::new();
        for wake in wakes {
            if rows.len() >= limit {
                break;
            }
            let (step, at, key) = wake?;
            let row: Option<Enrollment> = self.document(&key)?;
            let place = |row: &Enrollment| row.place().map(|(step, at)| (step.number(), at));
            rows.extend(row.filter(|row| place(row) == Some((step, at))));
        }
        Ok(rows)
    }

    fn document<T: Stored>(&self, key: &[u8]) -> Read<Option<T>> {
        self.index.get(key)?.map(|held| self.decode(key, held)).transpose()
    }

    fn decode<T: Stored>(&self, key: &[u8], held: Held) -> Read<T> {
        let unreadable = || broken("a document cannot be read");
        let payload = match held {
            Held::Late(_, late) => return T::late(late).ok_or_else(unreadable),
            Held::Bytes(payload) => payload,
        };
        match Document::decode(&payload).ok_or_else(unreadable)?.content {
            Content::Inline(json) => serde_json::from_slice(json).map_err(|error| broken(&error.to_string())),
            Content::InLedger(position) => {
                let changes = self.entry(position)?.changes.into_iter().rev();
                let mut about_key = changes.filter(|change| layout::subject(change) == key);
                about_key.next().and_then(T::of).ok_or_else(unreadable)
            }
        }
    }
}

fn wake_of(lane: &Lane, found: Read<Found>) -> Read<Wake> {
    layout::parse_wake(&found?.0, lane).ok_or_else(|| broken("a wake cannot be read"))
}

fn number(held: &Held) -> Read<u64> {
    let payload = if let Held::Bytes(payload) = held { payload.as_slice().try_into().ok() } else { None };
    payload.map(u64::from_be_bytes).ok_or_else(|| broken("a number cannot be read"))
}

impl Stored for Engineer {
    fn of(change: Change) -> Option<Self> {
        if let Change::Engineer(engineer) = change { Some(*engineer) } else { None }
    }

    fn late(late: Late) -> Option<Self> {
        if let Late::Engineer(engineer) = late { Some(Arc::unwrap_or_clone(engineer)) } else { None }
    }
}

impl Stored for Enrollment {
    fn of(change: Change) -> Option<Self> {
        if let Change::Enrollment { row, .. } = change { Some(*row) } else { None }
    }

    fn late(late: Late) -> Option<Self> {
        if let Late::Row(row) = late { Some(Arc::unwrap_or_clone(row)) } else { None }
    }
}

impl Stored for Received {
    fn of(change: Change) -> Option<Self> {
        if let Change::Received(received) = change { Some(received) } else { None }
    }

    fn late(late: Late) -> Option<Self> {
        if let Late::Received(received) = late { Some(Arc::unwrap_or_clone(received)) } else { None }
    }
}

impl Stored for Parked {
    fn of(change: Change) -> Option<Self> {
        if let Change::Parked(parked) = change { Some(parked) } else { None }
    }

    fn late(late: Late) -> Option<Self> {
        if let Late::Parked(parked) = late { Some(Arc::unwrap_or_clone(parked)) } else { None }
    }
}
