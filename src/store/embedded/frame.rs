//! The form of the ledger, as bytes: lines of JSON, and between them the entries, packed. Pure: no file.
//!
//! ```text
//! {"ledger":"carepass","version":1}                                        opening line of the first file (`segments`: of the others)
//! {"frame":1,"first":1,"count":2,"bytes":212,"plain":812,"prev":"<64 hex digits>"}   header: padded with spaces to 192 bytes
//! <gzip of:>                                                               `bytes` in all, with the line feed behind
//!   {"position":1,"at":…,"actor":…,"changes":[…]}                          one entry a line, `plain` bytes of them
//!   {"position":2,…}
//! {"closes":1,"sha256":"<64 hex digits>","code":"<64 hex digits>"}         SHA-256 of the header and what is packed; and a code of it
//! ```
//!
//! A frame is one group-commit batch. `prev` is the `sha256` of the frame before, or that of the opening line; as it lies
//! under the next hash, every entry is covered by a chain. An auditor checks a frame with `head -c` and `sha256sum`, and reads it with
//! `zcat`; the code (`chain_key`) takes the key. Entries are found by their position, so nothing points into what is packed.
//!
//! A frame that does not verify is either TORN (the machine went down while it was written, nobody was told that it is
//! there) or DAMAGED (it was whole once). [`judge`] tells them apart by what a torn write can look like: any subset of the
//! sectors, missing ones being zero or past the end of the file. Packed JSON never has a sector of zeros.

use super::chain_key::ChainKey;
use super::digest::Digest;
use crate::planted::planted;
use flate2::{Compression, GzBuilder, bufread::GzDecoder};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};

/// The first line of a ledger.
pub const OPENING: &[u8] = b"{\"ledger\":\"carepass\",\"version\":1}\n";

/// The length of a header line, with its line feed.
pub const HEADER_LENGTH: usize = 192;

/// The longest body of a frame, packed or not, in bytes: what a reader must be ready to hold.
pub const BODY_MAX: usize = 5 << 20;

/// The longest closing line.
const CLOSING_MAX: usize = 224;

/// What a closing line ends with, behind its code.
const CLOSING_END: &[u8] = b"\"}\n";

/// The longest frame, in bytes. Whatever is longer was not left behind by one torn write.
pub const FRAME_MAX: usize = HEADER_LENGTH + BODY_MAX + CLOSING_MAX;

/// What a disk writes whole.
const SECTOR: usize = 512;

/// The end of a frame: what the next one must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The number of the frame; 0 before the first.
    pub frame: u64,
    /// The position of its last entry; 0 before the first.
    pub position: u64,
    /// Where it ends, in bytes, counted over all files of the ledger.
    pub offset: u64,
    /// The hash of the frame, or of the opening line.
    pub hash: Digest,
}

/// A frame that verified.
#[derive(Debug)]
pub struct Frame {
    /// The position of its first entry.
    pub first: u64,
    /// Where it begins.
    pub offset: u64,
    /// How many they are.
    pub count: u64,
    /// Its entries, packed.
    packed: Vec<u8>,
    /// How long they are when they are not.
    plain: usize,
    /// Its end.
    pub end: Link,
    /// What vouches for it; not checked here.
    pub code: Digest,
}

/// Why no frame could be read.
#[derive(Debug)]
pub enum Unread {
    /// The file could not be read.
    Io(io::Error),
    /// The bytes are not the frame that must come here.
    Flaw(&'static str),
}

/// What an invalid end of the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// One frame that was never written out in full, so nobody was told that it is there.
    Torn,
    /// Something that was whole once; why it must have been.
    Damaged(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    frame: u64,
    first: u64,
    count: u64,
    bytes: usize,
    plain: usize,
    prev: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    closes: u64,
    sha256: Digest,
    code: Digest,
}

impl Link {
    /// The place after the opening line.
    pub fn opening() -> Self {
        Self { frame: 0, position: 0, offset: OPENING.len() as u64, hash: Digest::of(&[OPENING]) }
    }
}

/// The version that an opening line names, if it is one of another version.
pub fn version_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"ledger\":\"carepass\",\"version\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let version = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    (version > 1 && rest.get(digits) == Some(&b'}')).then_some(version)
}

