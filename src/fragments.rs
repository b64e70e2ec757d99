//! Puts IP packets together from their fragments (RFC 791 §3.2, RFC 8200 §4.5), as the receiver does.
//!
//! Invariant: bounded by count and bytes, whatever comes; the oldest packet gives way. A packet whose
//! fragments overlap and differ is discarded as a whole, as RFC 5722 asks for IPv6 and Linux does for
//! IPv4: nobody is left to choose between two versions. Overlaps that agree leave nothing to choose.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::limits::Limits;
use crate::net::{Fragment, FragmentHeader};

/// So long, in nanoseconds, receivers wait for the rest of an IPv4 packet (Linux).
const PATIENCE_V4: i64 = 30_000_000_000;
/// So long they wait for the rest of an IPv6 packet (RFC 8200 §4.5).
const PATIENCE_V6: i64 = 60_000_000_000;
/// The longest payload of an IP packet, in bytes.
const LONGEST: u32 = 65_535;
/// More fragments of one packet are not taken for one.
const MOST_PIECES: usize = 8192;

/// Why a packet was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// The rest of it did not come in time.
    Incomplete,
    /// Its fragments overlap and differ, or contradict one another.
    Overlapping,
    /// One of its fragments was cut short when captured.
    Cut,
    /// There was no room.
    Evicted,
}

/// A packet that is whole again.
#[derive(Debug)]
pub struct Reassembled {
    /// What its fragments have in common.
    pub header: FragmentHeader,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Packets of which fragments are still to come.
#[derive(Debug)]
pub struct Fragments {
    packets: HashMap<Key, Packet>,
    /// In order of their first fragment; may name packets that are gone.
    order: VecDeque<(Key, FrameNumber)>,
    bytes: usize,
    most_bytes: usize,
    most_packets: usize,
}

type Key = (IpAddr, IpAddr, u32, u8);

#[derive(Debug)]
struct Packet {
    first: Moment,
    header: FragmentHeader,
    /// Pieces in order of their offset; none overlap.
    pieces: Vec<(u32, Vec<u8>)>,
    /// Bytes of the pieces.
    bytes: usize,
    /// Length of the whole, once the last fragment came.
    total: Option<u32>,
    /// Given up: what is still to come of it belongs to nothing.
    given_up: bool,
}

impl Fragments {
    /// None yet.
    pub fn new(limits: &Limits) -> Fragments {
        Fragments {
            packets: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            most_bytes: limits.fragment_bytes,
            most_packets: limits.fragmented_packets,
        }
    }

    /// Takes a fragment; hands back the packet that it completes. `given_up` hears of each packet
    /// that will not be whole, with the frame of its first fragment.
    pub fn push(
        &mut self,
        fragment: &Fragment<'_>,
        at: Moment,
        given_up: &mut impl FnMut(GivenUp, FrameNumber),
    ) -> Option<Reassembled> {
        self.expire(at.time, given_up);
        let header = &fragment.header;
        // An IPv6 fragment's protocol is that of its own first header; its number stands alone (RFC 8200 §4.5).
        let protocol = if header.source.is_ipv4() { header.protocol } else { 0 };
        let key = (header.source, header.destination, header.identification, protocol);
        if !self.packets.contains_key(&key) {
            self.make_room(given_up);
            let packet =
                Packet { first: at, header: *header, pieces: Vec::new(), bytes: 0, total: None, given_up: false };
            self.packets.insert(key, packet);
            self.order.push_back((key, at.frame));
        }
        let packet = self.packets.get_mut(&key)?;
        if packet.given_up {
            return None;
        }
        match packet.add(fragment) {
            Ok(added) => self.bytes += added,
            Err(why) => {
                given_up(why, packet.first.frame);
                self.bytes -= packet.give_up();
                return None;
            }
        }
        if packet.is_whole() {
            let packet = self.packets.remove(&key)?;
            self.bytes -= packet.bytes;
            return Some(packet.reassembled());
        }
        while self.bytes > self.most_bytes && self.let_go_of_oldest(GivenUp::Evicted, given_up) {}
        None
    }

    /// The capture is over.
    pub fn finish(mut self, given_up: &mut impl FnMut(GivenUp, FrameNumber)) {
        while self.let_go_of_oldest(GivenUp::Incomplete, given_up) {}
    }

