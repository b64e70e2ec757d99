//! SUBACK and UNSUBACK (MQTT 5.0 §3.9, §3.11; 3.1.1 likewise): one layout.

use nom::Parser;
use nom::number::complete::be_u16;

use super::property::properties;
use super::read::{Read, field};
use super::{Properties, ReasonCode, Version};

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

impl<'p> Suback<'p> {
    /// The codes, one for each filter of the request.
    pub fn reason_codes(&self) -> impl Iterator<Item = ReasonCode> + use<'p> {
        self.codes.iter().copied().map(ReasonCode)
    }
}

/// Reads the body of a SUBACK. `None` when the version is unknown and both layouts fit.
pub(super) fn suback(body: &[u8], version: Option<Version>) -> Option<Read<'_, Suback<'_>>> {
    match version {
        Some(Version::V5) => Some(suback_layout(body, true)),
        Some(_) => Some(suback_layout(body, false)),
        None => {
            let old = suback_layout(body, false);
            let new = suback_layout(body, true);
            let old_fits = old.as_ref().is_ok_and(|(_, read)| has_codes_of_3_1_1(read));
            let new_fits = new.as_ref().is_ok_and(|(_, read)| has_codes_of_5_0(read));
            match (old_fits, new_fits) {
                (true, false) => Some(old),
                (false, true) => Some(new),
                (true, true) => None,
                (false, false) => old.is_err().then_some(old),
            }
        }
    }
}

/// Reads the body of an UNSUBACK. Only 5.0 has more than two bytes.
pub(super) fn unsuback(body: &[u8], version: Option<Version>) -> Read<'_, Suback<'_>> {
    if version == Some(Version::V5) {
        return suback_layout(body, true);
    }
    let (rest, old) = suback_layout(body, false)?;
    if old.codes.is_empty() {
        return Ok((rest, old));
    }
    suback_layout(body, true).or(Ok((rest, Suback { codes: &[], ..old })))
}

/// Reads the body in one of the two layouts.
pub(super) fn suback_layout(body: &[u8], has_properties: bool) -> Read<'_, Suback<'_>> {
    let (rest, packet_identifier) = field("Packet Identifier", "§3.9.2", be_u16).parse(body)?;
    let (codes, properties) = if has_properties { properties(rest)? } else { (rest, Properties::default()) };
    Ok((&[], Suback { packet_identifier, properties, codes }))
}

/// Whether the codes are those of a SUBACK of 3.1.1.
pub(super) fn has_codes_of_3_1_1(suback: &Suback<'_>) -> bool {
    !suback.codes.is_empty() && suback.codes.iter().all(|code| matches!(code, 0..=2 | 0x80))
}

/// Whether the codes are those of a SUBACK of 5.0.
pub(super) fn has_codes_of_5_0(suback: &Suback<'_>) -> bool {
    use super::PacketType;
    use crate::stream::Side;
    !suback.codes.is_empty() && suback.reason_codes().all(|code| code.is_allowed(PacketType::SUBACK, Side::Server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let (_, read) = suback(&[0, 10, 0, 2, 0x80], Some(Version::V311)).unwrap().unwrap();
        assert_eq!(read.codes, [0, 2, 0x80]);
        let (_, read) = suback(&[0, 10, 0, 2, 0x80], Some(Version::V5)).unwrap().unwrap();
        assert_eq!(read.codes, [2, 0x80]);
        assert!(suback(&[0, 10, 0, 2, 0x80], None).is_none());
        let (_, read) = suback(&[0, 10, 1], None).unwrap().unwrap();
        assert_eq!(read.codes, [1]);
        let (_, read) = suback(&[0, 10, 0, 0x87], None).unwrap().unwrap();
        assert_eq!(read.codes, [0x87]);
        assert!(suback(&[0, 10], Some(Version::V5)).unwrap().is_err());
    }

    #[test]
    fn unsuback_of_both_versions() {
        let (_, read) = unsuback(&[0, 10], Some(Version::V311)).unwrap();
        assert!(read.codes.is_empty());
        let (_, read) = unsuback(&[0, 10, 0, 0x11], None).unwrap();
        assert_eq!(read.codes, [0x11]);
        assert!(unsuback(&[0, 10], Some(Version::V5)).is_err());
    }
}
