//! Shows the packets of one connection to an observer.

use std::sync::Arc;

use crate::capture::FrameNumber;
use crate::engine::SharedObserver;
use crate::lock::locked;
use crate::mqtt::{Packet, ParseError, RawPacket};
use crate::net::Endpoint;
use crate::session::{SeenPacket, Tracker};
use crate::stream::{End, Side};
use crate::tcp::Facts;

/// An observer, and the connection whose packets it is shown.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Watch {
    observer: SharedObserver,
    stream: u32,
    opened: FrameNumber,
    a: Endpoint,
    b: Endpoint,
}

impl Watch {
    pub(in crate::engine) fn new(observer: &SharedObserver, facts: &Facts) -> Watch {
        let (stream, opened) = (facts.stream, facts.first.frame);
        Watch { observer: Arc::clone(observer), stream, opened, a: facts.a, b: facts.b }
    }

    /// Shows a packet that `tracker` took.
    pub(super) fn show(
        &self,
        from: End,
        side: Side,
        confirmed: bool,
        raw: &RawPacket<'_>,
        parsed: &Result<Packet<'_>, ParseError>,
        tracker: &Tracker,
    ) {
        let sender = if from == End::A { self.a } else { self.b };
        let topic = match parsed {
            Ok(Packet::Publish(_)) => tracker.latest_topic(side),
            _ => None,
        };
        let (stream, opened, version) = (self.stream, self.opened, tracker.version());
        let seen = SeenPacket { stream, opened, side, sender, confirmed, raw, parsed, version, topic };
        // An observer that panicked has nothing half-done that another could see.
        locked(&self.observer).packet(&seen);
    }
}
