//! The facts of a session.

use std::sync::Arc;

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::fetch::{self, Depth};
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::tcp::Direction;

use super::timeline::Timeline;
use super::tls::TlsFacts;
use super::wire::{PerSide, Wire};

mod broken;
mod ledger;
mod messages;
mod oddities;
mod opening;
mod rare;
mod surroundings;
mod websocket;

pub use broken::{MalformedFact, Proof, ViolationFact};
pub use ledger::{Arrived, Book, Carried, Late, Ledger, Overlap, RetainedBurst, Twice, Unheard, Window};
pub use messages::{Delivery, Exchange, ExchangeState, PublishFacts, Refusal, Subscription};
pub use oddities::Oddities;
pub use opening::{AuthFacts, ConnackFacts, ConnectFacts, WillFacts};
pub use rare::{Empty, Rare};
pub use surroundings::{
    Admission, Admitted, CaptureEdge, Detour, Leg, Legs, Namesake, Neighbours, Rival, Serving, Taken, TakenRequest,
    Ways,
};
pub use websocket::{CloseFrame, HttpAnswer, TextMessages, UpgradeRequest, WebSocketFacts, close_code_name};

/// Captured text, shared by the facts that repeat it. It may not be UTF-8 and is never trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TextFact(pub Arc<[u8]>);

impl TextFact {
    /// Copies captured text.
    pub fn new(bytes: &[u8]) -> TextFact {
        TextFact(Arc::from(bytes))
    }

    /// The text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One session: one TCP connection that carried MQTT, or an attempt to open one, or to learn where to.
#[derive(Clone, Debug)]
pub struct Session {
    /// The connection under it.
    pub wire: Box<Wire>,
    /// How it is known which end is the client.
    pub client_evidence: ClientEvidence,
    /// Protocol version, if known.
    pub version: Option<Version>,
    /// How the version is known.
    pub version_from: Option<VersionFrom>,
    /// The first CONNECT.
    pub connect: Option<Box<ConnectFacts>>,
    /// The first CONNACK.
    pub connack: Option<Box<ConnackFacts>>,
    /// Each side's DISCONNECT.
    pub disconnect: PerSide<Option<Box<DisconnectFacts>>>,
    /// Control packets by sender and type.
    pub counts: PerSide<PacketCounts>,
    /// Each side's first control packet.
    pub first_packet: PerSide<Option<Moment>>,
    /// Each side's last control packets, the newest last (at most 3).
    pub last_packets: PerSide<ThinVec<LastPacket>>,
    /// Subscriptions asked for, in order.
    pub subscriptions: ThinVec<Subscription>,
    /// Exchanges still open at the end, in order of their start: PUBLISH of QoS 1 and 2, SUBSCRIBE, UNSUBSCRIBE.
    pub open_exchanges: ThinVec<Exchange>,
    /// What each side published.
    pub published: PerSide<Rare<PublishFacts>>,
    /// What became of what each side published.
    pub ledger: PerSide<Book>,
    /// PINGREQ and PINGRESP.
    pub ping: Rare<PingFacts>,
    /// Keep-alive observations.
    pub keep_alive: KeepAliveFacts,
    /// What happened, in order.
    pub timeline: Timeline,
    /// What TLS shows, when the packets are encrypted.
    pub tls: Option<Box<TlsFacts>>,
    /// What other sessions had to do with it.
    pub neighbours: Box<Neighbours>,
    /// The capture around it.
    pub capture: CaptureEdge,
    /// What few sessions have; it reads as fields of this.
    pub(crate) oddities: Option<Box<Oddities>>,
}

impl Session {
    /// Asks for what judging it will touch.
    pub fn fetch(&self, depth: Depth) {
        match depth {
            Depth::Connection => {
                fetch::start(&self.wire);
                fetch::start(&self.connect);
                fetch::start(&self.counts.client);
                fetch::start(&self.counts.server);
                fetch::start(&self.last_packets);
                fetch::start(&self.published);
                fetch::start(&self.capture);
                fetch::start(&self.oddities);
            }
            Depth::Session => {
                self.wire.fetch();
                self.connect.as_deref().into_iter().for_each(fetch::start);
                self.connack.as_deref().into_iter().for_each(fetch::start);
                fetch::start(&*self.neighbours);
                self.oddities.as_deref().into_iter().for_each(fetch::start);
            }
            Depth::Details => {}
        }
    }

    /// The Client Identifier that was sent, unless it is empty, in a whole CONNECT or the beginning of one.
    pub fn sent_client_id(&self) -> Option<&TextFact> {
        let whole = self.connect.as_ref().map(|connect| &connect.client_id);
        whole.or(self.begun_client_id.as_deref()).filter(|id| !id.is_empty())
    }

