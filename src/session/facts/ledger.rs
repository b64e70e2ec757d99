//! What became of one side's messages: acknowledged late, sent again, carried over, held back.
//!
//! Invariant: of every kind the first case is kept with its frames, and how many there were; lists are bounded.

use std::sync::LazyLock;

use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS};
use crate::session::capture::Tally;

use super::rare::Empty;
use super::{Rare, TextFact};

/// A ledger, in which most sessions enter nothing.
pub type Book = Rare<Ledger>;

impl Empty for Ledger {
    fn empty() -> &'static Ledger {
        static EMPTY: LazyLock<Ledger> = LazyLock::new(Ledger::default);
        &EMPTY
    }
}

/// What became of the messages of `QoS` 1 and 2 that one side published.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Messages whose last acknowledgment took longer than a second.
    pub late: Late,
    /// Copies with DUP 1 of a message that was sent before on this connection.
    pub again: Tally,
    /// The same with DUP 0.
    pub again_without_dup: Tally,
    /// Messages of `QoS` 1 that were sent again on this connection, where TCP delivers every copy.
    pub twice: Option<Twice>,
    /// Messages with DUP 1, and PUBRELs, that continue an exchange of an earlier connection (the first 64).
    pub carried: Vec<Carried>,
    /// The first messages with DUP 0 of a connection that may go on with an earlier session (at most 8).
    pub opening: Vec<Carried>,
    /// Times that the other side's Receive Maximum held the sender back (MQTT 5.0 §4.9).
    pub window: Window,
    /// Messages whose acknowledgment was sent, but not acknowledged by TCP when the session ended (the last 8).
    pub unheard: Vec<Unheard>,
}

/// Messages that were acknowledged late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// How many.
    pub count: u64,
    /// The slowest: PUBLISH and last acknowledgment.
    pub slowest: Option<(Moment, Moment)>,
}

/// A message that a receiver got more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twice {
    /// How many such messages.
    pub count: u64,
    /// Topic of the first.
    pub topic: Option<TextFact>,
    /// The first PUBLISH.
    pub sent: Moment,
    /// Its acknowledgment, if it came before the copy.
    pub acknowledged: Option<Moment>,
    /// The copy.
    pub again: Moment,
    /// End of the copy in the sender's stream, in bytes.
    pub end: u64,
}

/// A message near the start of a connection, which an earlier connection may have begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// PUBLISH or PUBREL.
    pub packet: PacketType,
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// `QoS`; 2 for a PUBREL.
    pub qos: QoS,
    /// Topic, unless an alias or a PUBREL hides it.
    pub topic: Option<TextFact>,
    /// What tells topic and payload from others; see [`fingerprint`](crate::session::fingerprint()).
    pub fingerprint: Option<u64>,
    /// When.
    pub at: Moment,
}

/// Times that all of the other side's Receive Maximum was in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// How often the window was full.
    pub full: Tally,
    /// The longest time in nanoseconds that it stayed full, and from when.
    pub longest: Option<(i64, Moment)>,
    /// All such times together, in nanoseconds.
    pub total: i64,
    /// The sender went beyond it: it was not held back.
    pub exceeded: bool,
    /// Since when it is full.
    pub(in crate::session) since: Option<Moment>,
}

/// A message whose acknowledgment passed the capture and was not acknowledged by TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// Packet Identifier.
    pub packet_identifier: u16,
    /// `QoS`.
    pub qos: QoS,
    /// Topic.
    pub topic: Option<TextFact>,
    /// What tells topic and payload from others.
    pub fingerprint: Option<u64>,
    /// The PUBLISH.
    pub published: Moment,
    /// Its last acknowledgment.
    pub answered: Moment,
}

/// How far the bytes of an open PUBLISH got, as TCP tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrived {
    /// The capture lacks the other direction, or a part of it.
    #[default]
    Unknown,
    /// The other host acknowledged them.
    Yes,
    /// The other host did not acknowledge them.
    No,
}

/// Retained messages that came in a row after a SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedBurst {
    /// The SUBSCRIBE.
    pub asked: Moment,
    /// Its first filter.
    pub filter: Option<TextFact>,
    /// How many came.
    pub messages: u64,
    /// Payload bytes in all of them.
    pub payload_bytes: u64,
    /// The first of them.
    pub first: Moment,
    /// The last of them.
    pub last: Moment,
}

/// The same message delivered under two packet identifiers at one moment, where two filters match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// How many such messages.
    pub count: u64,
    /// Topic of the first.
    pub topic: TextFact,
    /// Two filters that match it.
    pub filters: (TextFact, TextFact),
    /// Both deliveries.
    pub moments: (Moment, Moment),
}
