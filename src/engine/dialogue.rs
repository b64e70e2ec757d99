//! What reads the two streams of one connection: decides if they are MQTT, cuts them into control
//! packets and hands these to the session's tracker.
//!
//! Invariant: a connection is taken for MQTT only on evidence in its bytes. Where the start was
//! captured that is a CONNECT. Where it was not, packets are followed on probation until an answer
//! fits a request, or enough packets follow one another; until then nothing is reported.

use crate::capture::Moment;
use crate::limits::Limits;
use crate::mqtt::{self, Framed, Framer, Hints, Likelihood, Missing, Packet, RawPacket, VersionEvidence};
use crate::net::Undeliverable;
use crate::session::{ClientEvidence, Detail, PerSide, TextFact, Tracker};
use crate::stream::{Chunk, End, Piece, Side, StreamOffset};
use crate::tcp::{Facts, Interest, Reader};
use crate::transport::Protocol;

/// On probation, so many packets in a row make MQTT on a port that is taken for it.
const ENOUGH_HINTED: u64 = 1;
/// On probation, so many packets in a row make MQTT on any port.
const ENOUGH: u64 = 8;
/// On probation on a port taken for MQTT, so many times the usual bytes are searched for a packet.
const PATIENCE: u64 = 256;

/// A server's first bytes are not judged before there are so many.
const ANSWER_AT_LEAST: usize = 8;
/// A server's first bytes that are not clearly MQTT after so many are not.
const ANSWER_AT_MOST: usize = 512;

/// Something that other sessions may have to know.
#[derive(Debug)]
pub(super) enum News {
    /// The connection carries MQTT.
    Mqtt,
    /// A CONNECT.
    Connect { client_id: TextFact, at: Moment },
    /// The CONNACK that answers a CONNECT.
    Answered { client_id: TextFact, accepted: bool, at: Moment },
}

/// How a connection turned out.
pub(super) enum Ended {
    /// It carried MQTT.
    Mqtt { client: End, evidence: ClientEvidence, tracker: Box<Tracker> },
    /// It carried something else.
    Other { protocol: Protocol, server_port: u16 },
    /// It carried nothing.
    NoData { undeliverable: Option<(Moment, Undeliverable)> },
}

/// The reader of one connection.
#[derive(Debug)]
pub(super) struct Dialogue {
    limits: Limits,
    detail: Detail,
    /// One of the ports is taken for MQTT.
    hinted: bool,
    state: State,
    undeliverable: Option<(Moment, Undeliverable)>,
    news: Vec<News>,
}

#[derive(Debug)]
enum State {
    /// Too few bytes to decide.
    Opening(Vec<Held>),
    /// MQTT, or on probation.
    Following(Box<Following>),
    /// Something else.
    Other(Protocol),
}

/// Bytes held until it is decided what they are.
#[derive(Debug)]
struct Held {
    from: End,
    offset: StreamOffset,
    at: Moment,
    starts_segment: bool,
    data: Vec<u8>,
}

/// What the server's first bytes are. A first byte proves nothing: HTTP's `H` is the type of a PUBACK.
#[derive(Debug)]
enum Answer {
    /// Too few bytes to decide.
    Awaited(Vec<Held>),
    /// MQTT, or its start was not captured.
    Mqtt,
    /// Something else: the server's bytes are not framed.
    Foreign,
}

#[derive(Debug)]
struct Following {
    client: End,
    evidence: ClientEvidence,
    framers: PerSide<Framer>,
    tracker: Box<Tracker>,
    inference: VersionEvidence,
    probation: bool,
    answer: Answer,
    searched: u64,
}

impl Dialogue {
    pub(super) fn new(limits: &Limits, detail: Detail, hinted: bool) -> Dialogue {
        Dialogue { limits: *limits, detail, hinted, state: State::Opening(Vec::new()), undeliverable: None, news: Vec::new() }
    }

    /// A router or host says that a segment of the connection could not be delivered.
    pub(super) fn undeliverable(&mut self, at: Moment, error: Undeliverable) {
        self.undeliverable.get_or_insert((at, error));
    }

