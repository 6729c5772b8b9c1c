//! The ledger: appending one frame and bringing it to disk, and reading frames and entries back.
//! Not here: the form of a frame (`frame`), which files there are (`segments`), and what happens at start-up (`recover`).

use super::chain_key::ChainKey;
use super::files;
use super::frame::{self, Frame, Link, Unread};
use super::segments::{self, ReadFrom, Segment, Walk};
use crate::crash::crash_point;
use crate::model::entry::{Entry, Position};
use crate::planted::planted;
use crate::store::StoreError;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The buffer for reading one frame.
const FRAME_BUFFER: usize = 64 << 10;

/// The files that are the truth. One writer; any number of readers.
#[derive(Debug)]
pub struct Ledger {
    reader: LedgerReader,
    /// The file that is appended to.
    last: Segment,
    /// The end of the last frame.
    end: Link,
    /// What the next frame continues, and where it begins.
    next: Link,
    key: ChainKey,
    /// The length at which a new file is begun.
    segment_bytes: u64,
    syncs: u64,
}

/// Reads what is in the ledger.
#[derive(Clone, Debug)]
pub struct LedgerReader {
    directory: PathBuf,
    segments: Arc<RwLock<Vec<Segment>>>,
}

/// A frame that verified, unpacked.
#[derive(Debug)]
pub struct Opened {
    /// Where it begins.
    pub offset: u64,
    first: u64,
    body: Vec<u8>,
}

impl Ledger {
    /// Opens the files, making the first with its opening line if there is none. It appears as a whole or not at all.
    pub fn open_files(directory: &Path) -> Result<LedgerReader, StoreError> {
        let unavailable = files::unavailable(directory);
        let first = directory.join(segments::FIRST);
        if !first.exists() {
            files::write_whole(&first, frame::OPENING).map_err(&unavailable)?;
        }
        // Also when it is there: the sync of its name may have failed, or never come, when it was made.
        files::sync_directory(directory).map_err(&unavailable)?;
        LedgerReader::open(directory, true)
    }

    /// A ledger that goes on after `end`, which lies in its last file or is where that begins.
    pub fn new(
        reader: LedgerReader,
        end: Link,
        key: ChainKey,
        segment_bytes: u64,
    ) -> Result<Self, StoreError> {
        let last = reader.segments().pop().filter(|last| last.start.is_some());
        let last = last.ok_or_else(|| damaged(end.offset, "its last file cannot be read"))?;
        let next = if last.base == end.offset { last.first().unwrap_or(end) } else { end };
        Ok(Self { reader, last, end, next, key, segment_bytes, syncs: 0 })
    }

    /// A reader of the same files.
    pub fn reader(&self) -> LedgerReader {
        self.reader.clone()
    }

    /// The end of the last frame.
    pub fn end(&self) -> &Link {
        &self.end
    }

    /// Where the next frame begins. Begins a new file for it if the last one is long enough.
    pub fn make_room(&mut self) -> io::Result<u64> {
        if self.next.offset - self.last.base >= self.segment_bytes {
            self.begin_file()?;
        }
        Ok(self.next.offset)
    }

    /// The file appears as a whole or not at all; until a frame is in it, it says no more than the end of the one before.
    fn begin_file(&mut self) -> io::Result<()> {
        let number = self.last.number + 1;
        let path = self.reader.directory.join(segments::name(number));
        crash_point!("ledger.roll.before");
        files::write_whole(&path, &Segment::opening(number, &self.end))?;
        if !planted!(NamesNotSynced) {
            files::sync_directory(&self.reader.directory)?;
        }
        crash_point!("ledger.roll.after");
        let last = Segment::open(&path, number, files::open_private(&path)?)?;
        self.next = last.first().ok_or_else(|| {
            io::Error::other("a new file of the ledger reads otherwise than it was written")
        })?;
        self.reader.segments.write().unwrap_or_else(PoisonError::into_inner).push(last.clone());
        self.last = last;
        Ok(())
    }

