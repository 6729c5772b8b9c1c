//! Reading the ledger frame by frame and holding each against the chain, the key and what the index bears witness of; what follows the last
//! sound frame. Nothing is written. Not here: what is made of it at a start (`recover`), from outside (`verify`), beside the work (`audit`).

use super::chain_key::ChainKey;
use super::frame::{self, Frame, Link, Tail, Unread};
use super::ledger::LedgerReader;
use super::segments::Walk;
use crate::store::StoreError;
use std::io::{BufRead, Read};
use std::os::unix::fs::FileExt;

/// Why a frame is refused whose hash is right.
pub const STRANGE: &str = "it was not written with this master key";

/// The buffer for reading the ledger from end to end.
const BUFFER: usize = 1 << 20;

/// The ledger as it was read.
pub struct Survey {
    /// The end of the last valid frame.
    pub end: Link,
    /// The last valid frame.
    pub last: Option<Frame>,
    /// Why what follows is not a frame.
    pub flaw: Option<&'static str>,
    /// Where that is.
    pub walk: Walk,
}

/// Reads the ledger from the `begins`th file on, and shows each frame. Without a key nothing is said of who wrote them.
pub fn survey(
    reader: &LedgerReader,
    begins: usize,
    witness: Option<Link>,
    key: Option<&ChainKey>,
    mut visit: impl FnMut(&Frame),
) -> Result<Survey, StoreError> {
    if let Some(first) = reader.segments().first() {
        check_opening(&mut first.bytes_from(0, BUFFER))?;
    }
    let mut survey = Survey::begin(reader, begins)?;
    compare(&survey.end, witness)?;
    survey.read_on(witness, key, &mut visit)?;
    let acknowledged = witness.map_or(0, |witness| witness.position);
    // What somebody else wrote is told as that, whatever the index knows.
    if acknowledged <= survey.end.position || survey.flaw == Some(STRANGE) {
        return Ok(survey);
    }
    let Link { position, offset, .. } = survey.end;
    Err(StoreError::Damaged(format!(
        "the ledger is whole up to entry {position} (byte {offset}), but entries up to {acknowledged} were acknowledged; the \
         index still knows them. Nothing was changed. Restore the ledger from a newer copy. Without one, `carepass ledger repair` \
         sets the index aside and goes on from entry {position}; what came later has to be sent again."
    )))
}

impl Survey {
    /// Before the first frame of the `begins`th file.
    pub fn begin(reader: &LedgerReader, begins: usize) -> Result<Self, StoreError> {
        let walk = reader.walk(begins, BUFFER)?;
        let end = walk.segment().start.map_or_else(Link::opening, |start| start.after);
        Ok(Self { end, last: None, flaw: None, walk })
    }

    /// Goes on where it ended.
    pub fn read_on(
        &mut self,
        witness: Option<Link>,
        key: Option<&ChainKey>,
        visit: &mut impl FnMut(&Frame),
    ) -> Result<(), StoreError> {
        self.walk.again();
        self.flaw = None;
        while let Some(frame) = self.step(key)? {
            visit(frame);
            compare(&self.end, witness)?;
        }
        Ok(())
    }

    /// Reads one frame; `None` at the end, or where there is a flaw.
    pub fn step(&mut self, key: Option<&ChainKey>) -> Result<Option<&Frame>, StoreError> {
        let at = self.walk.at();
        match self.walk.next() {
            Ok(Some(frame)) if key.is_some_and(|key| !key.vouches_for(&frame)) => {
                self.walk.back_to(at);
                self.flaw = Some(STRANGE);
                Ok(None)
            }
            Ok(Some(frame)) => {
                self.end = frame.end;
                Ok(Some(self.last.insert(frame)))
            }
            Ok(None) => Ok(None),
            Err(Unread::Flaw(flaw)) => {
                self.flaw = Some(flaw);
                Ok(None)
            }
            Err(Unread::Io(error)) => {
                Err(StoreError::Unavailable(format!("the ledger cannot be read: {error}")))
            }
        }
    }
}

fn check_opening(bytes: &mut impl BufRead) -> Result<(), StoreError> {
    let mut line = Vec::new();
    bytes
        .take(frame::OPENING.len() as u64)
        .read_to_end(&mut line)
        .map_err(|error| StoreError::Unavailable(format!("the ledger cannot be read: {error}")))?;
    if line == frame::OPENING {
        return Ok(());
    }
    Err(StoreError::Damaged(match frame::version_of(&line) {
        Some(version) => format!(
            "the ledger has version {version}, which this release cannot read. Nothing was changed. Start the release that wrote it."
        ),
        None => "the first line of the ledger is not that of a ledger, so nothing in it can be trusted, whole or not. Nothing was \
                 changed. Keep a copy of the folder and restore a backup (`carepass store restore`)."
            .to_owned(),
    }))
}

/// The index saw this frame acknowledged: it must be the same one.
fn compare(end: &Link, witness: Option<Link>) -> Result<(), StoreError> {
    let differs = |witness: &Link| witness.position == end.position && witness != end;
    if witness.as_ref().is_none_or(|witness| !differs(witness)) {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "the ledger and the index tell different stories up to entry {}: one of them was exchanged or rewritten. Nothing was \
         changed. Find out which, with the heads that outcomes carry (`carepass ledger verify --head`); to trust the ledger, let \
         `carepass ledger repair` set the index aside.",
        end.position
    )))
}

/// What follows the last valid frame in its file, as far as one frame may reach, and what it is.
pub fn tail(walk: &Walk) -> std::io::Result<(Vec<u8>, Tail)> {
    let (segment, at) = (walk.segment(), walk.local());
    let length = segment.length()?.saturating_sub(at.offset);
    let read = usize::try_from(length).unwrap_or(usize::MAX).min(frame::FRAME_MAX + 1);
    let mut tail = vec![0; read];
    segment.file.read_exact_at(&mut tail, at.offset)?;
    let judged = if walk.later().is_empty() {
        frame::judge(&tail, &at)
    } else {
        Tail::Damaged("its file was complete, since a later one follows")
    };
    Ok((tail, judged))
}