    /// The end that is the client, once the connection is known to carry MQTT.
    pub(super) fn client(&self) -> Option<End> {
        match &self.state {
            State::Following(following) if !following.probation => Some(following.client),
            _ => None,
        }
    }

    /// What else the connection carries, once it is known not to be MQTT.
    pub(super) fn other(&self) -> Option<Protocol> {
        match &self.state {
            State::Other(protocol) => Some(*protocol),
            _ => None,
        }
    }

    /// What happened since this was last asked.
    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Whether a packet has said that the connection is to end.
    pub(super) fn end_was_announced(&self) -> bool {
        matches!(&self.state, State::Following(following) if following.tracker.end_was_announced())
    }

    /// The connection is over.
    pub(super) fn end(mut self, facts: &Facts) -> Ended {
        if let State::Opening(held) = &mut self.state {
            let held = std::mem::take(held);
            if held.is_empty() {
                return Ended::NoData { undeliverable: self.undeliverable };
            }
            let client = facts.initiator.unwrap_or(End::A);
            let sent = held.iter().filter(|held| held.from == client).flat_map(|held| &held.data);
            let begun: Vec<u8> = sent.copied().collect();
            let plausible = mqtt::looks_like_connect(&begun) != Likelihood::No
                || mqtt::chain(&begun, Side::Client, None) != Likelihood::No;
            if !self.hinted || begun.is_empty() || !plausible {
                let protocol = held.first().map_or(Protocol::Unknown, |held| Protocol::of(&held.data));
                return Ended::Other { protocol, server_port: server_port(facts, client) };
            }
            self.follow(client, ClientEvidence::Opened, Beginning::Start, held);
        }
        match self.state {
            State::Following(mut following) => {
                following.end(&mut self.news, self.hinted);
                let client = following.client;
                if following.probation {
                    return Ended::Other { protocol: Protocol::Unknown, server_port: server_port(facts, client) };
                }
                if let Some((at, error)) = self.undeliverable {
                    following.tracker.undeliverable(at, error);
                }
                Ended::Mqtt { client, evidence: following.evidence, tracker: following.tracker }
            }
            State::Other(protocol) => {
                Ended::Other { protocol, server_port: server_port(facts, facts.initiator.unwrap_or(End::A)) }
            }
            State::Opening(_) => Ended::NoData { undeliverable: self.undeliverable },
        }
    }

    /// Looks at the next piece of a connection of which nothing is known yet.
    fn open(&mut self, from: End, piece: Piece<'_>, facts: &Facts) {
        let State::Opening(held) = &mut self.state else { return };
        let chunk = match piece {
            Piece::Chunk(chunk) => chunk,
            Piece::Gap(_) => {
                let held = std::mem::take(held);
                let client = facts.initiator.unwrap_or_else(|| client_by_port(facts, self.hinted));
                let evidence = if facts.initiator.is_some() { ClientEvidence::Opened } else { ClientEvidence::Port };
                self.follow(client, evidence, Beginning::Somewhere, held);
                return;
            }
        };
        held.push(Held::new(from, &chunk));
        let begins = held.iter().filter(|held| held.from == from).flat_map(|held| &held.data).copied();
        let bytes: Vec<u8> = begins.take(self.limits.probe_bytes).collect();
        let at_start = held.iter().find(|held| held.from == from).is_some_and(|held| held.offset.0 == 0);
        let likelihood = if at_start { mqtt::looks_like_connect(&bytes) } else { Likelihood::No };
        match (likelihood, facts.initiator) {
            (Likelihood::Certain, _) => {
                let held = std::mem::take(held);
                self.follow(from, ClientEvidence::Connect, Beginning::Start, held);
            }
            (Likelihood::Unsure, Some(client)) if client == from => {
                let held = std::mem::take(held);
                self.follow(from, ClientEvidence::Opened, Beginning::Start, held);
                self.on_probation();
            }
            (Likelihood::NeedMore, Some(client)) if client == from => {}
            (_, Some(client)) if client == from => {
                let protocol = Protocol::of(&bytes);
                let chain = match protocol {
                    Protocol::Unknown if self.hinted => mqtt::chain(&bytes, Side::Client, None),
                    _ => Likelihood::No,
                };
                if chain == Likelihood::Certain {
                    let held = std::mem::take(held);
                    self.follow(client, ClientEvidence::Opened, Beginning::Start, held);
                    self.on_probation();
                } else if chain == Likelihood::No || bytes.len() >= self.limits.probe_bytes {
                    self.state = State::Other(protocol);
                }
            }
            (_, Some(client)) => {
                // The server speaks first, or the capture has its answer before the question.
                if mqtt::looks_like_connack(&bytes) == Likelihood::No {
                    self.state = State::Other(Protocol::of(&bytes));
                } else if held.len() > 8 {
                    let held = std::mem::take(held);
                    self.follow(client, ClientEvidence::Opened, Beginning::Somewhere, held);
                }
            }
            (_, None) => {
                let protocol = Protocol::of(&bytes);
                if protocol == Protocol::Unknown {
                    let held = std::mem::take(held);
                    let client = client_by_port(facts, self.hinted);
                    self.follow(client, ClientEvidence::Port, Beginning::Somewhere, held);
                } else {
                    self.state = State::Other(protocol);
                }
            }
        }
    }

