//! Many short connections side by side, half of which end badly, each in a way that the capture shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use mqtt_proto::v3::ConnectReturnCode;
use mqtt_proto::v5::{ConnectReasonCode, DisconnectReasonCode};
use mqttcap::stream::Side;

use super::Tally;
use super::connection::Connection;
use super::packet::{self, Version, Version::V3, Version::V5};
use super::wire::{Capture, Host};

/// Between two connections that begin, in microseconds.
const APART: u64 = 500;
const MILLISECOND: u64 = 1000;
const SECOND: u64 = 1_000_000;
const BROKER: Host = Host { address: [10, 255, 0, 1], port: 1883 };
/// Where nobody answers: its host is off, or nothing listens on the port.
const OFF: Host = Host { address: [10, 255, 0, 2], port: 1883 };
const CLOSED: Host = Host { address: [10, 255, 0, 3], port: 1883 };

/// Refusals of MQTT 3.1.1 (§3.2.2.3), and mqttcap's name of each.
const REFUSALS_V3: [(ConnectReturnCode, &str); 5] = [
    (ConnectReturnCode::UnacceptableProtocolVersion, "refused-protocol-version"),
    (ConnectReturnCode::IdentifierRejected, "refused-client-id"),
    (ConnectReturnCode::ServerUnavailable, "refused-server-unavailable"),
    (ConnectReturnCode::BadUserNameOrPassword, "refused-bad-credentials"),
    (ConnectReturnCode::NotAuthorized, "refused-not-authorized"),
];

/// Refusals of MQTT 5.0 (§3.2.2.2), and mqttcap's name of each.
const REFUSALS_V5: [(ConnectReasonCode, &str); 8] = [
    (ConnectReasonCode::UnspecifiedError, "refused-other"),
    (ConnectReasonCode::UnsupportedProtocolVersion, "refused-protocol-version"),
    (ConnectReasonCode::ClientIdentifierNotValid, "refused-client-id"),
    (ConnectReasonCode::BadUserNameOrPassword, "refused-bad-credentials"),
    (ConnectReasonCode::NotAuthorized, "refused-not-authorized"),
    (ConnectReasonCode::ServerUnavailable, "refused-server-unavailable"),
    (ConnectReasonCode::RetainNotSupported, "refused-will-or-feature"),
    (ConnectReasonCode::UseAnotherServer, "redirected"),
];

/// Writes `count` connections; 2,000 begin each second, each of a client of its own.
pub(crate) fn write(out: &mut impl Write, count: u64) -> io::Result<Tally> {
    let mut capture = Capture::begin(out)?;
    let mut attempts: Vec<Option<Attempt>> = Vec::new();
    let mut coming = BinaryHeap::from([Reverse((0, 0))]);
    while let Some(Reverse((time, number))) = coming.pop() {
        capture.wait_until(time);
        if number == attempts.len() {
            attempts.push(Some(Attempt::new(number)));
            if (number as u64) + 1 < count {
                coming.push(Reverse((time + APART, number + 1)));
            }
        }
        let Some(attempt) = &mut attempts[number] else { continue };
        if let Some(pause) = attempt.step(&mut capture)? {
            coming.push(Reverse((capture.now() + pause, number)));
        } else {
            capture.tally.ended(attempt.fate.outcome());
            attempts[number] = None;
        }
    }
    Ok(capture.tally)
}

/// What becomes of an attempt to connect.
#[derive(Clone, Copy)]
enum Fate {
    /// The client connects and leaves properly.
    Well(Version),
    RefusedV3(usize),
    RefusedV5(usize),
    /// Nothing listens on the port.
    PortClosed,
    /// Nobody answers the SYN.
    Unanswered,
    /// The server resets the connection on CONNECT.
    Reset,
    /// CONNECT gets no answer; the client gives up.
    Ignored,
    /// The client closes without DISCONNECT.
    Left,
    /// The client falls silent; the server closes after one and a half times the Keep Alive.
    Silent,
    /// The server ends the session with DISCONNECT.
    Dismissed,
}

impl Fate {
    fn of(number: usize) -> Fate {
        let turn = number / 20;
        match number % 20 {
            0..=4 => Fate::Well(V3),
            10..=14 => Fate::Well(V5),
            5 | 6 => Fate::RefusedV3((2 * turn + number) % REFUSALS_V3.len()),
            15 | 16 => Fate::RefusedV5((2 * turn + number) % REFUSALS_V5.len()),
            7 => Fate::PortClosed,
            17 => Fate::Unanswered,
            8 => Fate::Reset,
            18 => Fate::Ignored,
            9 if turn.is_multiple_of(2) => Fate::Left,
            9 => Fate::Silent,
            _ => Fate::Dismissed,
        }
    }

