//! Bytes of which no packet was read: holes, what was passed over, and packets that did not come whole.

use crate::capture::Moment;
use crate::mqtt::{Malformed, MalformedReason, PacketType, RawPacket, SkipReason, Skipped, connect_head};
use crate::session::facts::UnfinishedPacket;
use crate::session::timeline::EventKind;
use crate::stream::{Gap, Side};

use super::{Tracker, fact, packet_length};

impl Tracker {
    /// Bytes that the capture does not hold.
    pub fn gap(&mut self, from: Side, gap: &Gap) {
        self.topics.forget_aliases(from);
        self.rules.doubt(gap.at);
        self.timeline.push(gap.at, Some(from), EventKind::Gap { bytes: gap.length, why: gap.why });
    }

    /// Bytes passed over while looking for the next packet.
    pub fn skipped(&mut self, from: Side, skipped: &Skipped) {
        let begun = skipped.why == SkipReason::StreamEnded;
        // The beginning of a packet at the stream's end hides nothing that came before.
        if !begun || skipped.missing > 0 {
            self.topics.forget_aliases(from);
            self.rules.doubt(skipped.until);
        }
        let bytes = skipped.length.saturating_sub(skipped.missing);
        if bytes > 0 {
            if begun {
                *self.odd().begun_header.of_mut(from) = Some((bytes, skipped.from));
            }
            *self.odd().skipped_bytes.of_mut(from) += bytes;
            self.timeline.push(skipped.until, Some(from), EventKind::Skipped { bytes, begun });
        }
    }

    /// A place in the stream from which no packet can be cut: its Remaining Length has five bytes.
    pub fn unframeable(&mut self, from: Side, first_byte: u8, at: Moment) {
        self.malformed(
            from,
            at,
            PacketType(first_byte >> 4),
            Malformed {
                field: "Remaining Length",
                at: 0,
                why: MalformedReason::VariableByteInteger,
                clause: "MQTT 5.0 §2.1.4, MQTT 3.1.1 §2.2.3",
            },
        );
    }

    /// A packet that the stream ended in.
    pub fn unfinished(&mut self, from: Side, raw: &RawPacket<'_>) {
        let packet = raw.header.packet_type();
        *self.odd().unfinished_packet.of_mut(from) =
            Some(UnfinishedPacket { packet, length: packet_length(raw).into(), started: raw.started });
        let first = from == Side::Client && packet == PacketType::CONNECT && self.connect.is_none();
        if let Some(connect) = connect_head(raw.body).filter(|_| first) {
            self.version = self.version.or(connect.version());
            self.odd().begun_client_id = Some(Box::new(fact(connect.client_id)));
        }
    }
}
