//! UNSUBSCRIBE (MQTT 5.0 §3.10, 3.1.1 §3.10).

use nom::Parser;
use nom::number::complete::be_u16;

use super::property::properties;
use super::read::{Read, choose_layout, field, text};
use super::{Properties, Text, Version};

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

impl<'p> Unsubscribe<'p> {
    /// The Topic Filters, in order.
    pub fn filters(&self) -> impl Iterator<Item = Text<'p>> + use<'p> {
        let mut unread = self.filters;
        std::iter::from_fn(move || {
            let (rest, next) = filter(unread).ok()?;
            unread = rest;
            Some(next)
        })
    }
}

fn filter(input: &[u8]) -> Read<'_, Text<'_>> {
    field("Topic Filter", "MQTT-3.10.3-1", text).parse(input)
}

/// Reads the body. `None` when the version is unknown and both layouts fit.
pub(super) fn unsubscribe(body: &[u8], version: Option<Version>) -> Option<Read<'_, Unsubscribe<'_>>> {
    choose_layout(version, |has_properties| unsubscribe_layout(body, has_properties), is_sensible)
}

/// Reads the body in one of the two layouts.
pub(super) fn unsubscribe_layout(body: &[u8], has_properties: bool) -> Read<'_, Unsubscribe<'_>> {
    let (rest, packet_identifier) = field("Packet Identifier", "§3.10.2", be_u16).parse(body)?;
    let (filters, properties) = if has_properties { properties(rest)? } else { (rest, Properties::default()) };
    let mut unread = filters;
    while !unread.is_empty() {
        (unread, _) = filter(unread)?;
    }
    Ok((unread, Unsubscribe { packet_identifier, properties, filters }))
}

/// Whether a reading is one that a sender would write.
pub(super) fn is_sensible(unsubscribe: &Unsubscribe<'_>) -> bool {
    let mut count = 0;
    let sensible = |filter: Text<'_>| {
        count += 1;
        !filter.is_empty() && filter.is_well_formed()
    };
    unsubscribe.filters().all(sensible) && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_section_3_10() {
        let old = b"\x00\x0A\x00\x03a/b\x00\x03c/d";
        let new = b"\x00\x0A\x00\x00\x03a/b\x00\x03c/d";
        for (body, version) in [(&old[..], Some(Version::V311)), (new, Some(Version::V5)), (old, None), (new, None)] {
            let (_, read) = unsubscribe(body, version).unwrap().unwrap();
            assert_eq!(read.filters().collect::<Vec<_>>(), [Text(b"a/b"), Text(b"c/d")]);
        }
    }
}
