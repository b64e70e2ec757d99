//! The rules of MQTT 3.1.1 and 5.0 that need earlier packets of the same connection to be seen broken.
//!
//! Invariant: nobody is accused of what a packet that the capture lacks could excuse. A rule says
//! what it rests on: on packets that were both captured, on the start of a stream, or on the whole
//! course of the connection. The last kind falls silent with the first sign that the capture is not
//! whole, or holds an answer before its question. What one side had to know first is not held
//! against packets that were already under way.
//!
//! Not said at all: that a message matches no subscription (§3.3.2 lets brokers subscribe clients by
//! themselves, 3.1.1 §4.5), and what takes another client's traffic or an earlier connection to see.

mod ending;
mod limits;
mod messages;
mod opening;
mod requests;
#[cfg(test)]
mod tests;

pub(super) use messages::Sent;
pub(super) use opening::Arrival;
pub(super) use requests::Asked;

use std::borrow::Cow;

use crate::capture::Moment;
use crate::mqtt::conformance::Severity;
use crate::mqtt::{PacketType, ReasonCode, Version};
use crate::stream::Side;

use super::facts::{ConnackFacts, ConnectFacts, DisconnectFacts, Proof, Subscription, ViolationFact};
use super::wire::{PerSide, Wire};

/// Broken rules kept of one session.
const FACTS: usize = 32;
/// So many nanoseconds apart, packets of opposite directions may stand in the capture in the wrong order.
const CROSSED: i64 = 1_000_000;
/// An answer that stands so many nanoseconds before its question shows that the capture's order is wrong.
const EARLY: i64 = 100_000_000;
/// What was noted so many nanoseconds before a gap became known may come from the gap.
const SHADOW: i64 = 10_000_000_000;
/// What a side sends within so many nanoseconds of the packet that forbids it may have been under way.
const UNDER_WAY: i64 = 20_000_000;
/// The same, when the round trip of the connection is not known.
const UNDER_WAY_AT_MOST: i64 = 1_000_000_000;
/// Packets that are waited for.
const AWAITED: usize = 8;

/// Where a rule stands: its clause in 3.1.1 and in 5.0.
type Clauses = (Option<&'static str>, Option<&'static str>);

/// What a breach is seen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rests {
    /// The packets that make it one are both captured, and no other packet could excuse it.
    Both,
    /// The packet is the first of its side's stream.
    Start,
    /// Every packet of the connection counts.
    Course,
    /// The same, and what came before the connection may excuse it.
    Past,
}

/// A rule that was broken.
#[derive(Clone, Copy)]
struct Breach {
    clauses: Clauses,
    severity: Severity,
    side: Side,
    packet: PacketType,
    at: Moment,
    /// The packet that makes it a breach.
    earlier: Option<Moment>,
    /// When the other side sent what the sender had to know first.
    told: Option<Moment>,
    rests: Rests,
}

/// A breach as it is kept.
#[derive(Clone, Debug)]
struct Noted {
    fact: ViolationFact,
    told: Option<Moment>,
    rests: Rests,
}

/// A packet whose coming would show that the capture's order is wrong.
#[derive(Clone, Debug)]
struct Awaited {
    from: Side,
    packets: &'static [PacketType],
    packet_identifier: Option<u16>,
    /// Only one that ends an exchange will do.
    ends: bool,
    noted: Moment,
    within: i64,
}

/// A packet that may be waited for.
#[derive(Clone, Copy)]
pub(super) struct Came {
    pub(super) from: Side,
    pub(super) packet: PacketType,
    pub(super) packet_identifier: Option<u16>,
    pub(super) code: ReasonCode,
    /// When the exchange began that it belongs to.
    pub(super) started: Option<Moment>,
    pub(super) at: Moment,
}

/// What is known of the connection when a packet comes, before that packet changes it.
#[derive(Clone, Copy)]
pub(super) struct Known<'t> {
    pub(super) version: Option<Version>,
    pub(super) connect: Option<&'t ConnectFacts>,
    pub(super) connack: Option<&'t ConnackFacts>,
    pub(super) disconnect: PerSide<Option<&'t DisconnectFacts>>,
    pub(super) subscriptions: &'t [Subscription],
}

