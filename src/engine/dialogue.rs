//! What reads the two streams of one connection: decides if they are MQTT, cuts them into control
//! packets and hands these to the session's tracker.
//!
//! Invariant: a connection is taken for MQTT only on evidence in its bytes. Where the start was
//! captured that is a CONNECT. Where it was not, packets are followed on probation until an answer
//! fits a request, or enough packets follow one another; until then nothing is reported.

mod encrypted;
mod ended;
mod following;
mod http;
mod opening;
mod watch;
mod websocket;

use std::sync::Arc;

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::fetch::{self, Depth};
use crate::limits::{Limits, Room, Share};
use crate::mqtt::{self, Likelihood};
use crate::net::Undeliverable;
use crate::session::{ClientEvidence, Close, Detail, Subscription, TextFact};
use crate::stream::{Chunk, End, Piece, Side, StreamOffset};
use crate::tcp::{Facts, Interest, Reader};
use crate::transport::websocket::Windows;
use crate::transport::{Protocol, proxy};

use super::post::Passing;
use encrypted::Encrypted;
pub(super) use ended::{Ended, Followed};
use following::Following;
pub(super) use watch::Watch;
use websocket::WebSocket;

/// Something that other sessions may have to know.
#[derive(Debug)]
pub(super) enum News {
    /// The connection carries MQTT.
    Mqtt,
    /// The server answered a CONNECT behind a PROXY header.
    Headed { at: Moment },
    /// A CONNECT.
    Connect { client_id: TextFact, at: Moment, will: Option<u64> },
    /// The CONNACK that answers a CONNECT. Boxed: messages are many, and their news small.
    Answered(Box<Answered>),
    /// A message with a known topic.
    Message { from: Side, passing: Passing },
    /// The server took a message of QoS 1 or 2.
    Taken { packet_identifier: u16 },
    /// A SUBACK or UNSUBACK: this is what the client has subscribed to by now.
    Subscribed(Box<[Subscription]>),
}

/// A CONNACK, with what the CONNECT before it said.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) client_id: TextFact,
    pub(super) username: Option<TextFact>,
    pub(super) connect: Moment,
    pub(super) accepted: bool,
    pub(super) maximum_packet_size: Option<u32>,
    pub(super) at: Moment,
}

/// Most segments bring nothing.
type NewsList = ThinVec<News>;

/// At most so many pieces are held to wait for more.
const HELD_AT_MOST: usize = 16;

/// What the dialogues of one part have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) limits: Arc<Limits>,
    pub(super) detail: Detail,
    pub(super) windows: Windows,
    /// For what is not whole, over all of them.
    pub(super) room: Room,
}

/// The reader of one connection.
#[derive(Debug)]
pub(super) struct Dialogue {
    common: Arc<Common>,
    /// One of the ports is taken for MQTT.
    hinted: bool,
    state: State,
    undeliverable: Option<Box<(Moment, Undeliverable)>>,
    news: NewsList,
    watch: Option<Arc<Watch>>,
    /// Whether it waits to be looked at, see [`super::Engine::changed`].
    pub(super) changed: bool,
    told: Told,
}

/// What was told of the connection.
#[derive(Debug, Default)]
struct Told {
    /// That the server speaks TLS.
    tls: bool,
    /// That the server closed it.
    close: bool,
}

#[derive(Debug)]
enum State {
    /// Too few bytes to decide.
    Opening(ThinVec<Held>),
    /// MQTT, or on probation.
    Following(Box<Following>),
    /// A WebSocket, in which MQTT may be.
    WebSocket(Box<WebSocket>),
    /// TLS in which there may be MQTT.
    Encrypted(Box<Encrypted>),
    /// Something else.
    Other(Protocol),
}

/// Bytes held until it is decided what they are.
#[derive(Clone, Debug)]
struct Held {
    from: End,
    offset: StreamOffset,
    at: Moment,
    starts_segment: bool,
    data: Vec<u8>,
    share: Share,
}

