//! The `nom` parsers that all control packets are built from, and their error.
//!
//! Invariant: no parser here allocates, and an error says which field could not be read.

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::error::ErrorKind;
use nom::number::complete::be_u16;

use super::{Malformed, MalformedReason, ParseError, Text, Version};

/// Why a parser stopped. Small and without heap data: it is made on the hot path of probing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The innermost field that has a name, empty until [`field`] names it.
    pub(super) field: &'static str,
    /// The statement broken.
    pub(super) clause: &'static str,
    /// What is wrong.
    pub(super) why: MalformedReason,
    /// Bytes of the body from the field's first byte to the body's end.
    pub(super) left: usize,
    /// The field's own length says where it ends, so that more bytes of the packet cannot help.
    pub(super) bounded: bool,
}

impl<'p> nom::error::ParseError<&'p [u8]> for Fault {
    fn from_error_kind(input: &'p [u8], _: ErrorKind) -> Fault {
        Fault::new(MalformedReason::TooShort, input)
    }

    fn append(_: &'p [u8], _: ErrorKind, other: Fault) -> Fault {
        other
    }
}

impl Fault {
    /// A fault at `input`, not yet named.
    pub(super) fn new(why: MalformedReason, input: &[u8]) -> Fault {
        Fault { field: "", clause: "", why, left: input.len(), bounded: false }
    }

    /// Gives the fault a field's name unless an inner parser did.
    fn named(mut self, field: &'static str, clause: &'static str, input: &[u8]) -> Fault {
        if self.field.is_empty() {
            self.field = field;
            self.clause = clause;
            self.left = input.len();
        }
        self
    }

    /// The fault as an error about a whole body.
    pub(super) fn into_error(self, body: &[u8], whole: bool) -> ParseError {
        if !whole && !self.bounded && self.why == MalformedReason::TooShort {
            return ParseError::Partial { field: self.field };
        }
        ParseError::Malformed(Malformed {
            field: self.field,
            at: body.len().saturating_sub(self.left),
            why: self.why,
            clause: self.clause,
        })
    }
}

/// What a parser of this module gives back.
pub(super) type Read<'p, T> = IResult<&'p [u8], T, Fault>;

/// Names what `parser` reads, for the error.
#[inline]
pub(super) fn field<'p, T>(
    name: &'static str,
    clause: &'static str,
    mut parser: impl Parser<&'p [u8], Output = T, Error = Fault>,
) -> impl Parser<&'p [u8], Output = T, Error = Fault> {
    move |input: &'p [u8]| {
        parser.parse(input).map_err(|error| error.map(|fault: Fault| fault.named(name, clause, input)))
    }
}

/// The fault inside a `nom` error.
#[allow(clippy::needless_pass_by_value)] // the shape that `Result::map_err` takes
pub(super) fn fault(error: nom::Err<Fault>) -> Fault {
    match error {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
        // Complete parsers do not ask for more.
        nom::Err::Incomplete(_) => Fault::new(MalformedReason::TooShort, &[]),
    }
}

/// UTF-8 Encoded String, valid or not (MQTT 5.0 §1.5.4, 3.1.1 §1.5.3).
#[inline]
pub(super) fn text(input: &[u8]) -> Read<'_, Text<'_>> {
    binary.map(Text).parse(input)
}

/// Binary Data: a length of two bytes, then that many (MQTT 5.0 §1.5.6).
#[inline]
pub(super) fn binary(input: &[u8]) -> Read<'_, &[u8]> {
    // `nom::multi::length_data` would answer a cut field with `Incomplete`.
    let (rest, length) = be_u16(input)?;
    take(length).parse(rest)
}

/// Variable Byte Integer of one to four bytes, shortest form or not (MQTT 5.0 §1.5.5).
#[inline]
pub(super) fn variable_byte_integer(input: &[u8]) -> Read<'_, u32> {
    let mut value = 0;
    let mut rest = input;
    for shift in [0, 7, 14, 21] {
        let Some((byte, after)) = rest.split_first() else {
            return Err(nom::Err::Error(Fault::new(MalformedReason::TooShort, input)));
        };
        value |= u32::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok((after, value));
        }
        rest = after;
    }
    Err(nom::Err::Error(Fault::new(MalformedReason::VariableByteInteger, input)))
}

/// The end of the body: bytes left over are a fault.
pub(super) fn end(name: &'static str, clause: &'static str, input: &[u8]) -> Result<(), nom::Err<Fault>> {
    if input.is_empty() {
        return Ok(());
    }
    Err(nom::Err::Error(Fault {
        bounded: true,
        ..Fault::new(MalformedReason::TrailingBytes, input).named(name, clause, input)
    }))
}

/// Chooses between the layout of 3.x and that of 5.0 for a body whose first field after the
/// Packet Identifier depends on the version.
///
/// 5.0 is held to its own layout. In 3.x, and with the version unknown, the layout is the one of
/// the two that fits; `None` when the version is unknown and a sender could have meant either.
pub(super) fn choose_layout<'p, T>(
    version: Option<Version>,
    layout: impl Fn(bool) -> Read<'p, T>,
    is_sensible: impl Fn(&T) -> bool,
) -> Option<Read<'p, T>> {
    let new = || layout(true);
    let old = || layout(false);
    match version {
        Some(Version::V5) => Some(new()),
        Some(_) => Some(old().or_else(|error| new().ok().filter(|(_, read)| is_sensible(read)).ok_or(error))),
        None => match (old(), new()) {
            (Ok(read), Err(_)) | (Err(_), Ok(read)) => Some(Ok(read)),
            (Err(error), Err(_)) => Some(Err(error)),
            (Ok(old), Ok(new)) => match (is_sensible(&old.1), is_sensible(&new.1)) {
                (true, false) => Some(Ok(old)),
                (false, true) => Some(Ok(new)),
                _ => None,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_byte_integers_at_the_limits_of_table_1_1() {
        // MQTT 5.0 §1.5.5, table 1-1.
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7F], 127),
            (&[0x80, 0x01], 128),
            (&[0xFF, 0x7F], 16_383),
            (&[0x80, 0x80, 0x01], 16_384),
            (&[0xFF, 0xFF, 0x7F], 2_097_151),
            (&[0x80, 0x80, 0x80, 0x01], 2_097_152),
            (&[0xFF, 0xFF, 0xFF, 0x7F], 268_435_455),
        ] {
            assert_eq!(variable_byte_integer(bytes), Ok((&[][..], value)));
        }
    }

    #[test]
    fn a_fifth_byte_is_refused_and_a_cut_one_is_too_short() {
        let over = variable_byte_integer(&[0x80, 0x80, 0x80, 0x80, 0x01]).unwrap_err();
        assert_eq!(fault(over).why, MalformedReason::VariableByteInteger);
        let cut = variable_byte_integer(&[0x80, 0x80]).unwrap_err();
        assert_eq!(fault(cut).why, MalformedReason::TooShort);
    }
}
