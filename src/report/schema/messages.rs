//! The messages of a session in the document: what became of them, where they went, where they came from.

use schemars::JsonSchema;
use serde::Serialize;

use crate::mqtt::PacketType;
use crate::report::model::{Case, Way};
use crate::report::value::Text;
use crate::session::{self, Arrived, ExchangeState};
use crate::stream::Side;

/// What became of the messages that each side published; null for a side that published none.
#[derive(Serialize, JsonSchema)]
pub(super) struct Messages<'r> {
    client: Option<Ledger<'r>>,
    server: Option<Ledger<'r>>,
}

/// What became of the messages that one side published in this session.
#[derive(Serialize, JsonSchema)]
struct Ledger<'r> {
    /// Messages of QoS 0, 1 and 2, repetitions not counted.
    by_qos: [u64; 3],
    /// Of QoS 1 and 2, those whose last acknowledgment came.
    acknowledged: u64,
    /// Those that were answered with a failure code.
    refused: u64,
    /// Those acknowledged after more than a second.
    late: u64,
    /// The slowest of these, in seconds.
    slowest: Option<f64>,
    /// Sent again on this connection with DUP 1.
    resent: u64,
    /// Sent again on this connection with DUP 0.
    resent_without_dup: u64,
    /// Continued from an earlier connection (at most 64).
    carried_over: u64,
    /// Whose acknowledgment was sent, but did not reach the publisher as far as TCP tells (the last 8).
    acknowledgment_lost: u64,
    /// Those still open at the end.
    unacknowledged: Vec<Unacknowledged<'r>>,
    /// How often all that the other side's Receive Maximum allows was in use.
    window_full: u64,
    /// For how many seconds in all.
    window_full_seconds: f64,
}

/// A message that was still open when the session ended.
#[derive(Serialize, JsonSchema)]
struct Unacknowledged<'r> {
    topic: Option<Text>,
    qos: u8,
    packet_identifier: u16,
    /// The PUBLISH.
    frame: u64,
    /// What is missing: PUBACK, PUBREC, PUBREL or PUBCOMP.
    missing: &'r str,
    /// Whether TCP acknowledged the PUBLISH; null if the capture does not show it.
    arrived: Option<bool>,
}

/// Messages between this session and another, through the broker.
#[derive(Serialize, JsonSchema)]
pub(super) struct Correspondent<'r> {
    /// Its number.
    session: u64,
    /// Its client id, or its address.
    client: &'r str,
    /// Messages delivered as they were published.
    messages: u64,
    /// Messages delivered as retained ones.
    retained: u64,
    /// Of all these, those that another publisher may have sent just as well.
    ambiguous: u64,
    /// Topic of the first.
    topic: Text,
    /// The first: PUBLISH to the broker and PUBLISH from it.
    frames: [u64; 2],
    /// From the PUBLISH to the broker to that from it; null if it cannot be told.
    latency: Option<Latency>,
}

/// Times in seconds.
#[derive(Serialize, JsonSchema)]
struct Latency {
    measured: u64,
    least: f64,
    median: f64,
    most: f64,
}

/// Messages whose publisher the capture does not show.
#[derive(Serialize, JsonSchema)]
pub(super) struct Unknown {
    messages: u64,
    /// Of these, those sent as retained ones.
    retained: u64,
}

impl<'r> Messages<'r> {
    pub(super) fn of(session: &'r session::Session) -> Messages<'r> {
        Messages { client: Ledger::of(session, Side::Client), server: Ledger::of(session, Side::Server) }
    }
}

impl<'r> Ledger<'r> {
    fn of(session: &'r session::Session, side: Side) -> Option<Ledger<'r>> {
        let (published, ledger) = (session.published.of(side), session.ledger.of(side));
        if published.by_qos.iter().sum::<u64>() + published.resent == 0 {
            return None;
        }
        let open = session.open_exchanges.iter();
        let open = open.filter(|exchange| exchange.sender == side && exchange.packet == PacketType::PUBLISH);
        let carried = ledger.carried.iter().filter(|carried| carried.packet == PacketType::PUBLISH);
        Some(Ledger {
            by_qos: published.by_qos,
            acknowledged: published.completed,
            refused: published.refused,
            late: ledger.late.count,
            slowest: ledger.late.slowest.map(|(sent, answered)| answered.time.seconds_since(sent.time)),
            resent: ledger.again.count,
            resent_without_dup: ledger.again_without_dup.count,
            carried_over: carried.count() as u64,
            acknowledgment_lost: ledger.unheard.len() as u64,
            unacknowledged: open.map(Unacknowledged::of).collect(),
            window_full: ledger.window.full.count,
            window_full_seconds: seconds(ledger.window.total),
        })
    }
}

impl<'r> Unacknowledged<'r> {
    fn of(exchange: &'r session::Exchange) -> Unacknowledged<'r> {
        Unacknowledged {
            topic: exchange.topic.as_ref().map(Text::of),
            qos: exchange.qos.0,
            packet_identifier: exchange.packet_identifier,
            frame: exchange.started.frame.get(),
            missing: missing(exchange).name(),
            arrived: match exchange.arrived {
                Arrived::Unknown => None,
                Arrived::Yes => Some(true),
                Arrived::No => Some(false),
            },
        }
    }
}

/// The packet that an open message waits for.
pub(in crate::report) fn missing(exchange: &session::Exchange) -> PacketType {
    match (exchange.state, exchange.qos.0) {
        (ExchangeState::Sent, 1) => PacketType::PUBACK,
        (ExchangeState::Sent, _) => PacketType::PUBREC,
        (ExchangeState::Received, _) => PacketType::PUBREL,
        (ExchangeState::Released, _) => PacketType::PUBCOMP,
    }
}

impl<'r> Correspondent<'r> {
    pub(super) fn all(ways: &'r [Way]) -> Vec<Correspondent<'r>> {
        ways.iter().map(Correspondent::of).collect()
    }

    fn of(way: &'r Way) -> Correspondent<'r> {
        let route = &way.route;
        let latency = &route.latency;
        Correspondent {
            session: way.number,
            client: &way.client,
            messages: route.messages,
            retained: route.retained,
            ambiguous: route.ambiguous,
            topic: Text::of(&route.topic),
            frames: [route.first.0.frame.get(), route.first.1.frame.get()],
            latency: latency.median().map(|median| Latency {
                measured: latency.count,
                least: seconds(latency.least),
                median: seconds(median),
                most: seconds(latency.most),
            }),
        }
    }
}

impl Unknown {
    pub(super) fn of(case: &Case) -> Option<Unknown> {
        let strays = case.post.strays.as_ref()?;
        Some(Unknown { messages: strays.messages, retained: strays.retained })
    }
}

/// Nanoseconds as seconds.
#[allow(clippy::cast_precision_loss)] // nanoseconds beyond 104 days
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}
