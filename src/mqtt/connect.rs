//! CONNECT (MQTT 5.0 §3.1, 3.1.1 §3.1): the request that opens a session, and names the version.

use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::property::properties;
use super::read::{Read, binary, end, field, text};
use super::{Properties, PropertyId, QoS, Text, Version};

/// CONNECT (MQTT 5.0 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct Connect<'p> {
    /// `MQTT`, or `MQIsdp` in 3.1.
    pub protocol_name: Text<'p>,
    /// Protocol Version byte as sent; bit 7 is the bridge bit.
    pub protocol_level: u8,
    /// Connect Flags byte as sent.
    pub flags: u8,
    /// Keep Alive in seconds, 0 for none.
    pub keep_alive: u16,
    /// Properties (5.0).
    pub properties: Properties<'p>,
    /// Client Identifier.
    pub client_id: Text<'p>,
    /// Will, when the Will Flag is set.
    pub will: Option<Will<'p>>,
    /// User Name, when its flag is set.
    pub username: Option<Text<'p>>,
    /// Password, when its flag is set. Never shown unless asked for.
    pub password: Option<&'p [u8]>,
}

/// The will of a CONNECT.
#[derive(Clone, Copy, Debug)]
pub struct Will<'p> {
    /// Will `QoS`.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// Will Properties (5.0).
    pub properties: Properties<'p>,
    /// Will Topic.
    pub topic: Text<'p>,
    /// Will Payload.
    pub payload: &'p [u8],
}

/// Bits of the Connect Flags (MQTT 5.0 §3.1.2.3).
mod flag {
    pub(super) const CLEAN_START: u8 = 0x02;
    pub(super) const WILL: u8 = 0x04;
    pub(super) const WILL_RETAIN: u8 = 0x20;
    pub(super) const PASSWORD: u8 = 0x40;
    pub(super) const USER_NAME: u8 = 0x80;
}

impl<'p> Connect<'p> {
    /// The version that name and level together mean: `MQIsdp` with 3, `MQTT` with 4 or 5.
    /// `None` for any other pair, which a server refuses.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match (self.protocol_name.0, Version::from_level(self.protocol_level)?) {
            (b"MQIsdp", Version::V31) => Some(Version::V31),
            (b"MQTT", version @ (Version::V311 | Version::V5)) => Some(version),
            _ => None,
        }
    }

    /// Whether the level byte carries bit 7: the mark of a mosquitto-style bridge, in no standard.
    #[must_use]
    pub fn bridge(&self) -> bool {
        self.protocol_level & 0x80 != 0
    }

    /// Whether the Password Flag is set (MQTT 5.0 §3.1.2.9).
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.flags & flag::PASSWORD != 0
    }

    /// Clean Start (5.0) or Clean Session (3.x).
    #[must_use]
    pub fn clean_start(&self) -> bool {
        self.flags & flag::CLEAN_START != 0
    }

    /// Session Expiry Interval in seconds; 0 when absent, `u32::MAX` for never (5.0).
    #[must_use]
    pub fn session_expiry_interval(&self) -> Option<u32> {
        self.properties.session_expiry_interval()
    }

    /// Receive Maximum, 65,535 when absent (5.0).
    #[must_use]
    pub fn receive_maximum(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::RECEIVE_MAXIMUM)
    }

    /// Maximum Packet Size in bytes (5.0).
    #[must_use]
    pub fn maximum_packet_size(&self) -> Option<u32> {
        self.properties.four_byte(PropertyId::MAXIMUM_PACKET_SIZE)
    }

    /// Topic Alias Maximum, 0 when absent (5.0).
    #[must_use]
    pub fn topic_alias_maximum(&self) -> Option<u16> {
        self.properties.two_byte(PropertyId::TOPIC_ALIAS_MAXIMUM)
    }

    /// Authentication Method (5.0).
    #[must_use]
    pub fn authentication_method(&self) -> Option<Text<'p>> {
        self.properties.authentication_method()
    }

    /// Request Problem Information, 1 when absent (5.0).
    #[must_use]
    pub fn request_problem_information(&self) -> Option<u8> {
        self.properties.byte(PropertyId::REQUEST_PROBLEM_INFORMATION)
    }

    /// Request Response Information, 0 when absent (5.0).
    #[must_use]
    pub fn request_response_information(&self) -> Option<u8> {
        self.properties.byte(PropertyId::REQUEST_RESPONSE_INFORMATION)
    }
}

