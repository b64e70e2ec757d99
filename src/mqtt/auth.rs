//! AUTH (MQTT 5.0 §3.15).

use nom::Parser;
use nom::number::complete::be_u8;

use super::property::properties;
use super::read::{Read, end, field};
use super::{Properties, PropertyId, ReasonCode, Text};

/// AUTH (MQTT 5.0 §3.15).
#[derive(Clone, Copy, Debug)]
pub struct Auth<'p> {
    /// Reason Code, `None` when omitted (it then means Success).
    pub reason_code: Option<ReasonCode>,
    /// Properties.
    pub properties: Properties<'p>,
}

impl<'p> Auth<'p> {
    /// Authentication Method; its absence is a Protocol Error (§3.15.2.2.2).
    #[must_use]
    pub fn authentication_method(&self) -> Option<Text<'p>> {
        self.properties.authentication_method()
    }

    /// Authentication Data. Never shown unless asked for.
    #[must_use]
    pub fn authentication_data(&self) -> Option<&'p [u8]> {
        self.properties.binary(PropertyId::AUTHENTICATION_DATA)
    }
}

/// Reads the body: a Remaining Length of 0 omits all of it (§3.15.2.1). A code alone is read too.
pub(super) fn auth(body: &[u8]) -> Read<'_, Auth<'_>> {
    let bare = Auth { reason_code: None, properties: Properties::default() };
    if body.is_empty() {
        return Ok((body, bare));
    }
    let (rest, reason_code) = field("Authenticate Reason Code", "§3.15.2.1", be_u8.map(ReasonCode)).parse(body)?;
    let coded = Auth { reason_code: Some(reason_code), ..bare };
    if rest.is_empty() {
        return Ok((rest, coded));
    }
    let (rest, properties) = properties(rest)?;
    end("Properties", "§3.15.2.2", rest)?;
    Ok((rest, Auth { properties, ..coded }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(auth(&[]).unwrap().1.reason_code, None);
        let (_, read) = auth(b"\x18\x08\x15\x00\x05SCRAM").unwrap();
        assert_eq!(read.reason_code, Some(ReasonCode::CONTINUE_AUTHENTICATION));
        assert_eq!(read.authentication_method(), Some(Text(b"SCRAM")));
        assert!(auth(&[0x18, 3]).is_err());
    }
}
