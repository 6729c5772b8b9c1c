//! Reading a section key by key: each key that is asked for is known, whatever is left is not, and every fault is kept
//! while reading goes on. Not here: which keys there are.

use super::Origin;
use super::fault::{Fault, Place};
use super::files::{self, Privacy};
use super::kinds::{self, Parsed};
use super::suggest;
use super::tree::{self, Datum, Entries, Leaf, Node};
use secrecy::SecretString;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What is found while reading.
pub(super) struct Findings {
    /// What is wrong.
    pub faults: RefCell<Vec<Fault>>,
    /// Every key there is, with dots.
    pub keys: Vec<String>,
}

/// The value cannot be had; why is among the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Faulty;

/// A value that was read, unless a fault was kept.
pub(super) type Read<T> = Result<T, Faulty>;

/// A section that is being read.
pub(super) struct Section<'a> {
    findings: &'a Findings,
    key: String,
    entries: Option<&'a Entries>,
    asked: BTreeSet<&'static str>,
    has_defaults: bool,
}

impl<'a> Section<'a> {
    /// The section of everything.
    pub fn root(findings: &'a Findings, entries: &'a Entries) -> Self {
        Self {
            findings,
            key: String::new(),
            entries: Some(entries),
            asked: BTreeSet::new(),
            has_defaults: true,
        }
    }

