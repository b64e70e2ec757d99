//! Protocol Buffers: the wire format, read with a table of fields or without. Without one, fields
//! have numbers, and a length-delimited field is text, a message or bytes, whichever fits first.

use super::sheet::{Sheet, Stop, is_readable};
use super::sparkplug::{Kind, Table, word};

/// A field as it stands on the wire.
pub(super) struct Field<'p> {
    pub(super) number: u64,
    pub(super) value: Wire<'p>,
    start: usize,
    end: usize,
}

/// A value of each wire type; groups are not read: nothing writes them any more.
#[derive(Clone, Copy)]
pub(super) enum Wire<'p> {
    Varint(u64),
    Fixed64([u8; 8]),
    Length(&'p [u8]),
    Fixed32([u8; 4]),
}

/// Largest field number (2²⁹ − 1).
const LARGEST: u64 = (1 << 29) - 1;

/// Writes a message, a field a line.
pub(super) fn walk(bytes: &[u8], table: Option<&'static Table>, sheet: &mut Sheet) -> Result<usize, Stop> {
    message(bytes, 0, table, sheet)?;
    Ok(bytes.len())
}

fn message(bytes: &[u8], base: usize, table: Option<&'static Table>, sheet: &mut Sheet) -> Result<(), Stop> {
    let data_type = table.and_then(|table| data_type(bytes, table));
    for (place, field) in Fields::of(bytes).enumerate() {
        let field = field?;
        if place > 0 || base > 0 {
            sheet.line();
        }
        let known = table.and_then(|table| table.iter().find(|known| u64::from(known.0) == field.number));
        let (start, end) = (base + field.start, base + field.end);
        let name = known.map_or_else(|| field.number.to_string(), |known| known.1.to_owned());
        if let Wire::Length(content) = field.value {
            let content_at = end - content.len();
            sheet.token(start, content_at)?;
            sheet.put(&format!("{name}: "));
            length_delimited(content, content_at, known.map(|known| &known.2), sheet)?;
        } else {
            sheet.token(start, end)?;
            let word = word(field.value, known.map(|known| &known.2), data_type);
            sheet.put(&format!("{name}: {word}"));
        }
    }
    Ok(())
}

fn length_delimited(content: &[u8], at: usize, kind: Option<&Kind>, sheet: &mut Sheet) -> Result<(), Stop> {
    let nested = match kind {
        Some(Kind::Message(table)) => Some(Some(*table)),
        Some(Kind::Text) => return sheet.quoted(at, content),
        Some(Kind::Bytes) => return sheet.bytes(at, content),
        _ if is_readable(content) => return sheet.quoted(at, content),
        _ => None,
    };
    if !is_message(content) {
        return sheet.bytes(at, content);
    }
    let opened = sheet.open("{");
    if opened.is_err() {
        sheet.close("", true);
        return sheet.bytes(at, content);
    }
    message(content, at, nested.flatten(), sheet)?;
    sheet.close("}", content.is_empty());
    Ok(())
}

/// The Sparkplug data type that a message gives to its value.
fn data_type(bytes: &[u8], table: &'static Table) -> Option<u64> {
    let number = table.iter().find(|known| matches!(known.2, Kind::DataType))?.0;
    let mut fields = Fields::of(bytes).map_while(Result::ok);
    fields.find_map(|field| match field.value {
        Wire::Varint(value) if field.number == u64::from(number) => Some(value),
        _ => None,
    })
}

/// Whether bytes are fields to the end.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    Fields::of(bytes).all(|field| field.is_ok())
}

/// Whether bytes look like a message beyond chance: several fields, small numbers in rising order,
/// and text in them or in a message that they hold.
pub(super) fn looks_like_message(bytes: &[u8]) -> bool {
    let mut last = 0;
    let mut count = 0;
    let mut told = false;
    for field in Fields::of(bytes) {
        let Ok(field) = field else { return false };
        if field.number < last || field.number > 100 {
            return false;
        }
        last = field.number;
        count += 1;
        if let Wire::Length(content) = field.value {
            told |= is_text(content)
                || Fields::of(content).collect::<Result<Vec<_>, _>>().is_ok_and(|fields| {
                    fields.iter().any(|field| matches!(field.value, Wire::Length(text) if is_text(text)))
                });
        }
    }
    told && count >= 2
}

fn is_text(content: &[u8]) -> bool {
    content.len() >= 3 && is_readable(content)
}

/// The fields of a message, until its end or the first that cannot be read.
pub(super) struct Fields<'p> {
    bytes: &'p [u8],
    at: usize,
    failed: bool,
}

impl<'p> Fields<'p> {
    pub(super) fn of(bytes: &'p [u8]) -> Fields<'p> {
        Fields { bytes, at: 0, failed: false }
    }

    /// A base-128 varint of at most ten bytes.
    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for place in 0..10_u32 {
            let byte = *self.bytes.get(self.at).ok_or(Stop::Short)?;
            self.at += 1;
            value |= u64::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                // Of the tenth byte only one bit has a place in 64.
                return if place == 9 && byte > 1 { Err(Stop::Broken) } else { Ok(value) };
            }
        }
        Err(Stop::Broken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let value = rest.first_chunk::<N>().ok_or(Stop::Short)?;
        self.at += N;
        Ok(*value)
    }

    fn field(&mut self) -> Result<Field<'p>, Stop> {
        let start = self.at;
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > LARGEST {
            return Err(Stop::Broken);
        }
        let value = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.fixed()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Stop::Short)?;
                let end = self.at.checked_add(length).ok_or(Stop::Short)?;
                let content = self.bytes.get(self.at..end).ok_or(Stop::Short)?;
                self.at = end;
                Wire::Length(content)
            }
            5 => Wire::Fixed32(self.fixed()?),
            _ => return Err(Stop::Broken),
        };
        Ok(Field { number, value, start, end: self.at })
    }
}

impl<'p> Iterator for Fields<'p> {
    type Item = Result<Field<'p>, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.at >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        self.failed = field.is_err();
        Some(field)
    }
}
