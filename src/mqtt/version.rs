//! Versions of the protocol.

use std::fmt;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1 (protocol name `MQIsdp`, level 3).
    V31,
    /// MQTT 3.1.1 (level 4).
    V311,
    /// MQTT 5.0 (level 5).
    V5,
}

impl Version {
    /// The version of a protocol level byte. Bit 7 is a bridge's private mark and is ignored.
    #[must_use]
    pub fn from_level(level: u8) -> Option<Version> {
        match level & 0x7F {
            3 => Some(Version::V31),
            4 => Some(Version::V311),
            5 => Some(Version::V5),
            _ => None,
        }
    }

    /// The protocol level byte.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Version::V31 => 3,
            Version::V311 => 4,
            Version::V5 => 5,
        }
    }

    /// Whether this is 5.0, with properties and reason codes.
    #[must_use]
    pub fn is_v5(self) -> bool {
        self == Version::V5
    }
}

impl Version {
    /// As it is written: `3.1.1`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Version::V31 => "3.1",
            Version::V311 => "3.1.1",
            Version::V5 => "5.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_with_and_without_the_bridge_bit() {
        assert_eq!(Version::from_level(3), Some(Version::V31));
        assert_eq!(Version::from_level(0x83), Some(Version::V31));
        assert_eq!(Version::from_level(0x84), Some(Version::V311));
        assert_eq!(Version::from_level(5), Some(Version::V5));
        assert_eq!(Version::from_level(6), None);
        assert_eq!(Version::V311.to_string(), "3.1.1");
    }
}