    /// Appends one frame with `count` entries, and answers when it is on disk.
    ///
    /// After an error nothing may be appended any more: what a failed sync left in the cache of the system can be lost and still
    /// be read, and a second sync would not say so. As nobody was told of the frame, it is taken away again as far as that works.
    pub fn append(&mut self, count: u64, body: &[u8]) -> io::Result<()> {
        let (bytes, end) = frame::encode(&self.next, count, body, &self.key);
        let local = self.next.offset - self.last.base;
        let written = self.last.file.write_all_at(&bytes, local).and_then(|()| self.sync());
        if let Err(error) = written {
            // Best effort: what is left behind is recognised at the next start.
            let _ = self.last.file.set_len(local);
            return Err(error);
        }
        (self.end, self.next) = (end, end);
        Ok(())
    }

    /// How often what was appended was brought to disk.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The one place that brings appended bytes to disk, and counts it: a test can then miss it.
    fn sync(&mut self) -> io::Result<()> {
        if !planted!(AnswersBeforeSync) {
            self.last.file.sync_data()?;
        }
        self.syncs += 1;
        Ok(())
    }

    /// Writes the last frame, and the opening line of a file without frames, once more, as they are, and syncs: what was read from the
    /// cache of the system, after a sync that failed or never came, is then truly on disk before anything is built on it. A sync alone
    /// would not say so.
    pub fn settle(&self, last: Option<&Frame>) -> io::Result<()> {
        if self.next.offset != self.end.offset || last.is_none() {
            write_again(&self.last.file, 0, self.next.offset - self.last.base)?;
        }
        let Some(last) = last else { return Ok(()) };
        let segment = self.reader.segment_of(last.offset).unwrap_or_else(|| self.last.clone());
        let file =
            if segment.number == self.last.number { None } else { Some(files::open_private(&segment.path)?) };
        let file = file.as_ref().unwrap_or(&self.last.file);
        write_again(file, last.offset - segment.base, last.end.offset - segment.base)
    }
}

fn write_again(file: &File, start: u64, end: u64) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, start)?;
    file.write_all_at(&bytes, start)?;
    file.sync_all()
}

impl LedgerReader {
    /// A reader of the files in a directory.
    pub fn open(directory: &Path, writes: bool) -> Result<Self, StoreError> {
        let segments = segments::list(directory, writes)?;
        Ok(Self { directory: directory.to_owned(), segments: Arc::new(RwLock::new(segments)) })
    }

    /// The files, in order, as of now.
    pub fn segments(&self) -> Vec<Segment> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file from which a start has to read: that of the last entry the index has, or of the last entry at all; the first where
    /// the index has nothing, or where the files do not fit together.
    pub fn place_for(&self, witness: Option<Link>) -> usize {
        let segments = self.segments();
        let Some(witness) = witness.filter(|_| segments::fit(&segments)) else { return 0 };
        let is_behind = |segment: &Segment| {
            segment.start.is_some_and(|start| start.after.position <= witness.position) && !segment.is_empty()
        };
        segments.iter().rposition(is_behind).unwrap_or(0)
    }

    /// Reads frame after frame from the beginning, or from the `place`th file on.
    pub fn walk(&self, place: usize, buffer: usize) -> Result<Walk, StoreError> {
        Walk::of(self.segments(), place, buffer)
            .ok_or_else(|| damaged(0, "a file of it is missing or has no opening line"))
    }

    /// Reads frame after frame from the end of one on.
    pub fn walk_behind(&self, end: &Link, buffer: usize) -> Result<Walk, StoreError> {
        let walk = Walk::behind(self.segments(), end, buffer);
        walk.ok_or_else(|| damaged(end.offset, "a file of it is missing or is another than it was"))
    }