    fn follow(&mut self, client: End, evidence: ClientEvidence, beginning: Beginning, held: Vec<Held>) {
        let framer = || match beginning {
            Beginning::Start => Framer::at_start(&self.limits),
            Beginning::Somewhere => Framer::somewhere(&self.limits),
        };
        let mut following = Box::new(Following {
            client,
            evidence,
            framers: PerSide { client: framer(), server: framer() },
            tracker: Box::new(Tracker::new(&self.limits, self.detail)),
            inference: VersionEvidence::default(),
            probation: beginning == Beginning::Somewhere,
            answer: match beginning {
                Beginning::Start => Answer::Awaited(Vec::new()),
                Beginning::Somewhere => Answer::Mqtt,
            },
            searched: 0,
        });
        if !following.probation {
            self.news.push(News::Mqtt);
        }
        for held in &held {
            following.chunk(held.from, held.chunk(), &mut self.news, self.hinted);
        }
        self.state = State::Following(following);
    }

    fn on_probation(&mut self) {
        if let State::Following(following) = &mut self.state {
            following.probation = following.tracker.answers_matched() == 0;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Start,
    Somewhere,
}

impl Reader for Dialogue {
    fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts) -> Interest {
        match &mut self.state {
            State::Opening(held) => {
                // The usual case needs no copy: a whole CONNECT opens the connection.
                if held.is_empty()
                    && let Piece::Chunk(chunk) = piece
                    && chunk.offset.0 == 0
                    && mqtt::looks_like_connect(chunk.data) == Likelihood::Certain
                {
                    self.follow(from, ClientEvidence::Connect, Beginning::Start, Vec::new());
                    return self.piece(from, piece, facts);
                }
                self.open(from, piece, facts);
                if let Piece::Gap(_) = piece
                    && matches!(self.state, State::Following(_))
                {
                    return self.piece(from, piece, facts);
                }
            }
            State::Following(following) => {
                match piece {
                    Piece::Chunk(chunk) => following.chunk(from, chunk, &mut self.news, self.hinted),
                    Piece::Gap(gap) => following.gap(from, &gap, &mut self.news, self.hinted),
                }
                if following.is_hopeless(&self.limits, self.hinted) {
                    self.state = State::Other(Protocol::Unknown);
                }
            }
            State::Other(_) => {}
        }
        match self.state {
            State::Other(_) => Interest::CountOnly,
            _ => Interest::Wanted,
        }
    }
}

impl Held {
    fn new(from: End, chunk: &Chunk<'_>) -> Held {
        Held {
            from,
            offset: chunk.offset,
            at: chunk.at,
            starts_segment: chunk.starts_segment,
            data: chunk.data.to_vec(),
        }
    }

