//! Sessions made by hand for the tests of rules: a healthy one, told step by step, with one fact
//! changed. Times are seconds after the step before.

mod gallery;
mod tls;
mod vain;

use std::net::{IpAddr, Ipv4Addr};

use thin_vec::ThinVec;

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::net::Endpoint;
use crate::session::{
    Arrived, CaptureEdge, ClientEvidence, ConnackFacts, ConnectFacts, DisconnectFacts, Exchange, ExchangeState,
    KeepAliveFacts, LastPacket, Namesake, Peer, PerSide, Proof, Rare, Refusal, Rival, Session, Subscription, TextFact,
    Timeline, VersionFrom, ViolationFact, Wire, WireReset,
};
use crate::stream::{Side, StreamOffset};

use super::{Finding, Outcome, Verdict, diagnose};

pub(crate) use gallery::{assert_may_be_written, gallery};
pub(crate) use vain::{missing, search, vain};

/// The outcome of `session`.
pub(crate) fn outcome(session: &Session) -> Outcome {
    diagnose(session).outcome
}

/// The finding `id` of `session`, if it is raised.
pub(crate) fn finding(session: &Session, id: &str) -> Option<Finding> {
    let Verdict { findings, .. } = diagnose(session);
    findings.into_iter().find(|finding| finding.is(id))
}

/// Captured text.
pub(crate) fn text(text: &str) -> TextFact {
    TextFact::new(text.as_bytes())
}

/// A session that is being told.
pub(crate) struct Tale {
    session: Session,
    now: i64,
    frame: u64,
    capture_end: Option<f64>,
}

#[allow(clippy::cast_possible_truncation)] // seconds of a test
fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

