//! One connection that is taken for MQTT, or is on probation: its streams are cut into control packets,
//! and these are handed to the session's tracker.
//!
//! Invariant: nothing is reported of a connection on probation.

use std::sync::Arc;

use thin_vec::ThinVec;

use crate::capture::Moment;
use crate::engine::post::Passing;
use crate::fetch::{self, Depth};
use crate::limits::{Limits, Room};
use crate::mqtt::{self, Framed, Framer, Hints, Likelihood, Missing, Packet, Publish, RawPacket, Version};
use crate::session::{ClientEvidence, Detail, FINGERPRINTED, PerSide, TextFact, Tracker};
use crate::stream::{Chunk, End, Gap, Piece, Side};
use crate::tcp::Facts;
use crate::transport::{Protocol, websocket};

use super::{Answered, Beginning, Ended, Followed, Held, News, NewsList, Watch, http, server_port};

/// On probation, so many packets in a row make MQTT on a port that is taken for it.
const ENOUGH_HINTED: u64 = 1;
/// On probation, so many packets in a row make MQTT on any port.
const ENOUGH: u64 = 8;
/// On probation on a port taken for MQTT, so many times the usual bytes are searched for a packet.
const PATIENCE: u64 = 256;

/// A server's first bytes are not judged before there are so many.
const ANSWER_AT_LEAST: usize = 16;
/// A server's first bytes that are not clearly MQTT after so many are not.
const ANSWER_AT_MOST: usize = 512;

/// What the server's first bytes are. A first byte proves nothing: HTTP's `H` is the type of a PUBACK.
#[derive(Clone, Debug)]
enum Answer {
    /// Too few bytes to decide: fewer than [`ANSWER_AT_MOST`].
    Awaited(ThinVec<Held>),
    /// MQTT, or its start was not captured.
    Mqtt,
    /// HTTP of which the head is not whole: fewer bytes than [`ANSWER_AT_MOST`].
    Http(ThinVec<Held>),
    /// Something else: the server's bytes are not framed.
    Foreign,
}

impl Answer {
    fn is_foreign(&self) -> bool {
        matches!(self, Answer::Http(_) | Answer::Foreign)
    }
}

#[derive(Clone, Debug)]
pub(in crate::engine) struct Following {
    pub(super) client: End,
    pub(super) evidence: ClientEvidence,
    framers: PerSide<Framer>,
    pub(super) tracker: Tracker,
    pub(super) probation: bool,
    answer: Answer,
    searched: u32,
    /// How far the stream that goes on was acknowledged; nothing where it does not lie bare in that of TCP.
    acknowledged: u64,
    watch: Option<Arc<Watch>>,
    /// Messages are news.
    pub(super) messages: bool,
}

impl Following {
    pub(super) fn new(
        client: End,
        evidence: ClientEvidence,
        beginning: Beginning,
        limits: &Arc<Limits>,
        detail: Detail,
        watch: Option<Arc<Watch>>,
        room: &Room,
    ) -> Following {
        let framer = || match beginning {
            Beginning::Start => Framer::at_start(limits).within(room),
            Beginning::Somewhere => Framer::somewhere(limits).within(room),
        };
        Following {
            client,
            evidence,
            framers: PerSide { client: framer(), server: framer() },
            tracker: Tracker::new(limits, detail),
            probation: beginning == Beginning::Somewhere,
            answer: match beginning {
                Beginning::Start => Answer::Awaited(ThinVec::new()),
                Beginning::Somewhere => Answer::Mqtt,
            },
            searched: 0,
            acknowledged: 0,
            watch,
            messages: true,
        }
    }

    /// Asks for what the next piece will touch.
    pub(super) fn fetch(&self, depth: Depth) {
        self.tracker.fetch(depth);
        if depth == Depth::Session {
            fetch::start(&self.framers.client);
            fetch::start(&self.framers.server);
            fetch::start(&self.client);
        }
    }

    fn side(&self, from: End) -> Side {
        if from == self.client { Side::Client } else { Side::Server }
    }

    fn hints(&self, from: Side) -> Hints {
        let sender = (self.evidence > ClientEvidence::Port).then_some(from);
        // Of a payload that nobody is shown its fingerprint is all that is asked for.
        let payload_bytes = self.watch.is_none().then_some(FINGERPRINTED);
        Hints { sender, version: self.tracker.version(), payload_bytes }
    }

