//! What happened in a session, in order, with repetition folded.
//!
//! Invariant: at most [`crate::limits::Limits::timeline_events`] entries, in capture order. What
//! is folded keeps its count, first and last moment; what is left out is counted.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::attempt::{LookupFailure, Name};
use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::net::UnreachableReason;
use crate::stream::{GapReason, Side};

use super::facts::TextFact;
use super::tls::TlsEvent;

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
    /// A name was looked up in vain.
    NameQuestion {
        /// The name.
        name: Name,
        /// Who was asked.
        servers: Vec<IpAddr>,
    },
    /// The answer to it.
    NameAnswer {
        /// What it said.
        failure: LookupFailure,
    },
    /// A host was looked for on its network in vain.
    NeighbourQuestion {
        /// Who asked.
        asker: IpAddr,
        /// The host.
        target: IpAddr,
    },
    /// SYN.
    Syn,
    /// SYN-ACK.
    SynAck,
    /// The handshake was completed.
    Established,
    /// A router or host says that a segment could not be delivered.
    Undeliverable {
        /// Who says so.
        router: IpAddr,
        /// Why.
        reason: UnreachableReason,
    },
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
    /// Bytes that are no packet: passed over while looking for the next one, or all that came of a last one.
    Skipped {
        /// How many bytes.
        bytes: u64,
        /// They begin a packet, and the stream ends there.
        begun: bool,
    },
    /// A request for a WebSocket.
    UpgradeRequest {
        /// The path, without the query.
        path: TextFact,
        /// The subprotocols that it offers, as sent.
        subprotocols: Option<TextFact>,
    },
    /// The answer to it.
    UpgradeAnswer {
        /// Status code.
        status: u16,
        /// Reason phrase.
        phrase: TextFact,
        /// The subprotocol that it chose.
        subprotocol: Option<TextFact>,
    },
    /// A Close frame of WebSocket.
    WebSocketClose {
        /// Its status code, if it has one.
        code: Option<u16>,
        /// What its sender says.
        reason: TextFact,
    },
    /// From here on the WebSocket's stream cannot be read.
    Unreadable,
    /// The client began in another protocol.
    ForeignOpening(crate::transport::Protocol),
    /// The server answered in another protocol.
    ForeignAnswer(crate::transport::Protocol),
    /// A step of TLS.
    Tls(TlsEvent),
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

/// The events of a session, with repetition folded. It takes no room when nothing is kept.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Option<Box<Course>>);

/// A timeline that is kept.
#[derive(Clone, Debug)]
struct Course {
    /// Whether every packet is an event of its own.
    full: bool,
    limit: usize,
    /// Settled events.
    entries: Vec<Event>,
    /// Where in `entries` the current stretch of routine packets begins.
    stretch: usize,
    /// The newest routine packets, not yet folded.
    recent: VecDeque<Event>,
    /// The newest events once `entries` is full.
    tail: VecDeque<Event>,
    left_out: u64,
}

/// Routine packets shown one by one at each end of a stretch.
const VERBATIM: usize = 4;
/// Runs told apart in one stretch; further ones are counted together.
const RUNS: usize = 8;
/// Newest events kept once the timeline is full.
const TAIL: usize = 40;

impl Timeline {
    /// An empty timeline of at most `limit` entries.
    pub fn new(detail: Detail, limit: usize) -> Timeline {
        let course = Course {
            full: detail == Detail::Full,
            limit,
            entries: Vec::new(),
            stretch: 0,
            recent: VecDeque::new(),
            tail: VecDeque::new(),
            left_out: 0,
        };
        Timeline((detail != Detail::None).then(|| Box::new(course)))
    }

    /// Whether events are kept at all.
    pub fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Adds one event; it must not be older than the one before.
    pub fn push(&mut self, at: Moment, side: Option<Side>, kind: EventKind) {
        if let Some(course) = &mut self.0 {
            course.push(Event { at, until: at, count: 1, side, kind });
        }
    }

    /// Settles what is open and puts events of the connection itself in their place. Packets keep
    /// the order of their streams, also where the capture has their frames in another.
    pub fn finish(&mut self, mut connection: Vec<Event>) {
        let Some(course) = &mut self.0 else { return };
        course.end_stretch();
        course.recent = VecDeque::new();
        course.entries.extend(std::mem::take(&mut course.tail));
        connection.sort_by_key(|event| event.at.frame);
        for event in connection {
            // What a SYN carries (RFC 7413) follows it; what a FIN carries precedes it.
            let opens = matches!(event.kind, EventKind::Syn | EventKind::SynAck);
            let frame = event.at.frame;
            let before = course
                .entries
                .iter()
                .rposition(|entry| if opens { entry.at.frame < frame } else { entry.at.frame <= frame });
            course.entries.insert(before.map_or(0, |before| before + 1), event);
        }
        course.entries.shrink_to_fit();
    }

