//! Rules on properties (MQTT 5.0 §2.2.2).

use super::{Check, Severity, Violation, v5};
use crate::mqtt::{PacketType, Properties, Property, PropertyId, Value};
use crate::stream::Side;

/// Where properties stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the variable header of a packet.
    Packet(PacketType),
    /// In the payload of a CONNECT, before the will.
    Will,
}

impl Place {
    fn allows(self, id: PropertyId) -> bool {
        match self {
            Place::Packet(kind) => id.allowed_in(kind),
            Place::Will => id.allowed_in_will(),
        }
    }

    fn allows_again(self, id: PropertyId) -> bool {
        match self {
            Place::Packet(kind) => id.may_repeat_in(kind),
            Place::Will => id == PropertyId::USER_PROPERTY,
        }
    }
}

impl<F: FnMut(Violation)> Check<'_, F> {
    #[inline]
    pub(super) fn properties(&mut self, properties: Properties<'_>, place: Place) {
        if properties.is_empty() {
            return;
        }
        let strangers = match place {
            Place::Packet(kind) => properties.present() & !PropertyId::all_allowed_in(kind) != 0,
            Place::Will => true,
        };
        let mut seen = 0_u64;
        properties.each(|property| {
            let bit = property.id.bit();
            let again = seen & bit != 0;
            seen |= bit;
            if strangers || again {
                self.standing(property.id, place, again);
            }
            self.property(property, place);
        });
        if properties.has(PropertyId::AUTHENTICATION_DATA) && !properties.has(PropertyId::AUTHENTICATION_METHOD) {
            let what = "there is Authentication Data without an Authentication Method";
            self.say(Severity::Ends, v5("§3.1.2.11.10"), "Authentication Data", what);
        }
    }

    /// Whether the property may stand here, or `again`.
    fn standing(&mut self, id: PropertyId, place: Place, again: bool) {
        let field = id.name().unwrap_or("Properties");
        if !place.allows(id) {
            self.say(Severity::Ends, v5("§2.2.2.2"), field, "the property is not allowed in this packet");
        } else if again && !place.allows_again(id) {
            self.say(Severity::Ends, v5("§2.2.2.2"), field, "the property stands more than once");
        }
    }

    #[inline]
    fn property(&mut self, Property { id, value }: Property<'_>, place: Place) {
        let field = || id.name().unwrap_or("Properties");
        match value {
            // Every property of type Byte is a yes or no, or the Maximum QoS, which is 0 or 1.
            Value::Byte(value) if value > 1 => {
                self.say(Severity::Ends, v5("§2.2.2.2"), field(), "the property has a value that is neither 0 nor 1");
            }
            Value::TwoByte(0) if id == PropertyId::TOPIC_ALIAS => {
                self.say(Severity::Ends, v5("MQTT-3.3.2-8"), field(), "the Topic Alias is 0");
            }
            Value::TwoByte(0) if id == PropertyId::RECEIVE_MAXIMUM => {
                self.say(Severity::Ends, v5("§3.1.2.11.3"), field(), "the Receive Maximum is 0");
            }
            Value::FourByte(0) if id == PropertyId::MAXIMUM_PACKET_SIZE => {
                self.say(Severity::Ends, v5("§3.1.2.11.4"), field(), "the Maximum Packet Size is 0");
            }
            Value::Variable(value) => {
                if value == 0 {
                    self.say(Severity::Ends, v5("§3.8.2.1.2"), field(), "the Subscription Identifier is 0");
                }
                if self.sender == Side::Client && place == Place::Packet(PacketType::PUBLISH) {
                    let what = "a client sent a PUBLISH with a Subscription Identifier";
                    self.say(Severity::Ends, v5("MQTT-3.3.4-6"), field(), what);
                }
            }
            Value::Text(text) if id == PropertyId::RESPONSE_TOPIC => {
                self.topic_name(text, field());
            }
            Value::Text(text) if !text.is_plain() => {
                self.text(text, field());
            }
            Value::Pair(name, value) if !(name.is_well_formed() && value.is_well_formed()) => {
                let what = "the string is not valid UTF-8, or holds the character U+0000";
                self.say(Severity::Ends, v5("MQTT-1.5.7-1"), field(), what);
            }
            _ => {}
        }
    }
}
