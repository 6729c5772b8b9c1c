//! A range of keys, of the index and of what it does not have yet, in order. Like the index itself it is no picture of one moment: a key
//! that is written while a range is read may be seen or not; one that was there all the time is seen.
//! Not here: single keys (`index`).

use super::index::{broken, opened};
use super::late::{Held, Newest, Page};
use crate::store::StoreError;
use std::collections::VecDeque;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

/// A key and what it holds.
pub type Found = (Vec<u8>, Held);

/// A key and what it holds, with nothing if it is gone.
type Seen = (Vec<u8>, Option<Held>);

/// Keys that are looked at in the first go: most who read a range want its beginning.
const FIRST_PAGE: usize = 4;

/// The most keys that are looked at in one go, so that nobody who writes waits for whoever reads a long range.
const PAGE_MAX: usize = 64;

/// The range.
pub struct Merged<'a> {
    tree: &'a sled::Db,
    newest: &'a RwLock<Newest>,
    /// Up to here everything was handed out.
    until: Bound<Vec<u8>>,
    end: Vec<u8>,
    page: VecDeque<Seen>,
    /// Nothing newer lies behind the page.
    is_last: bool,
    stored: Peekable<sled::Iter>,
    generation: u64,
}

impl<'a> Merged<'a> {
    /// Keys from `start` on that lie before `end`.
    pub fn new(tree: &'a sled::Db, newest: &'a RwLock<Newest>, start: Vec<u8>, end: Vec<u8>) -> Self {
        // A range that ends before it begins would panic.
        let end = end.max(start.clone());
        let (page, is_last, generation) = look(newest, Bound::Included(&start), &end, FIRST_PAGE);
        let stored = tree.range(start.clone()..end.clone()).peekable();
        let until = Bound::Included(start);
        Self { tree, newest, until, end, page, is_last, stored, generation }
    }

    /// Looks at what comes behind the page. If all went into the index meanwhile, the index is read anew from here on: what it had in hand
    /// may lack some of it.
    fn turn(&mut self) {
        let from = self.until.as_ref().map(Vec::as_slice);
        let (page, is_last, generation) = look(self.newest, from, &self.end, PAGE_MAX);
        if generation != self.generation {
            let range = (self.until.clone(), Bound::Excluded(self.end.clone()));
            self.stored = self.tree.range::<Vec<u8>, _>(range).peekable();
        }
        (self.page, self.is_last, self.generation) = (page, is_last, generation);
    }

    /// The next key, with nothing if it is gone.
    fn step(&mut self) -> Option<Result<Seen, StoreError>> {
        if self.page.is_empty() && !self.is_last {
            self.turn();
        }
        let is_newer = match (self.page.front(), self.stored.peek()) {
            (None, None) => return None,
            (Some(_), None) => true,
            (None, Some(_)) | (Some(_), Some(Err(_))) => false,
            (Some((newer, _)), Some(Ok((key, _)))) => {
                if newer.as_slice() == &**key {
                    self.stored.next();
                    true
                } else {
                    newer.as_slice() < &**key
                }
            }
        };
        let next = if is_newer {
            Ok(self.page.pop_front()?)
        } else {
            let stored = self.stored.next()?.map_err(|error| broken(&error.to_string()));
            stored.and_then(|(key, stored)| {
                Ok((key.to_vec(), Some(Held::Bytes(opened(&key, &stored)?.to_vec()))))
            })
        };
        if let Ok((key, _)) = &next {
            self.until = Bound::Excluded(key.clone());
        }
        Some(next)
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Found, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step()? {
                Ok((key, Some(held))) => return Some(Ok((key, held))),
                Ok((_, None)) => (),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn look(
    newest: &RwLock<Newest>,
    from: Bound<&[u8]>,
    end: &[u8],
    limit: usize,
) -> (VecDeque<Seen>, bool, u64) {
    let newest = newest.read().unwrap_or_else(PoisonError::into_inner);
    let page: Page = newest.page(from, end, limit);
    let is_last = page.len() < limit;
    (page.into(), is_last, newest.generation())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::CACHE_BYTES;
    use crate::store::embedded::frame::Link;
    use crate::store::embedded::index::Index;
    use std::collections::BTreeMap;

    /// Whatever was written, removed and brought up before, and whenever the index is brought up in the middle of it: a range holds every key
    /// once, in order, with what was written last.
    #[test]
    fn a_range_holds_what_is_there_whenever_the_index_is_brought_up() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::open(directory.path(), CACHE_BYTES).unwrap();
        let (mut model, mut chance) = (BTreeMap::new(), fastrand::Rng::with_seed(7));
        let key = |number: u16| [b"k".as_slice(), &number.to_be_bytes()].concat();
        for round in 0..400_u16 {
            let mut changed = BTreeMap::new();
            for _ in 0..chance.usize(0..120) {
                let written = chance.bool().then(|| round.to_be_bytes().to_vec());
                changed.insert(key(chance.u16(0..300)), written);
            }
            for (key, written) in &changed {
                match written {
                    Some(written) => model.insert(key.clone(), written.clone()),
                    None => model.remove(key),
                };
            }
            let changed = changed.into_iter().map(|(key, written)| (key, written.map(Held::Bytes))).collect();
            index.absorb(changed, Link::opening()).unwrap();
            let (start, end) = (key(chance.u16(0..300)), key(chance.u16(0..300)));
            let brought_up_at = chance.usize(0..200);
            let mut seen = Vec::new();
            for (place, found) in index.range(start.clone(), end.clone()).enumerate() {
                if place == brought_up_at {
                    index.catch_up().unwrap();
                }
                let (key, Held::Bytes(payload)) = found.unwrap() else { panic!("bytes were written") };
                assert_eq!(
                    index.get(&key).unwrap().and_then(|held| held.payload().ok()),
                    Some(payload.clone())
                );
                seen.push((key, payload));
            }
            let expected = model.iter().filter(|(key, _)| **key >= start && **key < end);
            let expected: Vec<_> = expected.map(|(key, payload)| (key.clone(), payload.clone())).collect();
            assert_eq!(seen, expected, "round {round}, brought up at {brought_up_at}");
        }
        index.catch_up().unwrap();
        index.verify(&index.meta().unwrap()).unwrap();
    }
}