    /// Sides were taken the wrong way round.
    pub fn swap_sides(&mut self) {
        if let Some(Course { entries, recent, tail, .. }) = self.0.as_deref_mut() {
            for event in entries.iter_mut().chain(recent).chain(tail) {
                event.side = event.side.map(Side::other);
            }
        }
    }

    /// Whether anything is kept.
    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The events in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.0.iter().flat_map(|course| &course.entries)
    }

    /// How many packets the timeline does not show because it was full.
    pub fn left_out(&self) -> u64 {
        self.0.as_ref().map_or(0, |course| course.left_out)
    }
}

impl Course {
    fn push(&mut self, event: Event) {
        if !self.full && event.kind.is_routine() {
            self.recent.push_back(event);
            if self.recent.len() > VERBATIM
                && let Some(oldest) = self.recent.pop_front()
            {
                self.fold(oldest);
            }
        } else {
            self.end_stretch();
            self.settle(event);
            self.stretch = self.entries.len();
        }
    }

    fn end_stretch(&mut self) {
        while let Some(event) = self.recent.pop_front() {
            self.settle(event);
        }
    }

    fn fold(&mut self, event: Event) {
        let stretch = self.entries.get_mut(self.stretch..).unwrap_or_default();
        if stretch.len() < VERBATIM {
            self.settle(event);
            return;
        }
        let runs = stretch.get_mut(VERBATIM..).unwrap_or_default();
        if let Some(run) = runs.iter_mut().find(|run| run.continues_with(&event)) {
            run.absorb(&event);
        } else if runs.len() < RUNS {
            self.settle(event);
        } else {
            let packet = event.kind.packet();
            let several = runs.iter_mut().find(|run| {
                run.side == event.side && matches!(run.kind, EventKind::Several { packet: of } if Some(of) == packet)
            });
            if let Some(run) = several {
                run.absorb(&event);
            } else if let Some(packet) = packet {
                self.settle(Event { kind: EventKind::Several { packet }, ..event });
            }
        }
    }

    fn settle(&mut self, event: Event) {
        if self.entries.len() < self.limit {
            self.entries.push(event);
            return;
        }
        self.tail.push_back(event);
        if self.tail.len() > TAIL
            && let Some(oldest) = self.tail.pop_front()
        {
            self.left_out += oldest.count;
        }
    }
}

impl Event {
    fn continues_with(&self, next: &Event) -> bool {
        self.side == next.side
            && match (&self.kind, &next.kind) {
                (
                    EventKind::Publish { topic, qos, retain, dup, .. },
                    EventKind::Publish { topic: next_topic, qos: next_qos, retain: next_retain, dup: next_dup, .. },
                ) => topic == next_topic && qos == next_qos && retain == next_retain && dup == next_dup,
                (
                    EventKind::Acknowledgment { packet, code, .. },
                    EventKind::Acknowledgment { packet: next_packet, code: next_code, .. },
                ) => packet == next_packet && code == next_code,
                (EventKind::Pingreq, EventKind::Pingreq)
                | (EventKind::Pingresp, EventKind::Pingresp)
                | (EventKind::Tls(TlsEvent::Data { .. }), EventKind::Tls(TlsEvent::Data { .. })) => true,
                _ => false,
            }
    }

    fn absorb(&mut self, next: &Event) {
        self.count += next.count;
        self.until = next.until;
        if let (EventKind::Publish { payload_length, .. }, EventKind::Publish { payload_length: more, .. }) =
            (&mut self.kind, &next.kind)
        {
            *payload_length += more;
        }
        if let (EventKind::Tls(TlsEvent::Data { bytes }), EventKind::Tls(TlsEvent::Data { bytes: more })) =
            (&mut self.kind, &next.kind)
        {
            *bytes += more;
        }
    }
}

impl EventKind {
    /// Whether it is of the kind that a healthy session repeats endlessly.
    fn is_routine(&self) -> bool {
        match self {
            EventKind::Publish { dup, .. } => !dup,
            EventKind::Acknowledgment { code, reason_string, .. } => code.0 < 0x80 && reason_string.is_none(),
            EventKind::Pingreq | EventKind::Pingresp | EventKind::Tls(TlsEvent::Data { .. }) => true,
            _ => false,
        }
    }

    fn packet(&self) -> Option<PacketType> {
        match self {
            EventKind::Publish { .. } => Some(PacketType::PUBLISH),
            EventKind::Acknowledgment { packet, .. } => Some(*packet),
            EventKind::Pingreq => Some(PacketType::PINGREQ),
            EventKind::Pingresp => Some(PacketType::PINGRESP),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