impl Tale {
    /// Nothing but a client and a server.
    #[allow(clippy::default_trait_access)] // the type is one of `tcp`, which diagnosis does not name
    fn empty() -> Tale {
        let peer = |last, port| Peer {
            endpoint: Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port },
            mac: None,
        };
        let zero = Moment::default();
        Tale {
            session: Session {
                wire: Box::new(Wire {
                    stream: Some(0),
                    peers: PerSide { client: peer(21, 49152), server: peer(5, 1883) },
                    first: zero,
                    last: zero,
                    syn: Default::default(),
                    syn_ack: Default::default(),
                    established: None,
                    reset: None,
                    replaced: None,
                    sent: PerSide::default(),
                }),
                client_evidence: ClientEvidence::Opened,
                version: None,
                version_from: None,
                connect: None,
                connack: None,
                tls: None,
                disconnect: PerSide::default(),
                counts: PerSide::default(),
                first_packet: PerSide::default(),
                last_packets: PerSide::default(),
                subscriptions: ThinVec::new(),
                open_exchanges: ThinVec::new(),
                published: PerSide::default(),
                ledger: PerSide::default(),
                ping: Rare::default(),
                keep_alive: KeepAliveFacts::default(),
                timeline: Timeline::default(),
                neighbours: Box::default(),
                capture: CaptureEdge::default(),
                oddities: None,
            },
            now: nanoseconds(1000.0),
            frame: 0,
            capture_end: None,
        }
    }

    fn step(&mut self, after: f64) -> Moment {
        self.now += nanoseconds(after);
        self.frame += 1;
        let at = Moment { frame: FrameNumber::new(self.frame), time: Timestamp(self.now) };
        if self.frame == 1 {
            self.session.wire.first = at;
        }
        self.session.wire.last = at;
        at
    }

    /// A client that knocks `count` times, after 1, 2, 4, … seconds.
    pub(crate) fn knocking(count: u32) -> Tale {
        let mut tale = Tale::empty();
        let mut pause = 0.0;
        for index in 0..count {
            let at = tale.step(pause);
            pause = if index == 0 { 1.0 } else { pause * 2.0 };
            let syn = &mut tale.session.wire.syn;
            if syn.count == 0 {
                syn.first = at;
            }
            syn.count += 1;
            syn.last = at;
            tale.session.wire.sent.client.segments += 1;
            tale.session.wire.sent.client.last_segment = Some(at);
        }
        tale
    }

    /// A TCP connection that is open; the round trip is 1.1 ms, captured beside the client.
    pub(crate) fn opened() -> Tale {
        let mut tale = Tale::knocking(1);
        let at = tale.step(0.001);
        tale.session.wire.syn_ack = tale.session.wire.syn;
        tale.session.wire.syn_ack.first = at;
        tale.session.wire.syn_ack.last = at;
        tale.session.wire.sent.server.segments = 1;
        tale.session.wire.sent.server.hop_limit = Some(64);
        let at = tale.step(0.0001);
        tale.session.wire.established = Some(at);
        tale.session.wire.sent.client.segments += 1;
        tale
    }

    /// A client of MQTT 3.1.1 that sent CONNECT.
    pub(crate) fn connecting() -> Tale {
        let mut tale = Tale::opened();
        let at = tale.sent(Side::Client, PacketType::CONNECT, 0.001);
        tale.session.version = Some(Version::V311);
        tale.session.version_from = Some(VersionFrom::Connect);
        tale.session.client_evidence = ClientEvidence::Connect;
        tale.session.connect = Some(Box::new(ConnectFacts {
            at,
            protocol_name: text("MQTT"),
            protocol_level: 4,
            client_id: text("sensor-17"),
            username: Some(text("dev")),
            has_password: true,
            clean_start: true,
            keep_alive: 60,
            will: None,
            length: 30,
            session_expiry_interval: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: None,
            authentication_method: None,
            request_problem_information: None,
            request_response_information: None,
        }));
        tale
    }

    /// The same, of MQTT 5.0.
    pub(crate) fn connecting_v5() -> Tale {
        let mut tale = Tale::connecting();
        tale.session.version = Some(Version::V5);
        if let Some(connect) = &mut tale.session.connect {
            connect.protocol_level = 5;
        }
        tale
    }

    /// A client that was accepted.
    pub(crate) fn connected() -> Tale {
        Tale::connecting().connack(0)
    }

    /// The same, of MQTT 5.0.
    pub(crate) fn connected_v5() -> Tale {
        Tale::connecting_v5().connack(0)
    }

    /// A client that was accepted, said goodbye 12 s later, and closed.
    pub(crate) fn healthy() -> Tale {
        Tale::connected().disconnect(Side::Client, 0, 12.0).close(Side::Client, 0.0001).close(Side::Server, 0.002)
    }

    /// A control packet of `side`, not told in any detail.
    fn sent(&mut self, side: Side, packet: PacketType, after: f64) -> Moment {
        self.packet_about(side, packet, 20, None, QoS(0), after)
    }

    fn packet_about(
        &mut self,
        side: Side,
        packet: PacketType,
        length: u64,
        topic: Option<&str>,
        qos: QoS,
        after: f64,
    ) -> Moment {
        let at = self.step(after);
        let session = &mut self.session;
        session.counts.of_mut(side).add(packet);
        let last = session.last_packets.of_mut(side);
        last.push(LastPacket { at, packet, length, packet_identifier: None, qos, topic: topic.map(text) });
        if last.len() > 3 {
            last.remove(0);
        }
        session.first_packet.of_mut(side).get_or_insert(at);
        let sent = session.wire.sent.of_mut(side);
        sent.segments += 1;
        sent.bytes += length;
        sent.sent = StreamOffset(sent.sent.0 + length);
        sent.acknowledged = sent.sent;
        sent.first_data.get_or_insert(at);
        sent.last_data = Some(at);
        sent.last_segment = Some(at);
        at
    }

    /// A control packet of `side`.
    pub(crate) fn packet(mut self, side: Side, packet: PacketType, after: f64) -> Tale {
        self.sent(side, packet, after);
        self
    }

    /// A PUBLISH of `side`, `length` bytes long.
    pub(crate) fn publish(mut self, side: Side, topic: &str, qos: u8, length: u64, after: f64) -> Tale {
        let at = self.packet_about(side, PacketType::PUBLISH, length, Some(topic), QoS(qos), after);
        let published = self.session.published.of_mut(side);
        published.by_qos[usize::from(qos)] += 1;
        published.payload_bytes += length;
        if published.largest.is_none_or(|(most, _)| length > most) {
            published.largest = Some((length, at));
        }
        self
    }

    /// A SUBSCRIBE, answered with `answer` after another 2 ms, or not at all.
    pub(crate) fn subscribe(mut self, filter: &str, answer: Option<u8>, after: f64) -> Tale {
        let packet = PacketType::SUBSCRIBE;
        let asked = self.packet_about(Side::Client, packet, 20, Some(filter), QoS(0), after);
        let answer = answer.map(|code| {
            let at = self.sent(Side::Server, PacketType::SUBACK, 0.002);
            (at, ReasonCode(code))
        });
        if let Some((at, code)) = answer
            && code.0 >= 0x80
        {
            self.session.refusals.push(Refusal {
                at,
                by: Side::Server,
                packet: PacketType::SUBACK,
                code,
                reason_string: None,
                topic: Some(text(filter)),
                request: Some(asked),
            });
        }
        self.session.subscriptions.push(Subscription {
            filter: text(filter),
            options: 1,
            asked,
            answer,
            reason_string: None,
            ended: None,
        });
        self
    }

    /// A CONNACK, 2 ms later.
    pub(crate) fn connack(mut self, code: u8) -> Tale {
        let at = self.sent(Side::Server, PacketType::CONNACK, 0.002);
        self.session.connack = Some(Box::new(ConnackFacts {
            at,
            code: ReasonCode(code),
            session_present: false,
            reason_string: None,
            server_reference: None,
            assigned_client_id: None,
            session_expiry_interval: None,
            server_keep_alive: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: None,
            maximum_qos: None,
            retain_available: None,
            wildcard_subscription_available: None,
            subscription_identifier_available: None,
            shared_subscription_available: None,
        }));
        self
    }

    /// A DISCONNECT.
    pub(crate) fn disconnect(mut self, side: Side, code: u8, after: f64) -> Tale {
        let at = self.sent(side, PacketType::DISCONNECT, after);
        *self.session.disconnect.of_mut(side) = Some(Box::new(DisconnectFacts {
            at,
            code: ReasonCode(code),
            reason_string: None,
            server_reference: None,
            session_expiry_interval: None,
        }));
        self
    }

    /// A FIN.
    pub(crate) fn close(mut self, side: Side, after: f64) -> Tale {
        let at = self.step(after);
        let sent = self.session.wire.sent.of_mut(side);
        sent.fin.get_or_insert_default().at = at;
        sent.segments += 1;
        sent.last_segment = Some(at);
        self
    }

    /// A RST.
    pub(crate) fn reset(mut self, side: Side, after: f64) -> Tale {
        let at = self.step(after);
        let sent = self.session.wire.sent.of_mut(side);
        sent.segments += 1;
        sent.last_segment = Some(at);
        self.session.wire.reset = Some(WireReset { by: side, at, hop_limit: 64, acknowledges: true, skips: false });
        self
    }

    /// `side` repeats its newest data `count` times, unanswered, over `over` seconds.
    pub(crate) fn retries(mut self, side: Side, count: u32, over: f64) -> Tale {
        for index in 0..count {
            let at = self.step(over / f64::from(count));
            let sent = self.session.wire.sent.of_mut(side);
            sent.segments += 1;
            sent.last_segment = Some(at);
            sent.acknowledged = StreamOffset(sent.sent.0.saturating_sub(1));
            if index == 0 {
                sent.retries.first = at;
            }
            sent.retries.count += 1;
            sent.retries.last = at;
        }
        self
    }

    /// A PINGREQ that is never answered.
    pub(crate) fn unanswered_ping(mut self, after: f64) -> Tale {
        let at = self.sent(Side::Client, PacketType::PINGREQ, after);
        self.session.ping.unanswered = Some(at);
        self.session.ping.waiting = 1;
        self
    }

    /// A rule that `side` broke with its newest packet.
    pub(crate) fn violation(mut self, side: Side, grave: bool) -> Tale {
        let last = self.session.last_packets.of(side).last();
        let (at, packet) = last.map_or((self.session.wire.last, PacketType::PUBLISH), |last| (last.at, last.packet));
        self.session.violations.push(ViolationFact {
            at,
            count: 1,
            side,
            packet,
            clause: "MQTT-3.3.2-2",
            latest: at,
            earlier: None,
            what: "a wildcard in a topic name".into(),
            grave,
            proof: Proof::Packet,
        });
        self
    }

    /// The same, of a rule that only earlier packets show broken.
    pub(crate) fn violation_by_course(mut self, side: Side, clause: &'static str, proof: Proof) -> Tale {
        self = self.violation(side, true);
        if let Some(violation) = self.session.violations.last_mut() {
            violation.clause = clause;
            violation.what = "5 messages are unacknowledged, but the broker's Receive Maximum is 2".into();
            violation.proof = proof;
        }
        self
    }

    /// Another connection with the same client id, accepted 2 ms after its CONNECT.
    pub(crate) fn rival(mut self, after: f64) -> Tale {
        let connect = self.step(after);
        let accepted = self.step(0.002);
        self.session.neighbours.rival = Some(Box::new(Rival {
            client: Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 22)), port: 50000 },
            stream: 1,
            connect,
            accepted: Some(accepted),
            refused: None,
            borne: false,
            doubtful: false,
        }));
        self
    }

    /// Another connection with the same user name came, and was accepted 2 ms later.
    pub(crate) fn namesake(mut self, after: f64) -> Tale {
        let connect = self.step(after);
        let accepted = self.step(0.002);
        self.session.neighbours.namesake = Some(Box::new(Namesake {
            client: Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 22)), port: 50000 },
            client_id: text("sensor-18"),
            stream: 1,
            connect,
            accepted,
        }));
        self
    }

    /// How long after the newest segment the capture ends; 1 s if not told.
    pub(crate) fn ended_after(mut self, seconds: f64) -> Tale {
        self.capture_end = Some(seconds);
        self
    }

    /// Any other change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Session)) -> Tale {
        change(&mut self.session);
        self
    }

    /// The session.
    pub(crate) fn build(self) -> Session {
        let Tale { mut session, now, .. } = self;
        session.capture.began = session.wire.first.time;
        let after = self.capture_end.unwrap_or(1.0);
        session.capture.ended = Timestamp(now + nanoseconds(after));
        session
    }
}

/// Leaves the client's newest PUBLISH open in `state`.
pub(crate) fn open_publish(session: &mut Session, state: ExchangeState) {
    let last = session.last_packets.client.last().unwrap().clone();
    let mut exchange = Exchange::new(Side::Client, last.packet, 1, last.at);
    exchange.qos = last.qos;
    exchange.topic = last.topic;
    exchange.state = state;
    exchange.arrived = Arrived::Yes;
    session.open_exchanges.push(exchange);
}