    fn chunk(&self) -> Chunk<'_> {
        Chunk { offset: self.offset, data: &self.data, at: self.at, starts_segment: self.starts_segment }
    }
}

impl Following {
    fn side(&self, from: End) -> Side {
        if from == self.client { Side::Client } else { Side::Server }
    }

    fn hints(&self, from: Side) -> Hints {
        let sender = (self.evidence > ClientEvidence::Port).then_some(from);
        Hints { sender, version: self.tracker.version() }
    }

    fn chunk(&mut self, from: End, chunk: Chunk<'_>, news: &mut Vec<News>, hinted: bool) {
        let side = self.side(from);
        if self.probation {
            self.searched += chunk.data.len() as u64;
        }
        if side == Side::Server {
            match &mut self.answer {
                Answer::Mqtt => {}
                Answer::Foreign => return,
                Answer::Awaited(held) => {
                    if !held.is_empty() || mqtt::looks_like_connack(chunk.data) == Likelihood::No {
                        held.push(Held::new(from, &chunk));
                        self.weigh_answer(news, hinted);
                        return;
                    }
                    self.answer = Answer::Mqtt;
                }
            }
        }
        let mut scene = Scene::new(self, side, news);
        scene.framer.push(chunk, &scene.hints, &mut |framed| scene.stage.take(framed));
        self.after(hinted, news);
    }

    fn gap(&mut self, from: End, gap: &crate::stream::Gap, news: &mut Vec<News>, hinted: bool) {
        let side = self.side(from);
        if side == Side::Server {
            if matches!(self.answer, Answer::Foreign) {
                return;
            }
            self.settle_answer(Answer::Mqtt, news, hinted);
        }
        self.tracker.gap(side, gap);
        let mut scene = Scene::new(self, side, news);
        scene.framer.gap(*gap, &scene.hints, &mut |framed| scene.stage.take(framed));
        self.after(hinted, news);
    }

    fn end(&mut self, news: &mut Vec<News>, hinted: bool) {
        if matches!(&self.answer, Answer::Awaited(held) if !held.is_empty()) {
            self.settle_answer(Answer::Foreign, news, hinted);
        }
        for side in [Side::Client, Side::Server] {
            let mut scene = Scene::new(self, side, news);
            scene.framer.finish(&scene.hints, &mut |framed| scene.stage.take(framed));
            self.after(hinted, news);
        }
    }

    /// Looks at the server's first bytes, which do not begin like a CONNACK.
    fn weigh_answer(&mut self, news: &mut Vec<News>, hinted: bool) {
        let Answer::Awaited(held) = &self.answer else { return };
        let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
        let verdict = match mqtt::chain(&bytes, Side::Server, self.tracker.version()) {
            _ if Protocol::of(&bytes) != Protocol::Unknown => Answer::Foreign,
            Likelihood::Certain => Answer::Mqtt,
            _ if bytes.len() < ANSWER_AT_LEAST => return,
            Likelihood::No => Answer::Foreign,
            _ if bytes.len() < ANSWER_AT_MOST => return,
            _ => Answer::Foreign,
        };
        self.settle_answer(verdict, news, hinted);
    }

    fn settle_answer(&mut self, verdict: Answer, news: &mut Vec<News>, hinted: bool) {
        let Answer::Awaited(held) = std::mem::replace(&mut self.answer, verdict) else { return };
        let Some(first) = held.first() else { return };
        if matches!(self.answer, Answer::Foreign) {
            let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
            self.tracker.foreign_answer(Protocol::of(&bytes), first.at);
        } else {
            for held in &held {
                self.chunk(held.from, held.chunk(), news, hinted);
            }
        }
    }

