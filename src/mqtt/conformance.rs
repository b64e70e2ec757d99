//! The rules of MQTT 3.1.1 and 5.0 that the bytes of one packet prove broken.
//!
//! Invariant: a violation is a fact about one packet, certain from its bytes alone. Rules that need
//! other packets, time, or other clients are for those who see them. Good packets cost little:
//! nothing is allocated, and strings are looked at once.

mod properties;
mod requests;
mod responses;
mod strings;

use std::borrow::Cow;

use super::{Packet, PacketType, RawPacket, Version};
use crate::stream::Side;

/// How much a violation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A curiosity.
    Curiosity,
    /// A risk that implementations do not work together.
    Risk,
    /// Normally ends the session, or loses data.
    Ends,
}

/// A rule that a packet's bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The statement of MQTT 3.1.1, when it has such a rule: `MQTT-2.3.1-1`, or a section such as `§2.2.1`.
    pub clause_v311: Option<&'static str>,
    /// The statement of MQTT 5.0, when it has such a rule.
    pub clause_v5: Option<&'static str>,
    /// How much it matters.
    pub severity: Severity,
    /// Who broke it.
    pub side: Side,
    /// What is wrong, as a sentence without its full stop.
    pub what: &'static str,
    /// The field, in the specification's words.
    pub field: &'static str,
}

impl Violation {
    /// What is wrong, with the name of the string or property that it is about.
    #[must_use]
    pub fn in_words(&self) -> Cow<'static, str> {
        let Violation { what, field, .. } = *self;
        match (what.strip_prefix("the property "), what.strip_prefix("the string ")) {
            (Some(rest), _) => format!("the property {field} {rest}").into(),
            (_, Some(rest)) => format!("the {field} {rest}").into(),
            _ => what.into(),
        }
    }

    /// The statement of a version; with the version unknown, the one of 5.0.
    #[must_use]
    pub fn clause(&self, version: Option<Version>) -> Option<&'static str> {
        match version {
            Some(Version::V31 | Version::V311) => self.clause_v311,
            Some(Version::V5) => self.clause_v5,
            None => self.clause_v5.or(self.clause_v311),
        }
    }
}

/// Where a rule stands: its clause in 3.1.1 and in 5.0.
type Clauses = (Option<&'static str>, Option<&'static str>);

/// A rule of both versions under one statement.
const fn both(clause: &'static str) -> Clauses {
    (Some(clause), Some(clause))
}

/// A rule of both versions under two statements.
const fn each(v311: &'static str, v5: &'static str) -> Clauses {
    (Some(v311), Some(v5))
}

/// A rule of 5.0 only.
const fn v5(clause: &'static str) -> Clauses {
    (None, Some(clause))
}

/// A rule of 3.x only.
const fn v3(clause: &'static str) -> Clauses {
    (Some(clause), None)
}

/// Who sent the packet under what rules, and where violations go.
struct Check<'c, F> {
    version: Option<Version>,
    sender: Side,
    on: &'c mut F,
}

impl<F: FnMut(Violation)> Check<'_, F> {
    /// Gives a violation, if the rule belongs to the version; with the version unknown, to both.
    fn say(&mut self, severity: Severity, clauses: Clauses, field: &'static str, what: &'static str) {
        let (clause_v311, clause_v5) = clauses;
        let applies = match self.version {
            Some(Version::V5) => clause_v5.is_some(),
            Some(_) => clause_v311.is_some(),
            None => clause_v311.is_some() && clause_v5.is_some(),
        };
        if applies {
            (self.on)(Violation { clause_v311, clause_v5, severity, side: self.sender, what, field });
        }
    }

    fn is_v5(&self) -> bool {
        self.version == Some(Version::V5)
    }

    fn is_v3(&self) -> bool {
        self.version.is_some_and(|version| !version.is_v5())
    }
}

