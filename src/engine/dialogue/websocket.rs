//! One connection that carries a WebSocket: its handshake is read, what its frames carry is handed on, and MQTT in it is
//! followed as on a connection of its own.
//!
//! Invariant: it is taken for MQTT when the subprotocol says so or the client's payload begins with CONNECT; what is held until
//! that is known is bounded by [`Limits::probe_bytes`](crate::limits::Limits::probe_bytes).

use std::sync::Arc;

use crate::capture::Moment;
use crate::limits::{Limits, Room};
use crate::mqtt::{self, Likelihood, PacketType};
use crate::net::Undeliverable;
use crate::session::{
    ClientEvidence, CloseFrame, ConnectFacts, Detail, HttpAnswer, PerSide, TextFact, TextMessages, Tracker,
    WebSocketFacts,
};
use crate::stream::{Chunk, End, Gap, Side};
use crate::tcp::Facts;
use crate::transport::Protocol;
use crate::transport::websocket::{self, Carried, Flaw, Frames, Head, Read, Windows};

use super::following::Following;
use super::{Ended, Followed, HELD_AT_MOST, Held, News, NewsList, Watch, http, server_port};

/// Where the capture joins the WebSocket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// At its handshake.
    Upgrade,
    /// Later: between frames.
    Frames,
}

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may carry MQTT, or does.
    Unsettled,
    /// It carries something else.
    Other(Protocol),
}

#[derive(Debug)]
pub(super) struct WebSocket {
    client: End,
    limits: Arc<Limits>,
    detail: Detail,
    watch: Option<Arc<Watch>>,
    windows: Windows,
    room: Room,
    facts: Box<WebSocketFacts>,
    /// What the answer has to fit.
    key: Option<Vec<u8>>,
    directions: PerSide<Direction>,
    /// Nothing but frames was seen: it is on probation.
    joined_late: bool,
    following: Option<Box<Following>>,
    /// Payload held until it is decided what it is.
    held: Vec<Held>,
    /// That is decided: something other than MQTT.
    foreign: bool,
    /// The sender of the newest piece had received more than the capture held until then.
    ahead: bool,
}

#[derive(Debug)]
enum Direction {
    /// The handshake is not over.
    Head(Head),
    Frames(Frames),
    /// What follows does not matter: the body of an HTTP answer.
    Ignored,
}

/// The side that sends what `bytes` begin with, if that is the handshake of a WebSocket or may be.
pub(super) fn opener(bytes: &[u8]) -> Option<Side> {
    match bytes {
        _ if bytes.starts_with(b"GET ") => Some(Side::Client),
        _ if bytes.starts_with(b"HTTP/1.1 101 ") => Some(Side::Server),
        _ => None,
    }
}

/// Whether `bytes` begin with the handshake of a WebSocket, or may.
pub(super) fn begins(bytes: &[u8]) -> bool {
    opener(bytes).is_some()
}

/// The side that sent `chunk`, if it is frames of a WebSocket whose handshake was not captured, with MQTT in the first of them.
pub(super) fn goes_on(chunk: &Chunk<'_>, facts: &Facts) -> Option<Side> {
    if !chunk.starts_segment || facts.syn.count > 0 || !matches!(chunk.data.first(), Some(0x82)) {
        return None;
    }
    let side = websocket::sender_of_frames(chunk.data)?;
    let mut first = Vec::new();
    let mut frames = Frames::at_start(side, &Windows::new(0));
    frames.push(Chunk { data: chunk.data, ..*chunk }, &mut |carried| {
        if let Carried::Data(data) = carried
            && first.is_empty()
        {
            first.extend_from_slice(data.data);
        }
    });
    (mqtt::chain(&first, side, None) >= Likelihood::Unsure).then_some(side)
}

impl WebSocket {
    pub(super) fn new(
        client: End,
        beginning: Beginning,
        limits: &Arc<Limits>,
        detail: Detail,
        watch: Option<Arc<Watch>>,
        windows: &Windows,
        room: &Room,
    ) -> WebSocket {
        let direction = |side| match beginning {
            Beginning::Upgrade => Direction::Head(Head::new(limits).within(room)),
            Beginning::Frames => Direction::Frames(Frames::somewhere(side, windows)),
        };
        let mut websocket = WebSocket {
            client,
            limits: Arc::clone(limits),
            detail,
            watch,
            windows: windows.clone(),
            room: room.clone(),
            facts: Box::default(),
            key: None,
            directions: PerSide { client: direction(Side::Client), server: direction(Side::Server) },
            joined_late: beginning == Beginning::Frames,
            following: None,
            held: Vec::new(),
            foreign: false,
            ahead: false,
        };
        if websocket.joined_late {
            let start = super::Beginning::Somewhere;
            websocket.following = Some(Box::new(websocket.follow(ClientEvidence::PacketKinds, start)));
        }
        websocket
    }