    /// Draws the conclusions of what was just read.
    fn after(&mut self, hinted: bool, news: &mut Vec<News>) {
        if self.evidence == ClientEvidence::Port
            && let Some(client) = self.tracker.side_that_acts_as_client()
        {
            if client == Side::Server {
                self.client = self.client.other();
                self.framers.swap();
                self.tracker.swap_sides();
            }
            self.evidence = ClientEvidence::PacketKinds;
        }
        if self.tracker.version().is_none()
            && let Some((version, why)) = self.inference.verdict()
        {
            self.tracker.infer_version(version, why);
        }
        if self.probation {
            let enough = if hinted { ENOUGH_HINTED } else { ENOUGH };
            let sound = self.tracker.malformed_packets() == 0;
            if sound && (self.tracker.answers_matched() > 0 || self.tracker.packets() >= enough) {
                self.probation = false;
                news.push(News::Mqtt);
            }
        }
    }

    fn is_hopeless(&self, limits: &Limits, hinted: bool) -> bool {
        let bytes = limits.probe_bytes as u64 * if hinted { PATIENCE } else { 2 };
        self.probation && (self.tracker.malformed_packets() > 0 && !hinted || self.searched > bytes)
    }
}

/// One direction at work: its framer, and the stage on which what it cuts out appears.
struct Scene<'f> {
    framer: &'f mut Framer,
    hints: Hints,
    stage: Stage<'f>,
}

struct Stage<'f> {
    side: Side,
    tracker: &'f mut Tracker,
    inference: &'f mut VersionEvidence,
    news: &'f mut Vec<News>,
}

impl<'f> Scene<'f> {
    fn new(following: &'f mut Following, side: Side, news: &'f mut Vec<News>) -> Scene<'f> {
        let hints = following.hints(side);
        Scene {
            framer: following.framers.of_mut(side),
            hints,
            stage: Stage {
                side,
                tracker: &mut following.tracker,
                inference: &mut following.inference,
                news,
            },
        }
    }
}

impl Stage<'_> {
    fn take(&mut self, framed: Framed<'_>) {
        match framed {
            Framed::Packet(raw) => self.packet(&raw),
            Framed::Skipped(skipped) => self.tracker.skipped(self.side, &skipped),
            Framed::Unframeable { first_byte, at, .. } => self.tracker.unframeable(self.side, first_byte, at),
        }
    }

    fn packet(&mut self, raw: &RawPacket<'_>) {
        if raw.missing == Some(Missing::StreamEnded) {
            self.tracker.unfinished(self.side, raw);
            return;
        }
        let version = self.tracker.version();
        let parsed = mqtt::parse(raw, version);
        if let Ok(packet) = &parsed {
            if version.is_none() {
                self.inference.observe(raw, self.side);
            }
            mqtt::conformance::check(raw, packet, version, self.side, &mut |violation| {
                self.tracker.violation(raw.completed, raw.header.packet_type(), &violation);
            });
        }
        self.tracker.packet(self.side, raw, &parsed);
        match parsed {
            Ok(Packet::Connect(connect)) => {
                let client_id = TextFact::new(connect.client_id.0);
                self.news.push(News::Connect { client_id, at: raw.completed });
            }
            Ok(Packet::Connack(connack)) => {
                if let Some(connect) = self.tracker.connect() {
                    let client_id = connect.client_id.clone();
                    let accepted = connack.reason_code.0 == 0;
                    self.news.push(News::Answered { client_id, accepted, at: raw.completed });
                }
            }
            _ => {}
        }
    }
}

/// The server's port, to name what a connection carried.
fn server_port(facts: &Facts, client: End) -> u16 {
    facts.endpoint(client.other()).port
}

/// Without a SYN: the end whose port is not one of MQTT's, else the one with the higher port.
fn client_by_port(facts: &Facts, hinted: bool) -> End {
    let registered = |end: End| super::MQTT_PORTS.contains(&facts.endpoint(end).port);
    match (hinted, registered(End::A), registered(End::B)) {
        (true, true, false) => End::B,
        (true, false, true) => End::A,
        _ if facts.a.port >= facts.b.port => End::A,
        _ => End::B,
    }
}
