//! The first bytes of a connection: held until they tell what it carries, then handed to who reads that.

use thin_vec::ThinVec;

use crate::engine::{MQTT_PORTS, SECURE_PORT};
use crate::mqtt::{self, Likelihood};
use crate::session::{ClientEvidence, PerSide};
use crate::stream::{End, Piece, Side};
use crate::tcp::{Facts, Interest};
use crate::transport::{Protocol, proxy, tunnel};

use super::encrypted::Encrypted;
use super::following::Following;
use super::websocket::{self, Verdict, WebSocket};
use super::{Beginning, Dialogue, HELD_AT_MOST, Held, News, State, bytes_of, server_port};

/// A client's first bytes are not named before there are so many: no opening that is known here is longer.
const OPENING_AT_LEAST: usize = 12;

/// On a port that nothing marks as a broker's, a server that speaks first is not heard for longer than this before its
/// client speaks: greetings are shorter.
const GREETING_AT_MOST: usize = 512;

/// What a connection carries that the client began with `begun`: what the server's greeting names, if that does.
fn named(held: &[Held], client: End, begun: &[u8], hinted: bool) -> Protocol {
    let greeting = bytes_of(held, client.other());
    let names = !hinted && Protocol::of(&greeting) != Protocol::Unknown;
    Protocol::at_wrong_door(if names { &greeting } else { begun })
}

impl Dialogue {
    /// Looks at the next piece of a connection of which nothing is known yet.
    pub(super) fn open(&mut self, from: End, piece: Piece<'_>, facts: &Facts) {
        let State::Opening(held) = &mut self.state else { return };
        let chunk = match piece {
            Piece::Chunk(chunk) => chunk,
            Piece::Gap(_) => {
                let held = std::mem::take(held);
                let client = facts.initiator.unwrap_or_else(|| client_by_port(facts, self.hinted));
                let evidence = if facts.initiator.is_some() { ClientEvidence::Opened } else { ClientEvidence::Port };
                let plain = held.first().is_some_and(|held| Protocol::of(&held.data) != Protocol::Tls);
                if server_port(facts, client) == SECURE_PORT && !plain {
                    self.enter_tls(facts, &held);
                } else {
                    self.follow(client, evidence, Beginning::Somewhere, &held);
                }
                return;
            }
        };
        held.push(Held::copy(from, &chunk));
        if let Some(client) = facts.initiator {
            let begun = bytes_of(held, client);
            if Protocol::of(&begun) == Protocol::Proxy {
                return self.open_after_header(from, client, facts);
            }
            if tunnel::asks(&begun) {
                return self.open_inside_tunnel(client, facts);
            }
        }
        let begins = held.iter().filter(|held| held.from == from).flat_map(|held| &held.data).copied();
        let bytes: Vec<u8> = begins.take(self.common.limits.probe_bytes).collect();
        if websocket::begins(&bytes) || websocket::goes_on(&chunk, facts).is_some() {
            let held = std::mem::take(held);
            return self.enter_websocket(from, &held, facts);
        }
        let at_start = held.iter().find(|held| held.from == from).is_some_and(|held| held.offset.0 == 0);
        let likelihood = if at_start { mqtt::looks_like_connect(&bytes) } else { Likelihood::No };
        match (likelihood, facts.initiator) {
            (Likelihood::Certain, _) => {
                let held = std::mem::take(held);
                self.follow(from, ClientEvidence::Connect, Beginning::Start, &held);
            }
            (Likelihood::Unsure, Some(client)) if client == from => {
                let held = std::mem::take(held);
                self.follow(from, ClientEvidence::Opened, Beginning::Start, &held);
                self.on_probation();
            }
            (Likelihood::NeedMore, Some(client)) if client == from => {}
            // Without the client's own SYN these may not be its first bytes.
            (_, Some(client))
                if client == from && facts.syn.count == 0 && Protocol::of(&bytes) == Protocol::Unknown =>
            {
                let held = std::mem::take(held);
                self.follow(client, ClientEvidence::Opened, Beginning::Somewhere, &held);
            }
            (_, Some(client)) if client == from => {
                let protocol = Protocol::of(&bytes);
                let chain = match protocol {
                    Protocol::Unknown if self.hinted => mqtt::chain(&bytes, Side::Client, None),
                    _ => Likelihood::No,
                };
                if chain == Likelihood::Certain {
                    let held = std::mem::take(held);
                    self.follow(client, ClientEvidence::Opened, Beginning::Start, &held);
                    self.on_probation();
                } else if protocol == Protocol::Unknown && bytes.len() < OPENING_AT_LEAST && held.len() <= HELD_AT_MOST
                {
                    // Too few bytes to name what it is.
                } else if protocol == Protocol::Tls {
                    let held = std::mem::take(held);
                    self.enter_tls(facts, &held);
                } else if chain == Likelihood::No || bytes.len() >= self.common.limits.probe_bytes {
                    self.state = State::Other(named(held, client, &bytes, self.hinted));
                }
            }
            (_, Some(client)) => {
                // The server speaks first, or the capture has its answer before the question. Whatever it
                // says, what the connection is to carry is the client's choice.
                let foreign = mqtt::looks_like_connack(&bytes) == Likelihood::No;
                let much = held.len() > HELD_AT_MOST || !self.hinted && bytes.len() > GREETING_AT_MOST;
                if foreign && much {
                    self.state = State::Other(Protocol::of(&bytes));
                } else if held.len() > HELD_AT_MOST && Protocol::of(&bytes) == Protocol::Tls {
                    let held = std::mem::take(held);
                    self.enter_tls(facts, &held);
                } else if held.len() > HELD_AT_MOST {
                    let held = std::mem::take(held);
                    self.follow(client, ClientEvidence::Opened, Beginning::Somewhere, &held);
                }
            }
            (_, None) => {
                let protocol = Protocol::of(&bytes);
                let client = client_by_port(facts, self.hinted);
                let side = if from == client { Side::Client } else { Side::Server };
                // On the port for TLS it is a record whose beginning was not captured, unless it reads as MQTT.
                let torn =
                    server_port(facts, client) == SECURE_PORT && mqtt::chain(&bytes, side, None) == Likelihood::No;
                if protocol == Protocol::Unknown && !torn {
                    let held = std::mem::take(held);
                    self.follow(client, ClientEvidence::Port, Beginning::Somewhere, &held);
                } else if protocol == Protocol::Tls || torn {
                    let held = std::mem::take(held);
                    self.enter_tls(facts, &held);
                } else {
                    self.state = State::Other(protocol);
                }
            }
        }
    }

