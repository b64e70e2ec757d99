//! PUBLISH (MQTT 5.0 §3.3, 3.1.1 §3.3): a message. The hot path of the parser.

use nom::Parser;
use nom::number::complete::be_u16;

use super::property::properties;
use super::read::{Fault, fault, field, text};
use super::{FixedHeader, PacketType, Properties, PropertyId, QoS, RawPacket, Text, Version};

/// PUBLISH (MQTT 5.0 §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Publish<'p> {
    /// DUP flag.
    pub dup: bool,
    /// `QoS`.
    pub qos: QoS,
    /// RETAIN flag.
    pub retain: bool,
    /// Topic Name; empty when a Topic Alias stands for it.
    pub topic: Text<'p>,
    /// Packet Identifier, present for `QoS` 1 and 2.
    pub packet_identifier: Option<u16>,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// The captured part of the payload. With the version unknown it may begin with properties.
    pub payload: &'p [u8],
    /// Payload length in bytes; more than `payload.len()` when the packet is not whole.
    pub payload_length: u32,
}

impl<'p> Publish<'p> {
    /// Topic Alias (5.0).
    #[must_use]
    pub fn topic_alias(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::TOPIC_ALIAS)
    }

    /// Message Expiry Interval in seconds (5.0).
    #[must_use]
    pub fn message_expiry_interval(&self) -> Option<u32> {
        self.properties.four_byte(PropertyId::MESSAGE_EXPIRY_INTERVAL)
    }

    /// Response Topic (5.0).
    #[must_use]
    pub fn response_topic(&self) -> Option<Text<'p>> {
        self.properties.text(PropertyId::RESPONSE_TOPIC)
    }

    /// Content Type (5.0).
    #[must_use]
    pub fn content_type(&self) -> Option<Text<'p>> {
        self.properties.text(PropertyId::CONTENT_TYPE)
    }
}

/// The DUP, `QoS` and RETAIN flags of a fixed header (MQTT 5.0 §3.3.1).
pub(super) fn flags(first_byte: u8) -> (bool, QoS, bool) {
    (first_byte & 0x08 != 0, QoS(first_byte >> 1 & 3), first_byte & 1 != 0)
}

/// Reads the part of the body that was captured. `QoS` 3 is read as `QoS` 1 and 2 are: with a
/// Packet Identifier.
#[inline]
pub(super) fn publish<'p>(raw: &RawPacket<'p>, version: Option<Version>) -> Result<Publish<'p>, Fault> {
    let (dup, qos, retain) = flags(raw.header.first_byte);
    let (rest, topic) = field("Topic Name", "MQTT-3.3.2-1", text).parse(raw.body).map_err(fault)?;
    let (rest, packet_identifier) = if qos == QoS::AT_MOST_ONCE {
        (rest, None)
    } else {
        field("Packet Identifier", "§3.3.2.2", be_u16).map(Some).parse(rest).map_err(fault)?
    };
    let (payload, properties) =
        if version == Some(Version::V5) { properties(rest).map_err(fault)? } else { (rest, Properties::default()) };
    let before = u32::try_from(raw.body.len() - payload.len()).unwrap_or(u32::MAX);
    let payload_length = raw.header.remaining_length.saturating_sub(before);
    Ok(Publish { dup, qos, retain, topic, packet_identifier, properties, payload, payload_length })
}

/// How many bytes of a PUBLISH's body, which begins with `body`, come before the payload. `None` where that does not show, and where it
/// says that the payload is UTF-8, which only all of it can keep to. Of no other packet is there a payload.
pub(super) fn before_payload(header: FixedHeader, body: &[u8], version: Option<Version>) -> Option<usize> {
    if header.packet_type() != PacketType::PUBLISH || version.is_none() {
        return None;
    }
    let publish = publish(&RawPacket { body, ..RawPacket::bare(header) }, version).ok()?;
    let is_text = publish.properties.byte(PropertyId::PAYLOAD_FORMAT_INDICATOR) == Some(1);
    (!is_text).then(|| body.len() - publish.payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_section_3_3_2() {
        // MQTT 5.0 figure 3-9: topic a/b, Packet Identifier 10, no properties.
        let bytes = [0x32, 8, 0, 3, b'a', b'/', b'b', 0, 10, 0];
        let raw = RawPacket::from_bytes(&bytes).unwrap();
        let read = publish(&raw, Some(Version::V5)).unwrap();
        assert_eq!((read.topic, read.packet_identifier), (Text(b"a/b"), Some(10)));
        assert!(read.properties.is_empty() && read.payload.is_empty());
        // The same bytes have one byte of payload in 3.1.1.
        let read = publish(&raw, Some(Version::V311)).unwrap();
        assert_eq!((read.payload, read.payload_length), (&[0][..], 1));
    }

    #[test]
    fn a_cut_packet_keeps_its_whole_length() {
        let bytes = [0x3D, 100, 0, 1, b'a', 1, 2, b'x', b'y'];
        let raw = RawPacket::from_bytes(&bytes).unwrap();
        let read = publish(&raw, Some(Version::V311)).unwrap();
        assert_eq!((read.dup, read.qos, read.retain), (true, QoS(2), true));
        assert_eq!((read.payload, read.payload_length), (&b"xy"[..], 95));
    }

    #[test]
    fn a_body_of_3_1_1_in_5_0_lacks_its_property_length() {
        let raw = RawPacket::from_bytes(&[0x30, 3, 0, 1, b'a']).unwrap();
        assert_eq!(publish(&raw, Some(Version::V5)).unwrap_err().clause, "MQTT-2.2.2-1");
    }
}
