//! CBOR (RFC 8949) in its diagnostic notation (§8), a member a line. Tokens are read by `minicbor`.

use minicbor::Decoder;
use minicbor::data::{Token, Type};
use minicbor::decode::Error;

use super::sheet::{Sheet, Stop};

/// Writes one data item.
pub(super) fn walk(bytes: &[u8], sheet: &mut Sheet) -> Result<usize, Stop> {
    let mut reader = Decoder::new(bytes);
    item(&mut reader, sheet)?;
    Ok(reader.position())
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn stop(error: Error) -> Stop {
    if error.is_end_of_input() { Stop::Short } else { Stop::Broken }
}

fn item(reader: &mut Decoder<'_>, sheet: &mut Sheet) -> Result<(), Stop> {
    let start = reader.position();
    let token: Token<'_> = reader.decode().map_err(stop)?;
    let end = reader.position();
    sheet.items += 1;
    match token {
        Token::String(text) => return sheet.quoted(end - text.len(), text.as_bytes()),
        Token::Bytes(bytes) => return sheet.bytes(end - bytes.len(), bytes),
        _ => sheet.token(start, end)?,
    }
    match token {
        Token::Array(count) => members(reader, sheet, ["[", "]"], Some(count), Members::Items)?,
        Token::BeginArray => members(reader, sheet, ["[_", "]"], None, Members::Items)?,
        Token::Map(count) => members(reader, sheet, ["{", "}"], Some(count), Members::Pairs)?,
        Token::BeginMap => members(reader, sheet, ["{_", "}"], None, Members::Pairs)?,
        Token::BeginBytes => members(reader, sheet, ["(_", ")"], None, Members::Chunks(Type::Bytes))?,
        Token::BeginString => members(reader, sheet, ["(_", ")"], None, Members::Chunks(Type::String))?,
        Token::Tag(tag) => {
            sheet.open(&format!("{}(", tag.as_u64()))?;
            item(reader, sheet)?;
            sheet.close(")", true);
        }
        Token::F16(value) | Token::F32(value) => sheet.put(&float(&format!("{value:?}"))),
        Token::F64(value) => sheet.put(&float(&format!("{value:?}"))),
        Token::Break => return Err(Stop::Broken),
        other => sheet.put(&other.to_string()),
    }
    Ok(())
}

/// What stands in a container.
#[derive(Clone, Copy, PartialEq)]
enum Members {
    Items,
    Pairs,
    /// Definite strings of one type (RFC 8949 §3.2.3).
    Chunks(Type),
}

fn members(
    reader: &mut Decoder<'_>,
    sheet: &mut Sheet,
    brackets: [&str; 2],
    count: Option<u64>,
    members: Members,
) -> Result<(), Stop> {
    let [open, close] = brackets;
    sheet.open(open)?;
    let mut read = 0;
    while count != Some(read) {
        let kind = reader.datatype().map_err(stop)?;
        if count.is_none() && kind == Type::Break {
            reader.decode::<Token<'_>>().map_err(stop)?;
            break;
        }
        if matches!(members, Members::Chunks(wanted) if wanted != kind) {
            return Err(Stop::Broken);
        }
        sheet.member(read == 0);
        item(reader, sheet)?;
        if members == Members::Pairs {
            sheet.put(": ");
            item(reader, sheet)?;
        }
        read += 1;
    }
    sheet.close(close, read == 0);
    Ok(())
}

/// A float in the words of RFC 8949 §8.
fn float(written: &str) -> String {
    match written {
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        _ => written.to_owned(),
    }
}