impl Dialogue {
    pub(super) fn new(common: &Arc<Common>, hinted: bool, watch: Option<Watch>) -> Dialogue {
        Dialogue {
            common: Arc::clone(common),
            hinted,
            state: State::Opening(ThinVec::new()),
            undeliverable: None,
            news: NewsList::new(),
            watch: watch.map(Arc::new),
            changed: false,
            told: Told::default(),
        }
    }

    /// A router or host says that a segment of the connection could not be delivered.
    pub(super) fn undeliverable(&mut self, at: Moment, error: Undeliverable) {
        self.undeliverable.get_or_insert_with(|| Box::new((at, error)));
    }

    /// The end that is the client, once the connection is known to carry MQTT.
    pub(super) fn client(&self) -> Option<End> {
        match &self.state {
            State::Following(following) if !following.probation => Some(following.client),
            State::WebSocket(websocket) => websocket.client_of_mqtt(),
            _ => None,
        }
    }

    /// The client of a connection over TLS in which MQTT may be spoken.
    pub(super) fn client_inside_tls(&self) -> Option<End> {
        match &self.state {
            State::Encrypted(encrypted) => encrypted.client_of_mqtt(),
            _ => None,
        }
    }

    /// Whether the connection carries TLS, and [`Dialogue::told_tls`] was not called.
    #[inline]
    pub(super) fn is_tls_untold(&self) -> bool {
        !self.told.tls && matches!(self.state, State::Encrypted(_) | State::Other(Protocol::Tls))
    }

    /// It was told that the server speaks TLS.
    pub(super) fn told_tls(&mut self) {
        self.told.tls = true;
    }

    /// It is told that the server closed the connection: whether for the first time. FINs that the capture holds in the
    /// wrong order tell it twice.
    pub(super) fn tells_close(&mut self) -> bool {
        !std::mem::replace(&mut self.told.close, true)
    }

    /// Whether the connection carries a WebSocket.
    pub(super) fn is_websocket(&self) -> bool {
        matches!(self.state, State::WebSocket(_))
    }

    /// Whether something happened since that was last asked.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What happened since this was last asked.
    pub(super) fn take_news(&mut self) -> NewsList {
        std::mem::take(&mut self.news)
    }

    /// Whether messages are news.
    pub(super) fn tell_messages(&mut self, tell: bool) {
        if let State::Following(following) = &mut self.state {
            following.messages = tell;
        }
    }

    /// The client id that CONNECT gave.
    pub(super) fn client_id(&self) -> Option<&TextFact> {
        let connect = match &self.state {
            State::Following(following) => following.tracker.connect(),
            State::WebSocket(websocket) => websocket.connect(),
            _ => None,
        };
        connect.map(|connect| &connect.client_id).filter(|id| !id.is_empty())
    }

    /// Whether a packet has said that the connection is to end.
    pub(super) fn end_was_announced(&self, at: Moment) -> bool {
        match &self.state {
            State::Encrypted(encrypted) => encrypted.may_have_left(at),
            State::Following(following) => following.tracker.end_was_announced(),
            State::WebSocket(websocket) => websocket.end_was_announced(),
            _ => false,
        }
    }