/// What the captured beginning of a CONNECT's body says, for one that was cut after the Client Identifier: will
/// and user name are `None` where they were cut, the password is always, whatever the flags say.
#[must_use]
pub fn connect_head(body: &[u8]) -> Option<Connect<'_>> {
    let (rest, (name, level)) = name_and_level(body).ok()?;
    let has_properties = level & 0x7F >= 5;
    let (rest, connect) = head(rest, name, level, has_properties).ok()?;
    let Ok((rest, will)) = will(rest, connect.flags, has_properties) else { return Some(connect) };
    let username = username(rest, connect.flags).ok().and_then(|(_, username)| username);
    Some(Connect { will, username, ..connect })
}

impl Will<'_> {
    /// Will Delay Interval in seconds, 0 when absent (5.0).
    #[must_use]
    pub fn delay_interval(&self) -> Option<u32> {
        self.properties.four_byte(PropertyId::WILL_DELAY_INTERVAL)
    }
}

/// Reads the body. A level of 5 or more has properties, unless only the layout of 3.x fits.
pub(super) fn connect(body: &[u8]) -> Read<'_, Connect<'_>> {
    let (rest, (name, level)) = name_and_level(body)?;
    let read = connect_after_level(rest, name, level, level & 0x7F >= 5);
    if read.is_err() && level & 0x7F > 5 {
        return connect_after_level(rest, name, level, false).or(read);
    }
    read
}

fn connect_after_level<'p>(input: &'p [u8], name: Text<'p>, level: u8, has_properties: bool) -> Read<'p, Connect<'p>> {
    let (rest, read) = head(input, name, level, has_properties)?;
    let flags = read.flags;
    let (rest, will) = will(rest, flags, has_properties)?;
    // MQTT 3.1 §3.1: when the body ends before a flagged user name or password, the length rules.
    let may_end = level & 0x7F == 3;
    let (rest, username) = if may_end && rest.is_empty() { (rest, None) } else { username(rest, flags)? };
    let (rest, password) = if flags & flag::PASSWORD == 0 || (may_end && rest.is_empty()) {
        (rest, None)
    } else {
        field("Password", "MQTT-3.1.2-19", binary).map(Some).parse(rest)?
    };
    end("Payload", "MQTT-3.1.3-1", rest)?;
    Ok((rest, Connect { will, username, password, ..read }))
}

fn name_and_level(body: &[u8]) -> Read<'_, (Text<'_>, u8)> {
    let (rest, name) = field("Protocol Name", "MQTT-3.1.2-1", text).parse(body)?;
    let (rest, level) = field("Protocol Version", "§3.1.2.2", be_u8).parse(rest)?;
    Ok((rest, (name, level)))
}

fn head<'p>(input: &'p [u8], name: Text<'p>, level: u8, has_properties: bool) -> Read<'p, Connect<'p>> {
    let (rest, flags) = field("Connect Flags", "§3.1.2.3", be_u8).parse(input)?;
    let (rest, keep_alive) = field("Keep Alive", "§3.1.2.10", be_u16).parse(rest)?;
    let (rest, properties) = optional_properties(rest, has_properties)?;
    let (rest, client_id) = field("Client Identifier", "MQTT-3.1.3-3", text).parse(rest)?;
    let connect = Connect {
        protocol_name: name,
        protocol_level: level,
        flags,
        keep_alive,
        properties,
        client_id,
        will: None,
        username: None,
        password: None,
    };
    Ok((rest, connect))
}

