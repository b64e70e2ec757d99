//! Values of the JSON document: times, captured text, addresses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::capture::Timestamp;
use crate::net::MacAddress;
use crate::session::TextFact;

use super::page::told;

/// RFC 3339 in UTC with nanoseconds.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Time(#[schemars(extend("format" = "date-time"))] String);

/// Captured text; bytes that are not UTF-8 are encoded.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Text {
    Utf8(String),
    Bytes { base64: String },
}

impl Time {
    pub(super) fn of(time: Timestamp) -> Time {
        Time(told(time, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S.%9fZ"))
    }
}

impl Text {
    pub(super) fn of(text: &TextFact) -> Text {
        Text::of_bytes(&text.0)
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Text {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text::Utf8(text.to_owned()),
            Err(_) => Text::base64(bytes),
        }
    }

    pub(super) fn base64(bytes: &[u8]) -> Text {
        Text::Bytes { base64: STANDARD.encode(bytes) }
    }
}

/// `02:42:0a:00:00:15`.
pub(super) fn mac(mac: MacAddress) -> String {
    mac.0.map(|byte| format!("{byte:02x}")).join(":")
}
