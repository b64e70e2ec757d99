//! What was asked for, sent and acknowledged: subscriptions, exchanges of QoS 1 and 2, refusals.

use std::sync::LazyLock;

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::stream::Side;

use super::rare::Empty;
use super::{Arrived, TextFact};
use crate::session::capture::Tally;

/// A subscription that the client asked for.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Topic Filter.
    pub filter: TextFact,
    /// Subscription Options byte as sent.
    pub options: u8,
    /// The SUBSCRIBE.
    pub asked: Moment,
    /// The code of the SUBACK: granted QoS or a failure.
    pub answer: Option<(Moment, ReasonCode)>,
    /// Reason String of a SUBACK (5.0).
    pub reason_string: Option<TextFact>,
    /// The UNSUBACK that ended it.
    pub ended: Option<Moment>,
}

impl Subscription {
    /// QoS asked for.
    pub fn requested_qos(&self) -> QoS {
        QoS(self.options & 0b11)
    }
}

/// A request or delivery that waits for its acknowledgment.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who started it.
    pub sender: Side,
    /// PUBLISH, SUBSCRIBE or UNSUBSCRIBE.
    pub packet: PacketType,
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// QoS of a PUBLISH.
    pub qos: QoS,
    /// Topic of a PUBLISH, first filter of a request.
    pub topic: Option<TextFact>,
    /// First packet.
    pub started: Moment,
    /// Newest packet of it.
    pub last: Moment,
    /// How far it got.
    pub state: ExchangeState,
    /// How often the PUBLISH was sent again in this session.
    pub resent: u32,
    /// What tells topic and payload of a PUBLISH from others.
    pub fingerprint: Option<u64>,
    /// How far the bytes of its newest PUBLISH got.
    pub arrived: Arrived,
}

impl Exchange {
    /// One that was just started by `sender`.
    pub(crate) fn new(sender: Side, packet: PacketType, packet_identifier: u16, at: Moment) -> Exchange {
        Exchange {
            sender,
            packet,
            packet_identifier,
            qos: QoS(0),
            topic: None,
            started: at,
            last: at,
            state: ExchangeState::Sent,
            resent: 0,
            fingerprint: None,
            arrived: Arrived::Unknown,
        }
    }
}

/// How far an exchange got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeState {
    /// Waiting for the first acknowledgment.
    Sent,
    /// QoS 2: PUBREC seen, PUBREL missing.
    Received,
    /// QoS 2: PUBREL seen, PUBCOMP missing.
    Released,
}

impl Empty for PublishFacts {
    fn empty() -> &'static PublishFacts {
        static EMPTY: LazyLock<PublishFacts> = LazyLock::new(PublishFacts::default);
        &EMPTY
    }
}

/// What one side published.
#[derive(Clone, Debug, Default)]
pub struct PublishFacts {
    /// Messages by QoS 0, 1, 2; repeats (DUP) not counted.
    pub by_qos: [u64; 3],
    /// PUBLISH packets sent again.
    pub resent: u64,
    /// Exchanges of QoS 1 and 2 that were completed.
    pub completed: u64,
    /// Exchanges completed with an acknowledgment of 0x80 or above.
    pub refused: u64,
    /// Payload bytes.
    pub payload_bytes: u64,
    /// The largest PUBLISH: length of the whole packet in bytes, and when.
    pub largest: Option<(u64, Moment)>,
    /// How long acknowledgments took.
    pub delivery: Delivery,
    /// Acknowledgments for an id that was not open.
    pub unmatched_acknowledgments: u64,
    /// PUBACKs and PUBRECs that this side got with 0x10, No matching subscribers (5.0): how many,
    /// and the frame of the first.
    pub no_subscribers: Tally,
}

/// Times from a PUBLISH to its last acknowledgment, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Longest.
    pub longest: i64,
    /// Sum of all, for the mean.
    pub sum: i64,
}

/// A request that the other side answered with a failure code.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The answer.
    pub at: Moment,
    /// The side that refused.
    pub by: Side,
    /// Type of the answer: PUBACK, PUBREC, SUBACK or UNSUBACK.
    pub packet: PacketType,
    /// Its code.
    pub code: ReasonCode,
    /// Reason String (5.0).
    pub reason_string: Option<TextFact>,
    /// Topic or filter that was refused, when the request was captured.
    pub topic: Option<TextFact>,
    /// The request, when it was captured.
    pub request: Option<Moment>,
}
