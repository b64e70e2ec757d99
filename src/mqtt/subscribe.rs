//! SUBSCRIBE (MQTT 5.0 §3.8, 3.1.1 §3.8).

use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::property::properties;
use super::read::{Read, choose_layout, field, text};
use super::{Properties, QoS, Text, Version};

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
    /// Subscription Options byte as sent (MQTT 5.0 §3.8.3.1); requested `QoS` in bits 0 and 1.
    pub options: u8,
}

impl<'p> Subscribe<'p> {
    /// What it asks for, in order.
    pub fn requests(&self) -> impl Iterator<Item = SubscriptionRequest<'p>> + use<'p> {
        let mut unread = self.filters;
        std::iter::from_fn(move || {
            let (rest, next) = request(unread).ok()?;
            unread = rest;
            Some(next)
        })
    }

    /// Subscription Identifier (5.0).
    #[must_use]
    pub fn subscription_identifier(&self) -> Option<u32> {
        self.properties.subscription_identifiers().next()
    }
}

impl SubscriptionRequest<'_> {
    /// The `QoS` asked for.
    #[must_use]
    pub fn qos(&self) -> QoS {
        QoS(self.options & 3)
    }

    /// No Local: do not send the client its own messages (5.0).
    #[must_use]
    pub fn no_local(&self) -> bool {
        self.options & 0x04 != 0
    }

    /// Retain As Published (5.0).
    #[must_use]
    pub fn retain_as_published(&self) -> bool {
        self.options & 0x08 != 0
    }

    /// Retain Handling: 0 send, 1 send when new, 2 do not send; 3 is forbidden (5.0).
    #[must_use]
    pub fn retain_handling(&self) -> u8 {
        self.options >> 4 & 3
    }
}

/// One Topic Filter and its options.
fn request(input: &[u8]) -> Read<'_, SubscriptionRequest<'_>> {
    let (rest, filter) = field("Topic Filter", "MQTT-3.8.3-1", text).parse(input)?;
    let (rest, options) = field("Subscription Options", "§3.8.3.1", be_u8).parse(rest)?;
    Ok((rest, SubscriptionRequest { filter, options }))
}

/// Reads the body. `None` when the version is unknown and both layouts fit.
pub(super) fn subscribe(body: &[u8], version: Option<Version>) -> Option<Read<'_, Subscribe<'_>>> {
    choose_layout(version, |has_properties| subscribe_layout(body, has_properties), is_sensible)
}

/// Reads the body in one of the two layouts.
pub(super) fn subscribe_layout(body: &[u8], has_properties: bool) -> Read<'_, Subscribe<'_>> {
    let (rest, packet_identifier) = field("Packet Identifier", "§3.8.2", be_u16).parse(body)?;
    let (filters, properties) = if has_properties { properties(rest)? } else { (rest, Properties::default()) };
    let mut unread = filters;
    while !unread.is_empty() {
        (unread, _) = request(unread)?;
    }
    Ok((unread, Subscribe { packet_identifier, properties, filters }))
}

/// Whether a reading is one that a sender would write: filters of some length, well formed.
pub(super) fn is_sensible(subscribe: &Subscribe<'_>) -> bool {
    let mut count = 0;
    let sensible = |request: SubscriptionRequest<'_>| {
        count += 1;
        !request.filter.is_empty() && request.filter.is_well_formed() && request.options & 0xC3 <= 2
    };
    subscribe.requests().all(sensible) && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"\x00\x0A\x00\x03a/b\x01\x00\x03c/d\x02"; // figure 3.23 of 3.1.1
    const NEW: &[u8] = b"\x00\x0A\x00\x00\x03a/b\x01\x00\x03c/d\x02"; // figure 3-21 of 5.0

    #[test]
    fn the_examples_of_both_specifications() {
        for (body, version) in
            [(OLD, Some(Version::V311)), (NEW, Some(Version::V5)), (OLD, None), (NEW, None), (NEW, Some(Version::V311))]
        {
            let (_, read) = subscribe(body, version).unwrap().unwrap();
            assert_eq!(read.packet_identifier, 10);
            let requests: Vec<_> = read.requests().map(|r| (r.filter.0, r.qos())).collect();
            assert_eq!(requests, [(&b"a/b"[..], QoS(1)), (b"c/d", QoS(2))]);
        }
        assert!(subscribe(OLD, Some(Version::V5)).unwrap().is_err());
    }

    #[test]
    fn options_of_5_0() {
        let options = SubscriptionRequest { filter: Text(b"a"), options: 0b0010_1101 };
        assert_eq!((options.qos(), options.retain_handling()), (QoS(1), 2));
        assert!(options.no_local() && options.retain_as_published());
    }
}