/// The bytes of the frame after `at`, with `count` entries in `body`, and its end.
pub fn encode(at: &Link, count: u64, body: &[u8], key: &ChainKey) -> (Vec<u8>, Link) {
    let (packed, plain) = (pack(body), body.len());
    let (frame, first, prev) = (at.frame + 1, at.position + 1, at.hash);
    let header = Header { frame, first, count, bytes: packed.len(), plain, prev };
    let mut bytes = Vec::with_capacity(HEADER_LENGTH + packed.len() + CLOSING_MAX);
    bytes.extend(json(&header));
    bytes.resize(HEADER_LENGTH - 1, b' ');
    bytes.push(b'\n');
    bytes.extend_from_slice(&packed);
    let hash = Digest::of(&[&bytes]);
    bytes.extend(closing_line(header.frame, hash, key.code(&hash)));
    let offset = at.offset + bytes.len() as u64;
    (bytes, Link { frame: header.frame, position: at.position + count, offset, hash })
}

/// Reads and verifies the frame after `at`; `None` at a clean end.
pub fn next_frame(reader: &mut impl BufRead, at: &Link) -> Result<Option<Frame>, Unread> {
    let line = read_line(reader, HEADER_LENGTH)?;
    if line.is_empty() {
        return Ok(None);
    }
    let header = Header::parse(&line).ok_or(Unread::Flaw("its header cannot be read"))?;
    let continues = (header.frame, header.first) == (at.frame + 1, at.position + 1) && header.prev == at.hash;
    if !continues && !planted!(ChainNotCompared) {
        return Err(Unread::Flaw("it does not continue the frame before"));
    }
    read_rest(reader, &line, &header, at.offset).map(Some)
}

/// Reads and verifies a frame by itself, whatever comes before it. For readers that begin in the middle.
pub fn frame_at(reader: &mut impl BufRead, offset: u64) -> Result<Frame, Unread> {
    let line = read_line(reader, HEADER_LENGTH)?;
    let header = Header::parse(&line).ok_or(Unread::Flaw("its header cannot be read"))?;
    read_rest(reader, &line, &header, offset)
}

/// What the bytes after the last valid frame are. `tail` is everything up to the end of the file.
pub fn judge(tail: &[u8], at: &Link) -> Tail {
    if tail.len() > FRAME_MAX {
        return Tail::Damaged("more follows than one write can leave behind");
    }
    if holds_valid_frame(tail) {
        return Tail::Damaged("a valid frame follows");
    }
    if !lacks_a_sector(tail, at.offset) && is_written_to_its_end(tail, at) {
        return Tail::Damaged("it was written to its end and then changed");
    }
    Tail::Torn
}

impl Header {
    fn parse(line: &[u8]) -> Option<Self> {
        let header: Self = serde_json::from_slice(line).ok()?;
        let fits =
            (1..=header.plain as u64).contains(&header.count) && header.bytes.max(header.plain) <= BODY_MAX;
        let numbers = header.frame > 0 && header.first.checked_add(header.count).is_some();
        (line.len() == HEADER_LENGTH && line.ends_with(b"\n") && fits && numbers).then_some(header)
    }
}

fn read_rest(reader: &mut impl BufRead, line: &[u8], header: &Header, offset: u64) -> Result<Frame, Unread> {
    let mut packed = Vec::with_capacity(header.bytes);
    reader.take(header.bytes as u64).read_to_end(&mut packed).map_err(Unread::Io)?;
    if packed.len() < header.bytes || !packed.ends_with(b"\n") {
        return Err(Unread::Flaw("its entries are not complete"));
    }
    let hash = Digest::of(&[line, &packed]);
    let closing = read_line(reader, CLOSING_MAX)?;
    let code = closing
        .strip_prefix(closing_before(header.frame, hash).as_bytes())
        .and_then(|rest| rest.strip_suffix(CLOSING_END))
        .and_then(|digits| Digest::try_from(String::from_utf8_lossy(digits).into_owned()).ok())
        .or_else(|| planted!(HashNotCompared).then_some(hash))
        .ok_or(Unread::Flaw("its hash does not match"))?;
    let length = (HEADER_LENGTH + packed.len() + closing.len()) as u64;
    let position = header.first + header.count - 1;
    let offset_after = offset.checked_add(length).ok_or(Unread::Flaw("it lies beyond all files"))?;
    let end = Link { frame: header.frame, position, offset: offset_after, hash };
    Ok(Frame { first: header.first, offset, count: header.count, packed, plain: header.plain, end, code })
}

impl Frame {
    /// What it takes of its file, in bytes.
    pub fn length(&self) -> u64 {
        self.end.offset - self.offset
    }