    /// Takes the next piece of a stream that lies bare in that of TCP.
    pub(super) fn piece(&mut self, from: End, piece: Piece<'_>, facts: &Facts, news: &mut NewsList, hinted: bool) {
        self.acknowledged = facts.from(from).acknowledged.0;
        match piece {
            Piece::Chunk(chunk) => self.chunk(from, chunk, news, hinted),
            Piece::Gap(gap) => self.gap(from, &gap, news, hinted),
        }
    }

    pub(super) fn chunk(&mut self, from: End, chunk: Chunk<'_>, news: &mut NewsList, hinted: bool) {
        let side = self.side(from);
        if self.probation {
            let length = u32::try_from(chunk.data.len()).unwrap_or(u32::MAX);
            self.searched = self.searched.saturating_add(length);
        }
        if side == Side::Server {
            match &mut self.answer {
                Answer::Mqtt => {}
                Answer::Foreign => return,
                Answer::Http(held) => {
                    held.push(Held::copy(from, &chunk));
                    self.read_http();
                    return;
                }
                Answer::Awaited(held) => {
                    if !held.is_empty() || mqtt::looks_like_connack(chunk.data) == Likelihood::No {
                        held.push(Held::copy(from, &chunk));
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

    pub(super) fn gap(&mut self, from: End, gap: &Gap, news: &mut NewsList, hinted: bool) {
        if self.goes_on_behind(from, news, hinted) {
            self.tracker.gap(self.side(from), gap);
            self.hole(from, gap, news, hinted);
        }
    }

    /// A hole in the stream that the tracker has been told of.
    pub(super) fn hole(&mut self, from: End, gap: &Gap, news: &mut NewsList, hinted: bool) {
        if !self.goes_on_behind(from, news, hinted) {
            return;
        }
        let side = self.side(from);
        let mut scene = Scene::new(self, side, news);
        scene.framer.gap(*gap, &scene.hints, &mut |framed| scene.stage.take(framed));
        self.after(hinted, news);
    }

    /// Whether what comes behind a hole is to be read: unless the server was known to speak something else before it. What
    /// begins there is no beginning, and tells nothing.
    fn goes_on_behind(&mut self, from: End, news: &mut NewsList, hinted: bool) -> bool {
        if self.side(from) == Side::Server && !self.answer.is_foreign() {
            self.settle_answer(Answer::Mqtt, news, hinted);
        } else if self.side(from) == Side::Server {
            self.answer = Answer::Foreign;
        }
        self.side(from) == Side::Client || !self.answer.is_foreign()
    }

    pub(super) fn end(&mut self, news: &mut NewsList, hinted: bool) {
        if let Answer::Awaited(held) = &self.answer
            && !held.is_empty()
        {
            // A few bytes that could be MQTT are, unless they are known as something else: the CONNACK may be what
            // the capture lacks.
            let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
            let foreign = Protocol::of(&bytes) != Protocol::Unknown
                || mqtt::chain(&bytes, Side::Server, self.tracker.version()) < Likelihood::Unsure;
            self.settle_answer(if foreign { Answer::Foreign } else { Answer::Mqtt }, news, hinted);
        }
        for side in [Side::Client, Side::Server] {
            let mut scene = Scene::new(self, side, news);
            scene.framer.finish(&scene.hints, &mut |framed| scene.stage.take(framed));
            self.after(hinted, news);
        }
    }

    /// What it is, now that the streams have ended.
    pub(super) fn turned_out(self: Box<Self>, facts: &Facts) -> Ended {
        let Following { client, evidence, probation, .. } = *self;
        if probation {
            return Ended::Other { protocol: Protocol::Unknown, server_port: server_port(facts, client) };
        }
        Ended::Mqtt { client, evidence, followed: Followed::There(self) }
    }

    /// What it would be if the streams ended now. Nobody is shown the packets once more.
    pub(super) fn as_it_stands(&self, hinted: bool) -> Following {
        let mut alike = self.clone();
        alike.watch = None;
        alike.end(&mut NewsList::new(), hinted);
        alike
    }

    /// Looks at the server's first bytes, which do not begin like a CONNACK.
    fn weigh_answer(&mut self, news: &mut NewsList, hinted: bool) {
        let Answer::Awaited(held) = &self.answer else { return };
        let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
        let verdict = match mqtt::chain(&bytes, Side::Server, self.tracker.version()) {
            _ if Protocol::of(&bytes) != Protocol::Unknown => Answer::Foreign,
            Likelihood::Certain => Answer::Mqtt,
            _ if refuses_oddly(&bytes, self.tracker.version()) => Answer::Mqtt,
            chain if chain != Likelihood::No && may_come_first(&bytes) => Answer::Mqtt,
            _ if bytes.len() < ANSWER_AT_LEAST => return,
            Likelihood::No => Answer::Foreign,
            _ if bytes.len() < ANSWER_AT_MOST => return,
            _ => Answer::Foreign,
        };
        self.settle_answer(verdict, news, hinted);
    }

    fn settle_answer(&mut self, verdict: Answer, news: &mut NewsList, hinted: bool) {
        let Answer::Awaited(held) = std::mem::replace(&mut self.answer, verdict) else { return };
        let Some(first) = held.first() else { return };
        if matches!(self.answer, Answer::Foreign) {
            let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
            self.tracker.foreign_answer(Protocol::of(&bytes), first.at);
            self.answer = Answer::Http(held);
            self.read_http();
        } else {
            for held in &held {
                self.chunk(held.from, held.chunk(), news, hinted);
            }
        }
    }

    /// Reads what came of an answer in HTTP. Its status line and fields may come in several segments.
    fn read_http(&mut self) {
        let Answer::Http(held) = &self.answer else { return };
        let bytes: Vec<u8> = held.iter().flat_map(|held| &held.data).copied().collect();
        if let Some(answer) = held.first().and_then(|first| http::answer(&bytes, first.at)) {
            self.tracker.http_answer(answer);
        }
        if !websocket::begins_answer(&bytes) || bytes.len() >= ANSWER_AT_MOST {
            self.answer = Answer::Foreign;
        }
    }

    /// Draws the conclusions of what was just read.
    fn after(&mut self, hinted: bool, news: &mut NewsList) {
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
        self.tracker.infer_version();
        if self.probation {
            let enough = if hinted { ENOUGH_HINTED } else { ENOUGH };
            let sound = self.tracker.malformed_packets() == 0;
            if sound && (self.tracker.is_answered() || self.tracker.packets() >= enough) {
                self.probation = false;
                news.push(News::Mqtt);
            }
        }
    }

    pub(super) fn is_hopeless(&self, limits: &Limits, hinted: bool) -> bool {
        let bytes = limits.probe_bytes as u64 * if hinted { PATIENCE } else { 2 };
        self.probation && (self.tracker.malformed_packets() > 0 && !hinted || u64::from(self.searched) > bytes)
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
    acknowledged: u64,
    pub(super) tracker: &'f mut Tracker,
    news: &'f mut NewsList,
    watch: Option<Watched<'f>>,
    messages: bool,
}

/// Who is shown the packets of one direction.
struct Watched<'f> {
    watch: &'f Watch,
    from: End,
    confirmed: bool,
}

impl<'f> Scene<'f> {
    fn new(following: &'f mut Following, side: Side, news: &'f mut NewsList) -> Scene<'f> {
        let hints = following.hints(side);
        let (client, confirmed) = (following.client, !following.probation);
        let from = if side == Side::Client { client } else { client.other() };
        let watch = following.watch.as_deref().map(|watch| Watched { watch, from, confirmed });
        Scene {
            framer: following.framers.of_mut(side),
            hints,
            stage: Stage {
                side,
                acknowledged: following.acknowledged,
                tracker: &mut following.tracker,
                news,
                watch,
                messages: following.messages,
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
            if version.is_none() && !matches!(packet, Packet::Connect(connect) if connect.version().is_some()) {
                self.tracker.observe_version(self.side, raw);
            }
            mqtt::conformance::check(raw, packet, version, self.side, &mut |violation| {
                let named = match packet {
                    Packet::Connect(connect) => connect.version(),
                    _ => None,
                };
                let version = named.or(self.tracker.version());
                self.tracker.violation(raw.completed, raw.header.packet_type(), version, &violation);
            });
        }
        self.tracker.packet(self.side, raw, &parsed, self.acknowledged);
        if let Some(Watched { watch, from, confirmed }) = &self.watch {
            watch.show(*from, self.side, *confirmed, raw, &parsed, self.tracker);
        }
        match parsed {
            Ok(Packet::Connect(connect)) => {
                // One copy for the session and for who asks after it by its client id.
                let known = self.tracker.connect().map(|connect| &connect.client_id);
                let known = known.filter(|known| *known.0 == *connect.client_id.0);
                let client_id = known.cloned().unwrap_or_else(|| TextFact::new(connect.client_id.0));
                let will = self.tracker.connect().and_then(|connect| connect.will.as_ref()?.fingerprint);
                self.news.push(News::Connect { client_id, at: raw.completed, will });
            }
            Ok(Packet::Connack(connack)) if self.side == Side::Server => {
                if let Some(connect) = self.tracker.connect() {
                    let accepted = connack.reason_code.0 == 0;
                    let given = connack.assigned_client_identifier().filter(|_| connect.client_id.is_empty());
                    let client_id = given.map_or_else(|| connect.client_id.clone(), |given| TextFact::new(given.0));
                    if given.is_some() {
                        let (client_id, at) = (client_id.clone(), connect.at);
                        self.news.push(News::Connect { client_id, at, will: None });
                    }
                    let maximum_packet_size = connack.maximum_packet_size();
                    let (username, connect, at) = (connect.username.clone(), connect.at, raw.completed);
                    let answered = Answered { client_id, username, connect, accepted, maximum_packet_size, at };
                    self.news.push(News::Answered(Box::new(answered)));
                }
            }
            Ok(Packet::Publish(publish)) if self.messages => self.publish(&publish, raw.completed),
            Ok(Packet::Puback(answer) | Packet::Pubcomp(answer))
                if self.messages && self.side == Side::Server && answer.reason_code.unwrap_or_default().0 < 0x80 =>
            {
                self.news.push(News::Taken { packet_identifier: answer.packet_identifier });
            }
            Ok(Packet::Suback(_) | Packet::Unsuback(_)) => {
                self.news.push(News::Subscribed(self.tracker.subscriptions().into()));
            }
            _ => {}
        }
    }

    fn publish(&mut self, publish: &Publish<'_>, at: Moment) {
        let Some(fingerprint) = self.tracker.newest() else { return };
        let Some(topic) = self.tracker.latest_topic(self.side) else { return };
        let passing = Passing {
            at,
            topic: topic.clone(),
            fingerprint,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_identifier: publish.packet_identifier,
            payload: publish.payload_length,
        };
        self.news.push(News::Message { from: self.side, passing });
    }
}

/// What a server may say before CONNACK: AUTH, in MQTT 5.0 (§3.15), and DISCONNECT, which some send.
fn may_come_first(bytes: &[u8]) -> bool {
    matches!(bytes, [0xE0 | 0xF0, ..])
}

/// A CONNACK that is too short, whose code no standard knows, or with reserved bits set, and nothing after it. What stands
/// behind the code must be the properties of a CONNACK.
fn refuses_oddly(bytes: &[u8], version: Option<Version>) -> bool {
    if matches!(
        bytes,
        [0x20, 0] | [0x20, 1, 0 | 1] | [0x20, 2, 0 | 1, _] | [0x20..=0x2F, 2, _, 0..=5] | [0x20, 3, 0 | 1, _, 0]
    ) {
        return true;
    }
    let v5 = version.filter(|version| version.is_v5() && bytes.first() == Some(&0x20));
    let Some(raw) = RawPacket::from_bytes(bytes).filter(|_| v5.is_some()) else { return false };
    let alone = raw.missing.is_none() && usize::try_from(raw.header.packet_length()) == Ok(bytes.len());
    let Ok(Packet::Connack(connack)) = mqtt::parse(&raw, v5) else { return false };
    let mut sound = true;
    mqtt::conformance::check(&raw, &Packet::Connack(connack), v5, Side::Server, &mut |violation| {
        sound &= violation.clause_v5 == Some("MQTT-3.2.2-8");
    });
    alone && sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_with_codes_that_nobody_knows() {
        let odd = |bytes: &[u8]| refuses_oddly(bytes, Some(Version::V5));
        let reason = b"\x20\x08\x00\xFF\x05\x1F\x00\x02no";
        assert!(odd(reason));
        assert!(odd(b"\x20\x03\x00\xFF\x00"));
        assert!(odd(b"\x20\x00") && odd(b"\x20\x01\x00"));
        assert!(!odd(b"\x20\x01\x20") && !odd(b"\x20\x00\x00"));
        for reserved in [b"\x20\x02\x02\x05", b"\x21\x02\x00\x05"] {
            assert!(odd(reserved));
        }
        assert!(!odd(b"\x20\x02\x02\x06"));
        // Of another version; with more behind it, or less; with what is no property of a CONNACK.
        assert!(!refuses_oddly(reason, Some(Version::V311)));
        assert!(!odd(&[reason.as_slice(), b"\x00"].concat()));
        assert!(!odd(&reason[..9]));
        assert!(!odd(b"\x20\x08\x00\xFF\x05\x77\x00\x02no"));
        assert!(!odd(b"\x20\x06\x00\xFF\x03\x23\x00\x01"));
    }
}
