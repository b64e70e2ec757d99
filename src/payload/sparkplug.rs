//! Sparkplug B: its topics and the fields of its payload (Sparkplug 3.0.0 §6.4, `sparkplug_b.proto`).

use super::protobuf::{Fields, Wire};

/// A field: its number, name and kind.
pub(super) type Table = [(u32, &'static str, Kind)];

/// What a field holds.
pub(super) enum Kind {
    Number,
    /// Milliseconds since 1970.
    Time,
    /// Index of a data type.
    DataType,
    Flag,
    /// A number whose sign and size the data type beside it gives.
    Typed,
    Float,
    Double,
    Text,
    Bytes,
    Message(&'static Table),
}

pub(super) static PAYLOAD: [(u32, &str, Kind); 5] = [
    (1, "timestamp", Kind::Time),
    (2, "metrics", Kind::Message(&METRIC)),
    (3, "seq", Kind::Number),
    (4, "uuid", Kind::Text),
    (5, "body", Kind::Bytes),
];

static METRIC: [(u32, &str, Kind); 19] = [
    (1, "name", Kind::Text),
    (2, "alias", Kind::Number),
    (3, "timestamp", Kind::Time),
    (4, "datatype", Kind::DataType),
    (5, "is_historical", Kind::Flag),
    (6, "is_transient", Kind::Flag),
    (7, "is_null", Kind::Flag),
    (8, "metadata", Kind::Message(&META_DATA)),
    (9, "properties", Kind::Message(&PROPERTY_SET)),
    (10, "int_value", Kind::Typed),
    (11, "long_value", Kind::Typed),
    (12, "float_value", Kind::Float),
    (13, "double_value", Kind::Double),
    (14, "boolean_value", Kind::Flag),
    (15, "string_value", Kind::Text),
    (16, "bytes_value", Kind::Bytes),
    (17, "dataset_value", Kind::Message(&DATA_SET)),
    (18, "template_value", Kind::Message(&TEMPLATE)),
    (19, "extension_value", Kind::Bytes),
];

static META_DATA: [(u32, &str, Kind); 8] = [
    (1, "is_multi_part", Kind::Flag),
    (2, "content_type", Kind::Text),
    (3, "size", Kind::Number),
    (4, "seq", Kind::Number),
    (5, "file_name", Kind::Text),
    (6, "file_type", Kind::Text),
    (7, "md5", Kind::Text),
    (8, "description", Kind::Text),
];

static PROPERTY_SET: [(u32, &str, Kind); 2] = [(1, "keys", Kind::Text), (2, "values", Kind::Message(&PROPERTY_VALUE))];

static PROPERTY_VALUE: [(u32, &str, Kind); 11] = [
    (1, "type", Kind::DataType),
    (2, "is_null", Kind::Flag),
    (3, "int_value", Kind::Typed),
    (4, "long_value", Kind::Typed),
    (5, "float_value", Kind::Float),
    (6, "double_value", Kind::Double),
    (7, "boolean_value", Kind::Flag),
    (8, "string_value", Kind::Text),
    (9, "propertyset_value", Kind::Message(&PROPERTY_SET)),
    (10, "propertysets_value", Kind::Message(&PROPERTY_SET_LIST)),
    (11, "extension_value", Kind::Bytes),
];

static PROPERTY_SET_LIST: [(u32, &str, Kind); 1] = [(1, "propertyset", Kind::Message(&PROPERTY_SET))];

static DATA_SET: [(u32, &str, Kind); 4] = [
    (1, "num_of_columns", Kind::Number),
    (2, "columns", Kind::Text),
    (3, "types", Kind::Number),
    (4, "rows", Kind::Message(&ROW)),
];

static ROW: [(u32, &str, Kind); 1] = [(1, "elements", Kind::Message(&DATA_SET_VALUE))];

static DATA_SET_VALUE: [(u32, &str, Kind); 7] = [
    (1, "int_value", Kind::Number),
    (2, "long_value", Kind::Number),
    (3, "float_value", Kind::Float),
    (4, "double_value", Kind::Double),
    (5, "boolean_value", Kind::Flag),
    (6, "string_value", Kind::Text),
    (7, "extension_value", Kind::Bytes),
];

static TEMPLATE: [(u32, &str, Kind); 5] = [
    (1, "version", Kind::Text),
    (2, "metrics", Kind::Message(&METRIC)),
    (3, "parameters", Kind::Message(&PARAMETER)),
    (4, "template_ref", Kind::Text),
    (5, "is_definition", Kind::Flag),
];

static PARAMETER: [(u32, &str, Kind); 9] = [
    (1, "name", Kind::Text),
    (2, "type", Kind::DataType),
    (3, "int_value", Kind::Typed),
    (4, "long_value", Kind::Typed),
    (5, "float_value", Kind::Float),
    (6, "double_value", Kind::Double),
    (7, "boolean_value", Kind::Flag),
    (8, "string_value", Kind::Text),
    (9, "extension_value", Kind::Bytes),
];

/// Data types by their index (Sparkplug 3.0.0 §6.4.16).
const DATA_TYPES: [&str; 35] = [
    "Unknown",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
    "UUID",
    "DataSet",
    "Bytes",
    "File",
    "Template",
    "PropertySet",
    "PropertySetList",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "UInt8Array",
    "UInt16Array",
    "UInt32Array",
    "UInt64Array",
    "FloatArray",
    "DoubleArray",
    "BooleanArray",
    "StringArray",
    "DateTimeArray",
];

/// Message types whose payload is in this format; that of STATE is text (Sparkplug 3.0.0 §4.1, §6.4.26).
const MESSAGE_TYPES: [&[u8]; 8] = [b"NBIRTH", b"NDEATH", b"DBIRTH", b"DDEATH", b"NDATA", b"DDATA", b"NCMD", b"DCMD"];

/// Whether a topic is `spBv1.0/GROUP/MESSAGE_TYPE/EDGE_NODE[/DEVICE]`.
pub(super) fn is_topic(topic: &[u8]) -> bool {
    let mut levels = topic.split(|byte| *byte == b'/');
    let (namespace, _group, kind) = (levels.next(), levels.next(), levels.next());
    namespace == Some(b"spBv1.0") && kind.is_some_and(|kind| MESSAGE_TYPES.contains(&kind)) && levels.next().is_some()
}

/// Whether the fields of a payload are those of Sparkplug B, with their wire types; a payload that
/// was captured in part may end anywhere.
pub(super) fn is_payload(bytes: &[u8], whole: bool) -> bool {
    let known = |number: u64, wire: Wire<'_>| {
        let field = PAYLOAD.iter().find(|known| u64::from(known.0) == number);
        field.is_some_and(|field| match field.2 {
            Kind::Time | Kind::Number => matches!(wire, Wire::Varint(_)),
            _ => matches!(wire, Wire::Length(_)),
        })
    };
    Fields::of(bytes).all(|field| match field {
        Ok(field) => known(field.number, field.value),
        Err(_) => !whole,
    })
}

/// A value in words; without a kind, as the wire type gives it.
pub(super) fn word(value: Wire<'_>, kind: Option<&Kind>, data_type: Option<u64>) -> String {
    match (value, kind) {
        (Wire::Varint(value), Some(Kind::Time)) => time(value),
        (Wire::Varint(value), Some(Kind::DataType)) => {
            let name = usize::try_from(value).ok().and_then(|value| DATA_TYPES.get(value));
            name.map_or_else(|| value.to_string(), |name| format!("{value} ({name})"))
        }
        (Wire::Varint(value @ (0 | 1)), Some(Kind::Flag)) => (value == 1).to_string(),
        (Wire::Varint(value), Some(Kind::Typed)) => typed(value, data_type),
        (Wire::Varint(value), _) => value.to_string(),
        (Wire::Fixed32(bytes), Some(Kind::Float)) => format!("{:?}", f32::from_le_bytes(bytes)),
        (Wire::Fixed64(bytes), Some(Kind::Double)) => format!("{:?}", f64::from_le_bytes(bytes)),
        (Wire::Fixed32(bytes), _) => {
            format!("0x{:08x} (float {:?})", u32::from_le_bytes(bytes), f32::from_le_bytes(bytes))
        }
        (Wire::Fixed64(bytes), _) => {
            format!("0x{:016x} (double {:?})", u64::from_le_bytes(bytes), f64::from_le_bytes(bytes))
        }
        (Wire::Length(_), _) => String::new(),
    }
}

/// Signed integers are sent as the two's complement of their size (Sparkplug 3.0.0 §6.4.16).
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // that is what the complement is
fn typed(value: u64, data_type: Option<u64>) -> String {
    match data_type {
        Some(1) => (value as i8).to_string(),
        Some(2) => (value as i16).to_string(),
        Some(3) => (value as i32).to_string(),
        Some(4) => (value as i64).to_string(),
        Some(13) => time(value),
        _ => value.to_string(),
    }
}

fn time(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|value| jiff::Timestamp::from_millisecond(value).ok());
    time.map_or_else(|| milliseconds.to_string(), |time| format!("{milliseconds} ({time})"))
}
