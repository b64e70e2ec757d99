//! Values of the JSON document: times, captured text, addresses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::temporal::DateTimePrinter;
use schemars::JsonSchema;
use serde::Serialize;

use crate::capture::Timestamp;
use crate::net::MacAddress;
use crate::session::TextFact;

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
        let printer = const { DateTimePrinter::new().precision(Some(9)) };
        match jiff::Timestamp::from_nanosecond(time.0.into()) {
            Ok(time) => Time(printer.timestamp_to_string(&time)),
            Err(_) => Time(format!("{} ns", time.0)),
        }
    }
}

impl Time {
    /// It up to the point behind the seconds.
    pub(super) fn to_second(&self) -> String {
        let point = self.0.find('.').map_or(self.0.len(), |point| point + 1);
        self.0.get(..point).unwrap_or_default().to_owned()
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