    /// The newest packet of either side.
    pub fn last_packet(&self) -> Option<Moment> {
        let packets = self.last_packets.client.iter().chain(&self.last_packets.server);
        packets.map(|packet| packet.at).max_by_key(|at| at.frame)
    }

    /// The Client Identifier: as sent, or as the server assigned it.
    pub fn client_id(&self) -> Option<&TextFact> {
        self.sent_client_id().or_else(|| self.connack.as_ref()?.assigned_client_id.as_ref())
    }

    /// Whether it is a TCP connection, or the attempt to open one, over which no byte came.
    pub fn carried_nothing(&self) -> bool {
        let silent = |side: &Direction| side.bytes == 0 && side.missing_bytes == 0;
        self.attempt.is_none() && silent(&self.wire.sent.client) && silent(&self.wire.sent.server)
    }
}

/// A packet whose sender's stream ended before the packet did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedPacket {
    /// Its type.
    pub packet: PacketType,
    /// Its length on the wire in bytes, fixed header included, as announced.
    pub length: u64,
    /// When it began.
    pub started: Moment,
}

/// How it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientEvidence {
    /// Only by the port numbers.
    Port,
    /// It opened the TCP connection.
    Opened,
    /// It sent, or was sent, packets that only one side may send.
    PacketKinds,
    /// It sent CONNECT.
    Connect,
}

/// How the version is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionFrom {
    /// CONNECT says it.
    Connect,
    /// The packets fit only one version; the text says what it rests on.
    Inferred(&'static str),
}

/// DISCONNECT.
#[derive(Clone, Debug)]
pub struct DisconnectFacts {
    /// When.
    pub at: Moment,
    /// Reason Code; 0x00 when omitted and in 3.x.
    pub code: ReasonCode,
    /// Reason String (5.0).
    pub reason_string: Option<TextFact>,
    /// Server Reference (5.0).
    pub server_reference: Option<TextFact>,
    /// Session Expiry Interval in seconds (5.0).
    pub session_expiry_interval: Option<u32>,
}

/// How many control packets of each type; counting ends at 4,294,967,295.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts([u32; 16]);

impl From<[u32; 16]> for PacketCounts {
    fn from(counts: [u32; 16]) -> PacketCounts {
        PacketCounts(counts)
    }
}

impl PacketCounts {
    /// How many of `packet`.
    pub fn of(&self, packet: PacketType) -> u64 {
        self.0.get(usize::from(packet.0)).copied().unwrap_or(0).into()
    }

    /// Counts one more.
    pub fn add(&mut self, packet: PacketType) {
        if let Some(count) = self.0.get_mut(usize::from(packet.0)) {
            *count = count.saturating_add(1);
        }
    }

    /// Types that were counted, with how often, by rising type.
    pub fn iter(&self) -> impl Iterator<Item = (PacketType, u64)> {
        (0u8..).zip(self.0).filter(|(_, count)| *count > 0).map(|(packet, count)| (PacketType(packet), count.into()))
    }

    /// All packets.
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }
}

/// A control packet near the end of a side's stream.
#[derive(Clone, Debug)]
pub struct LastPacket {
    /// When it was complete.
    pub at: Moment,
    /// Its type.
    pub packet: PacketType,
    /// Length of the whole packet in bytes.
    pub length: u64,
    /// Packet Identifier, for packets that have one.
    pub packet_identifier: Option<u16>,
    /// QoS of a PUBLISH.
    pub qos: QoS,
    /// Topic of a PUBLISH, first filter of a SUBSCRIBE or UNSUBSCRIBE.
    pub topic: Option<TextFact>,
}

/// PINGREQ and PINGRESP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PingFacts {
    /// PINGREQ without PINGRESP so far, the first of them.
    pub unanswered: Option<Moment>,
    /// How many PINGREQ wait.
    pub waiting: u32,
    /// Longest wait for a PINGRESP in nanoseconds.
    pub longest_answer: i64,
}

impl Empty for PingFacts {
    fn empty() -> &'static PingFacts {
        const { &PingFacts { unanswered: None, waiting: 0, longest_answer: 0 } }
    }
}

/// Observations on the Keep Alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAliveFacts {
    /// Longest pause in nanoseconds between two control packets of the client, and the packet that ended it.
    pub longest_silence: Option<(i64, Moment)>,
}

impl KeepAliveFacts {
    /// The client sent a packet at `at`, after the one at `before`.
    #[inline]
    pub(in crate::session) fn heard(&mut self, before: Moment, at: Moment) {
        let silence = at.time.nanoseconds_since(before.time);
        if self.longest_silence.is_none_or(|(longest, _)| silence > longest) {
            self.longest_silence = Some((silence, at));
        }
    }
}