    /// The connection is over.
    pub(super) fn end(mut self, facts: &Facts) -> Ended {
        if is_unseen(facts) {
            return Ended::NoData { undeliverable: self.undeliverable };
        }
        if let State::Opening(held) = &mut self.state {
            let mut held = std::mem::take(held);
            if held.is_empty() {
                return Ended::NoData { undeliverable: self.undeliverable };
            }
            let client = facts.initiator.unwrap_or(End::A);
            let begun = bytes_of(&held, client);
            let answer = bytes_of(&held, client.other());
            // Only the server's side was captured.
            if begun.is_empty()
                && mqtt::looks_like_connack(&answer) >= Likelihood::Unsure
                && (self.hinted || mqtt::chain(&answer, Side::Server, None) == Likelihood::Certain)
            {
                self.follow(client, ClientEvidence::Opened, Beginning::Start, &held);
                return self.end(facts);
            }
            if Protocol::of(&begun) == Protocol::Proxy {
                // A server that closes on the header read nothing of what is behind it.
                let closed = Close::of(facts, client).is_some_and(|close| close.by == Side::Server);
                let length = proxy::header_length(&begun).filter(|_| answer.is_empty());
                let behind = length.and_then(|length| begun.get(length..)).unwrap_or_default();
                let begins = if closed { Likelihood::No } else { mqtt::looks_like_connect(behind) };
                if let (Some(length), Likelihood::Certain) = (length, begins) {
                    let spoke = held.iter().find(|held| held.from == client).map(|held| held.at);
                    opening::pass(&mut held, client, length);
                    self.follow(client, ClientEvidence::Connect, Beginning::Start, &held);
                    if let (State::Following(following), Some(at)) = (&mut self.state, spoke) {
                        following.tracker.foreign_opening(Protocol::Proxy, at);
                    }
                    return self.end(facts);
                }
                let server_port = server_port(facts, client);
                return match length {
                    Some(length) if behind.is_empty() => Ended::Header { length: length as u64, server_port },
                    _ => Ended::Other { protocol: Protocol::Proxy, server_port },
                };
            }
            let plausible = mqtt::looks_like_connect(&begun) != Likelihood::No
                || mqtt::chain(&begun, Side::Client, None) != Likelihood::No
                || mqtt::is_stunted_connect(&begun);
            if !self.hinted || begun.is_empty() || !plausible {
                let protocol = Protocol::at_wrong_door(if begun.is_empty() { &answer } else { &begun });
                if protocol == Protocol::Tls {
                    self.enter_tls(facts, &held);
                    return self.end(facts);
                }
                return Ended::Other { protocol, server_port: server_port(facts, client) };
            }
            self.follow(client, ClientEvidence::Opened, Beginning::Start, &held);
        }
        match self.state {
            State::Following(mut following) => {
                following.end(&mut self.news, self.hinted);
                if let Some((at, error)) = self.undeliverable.as_deref().copied() {
                    following.tracker.undeliverable(at, error);
                }
                following.turned_out(facts)
            }
            State::WebSocket(websocket) => {
                websocket.end(&mut self.news, self.hinted, self.undeliverable.as_deref(), facts)
            }
            State::Encrypted(mut encrypted) => {
                if let Some((at, error)) = self.undeliverable.as_deref().copied() {
                    encrypted.tracker.undeliverable(at, error);
                }
                encrypted.end()
            }
            State::Other(protocol) => {
                Ended::Other { protocol, server_port: server_port(facts, facts.initiator.unwrap_or(End::A)) }
            }
            State::Opening(_) => Ended::NoData { undeliverable: self.undeliverable },
        }
    }

