//! A part of the connections: those whose endpoints spread to it, from segments to notices.
//!
//! Invariant: a part knows nothing of the others but its [`Hints`], so that parts can be worked on side by side.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::capture::{Moment, Order, Timestamp};
use crate::limits::{Limits, Room};
use crate::lock::locked;
use crate::net::{Decoded, Endpoint, Segment};
use crate::session::{Close, Detail};
use crate::stream::{End, Side};
use crate::tcp::{Connection, Facts, FlowTable, Hashing, Remaining, Sought};
use crate::transport::Protocol;
use crate::transport::websocket::Windows;

use super::dialogue::{Common, Dialogue, Watch};
use super::notice::{Gone, Notice, Talk, What};
use super::translated::{Footprint, sender};
use super::{MQTT_PORTS, SharedObserver, population};

/// Room for so many times the notices that there are is too much,
const ROOMY: usize = 8;
/// unless it is for few.
const FEW_NOTICES: usize = 16;

/// What a part has to know of the rest of the capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hints<'a> {
    /// Ports taken for MQTT beside [`MQTT_PORTS`].
    pub(super) ports: &'a Arc<[u16]>,
    /// Servers with which MQTT was spoken.
    pub(super) servers: &'a Arc<HashSet<Endpoint>>,
    /// Whether messages are followed through the broker.
    pub(super) messages: bool,
}

impl Hints<'_> {
    /// For another thread.
    pub(super) fn kept(self) -> KeptHints {
        KeptHints { ports: Arc::clone(self.ports), servers: Arc::clone(self.servers), messages: self.messages }
    }

    /// Whether `endpoint` is taken for a server of MQTT.
    pub(super) fn point_at(&self, endpoint: Endpoint) -> bool {
        MQTT_PORTS.contains(&endpoint.port) || self.ports.contains(&endpoint.port) || self.servers.contains(&endpoint)
    }
}

/// [`Hints`] that can be taken along.
#[derive(Clone, Debug)]
pub(super) struct KeptHints {
    ports: Arc<[u16]>,
    servers: Arc<HashSet<Endpoint>>,
    messages: bool,
}

impl KeptHints {
    pub(super) fn lent(&self) -> Hints<'_> {
        Hints { ports: &self.ports, servers: &self.servers, messages: self.messages }
    }
}

/// So many parts a capture has where there is room for it. It does not depend on the machine, as what is told of a
/// capture must not.
const PARTS: usize = 8;
/// A part follows at least so many connections.
const CONNECTIONS: usize = 1024;
/// A part may keep at least so many bytes of what is not whole, and of what is out of order.
const BYTES: usize = 1 << 20;

/// How many parts the connections are divided in: one where limits are so low that their shares would be of no use.
pub(super) fn how_many(limits: &Limits) -> usize {
    let room = limits.held_bytes_total.min(limits.out_of_order_bytes_total);
    let useful = limits.connections >= PARTS * CONNECTIONS && room >= PARTS * BYTES && limits.inflaters >= PARTS;
    if useful { PARTS } else { 1 }
}

/// What each of `parts` parts may keep.
pub(super) fn share(limits: &Limits, parts: usize) -> Limits {
    Limits {
        connections: limits.connections / parts,
        out_of_order_bytes_total: limits.out_of_order_bytes_total / parts,
        held_bytes_total: limits.held_bytes_total / parts,
        inflaters: limits.inflaters / parts,
        ..*limits
    }
}

/// A part of the connections.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) table: FlowTable<Dialogue>,
    common: Arc<Common>,
    observer: Option<SharedObserver>,
    /// What happened, in order, and was not heard yet.
    pub(super) notices: Vec<Notice>,
    /// Connections that the segment at hand ended: empty but for then.
    ended: Vec<Connection<Dialogue>>,
}