    fn expire(&mut self, now: Timestamp, given_up: &mut impl FnMut(GivenUp, FrameNumber)) {
        while let Some((key, _)) = self.order.front() {
            let patience = if key.0.is_ipv4() { PATIENCE_V4 } else { PATIENCE_V6 };
            let waits =
                self.packets.get(key).is_some_and(|packet| now.nanoseconds_since(packet.first.time) <= patience);
            if waits {
                return;
            }
            self.let_go_of_oldest(GivenUp::Incomplete, given_up);
        }
    }

    fn make_room(&mut self, given_up: &mut impl FnMut(GivenUp, FrameNumber)) {
        while self.packets.len() >= self.most_packets && self.let_go_of_oldest(GivenUp::Evicted, given_up) {}
        // Packets that became whole leave their names behind.
        if self.order.len() > 2 * self.most_packets {
            let packets = &self.packets;
            self.order.retain(|(key, frame)| packets.get(key).is_some_and(|packet| packet.first.frame == *frame));
        }
    }

    /// `false` if there is none.
    fn let_go_of_oldest(&mut self, why: GivenUp, given_up: &mut impl FnMut(GivenUp, FrameNumber)) -> bool {
        let Some((key, frame)) = self.order.pop_front() else { return false };
        if self.packets.get(&key).is_some_and(|packet| packet.first.frame == frame)
            && let Some(packet) = self.packets.remove(&key)
        {
            self.bytes -= packet.bytes;
            if !packet.given_up {
                given_up(why, packet.first.frame);
            }
        }
        true
    }
}

impl Packet {
    /// Puts a fragment in its place; answers how many bytes are kept of it.
    fn add(&mut self, fragment: &Fragment<'_>) -> Result<usize, GivenUp> {
        let Fragment { offset, more, payload, length, .. } = *fragment;
        if usize::try_from(length) != Ok(payload.len()) {
            return Err(GivenUp::Cut);
        }
        let end = offset + length;
        let misfits = end > LONGEST || (more && (length == 0 || length % 8 != 0));
        let total = if more { self.total } else { Some(end) };
        let known = self.pieces.last().map_or(0, |(offset, piece)| end_of(*offset, piece));
        let contradicts = total.is_some_and(|total| total < end.max(known))
            || (self.total.is_some() && self.total != total)
            || self.pieces.len() >= MOST_PIECES;
        if misfits || contradicts {
            return Err(GivenUp::Overlapping);
        }
        self.total = total;
        if offset == 0 {
            self.header = fragment.header;
        }
        let mut place = self.pieces.partition_point(|(known, piece)| end_of(*known, piece) <= offset);
        let differs = |(known, piece): &(u32, Vec<u8>)| {
            let (from, to) = (offset.max(*known), end.min(end_of(*known, piece)));
            within(payload, offset, from, to) != within(piece, *known, from, to)
        };
        let overlapped = self.pieces.iter().skip(place).take_while(|(known, _)| *known < end);
        if overlapped.into_iter().any(differs) {
            return Err(GivenUp::Overlapping);
        }
        let (mut next, mut added) = (offset, 0);
        // What the pieces that it overlaps leave of it.
        while next < end {
            let known = self.pieces.get(place).filter(|(known, _)| *known < end);
            if let Some((known, piece)) = known
                && *known <= next
            {
                next = end_of(*known, piece).min(end);
            } else {
                let until = known.map_or(end, |(known, _)| *known);
                let new = within(payload, offset, next, until).unwrap_or_default().to_vec();
                added += new.len();
                self.bytes += new.len();
                self.pieces.insert(place, (next, new));
                next = until;
            }
            place += 1;
        }
        Ok(added)
    }

    /// No pieces overlap, and none reaches beyond the total: their lengths tell.
    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| usize::try_from(total) == Ok(self.bytes))
    }

    /// Answers how many bytes that sets free.
    fn give_up(&mut self) -> usize {
        self.pieces = Vec::new();
        self.given_up = true;
        std::mem::take(&mut self.bytes)
    }

    fn reassembled(self) -> Reassembled {
        let pieces: Vec<Vec<u8>> = self.pieces.into_iter().map(|(_, piece)| piece).collect();
        Reassembled { header: self.header, payload: pieces.concat() }
    }
}

/// The bytes from `from` to `to` of a piece at `offset`.
fn within(piece: &[u8], offset: u32, from: u32, to: u32) -> Option<&[u8]> {
    let place = |at: u32| usize::try_from(at.checked_sub(offset)?).ok();
    piece.get(place(from)?..place(to)?)
}

fn end_of(offset: u32, piece: &[u8]) -> u32 {
    offset + u32::try_from(piece.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