    /// The client, once it is known to speak MQTT.
    pub(super) fn client_of_mqtt(&self) -> Option<End> {
        self.following.as_ref().filter(|following| !following.probation).map(|_| self.client)
    }

    /// CONNECT, if it was read.
    pub(super) fn connect(&self) -> Option<&ConnectFacts> {
        self.following.as_ref()?.tracker.connect()
    }

    /// Whether a packet or the client's Close frame has said that the connection is to end.
    pub(super) fn end_was_announced(&self) -> bool {
        let packet = self.following.as_ref().is_some_and(|following| following.tracker.end_was_announced());
        packet || self.facts.first_close().is_some_and(|(side, _)| side == Side::Client)
    }

    /// Whether nothing that follows matters.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.directions.server, Direction::Ignored)
    }

    /// Takes note of what the sender of the next piece had received before it.
    pub(super) fn heard(&mut self, from: End, facts: &Facts) {
        let other = facts.from(from.other());
        self.ahead = other.acknowledged > other.sent;
    }

    pub(super) fn chunk(&mut self, from: End, chunk: Chunk<'_>, news: &mut NewsList, hinted: bool) -> Verdict {
        let side = self.side(from);
        let rest = match self.directions.of_mut(side) {
            Direction::Head(head) if side == Side::Client => match head.request(&chunk) {
                Read::Whole(request, _) if !request.upgrade => return Verdict::Other(Protocol::Http),
                Read::Whole(request, rest) => {
                    self.key.clone_from(&request.key);
                    self.facts.request = Some(http::request_fact(&request, chunk.at));
                    rest
                }
                Read::More => return Verdict::Unsettled,
                Read::Foreign | Read::NoRoom => return Verdict::Other(Protocol::Http),
            },
            Direction::Head(head) => match head.response(&chunk) {
                Read::Whole(answer, rest) => {
                    let mut fact = http::answer_fact(&answer, chunk.at);
                    let key = self.key.take().filter(|_| answer.status == 101);
                    let wrong = || Flaw::of_key(key.as_deref()?, answer.accept.as_deref()?);
                    fact.flaw = fact.flaw.or_else(wrong);
                    if let Some(following) = &mut self.following {
                        following.tracker.upgrade_answer(&fact);
                    }
                    self.facts.answer = Some(fact);
                    if answer.status != 101 {
                        self.directions = PerSide { client: Direction::Ignored, server: Direction::Ignored };
                        return self.verdict();
                    }
                    rest
                }
                Read::More => return Verdict::Unsettled,
                Read::NoRoom => return Verdict::Other(Protocol::Http),
                Read::Foreign => {
                    self.facts.foreign_answer = Some((Protocol::of(chunk.data), chunk.at));
                    self.directions = PerSide { client: Direction::Ignored, server: Direction::Ignored };
                    return self.verdict();
                }
            },
            Direction::Frames(_) => 0,
            Direction::Ignored => return Verdict::Unsettled,
        };
        if let Direction::Head(_) = self.directions.of(side) {
            *self.directions.of_mut(side) = Direction::Frames(Frames::at_start(side, &self.windows));
        }
        let data = chunk.data.get(rest..).unwrap_or_default();
        let chunk = Chunk { data, starts_segment: chunk.starts_segment && rest == 0, ..chunk };
        self.frames(side, news, hinted, |frames, on| frames.push(chunk, on));
        self.verdict()
    }

    pub(super) fn gap(&mut self, from: End, gap: &Gap, news: &mut NewsList, hinted: bool) -> Verdict {
        let side = self.side(from);
        match self.directions.of(side) {
            // Without the request it is not known what this is.
            Direction::Head(_) if side == Side::Client => return Verdict::Other(Protocol::Http),
            Direction::Head(_) => {
                self.directions.server = Direction::Frames(Frames::somewhere(side, &self.windows));
            }
            // What is behind it is no beginning.
            Direction::Frames(_) if self.following.is_none() && self.names_mqtt() => {
                self.start(ClientEvidence::PacketKinds, news, hinted);
            }
            Direction::Frames(_) | Direction::Ignored => {}
        }
        if let Some(following) = &mut self.following {
            following.tracker.gap(side, gap);
        }
        self.frames(side, news, hinted, |frames, on| frames.gap(*gap, on));
        self.verdict()
    }

    pub(super) fn end(
        mut self: Box<Self>,
        news: &mut NewsList,
        hinted: bool,
        undeliverable: Option<&(Moment, Undeliverable)>,
        facts: &Facts,
    ) -> Ended {
        for side in [Side::Client, Side::Server] {
            self.frames(side, news, hinted, |frames, on| frames.finish(on));
        }
        (self.facts.answer, self.facts.begun_answer) = (self.answer(), self.begun_answer());
        let other = Ended::Other { protocol: Protocol::Http, server_port: server_port(facts, self.client) };
        let (mut tracker, evidence) = match self.following.take() {
            Some(mut following) => {
                following.end(news, hinted);
                if following.probation {
                    return other;
                }
                (Box::new(following.tracker), following.evidence)
            }
            None if self.is_meant_for_mqtt() => self.handshake_only(&self.facts),
            None => return other,
        };
        if let Some(&(at, error)) = undeliverable {
            tracker.undeliverable(at, error);
        }
        tracker.websocket(self.facts);
        Ended::Mqtt { client: self.client, evidence, followed: Followed::Alone(tracker) }
    }

    /// As [`WebSocket::end`], of a connection that goes on.
    pub(super) fn as_it_stands(&self, facts: &Facts) -> Ended {
        let mut told = self.facts.clone();
        (told.answer, told.begun_answer) = (self.answer(), self.begun_answer());
        let followed = self.following.as_ref().map(|following| following.as_it_stands(false));
        let (mut tracker, evidence) = match followed {
            Some(following) if !following.probation => (Box::new(following.tracker), following.evidence),
            None if self.is_meant_for_mqtt() => self.handshake_only(&told),
            _ => return Ended::Other { protocol: Protocol::Http, server_port: server_port(facts, self.client) },
        };
        tracker.websocket(told);
        Ended::Mqtt { client: self.client, evidence, followed: Followed::Alone(tracker) }
    }

    /// What is known of a connection on which nothing but the handshake came.
    fn handshake_only(&self, facts: &WebSocketFacts) -> (Box<Tracker>, ClientEvidence) {
        let mut tracker = Box::new(Tracker::new(&self.limits, self.detail));
        tell(facts, &mut tracker);
        (tracker, ClientEvidence::PacketKinds)
    }

    fn side(&self, from: End) -> Side {
        if from == self.client { Side::Client } else { Side::Server }
    }

    fn follow(&self, evidence: ClientEvidence, beginning: super::Beginning) -> Following {
        Following::new(self.client, evidence, beginning, &self.limits, self.detail, self.watch.clone(), &self.room)
    }

    /// What is known of a connection that nothing was followed in yet.
    fn verdict(&self) -> Verdict {
        let other = match (&self.following, &self.facts.answer) {
            (Some(following), _) => self.joined_late && following.is_hopeless(&self.limits, false),
            (None, Some(answer)) if answer.status != 101 => !self.is_meant_for_mqtt(),
            (None, _) => self.foreign || self.held.len() > HELD_AT_MOST,
        };
        if other {
            Verdict::Other(if self.joined_late { Protocol::Unknown } else { Protocol::Http })
        } else {
            Verdict::Unsettled
        }
    }

    /// Whether a subprotocol of the handshake says so.
    fn names_mqtt(&self) -> bool {
        self.facts.offers_mqtt() || self.facts.agrees_to_mqtt()
    }

    /// Whether the handshake says that the client wanted MQTT: by the subprotocol, or, if it names none, by the path.
    fn is_meant_for_mqtt(&self) -> bool {
        let facts = &self.facts;
        if self.names_mqtt() {
            return true;
        }
        let Some(request) = &facts.request else { return false };
        let last = request.path.0.split(|byte| *byte == b'/').rfind(|part| !part.is_empty());
        request.subprotocols.is_none() && last.is_some_and(|last| last.eq_ignore_ascii_case(b"mqtt"))
    }

    /// Lets the frames of `side` do `step`, and takes what they carry.
    fn frames(
        &mut self,
        side: Side,
        news: &mut NewsList,
        hinted: bool,
        step: impl FnOnce(&mut Frames, &mut dyn FnMut(Carried<'_>)),
    ) {
        let direction = std::mem::replace(self.directions.of_mut(side), Direction::Ignored);
        let Direction::Frames(mut frames) = direction else {
            *self.directions.of_mut(side) = direction;
            return;
        };
        step(&mut frames, &mut |carried| self.take(side, carried, news, hinted));
        *self.directions.of_mut(side) = Direction::Frames(frames);
    }

    fn take(&mut self, side: Side, carried: Carried<'_>, news: &mut NewsList, hinted: bool) {
        let from = if side == Side::Client { self.client } else { self.client.other() };
        match carried {
            Carried::Data(chunk) => self.data(from, chunk, news, hinted),
            Carried::Gap(gap) => {
                if let Some(following) = &mut self.following {
                    following.hole(from, &gap, news, hinted);
                }
            }
            Carried::Text { at, first_byte } => {
                let packet = PacketType(first_byte >> 4);
                let text = self.facts.text.of_mut(side);
                text.get_or_insert(TextMessages { at, packet, count: 0 }).count += 1;
            }
            Carried::Ping(at) => self.facts.pings.of_mut(side).add(at.frame),
            Carried::Close { at, code, reason } => {
                if self.facts.close.of(side).is_none() {
                    let close = CloseFrame { at, code, reason: TextFact::new(reason), ahead: self.ahead };
                    if let Some(following) = &mut self.following {
                        following.tracker.websocket_close(side, &close);
                    }
                    *self.facts.close.of_mut(side) = Some(close);
                }
            }
            Carried::WronglyMasked(at) => {
                self.facts.wrongly_masked.of_mut(side).get_or_insert(at);
            }
            Carried::Passed { bytes, at } => {
                if let Some(following) = &mut self.following {
                    following.tracker.passed(side, bytes, at);
                }
            }
            Carried::Unreadable(at) => {
                self.facts.unreadable.of_mut(side).get_or_insert(at);
                if let Some(following) = &mut self.following {
                    following.tracker.unreadable(side, at);
                }
            }
        }
    }

    /// Payload: MQTT, or held until that is decided.
    fn data(&mut self, from: End, chunk: Chunk<'_>, news: &mut NewsList, hinted: bool) {
        if self.foreign {
            return;
        }
        if self.following.is_none() {
            if !self.names_mqtt() {
                self.held.push(Held::copy(from, &chunk));
                self.weigh(news, hinted);
                if self.held.last_mut().is_some_and(|newest| !newest.wait(&self.room)) {
                    self.foreign = true;
                    self.held = Vec::new();
                }
                return;
            }
            self.start(ClientEvidence::PacketKinds, news, hinted);
        }
        if let Some(following) = &mut self.following {
            if following.tracker.packets() == 0
                && from == self.client
                && mqtt::looks_like_connect(chunk.data) == Likelihood::Certain
            {
                following.evidence = ClientEvidence::Connect;
            }
            following.chunk(from, chunk, news, false);
        }
    }

    /// Decides by the client's payload what is held.
    fn weigh(&mut self, news: &mut NewsList, hinted: bool) {
        let begin = self.held.iter().filter(|held| held.from == self.client).flat_map(|held| &held.data).copied();
        let begin: Vec<u8> = begin.take(self.limits.probe_bytes).collect();
        match mqtt::looks_like_connect(&begin) {
            Likelihood::Certain => self.start(ClientEvidence::Connect, news, hinted),
            Likelihood::NeedMore => {}
            // Not MQTT: nothing more of it is held.
            Likelihood::Unsure | Likelihood::No => {
                self.foreign = true;
                self.held = Vec::new();
            }
        }
    }

    /// The answer to the request: of a refusal as much as came.
    fn answer(&self) -> Option<HttpAnswer> {
        let begun = match &self.directions.server {
            Direction::Head(head) => head.begun_answer(),
            _ => None,
        };
        let refusal = begun.filter(|(answer, _)| answer.status >= 200);
        refusal.map(|(answer, at)| http::answer_fact(&answer, at)).or_else(|| self.facts.answer.clone())
    }

    /// What came of an answer that is not whole, and may be any.
    fn begun_answer(&self) -> Option<(usize, Moment)> {
        match &self.directions.server {
            Direction::Head(head) if self.answer().is_none() => head.begun(),
            _ => None,
        }
    }

    fn start(&mut self, evidence: ClientEvidence, news: &mut NewsList, hinted: bool) {
        news.push(News::Mqtt);
        let mut following = Box::new(self.follow(evidence, super::Beginning::Start));
        tell(&self.facts, &mut following.tracker);
        self.following = Some(following);
        for held in std::mem::take(&mut self.held) {
            self.data(held.from, held.chunk(), news, hinted);
        }
    }
}

/// Tells what is known of the handshake, and of its end.
fn tell(facts: &WebSocketFacts, tracker: &mut Tracker) {
    facts.request.iter().for_each(|request| tracker.upgrade_request(request));
    facts.answer.iter().for_each(|answer| tracker.upgrade_answer(answer));
    facts.foreign_answer.iter().for_each(|(protocol, at)| tracker.upgrade_answered_in(*protocol, *at));
    let (client, server) = (&facts.close.client, &facts.close.server);
    let mut closes = [(Side::Client, client), (Side::Server, server)];
    if matches!((client, server), (Some(client), Some(server)) if server.at.is_before(client.at)) {
        closes.reverse();
    }
    for (side, close) in closes {
        if let Some(close) = close {
            tracker.websocket_close(side, close);
        }
    }
}
