//! PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5.0 §3.4 to §3.7, 3.1.1 likewise): one layout.

use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::property::properties;
use super::read::{Read, end, field};
use super::{Properties, ReasonCode, Version};

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

/// Reads the body: a Remaining Length of 2 omits the Reason Code, of 3 the Property Length
/// (MQTT 5.0 §3.4.2.1, §3.4.2.2.1).
///
/// Only 5.0 has more than two bytes, so they are read as 5.0 whatever the version is thought to be.
#[inline]
pub(super) fn acknowledgment(body: &[u8], version: Option<Version>) -> Read<'_, Acknowledgment<'_>> {
    let (rest, packet_identifier) = field("Packet Identifier", "§2.2.1", be_u16).parse(body)?;
    let bare = Acknowledgment { packet_identifier, reason_code: None, properties: Properties::default() };
    if rest.is_empty() {
        return Ok((rest, bare));
    }
    let (rest, reason_code) = field("Reason Code", "§3.4.2.1", be_u8.map(ReasonCode)).parse(rest)?;
    let coded = Acknowledgment { reason_code: Some(reason_code), ..bare };
    if rest.is_empty() {
        return Ok((rest, coded));
    }
    let read = properties(rest).and_then(|(rest, properties)| {
        end("Properties", "§3.4.2.2", rest)?;
        Ok((rest, Acknowledgment { properties, ..coded }))
    });
    if version == Some(Version::V5) { read } else { read.or(Ok((&[], bare))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_short_form() {
        let v5 = Some(Version::V5);
        let (_, read) = acknowledgment(&[0x12, 0x34], v5).unwrap();
        assert_eq!((read.packet_identifier, read.reason_code), (0x1234, None));
        let (_, read) = acknowledgment(&[0, 1, 0x10], v5).unwrap();
        assert_eq!(read.reason_code, Some(ReasonCode::NO_MATCHING_SUBSCRIBERS));
        let (_, read) = acknowledgment(&[0, 1, 0x87, 0], v5).unwrap();
        assert!(read.properties.is_empty());
        let (_, read) = acknowledgment(b"\x00\x01\x87\x05\x1F\x00\x02no", v5).unwrap();
        assert_eq!(read.properties.reason_string().unwrap().0, b"no");
    }

    #[test]
    fn bad_forms() {
        let v5 = Some(Version::V5);
        assert!(acknowledgment(&[0], v5).is_err());
        assert!(acknowledgment(&[0, 1, 0, 1], v5).is_err());
        assert!(acknowledgment(&[0, 1, 0, 0, 0], v5).is_err());
        // Nonsense after the identifier does not hide it on a 3.1.1 session.
        let (_, read) = acknowledgment(&[0, 1, 0, 0, 0], Some(Version::V311)).unwrap();
        assert_eq!((read.packet_identifier, read.reason_code), (1, None));
        let (_, read) = acknowledgment(&[0, 1, 0x87], Some(Version::V311)).unwrap();
        assert_eq!(read.reason_code, Some(ReasonCode::NOT_AUTHORIZED));
    }
}
