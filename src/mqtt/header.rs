//! The fixed header, and a control packet cut out of the stream.

use super::PacketType;
use crate::capture::{FrameNumber, Moment};
use crate::stream::{GapReason, StreamOffset};

/// Most frame numbers remembered for one packet, before its last.
pub const MAX_FRAMES: usize = 64;

/// The fixed header of a control packet (MQTT 5.0 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedHeader {
    /// Packet type and flags.
    pub first_byte: u8,
    /// Remaining Length: bytes after the fixed header.
    pub remaining_length: u32,
    /// Length of the fixed header itself, 2 to 5 bytes.
    pub length: u8,
}

/// What the first bytes of a packet say about its fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRead {
    /// All of it.
    Complete(FixedHeader),
    /// More bytes are needed.
    Incomplete,
    /// The Remaining Length runs over four bytes: nobody can tell where the packet ends.
    Unframeable,
}

impl FixedHeader {
    /// Reads the fixed header at the start of `bytes` (MQTT 5.0 §2.1.4, 3.1.1 §2.2.3).
    ///
    /// The Remaining Length is one to four bytes; a form longer than needed is read too.
    #[must_use]
    pub fn read(bytes: &[u8]) -> HeaderRead {
        let [first_byte, rest @ ..] = bytes else {
            return HeaderRead::Incomplete;
        };
        let mut remaining_length = 0;
        for (length, byte) in (2..=5).zip(rest) {
            remaining_length |= u32::from(byte & 0x7F) << (7 * (u32::from(length) - 2));
            if byte & 0x80 == 0 {
                return HeaderRead::Complete(FixedHeader { first_byte: *first_byte, remaining_length, length });
            }
        }
        if rest.len() >= 4 { HeaderRead::Unframeable } else { HeaderRead::Incomplete }
    }

    /// The packet type.
    #[must_use]
    pub fn packet_type(&self) -> PacketType {
        PacketType(self.first_byte >> 4)
    }

    /// The flags: the low four bits of the first byte.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.first_byte & 0x0F
    }

    /// Length of the whole packet in bytes, as Maximum Packet Size counts it (MQTT 5.0 §2.1.4).
    #[must_use]
    pub fn packet_length(&self) -> u64 {
        u64::from(self.length) + u64::from(self.remaining_length)
    }

    /// Whether the Remaining Length uses no more bytes than it needs (MQTT 5.0 \[MQTT-1.5.5-1\]).
    #[must_use]
    pub fn is_shortest(&self) -> bool {
        let needed = match self.remaining_length {
            0..=127 => 2,
            128..=16_383 => 3,
            16_384..=2_097_151 => 4,
            _ => 5,
        };
        self.length == needed
    }
}

/// A control packet cut out of the stream, not yet parsed.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'p> {
    /// Its fixed header.
    pub header: FixedHeader,
    /// The bytes after the fixed header; fewer than the Remaining Length when `missing` is set, and of a payload of which
    /// [not all was wanted](super::Hints::payload_bytes).
    pub body: &'p [u8],
    /// Why bytes of the body are missing.
    pub missing: Option<Missing>,
    /// Where the packet begins in its stream.
    pub offset: StreamOffset,
    /// Every frame that carried a part of it, in order (the first [`MAX_FRAMES`] and the last).
    pub frames: &'p [FrameNumber],
    /// The frame with its first byte.
    pub started: Moment,
    /// The frame that completed it.
    pub completed: Moment,
}

impl<'p> RawPacket<'p> {
    /// A packet made from its bytes alone, for tools and tests. `None` when `bytes` do not hold
    /// a whole fixed header. A body longer than the Remaining Length is cut; a shorter one is
    /// marked [`Missing::StreamEnded`].
    #[must_use]
    pub fn from_bytes(bytes: &'p [u8]) -> Option<RawPacket<'p>> {
        let HeaderRead::Complete(header) = FixedHeader::read(bytes) else {
            return None;
        };
        let body = bytes.get(usize::from(header.length)..)?;
        let whole = body.get(..usize::try_from(header.remaining_length).ok()?);
        let missing = whole.is_none().then_some(Missing::StreamEnded);
        Some(RawPacket { body: whole.unwrap_or(body), missing, ..RawPacket::bare(header) })
    }

    /// A fixed header, and nothing else.
    pub(super) fn bare(header: FixedHeader) -> RawPacket<'p> {
        RawPacket {
            header,
            body: &[],
            missing: None,
            offset: StreamOffset::default(),
            frames: &[],
            started: Moment::default(),
            completed: Moment::default(),
        }
    }

    /// The packet type.
    #[must_use]
    pub fn packet_type(&self) -> PacketType {
        self.header.packet_type()
    }
}

/// Why a packet's body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The capture does not hold some of its bytes.
    Gap(GapReason),
    /// It is longer than [`crate::limits::Limits::packet_bytes`]; its end was counted, not kept.
    Limit,
    /// The stream ended inside the packet.
    StreamEnded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_length_of_one_to_four_bytes() {
        // MQTT 5.0 table 2-4 / 3.1.1 table 2.4: sizes of the Remaining Length field.
        for (bytes, value, length) in [
            (&[0x30, 0x00][..], 0, 2),
            (&[0x30, 0x7F], 127, 2),
            (&[0x30, 0x80, 0x01], 128, 3),
            (&[0x30, 0xFF, 0x7F], 16_383, 3),
            (&[0x30, 0x80, 0x80, 0x01], 16_384, 4),
            (&[0x30, 0xFF, 0xFF, 0x7F], 2_097_151, 4),
            (&[0x30, 0x80, 0x80, 0x80, 0x01], 2_097_152, 5),
            (&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 268_435_455, 5),
        ] {
            let header = FixedHeader { first_byte: 0x30, remaining_length: value, length };
            assert_eq!(FixedHeader::read(bytes), HeaderRead::Complete(header));
            assert!(header.is_shortest());
            for cut in 0..bytes.len() {
                assert_eq!(FixedHeader::read(&bytes[..cut]), HeaderRead::Incomplete);
            }
        }
        assert_eq!(FixedHeader::read(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]), HeaderRead::Unframeable);
        assert_eq!(FixedHeader::read(&[0x30, 0xFF, 0xFF, 0xFF]), HeaderRead::Incomplete);
    }

    #[test]
    fn a_longer_form_than_needed_is_read_and_seen() {
        let HeaderRead::Complete(header) = FixedHeader::read(&[0xC0, 0x80, 0x00]) else { panic!() };
        assert_eq!((header.remaining_length, header.length), (0, 3));
        assert!(!header.is_shortest());
    }
}
