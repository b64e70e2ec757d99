//! The facts of a session.

use std::borrow::Cow;
use std::sync::Arc;

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::mqtt::{Malformed, PacketType, QoS, ReasonCode, Version};
use crate::net::{Endpoint, Undeliverable};
use crate::stream::Side;
use crate::transport::Protocol;

use super::capture::Tally;
use super::timeline::Timeline;
use super::wire::{PerSide, Wire};

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

/// One session: one TCP connection that carried MQTT, or an attempt to open one.
#[derive(Clone, Debug)]
pub struct Session {
    /// The connection under it.
    pub wire: Wire,
    /// How it is known which end is the client.
    pub client_evidence: ClientEvidence,
    /// Protocol version, if known.
    pub version: Option<Version>,
    /// How the version is known.
    pub version_from: Option<VersionFrom>,
    /// The first word of a router or host that a segment of the connection could not be delivered.
    pub undeliverable: Option<(Moment, Undeliverable)>,
    /// The first CONNECT.
    pub connect: Option<ConnectFacts>,
    /// The first CONNACK.
    pub connack: Option<ConnackFacts>,
    /// A second CONNECT on the same connection.
    pub second_connect: Option<Moment>,
    /// What the client's first bytes were, when they were not MQTT although the server's port is taken for it.
    pub foreign_opening: Option<(Protocol, Moment)>,
    /// What the server's first bytes were, when they were not MQTT.
    pub foreign_answer: Option<(Protocol, Moment)>,
    /// AUTH packets.
    pub auth: AuthFacts,
    /// Each side's DISCONNECT.
    pub disconnect: PerSide<Option<DisconnectFacts>>,
    /// Control packets by sender and type.
    pub counts: PerSide<PacketCounts>,
    /// Each side's first control packet.
    pub first_packet: PerSide<Option<Moment>>,
    /// Each side's last control packets, the newest last (at most 3).
    pub last_packets: PerSide<Vec<LastPacket>>,
    /// Subscriptions asked for, in order.
    pub subscriptions: Vec<Subscription>,
    /// Exchanges still open at the end, in order of their start: PUBLISH of QoS 1 and 2, SUBSCRIBE, UNSUBSCRIBE.
    pub open_exchanges: Vec<Exchange>,
    /// What each side published.
    pub published: PerSide<PublishFacts>,
    /// Requests that were answered with a failure code, the first of them.
    pub refusals: Vec<Refusal>,
    /// PINGREQ and PINGRESP.
    pub ping: PingFacts,
    /// Keep-alive observations.
    pub keep_alive: KeepAliveFacts,
    /// Packets that break a rule, the first of each kind: by their bytes alone, then by what was sent before.
    pub violations: Vec<ViolationFact>,
    /// Packets that could not be decoded, the first of them.
    pub malformed: Vec<MalformedFact>,
    /// Packets known only in part, by sender.
    pub partial_packets: PerSide<u64>,
    /// Bytes passed over while looking for the next packet, by sender.
    pub skipped_bytes: PerSide<u64>,
    /// A packet begun and not finished when the sender's stream ended: when it began, its type, length and bytes seen.
    pub unfinished_packet: PerSide<Option<UnfinishedPacket>>,
    /// What happened, in order.
    pub timeline: Timeline,
    /// What other sessions had to do with it.
    pub neighbours: Neighbours,
    /// The capture around it.
    pub capture: CaptureEdge,
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

/// CONNECT.
#[derive(Clone, Debug)]
pub struct ConnectFacts {
    /// When it was complete.
    pub at: Moment,
    /// Protocol name as sent.
    pub protocol_name: TextFact,
    /// Protocol level as sent, bridge bit included.
    pub protocol_level: u8,
    /// Client Identifier as sent.
    pub client_id: TextFact,
    /// User name, if sent.
    pub username: Option<TextFact>,
    /// Whether a password was sent. The password itself is not kept.
    pub has_password: bool,
    /// Clean Start (5.0) or Clean Session (3.x).
    pub clean_start: bool,
    /// Keep Alive in seconds.
    pub keep_alive: u16,
    /// Will, if any.
    pub will: Option<WillFacts>,
    /// Length of the whole packet in bytes.
    pub length: u64,
    /// Session Expiry Interval in seconds (5.0).
    pub session_expiry_interval: Option<u32>,
    /// Receive Maximum (5.0).
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size in bytes (5.0).
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum (5.0).
    pub topic_alias_maximum: Option<u16>,
    /// Authentication Method (5.0).
    pub authentication_method: Option<TextFact>,
    /// Request Problem Information (5.0).
    pub request_problem_information: Option<u8>,
    /// Request Response Information (5.0).
    pub request_response_information: Option<u8>,
}

/// The will of a CONNECT.
#[derive(Clone, Debug)]
pub struct WillFacts {
    /// Will Topic.
    pub topic: TextFact,
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
}

/// CONNACK.
#[derive(Clone, Debug)]
pub struct ConnackFacts {
    /// When.
    pub at: Moment,
    /// Reason Code (5.0) or return code (3.x).
    pub code: ReasonCode,
    /// Session Present.
    pub session_present: bool,
    /// Reason String (5.0).
    pub reason_string: Option<TextFact>,
    /// Server Reference (5.0).
    pub server_reference: Option<TextFact>,
    /// Assigned Client Identifier (5.0).
    pub assigned_client_id: Option<TextFact>,
    /// Server Keep Alive in seconds (5.0).
    pub server_keep_alive: Option<u16>,
    /// Receive Maximum (5.0).
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size in bytes (5.0).
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum (5.0).
    pub topic_alias_maximum: Option<u16>,
    /// Maximum QoS (5.0).
    pub maximum_qos: Option<QoS>,
    /// Retain Available (5.0).
    pub retain_available: Option<bool>,
    /// Wildcard Subscription Available (5.0).
    pub wildcard_subscription_available: Option<bool>,
    /// Subscription Identifiers Available (5.0).
    pub subscription_identifier_available: Option<bool>,
    /// Shared Subscription Available (5.0).
    pub shared_subscription_available: Option<bool>,
}

/// AUTH packets of MQTT 5.0.
#[derive(Clone, Debug, Default)]
pub struct AuthFacts {
    /// The last AUTH of either side: when, by whom, its code.
    pub last: Option<(Moment, Side, ReasonCode)>,
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
}

/// How many control packets of each type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts([u64; 16]);

impl PacketCounts {
    /// How many of `packet`.
    pub fn of(&self, packet: PacketType) -> u64 {
        self.0.get(usize::from(packet.0)).copied().unwrap_or(0)
    }

