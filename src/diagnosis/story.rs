//! One session as the rules see it: its facts, and what several rules derive from them alike.
//!
//! Invariant: everything here is derived, nothing is judged.

use crate::attempt::Service;
use crate::capture::Moment;
use crate::mqtt::{PacketType, QoS, Version};
use crate::session::{
    Close, CloseHow, ConnackFacts, DisconnectFacts, LastPacket, Proof, Session, UnfinishedPacket, ViolationFact,
};
use crate::stream::Side;
use crate::transport::Protocol;

use super::{Confidence, Qualifier, qualifier, words};

mod arrival;
mod elsewhere;
mod moments;
mod names;
mod requests;
mod resets;
mod silence;
mod websocket;

pub(crate) use arrival::only_asked;
pub(crate) use resets::reset_is_foreign;
pub(crate) use silence::Silence;

/// One second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A shorter silence, in nanoseconds, is none that the idle limit of a proxy or program ends: of 5 s at least, and timers are
/// not exact.
pub(crate) const SHORTEST_IDLE: i64 = 48 * SECOND / 10;

/// One session as the rules see it.
pub(crate) struct Story<'a> {
    /// Its facts.
    pub(crate) session: &'a Session,
    /// What limits them.
    pub(crate) qualifiers: Vec<Qualifier>,
    /// The first FIN or RST.
    pub(crate) close: Option<Close>,
    said: Option<Said<'a>>,
    /// Nobody will read it: names and spans are left empty, since to spell them is what costs most.
    silent: bool,
}

