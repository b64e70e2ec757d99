//! MQTT control packets of 3.1, 3.1.1 and 5.0: framing, and a zero-copy parser built on `nom`.
//!
//! Invariant: a parsed packet borrows from the bytes it was parsed from. Reading never judges: a
//! field is returned as it stands, and only what cannot be decoded at all is [`Malformed`].
//! This module knows nothing of TCP beyond the words of [`crate::stream`].

use crate::capture::{FrameNumber, Moment};
use crate::stream::{GapReason, StreamOffset};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1 (protocol name `MQIsdp`, level 3).
    V31,
    /// MQTT 3.1.1 (level 4).
    V311,
    /// MQTT 5.0 (level 5).
    V5,
}

/// MQTT Control Packet type: the high four bits of the first byte (MQTT 5.0 §2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketType(pub u8);

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

/// A control packet cut out of the stream, not yet parsed.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'p> {
    /// Its fixed header.
    pub header: FixedHeader,
    /// The bytes after the fixed header; fewer than the Remaining Length when `missing` is set.
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

/// Most frame numbers remembered for one packet.
pub const MAX_FRAMES: usize = 64;

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

/// A UTF-8 Encoded String as it stands on the wire, valid or not (MQTT 5.0 §1.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Text<'p>(pub &'p [u8]);

/// Quality of Service bits: 0, 1, 2, or the forbidden 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QoS(pub u8);

/// Reason Code of MQTT 5.0 or return code of 3.x; unknown values survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(pub u8);

/// Property identifier of MQTT 5.0 (§2.2.2.2); unknown values survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u32);

/// The properties of a packet, checked to be decodable and decoded again when asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Properties<'p> {
    raw: &'p [u8],
}

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'p> {
    /// Which.
    pub id: PropertyId,
    /// Its value.
    pub value: Value<'p>,
}

