//! The TCP connection under a session, told by client and server instead of by end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::attempt::{Attempt, Question};
use crate::capture::{Moment, Timestamp};
use crate::fetch;
use crate::net::{Endpoint, MacAddress, Undeliverable};
use crate::stream::{End, Side};
use crate::tcp::{Direction, Ending, Facts, Repeated};

use super::timeline::{Event, EventKind};

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T> PerSide<T> {
    /// The value of `side`.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The value of `side`, to change.
    pub fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Exchanges both values: what was taken for the client is the server.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }
}

/// An end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address and port: unspecified and 0 where an attempt does not show them.
    pub endpoint: Endpoint,
    /// Link-layer address its segments came from, where the link shows one.
    pub mac: Option<MacAddress>,
}

impl Peer {
    /// Its address, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        Some(self.endpoint.address).filter(|address| !address.is_unspecified())
    }

    /// Its port, if it is known.
    pub fn port(&self) -> Option<u16> {
        Some(self.endpoint.port).filter(|port| *port != 0)
    }
}

/// A RST, by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireReset {
    /// In whose name it was sent.
    pub by: Side,
    /// When.
    pub at: Moment,
    /// Its Time to Live or Hop Limit.
    pub hop_limit: u8,
    /// Whether it carries an acknowledgment: not when it answers a segment of an unknown connection.
    pub acknowledges: bool,
    /// Whether the capture lacks data of either end before it.
    pub skips: bool,
}

impl WireReset {
    fn of(facts: &Facts, client: End) -> Option<WireReset> {
        let reset = facts.reset.as_ref()?;
        Some(WireReset {
            by: if reset.by == client { Side::Client } else { Side::Server },
            at: reset.at,
            hop_limit: reset.hop_limit,
            acknowledges: reset.acknowledges,
            skips: reset.skips,
        })
    }
}

/// How one side ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// By FIN.
    Closed,
    /// By RST.
    Reset,
}

/// The first end-of-connection signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// Who sent it.
    pub by: Side,
    /// FIN or RST.
    pub how: CloseHow,
    /// When.
    pub at: Moment,
}

impl Close {
    /// The first of a connection whose client is `client`.
    pub fn of(facts: &Facts, client: End) -> Option<Close> {
        let sent = PerSide { client: facts.from(client), server: facts.from(client.other()) };
        Close::first(sent, WireReset::of(facts, client))
    }

    /// A FIN acknowledges what its sender had received, and so comes after it, though a capture of two directions may
    /// hold them the other way round, or lack the other side's FIN.
    fn first(sent: PerSide<&Direction>, reset: Option<WireReset>) -> Option<Close> {
        let fin = |by: Side| {
            let (own, other) = (*sent.of(by), *sent.of(by.other()));
            let fin = own.fin.as_ref()?;
            let mut at = fin.at;
            let data = other.last_data.filter(|_| fin.acknowledges >= other.sent);
            let end = other.fin_at().filter(|_| fin.acknowledges > other.stream_end());
            for received in [data, end].into_iter().flatten() {
                if at.is_before(received) {
                    at.time = Timestamp(received.time.0.saturating_add(1));
                }
            }
            // No packet is one byte long: what the capture lacks is the other side's FIN.
            let answers = other.fin.is_none() && other.sent.0 > 0 && fin.acknowledges.0 == other.sent.0 + 1;
            let by = if answers { by.other() } else { by };
            Some(Close { by, how: CloseHow::Closed, at })
        };
        let reset = reset.map(|reset| Close { by: reset.by, how: CloseHow::Reset, at: reset.at });
        let first = |one: Option<Close>, other: Option<Close>| match (one, other) {
            (Some(one), Some(other)) => Some(if other.at.is_before(one.at) { other } else { one }),
            (one, other) => one.or(other),
        };
        first(first(fin(Side::Client), fin(Side::Server)), reset)
    }
}

/// The TCP connection under a session.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Wireshark's `tcp.stream`; `None` for an attempt that came to no TCP connection.
    pub stream: Option<u32>,
    /// Both ends.
    pub peers: PerSide<Peer>,
    /// First segment.
    pub first: Moment,
    /// Last segment.
    pub last: Moment,
    /// SYNs of the client.
    pub syn: Repeated,
    /// SYN-ACKs of the server.
    pub syn_ack: Repeated,
    /// When the handshake was completed.
    pub established: Option<Moment>,
    /// The first reset.
    pub reset: Option<WireReset>,
    /// When a new connection between the same two ports took its place, if its end was not seen: its SYN. Boxed, as
    /// it is rare.
    pub replaced: Option<Box<Moment>>,
    /// What each side sent.
    pub sent: PerSide<Direction>,
}

