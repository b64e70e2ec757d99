//! esp-mqtt, MQTT.js, rumqttc, the HiveMQ client, the SDKs of AWS and Azure, Node-RED and Zephyr.

use super::Library::{AwsSdk, AzureSdk, EspMqtt, HiveMq, MqttJs, NodeRed, Rumqttc, Zephyr as Z};
use super::{LOOKUPS, NETWORK, OPENING, Sight, Symptom, TLS, row};

pub(super) const ESP_MQTT: &[Symptom] = &[
    row(EspMqtt, None, "“Error transport connect”", "", NETWORK),
    row(
        EspMqtt,
        Some(0),
        "“mqtt_message_receive() returned 0”, then “MQTT connect failed”",
        "No CONNACK came within 10 s.",
        &[Sight::ConnackMissing],
    ),
    row(
        EspMqtt,
        Some(-2),
        "“mqtt_message_receive() returned -2”",
        "The server closed, or reading failed, while the client waited for the CONNACK.",
        &[Sight::ClosedBeforeConnack],
    ),
    row(EspMqtt, Some(-1), "“mqtt_message_receive() returned -1”", "The answer was incomplete.", &[]),
    row(
        EspMqtt,
        Some(1),
        "“Connection refused, bad protocol”",
        "The broker refused: unacceptable protocol version.",
        &[Sight::Refused(1)],
    ),
    row(
        EspMqtt,
        Some(2),
        "“Connection refused, Unknown reason”",
        "The broker refused the client id; the library has no text for it.",
        &[Sight::Refused(2)],
    ),
    row(
        EspMqtt,
        Some(3),
        "“Connection refused, server unavailable”",
        "The broker refused: it is not available now.",
        &[Sight::Refused(3)],
    ),
    row(
        EspMqtt,
        Some(4),
        "“Connection refused, bad username or password”",
        "The broker refused: bad user name or password.",
        &[Sight::Refused(4)],
    ),
    row(
        EspMqtt,
        Some(5),
        "“Connection refused, not authorized”",
        "The broker refused: not authorized.",
        &[Sight::Refused(5)],
    ),
    row(EspMqtt, None, "“No PING_RESP, disconnected”", "", &[Sight::PingUnanswered, Sight::Silent]),
    row(EspMqtt, None, "“transport_read(): EOF” or “Poll read error: …, aborting connection”", "", &[Sight::Lost]),
];

pub(super) const MQTT_JS: &[Symptom] = &[
    row(MqttJs, None, "`ETIMEDOUT`", "", &[Sight::KnockUnanswered]),
    row(MqttJs, None, "`ENOTFOUND`", "", &[Sight::NameNotFound, Sight::NameWithoutAddress]),
    row(MqttJs, None, "`EAI_AGAIN`", "", &[Sight::NameUnanswered]),
    row(MqttJs, None, "`ECONNREFUSED`", "", &[Sight::KnockRefused]),
    row(MqttJs, None, "`ENETUNREACH`", "", &[Sight::NetworkUnreachable]),
    row(MqttJs, None, "`EHOSTUNREACH`", "", &[Sight::HostUnreachable]),
    row(MqttJs, None, "“connack timeout”", "", &[Sight::ConnackMissing]),
    row(
        MqttJs,
        None,
        "the `close` event without an `error` (`ECONNRESET` after a reset), then a new connection after 1 s",
        "",
        &[Sight::ClosedBeforeConnack, Sight::Lost],
    ),
    row(
        MqttJs,
        Some(1),
        "“Connection refused: Unacceptable protocol version”, code 1",
        "The broker refused: unacceptable protocol version.",
        &[Sight::Refused(1)],
    ),
    row(
        MqttJs,
        Some(2),
        "“Connection refused: Identifier rejected”, code 2",
        "The broker refused: client id rejected.",
        &[Sight::Refused(2)],
    ),
    row(
        MqttJs,
        Some(3),
        "“Connection refused: Server unavailable”, code 3",
        "The broker refused: it is not available now.",
        &[Sight::Refused(3)],
    ),
    row(
        MqttJs,
        Some(4),
        "“Connection refused: Bad username or password”, code 4",
        "The broker refused: bad user name or password.",
        &[Sight::Refused(4)],
    ),
    row(
        MqttJs,
        Some(5),
        "“Connection refused: Not authorized”, code 5",
        "The broker refused: not authorized.",
        &[Sight::Refused(5)],
    ),
    row(
        MqttJs,
        None,
        "“Invalid header flag bits, must be 0x0 for puback packet” (before version 5 the `close` event alone)",
        "",
        &[Sight::Http],
    ),
    row(MqttJs, None, "“Keepalive timeout”", "", &[Sight::PingUnanswered, Sight::Silent]),
    row(MqttJs, None, "“Subscribe error: …”", "The broker refused the subscription.", &[Sight::SubscriptionRefused]),
];

