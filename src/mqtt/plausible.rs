//! How much bytes look like MQTT: to tell MQTT from other protocols.
//!
//! Invariant: nothing here says yes to bytes that a correct sender would not write. What it says
//! no to may still be MQTT of a broken sender.

use super::glance::{Glance, glance};
use super::walk::{ENOUGH, TILES, Walk};
use super::{FixedHeader, HeaderRead, Version};
use crate::stream::Side;

/// How sure it is that bytes are what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likelihood {
    /// They are not.
    No,
    /// Too few bytes to tell, and none against it.
    NeedMore,
    /// They may be: nothing against it, little for it.
    Unsure,
    /// They are.
    Certain,
}

/// Whether a client's whole stream is a CONNECT too short to hold what every CONNECT holds: `10 00`.
#[must_use]
pub fn is_stunted_connect(bytes: &[u8]) -> bool {
    /// Protocol name and level, flags, Keep Alive and an empty client id (MQTT 3.1.1 §3.1).
    const LEAST: u32 = 12;
    let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { return false };
    header.first_byte == 0x10
        && header.remaining_length < LEAST
        && usize::try_from(header.packet_length()) == Ok(bytes.len())
}

/// Whether a client's stream begins with a CONNECT: its type, a legal Remaining Length, and a
/// protocol name (MQTT 5.0 §3.1.2.1, 3.1 §3.1). [`Likelihood::Unsure`] is a CONNECT with a name that is
/// neither `MQTT` nor `MQIsdp`, but printable and short. Reserved flags that are not 0 break a rule, and are believed
/// before the exact name only.
#[must_use]
pub fn looks_like_connect(bytes: &[u8]) -> Likelihood {
    let Some(&first) = bytes.first() else {
        return Likelihood::NeedMore;
    };
    if first >> 4 != 1 {
        return Likelihood::No;
    }
    let header = match FixedHeader::read(bytes) {
        HeaderRead::Complete(header) => header,
        HeaderRead::Incomplete => return Likelihood::NeedMore,
        HeaderRead::Unframeable => return Likelihood::No,
    };
    let body = bytes.get(usize::from(header.length)..).unwrap_or_default();
    for start in [&b"\x00\x04MQTT"[..], b"\x00\x06MQIsdp"] {
        if body.starts_with(start) {
            return Likelihood::Certain;
        }
        if start.starts_with(body) && header.remaining_length >= 12 {
            return Likelihood::NeedMore;
        }
    }
    let [0, length @ 1..=23, rest @ ..] = body else {
        return if body == [0] { Likelihood::NeedMore } else { Likelihood::No };
    };
    let name = rest.get(..usize::from(*length)).unwrap_or(rest);
    if first != 0x10 || !name.iter().all(u8::is_ascii_graphic) || header.remaining_length < u32::from(*length) + 8 {
        return Likelihood::No;
    }
    if name.len() < usize::from(*length) { Likelihood::NeedMore } else { Likelihood::Unsure }
}

/// Whether a server's stream begins with a CONNACK.
#[must_use]
pub fn looks_like_connack(bytes: &[u8]) -> Likelihood {
    if bytes.first().is_some_and(|&first| first != 0x20) {
        return Likelihood::No;
    }
    match glance(bytes, Some(Side::Server), None) {
        Glance::No => Likelihood::No,
        Glance::Incomplete { .. } => Likelihood::NeedMore,
        // Four bytes are little; a property section that decodes is much.
        Glance::Plausible(look) if look.length == 4 => Likelihood::Unsure,
        Glance::Plausible(_) => Likelihood::Certain,
    }
}

/// Whether `bytes`, which begin where a segment does, are a chain of MQTT packets: to tell that a
/// connection whose begin was not captured carries MQTT.
#[must_use]
pub fn chain(bytes: &[u8], sender: impl Into<Option<Side>>, version: impl Into<Option<Version>>) -> Likelihood {
    let mut walk = Walk::new(sender.into());
    if !walk.advance(bytes, version.into()) {
        return Likelihood::No;
    }
    let tiles = walk.ends_at(bytes.len());
    let score = walk.weight + if tiles { TILES } else { 0 };
    if walk.packets == 0 {
        Likelihood::NeedMore
    } else if score >= ENOUGH && (walk.packets > 1 || tiles) && (walk.strong > 0 || walk.packets > 2) {
        Likelihood::Certain
    } else {
        Likelihood::Unsure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connects() {
        let connect = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
        for cut in 0..8 {
            assert_eq!(looks_like_connect(&connect[..cut]), Likelihood::NeedMore, "{cut}");
        }
        assert_eq!(looks_like_connect(connect), Likelihood::Certain);
        assert_eq!(looks_like_connect(b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01c"), Likelihood::Certain);
        assert_eq!(looks_like_connect(b"\x10\x0D\x00\x04mqtt\x04\x02\x00\x3C\x00\x01c"), Likelihood::Unsure);
        assert_eq!(looks_like_connect(b"\x11\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c"), Likelihood::Certain);
        assert_eq!(looks_like_connect(b"\x11\x0D\x00\x04mqtt\x04\x02\x00\x3C\x00\x01c"), Likelihood::No);
        assert_eq!(looks_like_connect(b"\x16\x03\x01\x02\x00"), Likelihood::No);
        assert_eq!(looks_like_connect(b"GET / HTTP/1.1"), Likelihood::No);
        assert_eq!(looks_like_connect(&[0x10, 0xFF, 0xFF, 0xFF, 0xFF]), Likelihood::No);
    }

    #[test]
    fn connacks() {
        assert_eq!(looks_like_connack(&[0x20, 2, 0, 0]), Likelihood::Unsure);
        assert_eq!(looks_like_connack(&[0x20, 3, 0, 0, 0]), Likelihood::Certain);
        assert_eq!(looks_like_connack(&[0x20, 2, 0]), Likelihood::NeedMore);
        assert_eq!(looks_like_connack(&[0x20, 2, 7, 0]), Likelihood::No);
    }

    #[test]
    fn chains_of_other_protocols_and_patterns_are_not_mqtt() {
        for bytes in [&[0u8; 64][..], &[0x30; 64], &[0xFF; 64], &[0x40; 64], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            assert_eq!(chain(bytes, None, None), Likelihood::No);
        }
        assert_ne!(chain(&[0xC0, 0].repeat(40), None, None), Likelihood::Certain);
        assert_ne!(chain(&[0x40, 2].repeat(40), None, None), Likelihood::Certain);
        let publish = b"\x30\x08\x00\x03a/bxyz";
        assert_eq!(chain(&publish.repeat(2), None, None), Likelihood::Certain);
        assert_eq!(chain(publish, Side::Client, Version::V311), Likelihood::Unsure);
    }
}