    /// Counts one more.
    pub fn add(&mut self, packet: PacketType) {
        if let Some(count) = self.0.get_mut(usize::from(packet.0)) {
            *count += 1;
        }
    }

    /// Types that were counted, with how often, by rising type.
    pub fn iter(&self) -> impl Iterator<Item = (PacketType, u64)> {
        (0u8..).zip(self.0).filter(|(_, count)| *count > 0).map(|(packet, count)| (PacketType(packet), count))
    }

    /// All packets.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
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

/// A subscription that the client asked for.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Topic Filter.
    pub filter: TextFact,
    /// Subscription Options byte as sent.
    pub options: u8,
    /// The SUBSCRIBE.
    pub asked: Moment,
    /// The code of the SUBACK: granted QoS or a failure.
    pub answer: Option<(Moment, ReasonCode)>,
    /// Reason String of a SUBACK (5.0).
    pub reason_string: Option<TextFact>,
    /// The UNSUBACK that ended it.
    pub ended: Option<Moment>,
}

impl Subscription {
    /// QoS asked for.
    pub fn requested_qos(&self) -> QoS {
        QoS(self.options & 0b11)
    }
}

/// A request or delivery that waits for its acknowledgment.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who started it.
    pub sender: Side,
    /// PUBLISH, SUBSCRIBE or UNSUBSCRIBE.
    pub packet: PacketType,
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// QoS of a PUBLISH.
    pub qos: QoS,
    /// Topic of a PUBLISH, first filter of a request.
    pub topic: Option<TextFact>,
    /// First packet.
    pub started: Moment,
    /// Newest packet of it.
    pub last: Moment,
    /// How far it got.
    pub state: ExchangeState,
    /// How often the PUBLISH was sent again in this session.
    pub resent: u32,
}

/// How far an exchange got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeState {
    /// Waiting for the first acknowledgment.
    Sent,
    /// QoS 2: PUBREC seen, PUBREL missing.
    Received,
    /// QoS 2: PUBREL seen, PUBCOMP missing.
    Released,
}