/// Rules broken on one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// The capture is known not to be whole, or not in order.
    doubted: bool,
    /// Sides that sent a PUBLISH or PUBREL again: each copy may be acknowledged.
    repeats: PerSide<bool>,
    /// The lowest QoS that a SUBACK granted.
    least_granted: Option<u8>,
    /// Boxed: most connections have none.
    notes: Option<Box<Notes>>,
}

/// What was noted of one connection.
#[derive(Clone, Debug, Default)]
struct Notes {
    broken: Vec<Noted>,
    awaited: Vec<Awaited>,
    /// The newest exchanges that a PUBREC refused: publisher and packet identifier.
    refused: Vec<(Side, u16, Moment)>,
    /// Subscription Identifiers that the client gave (5.0).
    identifiers: Vec<u32>,
}

impl Came {
    /// Whether it ends an exchange (MQTT 5.0 §4.9: a PUBREC does so only with a code of 0x80 or above), and can have been
    /// sent before the breach of `awaited`: nobody answers what lies in the same segment.
    fn frees(&self, awaited: &Awaited) -> bool {
        let ends = self.packet != PacketType::PUBREC || self.code.0 >= 0x80;
        // Of a packet identifier that was used twice the newer exchange is known.
        let of_any = awaited.packet_identifier.is_none();
        let together = of_any && self.started.is_some_and(|started| started.frame == awaited.noted.frame);
        ends && !together
    }
}

impl Rests {
    fn on_course(self) -> bool {
        matches!(self, Rests::Course | Rests::Past)
    }
}

impl Known<'_> {
    fn is_v5(&self) -> bool {
        self.version == Some(Version::V5)
    }

    /// Whether client and server begin with an empty session: nothing of an earlier connection goes on.
    fn is_clean(&self) -> bool {
        self.connect.is_some_and(|connect| connect.clean_start)
            && !self.connack.is_some_and(|connack| connack.session_present)
    }
}

