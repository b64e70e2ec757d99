//! One session in the words of the table, for who sets it otherwise.

use crate::stream::Side;
use crate::text;

use super::listing;
use super::model::{Case, Style};
use super::page::told;

/// What a row says of a session. Harmless to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Client id, else address and port.
    pub client: String,
    /// Client's address and port.
    pub from: String,
    /// Server's address and port, or the name that was looked up.
    pub server: String,
    /// MQTT version, or a dash.
    pub version: String,
    /// When it began: hours, minutes, seconds.
    pub started: String,
    /// How long it lasted.
    pub lasted: String,
    /// Messages of the client.
    pub sent: String,
    /// Messages of the server.
    pub received: String,
    /// How it ended, with the mark of its severity.
    pub ended: String,
}

impl Row {
    /// The row of `case`.
    pub fn of(case: &Case, style: &Style) -> Row {
        let set = |text: String| style.set(&text);
        Row {
            client: set(case.client_name()),
            from: case.client_address(),
            server: set(case.server_name()),
            version: set(case.session.version.map_or_else(|| "–".to_owned(), |version| version.to_string())),
            started: told(case.session.wire.first.time, &style.zone, "%H:%M:%S"),
            lasted: set(text::duration(case.lasted())),
            sent: text::number(case.messages(Side::Client)),
            received: text::number(case.messages(Side::Server)),
            ended: set(listing::ended(case)),
        }
    }
}
