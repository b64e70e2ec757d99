//! Rules on the packets that answer, and on PINGREQ, DISCONNECT and AUTH.

use super::properties::Place;
use super::{Check, Clauses, Severity, Violation, both, each, v3, v5};
use crate::mqtt::{Acknowledgment, Auth, Connack, Disconnect, PacketType, RawPacket, ReasonCode, Suback, Version};
use crate::stream::Side;

/// A packet of 3.x that has what only 5.0 has.
const FORM_OF_5_0: &str = "the packet is in the form of MQTT 5.0: it is longer than MQTT 3.x allows";

/// A packet that ends with its fixed header.
const BODY: &str = "the packet has a body, which it must not have";

impl<F: FnMut(Violation)> Check<'_, F> {
    pub(super) fn connack(&mut self, raw: &RawPacket<'_>, connack: &Connack<'_>) {
        const CODE: &str = "Connect Reason Code";
        let code = connack.reason_code;
        // 3.1 calls the first byte reserved and gives it no meaning.
        let old = self.version == Some(Version::V31);
        if connack.flags > 1 && !old {
            let clauses = each("§3.2.2.1", "MQTT-3.2.2-1");
            self.say(Severity::Ends, clauses, "Connect Acknowledge Flags", "reserved acknowledge flags are not 0");
        }
        if connack.session_present() && !connack.accepted() && !old {
            let clauses = each("MQTT-3.2.2-4", "MQTT-3.2.2-6");
            let what = "Session Present is 1 although the connection is refused";
            self.say(Severity::Curiosity, clauses, "Session Present", what);
        }
        // A broker of 3.x refuses a newer version in its own form, as its own standard asks (MQTT-3.1.2-2).
        let of_3_x = raw.header.remaining_length == 2 && code.0 == 1;
        if self.is_v5() && !of_3_x {
            if raw.header.remaining_length == 2 {
                let what = "the packet ends before its Property Length: it is in the form of MQTT 3.x";
                self.say(Severity::Ends, v5("MQTT-2.2.2-1"), "Property Length", what);
            }
            if !code.is_allowed(PacketType::CONNACK, Side::Server) {
                let what = "the reason code is not one that a CONNACK may carry";
                self.say(Severity::Risk, v5("MQTT-3.2.2-8"), CODE, what);
            }
        } else if !self.is_v5() && code.0 > 5 {
            let what = "the return code is not one that MQTT 3.x defines";
            self.say(Severity::Risk, v3("MQTT-3.2.2-6"), "Connect Return code", what);
        }
        self.length_of_3_x(raw, 2, "§3.2.1");
        self.properties(connack.properties, Place::Packet(PacketType::CONNACK));
    }

    #[inline]
    pub(super) fn acknowledgment(&mut self, raw: &RawPacket<'_>, ack: &Acknowledgment<'_>) {
        let kind = raw.packet_type();
        if raw.body.len() == 2 {
            return;
        }
        let (clause, section) = match kind {
            PacketType::PUBACK => ("MQTT-3.4.2-1", "§3.4.1"),
            PacketType::PUBREC => ("MQTT-3.5.2-1", "§3.5.1"),
            PacketType::PUBREL => ("MQTT-3.6.2-1", "§3.6.1"),
            _ => ("MQTT-3.7.2-1", "§3.7.1"),
        };
        self.length_of_3_x(raw, 2, section);
        if let Some(code) = ack.reason_code {
            self.reason_code(code, kind, v5(clause));
        }
        self.properties(ack.properties, Place::Packet(kind));
    }

    pub(super) fn suback(&mut self, suback: &Suback<'_>) {
        const FIELD: &str = "Reason Codes";
        self.properties(suback.properties, Place::Packet(PacketType::SUBACK));
        if suback.codes.is_empty() {
            let clauses = each("MQTT-3.8.4-5", "MQTT-3.8.4-6");
            self.say(Severity::Ends, clauses, FIELD, "the SUBACK holds no code");
        }
        if self.is_v5() {
            if !suback.reason_codes().all(|code| code.is_allowed(PacketType::SUBACK, Side::Server)) {
                let what = "a reason code is not one that a SUBACK may carry";
                self.say(Severity::Risk, v5("MQTT-3.9.3-2"), FIELD, what);
            }
        } else if !suback.codes.iter().all(|code| matches!(code, 0..=2 | 0x80)) {
            let what = "a return code is none of 0x00, 0x01, 0x02 and 0x80";
            self.say(Severity::Risk, v3("MQTT-3.9.3-2"), "Return Codes", what);
        }
    }

    pub(super) fn unsuback(&mut self, raw: &RawPacket<'_>, unsuback: &Suback<'_>) {
        self.length_of_3_x(raw, 2, "§3.11.1");
        self.properties(unsuback.properties, Place::Packet(PacketType::UNSUBACK));
        if unsuback.codes.is_empty() {
            self.say(Severity::Risk, v5("MQTT-3.11.3-2"), "Reason Codes", "the UNSUBACK holds no reason code");
        }
        if !unsuback.reason_codes().all(|code| code.is_allowed(PacketType::UNSUBACK, Side::Server)) {
            let what = "a reason code is not one that an UNSUBACK may carry";
            self.say(Severity::Risk, v5("MQTT-3.11.3-2"), "Reason Codes", what);
        }
    }

    pub(super) fn ping(&mut self, raw: &RawPacket<'_>) {
        if raw.header.remaining_length != 0 {
            let section = if raw.packet_type() == PacketType::PINGREQ { "§3.12.1" } else { "§3.13.1" };
            self.say(Severity::Ends, both(section), "Remaining Length", BODY);
        }
    }

    pub(super) fn disconnect(&mut self, raw: &RawPacket<'_>, disconnect: &Disconnect<'_>) {
        if raw.body.is_empty() {
            return;
        }
        self.say(Severity::Ends, v3("§3.14.1"), "Remaining Length", BODY);
        if let Some(code) = disconnect.reason_code {
            self.reason_code(code, PacketType::DISCONNECT, v5("MQTT-3.14.2-1"));
        }
        self.properties(disconnect.properties, Place::Packet(PacketType::DISCONNECT));
        if self.sender == Side::Server && disconnect.session_expiry_interval().is_some() {
            let what = "a server sent a Session Expiry Interval in its DISCONNECT";
            self.say(Severity::Curiosity, v5("MQTT-3.14.2-2"), "Session Expiry Interval", what);
        }
        if self.sender == Side::Client && disconnect.server_reference().is_some() {
            let what = "a client sent a Server Reference";
            self.say(Severity::Risk, v5("§3.14.2.2.5"), "Server Reference", what);
        }
    }

    pub(super) fn auth(&mut self, raw: &RawPacket<'_>, auth: &Auth<'_>) {
        let code = auth.reason_code.unwrap_or_default();
        self.reason_code(code, PacketType::AUTH, v5("MQTT-3.15.2-1"));
        self.properties(auth.properties, Place::Packet(PacketType::AUTH));
        if raw.body.len() == 1 {
            let what = "the packet ends before its Property Length";
            self.say(Severity::Risk, v5("MQTT-2.2.2-1"), "Property Length", what);
        }
        if !raw.body.is_empty() && auth.authentication_method().is_none() {
            let what = "the AUTH has no Authentication Method";
            self.say(Severity::Ends, v5("§3.15.2.2.2"), "Authentication Method", what);
        }
    }

    fn reason_code(&mut self, code: ReasonCode, kind: PacketType, clauses: Clauses) {
        if !code.is_allowed(kind, self.sender) {
            let other = code.is_allowed(kind, self.sender.other());
            let what = match (other, self.sender) {
                (true, Side::Client) => "the reason code is one that only a server may send",
                (true, Side::Server) => "the reason code is one that only a client may send",
                (false, _) => "the reason code is not one that this packet may carry",
            };
            self.say(Severity::Risk, clauses, "Reason Code", what);
        }
    }

    /// A packet that has a fixed length in 3.x.
    fn length_of_3_x(&mut self, raw: &RawPacket<'_>, length: u32, section: &'static str) {
        if raw.header.remaining_length > length {
            self.say(Severity::Risk, v3(section), "Remaining Length", FORM_OF_5_0);
        }
    }
}
