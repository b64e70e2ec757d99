//! A silence on the connection, and the packet that broke it.

use super::{SECOND, Story};
use crate::capture::Moment;
use crate::stream::Side;

/// The shortest silence that a device on the way may take for the end of a connection.
const IDLE: i64 = 60 * SECOND;
/// Just under the shortest known timer of cloud load balancers, 4 min.
const KNOWN_IDLE: i64 = 230 * SECOND;

/// A silence of both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// The last packet before it.
    pub(crate) before: Moment,
    /// The packet that broke it.
    pub(crate) after: Moment,
}

impl Silence {
    /// How long it was.
    pub(crate) fn length(self) -> i64 {
        self.after.time.nanoseconds_since(self.before.time)
    }

    /// Whether a device on the way may have forgotten the connection meanwhile.
    pub(crate) fn is_idle(self) -> bool {
        self.length() >= IDLE
    }

    /// Whether it is as long as the timers that are known.
    pub(crate) fn outlasts_known_timers(self) -> bool {
        self.length() >= KNOWN_IDLE
    }
}

impl Story<'_> {
    /// The silence that `side` broke by its packet at `after`, if nothing came back. TCP that asked meanwhile whether the
    /// other side is there kept the connection in the memory of what is on the way.
    pub(crate) fn silence_broken(&self, side: Side, after: Moment) -> Option<Silence> {
        let sent = &self.session.wire.sent;
        let before = self.packet_before(after)?;
        let heard = sent.of(side.other()).last_data.is_some_and(|data| after.is_before(data));
        let probed = sent.client.keep_alive_probes + sent.server.keep_alive_probes > 0;
        (!heard && !probed).then_some(Silence { before, after })
    }

    /// The newest packet of either side that an earlier frame than that of `after` holds.
    pub(crate) fn packet_before(&self, after: Moment) -> Option<Moment> {
        let last = &self.session.last_packets;
        let packets = last.client.iter().chain(&last.server).map(|packet| packet.at);
        packets.filter(|at| at.frame < after.frame).max_by_key(|at| at.frame)
    }
}
