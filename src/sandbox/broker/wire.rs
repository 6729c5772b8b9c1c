//! Bytes to frames and frames to bytes, over the codec crate that lapin uses too.
//! The size of a frame is checked before its payload is read. No meaning of frames here.

use amq_protocol::frame::{
    AMQPContentHeader, AMQPFrame, ProtocolVersion, WriteContext, gen_frame, parse_frame,
};
use amq_protocol::protocol::{AMQPClass, basic};
use amq_protocol::types::ShortString;

use super::refusal::Refusal;

/// Largest frame in bytes, both ways; RabbitMQ's default.
pub(super) const FRAME_MAX: u32 = 131_072;
/// Bytes around a payload: type, channel and size before it, the end mark after it.
const FRAME_OVERHEAD: usize = 8;
const FRAME_HEADER: usize = 7;
const PROTOCOL_HEADER: usize = 8;
const CLASS_BASIC: u16 = 60;

/// Takes the next whole frame off the front of `buffer`, or `None` when more bytes are needed.
pub(super) fn take_frame(buffer: &mut Vec<u8>) -> Result<Option<AMQPFrame>, Refusal> {
    let Some(length) = frame_length(buffer)? else {
        return Ok(None);
    };
    if buffer.len() < length {
        return Ok(None);
    }
    let parsed = parse_frame(&buffer[..length]).map(|(rest, frame)| (rest.is_empty(), frame));
    match parsed {
        Ok((true, frame)) => {
            buffer.drain(..length);
            Ok(Some(frame))
        }
        Ok((false, _)) | Err(_) => Err(Refusal::frame("these bytes are not an AMQP frame")),
    }
}

fn frame_length(buffer: &[u8]) -> Result<Option<usize>, Refusal> {
    match buffer.first() {
        None => Ok(None),
        Some(b'A') => Ok(Some(PROTOCOL_HEADER)),
        Some(_) => {
            let Some(&[_, _, _, a, b, c, d]) = buffer.get(..FRAME_HEADER) else {
                return Ok(None);
            };
            let payload = u32::from_be_bytes([a, b, c, d]);
            if u64::from(payload) + FRAME_OVERHEAD as u64 > u64::from(FRAME_MAX) {
                return Err(Refusal::frame("the frame is larger than agreed"));
            }
            Ok(Some(payload as usize + FRAME_OVERHEAD))
        }
    }
}

/// Bytes on their way to one client.
#[derive(Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn method(&mut self, channel: u16, method: AMQPClass) {
        self.frame(&AMQPFrame::Method(channel, method));
    }

    pub(super) fn basic(&mut self, channel: u16, method: basic::AMQPMethod) {
        self.method(channel, AMQPClass::Basic(method));
    }

    pub(super) fn heartbeat(&mut self) {
        self.frame(&AMQPFrame::Heartbeat);
    }

    /// The only answer to a client that speaks another protocol: the header of this one.
    pub(super) fn protocol_header(&mut self) {
        self.frame(&AMQPFrame::ProtocolHeader(ProtocolVersion::amqp_0_9_1()));
    }

    /// The header and body frames that follow a deliver, get-ok or return.
    pub(super) fn content(&mut self, channel: u16, properties: &basic::AMQPProperties, body: &[u8]) {
        self.frame(&AMQPFrame::Header(
            channel,
            AMQPContentHeader {
                class_id: CLASS_BASIC,
                body_size: body.len() as u64,
                properties: properties.clone(),
            },
        ));
        for part in body.chunks(FRAME_MAX as usize - FRAME_OVERHEAD) {
            self.frame(&AMQPFrame::Body(channel, part.to_vec()));
        }
    }

    fn frame(&mut self, frame: &AMQPFrame) {
        let context = WriteContext::from(std::mem::take(&mut self.bytes));
        let written = gen_frame(frame)(context)
            .expect("a frame built here fits, and a growing buffer takes every byte");
        self.bytes = written.into_inner().0;
    }
}

/// A short string, cut to the 255 bytes AMQP allows.
pub(super) fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    ShortString::from(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(payload: u32) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0];
        bytes.extend(payload.to_be_bytes());
        bytes
    }

    #[test]
    fn a_frame_in_pieces_comes_out_whole() {
        let mut outbox = Outbox::default();
        outbox.heartbeat();
        let bytes = outbox.take();
        let mut buffer = Vec::new();
        for byte in &bytes[..bytes.len() - 1] {
            buffer.push(*byte);
            assert_eq!(take_frame(&mut buffer), Ok(None));
        }
        buffer.push(bytes[bytes.len() - 1]);
        assert_eq!(take_frame(&mut buffer), Ok(Some(AMQPFrame::Heartbeat)));
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_it_is_read() {
        assert!(take_frame(&mut header_of(FRAME_MAX)).is_err());
        assert_eq!(take_frame(&mut header_of(FRAME_MAX - 8)), Ok(None));
    }

    #[test]
    fn bytes_that_are_no_frame_are_refused() {
        let mut cut_inside = header_of(2);
        cut_inside.extend([0, 10, 206]);
        for mut bytes in [b"GET / HTTP/1.1".to_vec(), b"AMQPxxxx".to_vec(), cut_inside] {
            assert!(take_frame(&mut bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn short_strings_are_cut_between_characters() {
        assert_eq!(short(&"ö".repeat(200)).as_str().len(), 254);
    }
}
