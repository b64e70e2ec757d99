//! `MessagePack`, written like JSON, with `h'…'` for bin and `ext(TYPE, h'…')` for extensions. First
//! bytes are told apart by `rmp`.

use rmp::Marker;

use super::sheet::{Sheet, Stop};

/// Writes one object.
pub(super) fn walk(bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    let mut reader = Reader { bytes, at: 0 };
    item(&mut reader, sheet)?;
    Ok(reader.at)
}

struct Reader<'p> {
    bytes: &'p [u8],
    at: usize,
}

impl<'p> Reader<'p> {
    fn take(&mut self, length: u32) -> Result<&'p [u8], Stop> {
        let length = usize::try_from(length).map_err(|_| Stop::Short)?;
        let end = self.at.checked_add(length).ok_or(Stop::Short)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let number = rest.first_chunk::<N>().ok_or(Stop::Short)?;
        self.at += N;
        Ok(*number)
    }

    fn u8(&mut self) -> Result<u8, Stop> {
        self.number().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        self.number().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        self.number().map(u32::from_be_bytes)
    }
}

fn item(reader: &mut Reader<'_>, sheet: &mut Sheet) -> Result<(), Stop> {
    let start = reader.at;
    let marker = Marker::from_u8(reader.u8()?);
    sheet.items += 1;
    let word = match marker {
        Marker::FixStr(length) => return text(reader, sheet, length.into()),
        Marker::Str8 => return reader.u8().and_then(|length| text(reader, sheet, length.into())),
        Marker::Str16 => return reader.u16().and_then(|length| text(reader, sheet, length.into())),
        Marker::Str32 => return reader.u32().and_then(|length| text(reader, sheet, length)),
        Marker::Bin8 => return reader.u8().and_then(|length| bytes(reader, sheet, length.into())),
        Marker::Bin16 => return reader.u16().and_then(|length| bytes(reader, sheet, length.into())),
        Marker::Bin32 => return reader.u32().and_then(|length| bytes(reader, sheet, length)),
        Marker::FixExt1 => return extension(reader, sheet, 1),
        Marker::FixExt2 => return extension(reader, sheet, 2),
        Marker::FixExt4 => return extension(reader, sheet, 4),
        Marker::FixExt8 => return extension(reader, sheet, 8),
        Marker::FixExt16 => return extension(reader, sheet, 16),
        Marker::Ext8 => return reader.u8().and_then(|length| extension(reader, sheet, length.into())),
        Marker::Ext16 => return reader.u16().and_then(|length| extension(reader, sheet, length.into())),
        Marker::Ext32 => return reader.u32().and_then(|length| extension(reader, sheet, length)),
        Marker::FixArray(count) => return members(reader, sheet, start, count.into(), false),
        Marker::Array16 => return reader.u16().and_then(|count| members(reader, sheet, start, count.into(), false)),
        Marker::Array32 => return reader.u32().and_then(|count| members(reader, sheet, start, count, false)),
        Marker::FixMap(count) => return members(reader, sheet, start, count.into(), true),
        Marker::Map16 => return reader.u16().and_then(|count| members(reader, sheet, start, count.into(), true)),
        Marker::Map32 => return reader.u32().and_then(|count| members(reader, sheet, start, count, true)),
        Marker::Null => "null".to_owned(),
        Marker::False => "false".to_owned(),
        Marker::True => "true".to_owned(),
        Marker::FixPos(value) => value.to_string(),
        Marker::FixNeg(value) => value.to_string(),
        Marker::U8 => reader.u8()?.to_string(),
        Marker::U16 => reader.u16()?.to_string(),
        Marker::U32 => reader.u32()?.to_string(),
        Marker::U64 => u64::from_be_bytes(reader.number()?).to_string(),
        Marker::I8 => i8::from_be_bytes(reader.number()?).to_string(),
        Marker::I16 => i16::from_be_bytes(reader.number()?).to_string(),
        Marker::I32 => i32::from_be_bytes(reader.number()?).to_string(),
        Marker::I64 => i64::from_be_bytes(reader.number()?).to_string(),
        Marker::F32 => format!("{:?}", f32::from_be_bytes(reader.number()?)),
        Marker::F64 => format!("{:?}", f64::from_be_bytes(reader.number()?)),
        Marker::Reserved => return Err(Stop::Broken),
    };
    sheet.token(start, reader.at)?;
    sheet.put(&word);
    Ok(())
}

fn text(reader: &mut Reader<'_>, sheet: &mut Sheet, length: u32) -> Result<(), Stop> {
    let start = reader.at;
    let text = reader.take(length)?;
    sheet.quoted(start, text)
}

fn bytes(reader: &mut Reader<'_>, sheet: &mut Sheet, length: u32) -> Result<(), Stop> {
    let start = reader.at;
    let bytes = reader.take(length)?;
    sheet.bytes(start, bytes)
}

fn extension(reader: &mut Reader<'_>, sheet: &mut Sheet, length: u32) -> Result<(), Stop> {
    let kind = i8::from_be_bytes(reader.number()?);
    sheet.put(&format!("ext({kind}, "));
    bytes(reader, sheet, length)?;
    sheet.put(")");
    Ok(())
}

fn members(reader: &mut Reader<'_>, sheet: &mut Sheet, start: usize, count: u32, pairs: bool) -> Result<(), Stop> {
    sheet.token(start, reader.at)?;
    sheet.open(if pairs { "{" } else { "[" })?;
    for place in 0..count {
        sheet.member(place == 0);
        item(reader, sheet)?;
        if pairs {
            sheet.put(": ");
            item(reader, sheet)?;
        }
    }
    sheet.close(if pairs { "}" } else { "]" }, count == 0);
    Ok(())
}
