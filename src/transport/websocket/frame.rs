//! The header of a WebSocket frame (RFC 6455 §5.2).
//!
//! Invariant: a header is read from at most [`LONGEST`] bytes; what follows it is not looked at.

use crate::stream::Side;

/// The longest header: two bytes, eight of length, four of mask.
pub(super) const LONGEST: usize = 14;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) opcode: Opcode,
    /// The last frame of its message.
    pub(super) fin: bool,
    /// RSV1: the message is compressed (RFC 7692 §6).
    pub(super) compressed: bool,
    pub(super) mask: Option<[u8; 4]>,
    /// Length of the payload in bytes.
    pub(super) length: u64,
    /// Length of the header itself in bytes.
    pub(super) size: usize,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderRead {
    Complete(FrameHeader),
    /// The header goes on beyond the bytes.
    Incomplete,
    /// No frame begins like this.
    Invalid,
}

/// Reads the header that `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> HeaderRead {
    let [first, second, rest @ ..] = bytes else { return HeaderRead::Incomplete };
    let opcode = match first & 0x0F {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return HeaderRead::Invalid,
    };
    let (fin, compressed, reserved) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x30);
    let short = second & 0x7F;
    // RFC 6455 §5.5: control frames are short and whole; RFC 7692 §6: the first frame of a message says
    // whether it is compressed.
    let wrong_control = opcode.is_control() && (!fin || short > 125);
    if reserved != 0 || wrong_control || (compressed && (opcode.is_control() || opcode == Opcode::Continuation)) {
        return HeaderRead::Invalid;
    }
    let (length, rest, extra) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest, 2),
            None => return HeaderRead::Incomplete,
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest, 8),
            None => return HeaderRead::Incomplete,
        },
        short => (u64::from(short), rest, 0),
    };
    if length >> 63 != 0 {
        return HeaderRead::Invalid;
    }
    let (mask, masked) = if second & 0x80 == 0 {
        (None, 0)
    } else {
        match rest.first_chunk::<4>() {
            Some(mask) => (Some(*mask), 4),
            None => return HeaderRead::Incomplete,
        }
    };
    HeaderRead::Complete(FrameHeader { opcode, fin, compressed, mask, length, size: 2 + extra + masked })
}

impl FrameHeader {
    /// Whether a correct end of `side` writes its header so: a client masks, a server does not (RFC 6455 §5.1),
    /// and the length takes as few bytes as it can (§5.2).
    fn is_proper(&self, side: Side) -> bool {
        let shortest = match self.length {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        };
        self.mask.is_some() == (side == Side::Client) && self.size == shortest + if self.mask.is_some() { 4 } else { 0 }
    }
}

/// A data message longer than this is none that MQTT sends: a packet has at most 268,435,460 bytes.
const LONGEST_MESSAGE: u64 = 1 << 28;

/// Whether `bytes`, which begin where a TCP segment does, begin where a frame of `side` does too: proper headers follow one
/// another up to the end, or the first of them is followed by another one.
pub(super) fn begins_here(bytes: &[u8], side: Side) -> bool {
    let mut rest = bytes;
    let mut frames = 0_u32;
    while !rest.is_empty() {
        match read(rest) {
            HeaderRead::Complete(header) if header.is_proper(side) && header.length <= LONGEST_MESSAGE => {
                let after = rest.get(header.size..).unwrap_or_default();
                let Some(next) = usize::try_from(header.length).ok().and_then(|length| after.get(length..)) else {
                    return frames > 0;
                };
                rest = next;
                frames += 1;
            }
            HeaderRead::Incomplete => return frames > 0,
            _ => return false,
        }
    }
    frames > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(bytes: &[u8]) -> FrameHeader {
        match read(bytes) {
            HeaderRead::Complete(header) => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_the_specification() {
        // RFC 6455 §5.7.
        let hello = complete(&[0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
        assert_eq!((hello.opcode, hello.fin, hello.length, hello.size), (Opcode::Text, true, 5, 2));
        let masked = complete(&[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F]);
        assert_eq!((masked.mask, masked.size), (Some([0x37, 0xFA, 0x21, 0x3D]), 6));
        assert_eq!(complete(&[0x82, 0x7E, 0x01, 0x00]).length, 256);
        assert_eq!(complete(&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]).length, 65_536);
        assert!(!complete(&[0x01, 0x03, 0x48]).fin);
    }

    #[test]
    fn what_no_frame_begins_like() {
        for bytes in [[0x83, 0], [0x8B, 0], [0xA2, 0], [0x09, 0], [0x89, 126], [0xC8, 0], [0xC0, 0]] {
            assert_eq!(read(&bytes), HeaderRead::Invalid, "{bytes:02x?}");
        }
        assert_eq!(read(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), HeaderRead::Invalid);
        for cut in 0..LONGEST {
            let long = [0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4];
            assert_eq!(read(&long[..cut]), HeaderRead::Incomplete, "{cut}");
            assert_eq!(complete(&long).length, (1 << 63) - 1);
        }
    }

    #[test]
    fn a_place_where_frames_begin() {
        let pingresp = [0x82, 2, 0xD0, 0];
        assert!(begins_here(&pingresp, Side::Server));
        assert!(!begins_here(&pingresp, Side::Client));
        assert!(begins_here(&[&pingresp[..], &[0x82, 0x7E]].concat(), Side::Server));
        assert!(!begins_here(&[0x82, 40, 0xD0, 0], Side::Server));
        assert!(!begins_here(&[&pingresp[..], &[0x43, 0]].concat(), Side::Server));
        assert!(!begins_here(b"GET / HTTP/1.1\r\n\r\n", Side::Client));
    }
}