fn will(input: &[u8], flags: u8, has_properties: bool) -> Read<'_, Option<Will<'_>>> {
    if flags & flag::WILL == 0 {
        return Ok((input, None));
    }
    let (rest, properties) = optional_properties(input, has_properties)?;
    let (rest, topic) = field("Will Topic", "MQTT-3.1.2-9", text).parse(rest)?;
    let (rest, payload) = field("Will Payload", "MQTT-3.1.2-9", binary).parse(rest)?;
    let (qos, retain) = (QoS(flags >> 3 & 3), flags & flag::WILL_RETAIN != 0);
    Ok((rest, Some(Will { qos, retain, properties, topic, payload })))
}

fn username(input: &[u8], flags: u8) -> Read<'_, Option<Text<'_>>> {
    if flags & flag::USER_NAME == 0 {
        return Ok((input, None));
    }
    field("User Name", "MQTT-3.1.2-17", text).map(Some).parse(input)
}

fn optional_properties(input: &[u8], present: bool) -> Read<'_, Properties<'_>> {
    if present { properties(input) } else { Ok((input, Properties::default())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_3_1_1_section_3_1() {
        // Figure 3.6 of 3.1.1: all flags but reserved and will retain, keep alive 10.
        let body = b"\x00\x04MQTT\x04\xCE\x00\x0A\x00\x01c\x00\x01w\x00\x01p\x00\x01u\x00\x02pw";
        let (_, read) = connect(body).unwrap();
        assert_eq!(read.version(), Some(Version::V311));
        assert_eq!((read.keep_alive, read.clean_start(), read.bridge()), (10, true, false));
        let will = read.will.unwrap();
        assert_eq!((will.qos, will.retain, will.topic, will.payload), (QoS(1), false, Text(b"w"), &b"p"[..]));
        assert_eq!((read.username, read.password), (Some(Text(b"u")), Some(&b"pw"[..])));
    }

    #[test]
    fn a_bridge_of_3_1_without_its_flagged_password() {
        let body = b"\x00\x06MQIsdp\x83\xC2\x00\x3C\x00\x01c\x00\x01u";
        let (_, read) = connect(body).unwrap();
        assert_eq!((read.version(), read.bridge()), (Some(Version::V31), true));
        assert_eq!((read.username, read.password), (Some(Text(b"u")), None));
    }

    #[test]
    fn a_cut_connect_says_what_is_left_of_it() {
        let body = b"\x00\x04MQTT\x04\xC6\x00\x0A\x00\x01c\x00\x01w\x00\x01p\x00\x01u\x00\x02pw";
        let left = |length: usize| {
            let read = connect_head(&body[..length]).unwrap();
            (read.will.map(|will| will.topic), read.username)
        };
        assert_eq!(left(13), (None, None));
        assert_eq!(left(18), (None, None), "half a will is none");
        assert_eq!(left(19), (Some(Text(b"w")), None));
        assert_eq!(left(22), (Some(Text(b"w")), Some(Text(b"u"))));
    }

    #[test]
    fn name_and_level_must_go_together() {
        for (body, version) in [
            (&b"\x00\x04MQTT\x03\x02\x00\x3C\x00\x01c"[..], None),
            (b"\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x01c", Some(Version::V31)),
            (b"\x00\x06MQIsdp\x04\x02\x00\x3C\x00\x01c", None),
            (b"\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01c", Some(Version::V5)),
            (b"\x00\x04MQTT\x06\x02\x00\x3C\x00\x00\x01c", None),
            (b"\x00\x04MQTT\x06\x02\x00\x3C\x00\x01c", None),
        ] {
            let (_, read) = connect(body).unwrap();
            assert_eq!(read.version(), version);
            assert_eq!(read.client_id, Text(b"c"));
        }
    }
}
