//! aiomqtt (asyncio-mqtt), which is Paho Python inside: what it raises is an `MqttError` with Paho's words.

use super::Library::Aiomqtt;
use super::{LOOKUPS, Sight, Symptom, row};

pub(super) const SYMPTOMS: &[Symptom] = &[
    row(Aiomqtt, None, "`MqttError: [Errno -2] Name or service not known`", "", LOOKUPS),
    row(Aiomqtt, None, "`MqttError: timed out`", "", &[Sight::KnockUnanswered]),
    row(Aiomqtt, None, "`MqttError: [Errno 111] Connection refused`", "", &[Sight::KnockRefused]),
    row(Aiomqtt, None, "`MqttError: [Errno 101] Network is unreachable`", "", &[Sight::NetworkUnreachable]),
    row(Aiomqtt, None, "`MqttError: [Errno 113] No route to host`", "", &[Sight::HostUnreachable]),
    row(
        Aiomqtt,
        None,
        "`MqttError: Operation timed out`, 10 s after it began",
        "No CONNACK came within the time limit, even if the connection was closed long before.",
        &[Sight::ConnackMissing, Sight::ClosedBeforeConnack, Sight::Http, Sight::Foreign, Sight::Greeted],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttConnectError: [code:132] Unsupported protocol version`",
        "The broker refused: unacceptable protocol version. With MQTT 3.1.1 it is asked again with 3.1, without a word.",
        &[Sight::Refused(1)],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttConnectError: [code:133] Client identifier not valid`",
        "The broker refused: client id rejected.",
        &[Sight::Refused(2)],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttConnectError: [code:136] Server unavailable`",
        "The broker refused: it is not available now.",
        &[Sight::Refused(3)],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttConnectError: [code:134] Bad user name or password`",
        "The broker refused: bad user name or password.",
        &[Sight::Refused(4)],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttConnectError: [code:135] Not authorized`",
        "The broker refused: not authorized.",
        &[Sight::Refused(5)],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttError: Disconnected during message iteration` (from a call that waited for an answer `MqttError: Operation timed out`, after 10 s)",
        "The connection was lost.",
        &[Sight::Lost, Sight::PingUnanswered, Sight::Silent],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: …`",
        "The client did not accept the server's certificate; the words after the colon say why.",
        &[Sight::ServerCertificateRefused],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttError: [SSL: … ALERT …]`, with the name of the alert",
        "The server ended the TLS handshake with this alert.",
        &[Sight::ClientCertificateRefused, Sight::TlsRefused],
    ),
    row(
        Aiomqtt,
        None,
        "`MqttError: [SSL: UNEXPECTED_EOF_WHILE_READING] …` or `MqttError: [Errno 104] Connection reset by peer`",
        "The TLS handshake was cut off.",
        &[Sight::TlsCut],
    ),
];
