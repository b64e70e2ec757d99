//! Other libraries for Arduino and ESP boards; all speak MQTT 3.1.1.

use super::Library::{ArduinoMqtt as A256, ArduinoMqttClient as Official, AsyncMqttClient as Async};
use super::{OPENING, Sight, Symptom, row};

/// arduino-mqtt by 256dpi (lwmqtt): `lastError()`, and `returnCode()` for a CONNACK.
pub(super) const ARDUINO_MQTT: &[Symptom] = &[
    row(A256, Some(0), "lastError 0", "Success.", &[]),
    row(A256, Some(-1), "lastError -1", "A packet is larger than the buffer (128 bytes unless set).", &[]),
    row(
        A256,
        Some(-2),
        "lastError -2",
        "A length field could not be decoded: a broken packet, or another protocol.",
        &[],
    ),
    row(
        A256,
        Some(-3),
        "lastError -3 (network connect failed)",
        "The TCP or TLS connection could not be opened.",
        OPENING,
    ),
    row(
        A256,
        Some(-4),
        "lastError -4 (network timeout)",
        "No CONNACK or acknowledgment within the time limit, which is 1 s unless set: too short for slow links.",
        &[Sight::ConnackMissing],
    ),
    row(A256, Some(-5), "lastError -5", "Reading from the network failed.", &[]),
    row(A256, Some(-6), "lastError -6", "Writing to the network failed.", &[]),
    row(A256, Some(-7), "lastError -7", "A packet is longer than the buffer (128 bytes unless set).", &[]),
    row(A256, Some(-8), "lastError -8", "The length of a packet does not fit its content.", &[]),
    row(
        A256,
        Some(-9),
        "lastError -9 (missing or wrong packet)",
        "Another packet came than the expected one, or none: a web server answered, or the server closed without an answer.",
        &[Sight::ClosedBeforeConnack, Sight::Http, Sight::Foreign],
    ),
    row(
        A256,
        Some(-10),
        "lastError -10 (connection denied), returnCode 1",
        "The broker refused the connection; returnCode() has its code.",
        &[Sight::Refused(1)],
    ),
    row(A256, Some(-10), "lastError -10 (connection denied), returnCode 2", "", &[Sight::Refused(2)]),
    row(A256, Some(-10), "lastError -10 (connection denied), returnCode 3", "", &[Sight::Refused(3)]),
    row(A256, Some(-10), "lastError -10 (connection denied), returnCode 4", "", &[Sight::Refused(4)]),
    row(A256, Some(-10), "lastError -10 (connection denied), returnCode 5", "", &[Sight::Refused(5)]),
    row(
        A256,
        Some(-11),
        "lastError -11 (failed subscription)",
        "The broker refused a subscription (SUBACK 0x80).",
        &[],
    ),
    row(A256, Some(-12), "lastError -12", "A SUBACK has more codes than expected.", &[]),
    row(A256, Some(-13), "lastError -13 (pong timeout)", "A PINGREQ was not answered.", &[Sight::PingUnanswered]),
];

/// AsyncMqttClient: the reason given to `onDisconnect`.
pub(super) const ASYNC_MQTT_CLIENT: &[Symptom] = &[
    row(
        Async,
        Some(0),
        "reason 0 (TCP_DISCONNECTED)",
        "The catch-all: the name was not found, the port refused, nothing answered, the Keep Alive ran out, or the connection was closed.",
        &[
            Sight::KnockUnanswered,
            Sight::KnockRefused,
            Sight::NetworkUnreachable,
            Sight::HostUnreachable,
            Sight::NameNotFound,
            Sight::NameWithoutAddress,
            Sight::NameUnanswered,
            Sight::ConnackMissing,
            Sight::ClosedBeforeConnack,
            Sight::Lost,
            Sight::Silent,
            Sight::PingUnanswered,
        ],
    ),
    row(
        Async,
        Some(1),
        "reason 1 (MQTT_UNACCEPTABLE_PROTOCOL_VERSION)",
        "The broker refused: unacceptable protocol version.",
        &[Sight::Refused(1)],
    ),
    row(
        Async,
        Some(2),
        "reason 2 (MQTT_IDENTIFIER_REJECTED)",
        "The broker refused: client id rejected.",
        &[Sight::Refused(2)],
    ),
    row(
        Async,
        Some(3),
        "reason 3 (MQTT_SERVER_UNAVAILABLE)",
        "The broker refused: it is not available now.",
        &[Sight::Refused(3)],
    ),
    row(
        Async,
        Some(4),
        "reason 4 (MQTT_MALFORMED_CREDENTIALS)",
        "The broker refused: bad user name or password.",
        &[Sight::Refused(4)],
    ),
    row(Async, Some(5), "reason 5 (MQTT_NOT_AUTHORIZED)", "The broker refused: not authorized.", &[Sight::Refused(5)]),
    row(Async, Some(6), "reason 6 (ESP8266_NOT_ENOUGH_SPACE)", "The ESP8266 has no memory left for the packet.", &[]),
    row(
        Async,
        Some(7),
        "reason 7 (TLS_BAD_FINGERPRINT)",
        "The server's certificate is not the expected one: TLS completes, then the client closes without CONNECT.",
        &[],
    ),
];

/// ArduinoMqttClient, the official Arduino library: `connectError()`.
pub(super) const ARDUINO_MQTT_CLIENT: &[Symptom] = &[
    row(
        Official,
        Some(-2),
        "connectError -2 (MQTT_CONNECTION_REFUSED)",
        "The TCP connection could not be opened: refused, unanswered, or the name was not found.",
        OPENING,
    ),
    row(
        Official,
        Some(-1),
        "connectError -1 (MQTT_CONNECTION_TIMEOUT)",
        "No CONNACK within 30 s, or the server closed before it.",
        &[Sight::ConnackMissing, Sight::ClosedBeforeConnack],
    ),
    row(Official, Some(0), "connectError 0", "Success.", &[]),
    row(
        Official,
        Some(1),
        "connectError 1",
        "The broker refused: unacceptable protocol version.",
        &[Sight::Refused(1)],
    ),
    row(Official, Some(2), "connectError 2", "The broker refused: client id rejected.", &[Sight::Refused(2)]),
    row(
        Official,
        Some(3),
        "connectError 3",
        "The broker refused: it is not available now; or CONNECT could not be written.",
        &[Sight::Refused(3)],
    ),
    row(Official, Some(4), "connectError 4", "The broker refused: bad user name or password.", &[Sight::Refused(4)]),
    row(Official, Some(5), "connectError 5", "The broker refused: not authorized.", &[Sight::Refused(5)]),
];