    /// Its entries, one a line.
    pub fn body(&self) -> Result<Vec<u8>, &'static str> {
        let mut body = Vec::with_capacity(self.plain);
        let mut unpacked = GzDecoder::new(&self.packed[..]).take(self.plain as u64 + 1);
        let read = unpacked.read_to_end(&mut body);
        if read.is_err() || body.len() != self.plain || !body.ends_with(b"\n") {
            return Err("its entries cannot be unpacked");
        }
        if lines(&body).count() as u64 != self.count {
            return Err("its number of entries is wrong");
        }
        Ok(body)
    }
}

/// The same entries always make the same bytes. Quickly: the entries of one frame are so much alike that more effort gains little.
fn pack(body: &[u8]) -> Vec<u8> {
    let mut packed = GzBuilder::new().write(Vec::with_capacity(body.len() / 4), Compression::fast());
    let written = packed.write_all(body).and_then(|()| packed.finish());
    let mut packed = written.expect("a Vec takes every byte");
    packed.push(b'\n');
    packed
}

/// A line with its line feed; shorter, without one, at the end of the file or at `max` bytes.
fn read_line(reader: &mut impl BufRead, max: usize) -> Result<Vec<u8>, Unread> {
    let mut line = Vec::with_capacity(max);
    reader.take(max as u64).read_until(b'\n', &mut line).map_err(Unread::Io)?;
    Ok(line)
}

/// What a header begins with.
pub const MARK: &[u8] = b"{\"frame\":";

/// Looks for a frame that verifies by itself, wherever it begins. What an entry holds cannot look like one: JSON escapes quotes.
fn holds_valid_frame(tail: &[u8]) -> bool {
    tail.windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .any(|(start, _)| frame_at(&mut &tail[start..], 0).is_ok())
}

/// Whether a sector of the file, or the part of it that belongs to the tail, is all zero. Valid lines hold no zero byte.
fn lacks_a_sector(tail: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset % SECTOR as u64).expect("a remainder of 512 fits");
    let (first, rest) = tail.split_at(tail.len().min(SECTOR - into_sector));
    std::iter::once(first).chain(rest.chunks(SECTOR)).any(|sector| sector.iter().all(|byte| *byte == 0))
}

/// Whether the frame reaches its end, by its own header or by its closing line: one flipped bit spoils only one of them.
fn is_written_to_its_end(tail: &[u8], at: &Link) -> bool {
    let by_header = tail.get(..HEADER_LENGTH).and_then(Header::parse).is_some_and(|header| {
        let closing = closing_line(header.frame, header.prev, header.prev).len();
        tail.len() >= HEADER_LENGTH + header.bytes + closing
    });
    let last_line = lines(tail).last().unwrap_or_default();
    let by_closing = last_line.ends_with(b"\n")
        && serde_json::from_slice(last_line).is_ok_and(|closing: Closing| closing.closes == at.frame + 1);
    by_header || by_closing
}

/// The lines, each with its line feed.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

fn closing_line(frame: u64, hash: Digest, code: Digest) -> Vec<u8> {
    let mut line = format!("{}{code}", closing_before(frame, hash)).into_bytes();
    line.extend_from_slice(CLOSING_END);
    line
}