    /// A section in this one.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        self.asked.insert(key);
        let node = self.entries.and_then(|entries| entries.get(key));
        let entries = match node {
            Some(Node::Section(entries)) => Some(entries),
            Some(Node::Leaf(leaf)) => {
                self.keep(leaf.place.fault("is a section; set a key in it instead"));
                None
            }
            None => None,
        };
        Section {
            findings: self.findings,
            key: self.full(key),
            entries,
            asked: BTreeSet::new(),
            has_defaults: true,
        }
    }

    /// The sections that this one consists of, by name.
    pub fn each(&self) -> Vec<(&'a str, Section<'a>)> {
        let entries = self.entries.into_iter().flatten();
        let section = |(name, node): (&'a String, &'a Node)| match node {
            Node::Section(entries) => Some((name.as_str(), self.inner(self.full(name), entries, true))),
            Node::Leaf(_) => None,
        };
        entries.filter_map(section).collect()
    }

    /// The sections of a list, which have no defaults.
    pub fn list(&mut self, key: &'static str) -> Read<Vec<Section<'a>>> {
        let Some(leaf) = self.find(key)? else { return Ok(Vec::new()) };
        let wrong = "must be a list of sections; write it like [{ … = \"…\" }]";
        let Datum::List(items) = &leaf.value else { return Err(self.refuse(leaf, wrong)) };
        let sections = items.iter().enumerate().map(|(index, item)| match item {
            Node::Section(entries) => {
                Some(self.inner(format!("{}[{index}]", self.full(key)), entries, false))
            }
            Node::Leaf(_) => None,
        });
        sections.collect::<Option<_>>().ok_or_else(|| self.refuse(leaf, wrong))
    }

    fn inner(&self, key: String, entries: &'a Entries, has_defaults: bool) -> Section<'a> {
        Section { findings: self.findings, key, entries: Some(entries), asked: BTreeSet::new(), has_defaults }
    }

    /// A value that may be left out, or taken back with `""`.
    pub fn optional<T>(&mut self, key: &'static str, kind: impl Fn(&Leaf) -> Parsed<T>) -> Read<Option<T>> {
        let Some(leaf) = self.find(key)? else { return Ok(None) };
        kind(leaf).map(Some).map_err(|what| self.refuse(leaf, &what))
    }

    /// A value that must be there.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        kind: impl Fn(&Leaf) -> Parsed<T>,
        advice: &str,
    ) -> Read<T> {
        self.optional(key, kind)?.ok_or_else(|| self.missing(key, advice))
    }

    /// A value that the defaults have, so that it is missing only where somebody emptied it.
    pub fn defaulted<T>(&mut self, key: &'static str, kind: impl Fn(&Leaf) -> Parsed<T>) -> Read<T> {
        self.required(key, kind, "leave the key out to have the default")
    }

    /// A file that somebody else has made.
    pub fn file(&mut self, key: &'static str, privacy: Privacy) -> Read<Option<PathBuf>> {
        self.optional(key, |leaf| {
            let path = kinds::path(leaf)?;
            files::check(&path, privacy).map(|()| path)
        })
    }

    /// A secret: the text of `key`, or of the file that `key_file` names, whichever is in the stronger layer.
    pub fn secret<T>(
        &mut self,
        key: &'static str,
        key_file: &'static str,
        kind: impl Fn(SecretString) -> Parsed<T>,
    ) -> Read<Option<T>> {
        let (own, file) = (self.find(key), self.find(key_file));
        let (leaf, secret) = match (own?, file?) {
            (None, None) => return Ok(None),
            (Some(own), Some(file)) if own.place.rank == file.place.rank => {
                return Err(self.refuse(own, &format!("there is {key_file} as well; keep one of them")));
            }
            (Some(own), Some(file)) if own.place.rank < file.place.rank => (file, secret_of(file)),
            (Some(own), _) => (own, kinds::text(own)),
            (None, Some(file)) => (file, secret_of(file)),
        };
        let read = secret.and_then(|text| kind(SecretString::from(text)));
        read.map(Some).map_err(|what| self.refuse(leaf, &what))
    }

    /// Keeps that a key is missing. It is blamed on the weakest layer that says anything in this section.
    pub fn missing(&self, key: &str, advice: &str) -> Faulty {
        let places = self.entries.into_iter().flat_map(Entries::values).filter_map(|node| match node {
            Node::Leaf(leaf) if leaf.place.rank > 0 => Some(&leaf.place),
            Node::Leaf(_) | Node::Section(_) => None,
        });
        let place = places.min_by_key(|place| place.rank).map(|place| place.beside(key));
        let place = place.unwrap_or_else(|| Place { rank: 0, origin: Origin::Default, key: self.full(key) });
        self.keep(place.fault(format!("is missing; {advice}")))
    }

    /// Keeps what is wrong with a value that can be read by itself.
    pub fn wrong(&self, key: &str, what: &str) -> Faulty {
        match self.entries.and_then(|entries| entries.get(key)).and_then(Node::first_leaf) {
            Some((leaf, 0)) => self.refuse(leaf, what),
            Some((leaf, depth)) => self.keep(above(&leaf.place, depth).fault(what)),
            None => self.missing(key, what),
        }
    }

    /// Whether somebody said this and not the defaults.
    pub fn is_said(&self, key: &str) -> bool {
        let node = self.entries.and_then(|entries| entries.get(key));
        matches!(node, Some(Node::Leaf(leaf)) if leaf.place.rank > 0 && !leaf.value.is_empty())
    }

    /// Keeps a fault for every key that nobody asked for.
    pub fn close(&self) {
        for (key, node) in self.entries.into_iter().flatten() {
            if self.asked.contains(key.as_str()) {
                continue;
            }
            let what = match self.meant(key) {
                Some(meant) => format!("unknown key; did you mean {meant}?"),
                None => "unknown key; remove it".to_owned(),
            };
            let place = match node.first_leaf() {
                Some((leaf, depth)) => above(&leaf.place, depth),
                None => Place { rank: 0, origin: Origin::Default, key: self.full(key) },
            };
            self.keep(place.fault(what));
        }
    }

    /// What somebody meant: a key like it here, or the same one elsewhere.
    fn meant(&self, key: &str) -> Option<String> {
        if let Some(near) = suggest::nearest(key, self.asked.iter().copied()) {
            return Some(near.to_owned());
        }
        let flat = key.replace(['.', '-'], "_");
        let keys = &self.findings.keys;
        let same = |known: &&String| known.replace('.', "_") == flat || known.rsplit('.').next() == Some(key);
        keys.iter().find(same).cloned()
    }

    /// The value, if one is said and it is a value at all.
    fn find(&mut self, key: &'static str) -> Read<Option<&'a Leaf>> {
        self.asked.insert(key);
        match self.entries.ok_or(Faulty)?.get(key) {
            Some(Node::Leaf(leaf)) => Ok(Some(leaf).filter(|leaf| !leaf.value.is_empty())),
            Some(Node::Section(_)) => Err(self.wrong(key, "is a value and no section; write it with =")),
            None => {
                debug_assert!(!self.has_defaults, "default.toml lacks {}", self.full(key));
                Ok(None)
            }
        }
    }

    fn refuse(&self, leaf: &Leaf, what: &str) -> Faulty {
        self.keep(leaf.place.fault(what))
    }

    fn keep(&self, fault: Fault) -> Faulty {
        self.findings.faults.borrow_mut().push(fault);
        Faulty
    }

    fn full(&self, key: &str) -> String {
        let key = tree::quoted(key);
        if self.key.is_empty() { key } else { format!("{}.{key}", self.key) }
    }
}

/// The place so many sections above.
fn above(place: &Place, depth: usize) -> Place {
    let mut key = place.key.as_str();
    for _ in 0..depth {
        key = key.rsplit_once('.').map_or(key, |(section, _)| section);
    }
    Place { key: key.to_owned(), ..place.clone() }
}

fn secret_of(leaf: &Leaf) -> Parsed<String> {
    let path = kinds::path(leaf)?;
    let text = files::read(&path, Privacy::Secret)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("{} is empty; write the secret into it", path.display()));
    }
    Ok(text.to_owned())
}