impl Wire {
    /// The facts of a connection whose client is `client`.
    pub fn new(facts: &Facts, client: End) -> Wire {
        let server = client.other();
        let peer = |end: End| Peer {
            endpoint: facts.endpoint(end),
            mac: match end {
                End::A => facts.a_mac,
                End::B => facts.b_mac,
            },
        };
        Wire {
            stream: Some(facts.stream),
            peers: PerSide { client: peer(client), server: peer(server) },
            first: facts.first,
            last: facts.last(),
            syn: facts.syn,
            syn_ack: facts.syn_ack,
            established: facts.established,
            reset: WireReset::of(facts, client),
            replaced: match &facts.ending {
                Some(Ending::Replaced(at)) => Some(at.clone()),
                _ => None,
            },
            sent: PerSide { client: facts.from(client).clone(), server: facts.from(server).clone() },
        }
    }

    /// What stands in place of a connection that never was. An unspecified address and port 0 are those that
    /// nobody knows.
    pub fn of_attempt(attempt: &Attempt) -> Wire {
        let (asker, mac) = attempt.asker();
        let unknown =
            if asker.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        let server = match &attempt.what {
            Question::Name(_) => unknown,
            Question::Host(search) => search.target,
        };
        let peer = |address, port, mac| Peer { endpoint: Endpoint { address, port }, mac };
        let (first, last) = attempt.span();
        Wire {
            stream: None,
            peers: PerSide { client: peer(asker, 0, mac), server: peer(server, attempt.port.unwrap_or(0), None) },
            first,
            last,
            syn: Repeated::default(),
            syn_ack: Repeated::default(),
            established: None,
            reset: None,
            replaced: None,
            sent: PerSide::default(),
        }
    }

    /// Asks for all of it.
    pub(super) fn fetch(&self) {
        fetch::start(&self.stream);
        fetch::start(&self.syn);
        fetch::start(&self.established);
        for direction in [&self.sent.client, &self.sent.server] {
            fetch::start(&direction.last_segment);
            fetch::start(&direction.segments);
            fetch::start(&direction.maximum_segment_size);
        }
    }

    /// The first FIN or RST of either side.
    pub fn close(&self) -> Option<Close> {
        Close::first(PerSide { client: &self.sent.client, server: &self.sent.server }, self.reset)
    }

    /// Whether there is a [`Wire::close`].
    pub fn is_closing(&self) -> bool {
        self.reset.is_some() || self.sent.client.fin.is_some() || self.sent.server.fin.is_some()
    }

    /// Whether the connection is over: by a RST, or by the FINs of both sides.
    pub fn is_over(&self) -> bool {
        self.reset.is_some() || self.sent.client.fin.is_some() && self.sent.server.fin.is_some()
    }

    /// Whether nobody was left at the client's end when the server closed: its FIN was repeated in vain, or answered as
    /// one of a connection that the host does not know.
    pub fn client_was_gone(&self) -> bool {
        let (client, server) = (&self.sent.client, &self.sent.server);
        let unheard = server.retries.count >= 2 && server.fin_acknowledged().is_none();
        let unknown = self.reset.is_some_and(|reset| reset.by == Side::Client && !reset.acknowledges);
        server.fin.is_some() && client.fin.is_none() && (unheard || unknown)
    }

    /// What happened to the connection itself, for the timeline.
    pub(super) fn events(&self, undeliverable: Option<&(Moment, Undeliverable)>) -> Vec<Event> {
        let one = |at: Moment, side: Side, kind: EventKind| Event { at, until: at, count: 1, side: Some(side), kind };
        let mut events = Vec::new();
        for (seen, side, kind) in
            [(self.syn, Side::Client, EventKind::Syn), (self.syn_ack, Side::Server, EventKind::SynAck)]
        {
            if seen.count > 0 {
                let count = u64::from(seen.count);
                events.push(Event { at: seen.first, until: seen.last, count, side: Some(side), kind });
            }
        }
        if let Some(&(at, Undeliverable { router, reason, .. })) = undeliverable {
            let kind = EventKind::Undeliverable { router, reason };
            events.push(Event { at, until: at, count: 1, side: None, kind });
        }
        if let Some(at) = self.established {
            events.push(one(at, Side::Client, EventKind::Established));
        }
        for side in [Side::Client, Side::Server] {
            if let Some(at) = self.sent.of(side).fin_at() {
                events.push(one(at, side, EventKind::Fin));
            }
        }
        if let Some(reset) = self.reset {
            events.push(one(reset.at, reset.by, EventKind::Reset));
        }
        events
    }

    /// Whether the capture holds the connection's first SYN or SYN-ACK.
    pub fn start_captured(&self) -> bool {
        self.syn.count > 0 || self.syn_ack.count > 0
    }

    /// Whether only one side's segments were captured.
    pub fn one_way(&self) -> bool {
        self.sent.client.segments == 0 || self.sent.server.segments == 0
    }
}