impl Part {
    pub(super) fn new(limits: Limits, detail: Detail, hashing: Hashing, observer: Option<SharedObserver>) -> Part {
        Part {
            table: FlowTable::hashing_by(hashing, &limits),
            common: Arc::new(Common {
                windows: Windows::new(limits.inflaters),
                room: Room::new(limits.held_bytes_total),
                limits: Arc::new(limits),
                detail,
            }),
            observer,
            notices: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Things that were not kept for want of room.
    pub(super) fn refused(&self) -> u64 {
        self.common.room.refused()
    }

    /// Takes what a frame carries for a connection of this part. Returns that connection.
    #[inline]
    pub(super) fn take(
        &mut self,
        decoded: &Decoded<'_>,
        at: Moment,
        hints: Hints<'_>,
    ) -> Option<&mut Connection<Dialogue>> {
        match decoded {
            Decoded::Segment(segment) => {
                let sought = self.table.sought(segment);
                self.segment(segment, sought, at, hints);
                self.table.latest_mut()
            }
            Decoded::Undeliverable(error) => {
                let connection = self.table.get_mut(error.source, error.destination)?;
                connection.reader.undeliverable(at, *error);
                Some(connection)
            }
            Decoded::TooLarge { source, destination } => {
                let connection = self.table.get_mut(*source, *destination)?;
                connection.facts.too_large_from(*source);
                Some(connection)
            }
            _ => None,
        }
    }

    /// Takes a segment of a connection of this part.
    #[inline]
    pub(super) fn segment(&mut self, segment: &Segment<'_>, sought: Sought, at: Moment, hints: Hints<'_>) {
        let Part { table, common, observer, notices, ended } = self;
        let reader = |facts: &Facts| {
            let watch = observer.as_ref().map(|observer| Watch::new(observer, facts));
            let hinted = hints.point_at(facts.a) || hints.point_at(facts.b);
            Dialogue::new(common, hinted, watch)
        };
        table.push_sought(segment, sought, at, reader, &mut |connection| ended.push(connection));
        if let Some(connection) = table.latest_mut() {
            hear(connection, segment, at, hints, notices);
        }
        let order = Order::segment(at.frame);
        if !ended.is_empty() {
            notices.extend(ended.drain(..).map(|connection| over(connection, order)));
        }
        belongs(observer.as_ref(), order);
    }

    /// The time of the frame `at` brings connections to their end.
    pub(super) fn advance(&mut self, at: Moment) {
        let Part { table, notices, observer, .. } = self;
        table.advance(at.time, &mut |connection| {
            let order = Order::time(at.frame, connection.facts.last().frame);
            notices.push(over(connection, order));
            belongs(observer.as_ref(), order);
        });
        belongs(observer.as_ref(), Order::time(at.frame, at.frame));
    }

    /// Ends connections whose SYN nobody answered for long before `now`.
    pub(super) fn give_up_unanswered(&mut self, now: Timestamp) {
        let Part { table, notices, .. } = self;
        table.give_up_unanswered(now, &mut |connection| {
            let last = connection.facts.last().frame;
            notices.push(over(connection, Order::time(last, last)));
        });
    }

    /// Gives room back where there were many more notices once than now.
    pub(super) fn trim_notices(&mut self) {
        let notices = &mut self.notices;
        if notices.capacity() / ROOMY > notices.len().max(FEW_NOTICES) {
            notices.shrink_to(2 * notices.len());
        }
    }

    /// The capture is over: the `remaining` connections up to stream `last` end.
    pub(super) fn finish_up_to(&mut self, last: u32, remaining: &mut Remaining) {
        let Part { table, notices, observer, .. } = self;
        table.finish_up_to(last, remaining, &mut |connection| {
            let order = Order::end(connection.facts.stream);
            notices.push(over(connection, order));
            belongs(observer.as_ref(), order);
        });
    }
}

/// Tells an observer where what it was shown belongs.
#[inline]
fn belongs(observer: Option<&SharedObserver>, order: Order) {
    if let Some(observer) = observer {
        locked(observer).belongs(order);
    }
}

fn over(connection: Connection<Dialogue>, order: Order) -> Notice {
    let Connection { facts, reader, .. } = connection;
    let ended = reader.end(&facts);
    Notice { order, what: What::Ended(Gone { facts: Box::new(facts), ended }) }
}

/// Notes what `segment`, captured at `at`, changed in its connection.
#[inline]
fn hear(
    connection: &mut Connection<Dialogue>,
    segment: &Segment<'_>,
    at: Moment,
    hints: Hints<'_>,
    notices: &mut Vec<Notice>,
) {
    let flags = segment.flags;
    let order = Order::segment(at.frame);
    if flags.syn() {
        let facts = &connection.facts;
        let footprint = Footprint::of_syn(segment, facts, at);
        if flags.ack() {
            let (server, hop_limit) = (segment.source, footprint.hop_limits.server);
            let end = sender(segment, facts);
            let (twice, mac) = (facts.from(end).duplicated > 0, facts.mac(end));
            let hop_limit = hop_limit.unwrap_or_default();
            notices.push(Notice { order, what: What::HopLimit { server, hop_limit, twice, mac } });
        }
        notices.push(Notice { order, what: What::Footprint(footprint) });
    } else if let Some(footprint) = Footprint::of_data(segment, &connection.facts, || by_server(segment, hints), at) {
        notices.push(Notice { order, what: What::Footprint(footprint) });
    }
    if connection.reader.is_tls_untold()
        && connection.facts.initiator.is_some_and(|client| connection.facts.endpoint(client.other()) == segment.source)
        && Protocol::of(segment.payload) == Protocol::Tls
    {
        connection.reader.told_tls();
        notices.push(Notice { order, what: What::SpeaksTls { server: segment.source, at } });
    }
    let closing = flags.fin() || flags.rst();
    if closing || connection.reader.has_news() {
        tell(connection, closing, at, hints, notices);
    }
}

/// Whether a segment seems to come from a server.
fn by_server(segment: &Segment<'_>, hints: Hints<'_>) -> bool {
    let (source, destination) = (segment.source, segment.destination);
    hints.point_at(source) || !hints.point_at(destination) && source.port < destination.port
}

#[inline(never)]
fn tell(connection: &mut Connection<Dialogue>, closing: bool, at: Moment, hints: Hints<'_>, notices: &mut Vec<Notice>) {
    let order = Order::segment(at.frame);
    let facts = &connection.facts;
    let news = connection.reader.take_news();
    connection.reader.tell_messages(hints.messages);
    if let Some(client) = connection.reader.client() {
        let talk = Talk {
            stream: facts.stream,
            client: facts.endpoint(client),
            server: facts.endpoint(client.other()),
            websocket: connection.reader.is_websocket(),
        };
        notices.extend(news.into_iter().map(|news| Notice { order, what: What::News(talk, news) }));
        if closing {
            notices.push(Notice { order, what: What::Closing { stream: facts.stream, at } });
        }
    }
    if closing
        && let Some(server) = closed_by_server(connection, at)
        && connection.reader.tells_close()
    {
        let facts = &connection.facts;
        let data = [End::A, End::B].into_iter().filter_map(|end| facts.from(end).last_data);
        let quiet = data.max_by_key(|data| data.frame).map_or(0, |data| at.time.nanoseconds_since(data.time));
        let (stream, client_id) = (facts.stream, connection.reader.client_id().cloned());
        let begun = population::begun(facts);
        notices.push(Notice { order, what: What::ServerClosed { server, stream, client_id, quiet, begun, at } });
    }
    if closing && let Some(server) = refused_by(&connection.facts, at) {
        notices.push(Notice { order, what: What::Refused { server, at } });
    }
}

/// The server whose host answered the first SYN of a connection with a RST, if it did so at `at`.
fn refused_by(facts: &Facts, at: Moment) -> Option<Endpoint> {
    let client = facts.initiator?;
    let reset = facts.reset.as_ref().filter(|reset| reset.by == client.other() && reset.at == at)?;
    let refuses = reset.acknowledges && facts.syn.count > 0 && facts.syn_ack.count == 0;
    refuses.then_some(facts.endpoint(client.other()))
}

/// The server, if it closed the connection at `at` of its own accord.
fn closed_by_server(connection: &Connection<Dialogue>, at: Moment) -> Option<Endpoint> {
    let reader = &connection.reader;
    let client = reader.client().or_else(|| reader.client_inside_tls())?;
    let facts = &connection.facts;
    let close = Close::of(facts, client)?;
    if close.by != Side::Server || close.at != at || reader.end_was_announced(at) {
        return None;
    }
    // A goodbye that the capture lacks would make it no close of the server's own accord. A client that was turned away
    // was never served: that tells nothing of those that were.
    let served = facts.syn.count == 0 || facts.from(client.other()).sent.0 > 0;
    (served && !facts.from(client).is_incomplete()).then_some(facts.endpoint(client.other()))
}