    /// How it would have turned out if the capture ended now.
    pub(super) fn as_it_stands(&self, facts: &Facts) -> Ended {
        if is_unseen(facts) {
            return Ended::NoData { undeliverable: self.undeliverable.clone() };
        }
        let mut ended = match &self.state {
            State::Opening(held) => {
                let mut alike = Dialogue::new(&self.common, self.hinted, None);
                alike.state = State::Opening(held.clone());
                alike.undeliverable.clone_from(&self.undeliverable);
                alike.end(facts)
            }
            State::Following(following) => Box::new(following.as_it_stands(self.hinted)).turned_out(facts),
            State::WebSocket(websocket) => websocket.as_it_stands(facts),
            State::Encrypted(encrypted) => encrypted.as_it_stands(),
            State::Other(protocol) => {
                Ended::Other { protocol: *protocol, server_port: server_port(facts, facts.initiator.unwrap_or(End::A)) }
            }
        };
        let tracker = match &mut ended {
            Ended::Mqtt { followed, .. } => Some(followed.tracker_mut()),
            Ended::Tls { tracker, .. } => Some(&mut **tracker),
            _ => None,
        };
        if let (Some(&(at, error)), Some(tracker)) = (self.undeliverable.as_deref(), tracker) {
            tracker.undeliverable(at, error);
        }
        ended
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Start,
    Somewhere,
}

impl Reader for Dialogue {
    fn fetch(&self, depth: Depth) {
        match (depth, &self.state) {
            (Depth::Connection, state) => {
                fetch::start(state);
                fetch::start(&self.news);
            }
            (_, State::Following(following)) => following.fetch(depth),
            _ => {}
        }
    }

    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest {
        match &mut self.state {
            State::Opening(held) => {
                // The usual case needs no copy: a whole CONNECT opens the connection.
                if held.is_empty()
                    && let Piece::Chunk(chunk) = piece
                    && chunk.offset.0 == 0
                    && mqtt::looks_like_connect(chunk.data) == Likelihood::Certain
                {
                    self.follow(from, ClientEvidence::Connect, Beginning::Start, &[]);
                    return self.piece(from, piece, facts);
                }
                self.open(from, piece, facts);
                if let State::Opening(held) = &mut self.state
                    && let Some(newest) = held.last_mut()
                    && !newest.wait(&self.common.room)
                {
                    self.state = State::Other(Protocol::of(&newest.data));
                }
                if let Piece::Gap(_) = piece
                    && matches!(self.state, State::Following(_) | State::Encrypted(_))
                {
                    return self.piece(from, piece, facts);
                }
            }
            State::Following(following) => {
                if following.probation
                    && following.tracker.packets() == 0
                    && let Piece::Chunk(chunk) = piece
                    && websocket::goes_on(&chunk, facts).is_some()
                {
                    self.enter_websocket(from, &[Held::copy(from, &chunk)], facts);
                    return Interest::Wanted;
                }
                following.piece(from, piece, facts, &mut self.news, self.hinted);
                if following.is_hopeless(&self.common.limits, self.hinted) {
                    self.state = State::Other(Protocol::Unknown);
                }
            }
            State::WebSocket(websocket) => {
                websocket.heard(from, facts);
                let verdict = match piece {
                    Piece::Chunk(chunk) => websocket.chunk(from, chunk, &mut self.news, self.hinted),
                    Piece::Gap(gap) => websocket.gap(from, &gap, &mut self.news, self.hinted),
                };
                self.settle_websocket(verdict);
            }
            State::Encrypted(encrypted) => {
                if encrypted.piece(from, piece) == Interest::CountOnly {
                    self.state = State::Other(Protocol::Tls);
                }
            }
            State::Other(_) => {}
        }
        match &self.state {
            // A client may have knocked at a wrong door: that would be a session.
            State::Other(_) if self.hinted => Interest::CountOnly,
            State::Other(_) => Interest::PassBy,
            State::WebSocket(websocket) if websocket.is_done() => Interest::CountOnly,
            _ => Interest::Wanted,
        }
    }
}

impl Held {
    /// A copy of `chunk`, to be let go at once or to [`wait`](Held::wait).
    fn copy(from: End, chunk: &Chunk<'_>) -> Held {
        let Chunk { offset, at, starts_segment, .. } = *chunk;
        Held { from, offset, at, starts_segment, data: chunk.data.to_vec(), share: Share::default() }
    }

    /// Takes room for it; false when there is none.
    fn wait(&mut self, room: &Room) -> bool {
        let mut share = Share::of(room);
        let fits = share.hold(self.data.len());
        if !fits {
            share.refuse();
        }
        self.share = share;
        fits
    }

    fn chunk(&self) -> Chunk<'_> {
        Chunk { offset: self.offset, data: &self.data, at: self.at, starts_segment: self.starts_segment }
    }
}

/// What `from` sent of `held`.
fn bytes_of(held: &[Held], from: End) -> Vec<u8> {
    held.iter().filter(|held| held.from == from).flat_map(|held| &held.data).copied().collect()
}

/// Whether nothing was captured of what the ends said, if they said anything.
fn is_unseen(facts: &Facts) -> bool {
    facts.from_a.bytes == 0 && facts.from_b.bytes == 0
}

/// The server's port, to name what a connection carried.
fn server_port(facts: &Facts, client: End) -> u16 {
    facts.endpoint(client.other()).port
}