/// A property's value (MQTT 5.0 §2.2.2.2, table 2-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'p> {
    /// Byte.
    Byte(u8),
    /// Two Byte Integer.
    TwoByte(u16),
    /// Four Byte Integer.
    FourByte(u32),
    /// Variable Byte Integer.
    Variable(u32),
    /// UTF-8 Encoded String.
    Text(Text<'p>),
    /// UTF-8 String Pair.
    Pair(Text<'p>, Text<'p>),
    /// Binary Data.
    Binary(&'p [u8]),
}

/// A parsed control packet.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'p> {
    /// Connection request.
    Connect(Connect<'p>),
    /// Connect acknowledgment.
    Connack(Connack<'p>),
    /// Publish message.
    Publish(Publish<'p>),
    /// Publish acknowledgment (QoS 1).
    Puback(Acknowledgment<'p>),
    /// Publish received (QoS 2, part 1).
    Pubrec(Acknowledgment<'p>),
    /// Publish release (QoS 2, part 2).
    Pubrel(Acknowledgment<'p>),
    /// Publish complete (QoS 2, part 3).
    Pubcomp(Acknowledgment<'p>),
    /// Subscribe request.
    Subscribe(Subscribe<'p>),
    /// Subscribe acknowledgment.
    Suback(Suback<'p>),
    /// Unsubscribe request.
    Unsubscribe(Unsubscribe<'p>),
    /// Unsubscribe acknowledgment.
    Unsuback(Suback<'p>),
    /// PING request.
    Pingreq,
    /// PING response.
    Pingresp,
    /// Disconnect notification.
    Disconnect(Disconnect<'p>),
    /// Authentication exchange (MQTT 5.0).
    Auth(Auth<'p>),
    /// Packet type 0, or 15 in MQTT 3.x: reserved.
    Reserved,
}

/// CONNECT (MQTT 5.0 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct Connect<'p> {
    /// `MQTT`, or `MQIsdp` in 3.1.
    pub protocol_name: Text<'p>,
    /// Protocol Version byte as sent; bit 7 is the bridge bit.
    pub protocol_level: u8,
    /// Connect Flags byte as sent.
    pub flags: u8,
    /// Keep Alive in seconds, 0 for none.
    pub keep_alive: u16,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// Client Identifier.
    pub client_id: Text<'p>,
    /// Will, when the Will Flag is set.
    pub will: Option<Will<'p>>,
    /// User Name, when its flag is set.
    pub username: Option<Text<'p>>,
    /// Password, when its flag is set. Never shown unless asked for.
    pub password: Option<&'p [u8]>,
}

/// The will of a CONNECT.
#[derive(Clone, Copy, Debug)]
pub struct Will<'p> {
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// Will Properties (5.0).
    pub properties: Properties<'p>,
    /// Will Topic.
    pub topic: Text<'p>,
    /// Will Payload.
    pub payload: &'p [u8],
}

/// CONNACK (MQTT 5.0 §3.2).
#[derive(Clone, Copy, Debug)]
pub struct Connack<'p> {
    /// Connect Acknowledge Flags byte; bit 0 is Session Present.
    pub flags: u8,
    /// Reason Code (5.0) or return code (3.x).
    pub reason_code: ReasonCode,
    /// Properties (5.0).
    pub properties: Properties<'p>,
}

/// PUBLISH (MQTT 5.0 §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Publish<'p> {
    /// DUP flag.
    pub dup: bool,
    /// QoS.
    pub qos: QoS,
    /// RETAIN flag.
    pub retain: bool,
    /// Topic Name; empty when a Topic Alias stands for it.
    pub topic: Text<'p>,
    /// Packet Identifier, present for QoS 1 and 2.
    pub packet_identifier: Option<u16>,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// The captured part of the payload. With the version unknown it may begin with properties.
    pub payload: &'p [u8],
    /// Payload length in bytes; more than `payload.len()` when the packet is not whole.
    pub payload_length: u32,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5.0 §3.4 to §3.7).
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgment<'p> {
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// Reason Code, `None` when omitted (it then means Success) or in 3.x.
    pub reason_code: Option<ReasonCode>,
    /// Properties (5.0).
    pub properties: Properties<'p>,
}

/// SUBSCRIBE (MQTT 5.0 §3.8).
#[derive(Clone, Copy, Debug)]
pub struct Subscribe<'p> {
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// The payload: pairs of Topic Filter and Subscription Options, checked to be decodable.
    filters: &'p [u8],
}

/// One entry of a SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionRequest<'p> {
    /// Topic Filter.
    pub filter: Text<'p>,
    /// Subscription Options byte as sent (MQTT 5.0 §3.8.3.1); requested QoS in bits 0 and 1.
    pub options: u8,
}

/// SUBACK or UNSUBACK (MQTT 5.0 §3.9, §3.11).
#[derive(Clone, Copy, Debug)]
pub struct Suback<'p> {
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// One code for each filter of the request; none in an UNSUBACK of 3.x.
    pub codes: &'p [u8],
}

/// UNSUBSCRIBE (MQTT 5.0 §3.10).
#[derive(Clone, Copy, Debug)]
pub struct Unsubscribe<'p> {
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// The payload: Topic Filters, checked to be decodable.
    filters: &'p [u8],
}

/// DISCONNECT (MQTT 5.0 §3.14).
#[derive(Clone, Copy, Debug)]
pub struct Disconnect<'p> {
    /// Reason Code, `None` when omitted (it then means Normal disconnection) or in 3.x.
    pub reason_code: Option<ReasonCode>,
    /// Properties (5.0).
    pub properties: Properties<'p>,
}

/// AUTH (MQTT 5.0 §3.15).
#[derive(Clone, Copy, Debug)]
pub struct Auth<'p> {
    /// Reason Code, `None` when omitted (it then means Success).
    pub reason_code: Option<ReasonCode>,
    /// Properties.
    pub properties: Properties<'p>,
}

/// A packet that could not be decoded; the next one is still found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The field that could not be read, in the specification's words.
    pub field: &'static str,
    /// Offset in the body where it begins.
    pub at: usize,
    /// What is wrong with it.
    pub why: MalformedReason,
    /// The statement it breaks, such as `MQTT-1.5.4-1`, or a section such as `§2.2.2.2`.
    pub clause: &'static str,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MalformedReason {
    /// The packet ends before the field does.
    TooShort,
    /// Bytes are left over after the last field.
    TrailingBytes,
    /// A Variable Byte Integer runs over four bytes.
    VariableByteInteger,
    /// A property id that MQTT 5.0 does not define: the rest of the properties cannot be read.
    UnknownProperty(u32),
}

/// Why a packet was not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Its bytes cannot be decoded.
    Malformed(Malformed),
    /// The capture does not hold enough of it.
    Partial {
        /// The first field that is not there in full.
        field: &'static str,
    },
}
