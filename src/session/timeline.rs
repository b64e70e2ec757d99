//! What happened in a session, in order, with repetition folded.
//!
//! Invariant: at most [`crate::limits::Limits::timeline_events`] entries, in capture order. What
//! is folded keeps its count, first and last moment; what is left out is counted.

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::stream::{GapReason, Side};

use super::facts::TextFact;

/// One thing that happened, or a run of alike things.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, or when the first of the run.
    pub at: Moment,
    /// When the last of the run; equal to `at` for a single event.
    pub until: Moment,
    /// How many.
    pub count: u64,
    /// Who did it; `None` for what the capture did.
    pub side: Option<Side>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// SYN.
    Syn,
    /// SYN-ACK.
    SynAck,
    /// The handshake was completed.
    Established,
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// CONNECT.
    Connect {
        /// Version, if known.
        version: Option<Version>,
        /// Client Identifier.
        client_id: TextFact,
        /// User name.
        username: Option<TextFact>,
        /// Whether a password came along.
        has_password: bool,
        /// Clean Start.
        clean_start: bool,
        /// Keep Alive in seconds.
        keep_alive: u16,
        /// Will Topic.
        will: Option<TextFact>,
    },
    /// CONNACK.
    Connack {
        /// Code.
        code: ReasonCode,
        /// Session Present.
        session_present: bool,
        /// Reason String.
        reason_string: Option<TextFact>,
    },
    /// PUBLISH.
    Publish {
        /// Topic, `None` if an alias stands for it whose meaning was not captured.
        topic: Option<TextFact>,
        /// QoS.
        qos: QoS,
        /// RETAIN.
        retain: bool,
        /// DUP.
        dup: bool,
        /// Packet Identifier; that of the first in a run.
        packet_identifier: Option<u16>,
        /// Payload length in bytes; the sum in a run.
        payload_length: u64,
    },
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    Acknowledgment {
        /// Which.
        packet: PacketType,
        /// Packet Identifier; that of the first in a run.
        packet_identifier: u16,
        /// Code, 0x00 when omitted.
        code: ReasonCode,
        /// Reason String.
        reason_string: Option<TextFact>,
    },
    /// SUBSCRIBE or UNSUBSCRIBE.
    Request {
        /// Which.
        packet: PacketType,
        /// Packet Identifier.
        packet_identifier: u16,
        /// Filters with their options byte, the first of them.
        filters: Vec<(TextFact, u8)>,
        /// How many filters were left out here.
        more: usize,
    },
    /// SUBACK or UNSUBACK.
    Answer {
        /// Which.
        packet: PacketType,
        /// Packet Identifier.
        packet_identifier: u16,
        /// Codes, the first of them.
        codes: Vec<ReasonCode>,
        /// How many codes were left out here.
        more: usize,
        /// Reason String.
        reason_string: Option<TextFact>,
    },
    /// A run of packets of one type with more topics or codes than are told apart.
    Several {
        /// Their type.
        packet: PacketType,
    },
    /// PINGREQ.
    Pingreq,
    /// PINGRESP.
    Pingresp,
    /// DISCONNECT.
    Disconnect {
        /// Code, 0x00 when omitted.
        code: ReasonCode,
        /// Reason String.
        reason_string: Option<TextFact>,
    },
    /// AUTH.
    Auth {
        /// Code.
        code: ReasonCode,
    },
    /// A packet of a reserved type.
    Reserved {
        /// Its type.
        packet: PacketType,
    },
    /// A packet that could not be decoded.
    Malformed {
        /// Its type.
        packet: PacketType,
        /// The field.
        field: &'static str,
        /// The statement it breaks.
        clause: &'static str,
    },
    /// A packet of which the capture holds only a part.
    Partial {
        /// Its type.
        packet: PacketType,
    },
    /// Bytes that the capture does not hold.
    Gap {
        /// How many bytes.
        bytes: u64,
        /// Why.
        why: GapReason,
    },
    /// Bytes passed over while looking for the next packet.
    Skipped {
        /// How many bytes.
        bytes: u64,
    },
    /// The server answered in another protocol.
    ForeignAnswer(crate::transport::Protocol),
}

/// How much of a timeline is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: for reports that do not show it.
    #[default]
    None,
    /// The first and last of each run of routine packets; what lies between is folded.
    Folded,
    /// Every packet, up to the limit.
    Full,
}

/// The events of a session, with repetition folded.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: Vec<Event>,
    left_out: u64,
}

impl Timeline {
    /// An empty timeline of at most `limit` entries.
    pub fn new(_detail: Detail, _limit: usize) -> Timeline {
        Timeline::default()
    }

    /// Adds one event; it must not be older than the one before.
    pub fn push(&mut self, at: Moment, side: Option<Side>, kind: EventKind) {
        self.entries.push(Event {
            at,
            until: at,
            count: 1,
            side,
            kind,
        });
    }

    /// Puts events of the connection itself in their place and settles what is open.
    pub fn finish(&mut self, mut connection: Vec<Event>) {
        self.entries.append(&mut connection);
        self.entries.sort_by_key(|event| event.at.frame);
    }

    /// The events in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter()
    }

    /// How many packets the timeline does not show because it was full.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}