pub(super) const RUMQTTC: &[Symptom] = &[
    row(
        Rumqttc,
        None,
        "`NetworkTimeout` (with MQTT 5.0 `Timeout(…)`)",
        "",
        &[Sight::KnockUnanswered, Sight::ConnackMissing],
    ),
    row(Rumqttc, None, "`Io(…)`: connection refused", "", &[Sight::KnockRefused]),
    row(Rumqttc, None, "`Io(…)`", "", &[Sight::NetworkUnreachable, Sight::HostUnreachable]),
    row(Rumqttc, None, "`Io(…)`: failed to lookup address information", "", LOOKUPS),
    row(
        Rumqttc,
        None,
        "`MqttState(ConnectionAborted)`: “Connection closed by peer abruptly” (before version 0.25 `Io(…)`: “connection closed by peer”)",
        "",
        &[Sight::ClosedBeforeConnack],
    ),
    row(
        Rumqttc,
        None,
        "`Io(…)`: “received fatal alert: CertificateRequired” (or `UnknownCA`, `CertificateRevoked`, …)",
        "With TLS 1.3 the broker's refusal of the client's certificate comes when the client takes the handshake for done.",
        &[Sight::ClientCertificateRefusedLate],
    ),
    row(
        Rumqttc,
        None,
        "`NotConnAck(…)` or `MqttState(Deserialization(…))`",
        "The answer to CONNECT is no CONNACK.",
        &[Sight::Http, Sight::Foreign],
    ),
    row(Rumqttc, None, "`MqttState(ConnectionAborted)`: “Connection closed by peer abruptly”", "", &[Sight::Lost]),
    row(
        Rumqttc,
        None,
        "`ConnectionRefused(…)`",
        "",
        &[Sight::Refused(1), Sight::Refused(2), Sight::Refused(3), Sight::Refused(4), Sight::Refused(5)],
    ),
    row(
        Rumqttc,
        None,
        "`FlushTimeout`",
        "Writing took too long: the server does not read, or the network is gone.",
        &[Sight::Silent],
    ),
    row(
        Rumqttc,
        None,
        "`CollisionTimeout`",
        "A packet id is still in use: its acknowledgment never came.",
        &[Sight::Unacknowledged],
    ),
    row(
        Rumqttc,
        None,
        "“payload size limit exceeded”",
        "A message of the server is larger than the client's limit, 10 KiB unless set.",
        &[Sight::TooLarge],
    ),
    row(Rumqttc, None, "`AwaitPingResp`: “Last pingreq isn't acked”", "", &[Sight::PingUnanswered, Sight::Silent]),
];