    /// The client's first bytes are a PROXY header. Whether the server takes it, and what is behind it, is told by the
    /// server's answer.
    fn open_after_header(&mut self, from: End, client: End, facts: &Facts) {
        let State::Opening(held) = &mut self.state else { return };
        if from == client && held.len() <= HELD_AT_MOST {
            return;
        }
        let mut held = std::mem::take(held);
        self.state = State::Other(Protocol::Proxy);
        if from == client {
            return;
        }
        let Some(length) = proxy::header_length(&bytes_of(&held, client)) else { return };
        pass(&mut held, client, length);
        self.open_behind(client, &held, facts);
        let answers = mqtt::looks_like_connack(&bytes_of(&held, client.other())) >= Likelihood::Unsure;
        let answer = held.iter().find(|held| held.from != client).filter(|_| answers);
        if let (State::Following(_), Some(answer)) = (&self.state, answer) {
            self.news.push(News::Headed { at: answer.at });
        }
    }

    /// The client asks an HTTP proxy for a tunnel. What is inside is told by the client's first bytes there.
    fn open_inside_tunnel(&mut self, client: End, facts: &Facts) {
        let State::Opening(held) = &mut self.state else { return };
        let (asked, answered) = (bytes_of(held, client), bytes_of(held, client.other()));
        let (request, answer) = (tunnel::header_length(&asked), tunnel::header_length(&answered));
        let behind = request.and_then(|length| asked.get(length..)).unwrap_or_default();
        let told = behind.len() >= OPENING_AT_LEAST && mqtt::looks_like_connect(behind) != Likelihood::NeedMore;
        let opened = request.filter(|_| told).zip(answer);
        if tunnel::refuses(&answered) || opened.is_none() && held.len() > HELD_AT_MOST {
            self.state = State::Other(Protocol::Http);
        } else if let Some((request, answer)) = opened {
            let mut held = std::mem::take(held);
            self.state = State::Other(Protocol::Http);
            pass(&mut held, client, request);
            pass(&mut held, client.other(), answer);
            self.open_behind(client, &held, facts);
            if let State::Following(following) = &mut self.state {
                following.tracker.preface(PerSide { client: request as u64, server: answer as u64 });
            }
        }
    }

