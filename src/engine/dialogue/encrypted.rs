//! One connection that began with TLS: its records are read as far as they are in the clear.
//!
//! Invariant: it is a session of MQTT only on a sign of that: a port that is taken for MQTT, the name of an
//! application protocol, or the name of a broker. Most TLS in a capture is the web's.

use std::sync::Arc;

use crate::attempt::Service;
use crate::capture::Moment;
use crate::limits::{Limits, Room};
use crate::session::{ClientEvidence, ClientHelloFacts, Detail, PerSide, Tracker};
use crate::stream::{Chunk, End, Piece, Side};
use crate::tcp::Interest;
use crate::transport::Protocol;
use crate::transport::tls::{Handshake, Records, Told};

use super::{Ended, Held, http};

/// Ports on which brokers are known to offer TLS beside the registered one: the variants of
/// test.mosquitto.org, and that of EMQX for WebSocket.
const USUAL_PORTS: [u16; 5] = [8084, 8884, 8885, 8886, 8887];
/// Ports of HTTPS: a name that also stands for web services is no sign there.
const WEB_PORTS: [u16; 2] = [443, 8443];
/// The reader of one TLS connection.
#[derive(Debug)]
pub(super) struct Encrypted {
    client: End,
    evidence: ClientEvidence,
    records: PerSide<Records>,
    fresh: PerSide<bool>,
    limit: usize,
    room: Room,
    pub(super) tracker: Box<Tracker>,
    /// One of the ports is taken for MQTT.
    hinted: bool,
    port: u16,
    sign: Sign,
    /// A record was read.
    read: bool,
    /// A stream began like a record.
    begun: bool,
}

/// What the hello says of MQTT inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// No hello was read.
    Unknown,
    /// It names MQTT, or a broker.
    Mqtt,
    /// Nothing.
    Silent,
    /// It names another protocol only.
    Other,
}

impl Encrypted {
    pub(super) fn new(
        client: End,
        evidence: ClientEvidence,
        limits: &Arc<Limits>,
        detail: Detail,
        (hinted, port): (bool, u16),
        room: &Room,
    ) -> Encrypted {
        let records = || Records::new(limits.packet_bytes, true).within(room);
        Encrypted {
            client,
            evidence,
            records: PerSide { client: records(), server: records() },
            fresh: PerSide { client: true, server: true },
            limit: limits.packet_bytes,
            room: room.clone(),
            tracker: Box::new(Tracker::new(limits, detail)),
            hinted,
            port,
            sign: Sign::Unknown,
            read: false,
            begun: false,
        }
    }

    /// Whether the streams are known from their first bytes: their SYN was captured, or they begin with a hello.
    pub(super) fn begins(&mut self, start_captured: bool, held: &[Held]) {
        let hello = |held: &Held| matches!(held.data.as_slice(), [22, 3, _, _, _, 1 | 2, ..]);
        if !start_captured && !held.iter().any(hello) {
            let records = || Records::new(self.limit, false).within(&self.room);
            self.records = PerSide { client: records(), server: records() };
        }
    }

    fn side(&self, from: End) -> Side {
        if from == self.client { Side::Client } else { Side::Server }
    }

    pub(super) fn piece(&mut self, from: End, piece: Piece<'_>) -> Interest {
        match piece {
            Piece::Chunk(chunk) => self.chunk(from, &chunk),
            Piece::Gap(gap) => {
                let side = self.side(from);
                self.records.of_mut(side).gap();
                self.tracker.tls_gap(side, &gap);
            }
        }
        match self.sign {
            Sign::Other => Interest::CountOnly,
            Sign::Unknown | Sign::Silent if !self.hinted => self.unless_waiting(),
            _ => Interest::Wanted,
        }
    }

    /// Without a sign of MQTT only the rest of the hello is waited for.
    fn unless_waiting(&self) -> Interest {
        let tls = self.tracker.tls_facts();
        let waiting = self.sign == Sign::Unknown && tls.is_none_or(|tls| tls.last.is_none() && !tls.answered());
        if waiting { Interest::Wanted } else { Interest::CountOnly }
    }

