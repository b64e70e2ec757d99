//! How far apart what happened lies.

use super::Story;
use crate::capture::{Moment, Timestamp};
use crate::stream::Side;

impl Story<'_> {
    /// Nanoseconds from the point of capture to `side` and back, measured on the handshake.
    pub(crate) fn round_trip_to(&self, side: Side) -> Option<i64> {
        let wire = &self.session.wire;
        if wire.syn.count != 1 || wire.syn_ack.count != 1 {
            return None;
        }
        let answered = wire.syn_ack.first.time;
        Some(match side {
            Side::Server => answered.nanoseconds_since(wire.syn.first.time),
            Side::Client => wire.established?.time.nanoseconds_since(answered),
        })
    }

    /// Nanoseconds of one round trip between client and server, 0 when not known; at most 73 years, where a damaged capture
    /// has such times.
    pub(crate) fn round_trip(&self) -> i64 {
        let to = |side| self.round_trip_to(side).unwrap_or(0).max(0);
        to(Side::Client).saturating_add(to(Side::Server)).min(i64::MAX / 4)
    }

    /// Whether `later` came within `span` nanoseconds, and a round trip, of `first`.
    pub(crate) fn soon(&self, first: Moment, later: Moment, span: i64) -> bool {
        let apart = later.time.nanoseconds_since(first.time);
        (0..=span.saturating_add(self.round_trip())).contains(&apart)
    }

    /// Nanoseconds from `moment` to the end of the capture.
    pub(crate) fn until_capture_end(&self, moment: Moment) -> i64 {
        self.session.capture.ended.nanoseconds_since(moment.time)
    }

    /// Until when nothing came, to be told.
    pub(crate) fn until_when(&self) -> &'static str {
        if self.session.capture.goes_on { "so far" } else { "up to the end of the capture" }
    }

    /// Time of the capture's end.
    pub(crate) fn capture_end(&self) -> Timestamp {
        self.session.capture.ended
    }
}
