//! UTF-8 Encoded Strings, and the Quality of Service bits.

use std::str::Utf8Error;

/// A UTF-8 Encoded String as it stands on the wire, valid or not (MQTT 5.0 §1.5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text<'p>(pub &'p [u8]);

impl<'p> Text<'p> {
    /// The text, when it is valid UTF-8. Rust's definition excludes surrogates, as
    /// \[MQTT-1.5.4-1\] does; U+0000 is let through.
    pub fn as_str(self) -> Result<&'p str, Utf8Error> {
        std::str::from_utf8(self.0)
    }

    /// Whether it is ASCII without U+0000, as nearly every text is. Eight bytes at a time.
    #[must_use]
    #[inline]
    pub fn is_plain(self) -> bool {
        // A byte of 0 borrows from the bit above it; a byte that is not ASCII has that bit.
        let plain = |bytes: &[u8; 8]| {
            let word = u64::from_ne_bytes(*bytes);
            (word | word.wrapping_sub(0x0101_0101_0101_0101)) & 0x8080_8080_8080_8080 == 0
        };
        let (words, rest) = self.0.as_chunks();
        words.iter().all(plain)
            && self.0.last_chunk().map_or_else(|| rest.iter().all(|byte| (1..0x80).contains(byte)), plain)
    }

    /// Whether it is valid UTF-8 without U+0000 (MQTT 5.0 \[MQTT-1.5.4-1\], \[MQTT-1.5.4-2\];
    /// 3.1.1 \[MQTT-1.5.3-1\], \[MQTT-1.5.3-2\]).
    #[must_use]
    pub fn is_well_formed(self) -> bool {
        self.is_plain() || !self.0.contains(&0) && std::str::from_utf8(self.0).is_ok()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }
}

/// Quality of Service bits: 0, 1, 2, or the forbidden 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QoS(pub u8);

impl QoS {
    /// At most once delivery.
    pub const AT_MOST_ONCE: QoS = QoS(0);
    /// At least once delivery.
    pub const AT_LEAST_ONCE: QoS = QoS(1);
    /// Exactly once delivery.
    pub const EXACTLY_ONCE: QoS = QoS(2);
    /// Both bits set: must not be used (MQTT 5.0 \[MQTT-3.3.1-4\]).
    pub const RESERVED: QoS = QoS(3);

    /// The name of table 3-2.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "At most once delivery",
            1 => "At least once delivery",
            2 => "Exactly once delivery",
            _ => "Reserved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_as_section_1_5_4() {
        assert!(Text("A\u{2A6D4}".as_bytes()).is_well_formed()); // the example of §1.5.4
        assert!(Text(&[0xEF, 0xBB, 0xBF]).is_well_formed()); // U+FEFF is kept, not stripped
        assert!(!Text(&[0xED, 0xA0, 0x80]).is_well_formed()); // U+D800
        assert!(!Text(b"a\0b").is_well_formed());
        assert!(!Text(&[0xC3]).is_well_formed());
        assert_eq!(Text(b"a\0b").as_str(), Ok("a\0b"));
        assert!(Text(b"").is_well_formed());
    }

    #[test]
    fn plain_text_of_any_length() {
        for length in 0..40 {
            let mut text = vec![b'a'; length];
            assert!(Text(&text).is_plain());
            for place in 0..length {
                for (byte, plain) in [(0, false), (1, true), (0x7F, true), (0x80, false), (0xFF, false)] {
                    text[place] = byte;
                    assert_eq!(Text(&text).is_plain(), plain, "{text:?}");
                }
                text[place] = b'a';
            }
        }
    }
}