    fn version(self) -> Version {
        match self {
            Fate::Well(version) => version,
            Fate::RefusedV5(_) | Fate::Dismissed => V5,
            _ => V3,
        }
    }

    fn server(self) -> Host {
        match self {
            Fate::PortClosed => CLOSED,
            Fate::Unanswered => OFF,
            _ => BROKER,
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Fate::Well(_) => "clean-disconnect",
            Fate::RefusedV3(code) => REFUSALS_V3[code].1,
            Fate::RefusedV5(code) => REFUSALS_V5[code].1,
            Fate::PortClosed => "connection-refused",
            Fate::Unanswered => "syn-unanswered",
            Fate::Reset => "connect-closed",
            Fate::Ignored => "connect-unanswered",
            Fate::Left => "client-closed",
            Fate::Silent => "keepalive-expired",
            Fate::Dismissed => "administrative-disconnect",
        }
    }
}

struct Attempt {
    number: usize,
    fate: Fate,
    connection: Connection,
    steps: u32,
}

impl Attempt {
    fn new(number: usize) -> Attempt {
        let fate = Fate::of(number);
        let [_, high, middle, low] = u32::try_from(number).unwrap().to_be_bytes();
        let client = Host { address: [10, high, middle, low], port: 49_152 + u16::try_from(number % 16_384).unwrap() };
        let mut connection = Connection::new(client, fate.server());
        if fate.version() == V5 {
            connection = connection.with_timestamps();
        }
        Attempt { number, fate, connection, steps: 0 }
    }

    /// What happens next, and the microseconds until then; `None` when all has happened.
    fn step(&mut self, capture: &mut Capture<impl Write>) -> io::Result<Option<u64>> {
        self.steps += 1;
        let connection = &mut self.connection;
        match (self.fate, self.steps) {
            (Fate::PortClosed, _) => {
                connection.syn(capture)?;
                connection.refuse(capture)?;
                Ok(None)
            }
            (Fate::Unanswered, sent) => {
                connection.syn(capture)?;
                Ok((sent < 3).then_some(sent.into()).map(|wait: u64| wait * SECOND))
            }
            (_, 1) => {
                connection.open(capture)?;
                let connect = packet::connect(self.fate.version(), &format!("device-{}", self.number), 2);
                connection.say(capture, Side::Client, &connect)?;
                Ok(Some(if matches!(self.fate, Fate::Ignored) { 5 * SECOND } else { MILLISECOND }))
            }
            (Fate::Reset, _) => {
                connection.reset(capture, Side::Server)?;
                Ok(None)
            }
            (Fate::Ignored, _) => {
                connection.close(capture, Side::Client)?;
                Ok(None)
            }
            (Fate::RefusedV3(code), _) => self.refused(capture, &packet::refused_v3(REFUSALS_V3[code].0)),
            (Fate::RefusedV5(code), _) => self.refused(capture, &packet::refused_v5(REFUSALS_V5[code].0)),
            (fate, 2) => {
                connection.say(capture, Side::Server, &packet::accepted(fate.version()))?;
                connection.acknowledge(capture, Side::Client)?;
                Ok(Some(if matches!(fate, Fate::Silent) { 3 * SECOND } else { 10 * MILLISECOND }))
            }
            (Fate::Left, _) => {
                connection.close(capture, Side::Client)?;
                Ok(None)
            }
            (Fate::Silent, _) => {
                connection.close(capture, Side::Server)?;
                Ok(None)
            }
            (Fate::Dismissed, _) => {
                let code = DisconnectReasonCode::AdministrativeAction;
                connection.say(capture, Side::Server, &packet::dismissed(code))?;
                connection.close(capture, Side::Server)?;
                Ok(None)
            }
            (fate, _) => {
                connection.say(capture, Side::Client, &packet::disconnect(fate.version()))?;
                connection.close(capture, Side::Client)?;
                Ok(None)
            }
        }
    }

    fn refused(&mut self, capture: &mut Capture<impl Write>, connack: &[u8]) -> io::Result<Option<u64>> {
        self.connection.say(capture, Side::Server, connack)?;
        self.connection.close(capture, Side::Server)?;
        Ok(None)
    }
}
