//! A disk after a power cut: what was synced is there, of the rest anything may be. A file's bytes and its length need a sync of the
//! file, its name one of the directory; nothing else counts. Not here: what happened (`recording`), and what a store makes of it.

use super::recording::{Act, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// What is left out of a file if it holds nothing, in bytes.
const BLOCK: usize = 4096;

/// What becomes of everything that was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// Nothing of it is there.
    OnlySynced,
    /// All of it is there.
    Everything,
    /// Some of it is there, by chance.
    Some,
    /// Some sectors of it are there, by chance; in place of others a file has grown without its bytes.
    Torn,
}

/// A recorded run with what each call was later synced by.
pub struct Run {
    events: Vec<Event>,
    /// For each event when a sync of it had ended, if one ever did.
    safe: Vec<usize>,
}

/// What is under the root.
#[derive(Default)]
struct Tree {
    directories: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    files: BTreeMap<usize, Vec<u8>>,
}

impl Run {
    /// A run, by what its calls were.
    pub fn new(events: Vec<Event>) -> Self {
        let covers = |sync: &Act, act: &Act| match (sync, act) {
            (Act::SyncFile(synced), Act::Write(file, ..) | Act::SetLength(file, _)) => synced == file,
            (
                Act::SyncDirectory(synced),
                Act::Create(path, _) | Act::MakeDirectory(path) | Act::Remove(path) | Act::Rename(path, _),
            ) => path.parent() == Some(synced),
            _ => false,
        };
        let safe = events.iter().enumerate().map(|(place, event)| {
            let later = events[place..].iter();
            let mut syncs = later.filter(|sync| sync.begun > event.ended && covers(&sync.act, &event.act));
            syncs.next().map_or(usize::MAX, |sync| sync.ended)
        });
        let safe = safe.collect();
        Self { events, safe }
    }

    /// The commits that were acknowledged before the cut, with their positions.
    pub fn acknowledged(&self, cut: usize) -> BTreeMap<u64, u64> {
        let heard = self.events.iter().filter(|event| event.begun <= cut);
        heard
            .filter_map(
                |event| if let Act::Acknowledged(commit, at) = event.act { Some((commit, at)) } else { None },
            )
            .collect()
    }

    /// When each acknowledgement was.
    pub fn acknowledgements(&self) -> Vec<usize> {
        let heard = self.events.iter().filter(|event| matches!(event.act, Act::Acknowledged(..)));
        heard.map(|event| event.begun).collect()
    }

    /// The moments from `from` until `until` behind which the disk may look otherwise: something was just under way.
    pub fn moments(&self, from: usize, until: usize) -> Vec<usize> {
        let begun = self.events.iter().map(|event| event.begun + 1);
        begun.filter(|moment| (from..until).contains(moment)).collect()
    }

    /// When the last call was.
    pub fn end(&self) -> usize {
        self.events.iter().map(|event| event.ended).max().unwrap_or(0) + 1
    }

    /// Makes the disk as a power cut at this time leaves it.
    pub fn leave(&self, cut: usize, fate: Fate, chance: &mut fastrand::Rng, root: &Path) {
        let mut tree = Tree::default();
        // Some cuts lose nearly all of what was on its way, some nearly nothing.
        let odds = [0.1, 0.5, 0.9][chance.usize(..3)];
        for (event, safe) in self.events.iter().zip(&self.safe).filter(|(event, _)| event.begun < cut) {
            let is_safe = *safe < cut;
            match fate {
                Fate::Torn if !is_safe => tree.tear(&event.act, odds, chance),
                Fate::Some if !is_safe && chance.f64() >= odds => {}
                Fate::OnlySynced if !is_safe => {}
                Fate::OnlySynced | Fate::Everything | Fate::Some | Fate::Torn => tree.apply(&event.act),
            }
        }
        tree.write(root);
    }
}

impl Tree {
    fn apply(&mut self, act: &Act) {
        match act {
            Act::Create(path, file) => drop(self.names.insert(path.clone(), *file)),
            Act::MakeDirectory(path) => drop(self.directories.insert(path.clone())),
            Act::Rename(from, to) => self.rename(from, to),
            Act::Remove(path) => {
                self.names.remove(path);
                self.directories.remove(path);
            }
            Act::Write(file, offset, bytes) => self.put(*file, *offset, bytes),
            Act::SetLength(file, length) => {
                let (content, length) =
                    (self.files.entry(*file).or_default(), usize::try_from(*length).unwrap());
                content.truncate(length);
                grow(content, length);
            }
            Act::SyncFile(_) | Act::SyncDirectory(_) | Act::Failed(_) | Act::Acknowledged(..) => {}
        }
    }

    /// A name is there or not; bytes come down sector by sector.
    fn tear(&mut self, act: &Act, odds: f64, chance: &mut fastrand::Rng) {
        let Act::Write(file, offset, bytes) = act else {
            if chance.f64() < odds {
                self.apply(act);
            }
            return;
        };
        let (mut at, mut rest) = (*offset, bytes.as_slice());
        while !rest.is_empty() {
            let room = SECTOR - usize::try_from(at).unwrap() % SECTOR;
            let (piece, behind) = rest.split_at(rest.len().min(room));
            if chance.f64() < odds {
                self.put(*file, at, piece);
            } else if chance.u8(..4) == 0 {
                let length = usize::try_from(at).unwrap() + piece.len();
                let content = self.files.entry(*file).or_default();
                grow(content, length);
            }
            (at, rest) = (at + piece.len() as u64, behind);
        }
    }

    fn put(&mut self, file: usize, offset: u64, bytes: &[u8]) {
        let content = self.files.entry(file).or_default();
        let start = usize::try_from(offset).unwrap();
        grow(content, start + bytes.len());
        content[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let moved = |path: &Path| to.join(path.strip_prefix(from).unwrap());
        let under = |path: &PathBuf| path.starts_with(from);
        let names: Vec<PathBuf> = self.names.keys().filter(|path| under(path)).cloned().collect();
        for name in names {
            let file = self.names.remove(&name).unwrap();
            let target = if name == from { to.to_owned() } else { moved(&name) };
            self.names.insert(target, file);
        }
        let directories: Vec<PathBuf> = self.directories.iter().filter(|path| under(path)).cloned().collect();
        for directory in directories {
            self.directories.remove(&directory);
            let target = if directory == from { to.to_owned() } else { moved(&directory) };
            self.directories.insert(target);
        }
    }

    fn write(&self, root: &Path) {
        std::fs::create_dir_all(root).unwrap();
        let zeros = vec![0; BLOCK];
        for directory in &self.directories {
            // Without its parent it is not there either.
            let _ = std::fs::create_dir(root.join(directory));
        }
        for (name, file) in &self.names {
            let Ok(made) = std::fs::File::create(root.join(name)) else { continue };
            let Some(content) = self.files.get(file) else { continue };
            made.set_len(content.len() as u64).unwrap();
            for (number, block) in content.chunks(BLOCK).enumerate() {
                if block != &zeros[..block.len()] {
                    made.write_all_at(block, (number * BLOCK) as u64).unwrap();
                }
            }
        }
    }
}

/// As `resize` does, byte by byte where nothing is optimised.
fn grow(content: &mut Vec<u8>, length: usize) {
    content.extend_from_slice(&vec![0; length.saturating_sub(content.len())]);
}
