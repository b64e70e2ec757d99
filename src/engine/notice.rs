//! What a part of the engine has to tell the whole: what happened on one connection, in terms that need no look at it.
//!
//! Invariant: notices have an order that does not depend on who worked when: by frame, what the frame's segment brought
//! before what its time brought, then as they were written.

use std::net::IpAddr;

use crate::capture::{FrameNumber, Moment};
use crate::net::Endpoint;
use crate::tcp::Facts;

use super::dialogue::{Ended, News};

/// One notice.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) order: Order,
    pub(super) what: What,
}

/// Where a notice belongs among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    /// The frame that brought it.
    frame: FrameNumber,
    /// Whether it was not the frame's segment that brought it, but its time.
    by_time: bool,
    /// Among what one moment brings: the last frame of the connection, or its stream when the capture ends.
    then: u64,
}

impl Order {
    /// The segment of `frame` brought it.
    pub(super) fn segment(frame: FrameNumber) -> Order {
        Order { frame, by_time: false, then: 0 }
    }

    /// The time of `frame` brought it; `last` is the connection's last frame.
    pub(super) fn time(frame: FrameNumber, last: FrameNumber) -> Order {
        Order { frame, by_time: true, then: last.get() }
    }

    /// The end of the capture brought it.
    pub(super) fn end(stream: u32) -> Order {
        Order { frame: FrameNumber::new(u64::MAX), by_time: true, then: stream.into() }
    }

    /// Whether it is to be heard before the frames after `frame`.
    pub(super) fn is_of(self, frame: FrameNumber) -> bool {
        self.frame <= frame
    }
}

#[derive(Debug)]
pub(super) enum What {
    /// A server's SYN-ACK had so many hops left.
    HopLimit { server: IpAddr, hop_limit: u8 },
    /// A server answered TLS with TLS.
    SpeaksTls { server: Endpoint, at: Moment },
    /// Something that other sessions may have to know.
    News(Talk, News),
    /// A FIN or RST on a connection of MQTT.
    Closing { stream: u32, at: Moment },
    /// A server closed a connection of its own accord.
    ServerClosed { server: Endpoint, stream: u32, at: Moment },
    /// A connection is over.
    Ended(Box<Gone>),
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
    pub(super) facts: Facts,
    pub(super) ended: Ended,
}

impl What {
    /// Gives the connection the number that `number` makes of the one it has.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        let stream = match self {
            What::HopLimit { .. } | What::SpeaksTls { .. } => return,
            What::News(Talk { stream, .. }, _) | What::Closing { stream, .. } | What::ServerClosed { stream, .. } => {
                stream
            }
            What::Ended(gone) => &mut gone.facts.stream,
        };
        *stream = number(*stream);
    }
}

/// The notices of all `queues`, in their order; each queue is in order.
pub(super) fn all_of<'q>(queues: impl Iterator<Item = &'q mut Vec<Notice>>) -> Vec<Notice> {
    let mut all: Vec<Notice> = Vec::new();
    queues.for_each(|queue| all.append(queue));
    // A stable sort that finds what is in order already.
    all.sort_by_key(|notice| notice.order);
    all
}