    /// What is MQTT, or may carry it, behind what came before the client's own bytes.
    fn open_behind(&mut self, client: End, held: &[Held], facts: &Facts) {
        let behind = bytes_of(held, client);
        if websocket::begins(&behind) {
            self.enter_websocket(client, held, facts);
        } else if mqtt::looks_like_connect(&behind) == Likelihood::Certain {
            self.follow(client, ClientEvidence::Connect, Beginning::Start, held);
        } else if Protocol::of(&behind) == Protocol::Tls {
            self.enter_tls(facts, held);
        }
    }

    pub(super) fn follow(&mut self, client: End, evidence: ClientEvidence, beginning: Beginning, held: &[Held]) {
        let mut following = Box::new(Following::new(
            client,
            evidence,
            beginning,
            &self.common.limits,
            self.common.detail,
            self.watch.clone(),
            &self.common.room,
        ));
        if !following.probation {
            self.news.push(News::Mqtt);
        }
        for held in held {
            following.chunk(held.from, held.chunk(), &mut self.news, self.hinted);
        }
        self.state = State::Following(following);
    }

    /// Takes the connection for a WebSocket, until its bytes tell otherwise.
    pub(super) fn enter_websocket(&mut self, from: End, held: &[Held], facts: &Facts) {
        let Some(newest) = held.iter().rfind(|held| held.from == from) else { return };
        let client = match websocket::goes_on(&newest.chunk(), facts) {
            Some(side) => Some((side, websocket::Beginning::Frames)),
            None => websocket::opener(&bytes_of(held, from)).map(|side| (side, websocket::Beginning::Upgrade)),
        };
        let Some((side, beginning)) = client else { return };
        let client = if side == Side::Client { from } else { from.other() };
        let mut websocket = Box::new(WebSocket::new(
            client,
            beginning,
            &self.common.limits,
            self.common.detail,
            self.watch.clone(),
            &self.common.windows,
            &self.common.room,
        ));
        let mut verdict = Verdict::Unsettled;
        for held in held {
            verdict = websocket.chunk(held.from, held.chunk(), &mut self.news, self.hinted);
        }
        self.state = State::WebSocket(websocket);
        self.settle_websocket(verdict);
    }

    pub(super) fn settle_websocket(&mut self, verdict: Verdict) {
        if let Verdict::Other(protocol) = verdict {
            self.state = State::Other(protocol);
        }
    }

    /// Follows TLS from `held` on.
    pub(super) fn enter_tls(&mut self, facts: &Facts, held: &[Held]) {
        let client = facts.initiator.unwrap_or_else(|| client_by_port(facts, self.hinted));
        let evidence = if facts.initiator.is_some() { ClientEvidence::Opened } else { ClientEvidence::Port };
        let port = server_port(facts, client);
        let mut encrypted = Box::new(Encrypted::new(
            client,
            evidence,
            &self.common.limits,
            self.common.detail,
            (self.hinted, port),
            &self.common.room,
        ));
        encrypted.begins(facts.syn.count > 0 || facts.syn_ack.count > 0, held);
        let wanted = held.iter().all(|held| encrypted.piece(held.from, Piece::Chunk(held.chunk())) == Interest::Wanted);
        self.state = if wanted { State::Encrypted(encrypted) } else { State::Other(Protocol::Tls) };
    }

    fn on_probation(&mut self) {
        if let State::Following(following) = &mut self.state {
            following.probation = !following.tracker.is_answered();
        }
    }
}

/// Passes over the first `length` bytes of `from`.
pub(super) fn pass(held: &mut ThinVec<Held>, from: End, mut length: usize) {
    for held in held.iter_mut().filter(|held| held.from == from) {
        let part = length.min(held.data.len());
        held.data.drain(..part);
        held.offset.0 += part as u64;
        held.starts_segment &= part == 0;
        length -= part;
    }
    held.retain(|held| !held.data.is_empty());
}

/// Without a SYN: the end whose port is not one of MQTT's, else the one with the higher port.
fn client_by_port(facts: &Facts, hinted: bool) -> End {
    let registered = |end: End| MQTT_PORTS.contains(&facts.endpoint(end).port);
    match (hinted, registered(End::A), registered(End::B)) {
        (true, true, false) => End::B,
        (true, false, true) => End::A,
        _ if facts.a.port >= facts.b.port => End::A,
        _ => End::B,
    }
}