/// A closing line up to its code. Written by hand: a start reads one for each frame.
fn closing_before(frame: u64, hash: Digest) -> String {
    format!("{{\"closes\":{frame},\"sha256\":\"{hash}\",\"code\":\"")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers and text become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{Bug, caught};

    /// What cannot be packed, so that a frame is longer than a sector.
    fn noise(length: usize) -> Vec<u8> {
        let mut chance = fastrand::Rng::with_seed(1);
        (0..length).map(|_| chance.u8(b' '..b'~')).collect()
    }

    fn two_frames() -> (Vec<u8>, Link, Link) {
        let (mut bytes, first) = encode(&Link::opening(), 2, b"{\"a\":1}\n{\"b\":2}\n", &ChainKey::known());
        let (more, second) = encode(&first, 1, &[&noise(900)[..], b"\n"].concat(), &ChainKey::known());
        bytes.extend(more);
        (bytes, first, second)
    }

    fn read_all(mut bytes: &[u8]) -> (Link, Result<(), Unread>) {
        let mut at = Link::opening();
        loop {
            match next_frame(&mut bytes, &at) {
                Ok(Some(frame)) => at = frame.end,
                Ok(None) => return (at, Ok(())),
                Err(unread) => return (at, Err(unread)),
            }
        }
    }

    /// Whether whoever has the key wrote all of them.
    fn all_vouched_for(mut bytes: &[u8]) -> bool {
        let mut at = Link::opening();
        while let Ok(Some(frame)) = next_frame(&mut bytes, &at) {
            if !ChainKey::known().vouches_for(&frame) {
                return false;
            }
            at = frame.end;
        }
        true
    }

    fn is_in_a_code(bytes: &[u8], at: usize) -> bool {
        let before = b"\"code\":\"";
        (0..bytes.len()).filter(|start| bytes[*start..].starts_with(before)).any(|start| {
            let code = start + before.len();
            (code..code + 64).contains(&at)
        })
    }

    fn tail_after<'a>(bytes: &'a [u8], at: &Link) -> &'a [u8] {
        &bytes[usize::try_from(at.offset).unwrap() - OPENING.len()..]
    }

    #[test]
    fn what_is_written_reads_back() {
        let (bytes, _, second) = two_frames();
        let (end, read) = read_all(&bytes);
        assert!(read.is_ok());
        assert_eq!(end, second);
        assert_eq!(end.offset, (OPENING.len() + bytes.len()) as u64);
        let largest = Link { frame: u64::MAX - 1, position: u64::MAX - 9, ..end };
        assert_eq!(
            encode(&largest, 1, b"x\n", &ChainKey::known()).0.iter().position(|byte| *byte == b'\n'),
            Some(HEADER_LENGTH - 1)
        );
    }

    #[test]
    fn an_auditor_needs_only_sha256() {
        let (bytes, ..) = two_frames();
        let header: serde_json::Value = serde_json::from_slice(&bytes[..HEADER_LENGTH]).unwrap();
        let length = HEADER_LENGTH + usize::try_from(header["bytes"].as_u64().unwrap()).unwrap();
        let mut lines = lines(&bytes[length..]);
        let closing: serde_json::Value = serde_json::from_slice(lines.next().unwrap()).unwrap();
        let next: serde_json::Value = serde_json::from_slice(lines.next().unwrap()).unwrap();
        assert_eq!(closing["sha256"], Digest::of(&[&bytes[..length]]).to_string());
        assert_eq!(next["prev"], closing["sha256"]);
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        let (bytes, ..) = two_frames();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (at, read) = read_all(&flipped);
            if read.is_ok() && is_in_a_code(&bytes, bit / 8) {
                assert!(!all_vouched_for(&flipped), "bit {bit} went unnoticed");
                continue;
            }
            assert!(read.is_err(), "bit {bit} went unnoticed");
            assert!(
                matches!(judge(tail_after(&flipped, &at), &at), Tail::Damaged(_)),
                "bit {bit} was cut away"
            );
        }
    }

    #[test]
    fn a_last_frame_without_its_end_or_without_a_sector_is_torn() {
        let (bytes, first, _) = two_frames();
        let start = usize::try_from(first.offset).unwrap() - OPENING.len();
        for length in start + 1..bytes.len() {
            let (at, read) = read_all(&bytes[..length]);
            assert!(read.is_err() && at == first);
            assert_eq!(judge(&bytes[start..length], &first), Tail::Torn, "cut at {length}");
        }
        let sectors: Vec<usize> = (0..bytes.len() + OPENING.len()).step_by(SECTOR).collect();
        for lost in 1..1_u32 << sectors.len() {
            let mut torn = bytes.clone();
            for (at, byte) in torn.iter_mut().enumerate().skip(start) {
                if lost & 1 << ((at + OPENING.len()) / SECTOR) != 0 {
                    *byte = 0;
                }
            }
            if torn != bytes {
                assert_eq!(judge(&torn[start..], &first), Tail::Torn, "sectors {lost:b} lost");
            }
        }
    }

    #[test]
    fn frames_taken_out_or_moved_are_damage() {
        let (bytes, first, _) = two_frames();
        let second = tail_after(&bytes, &first);
        assert!(matches!(judge(second, &Link::opening()), Tail::Damaged(_)));
        assert!(read_all(second).1.is_err());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let mut chance = fastrand::Rng::with_seed(7);
        let (bytes, first, _) = two_frames();
        for _ in 0..3000 {
            let mut wild = bytes.clone();
            for _ in 0..chance.usize(1..20) {
                let at = chance.usize(..wild.len());
                wild[at] = chance.u8(..);
            }
            wild.truncate(chance.usize(..wild.len()));
            let (at, _) = read_all(&wild);
            judge(tail_after(&wild, &at), &at);
            judge(&wild, &first);
        }
    }

    #[test]
    fn planted_frames_may_be_moved() {
        caught(Bug::ChainNotCompared, frames_taken_out_or_moved_are_damage);
    }

    #[test]
    fn planted_hashes_are_not_compared() {
        caught(Bug::HashNotCompared, every_flipped_bit_is_damage);
    }
}
