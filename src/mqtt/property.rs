//! Properties of MQTT 5.0 packets (§2.2.2), read in place.
//!
//! Invariant: a [`Properties`] holds bytes that decode to the end, so that reading them again
//! cannot fail. Whether a property is allowed where it stands is for `conformance` to say.

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::read::{Fault, Read, binary, field, text, variable_byte_integer};
use super::{MalformedReason, PropertyId, Text, ValueType};

/// The properties of a packet, checked to be decodable and decoded again when asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Properties<'p> {
    raw: &'p [u8],
    /// Which there are, as bits by identifier: every one that decodes is below 64.
    present: u64,
}

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'p> {
    /// Which.
    pub id: PropertyId,
    /// Its value.
    pub value: Value<'p>,
}

/// A property's value (MQTT 5.0 §2.2.2.2, table 2-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'p> {
    /// Byte.
    Byte(u8),
    /// Two Byte Integer.
    TwoByte(u16),
    /// Four Byte Integer.
    FourByte(u32),
    /// Variable Byte Integer.
    Variable(u32),
    /// UTF-8 Encoded String.
    Text(Text<'p>),
    /// UTF-8 String Pair.
    Pair(Text<'p>, Text<'p>),
    /// Binary Data.
    Binary(&'p [u8]),
}

/// The clause on the identifiers of properties and their types.
const CLAUSE: &str = "§2.2.2.2";

/// One property as nearly every one is: whole, and each of its Variable Byte Integers one byte long. For any other form
/// and for what is wrong with it there is [`any`].
#[allow(clippy::inline_always)] // where only the length counts, no value is made
#[inline(always)]
fn usual(input: &[u8]) -> Option<(&[u8], Property<'_>)> {
    fn binary(input: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = input.split_first_chunk()?;
        rest.split_at_checked(u16::from_be_bytes(*length).into())
    }
    let (&[id], rest) = input.split_first_chunk()?;
    let id = PropertyId(id.into());
    let (value, rest) = match id.value_type()? {
        ValueType::Byte => rest.split_first_chunk().map(|(&[value], rest)| (Value::Byte(value), rest))?,
        ValueType::TwoByte => {
            rest.split_first_chunk().map(|(bytes, rest)| (Value::TwoByte(u16::from_be_bytes(*bytes)), rest))?
        }
        ValueType::FourByte => {
            rest.split_first_chunk().map(|(bytes, rest)| (Value::FourByte(u32::from_be_bytes(*bytes)), rest))?
        }
        ValueType::Variable => {
            let (&[value], rest) = rest.split_first_chunk()?;
            (Value::Variable(Some(value).filter(|value| value & 0x80 == 0)?.into()), rest)
        }
        ValueType::Text => binary(rest).map(|(text, rest)| (Value::Text(Text(text)), rest))?,
        ValueType::Pair => {
            let (name, rest) = binary(rest)?;
            let (value, rest) = binary(rest)?;
            (Value::Pair(Text(name), Text(value)), rest)
        }
        ValueType::Binary => binary(rest).map(|(data, rest)| (Value::Binary(data), rest))?,
    };
    Some((rest, Property { id, value }))
}

/// One property in any form: its identifier, then a value of the type that belongs to it.
#[cold]
fn any(input: &[u8]) -> Read<'_, Property<'_>> {
    let (rest, id) = field("Property Identifier", CLAUSE, variable_byte_integer).parse(input)?;
    let id = PropertyId(id);
    let Some(kind) = id.value_type() else {
        return Err(nom::Err::Error(Fault {
            field: "Property Identifier",
            clause: CLAUSE,
            ..Fault::new(MalformedReason::UnknownProperty(id.0), input)
        }));
    };
    let read = match kind {
        ValueType::Byte => be_u8.map(Value::Byte).parse(rest),
        ValueType::TwoByte => be_u16.map(Value::TwoByte).parse(rest),
        ValueType::FourByte => be_u32.map(Value::FourByte).parse(rest),
        ValueType::Variable => variable_byte_integer.map(Value::Variable).parse(rest),
        ValueType::Text => text.map(Value::Text).parse(rest),
        ValueType::Pair => (text, text).map(|(name, value)| Value::Pair(name, value)).parse(rest),
        ValueType::Binary => binary.map(Value::Binary).parse(rest),
    };
    match read {
        Ok((rest, value)) => Ok((rest, Property { id, value })),
        Err(error) => Err(error.map(|fault| Fault {
            field: id.name().unwrap_or("Properties"),
            clause: CLAUSE,
            left: input.len(),
            ..fault
        })),
    }
}

/// Property Length and the properties (MQTT 5.0 §2.2.2.1). A packet that ends where the Property
/// Length must stand breaks \[MQTT-2.2.2-1\].
pub(super) fn properties(input: &[u8]) -> Read<'_, Properties<'_>> {
    let (rest, length) = field("Property Length", "MQTT-2.2.2-1", variable_byte_integer).parse(input)?;
    let (rest, raw) = field("Properties", "§2.2.2.1", take(length)).parse(rest)?;
    let mut unread = raw;
    let mut present = 0;
    while !unread.is_empty() {
        let (after, property) = match usual(unread) {
            Some(read) => read,
            None => any(unread)
                .map_err(|error| error.map(|fault| Fault { left: fault.left + rest.len(), bounded: true, ..fault }))?,
        };
        present |= property.id.bit();
        unread = after;
    }
    Ok((rest, Properties { raw, present }))
}

impl<'p> Properties<'p> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Their encoded length in bytes, without the Property Length.
    #[must_use]
    pub fn encoded_length(self) -> usize {
        self.raw.len()
    }

    /// Every property in the order of the wire.
    pub fn iter(self) -> Iter<'p> {
        Iter { unread: self.raw }
    }

    /// Whether there is one with this identifier.
    #[must_use]
    #[inline]
    pub fn has(self, id: PropertyId) -> bool {
        self.present & id.bit() != 0
    }

    /// Shows every property in the order of the wire: for each that matters, where [`Properties::iter`] would make values of
    /// all.
    #[inline]
    pub(super) fn each(self, mut see: impl FnMut(Property<'p>)) {
        let mut unread = self.raw;
        while !unread.is_empty() {
            let Some((rest, property)) = usual(unread).or_else(|| any(unread).ok()) else { return };
            unread = rest;
            see(property);
        }
    }

    /// Which there are, as bits by identifier.
    #[inline]
    pub(super) fn present(self) -> u64 {
        self.present
    }

    /// The first property with this identifier.
    #[must_use]
    #[inline]
    pub fn find(self, id: PropertyId) -> Option<Value<'p>> {
        if !self.has(id) {
            return None;
        }
        self.iter().find(|property| property.id == id).map(|property| property.value)
    }

    /// The value of a property of type Byte.
    #[must_use]
    pub fn byte(self, id: PropertyId) -> Option<u8> {
        match self.find(id)? {
            Value::Byte(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a property of type Two Byte Integer.
    #[must_use]
    pub fn two_byte(self, id: PropertyId) -> Option<u16> {
        match self.find(id)? {
            Value::TwoByte(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a property of type Four Byte Integer.
    #[must_use]
    pub fn four_byte(self, id: PropertyId) -> Option<u32> {
        match self.find(id)? {
            Value::FourByte(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a property of type UTF-8 Encoded String.
    #[must_use]
    pub fn text(self, id: PropertyId) -> Option<Text<'p>> {
        match self.find(id)? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a property of type Binary Data.
    #[must_use]
    pub fn binary(self, id: PropertyId) -> Option<&'p [u8]> {
        match self.find(id)? {
            Value::Binary(value) => Some(value),
            _ => None,
        }
    }

    /// Reason String: a person's words about the reason code.
    #[must_use]
    pub fn reason_string(self) -> Option<Text<'p>> {
        self.text(PropertyId::REASON_STRING)
    }

    /// Session Expiry Interval in seconds; `u32::MAX` for never.
    #[must_use]
    pub fn session_expiry_interval(self) -> Option<u32> {
        self.four_byte(PropertyId::SESSION_EXPIRY_INTERVAL)
    }

    /// Authentication Method.
    #[must_use]
    pub fn authentication_method(self) -> Option<Text<'p>> {
        self.text(PropertyId::AUTHENTICATION_METHOD)
    }

    /// Server Reference: another server to use.
    #[must_use]
    pub fn server_reference(self) -> Option<Text<'p>> {
        self.text(PropertyId::SERVER_REFERENCE)
    }

    /// User Properties as pairs of name and value, in order.
    pub fn user_properties(self) -> impl Iterator<Item = (Text<'p>, Text<'p>)> {
        self.iter().filter_map(|property| match property.value {
            Value::Pair(name, value) => Some((name, value)),
            _ => None,
        })
    }

    /// Subscription Identifiers, in order.
    pub fn subscription_identifiers(self) -> impl Iterator<Item = u32> {
        self.iter().filter_map(|property| match property.value {
            Value::Variable(value) => Some(value),
            _ => None,
        })
    }
}

impl<'p> IntoIterator for Properties<'p> {
    type Item = Property<'p>;
    type IntoIter = Iter<'p>;

    fn into_iter(self) -> Iter<'p> {
        self.iter()
    }
}

/// Iterator over properties: see [`Properties::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'p> {
    unread: &'p [u8],
}

impl<'p> Iterator for Iter<'p> {
    type Item = Property<'p>;

    #[inline]
    fn next(&mut self) -> Option<Property<'p>> {
        if self.unread.is_empty() {
            return None;
        }
        let (unread, property) = usual(self.unread).or_else(|| any(self.unread).ok())?;
        self.unread = unread;
        Some(property)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::fault;
    use super::*;

    #[test]
    fn each_type_of_value() {
        let bytes = [
            &[0x01, 1][..],
            &[0x13, 0, 60],
            &[0x02, 0, 0, 1, 0],
            &[0x0B, 0x80, 0x01],
            &[0x03, 0, 2, b'a', b'b'],
            &[0x26, 0, 1, b'k', 0, 1, b'v'],
            &[0x09, 0, 1, 0xFF],
        ]
        .concat();
        let section = [&[u8::try_from(bytes.len()).unwrap()][..], &bytes, b"rest"].concat();
        let (rest, read) = properties(&section).unwrap();
        assert_eq!(rest, b"rest");
        let values: Vec<Value<'_>> = read.iter().map(|property| property.value).collect();
        assert_eq!(
            values,
            [
                Value::Byte(1),
                Value::TwoByte(60),
                Value::FourByte(256),
                Value::Variable(128),
                Value::Text(Text(b"ab")),
                Value::Pair(Text(b"k"), Text(b"v")),
                Value::Binary(&[0xFF]),
            ]
        );
        assert_eq!(read.user_properties().count(), 1);
        assert_eq!(read.subscription_identifiers().collect::<Vec<_>>(), [128]);
    }

    proptest::proptest! {
        /// Where the short way reads a property, the way by nom reads the same.
        #[test]
        fn both_ways_agree(id in 0_u8..0x30, mut bytes in proptest::collection::vec(0_u8..8, 0..16)) {
            bytes.insert(0, id);
            if let Some(read) = usual(&bytes) {
                proptest::prop_assert_eq!(any(&bytes), Ok(read));
            }
        }
    }

    #[test]
    fn a_value_never_reaches_over_the_property_length() {
        // Property Length 3, Server Keep Alive needs 3, Topic Alias starts in the last byte.
        let error = fault(properties(&[4, 0x13, 0, 60, 0x23, 0, 1]).unwrap_err());
        assert_eq!((error.field, error.left, error.bounded), ("Topic Alias", 3, true));
        let error = fault(properties(&[]).unwrap_err());
        assert_eq!((error.field, error.clause), ("Property Length", "MQTT-2.2.2-1"));
        let error = fault(properties(&[2, 0x7E, 0]).unwrap_err());
        assert_eq!(error.why, MalformedReason::UnknownProperty(0x7E));
    }
}