/// What one side published.
#[derive(Clone, Debug, Default)]
pub struct PublishFacts {
    /// Messages by QoS 0, 1, 2; repeats (DUP) not counted.
    pub by_qos: [u64; 3],
    /// PUBLISH packets sent again.
    pub resent: u64,
    /// Exchanges of QoS 1 and 2 that were completed.
    pub completed: u64,
    /// Exchanges completed with an acknowledgment of 0x80 or above.
    pub refused: u64,
    /// Payload bytes.
    pub payload_bytes: u64,
    /// The largest PUBLISH: length of the whole packet in bytes, and when.
    pub largest: Option<(u64, Moment)>,
    /// How long acknowledgments took.
    pub delivery: Delivery,
    /// Acknowledgments for an id that was not open.
    pub unmatched_acknowledgments: u64,
    /// PUBACKs and PUBRECs that this side got with 0x10, No matching subscribers (5.0): how many,
    /// and the frame of the first.
    pub no_subscribers: Tally,
}

/// Times from a PUBLISH to its last acknowledgment, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Longest.
    pub longest: i64,
    /// Sum of all, for the mean.
    pub sum: i64,
}

/// A request that the other side answered with a failure code.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The answer.
    pub at: Moment,
    /// The side that refused.
    pub by: Side,
    /// Type of the answer: PUBACK, PUBREC, SUBACK or UNSUBACK.
    pub packet: PacketType,
    /// Its code.
    pub code: ReasonCode,
    /// Reason String (5.0).
    pub reason_string: Option<TextFact>,
    /// Topic or filter that was refused, when the request was captured.
    pub topic: Option<TextFact>,
    /// The request, when it was captured.
    pub request: Option<Moment>,
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

/// Observations on the Keep Alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAliveFacts {
    /// Longest pause in nanoseconds between two control packets of the client, and the packet that ended it.
    pub longest_silence: Option<(i64, Moment)>,
}

/// A rule broken by a packet.
#[derive(Clone, Debug)]
pub struct ViolationFact {
    /// First time.
    pub at: Moment,
    /// Last time.
    pub latest: Moment,
    /// The earlier packet that makes the first a breach, where there is one to point at.
    pub earlier: Option<Moment>,
    /// How often.
    pub count: u64,
    /// Who broke it.
    pub side: Side,
    /// The packet.
    pub packet: PacketType,
    /// The statement, such as `MQTT-3.1.2-22`.
    pub clause: &'static str,
    /// What is wrong, as a part of a sentence.
    pub what: Cow<'static, str>,
    /// Whether a peer normally ends the session for it.
    pub grave: bool,
    /// What proves it.
    pub proof: Proof,
}

/// What proves that a rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// The bytes of the packet alone.
    Packet,
    /// Other packets of the connection; none that could excuse it is missing.
    Connection,
    /// Other packets of the connection; one that excuses it may be missing.
    Possible,
}

/// A packet that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedFact {
    /// When.
    pub at: Moment,
    /// Who sent it.
    pub side: Side,
    /// Its type.
    pub packet: PacketType,
    /// What could not be read.
    pub malformed: Malformed,
}

/// What other sessions of the capture had to do with this one.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// The last CONNECT with the same client id on another connection to the same server before
    /// this one was closed, if it came while this one was open.
    pub rival: Option<Rival>,
    /// Closes by the same server, within one second of its closing this one, of other sessions that
    /// no packet had announced (the first 16): the frames of their FIN or RST.
    pub closed_together: Vec<FrameNumber>,
    /// How many such closes there are.
    pub closed_together_count: u64,
    /// Time to Live or Hop Limit of the newest segment that is not a RST which the server's
    /// address sent on any other connection of the capture, from any port: it tells whether a RST
    /// that is this connection's only answer comes from the server itself.
    pub server_hop_limit: Option<u8>,
    /// The first frame of another connection to the same server address and port in which the
    /// client's first bytes were TLS and the server answered with TLS.
    pub tls_on_port: Option<Moment>,
    /// The first CONNACK from the same server address and port, if it came before this
    /// connection's first frame.
    pub connack_before: Option<Moment>,
}

/// Another connection with the same client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Address and port of the other client.
    pub client: Endpoint,
    /// Its `tcp.stream`.
    pub stream: u32,
    /// Its CONNECT.
    pub connect: Moment,
    /// Its accepting CONNACK.
    pub accepted: Option<Moment>,
    /// Its CONNACK with a code other than 0.
    pub refused: Option<Moment>,
}

/// Where the session stands in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureEdge {
    /// Time of the capture's first frame.
    pub began: Timestamp,
    /// Time of the capture's last frame so far.
    pub ended: Timestamp,
    /// The capture's clock went back during the session.
    pub clock_jumped: bool,
    /// The connection was let go because too many were open.
    pub evicted: bool,
}