    /// Reads the frame at an offset that the index gave, or behind the end of another, and verifies it by itself.
    pub fn frame(&self, offset: u64) -> Result<Frame, StoreError> {
        let (mut bytes, offset) =
            self.bytes_of(offset).ok_or_else(|| damaged(offset, "no file of it begins there"))?;
        frame::frame_at(&mut bytes, offset).map_err(|unread| match unread {
            Unread::Io(error) => StoreError::Unavailable(format!("the ledger cannot be read: {error}")),
            Unread::Flaw(flaw) => damaged(offset, flaw),
        })
    }

    /// Reads the frame at an offset and unpacks it.
    pub fn opened(&self, offset: u64) -> Result<Opened, StoreError> {
        let frame = self.frame(offset)?;
        let body = frame.body().map_err(|flaw| damaged(offset, flaw))?;
        Ok(Opened { offset, first: frame.first, body })
    }

    fn segment_of(&self, offset: u64) -> Option<Segment> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.iter().rfind(|segment| segment.start.is_some() && segment.base <= offset).cloned()
    }

    /// Where the end of a frame is the end of its file, the next one begins behind an opening line.
    fn bytes_of(&self, offset: u64) -> Option<(BufReader<ReadFrom>, u64)> {
        let segment = self.segment_of(offset)?;
        let offset = if segment.base == offset { segment.first()?.offset } else { offset };
        Some((segment.bytes_from(offset, FRAME_BUFFER), offset))
    }
}

impl Opened {
    /// The entry at a position, and its length in bytes.
    pub fn entry(&self, position: Position) -> Result<(Entry, usize), StoreError> {
        let number = position.0.checked_sub(self.first).and_then(|number| usize::try_from(number).ok());
        let line = number.and_then(|number| frame::lines(&self.body).nth(number));
        let line = line.ok_or_else(|| damaged(self.offset, "an entry is not where it was"))?;
        let entry = parse_entry(line, self.offset)?;
        if entry.position == position {
            Ok((entry, line.len()))
        } else {
            Err(damaged(self.offset, "an entry has another number than its place"))
        }
    }
}

/// The entries of a frame that verified.
pub fn entries_of(frame: &Frame) -> Result<Vec<Entry>, StoreError> {
    let body = frame.body().map_err(|flaw| damaged(frame.offset, flaw))?;
    frame::lines(&body).map(|line| parse_entry(line, frame.offset)).collect()
}

fn parse_entry(line: &[u8], offset: u64) -> Result<Entry, StoreError> {
    serde_json::from_slice(line).map_err(|error| {
        damaged(
            offset,
            &format!(
                "an entry is whole and yet cannot be read, perhaps because a later release wrote it ({error})"
            ),
        )
    })
}

/// Says what is known about damage in the ledger and what to do.
pub fn damaged(offset: u64, flaw: &str) -> StoreError {
    StoreError::Damaged(format!(
        "the ledger is not whole at byte {offset}: {flaw}. Nothing was changed and nothing more is written. \
         Keep a copy of the directory and restore the ledger from a backup."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The null device takes every write and refuses every sync: whoever answers Ok has not asked it to sync.
    fn takes_writes_and_never_syncs() -> File {
        File::options().read(true).write(true).open("/dev/null").unwrap()
    }

    #[test]
    fn nothing_counts_as_appended_before_it_is_synced() {
        let null = Segment::open(Path::new("/dev/null"), 1, takes_writes_and_never_syncs()).unwrap();
        let reader = LedgerReader { directory: "/dev".into(), segments: Arc::new(RwLock::new(vec![null])) };
        let mut ledger = Ledger::new(reader, Link::opening(), ChainKey::known(), u64::MAX).unwrap();
        let end = *ledger.end();
        assert!(ledger.append(1, b"{}\n").is_err());
        assert_eq!(*ledger.end(), end, "a frame that failed is not built on");
        assert!(ledger.settle(None).is_err(), "nor is a frame that was only read");
        assert!(files::sync_together(&[takes_writes_and_never_syncs()]).is_err(), "nor is a data key");
    }
}
