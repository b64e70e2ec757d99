//! What truly happened in the committed captures: `captures/expected.toml`, whose head explains the fields.
#![allow(clippy::disallowed_methods)] // a test reads files

use toml::{Table, Value};

/// All of it, by the name of the capture.
pub fn expected() -> Table {
    std::fs::read_to_string(super::root().join("captures/expected.toml")).unwrap().parse().unwrap()
}

/// The sessions of one capture.
pub fn sessions(truth: &Value) -> Vec<Value> {
    truth.get("sessions").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A text.
pub fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// A list of texts; empty where there is none.
pub fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
