//! The files of the ledger: a new one is begun when the last has grown to [`SEGMENT_BYTES`], so that a start reads the last one only and
//! not all of history. Offsets count over all files, as if they lay one behind the other.
//!
//! ```text
//! entries.jsonl            the first: its opening line is `frame::OPENING`
//! entries-000002.jsonl     {"ledger":"carepass","version":1,"segment":2,"frame":…,"position":…,"offset":…,"prev":"<64 hex digits>"}
//! ```
//!
//! The opening line of a later file says what it goes on from: the end of the last frame of the file before. The chain runs through: the
//! first frame of a file names the hash of the last one of the file before. A file is complete once a later one has a name.
//! Not here: what a frame is (`frame`), and when a new file is begun (`ledger`).

use super::digest::Digest;
use super::files;
use super::frame::{self, Frame, Link, Unread};
use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The length at which no more is appended to a file.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// The longest opening line.
const OPENING_MAX: usize = 320;

/// The first file.
pub const FIRST: &str = "entries.jsonl";

/// One file of the ledger.
#[derive(Clone, Debug)]
pub struct Segment {
    /// 1, 2, 3, …
    pub number: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// Read at places of its own by each reader.
    pub file: Arc<File>,
    /// Where it begins, counted over all files.
    pub base: u64,
    /// What its first frame continues, if its opening line says so: `None` where it cannot be read.
    pub start: Option<Start>,
}

/// What an opening line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The end of the frame before.
    pub after: Link,
    /// The length of the opening line.
    pub opening: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    ledger: String,
    version: u64,
    segment: u64,
    frame: u64,
    position: u64,
    offset: u64,
    prev: Digest,
}

impl Start {
    /// That of the first file.
    const FIRST: fn() -> Self = || Self { after: Link::opening(), opening: frame::OPENING.len() as u64 };

    /// What the first frame of the file is read behind: the same place in the chain, behind the opening line.
    fn first(&self, base: u64) -> Link {
        Link { offset: base + self.opening, ..self.after }
    }
}

impl Segment {
    /// A file that goes on behind `after`, with its opening line; the next file is made so.
    pub fn opening(number: u64, after: &Link) -> Vec<u8> {
        let Link { frame, position, offset, hash: prev } = *after;
        let ledger = "carepass".to_owned();
        let opening = Opening { ledger, version: 1, segment: number, frame, position, offset, prev };
        let mut line = serde_json::to_vec(&opening).expect("numbers and text become JSON");
        line.push(b'\n');
        line
    }