pub(super) const HIVEMQ: &[Symptom] = &[
    row(HiveMq, None, "`ConnectionFailedException`", "", OPENING),
    row(HiveMq, None, "“Timeout while waiting for CONNACK”", "", &[Sight::ConnackMissing]),
    row(
        HiveMq,
        None,
        "`ConnectionClosedException`: “Server closed connection without DISCONNECT.”",
        "",
        &[Sight::ClosedBeforeConnack, Sight::Lost],
    ),
    row(HiveMq, None, "`Mqtt5DisconnectException`: “Server sent DISCONNECT.”", "", &[Sight::Dismissed]),
    row(
        HiveMq,
        None,
        "`Mqtt3ConnAckException`",
        "",
        &[Sight::Refused(1), Sight::Refused(2), Sight::Refused(3), Sight::Refused(4), Sight::Refused(5)],
    ),
    row(HiveMq, None, "“Timeout while waiting for PINGRESP”", "", &[Sight::PingUnanswered]),
];

pub(super) const AWS: &[Symptom] = &[
    row(AwsSdk, None, "`AWS_IO_SOCKET_TIMEOUT`", "", &[Sight::KnockUnanswered]),
    row(AwsSdk, None, "`AWS_IO_DNS_QUERY_FAILED`", "", LOOKUPS),
    row(AwsSdk, None, "`AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE`", "", TLS),
    row(AwsSdk, Some(5129), "5129 (TIMEOUT)", "No answer came in time.", &[]),
    row(AwsSdk, Some(5130), "5130 (PROTOCOL_ERROR)", "The other side broke the protocol.", &[]),
    row(AwsSdk, Some(5131), "5131 (NOT_CONNECTED)", "The client is not connected.", &[]),
    row(
        AwsSdk,
        Some(5134),
        "5134 (UNEXPECTED_HANGUP)",
        "The server closed without a packet: a policy denied the request, another client uses the same client id, or the packet was not accepted.",
        &[Sight::ClosedBeforeConnack, Sight::Lost],
    ),
    row(AwsSdk, Some(5135), "5135 (CONNECTION_SHUTDOWN)", "The connection was shut down.", &[]),
];

pub(super) const AZURE: &[Symptom] = &[
    row(
        AzureSdk,
        None,
        "connection status BAD_CREDENTIAL, EXPIRED_SAS_TOKEN or DEVICE_DISABLED",
        "The hub refused the device's user name, token or certificate, or the device as such.",
        &[Sight::Refused(4), Sight::Refused(5)],
    ),
    row(
        AzureSdk,
        None,
        "connection status COMMUNICATION_ERROR",
        "The connection was lost or could not be opened. The hub also closes without a word on a request that is not allowed, and when the same device connects again.",
        &[Sight::Lost, Sight::Silent, Sight::ClosedBeforeConnack],
    ),
];

/// It is built on MQTT.js.
pub(super) const NODE_RED: &[Symptom] = &[
    row(
        NodeRed,
        None,
        "“Connection failed to broker: …”",
        "The connection could not be opened, or the broker refused it.",
        &[
            Sight::KnockUnanswered,
            Sight::KnockRefused,
            Sight::NetworkUnreachable,
            Sight::HostUnreachable,
            Sight::ConnackMissing,
            Sight::ClosedBeforeConnack,
            Sight::Refused(1),
            Sight::Refused(2),
            Sight::Refused(3),
            Sight::Refused(4),
            Sight::Refused(5),
        ],
    ),
    row(
        NodeRed,
        None,
        "“Disconnected from broker: …”",
        "The connection was lost. Every few seconds: another client uses the same client id.",
        &[Sight::Lost, Sight::Silent, Sight::PingUnanswered],
    ),
];

pub(super) const ZEPHYR: &[Symptom] = &[
    row(
        Z,
        Some(-111),
        "-111 (-ECONNREFUSED)",
        "The broker refused the connection with a CONNACK; this is no refused TCP connection. The code is in the event's result.",
        &[Sight::Refused(1), Sight::Refused(2), Sight::Refused(3), Sight::Refused(4), Sight::Refused(5)],
    ),
    row(
        Z,
        Some(-12),
        "-12 (-ENOMEM), “Read would exceed RX buffer bounds”",
        "A packet of the server is larger than the receive buffer.",
        &[Sight::TooLarge],
    ),
    row(Z, Some(-128), "-128 (-ENOTCONN)", "The server closed the connection.", &[Sight::Lost]),
];