    fn chunk(&mut self, from: End, chunk: &Chunk<'_>) {
        self.mend_sides(from, chunk);
        let side = self.side(from);
        let first = std::mem::replace(self.fresh.of_mut(side), false);
        if first && !self.begun && Protocol::of(chunk.data) == Protocol::Tls {
            self.begun = true;
            self.tracker.tls_begins();
        }
        let Encrypted { records, tracker, .. } = self;
        let mut foreign = false;
        let mut greeted = false;
        let mut read = false;
        records.of_mut(side).push(chunk, &mut |at, told| match told {
            Told::Foreign => foreign = true,
            told => {
                read = true;
                greeted |= matches!(told, Told::Message(Handshake::CLIENT_HELLO, _));
                tracker.tls(side, at, told);
            }
        });
        self.read |= read;
        if foreign {
            let protocol = if first { Protocol::of(chunk.data) } else { Protocol::Unknown };
            self.tracker.not_tls(side, chunk.at, protocol);
            if protocol == Protocol::Http
                && side == Side::Server
                && let Some(answer) = http::answer(chunk.data, chunk.at)
            {
                self.tracker.http_answer(answer);
            }
        }
        if greeted && let Some(hello) = self.tracker.tls_facts().and_then(|tls| tls.client_hello.as_ref()) {
            self.sign = sign(hello, self.port);
        }
    }

    /// Where only ports told the client: a ClientHello tells it better.
    fn mend_sides(&mut self, from: End, chunk: &Chunk<'_>) {
        if self.evidence != ClientEvidence::Port {
            return;
        }
        let [22, 3, _, _, _, hello @ (1 | 2), ..] = chunk.data else { return };
        let client = if *hello == 1 { from } else { from.other() };
        if client != self.client {
            self.client = client;
            self.records.swap();
            self.fresh.swap();
            self.tracker.swap_sides();
        }
        self.evidence = ClientEvidence::PacketKinds;
    }

    /// The client, once it is known that MQTT may be inside and the handshake went well.
    pub(super) fn client_of_mqtt(&self) -> Option<End> {
        let tls = self.tracker.tls_facts()?;
        let wanted = self.sign == Sign::Mqtt || self.hinted && self.sign != Sign::Other;
        (wanted && (tls.carried_data() || tls.client_hello.is_none() && tls.is_complete())).then_some(self.client)
    }

    /// Whether the client may have said goodbye before `at`, as far as encryption lets that be seen.
    pub(super) fn may_have_left(&self, at: Moment) -> bool {
        self.tracker.tls_facts().is_some_and(|tls| tls.may_have_left(at))
    }

    /// The connection is over.
    pub(super) fn end(self) -> Ended {
        self.turned_out()(self.tracker)
    }

    /// As [`Encrypted::end`], of a connection that goes on.
    pub(super) fn as_it_stands(&self) -> Ended {
        self.turned_out()(self.tracker.clone())
    }

    /// How it turned out, to be told with what its tracker knows.
    fn turned_out(&self) -> impl FnOnce(Box<Tracker>) -> Ended + use<> {
        let (client, evidence, server_port) = (self.client, self.evidence, self.port);
        let (other, named) = (self.other(), self.sign == Sign::Mqtt);
        move |tracker| match other {
            Some(protocol) => Ended::Other { protocol, server_port },
            None => Ended::Tls { client, evidence, named, tracker },
        }
    }

    /// What it carries, if that is no MQTT as far as can be seen.
    fn other(&self) -> Option<Protocol> {
        let mqtt = self.sign == Sign::Mqtt || self.hinted && self.sign != Sign::Other;
        if self.read || self.begun { (!mqtt).then_some(Protocol::Tls) } else { Some(Protocol::Unknown) }
    }
}

/// What a ClientHello says of MQTT inside.
fn sign(hello: &ClientHelloFacts, port: u16) -> Sign {
    let names = |word: &str| hello.alpn.iter().any(|name| name.as_str().is_some_and(|name| name.contains(word)));
    if names("mqtt") {
        return Sign::Mqtt;
    }
    if names("http") || names("h2") {
        return Sign::Other;
    }
    let name = hello.server_name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_ascii_lowercase();
    let broker = Service::of(&name).is_some();
    if name.contains("mqtt") || broker && !WEB_PORTS.contains(&port) || USUAL_PORTS.contains(&port) {
        return Sign::Mqtt;
    }
    Sign::Silent
}
