//! What clients print when no WebSocket comes about, and Paho JavaScript, which knows nothing else.

use super::Library::{MqttJs, PahoJs, PahoPython as Py};
use super::{KNOCKS, Sight, Symptom, row};
use crate::transport::websocket::Flaw;

/// The answer that agreed to the WebSocket has a flaw, whichever.
const FLAWED: [Sight; 4] = [
    Sight::UpgradeFlawed(Flaw::Upgrade),
    Sight::UpgradeFlawed(Flaw::Connection),
    Sight::UpgradeFlawed(Flaw::NoAccept),
    Sight::UpgradeFlawed(Flaw::Accept),
];

/// Stands for any status for which a library has no row of its own.
pub(super) const ANY_STATUS: Sight = Sight::UpgradeRefused(0);

/// What is printed in Node.js, by status of the answer.
macro_rules! unexpected {
    ($($status:literal)*) => {
        [$(row(MqttJs, None, concat!("the `close` event alone; with `DEBUG=mqttjs*` “Unexpected server response: ", $status, "”"), "", &[Sight::UpgradeRefused($status)])),*]
    };
}

pub(super) const UNEXPECTED: &[Symptom] =
    &unexpected!(200 301 302 303 307 308 400 401 403 404 405 407 426 429 500 501 502 503 504);

pub(super) const SYMPTOMS: &[Symptom] = &[
    row(MqttJs, None, "“read ECONNRESET” or “socket hang up”", "", &[Sight::UpgradeCut]),
    row(Py, None, "`WebsocketConnectionError`: “WebSocket handshake error”", "", &[Sight::UpgradeCut]),
    row(PahoJs, None, "“AMQJS0007E Socket error:undefined.”", "", &[Sight::UpgradeCut]),
    row(
        MqttJs,
        None,
        "in a browser: “WebSocket connection to '…' failed”",
        "",
        &[ANY_STATUS, Sight::SubprotocolMissing],
    ),
    row(
        MqttJs,
        None,
        "the `close` event alone; with `DEBUG=mqttjs*` “Server sent no subprotocol”",
        "",
        &[Sight::SubprotocolMissing],
    ),
    row(
        MqttJs,
        None,
        "the `close` event alone; with `DEBUG=mqttjs*` “Unexpected server response: 101” or “Invalid Upgrade header”",
        "",
        &[Sight::UpgradeFlawed(Flaw::Upgrade), Sight::UpgradeFlawed(Flaw::Connection)],
    ),
    row(
        MqttJs,
        None,
        "the `close` event alone; with `DEBUG=mqttjs*` “Invalid Sec-WebSocket-Accept header”",
        "",
        &[Sight::UpgradeFlawed(Flaw::NoAccept), Sight::UpgradeFlawed(Flaw::Accept)],
    ),
    row(MqttJs, None, "in a browser: “WebSocket connection to '…' failed”", "", &FLAWED),
    row(PahoJs, None, "“AMQJS0007E Socket error:undefined.”", "", &FLAWED),
    row(
        Py,
        None,
        "`WebsocketConnectionError`: “WebSocket handshake error”, perhaps with “connection not upgraded”",
        "",
        &[Sight::UpgradeFlawed(Flaw::Connection)],
    ),
    row(
        Py,
        None,
        "`WebsocketConnectionError`: “WebSocket handshake error”",
        "",
        &[Sight::UpgradeFlawed(Flaw::NoAccept)],
    ),
    row(
        Py,
        None,
        "`WebsocketConnectionError`: “WebSocket handshake error, invalid secret key”",
        "",
        &[Sight::UpgradeFlawed(Flaw::Accept)],
    ),
    row(
        Py,
        None,
        "`WebsocketConnectionError`: “WebSocket handshake error, connection not upgraded”",
        "",
        &[ANY_STATUS],
    ),
    row(PahoJs, None, "“AMQJS0007E Socket error:undefined.”", "", &[ANY_STATUS, Sight::SubprotocolMissing]),
    row(PahoJs, None, "“AMQJS0007E Socket error:undefined.”", "", KNOCKS),
    row(PahoJs, None, "“AMQJSC0001E Connect timed out.”", "", &[Sight::ConnackMissing]),
    row(PahoJs, None, "“AMQJS0004E Ping timed out.”", "", &[Sight::PingUnanswered, Sight::Silent]),
    row(PahoJs, None, "“AMQJS0008I Socket closed.”", "", &[Sight::Lost, Sight::ClosedBeforeConnack]),
    row(
        PahoJs,
        None,
        "“AMQJS0006E Bad Connack return code: …”",
        "",
        &[Sight::Refused(1), Sight::Refused(2), Sight::Refused(3), Sight::Refused(4), Sight::Refused(5)],
    ),
];
