//! Looking for marks in bytes: in clear, in base64 and in UTF-16. Not here: which marks, and where one may be.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use carepass::model::entry::Position;
use carepass::store::embedded::export;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Marks that must not be found, and places where one was.
pub(super) struct Found {
    marks: Vec<String>,
    clear: Needles,
    encoded: Needles,
    /// Which mark, and where.
    pub(super) places: BTreeSet<String>,
}

impl Found {
    pub(super) fn new(marks: impl IntoIterator<Item = String>) -> Self {
        let marks: Vec<String> = marks.into_iter().collect();
        let clear =
            marks.iter().enumerate().map(|(mark, text)| (mark, text.to_ascii_lowercase().into_bytes()));
        let encoded = marks
            .iter()
            .enumerate()
            .flat_map(|(mark, text)| forms(text).into_iter().map(move |form| (mark, form)));
        let (clear, encoded) = (Needles::new(clear), Needles::new(encoded));
        Self { marks, clear, encoded, places: BTreeSet::new() }
    }

    pub(super) fn look(&mut self, place: &str, bytes: &[u8]) {
        let mut there = self.clear.found_in(&bytes.to_ascii_lowercase());
        there.append(&mut self.encoded.found_in(bytes));
        self.places.extend(there.into_iter().map(|mark| format!("{} in {place}", self.marks[mark])));
    }

    pub(super) fn look_at_files(&mut self, folder: &Path, is_excused: &impl Fn(&Path) -> bool) {
        for path in files(folder) {
            if !is_excused(&path) {
                let bytes = std::fs::read(&path).expect("a file that was just seen");
                self.look(&path.display().to_string(), &bytes);
                if path.ends_with("ledger/entries.jsonl") {
                    self.look_at_entries(&path);
                }
            }
        }
    }

    /// The entries are packed in the files of the ledger.
    fn look_at_entries(&mut self, ledger: &Path) {
        let (store, mut entries) = (ledger.ancestors().nth(2).expect("the store"), String::new());
        let read = export(store, Position(0), |entry| {
            entries.push_str(&entry);
            true
        });
        read.expect("a sound ledger");
        assert!(!entries.is_empty(), "nothing was written to {}", ledger.display());
        self.look(&format!("the entries of {}", ledger.display()), entries.as_bytes());
    }
}

/// The text as other bytes: base64 at each of the three places that it can have within a text, and UTF-16.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for shift in 0..3usize {
            let shifted = [vec![0; shift], text.as_bytes().to_vec()].concat();
            let encoded = engine.encode(&shifted);
            // What the bytes before and after have a hand in is left out.
            let (from, to) = ((shift * 4).div_ceil(3), (shift + text.len()) * 4 / 3);
            forms.push(encoded.as_bytes()[from..to].to_vec());
        }
    }
    forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    forms
}

/// Many texts that are looked for at once, by their first two bytes: a log at trace level is long.
struct Needles {
    by_start: BTreeMap<[u8; 2], Vec<(usize, Vec<u8>)>>,
    starts: Vec<bool>,
}

impl Needles {
    fn new(texts: impl Iterator<Item = (usize, Vec<u8>)>) -> Self {
        let mut needles = Self { by_start: BTreeMap::new(), starts: vec![false; 1 << 16] };
        for (mark, text) in texts {
            let start = [text[0], text[1]];
            needles.starts[usize::from(u16::from_be_bytes(start))] = true;
            needles.by_start.entry(start).or_default().push((mark, text));
        }
        needles
    }

    fn found_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (place, pair) in bytes.windows(2).enumerate() {
            let start = [pair[0], pair[1]];
            if self.starts[usize::from(u16::from_be_bytes(start))] {
                let here = self.by_start[&start].iter().filter(|(_, text)| bytes[place..].starts_with(text));
                found.extend(here.map(|(mark, _)| *mark));
            }
        }
        found
    }
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_scanner_finds_a_mark_in_every_form() {
    let plain = "kanarie.contact@nordresale.example";
    let finds = |bytes: &[u8]| {
        let mut found = Found::new([plain.to_owned()]);
        found.look("here", bytes);
        !found.places.is_empty()
    };
    assert!(finds(format!("before {plain} after").as_bytes()));
    assert!(finds(plain.to_uppercase().as_bytes()));
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{plain} and more");
        assert!(finds(STANDARD.encode(&text).as_bytes()), "{before}");
        assert!(finds(URL_SAFE_NO_PAD.encode(&text).as_bytes()), "{before}");
    }
    let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(finds(&wide));
    assert!(!finds(b"kanarie.contact@elsewhere.example"));
}