/// Checks one packet. `version` is the session's; a CONNECT is held to the version it names.
pub fn check(
    raw: &RawPacket<'_>,
    packet: &Packet<'_>,
    version: Option<Version>,
    sender: Side,
    on: &mut impl FnMut(Violation),
) {
    let version = match packet {
        Packet::Connect(connect) => connect.version().or(version),
        _ => version,
    };
    let mut check = Check { version, sender, on };
    check.header(raw);
    match packet {
        Packet::Connect(connect) => check.connect(connect),
        Packet::Connack(connack) => check.connack(raw, connack),
        Packet::Publish(publish) => check.publish(raw, publish),
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
            check.acknowledgment(raw, ack);
        }
        Packet::Subscribe(subscribe) => check.subscribe(raw, subscribe),
        Packet::Suback(suback) => check.suback(suback),
        Packet::Unsubscribe(unsubscribe) => check.unsubscribe(raw, unsubscribe),
        Packet::Unsuback(unsuback) => check.unsuback(raw, unsuback),
        Packet::Pingreq | Packet::Pingresp => check.ping(raw),
        Packet::Disconnect(disconnect) => check.disconnect(raw, disconnect),
        Packet::Auth(auth) => check.auth(raw, auth),
        Packet::Reserved => {
            check.say(Severity::Ends, each("§2.2.1", "§2.1.2"), "Packet Type", "the packet type is reserved");
        }
    }
}

impl<F: FnMut(Violation)> Check<'_, F> {
    /// The fixed header: flags, direction, length encoding.
    #[inline]
    fn header(&mut self, raw: &RawPacket<'_>) {
        let kind = raw.packet_type();
        // 3.1 gives the flags of other packets than PUBLISH no fixed value.
        if self.version != Some(Version::V31)
            && let Some(flags) = kind.fixed_flags()
            && raw.header.flags() != flags
        {
            self.flags(kind);
        }
        if !kind.may_be_sent_by(self.sender, self.version) && kind.may_be_sent_by(self.sender.other(), self.version) {
            let what = match self.sender {
                Side::Client => "a client sent a packet that only a server may send",
                Side::Server => "a server sent a packet that only a client may send",
            };
            self.say(Severity::Ends, each("§2.2.1", "§2.1.2"), "Packet Type", what);
        }
        if !raw.header.is_shortest() {
            let what = "the Remaining Length uses more bytes than it needs";
            self.say(Severity::Risk, v5("MQTT-1.5.5-1"), "Remaining Length", what);
        }
    }

    fn flags(&mut self, kind: PacketType) {
        let (severity, clauses) = match kind {
            PacketType::PUBREL => (Severity::Ends, both("MQTT-3.6.1-1")),
            PacketType::SUBSCRIBE => (Severity::Ends, both("MQTT-3.8.1-1")),
            PacketType::UNSUBSCRIBE => (Severity::Ends, both("MQTT-3.10.1-1")),
            PacketType::DISCONNECT => (Severity::Ends, both("MQTT-3.14.1-1")),
            PacketType::AUTH => (Severity::Ends, v5("MQTT-3.15.1-1")),
            PacketType::RESERVED => return,
            _ => (Severity::Ends, each("MQTT-2.2.2-1", "MQTT-2.1.3-1")),
        };
        self.say(severity, clauses, "Flags", "the reserved flags of the fixed header do not have their fixed value");
    }

    /// Statement \[MQTT-2.3.1-1\] of 3.1.1, \[MQTT-2.2.1-3\] and \[MQTT-2.2.1-4\] of 5.0.
    fn packet_identifier(&mut self, packet_identifier: u16) {
        if packet_identifier == 0 {
            let clause = if self.sender == Side::Client { "MQTT-2.2.1-3" } else { "MQTT-2.2.1-4" };
            let clauses = each("MQTT-2.3.1-1", clause);
            self.say(Severity::Ends, clauses, "Packet Identifier", "the Packet Identifier is 0");
        }
    }
}

#[cfg(test)]
mod tests;