    /// Opens a file. The last one is written, too.
    pub fn open(path: &Path, number: u64, file: File) -> io::Result<Self> {
        let mut segment = Self { number, path: path.to_owned(), file: Arc::new(file), base: 0, start: None };
        if number == 1 {
            segment.start = Some(Start::FIRST());
            return Ok(segment);
        }
        let mut line = vec![0; OPENING_MAX];
        let read = read_up_to(&segment.file, &mut line)?;
        line.truncate(read);
        line.truncate(line.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        let opening: Option<Opening> = serde_json::from_slice(&line).ok();
        segment.start = opening.and_then(|opening| {
            let Opening { segment: said, frame, position, offset, prev: hash, .. } = opening;
            let after = Link { frame, position, offset, hash };
            // Byte for byte as it is written, so that no bit of it may change.
            let exact = said == number && Self::opening(number, &after) == line;
            exact.then_some(Start { after, opening: line.len() as u64 })
        });
        segment.base = segment.start.map_or(0, |start| start.after.offset);
        Ok(segment)
    }

    /// What its first frame is read behind.
    pub fn first(&self) -> Option<Link> {
        self.start.map(|start| start.first(self.base))
    }

    /// Its length.
    pub fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether it has a place for frames and none is in it.
    pub fn is_empty(&self) -> bool {
        let opening = self.start.map(|start| start.opening);
        self.length().is_ok_and(|length| opening.is_some_and(|opening| length <= opening))
    }

    /// Its bytes from an offset on, which counts over all files.
    pub fn bytes_from(&self, offset: u64, buffer: usize) -> BufReader<ReadFrom> {
        let offset = offset.saturating_sub(self.base);
        BufReader::with_capacity(buffer, ReadFrom { file: self.file.clone(), offset })
    }
}

/// The name of a file.
pub fn name(number: u64) -> String {
    if number == 1 { FIRST.to_owned() } else { format!("entries-{number:06}.jsonl") }
}

fn number(name: &str) -> Option<u64> {
    if name == FIRST {
        return Some(1);
    }
    let number = name.strip_prefix("entries-")?.strip_suffix(".jsonl")?.parse().ok()?;
    (number > 1 && self::name(number) == name).then_some(number)
}

/// The files that there are, in order. `writes` opens the last one for appending.
pub fn list(directory: &Path, writes: bool) -> Result<Vec<Segment>, StoreError> {
    let unavailable = files::unavailable(directory);
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(directory).map_err(&unavailable)? {
        numbers.extend(file.map_err(&unavailable)?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    let mut segments = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let path = directory.join(name(*number));
        let is_last = place + 1 == numbers.len();
        let file = if is_last && writes { files::open_private(&path) } else { File::open(&path) };
        let segment = file.and_then(|file| Segment::open(&path, *number, file));
        segments.push(segment.map_err(files::unavailable(&path))?);
    }
    Ok(segments)
}

/// Whether each file, by its opening line and its length, goes on where the one before ends.
pub fn fit(segments: &[Segment]) -> bool {
    let numbered = segments.iter().zip(1..).all(|(segment, number)| segment.number == number);
    let goes_on = |pair: &[Segment]| {
        let end = pair[0].length().map(|length| pair[0].base + length);
        pair[0].start.is_some()
            && end.is_ok_and(|end| pair[1].start.is_some_and(|next| next.after.offset == end))
    };
    numbered && segments.windows(2).all(goes_on)
}

/// Reads frame after frame, from one file into the next.
pub struct Walk {
    segments: Vec<Segment>,
    place: usize,
    at: Link,
    bytes: BufReader<ReadFrom>,
    buffer: usize,
}

impl Walk {
    /// From the first frame of the `place`th file on; `None` if there is no such file or its opening line cannot be read.
    pub fn of(segments: Vec<Segment>, place: usize, buffer: usize) -> Option<Self> {
        let at = segments.get(place)?.first()?;
        let bytes = segments[place].bytes_from(at.offset, buffer);
        Some(Self { segments, place, at, bytes, buffer })
    }

    /// From the end of a frame on.
    pub fn behind(segments: Vec<Segment>, end: &Link, buffer: usize) -> Option<Self> {
        let begins = |segment: &Segment| segment.start.is_some() && segment.base <= end.offset;
        let place = segments.iter().rposition(begins)?;
        let mut walk = Self::of(segments, place, buffer)?;
        if walk.segments[place].base != end.offset {
            walk.at = *end;
            walk.again();
        } else if walk.segments[place].start.is_none_or(|start| start.after != *end) {
            return None;
        }
        Some(walk)
    }

    /// The next frame; `None` at the clean end of the last file.
    pub fn next(&mut self) -> Result<Option<Frame>, Unread> {
        loop {
            if let Some(frame) = frame::next_frame(&mut self.bytes, &self.at)? {
                self.at = frame.end;
                return Ok(Some(frame));
            }
            let Some(next) = self.segments.get(self.place + 1) else { return Ok(None) };
            if next.number != self.segments[self.place].number + 1 {
                return Err(Unread::Flaw("the file that it lies in is missing"));
            }
            let Some(first) = next.first() else {
                return Err(Unread::Flaw("the opening line of its file cannot be read"));
            };
            if next.start.is_none_or(|start| start.after != self.at) {
                return Err(Unread::Flaw("its file does not continue the one before"));
            }
            (self.place, self.at) = (self.place + 1, first);
            self.again();
        }
    }

    /// Reads on from the same place: more may be there by now.
    pub fn again(&mut self) {
        self.bytes = self.segments[self.place].bytes_from(self.at.offset, self.buffer);
    }

    /// As if what was read last had not been: it is of the same file.
    pub fn back_to(&mut self, at: Link) {
        let begins = self.segment().first().filter(|first| first.offset > at.offset);
        self.at = begins.unwrap_or(at);
    }

    /// The number of files before the one that is being read.
    pub fn place(&self) -> usize {
        self.place
    }

    /// The file that is being read.
    pub fn segment(&self) -> &Segment {
        &self.segments[self.place]
    }

    /// The files behind it.
    pub fn later(&self) -> &[Segment] {
        &self.segments[self.place + 1..]
    }

    /// What the next frame continues, with the place at which it begins.
    pub fn at(&self) -> Link {
        self.at
    }

    /// The same with the place counted from the beginning of the file.
    pub fn local(&self) -> Link {
        Link { offset: self.at.offset - self.segment().base, ..self.at }
    }
}

/// A reader at an offset of its own. The position of the file itself is not used, so readers do not disturb one another.
pub struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

fn read_up_to(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], read as u64)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}
