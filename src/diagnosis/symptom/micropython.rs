//! umqtt.simple of `MicroPython`, and umqtt.robust, which is built on it. It speaks MQTT 3.1.1, reads the four bytes of
//! the CONNACK without a time limit, and does not look whether its PINGREQ is answered. Numbers of an `OSError` differ
//! between boards.

use super::Library::Umqtt;
use super::{LOOKUPS, Sight, Symptom, TLS, row};

pub(super) const UMQTT: &[Symptom] = &[
    row(Umqtt, None, "`OSError: -2`, on ESP32 `OSError: -202`", "", LOOKUPS),
    row(
        Umqtt,
        None,
        "`OSError`: `ECONNREFUSED`, on some boards `ECONNRESET` or `ECONNABORTED`",
        "",
        &[Sight::KnockRefused],
    ),
    row(Umqtt, None, "`OSError`: `ETIMEDOUT`, on some boards `EHOSTUNREACH`", "", &[Sight::KnockUnanswered]),
    row(Umqtt, None, "`OSError`: `EHOSTUNREACH`", "", &[Sight::NetworkUnreachable, Sight::HostUnreachable]),
    row(Umqtt, None, "nothing: `connect()` waits for ever", "", &[Sight::ConnackMissing]),
    row(
        Umqtt,
        None,
        "`IndexError: bytes index out of range` in `connect()` (`OSError: ECONNRESET` after a reset)",
        "",
        &[Sight::ClosedBeforeConnack],
    ),
    row(Umqtt, None, "`AssertionError` in `connect()`", "", &[Sight::Http, Sight::Foreign, Sight::Greeted]),
    row(
        Umqtt,
        Some(1),
        "`MQTTException: 1`",
        "The broker refused: unacceptable protocol version.",
        &[Sight::Refused(1)],
    ),
    row(Umqtt, Some(2), "`MQTTException: 2`", "The broker refused: client id rejected.", &[Sight::Refused(2)]),
    row(Umqtt, Some(3), "`MQTTException: 3`", "The broker refused: it is not available now.", &[Sight::Refused(3)]),
    row(Umqtt, Some(4), "`MQTTException: 4`", "The broker refused: bad user name or password.", &[Sight::Refused(4)]),
    row(Umqtt, Some(5), "`MQTTException: 5`", "The broker refused: not authorized.", &[Sight::Refused(5)]),
    row(
        Umqtt,
        Some(128),
        "`MQTTException: 128`",
        "The broker refused the subscription.",
        &[Sight::SubscriptionRefused],
    ),
    row(
        Umqtt,
        Some(-1),
        "`OSError: -1` in `check_msg()` or `wait_msg()` (`ECONNRESET` after a reset)",
        "The broker closed the connection.",
        &[Sight::Lost],
    ),
    row(Umqtt, None, "`OSError` or `ValueError` of the board's TLS library", "", TLS),
];
