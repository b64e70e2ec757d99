//! Tells the version of a session whose CONNECT was not captured.
//!
//! Invariant: only decisive evidence counts: a packet that one version alone can have written.
//! 3.1 and 3.1.1 write the same packets after CONNECT, so that 3.1.1 stands for both.

use super::publish::publish;
use super::read::Read;
use super::suback::{has_codes_of_3_1_1, has_codes_of_5_0, suback_layout};
use super::subscribe::subscribe_layout;
use super::unsubscribe::unsubscribe_layout;
use super::{Packet, PacketType, QoS, RawPacket, Text, Version, parse, subscribe, unsubscribe};
use crate::stream::Side;

/// PUBLISH packets with properties that fit exactly, enough to believe that they are properties.
const FITTING: u32 = 2;
/// PUBLISH packets with a zero byte before a text, enough to believe that it is a Property Length.
const ZERO_THEN_TEXT: u32 = 4;

/// What the packets of both directions say about the version.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionEvidence {
    connect: Option<Version>,
    old: Option<&'static str>,
    new: Option<&'static str>,
    fitting: u32,
    zero_then_text: u32,
}

impl VersionEvidence {
    /// No evidence yet.
    #[must_use]
    pub fn new() -> VersionEvidence {
        VersionEvidence::default()
    }

    /// Takes a packet into account. Packets that are not whole say nothing.
    pub fn observe(&mut self, raw: &RawPacket<'_>, sender: impl Into<Option<Side>>) {
        if raw.missing.is_some() || self.connect.is_some() {
            return;
        }
        let body = raw.body;
        match raw.packet_type() {
            PacketType::CONNECT => {
                if let Ok(Packet::Connect(connect)) = parse(raw, None) {
                    self.connect = connect.version();
                }
            }
            PacketType::CONNACK => self.observe_connack(raw),
            PacketType::PUBLISH => self.observe_publish(raw),
            PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP
                if body.len() > 2 && is_read_as_v5(raw) =>
            {
                self.is_new("an acknowledgment carries a reason code");
            }
            PacketType::SUBSCRIBE => {
                let fits = |new| fits(subscribe_layout(body, new), subscribe::is_sensible);
                self.compare(fits(false), fits(true), "a SUBSCRIBE has the layout of that version only");
            }
            PacketType::UNSUBSCRIBE => {
                let fits = |new| fits(unsubscribe_layout(body, new), unsubscribe::is_sensible);
                self.compare(fits(false), fits(true), "an UNSUBSCRIBE has the layout of that version only");
            }
            PacketType::SUBACK => {
                let old = fits(suback_layout(body, false), has_codes_of_3_1_1);
                let new = fits(suback_layout(body, true), has_codes_of_5_0);
                self.compare(old, new, "a SUBACK has the layout of that version only");
            }
            PacketType::UNSUBACK if body.len() == 2 => {
                self.is_old("an UNSUBACK carries no reason code");
            }
            PacketType::UNSUBACK if is_read_as_v5(raw) => {
                self.is_new("an UNSUBACK carries a reason code");
            }
            PacketType::DISCONNECT => {
                if sender.into() == Some(Side::Server) {
                    self.is_new("the server sent a DISCONNECT");
                } else if !body.is_empty() && is_read_as_v5(raw) {
                    self.is_new("a DISCONNECT carries a reason code");
                }
            }
            PacketType::AUTH if is_read_as_v5(raw) => self.is_new("there is an AUTH packet"),
            _ => {}
        }
    }

    /// The version, and the evidence in plain words. `None` without evidence, or when packets
    /// contradict each other.
    #[must_use]
    pub fn verdict(&self) -> Option<(Version, &'static str)> {
        if let Some(version) = self.connect {
            return Some((version, "the CONNECT says so"));
        }
        match (self.old, self.new) {
            (Some(why), None) => Some((Version::V311, why)),
            (None, Some(why)) => Some((Version::V5, why)),
            (None, None) if self.fitting >= FITTING => Some((Version::V5, "several PUBLISH packets carry properties")),
            (None, None) if self.zero_then_text >= ZERO_THEN_TEXT => {
                Some((Version::V5, "every PUBLISH has an empty property section before its payload"))
            }
            _ => None,
        }
    }

    fn is_old(&mut self, why: &'static str) {
        self.old.get_or_insert(why);
    }

    fn is_new(&mut self, why: &'static str) {
        self.new.get_or_insert(why);
    }

    fn compare(&mut self, old: bool, new: bool, why: &'static str) {
        match (old, new) {
            (true, false) => self.is_old(why),
            (false, true) => self.is_new(why),
            _ => {}
        }
    }