impl Rules {
    /// Whether a packet is waited for.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| !notes.awaited.is_empty())
    }

    /// What was noted, to add to it.
    fn notes(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }

    /// The capture is known not to hold every packet of the connection in order; `at` is when this
    /// became known. What rests on the course of the connection is no longer said; what was noted
    /// long before is only possible.
    pub(super) fn doubt(&mut self, at: Moment) {
        if self.doubted {
            return;
        }
        self.doubted = true;
        let Some(notes) = &mut self.notes else { return };
        notes.awaited.clear();
        notes.broken.retain_mut(|noted| {
            if !noted.rests.on_course() {
                return true;
            }
            noted.fact.proof = Proof::Possible;
            at.time.nanoseconds_since(noted.fact.latest.time) > SHADOW
        });
    }

    /// The capture lacks bytes of which it is not known when they passed.
    fn doubt_all(&mut self) {
        self.doubted = true;
        if let Some(notes) = &mut self.notes {
            notes.broken.retain(|noted| !noted.rests.on_course());
        }
    }

    /// Sides were taken the wrong way round: what was noted was judged by the wrong rules.
    pub(super) fn swap_sides(&mut self) {
        *self = Rules { doubted: true, ..Rules::default() };
    }

    /// Notes a breach, if the rule belongs to the version and nothing speaks for the sender.
    fn broken(&mut self, known: &Known<'_>, breach: Breach, what: impl FnOnce() -> Cow<'static, str>) {
        let Breach { clauses: (v311, v5), severity, side, packet, at, earlier, told, rests } = breach;
        let clause = match known.version {
            Some(Version::V5) => v5,
            Some(_) => v311,
            // Before CONNECT, or with one that cannot be read: only what all versions say alike.
            None => v311.filter(|clause| Some(*clause) == v5),
        };
        let Some(clause) = clause else { return };
        if rests.on_course() && (self.doubted || known.connect.is_none()) {
            return;
        }
        if told.is_some_and(|told| at.time.nanoseconds_since(told.time) < UNDER_WAY) {
            return;
        }
        let same = |fact: &ViolationFact| fact.side == side && fact.packet == packet && fact.clause == clause;
        let broken = &mut self.notes().broken;
        if let Some(Noted { fact, .. }) = broken.iter_mut().find(|noted| same(&noted.fact)) {
            fact.count += 1;
            fact.latest = at;
        } else if broken.len() < FACTS {
            let proof = if rests == Rests::Past { Proof::Possible } else { Proof::Connection };
            let grave = severity == Severity::Ends;
            let fact =
                ViolationFact { at, latest: at, earlier, count: 1, side, packet, clause, what: what(), grave, proof };
            broken.push(Noted { fact, told, rests });
        }
    }

    /// Waits for a packet that would show a breach by `at` to be the capture's fault.
    fn wait_for(
        &mut self,
        from: Side,
        packets: &'static [PacketType],
        packet_identifier: Option<u16>,
        noted: Moment,
        within: i64,
    ) {
        if !self.doubted && self.notes().awaited.len() < AWAITED {
            self.notes().awaited.push(Awaited { from, packets, packet_identifier, ends: false, noted, within });
        }
    }

    /// Waits for the end of an exchange that would show a breach by `at` to be the capture's fault.
    fn wait_for_end(&mut self, from: Side, packet_identifier: Option<u16>, noted: Moment) {
        const ENDS: &[PacketType] = &[PacketType::PUBACK, PacketType::PUBCOMP, PacketType::PUBREC];
        if !self.doubted && self.notes().awaited.len() < AWAITED {
            let awaited = Awaited { from, packets: ENDS, packet_identifier, ends: true, noted, within: CROSSED };
            self.notes().awaited.push(awaited);
        }
    }

    /// A packet came that may be one of those waited for.
    pub(super) fn came(&mut self, came: &Came) {
        let Came { from, packet, packet_identifier, at, .. } = *came;
        let Some(notes) = &mut self.notes else { return };
        let passed = |awaited: &Awaited| at.time.nanoseconds_since(awaited.noted.time);
        notes.awaited.retain(|awaited| passed(awaited) <= awaited.within);
        let crossed = notes.awaited.iter().any(|awaited| {
            awaited.from == from
                && awaited.packets.contains(&packet)
                && (awaited.packet_identifier.is_none() || awaited.packet_identifier == packet_identifier)
                && (!awaited.ends || came.frees(awaited))
        });
        if crossed {
            self.doubt(at);
        }
    }

    /// What was broken, as far as the whole connection leaves it standing.
    pub(super) fn finish(mut self, wire: &Wire) -> Vec<ViolationFact> {
        let incomplete = |side: Side| wire.sent.of(side).is_incomplete();
        if !self.doubted && (incomplete(Side::Client) || incomplete(Side::Server)) {
            self.doubt_all();
        }
        let whole = wire.syn.count > 0 && wire.syn_ack.count > 0;
        let started = PerSide { client: wire.syn.count > 0, server: wire.syn_ack.count > 0 };
        let trip = way_to_client(wire).map_or(UNDER_WAY_AT_MOST, |trip| UNDER_WAY.max(trip.saturating_mul(2)));
        let mut broken = self.notes.map(|notes| notes.broken).unwrap_or_default();
        // What the other side sent is missing altogether: any of it may excuse what rests on the course.
        if wire.one_way() {
            broken.retain(|noted| !noted.rests.on_course());
        }
        broken
            .into_iter()
            .filter_map(|Noted { mut fact, told, rests }| {
                if let Some(told) = told.filter(|_| fact.side == Side::Client) {
                    let under_way = |at: Moment| at.time.nanoseconds_since(told.time) <= trip;
                    if under_way(fact.latest) {
                        return None;
                    }
                    if under_way(fact.at) {
                        fact.at = fact.latest;
                    }
                }
                if rests == Rests::Start && (!*started.of(fact.side) || incomplete(fact.side)) {
                    return None;
                }
                if rests.on_course() && !whole {
                    fact.proof = Proof::Possible;
                }
                Some(fact)
            })
            .collect()
    }
}

/// Nanoseconds from the point of capture to the client and back, measured on the handshake.
fn way_to_client(wire: &Wire) -> Option<i64> {
    if wire.syn.count != 1 || wire.syn_ack.count != 1 {
        return None;
    }
    Some(wire.established?.time.nanoseconds_since(wire.syn_ack.first.time))
}

/// A rule of both versions under one statement.
const fn both(clause: &'static str) -> Clauses {
    (Some(clause), Some(clause))
}

/// A rule of both versions under two statements.
const fn each(v311: &'static str, v5: &'static str) -> Clauses {
    (Some(v311), Some(v5))
}

/// A rule of 5.0 only.
const fn v5(clause: &'static str) -> Clauses {
    (None, Some(clause))
}

/// `client` or `broker`.
const fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "broker",
    }
}
