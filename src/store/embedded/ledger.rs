//! The ledger file: appending one frame and bringing it to disk, and reading frames and entries back.
//! Not here: the form of a frame (`frame`), and what happens at start-up (`recover`).

use super::chain_key::ChainKey;
use super::files;
use super::frame::{self, Digest, Frame, Link, Unread};
use crate::model::entry::Entry;
use crate::planted::planted;
use crate::store::StoreError;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// The file that is the truth. One writer; any number of readers.
#[derive(Debug)]
pub struct Ledger {
    file: Arc<File>,
    end: Link,
    key: ChainKey,
    syncs: u64,
}

/// Reads what is in the ledger.
#[derive(Clone, Debug)]
pub struct LedgerReader {
    file: Arc<File>,
}

/// Where an entry lies, and a check of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In bytes from the start of the file.
    pub offset: u64,
    /// In bytes, with the line feed.
    pub length: u32,
    /// The start of the SHA-256 of the line.
    pub check: [u8; 8],
}

impl Ledger {
    /// Opens the file, making it with its opening line if it is missing. It appears as a whole or not at all.
    pub fn open_file(path: &Path) -> Result<File, StoreError> {
        let unavailable = files::unavailable(path);
        if !path.exists() {
            files::write_whole(path, frame::OPENING).map_err(&unavailable)?;
        }
        // Also when it is there: the sync of its name may have failed, or never come, when it was made.
        files::sync_directory(path.parent().unwrap_or(path)).map_err(&unavailable)?;
        files::open_private(path).map_err(&unavailable)
    }

    /// A ledger that goes on after `end`.
    pub fn new(file: File, end: Link, key: ChainKey) -> Self {
        Self { file: Arc::new(file), end, key, syncs: 0 }
    }

    /// A reader of the same file.
    pub fn reader(&self) -> LedgerReader {
        LedgerReader { file: self.file.clone() }
    }

    /// The end of the last frame.
    pub fn end(&self) -> &Link {
        &self.end
    }

    /// Appends one frame with `count` entries, and answers when it is on disk.
    ///
    /// After an error nothing may be appended any more: what a failed sync left in the cache of the system can be lost and still
    /// be read, and a second sync would not say so. As nobody was told of the frame, it is taken away again as far as that works.
    pub fn append(&mut self, count: u64, body: &[u8]) -> io::Result<()> {
        let (bytes, end) = frame::encode(&self.end, count, body, &self.key);
        let written = self.file.write_all_at(&bytes, self.end.offset).and_then(|()| self.sync());
        if let Err(error) = written {
            // Best effort: what is left behind is recognised at the next start.
            let _ = self.file.set_len(self.end.offset);
            return Err(error);
        }
        self.end = end;
        Ok(())
    }

    /// How often what was appended was brought to disk.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The one place that brings appended bytes to disk, and counts it: a test can then miss it.
    fn sync(&mut self) -> io::Result<()> {
        if !planted!(AnswersBeforeSync) {
            self.file.sync_data()?;
        }
        self.syncs += 1;
        Ok(())
    }

    /// Writes the last frame, or the opening line, once more, as it is, and syncs: what was read from the cache of the system, after a
    /// sync that failed or never came, is then truly on disk before anything is built on it. A sync alone would not say so.
    pub fn settle(&self, last: Option<&Frame>) -> io::Result<()> {
        let (start, end) =
            last.map_or((0, frame::OPENING.len() as u64), |last| (last.offset, last.end.offset));
        let mut bytes = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, start)?;
        self.file.write_all_at(&bytes, start)?;
        self.file.sync_all()
    }
}

impl LedgerReader {
    /// A reader of a file.
    pub fn new(file: &File) -> io::Result<Self> {
        Ok(Self { file: Arc::new(file.try_clone()?) })
    }

    /// The bytes from an offset on. The position of the file itself is not used, so readers do not disturb one another.
    pub fn bytes_from(&self, offset: u64, buffer: usize) -> BufReader<ReadFrom<'_>> {
        BufReader::with_capacity(buffer, ReadFrom { file: &self.file, offset })
    }

    /// Reads the frame at an offset that the index gave, and verifies it by itself.
    pub fn frame(&self, offset: u64) -> Result<Frame, StoreError> {
        frame::frame_at(&mut self.bytes_from(offset, 64 << 10), offset).map_err(|unread| match unread {
            Unread::Io(error) => StoreError::Unavailable(format!("the ledger cannot be read: {error}")),
            Unread::Flaw(flaw) => damaged(offset, flaw),
        })
    }

    /// Reads one entry.
    pub fn entry(&self, place: Place) -> Result<Entry, StoreError> {
        let mut line = vec![0; usize::try_from(place.length).unwrap_or(0).min(frame::BODY_MAX)];
        self.file
            .read_exact_at(&mut line, place.offset)
            .map_err(|error| StoreError::Unavailable(format!("the ledger cannot be read: {error}")))?;
        if Digest::of(&[&line]).short() != place.check {
            return Err(damaged(place.offset, "an entry does not match its checksum"));
        }
        parse_entry(&line, place.offset)
    }
}

impl Place {
    /// The place of a line.
    pub fn of(line: &[u8], offset: u64) -> Self {
        let length = u32::try_from(line.len()).expect("a line is shorter than a body, which is");
        Self { offset, length, check: Digest::of(&[line]).short() }
    }
}

/// The entries of a frame that verified, each with its place.
pub fn entries_of(frame: &Frame) -> impl Iterator<Item = Result<(Entry, Place), StoreError>> {
    let mut offset = frame.offset + frame::HEADER_LENGTH as u64;
    frame::lines(&frame.body).map(move |line| {
        let place = Place::of(line, offset);
        offset += line.len() as u64;
        Ok((parse_entry(line, place.offset)?, place))
    })
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

/// A reader at an offset of its own.
pub struct ReadFrom<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for ReadFrom<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
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
        let mut ledger = Ledger::new(takes_writes_and_never_syncs(), Link::opening(), ChainKey::known());
        let end = *ledger.end();
        assert!(ledger.append(1, b"{}\n").is_err());
        assert_eq!(*ledger.end(), end, "a frame that failed is not built on");
        assert!(ledger.settle(None).is_err(), "nor is a frame that was only read");
        assert!(files::sync_together(&[takes_writes_and_never_syncs()]).is_err(), "nor is a data key");
    }
}
