//! Statements of the specification that a session breaks, and packets that cannot be read.

use std::borrow::Cow;

use crate::capture::Moment;
use crate::mqtt::{Malformed, PacketType};
use crate::stream::Side;

/// A rule broken by a packet.
#[derive(Clone, Debug)]
pub struct ViolationFact {
    /// First time.
    pub at: Moment,
    /// Last time.
    pub latest: Moment,
    /// The earlier packet that makes the first a breach, where there is one to point at.
    pub earlier: Option<Moment>,
    /// How often.
    pub count: u64,
    /// Who broke it.
    pub side: Side,
    /// The packet.
    pub packet: PacketType,
    /// The statement, such as `MQTT-3.1.2-22`.
    pub clause: &'static str,
    /// What is wrong, as a part of a sentence.
    pub what: Cow<'static, str>,
    /// Whether a peer normally ends the session for it.
    pub grave: bool,
    /// What proves it.
    pub proof: Proof,
}

/// What proves that a rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// The bytes of the packet alone.
    Packet,
    /// Other packets of the connection; none that could excuse it is missing.
    Connection,
    /// Other packets of the connection; one that excuses it may be missing.
    Possible,
}

/// A packet that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedFact {
    /// When.
    pub at: Moment,
    /// Who sent it.
    pub side: Side,
    /// Its type.
    pub packet: PacketType,
    /// What could not be read.
    pub malformed: Malformed,
}
