//! What a part of the engine has to tell the whole: what happened on one connection, in terms that need no look at it.
//!
//! Invariant: notices have an order that does not depend on who worked when: by frame, what the frame's segment brought
//! before what its time brought, then as they were written.

use std::vec::Drain;

use crate::capture::{FrameNumber, Moment, Order, Race};
use crate::fetch::Depth;
use crate::net::{Endpoint, MacAddress};
use crate::session::TextFact;
use crate::tcp::Facts;

use super::dialogue::{Ended, News};
use super::translated::Footprint;

/// One notice.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) order: Order,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A server's SYN-ACK had so many hops left; whether the capture holds it twice, and from which link-layer address it came
    /// first.
    HopLimit { server: Endpoint, hop_limit: u8, twice: bool, mac: Option<MacAddress> },
    /// A connection is known by this where its addresses are others.
    Footprint(Footprint),
    /// A server answered TLS with TLS.
    SpeaksTls { server: Endpoint, at: Moment },
    /// Something that other sessions may have to know.
    News(Talk, News),
    /// A FIN or RST on a connection of MQTT.
    Closing { stream: u32, at: Moment },
    /// A server closed a connection of its own accord: that of this client id, if it is known, after so many nanoseconds
    /// without data.
    ServerClosed {
        server: Endpoint,
        stream: u32,
        client_id: Option<TextFact>,
        quiet: i64,
        /// The connection's first frame, if that is its SYN.
        begun: Option<FrameNumber>,
        at: Moment,
    },
    /// A server's host refused a new connection.
    Refused { server: Endpoint, at: Moment },
    /// A connection is over.
    Ended(Gone),
}

/// A connection that carries MQTT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) stream: u32,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) websocket: bool,
}

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) facts: Box<Facts>,
    pub(super) ended: Ended,
}

impl What {
    /// Asks for what hearing it will touch.
    fn fetch(&self, depth: Depth) {
        let What::Ended(Gone { facts, ended }) = self else { return };
        if depth == Depth::Connection {
            facts.fetch();
        }
        if let Ended::Mqtt { followed, .. } = ended {
            followed.tracker().fetch_opening(depth);
        }
    }

    /// Gives the connection the number that `number` makes of the one it has.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        let stream = match self {
            What::HopLimit { .. } | What::SpeaksTls { .. } | What::Refused { .. } => return,
            What::Footprint(footprint) => &mut footprint.stream,
            What::News(Talk { stream, .. }, _) | What::Closing { stream, .. } | What::ServerClosed { stream, .. } => {
                stream
            }
            What::Ended(gone) => &mut gone.facts.stream,
        };
        *stream = number(*stream);
    }
}

/// How many notices before one is heard each depth of it is fetched.
const AHEAD: [(usize, Depth); 3] = [(4, Depth::Connection), (2, Depth::Session), (1, Depth::Details)];

/// The notices of several parts, on their way to be heard in their order.
#[derive(Debug)]
pub(super) struct Queues<'q> {
    /// What is left of each.
    left: Vec<Drain<'q, Notice>>,
    race: Race,
}

impl<'q> Queues<'q> {
    /// Takes all notices out of `queues`.
    pub(super) fn of(queues: impl Iterator<Item = &'q mut Vec<Notice>>) -> Queues<'q> {
        let in_order = |queue: &'q mut Vec<Notice>| {
            // Connections that end at one moment were told in another order.
            if !queue.is_sorted_by_key(|notice| notice.order) {
                queue.sort_by_key(|notice| notice.order);
            }
            queue.drain(..)
        };
        let left: Vec<_> = queues.map(in_order).collect();
        let race = Race::of(left.iter().map(head).collect());
        Queues { left, race }
    }

    /// The next, if it is to be heard before the frames after `frame`.
    #[inline]
    pub(super) fn next_of(&mut self, frame: FrameNumber) -> Option<What> {
        if self.race.first().is_of(frame) { self.next() } else { None }
    }

    /// The frame of which the next is to be heard.
    pub(super) fn frame(&self) -> Option<FrameNumber> {
        self.race.whose().map(|_| self.race.first().frame())
    }
}

impl Iterator for Queues<'_> {
    type Item = What;

    fn next(&mut self) -> Option<What> {
        let queue = self.left.get_mut(self.race.whose()?)?;
        let notice = queue.next()?;
        self.race.go_on(head(queue));
        for (ahead, depth) in AHEAD {
            if let Some(notice) = queue.as_slice().get(ahead) {
                notice.what.fetch(depth);
            }
        }
        Some(notice.what)
    }
}

fn head(queue: &Drain<'_, Notice>) -> Order {
    queue.as_slice().first().map_or(Order::NEVER, |notice| notice.order)
}
