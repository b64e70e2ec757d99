//! CONNACK (MQTT 5.0 §3.2, 3.1.1 §3.2): the server's answer to CONNECT.

use nom::Parser;
use nom::number::complete::be_u8;

use super::property::properties;
use super::read::{Read, end, field};
use super::{Properties, PropertyId, QoS, ReasonCode, Text, Version};

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

impl<'p> Connack<'p> {
    /// Session Present (3.1.1 and 5.0; always 0 in 3.1).
    #[must_use]
    pub fn session_present(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the connection was accepted.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.reason_code == ReasonCode::SUCCESS
    }

    /// Session Expiry Interval in seconds, when the server overrides the client's (5.0).
    #[must_use]
    pub fn session_expiry_interval(&self) -> Option<u32> {
        self.properties.session_expiry_interval()
    }

    /// Receive Maximum, 65,535 when absent (5.0).
    #[must_use]
    pub fn receive_maximum(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::RECEIVE_MAXIMUM)
    }

    /// Maximum `QoS`: 0 or 1; 2 when absent (5.0).
    #[must_use]
    pub fn maximum_qos(&self) -> Option<QoS> {
        self.properties.byte(PropertyId::MAXIMUM_QOS).map(QoS)
    }

    /// Retain Available, true when absent (5.0).
    #[must_use]
    pub fn retain_available(&self) -> Option<bool> {
        self.available(PropertyId::RETAIN_AVAILABLE)
    }

    /// Maximum Packet Size in bytes (5.0).
    #[must_use]
    pub fn maximum_packet_size(&self) -> Option<u32> {
        self.properties.four_byte(PropertyId::MAXIMUM_PACKET_SIZE)
    }

    /// Assigned Client Identifier (5.0).
    #[must_use]
    pub fn assigned_client_identifier(&self) -> Option<Text<'p>> {
        self.properties.text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER)
    }

    /// Topic Alias Maximum, 0 when absent (5.0).
    #[must_use]
    pub fn topic_alias_maximum(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::TOPIC_ALIAS_MAXIMUM)
    }

    /// Wildcard Subscription Available, true when absent (5.0).
    #[must_use]
    pub fn wildcard_subscription_available(&self) -> Option<bool> {
        self.available(PropertyId::WILDCARD_SUBSCRIPTION_AVAILABLE)
    }

    /// Subscription Identifier Available, true when absent (5.0).
    #[must_use]
    pub fn subscription_identifier_available(&self) -> Option<bool> {
        self.available(PropertyId::SUBSCRIPTION_IDENTIFIER_AVAILABLE)
    }

    /// Shared Subscription Available, true when absent (5.0).
    #[must_use]
    pub fn shared_subscription_available(&self) -> Option<bool> {
        self.available(PropertyId::SHARED_SUBSCRIPTION_AVAILABLE)
    }

    /// Server Keep Alive in seconds: it replaces the client's Keep Alive (5.0).
    #[must_use]
    pub fn server_keep_alive(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::SERVER_KEEP_ALIVE)
    }

    /// Response Information (5.0).
    #[must_use]
    pub fn response_information(&self) -> Option<Text<'p>> {
        self.properties.text(PropertyId::RESPONSE_INFORMATION)
    }

    /// Server Reference: another server to use (5.0).
    #[must_use]
    pub fn server_reference(&self) -> Option<Text<'p>> {
        self.properties.server_reference()
    }

    /// Authentication Method (5.0).
    #[must_use]
    pub fn authentication_method(&self) -> Option<Text<'p>> {
        self.properties.authentication_method()
    }

    fn available(&self, id: PropertyId) -> Option<bool> {
        self.properties.byte(id).map(|value| value != 0)
    }
}

/// Reads the body.
///
/// Two bytes are read in every version: a server without 5.0 answers a 5.0 client so. Properties
/// are read wherever they decode, so that a 5.0 answer to a 3.x client keeps its code; only in
/// 5.0 must they.
pub(super) fn connack(body: &[u8], version: Option<Version>) -> Read<'_, Connack<'_>> {
    let (rest, flags) = field("Connect Acknowledge Flags", "§3.2.2.1", be_u8).parse(body)?;
    // As the specification of the version calls it.
    let (name, clause) = match version {
        Some(Version::V31 | Version::V311) => ("Connect Return code", "§3.2.2.3"),
        _ => ("Connect Reason Code", "§3.2.2.2"),
    };
    let (rest, reason_code) = field(name, clause, be_u8.map(ReasonCode)).parse(rest)?;
    let bare = Connack { flags, reason_code, properties: Properties::default() };
    if rest.is_empty() {
        return Ok((rest, bare));
    }
    let read = properties(rest).and_then(|(rest, properties)| {
        end("Connect Acknowledge Flags", "§3.2.2", rest)?;
        Ok((rest, Connack { properties, ..bare }))
    });
    if version == Some(Version::V5) { read } else { read.or(Ok((&[], bare))) }
}

#[cfg(test)]
mod tests {
    use super::super::read::fault;
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_its_version_does() {
        let missing = |version| fault(connack(&[0], Some(version)).unwrap_err()).field;
        assert_eq!(missing(Version::V311), "Connect Return code");
        assert_eq!(missing(Version::V5), "Connect Reason Code");
    }

    #[test]
    fn short_answers_in_every_version() {
        for version in [None, Some(Version::V31), Some(Version::V311), Some(Version::V5)] {
            let (_, read) = connack(&[1, 0], version).unwrap();
            assert!(read.session_present() && read.accepted());
            let (_, read) = connack(&[0, 0x84, 0], version).unwrap();
            assert_eq!(read.reason_code, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
            assert!(connack(&[0], version).is_err());
        }
    }

    #[test]
    fn bytes_after_the_code_must_decode_in_5_0_only() {
        assert!(connack(&[0, 0, 5], Some(Version::V5)).is_err());
        assert!(connack(&[0, 0, 5], Some(Version::V311)).is_ok());
        assert!(connack(&[0, 0, 0, 9], Some(Version::V5)).is_err());
    }

    #[test]
    fn properties_of_a_refusal() {
        let (_, read) = connack(b"\x00\x87\x08\x1F\x00\x05token", Some(Version::V5)).unwrap();
        assert_eq!(read.properties.reason_string(), Some(Text(b"token")));
        let (_, read) = connack(&[0, 0, 5, 0x13, 0, 30, 0x24, 1], Some(Version::V5)).unwrap();
        assert_eq!((read.server_keep_alive(), read.maximum_qos()), (Some(30), Some(QoS(1))));
    }
}