/// The packet by which one side said in so many words that it is over.
#[derive(Clone, Copy)]
pub(crate) enum Said<'a> {
    /// A CONNACK with a code other than 0.
    Refusal(&'a ConnackFacts),
    /// The broker's DISCONNECT.
    Server(&'a DisconnectFacts),
    /// The client's DISCONNECT.
    Client(&'a DisconnectFacts),
}

impl<'a> Story<'a> {
    /// The story of `session`.
    pub(crate) fn new(session: &'a Session) -> Story<'a> {
        let (qualifiers, close) = (qualifier::of(session), websocket::first_close(session));
        let mut story = Story { session, qualifiers, close, said: None, silent: false };
        story.said = story.find_said();
        story
    }

    /// The story of `session`, to be judged and told to nobody.
    pub(crate) fn silent(session: &'a Session) -> Story<'a> {
        Story { silent: true, ..Story::new(session) }
    }

    /// Whether `qualifier` holds.
    pub(crate) fn is(&self, qualifier: Qualifier) -> bool {
        self.qualifiers.contains(&qualifier)
    }

    /// What was said outright, first words first. A DISCONNECT that a client sends in answer to
    /// the server's close is no goodbye of its own.
    pub(crate) fn said(&self) -> Option<Said<'a>> {
        self.said
    }

    /// The DISCONNECT of the broker, if it said goodbye first and in MQTT 3.x, where no DISCONNECT carries a reason.
    pub(crate) fn bare_dismissal(&self) -> Option<Moment> {
        match self.said? {
            Said::Server(disconnect) if self.version().is_some_and(|version| !version.is_v5()) => Some(disconnect.at),
            _ => None,
        }
    }

    fn find_said(&self) -> Option<Said<'a>> {
        if let Some(connack) = &self.session.connack
            && connack.code.0 != 0
        {
            return Some(Said::Refusal(connack));
        }
        let by_client = self.session.disconnect.client.as_ref().filter(|d| !self.answers_a_close(d.at));
        let by_server = self.session.disconnect.server.as_ref();
        match (by_client, by_server) {
            (Some(client), Some(server)) if server.at.is_before(client.at) => Some(Said::Server(server)),
            // A goodbye that breaks a rule may be refused as any other packet.
            (Some(client), Some(server)) if server.code.0 >= 0x80 && self.breaks_a_rule(client.at) => {
                Some(Said::Server(server))
            }
            (Some(client), _) => Some(Said::Client(client)),
            (None, Some(server)) => Some(Said::Server(server)),
            (None, None) => None,
        }
    }

    fn breaks_a_rule(&self, packet: Moment) -> bool {
        self.session.violations.iter().any(|broken| broken.side == Side::Client && broken.latest == packet)
    }

    fn answers_a_close(&self, at: Moment) -> bool {
        self.close.is_some_and(|close| {
            close.by == Side::Server && close.at.is_before(at) && !self.crossed(close.at, at, Side::Client)
        })
    }

    /// Whether `side` sent what was seen `later` before it could know of what was seen `first`.
    fn crossed(&self, first: Moment, later: Moment, side: Side) -> bool {
        let apart = later.time.nanoseconds_since(first.time);
        self.round_trip_to(side).is_some_and(|trip| apart < trip / 2)
    }

    /// Whether both sides ended the connection at the same moment: neither answered the other.
    pub(crate) fn closed_at_once(&self) -> bool {
        if self.websocket().is_some_and(|websocket| websocket.first_close().is_some()) {
            return false;
        }
        let sent = &self.session.wire.sent;
        let answered = |side: Side| sent.of(side.other()).fin_acknowledges() > sent.of(side).stream_end();
        if answered(Side::Client) || answered(Side::Server) {
            return false;
        }
        match (sent.client.fin_at(), sent.server.fin_at()) {
            (Some(client), Some(server)) if client.is_before(server) => self.crossed(client, server, Side::Server),
            (Some(client), Some(server)) => self.crossed(server, client, Side::Client),
            _ => false,
        }
    }

    /// Whether the client's stream ended within its CONNECT.
    pub(crate) fn connect_unfinished(&self) -> bool {
        let part = self.session.unfinished_packet.client;
        part.is_some_and(|part| part.packet == PacketType::CONNECT) && !self.is(Qualifier::CaptureGaps)
    }

    /// Whether the MQTT session was running: accepted, or seen at work.
    pub(crate) fn connected(&self) -> bool {
        let session = self.session;
        let work = |side: Side| {
            let counts = session.counts.of(side);
            let preface = [PacketType::CONNECT, PacketType::CONNACK, PacketType::AUTH, PacketType::DISCONNECT];
            let preface: u64 = preface.iter().map(|packet| counts.of(*packet)).sum();
            counts.total() > preface
        };
        let accepted = session.connack.as_ref().is_some_and(|c| c.code.0 == 0);
        let late = session.connect.is_none() && !session.wire.start_captured();
        let sealed = session
            .tls
            .as_ref()
            .is_some_and(|tls| tls.carried_data() || tls.client_hello.is_none() && tls.is_complete());
        if self.late_connack().is_some() {
            return false;
        }
        accepted || sealed || work(Side::Server) || (late || self.is(Qualifier::OneWay)) && work(Side::Client)
    }

    /// The CONNACK, if it came to a client that had already gone without it.
    pub(crate) fn late_connack(&self) -> Option<&'a ConnackFacts> {
        let session = self.session;
        let connack = session.connack.as_deref()?;
        let close = self.close_by(Side::Client)?;
        let client = &session.wire.sent.client;
        // A FIN that acknowledges nothing of the server left before the CONNACK arrived.
        let unread = close.how == CloseHow::Closed
            && client.fin.is_some()
            && client.fin_acknowledges().0 <= session.preface.server;
        let spoke = client.last_data.is_some_and(|data| connack.at.is_before(data));
        let late = close.at.is_before(connack.at) && (unread || close.how == CloseHow::Reset);
        (late && !spoke).then_some(connack)
    }

    /// When the client sent CONNECT, whole or not, readable or not.
    pub(crate) fn connect_sent(&self) -> Option<Moment> {
        let session = self.session;
        let whole = session.connect.as_ref().map(|connect| connect.at);
        let malformed = session
            .malformed
            .iter()
            .find(|fact| fact.side == Side::Client && fact.packet == PacketType::CONNECT)
            .map(|fact| fact.at);
        let begun = session
            .unfinished_packet
            .client
            .filter(|packet| packet.packet == PacketType::CONNECT)
            .map(|packet| packet.started);
        let first = session.first_packet.client;
        let counted = session.counts.client.of(PacketType::CONNECT) > 0;
        whole.or(malformed).or(first.filter(|_| counted)).or(begun)
    }

    /// The client's CONNECT, if it was begun and not finished.
    pub(crate) fn begun_connect(&self) -> Option<UnfinishedPacket> {
        let part = self.session.unfinished_packet.client?;
        (part.packet == PacketType::CONNECT && !self.is(Qualifier::CaptureGaps)).then_some(part)
    }

    /// The PROXY header with which the connection began, if the client sent nothing behind it.
    pub(crate) fn header_alone(&self) -> Option<Moment> {
        let session = self.session;
        let (protocol, at) = session.foreign_opening?;
        let (client, length) = (&session.wire.sent.client, session.preface.client);
        let nothing = client.sent.0 == length && client.acknowledged.0 <= length + 1 && client.missing_bytes == 0;
        (protocol == Protocol::Proxy && length > 0 && nothing).then_some(at)
    }

    /// Whether the server sent nothing, as far as the capture tells, or only the beginning of a packet.
    pub(crate) fn server_silent(&self) -> bool {
        let session = self.session;
        if session.websocket.is_some() {
            return self.server_silent_inside();
        }
        let server = &session.wire.sent.server;
        let begun = (session.unfinished_packet.server.is_some() || self.begun_bytes() > 0)
            && session.counts.server.total() == 0
            && session.skipped_bytes.server == self.begun_bytes()
            && server.missing_bytes == 0;
        // An acknowledgment of one byte more than was captured may be that of a FIN.
        let preface = session.preface.server;
        let nothing = server.bytes <= preface && server.sent.0 == preface && server.missing_bytes == 0;
        begun || nothing && server.acknowledged.0 <= preface + 1
    }

    /// Bytes of a packet that the server began, of which not even the fixed header came.
    fn begun_bytes(&self) -> u64 {
        self.session.begun_header.server.map_or(0, |(bytes, _)| bytes)
    }

    /// The only packet that the server began, if it never finished one: in words, with how much of it came where the
    /// server sent nothing else.
    pub(crate) fn begun_answer(&self) -> Option<(String, Moment)> {
        let session = self.session;
        let header = session.begun_header.server.filter(|_| self.server_silent());
        if let Some((bytes, started)) = header {
            return Some((format!("{} of a packet", words::bytes(bytes)), started));
        }
        let part = session.unfinished_packet.server.filter(|_| self.server_silent())?;
        let (packet, length) = (words::named(part.packet), words::bytes(part.length));
        let came = session.wire.sent.server.sent.0.saturating_sub(session.preface.server);
        let words = if came < part.length && session.websocket.is_none() {
            format!("{came} of the {length} of {packet}")
        } else {
            format!("the beginning of {packet}")
        };
        Some((words, part.started))
    }

    /// How sure it can be that the server sent nothing: without its SYN-ACK it is not known where its bytes begin.
    pub(crate) fn certain_of_silence(&self) -> Confidence {
        if self.session.wire.syn_ack.count > 0 { Confidence::Certain } else { Confidence::Likely }
    }

    /// Whether the other side acknowledged all that `side` sent.
    pub(crate) fn acknowledged(&self, side: Side) -> bool {
        let sent = self.session.wire.sent.of(side);
        sent.acknowledged >= sent.sent
    }

    /// Whether the server answered CONNECT with something that the capture does not hold.
    pub(crate) fn answer_missed(&self) -> bool {
        let server = &self.session.wire.sent.server;
        self.session.connack.is_none() && (server.missing_bytes > 0 || server.acknowledged.0 > server.sent.0 + 1)
    }

    /// Whether most sessions that the server closed at about the same time were closed after the same silence as this
    /// one, as by a timer that each connection has for itself.
    pub(crate) fn timed_out_alike(&self) -> bool {
        let neighbours = &self.session.neighbours;
        neighbours.closed_after_same_silence > 0
            && 2 * u64::from(neighbours.closed_after_same_silence) >= neighbours.closed_together_count
    }

    /// Whether the client that said goodbye at `goodbye` was let in before, as far as the capture can tell.
    pub(crate) fn greeted(&self, goodbye: Moment) -> bool {
        let connect = self.connect_sent();
        // One that says all at once, goodbye included, does not wait for answers.
        let at_once =
            self.late_connack().is_some() && connect.is_some_and(|connect| self.soon(connect, goodbye, SECOND / 2));
        self.connected() || connect.is_none() || at_once || self.answer_missed() || self.half_greeted()
    }

    /// Whether the broker answered CONNECT was not captured.
    pub(crate) fn half_greeted(&self) -> bool {
        self.is(Qualifier::OneWay) && self.connect_sent().is_some() && !self.connected()
    }

    /// The close, if `side` did it.
    pub(crate) fn close_by(&self, side: Side) -> Option<Close> {
        self.close.filter(|close| close.by == side)
    }

    /// Whether the capture begins so shortly before `close`, with no packet between that tells otherwise, that a goodbye
    /// may have come before it.
    pub(crate) fn goodbye_may_be_missed(&self, close: Close) -> bool {
        let session = self.session;
        // What the broker said tells nothing of a client that had gone.
        let broker = session.first_packet.server.filter(|_| close.by == Side::Server);
        let spoken = session.first_packet.client.into_iter().chain(broker).any(|first| first.is_before(close.at));
        let seen = close.at.time.nanoseconds_since(session.wire.first.time);
        !session.wire.start_captured() && !spoken && seen < SECOND
    }

    /// Whether nothing was captured long before the session's first frame.
    pub(crate) fn began_with_the_capture(&self) -> bool {
        self.session.wire.first.time.nanoseconds_since(self.session.capture.began) < SECOND
    }

    /// When its first frames were captured, of a session whose beginning was not.
    pub(crate) fn when_first_seen(&self) -> &'static str {
        if self.began_with_the_capture() {
            "as the capture began"
        } else {
            "in the first frames of it that were captured"
        }
    }

    /// The newest control packet of `side`.
    pub(crate) fn last(&self, side: Side) -> Option<&'a LastPacket> {
        self.session.last_packets.of(side).last()
    }

    /// The newest control packet of `side` that came no later than `moment`.
    pub(crate) fn last_of(&self, side: Side, moment: Moment) -> Option<&'a LastPacket> {
        self.session.last_packets.of(side).iter().rfind(|packet| !moment.is_before(packet.at))
    }

    /// The newest control packet of either side that came no later than `moment`.
    pub(crate) fn last_before(&self, moment: Moment) -> Option<(Side, &'a LastPacket)> {
        [Side::Client, Side::Server]
            .into_iter()
            .flat_map(|side| {
                let packets = self.session.last_packets.of(side).iter();
                packets.map(move |packet| (side, packet))
            })
            .filter(|(_, packet)| !moment.is_before(packet.at))
            .max_by_key(|(_, packet)| packet.at.frame)
    }

    /// The last packet before `moment` in words: `the broker's PINGRESP`.
    pub(crate) fn last_words(&self, moment: Moment) -> Option<(String, Moment)> {
        let (side, packet) = self.last_before(moment)?;
        let words = words::last_in_words(packet);
        let from = match side {
            Side::Client => "from the client",
            Side::Server => "from the broker",
        };
        Some((format!("{words} {from}"), packet.at))
    }

    /// The Keep Alive that counts, in seconds: the server's if it sets one (MQTT 5.0
    /// [MQTT-3.1.2-21]). `None` if not known, 0 if switched off.
    pub(crate) fn keep_alive(&self) -> Option<u16> {
        let session = self.session;
        session
            .connack
            .as_ref()
            .and_then(|connack| connack.server_keep_alive)
            .or(session.connect.as_ref().map(|connect| connect.keep_alive))
    }

    /// When the client was last heard.
    pub(crate) fn client_heard(&self) -> Option<Moment> {
        let packet = self.last(Side::Client).map(|packet| packet.at);
        let connect = self.session.connect.as_ref().map(|connect| connect.at);
        // A Pong of WebSocket is data, but no sign of life to MQTT.
        let data = self.session.wire.sent.client.last_data.filter(|_| self.websocket().is_none());
        [packet, connect, data].into_iter().flatten().max_by_key(|at| at.frame)
    }

    /// When the broker answered another client on the same port, before this connection: by CONNACK, or in TLS.
    pub(crate) fn answered_before(&self) -> Option<Moment> {
        let neighbours = &self.session.neighbours;
        let first = self.session.wire.first;
        neighbours.connack_before.or(neighbours.tls_on_port.filter(|at| at.frame < first.frame))
    }

    /// Whether a router captured this attempt that did not pass it on: what passes is captured twice, coming in and
    /// going out, and neither the knocks nor their answers were.
    pub(crate) fn is_held_back(&self) -> bool {
        let wire = &self.session.wire;
        let once = wire.sent.client.duplicated == 0 && wire.sent.server.segments <= u64::from(wire.syn.count);
        self.session.neighbours.server_seen_twice && once
    }

    /// The grave mistake of `by` that directly precedes `close`: the first of its kind, made by
    /// the last thing that `by` sent before it.
    pub(crate) fn fatal_violation(&self, by: Side, close: Moment) -> Option<&'a ViolationFact> {
        let last = self.last_of(by, close).map(|packet| packet.at.frame);
        self.session.violations.iter().find(|violation| {
            violation.side == by
                && violation.grave
                && violation.proof == Proof::Packet
                && violation.count == 1
                && !close.is_before(violation.at)
                && last.is_none_or(|last| violation.at.frame >= last)
                && self.soon(violation.at, close, 2 * SECOND)
                && !self.answered_ping(violation)
        })
    }

    /// Whether `violation` is of a PINGREQ that the broker answered: it let the mistake pass.
    fn answered_ping(&self, violation: &ViolationFact) -> bool {
        let mut answers = self.session.last_packets.server.iter();
        violation.packet == PacketType::PINGREQ
            && answers.any(|answer| answer.packet == PacketType::PINGRESP && violation.at.is_before(answer.at))
    }

    /// The same, for what only earlier packets show to be a mistake: packets that broke the same
    /// rule may have followed the first before the other side could answer it.
    /// A packet above the broker's Maximum Packet Size has an outcome of its own.
    pub(crate) fn fatal_course(&self, by: Side, close: Moment) -> Option<&'a ViolationFact> {
        let last = self.last_of(by, close).map(|packet| packet.at.frame);
        self.session.violations.iter().find(|violation| {
            violation.side == by
                && violation.grave
                && violation.proof == Proof::Connection
                && violation.clause != "MQTT-3.2.2-15"
                && !close.is_before(violation.at)
                && last.is_none_or(|last| violation.latest.frame >= last)
                && self.soon(violation.at, close, 2 * SECOND)
        })
    }

    /// The version, if known.
    pub(crate) fn version(&self) -> Option<Version> {
        self.session.version
    }

    /// The service whose broker it is, by the name that the client asked for.
    pub(crate) fn service(&self) -> Option<Service> {
        let session = self.session;
        let asked =
            session.tls.as_ref().and_then(|tls| Service::of(&tls.server_name()?.as_str()?.to_ascii_lowercase()));
        asked.or_else(|| Service::of(&session.neighbours.resolution.as_ref()?.name))
    }

    /// Whether the client published with more than `QoS` `level`.
    pub(crate) fn used_qos_above(&self, level: u8) -> bool {
        let published = self.session.published.client.by_qos;
        let mut above = (0u8..).zip(published).filter(|(qos, _)| *qos > level);
        above.any(|(_, count)| count > 0)
    }

    /// Whether the client asked for a subscription above `QoS` `level`.
    pub(crate) fn subscribed_above(&self, level: u8) -> bool {
        let mut all = self.session.subscriptions.iter();
        all.any(|subscription| subscription.requested_qos() > QoS(level))
    }
}

/// `closed` or `reset`.
pub(crate) fn how(close: CloseHow) -> &'static str {
    match close {
        CloseHow::Closed => "closed",
        CloseHow::Reset => "reset",
    }
}
