//! The last control packets of each side, and how many of each type there were.
//!
//! Invariant: to note a packet is to write one entry; nothing is moved, and nothing is allocated but once in 65,536
//! packets of a type.

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS};
use crate::session::facts::{LastPacket, PacketCounts};
use crate::session::topics::{TopicId, Topics};
use crate::session::wire::PerSide;
use crate::stream::Side;

/// Last control packets kept of each side.
const KEPT: usize = 3;

/// A control packet, in half a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    pub(super) at: Moment,
    /// Length of the whole packet in bytes: at most 268,435,460.
    pub(super) length: u32,
    pub(super) topic: Option<TopicId>,
    pub(super) packet_identifier: Option<u16>,
    pub(super) packet: PacketType,
    pub(super) qos: QoS,
}

/// The last packets of each side.
#[derive(Clone, Debug, Default)]
pub(super) struct LastPackets {
    packets: PerSide<[Option<Newest>; KEPT]>,
    /// Where the newest is.
    newest: PerSide<u8>,
}

impl LastPackets {
    /// The newest of `side`.
    #[inline]
    pub(super) fn newest(&self, side: Side) -> Option<&Newest> {
        self.packets.of(side).get(usize::from(*self.newest.of(side)))?.as_ref()
    }

    /// One more of `side`.
    #[inline]
    pub(super) fn push(&mut self, side: Side, packet: Newest) {
        let newest = self.newest.of_mut(side);
        let next = if usize::from(*newest) + 1 < KEPT { *newest + 1 } else { 0 };
        if let Some(place) = self.packets.of_mut(side).get_mut(usize::from(next)) {
            *place = Some(packet);
            *newest = next;
        }
    }

    /// Those that there are, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Newest> {
        self.packets.client.iter().chain(&self.packets.server).flatten()
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.packets.swap();
        self.newest.swap();
    }

    /// All of `side`, the newest last.
    pub(super) fn facts(&self, side: Side, topics: &Topics) -> ThinVec<LastPacket> {
        let fact = |newest: &Newest| LastPacket {
            at: newest.at,
            packet: newest.packet,
            length: newest.length.into(),
            packet_identifier: newest.packet_identifier,
            qos: newest.qos,
            topic: newest.topic.and_then(|topic| topics.text(topic)).cloned(),
        };
        let packets = self.packets.of(side);
        let mut facts = ThinVec::with_capacity(packets.iter().flatten().count());
        let (newer, older) = packets.split_at(usize::from(*self.newest.of(side)) + 1);
        for packet in older.iter().chain(newer).flatten() {
            facts.push(fact(packet));
        }
        facts
    }
}

/// How many control packets each side sent of each type.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// The lower half of each number.
    low: PerSide<[u16; 16]>,
    /// The upper halves, once there are any.
    high: Option<Box<PerSide<[u16; 16]>>>,
}

impl Counts {
    /// Counts one more, up to 4,294,967,295.
    #[inline]
    pub(super) fn add(&mut self, from: Side, packet: PacketType) {
        let Some(low) = self.low.of_mut(from).get_mut(usize::from(packet.0)) else { return };
        if let Some(more) = low.checked_add(1) {
            *low = more;
        } else if let Some(high) = self.high.get_or_insert_default().of_mut(from).get_mut(usize::from(packet.0))
            && let Some(more) = high.checked_add(1)
        {
            *high = more;
            *low = 0;
        }
    }

    /// How many packets there were.
    pub(super) fn total(&self) -> u64 {
        self.facts(Side::Client).total() + self.facts(Side::Server).total()
    }

    /// The numbers of one side.
    pub(super) fn facts(&self, side: Side) -> PacketCounts {
        let mut counts = self.low.of(side).map(u32::from);
        if let Some(high) = &self.high {
            for (count, high) in counts.iter_mut().zip(high.of(side)) {
                *count |= u32::from(*high) << 16;
            }
        }
        PacketCounts::from(counts)
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.low.swap();
        if let Some(high) = &mut self.high {
            high.swap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_beyond_their_lower_half() {
        let mut counts = Counts::default();
        for _ in 0..200_000 {
            counts.add(Side::Server, PacketType::PUBLISH);
        }
        counts.add(Side::Client, PacketType::PUBACK);
        assert_eq!(counts.facts(Side::Server).of(PacketType::PUBLISH), 200_000);
        assert_eq!((counts.facts(Side::Client).total(), counts.total()), (1, 200_001));
        counts.swap_sides();
        assert_eq!(counts.facts(Side::Client).of(PacketType::PUBLISH), 200_000);
    }

    #[test]
    fn counting_ends_at_the_largest_number() {
        let full = PerSide { client: [u16::MAX; 16], server: [0; 16] };
        let mut counts = Counts { low: full, high: Some(Box::new(full)) };
        counts.add(Side::Client, PacketType::PUBLISH);
        assert_eq!(counts.facts(Side::Client).of(PacketType::PUBLISH), u64::from(u32::MAX));
    }

    #[test]
    fn the_last_three_packets_stay_in_order() {
        let mut last = LastPackets::default();
        assert!(last.newest(Side::Client).is_none());
        for length in 1..=8 {
            last.push(
                Side::Client,
                Newest {
                    at: Moment::default(),
                    length,
                    topic: None,
                    packet_identifier: None,
                    packet: PacketType::PINGREQ,
                    qos: QoS(0),
                },
            );
            assert_eq!(last.newest(Side::Client).map(|packet| packet.length), Some(length));
            let facts = last.facts(Side::Client, &Topics::default());
            let lengths: Vec<u64> = facts.iter().map(|packet| packet.length).collect();
            let all: Vec<u64> = (1..=u64::from(length)).collect();
            assert_eq!(lengths, all[all.len().saturating_sub(3)..]);
        }
    }
}