    /// The first answer of a connection: a 5.0 one has a Property Length. A refusal in the old form
    /// may answer a 5.0 client, and says nothing.
    fn observe_connack(&mut self, raw: &RawPacket<'_>) {
        match raw.body {
            [_, 0] => self.is_old("the CONNACK accepts without a Property Length"),
            [_, _, _, ..] if is_read_as_v5(raw) => self.is_new("the CONNACK carries properties"),
            _ => {}
        }
    }

    /// A PUBLISH of 5.0 has a property section; in 3.x a payload seldom decodes as one.
    fn observe_publish(&mut self, raw: &RawPacket<'_>) {
        let Ok(old) = publish(raw, None) else {
            return;
        };
        if old.qos == QoS::RESERVED || !old.topic.is_well_formed() {
            return;
        }
        match publish(raw, Some(Version::V5)) {
            Ok(new) if new.properties.is_empty() => {
                let text = !new.payload.is_empty() && Text(new.payload).is_well_formed();
                if text && new.payload.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace()) {
                    self.zero_then_text = self.zero_then_text.saturating_add(1);
                }
            }
            Ok(new) if new.properties.iter().all(|property| property.id.allowed_in(PacketType::PUBLISH)) => {
                if old.topic.is_empty() && new.topic_alias().is_some() {
                    self.is_new("a PUBLISH has a Topic Alias in place of its topic");
                }
                self.fitting = self.fitting.saturating_add(1);
            }
            // An empty topic name is not for 3.x: this is a broken 5.0 packet.
            _ if old.topic.is_empty() => {}
            _ => self.is_old("a PUBLISH has no property section"),
        }
    }
}

/// Whether a layout fits, with a body that a sender would write.
fn fits<T>(read: Read<'_, T>, is_sensible: impl Fn(&T) -> bool) -> bool {
    read.is_ok_and(|(_, body)| is_sensible(&body))
}

fn is_read_as_v5(raw: &RawPacket<'_>) -> bool {
    parse(raw, Some(Version::V5)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(packets: &[&[u8]]) -> Option<Version> {
        let mut evidence = VersionEvidence::new();
        for bytes in packets {
            evidence.observe(&RawPacket::from_bytes(bytes).unwrap(), None);
        }
        evidence.verdict().map(|(version, _)| version)
    }

    #[test]
    fn decisive_packets() {
        let (old, new) = (Some(Version::V311), Some(Version::V5));
        assert_eq!(verdict(&[b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01c"]), Some(Version::V31));
        assert_eq!(verdict(&[&[0x20, 2, 0, 0]]), old);
        assert_eq!(verdict(&[&[0x20, 3, 0, 0, 0]]), new);
        assert_eq!(verdict(&[&[0x40, 3, 0, 1, 0]]), new);
        assert_eq!(verdict(&[&[0xB0, 2, 0, 1]]), old);
        assert_eq!(verdict(&[&[0xB0, 4, 0, 1, 0, 0]]), new);
        assert_eq!(verdict(&[&[0x90, 3, 0, 1, 2]]), old);
        assert_eq!(verdict(&[b"\x82\x08\x00\x01\x00\x03a/b\x00"]), old);
        assert_eq!(verdict(&[b"\x82\x09\x00\x01\x00\x00\x03a/b\x00"]), new);
        assert_eq!(verdict(&[b"\x30\x07\x00\x03a/b{}"]), old);
        assert_eq!(verdict(&[&b"\x30\x08\x00\x03a/b\x00{}"[..]; 4]), new);
        assert_eq!(verdict(&[&b"\x30\x0A\x00\x03a/b\x02\x01\x01hi"[..]; 2]), new);
        assert_eq!(verdict(&[b"\x30\x08\x00\x00\x03\x23\x00\x01hi"]), new);
    }

    #[test]
    fn what_fits_both_says_nothing() {
        assert_eq!(verdict(&[&[0x40, 2, 0, 1], &[0xC0, 0], &[0xE0, 0], &[0x90, 4, 0, 1, 0, 1]]), None);
        assert_eq!(verdict(&[&[0x20, 2, 0, 5]]), None);
        assert_eq!(verdict(&[&b"\x30\x08\x00\x03a/b\x00{}"[..]; 3]), None);
        assert_eq!(verdict(&[&[0xB0, 2, 0, 1], &[0x40, 3, 0, 1, 0]]), None);
        assert_eq!(verdict(&[b"\x30\x0A\x00\x02ab\x03\x23\x00\x01hi"]), None);
    }
}
