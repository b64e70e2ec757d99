//! Rules on CONNECT, PUBLISH, SUBSCRIBE and UNSUBSCRIBE.

use super::properties::Place;
use super::{Check, Severity, Violation, both, each, v3, v5};
use crate::mqtt::{Connect, PacketType, Properties, Publish, QoS, RawPacket, Subscribe, SubscriptionRequest};
use crate::mqtt::{PropertyId, Text, Unsubscribe, Version, topic};

impl<F: FnMut(Violation)> Check<'_, F> {
    pub(super) fn connect(&mut self, connect: &Connect<'_>) {
        let name = connect.protocol_name.0;
        if name != b"MQTT" && name != b"MQIsdp" {
            let what = "the protocol name is neither MQTT nor MQIsdp";
            self.say(Severity::Ends, both("MQTT-3.1.2-1"), "Protocol Name", what);
        } else if connect.version().is_none() {
            let what = match Version::from_level(connect.protocol_level) {
                Some(_) => "protocol name and protocol version do not belong together",
                None => "no standard defines this protocol version",
            };
            self.say(Severity::Ends, both("MQTT-3.1.2-2"), "Protocol Version", what);
        }
        self.connect_flags(connect.flags);
        self.client_id(connect);
        self.properties(connect.properties, Place::Packet(PacketType::CONNECT));
        if let Some(will) = &connect.will {
            self.properties(will.properties, Place::Will);
            self.topic_name(will.topic, "Will Topic");
            if will.topic.is_empty() {
                self.say(Severity::Ends, both("MQTT-4.7.3-1"), "Will Topic", "the topic name is empty");
            }
        }
        if let Some(username) = connect.username {
            self.text(username, "User Name");
        }
    }

    fn connect_flags(&mut self, flags: u8) {
        let mut say = |clauses, what| self.say(Severity::Ends, clauses, "Connect Flags", what);
        if flags & 0x01 != 0 {
            say(both("MQTT-3.1.2-3"), "the reserved flag is 1");
        }
        if flags & 0x18 == 0x18 {
            say(each("MQTT-3.1.2-14", "MQTT-3.1.2-12"), "the Will QoS is 3");
        }
        if flags & 0x04 == 0 && flags & 0x18 != 0 {
            say(each("MQTT-3.1.2-13", "MQTT-3.1.2-11"), "the Will Flag is 0 but the Will QoS is not");
        }
        if flags & 0x04 == 0 && flags & 0x20 != 0 {
            say(each("MQTT-3.1.2-15", "MQTT-3.1.2-13"), "the Will Flag is 0 but the Will Retain flag is 1");
        }
        if flags & 0xC0 == 0x40 {
            say(v3("MQTT-3.1.2-22"), "the User Name Flag is 0 but the Password Flag is 1");
        }
    }

    fn client_id(&mut self, connect: &Connect<'_>) {
        const FIELD: &str = "Client Identifier";
        self.text(connect.client_id, FIELD);
        if self.version == Some(Version::V31) {
            let characters = connect.client_id.as_str().map_or(connect.client_id.len(), |id| id.chars().count());
            if !(1..=23).contains(&characters) {
                let what = "the Client Identifier is not 1 to 23 characters long, as MQTT 3.1 asks";
                self.say(Severity::Risk, v3("MQTT 3.1 §3.1"), FIELD, what);
            }
        } else if connect.client_id.is_empty() && !connect.clean_start() {
            let what = "the Client Identifier is empty but Clean Session is 0";
            self.say(Severity::Ends, v3("MQTT-3.1.3-7"), FIELD, what);
        }
    }

    #[inline]
    pub(super) fn publish(&mut self, raw: &RawPacket<'_>, publish: &Publish<'_>) {
        if publish.qos == QoS::RESERVED {
            self.say(Severity::Ends, both("MQTT-3.3.1-4"), "QoS", "both QoS bits are 1");
        }
        if publish.dup && publish.qos == QoS::AT_MOST_ONCE {
            self.say(Severity::Risk, both("MQTT-3.3.1-2"), "DUP", "the DUP flag is 1 but the QoS is 0");
        }
        if let Some(packet_identifier) = publish.packet_identifier {
            self.packet_identifier(packet_identifier);
        }
        self.topic_name(publish.topic, "Topic Name");
        self.properties(publish.properties, Place::Packet(PacketType::PUBLISH));
        // In an unknown version it may stand for an alias.
        if publish.topic.is_empty() && publish.topic_alias().is_none() && self.version.is_some() {
            let what = if self.is_v5() {
                "the topic name is empty and there is no Topic Alias"
            } else {
                "the topic name is empty"
            };
            self.say(Severity::Ends, both("MQTT-4.7.3-1"), "Topic Name", what);
        }
        if !self.is_v5() {
            return;
        }
        let before = 2 + publish.topic.len() + if publish.packet_identifier.is_some() { 2 } else { 0 };
        self.property_length(raw.body.len() - publish.payload.len(), before, publish.properties);
        if publish.properties.byte(PropertyId::PAYLOAD_FORMAT_INDICATOR) == Some(1)
            && raw.missing.is_none()
            && !Text(publish.payload).is_plain()
            && Text(publish.payload).as_str().is_err()
        {
            let what = "the Payload Format Indicator says UTF-8 but the payload is not";
            self.say(Severity::Risk, v5("§3.3.2.3.2"), "Payload", what);
        }
    }

    /// The Property Length takes as few bytes as it can (MQTT 5.0 \[MQTT-1.5.5-1\]). `end` is where
    /// the properties end in the body, `start` where their length begins.
    fn property_length(&mut self, end: usize, start: usize, properties: Properties<'_>) {
        let length = properties.encoded_length();
        let needed = match length {
            0..=127 => 1,
            128..=16_383 => 2,
            16_384..=2_097_151 => 3,
            _ => 4,
        };
        if end.saturating_sub(start + length) > needed {
            let what = "the Property Length uses more bytes than it needs";
            self.say(Severity::Risk, v5("MQTT-1.5.5-1"), "Property Length", what);
        }
    }

    pub(super) fn subscribe(&mut self, raw: &RawPacket<'_>, subscribe: &Subscribe<'_>) {
        self.packet_identifier(subscribe.packet_identifier);
        self.properties(subscribe.properties, Place::Packet(PacketType::SUBSCRIBE));
        let mut length = 2;
        for request in subscribe.requests() {
            length += request.filter.len() + 3;
            self.topic_filter(request.filter);
            self.options(&request);
        }
        if length == 2 {
            let clauses = each("MQTT-3.8.3-3", "MQTT-3.8.3-2");
            self.say(Severity::Ends, clauses, "Payload", "the SUBSCRIBE holds no topic filter");
        }
        self.layout(raw, length);
    }

    fn options(&mut self, request: &SubscriptionRequest<'_>) {
        let mut say = |clauses, what| self.say(Severity::Ends, clauses, "Subscription Options", what);
        if request.qos() == QoS::RESERVED {
            say(each("MQTT-3.8.3-4", "§3.8.3.1"), "the requested QoS is 3");
        }
        if request.options & 0xFC != 0 {
            say(v3("MQTT-3.8.3-4"), "the reserved bits beside the requested QoS are not 0");
        }
        if request.options & 0xC0 != 0 {
            say(v5("MQTT-3.8.3-5"), "the reserved bits of the subscription options are not 0");
        }
        if request.retain_handling() == 3 {
            say(v5("§3.8.3.1"), "the Retain Handling is 3");
        }
        if request.no_local() && topic::is_shared(request.filter.0) {
            say(v5("MQTT-3.8.3-4"), "No Local is 1 on a shared subscription");
        }
    }

    pub(super) fn unsubscribe(&mut self, raw: &RawPacket<'_>, unsubscribe: &Unsubscribe<'_>) {
        self.packet_identifier(unsubscribe.packet_identifier);
        self.properties(unsubscribe.properties, Place::Packet(PacketType::UNSUBSCRIBE));
        let mut length = 2;
        for filter in unsubscribe.filters() {
            length += filter.len() + 2;
            self.topic_filter(filter);
        }
        if length == 2 {
            self.say(Severity::Ends, both("MQTT-3.10.3-2"), "Payload", "the UNSUBSCRIBE holds no topic filter");
        }
        self.layout(raw, length);
    }

    /// A 3.x request is `length` bytes long; more are the properties of 5.0.
    fn layout(&mut self, raw: &RawPacket<'_>, length: usize) {
        if self.is_v3() && raw.body.len() > length {
            let what = "the packet is in the form of MQTT 5.0, with a property section";
            self.say(Severity::Ends, v3("§3.8.2"), "Properties", what);
        }
    }
}
