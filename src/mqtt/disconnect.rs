//! DISCONNECT (MQTT 5.0 §3.14, 3.1.1 §3.14).

use nom::Parser;
use nom::number::complete::be_u8;

use super::property::properties;
use super::read::{Read, end, field};
use super::{Properties, ReasonCode, Text, Version};

/// DISCONNECT (MQTT 5.0 §3.14).
#[derive(Clone, Copy, Debug)]
pub struct Disconnect<'p> {
    /// Reason Code, `None` when omitted (it then means Normal disconnection) or in 3.x.
    pub reason_code: Option<ReasonCode>,
    /// Properties (5.0).
    pub properties: Properties<'p>,
}

impl<'p> Disconnect<'p> {
    /// Session Expiry Interval in seconds; only a client may send it (5.0).
    #[must_use]
    pub fn session_expiry_interval(&self) -> Option<u32> {
        self.properties.session_expiry_interval()
    }

    /// Server Reference: another server to use (5.0).
    #[must_use]
    pub fn server_reference(&self) -> Option<Text<'p>> {
        self.properties.server_reference()
    }
}

/// Reads the body: a Remaining Length of 0 omits the Reason Code, of 1 the Property Length
/// (MQTT 5.0 §3.14.2.1, §3.14.2.2.1). In 3.x there is nothing to read: a body there has no meaning (3.1.1 §3.14).
pub(super) fn disconnect(body: &[u8], version: Option<Version>) -> Read<'_, Disconnect<'_>> {
    let bare = Disconnect { reason_code: None, properties: Properties::default() };
    if body.is_empty() || version.is_some_and(|version| !version.is_v5()) {
        return Ok((&[], bare));
    }
    let (rest, reason_code) = field("Disconnect Reason Code", "§3.14.2.1", be_u8.map(ReasonCode)).parse(body)?;
    let coded = Disconnect { reason_code: Some(reason_code), ..bare };
    if rest.is_empty() {
        return Ok((rest, coded));
    }
    let read = properties(rest).and_then(|(rest, properties)| {
        end("Properties", "§3.14.2.2", rest)?;
        Ok((rest, Disconnect { properties, ..coded }))
    });
    if version == Some(Version::V5) { read } else { read.or(Ok((&[], bare))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_short_form() {
        let v5 = Some(Version::V5);
        assert_eq!(disconnect(&[], v5).unwrap().1.reason_code, None);
        assert_eq!(disconnect(&[0x8E], v5).unwrap().1.reason_code, Some(ReasonCode::SESSION_TAKEN_OVER));
        assert_eq!(disconnect(&[0x04, 0], v5).unwrap().1.reason_code, Some(ReasonCode(4)));
        let (_, read) = disconnect(&[0, 5, 0x11, 0, 0, 0, 9], v5).unwrap();
        assert_eq!(read.session_expiry_interval(), Some(9));
        assert!(disconnect(&[0, 1], v5).is_err());
        assert!(disconnect(&[0, 1], None).unwrap().1.reason_code.is_none());
    }

    #[test]
    fn a_body_means_nothing_in_3_x() {
        for body in [&[0x78][..], &[0x8E, 0], &[0x04, 7]] {
            for version in [Version::V31, Version::V311] {
                assert_eq!(disconnect(body, Some(version)).unwrap().1.reason_code, None);
            }
        }
        // Only a sender of 5.0 can have written it.
        assert_eq!(disconnect(&[0x8E, 0], None).unwrap().1.reason_code, Some(ReasonCode(0x8E)));
    }
}
