//! Reports built by hand, for the tests of the renderers.

// The type of `Wire::syn` belongs to a layer that reports do not see.
#![allow(clippy::default_trait_access)]

use thin_vec::ThinVec;

use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::diagnosis::{ClientReport, Confidence, Finding, Note, Outcome, Qualifier, Severity, Verdict};
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::net::{Endpoint, MacAddress};
use crate::session::{
    CaptureEdge, CaptureFacts, ClientEvidence, ConnackFacts, ConnectFacts, Detail, EventKind, KeepAliveFacts, Peer,
    PerSide, Rare, Session, TextFact, Timeline, VersionFrom, Wire,
};
use crate::stream::Side;

use super::model::{CaptureSummary, Case, Report, Style};

/// 2026-11-21T14:21:55Z.
const START: i64 = 1_795_270_915_000_000_000;
pub(super) const SECOND: i64 = 1_000_000_000;

pub(crate) fn style(width: usize) -> Style {
    Style { width, ascii: false, color: false, zone: jiff::tz::TimeZone::UTC }
}

pub(super) fn at(frame: u64, nanoseconds: i64) -> Moment {
    Moment { frame: FrameNumber::new(frame), time: Timestamp(START + nanoseconds) }
}

fn peer(address: &str, mac: u8) -> Peer {
    let address: std::net::SocketAddr = address.parse().unwrap();
    Peer {
        endpoint: Endpoint { address: address.ip(), port: address.port() },
        mac: Some(MacAddress([2, 0x42, 10, 0, 0, mac])),
    }
}

/// A session of `client_id` from frame `first` to frame `last`.
pub(super) fn session(client_id: &[u8], stream: u32, first: Moment, last: Moment) -> Session {
    let connect = ConnectFacts {
        at: first,
        protocol_name: TextFact::new(b"MQTT"),
        protocol_level: 5,
        client_id: TextFact::new(client_id),
        username: Some(TextFact::new(b"dev")),
        has_password: true,
        clean_start: true,
        keep_alive: 60,
        will: None,
        length: 40,
        session_expiry_interval: None,
        receive_maximum: None,
        maximum_packet_size: None,
        topic_alias_maximum: None,
        authentication_method: None,
        request_problem_information: None,
        request_response_information: None,
    };
    Session {
        wire: Box::new(Wire {
            stream: Some(stream),
            peers: PerSide {
                client: peer(&format!("10.0.0.21:{}", 49_000 + stream), 21),
                server: peer("10.0.0.5:1883", 5),
            },
            first,
            last,
            syn: Default::default(),
            syn_ack: Default::default(),
            established: None,
            reset: None,
            replaced: None,
            sent: PerSide::default(),
        }),
        client_evidence: ClientEvidence::Connect,
        version: Some(Version::V5),
        version_from: Some(VersionFrom::Connect),
        connect: Some(Box::new(connect)),
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
        timeline: Timeline::new(Detail::Full, 400),
        neighbours: Box::default(),
        capture: CaptureEdge::default(),
        oddities: None,
    }
}

pub(super) fn verdict(
    id: &'static str,
    group: &'static str,
    severity: Severity,
    sentence: &str,
    frames: &[u64],
) -> Verdict {
    Verdict {
        outcome: Outcome {
            id,
            group,
            severity,
            confidence: Confidence::Certain,
            sentence: sentence.to_owned(),
            code: None,
            code_name: None,
            reason_string: None,
            frames: frames.iter().copied().map(FrameNumber::new).collect(),
        },
        qualifiers: Vec::new(),
        findings: Vec::new(),
        client_saw: Vec::new(),
        causes: Vec::new(),
        next_steps: Vec::new(),
    }
}

pub(super) fn finding(id: &'static str, severity: Severity, headline: &str, frame: u64) -> Finding {
    Finding {
        id: id.into(),
        severity,
        confidence: Confidence::Certain,
        headline: headline.to_owned(),
        detail: None,
        clause: None,
        side: None,
        frames: vec![FrameNumber::new(frame)],
    }
}

/// A session that the broker refused.
pub(crate) fn refused(client_id: &[u8], stream: u32, frame: u64, seconds: i64) -> (Session, Verdict) {
    let when = |later: u64, milliseconds: i64| at(frame + later, seconds * SECOND + milliseconds * 1_000_000);
    let mut session = session(client_id, stream, when(0, 0), when(6, 7));
    session.connack = Some(Box::new(ConnackFacts {
        at: when(4, 5),
        code: ReasonCode(0x87),
        session_present: false,
        reason_string: Some(TextFact::new(b"token expired")),
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
    session.counts.client.add(PacketType(1));
    session.counts.server.add(PacketType(2));
    let timeline = &mut session.timeline;
    timeline.push(when(0, 0), Some(Side::Client), EventKind::Syn);
    timeline.push(when(1, 0), Some(Side::Server), EventKind::SynAck);
    timeline.push(when(3, 1), Some(Side::Client), connect(client_id));
    timeline.push(
        when(4, 5),
        Some(Side::Server),
        EventKind::Connack {
            code: ReasonCode(0x87),
            session_present: false,
            reason_string: Some(TextFact::new(b"token expired")),
        },
    );
    timeline.push(when(5, 5), Some(Side::Server), EventKind::Fin);
    timeline.push(when(6, 7), Some(Side::Client), EventKind::Reset);
    let name = crate::text::escape(client_id, crate::text::NAME);
    let sentence = format!("The broker refused {name}: Not authorized (0x87), saying “token expired”.");
    let mut verdict = verdict("refused-not-authorized", "refused", Severity::Error, &sentence, &[frame + 3, frame + 4]);
    verdict.outcome.code = Some(ReasonCode(0x87));
    verdict.outcome.code_name = Some("Not authorized");
    verdict.outcome.reason_string = Some(TextFact::new(b"token expired"));
    verdict.client_saw = vec![
        ClientReport { client: "Paho Python", reports: "on_connect: Not authorized (0x87)" },
        ClientReport { client: "mosquitto_pub", reports: "Connection error: Not authorized" },
        ClientReport { client: "PubSubClient", reports: "rc=5 (MQTT_CONNECT_UNAUTHORIZED)" },
    ];
    verdict.causes = vec![
        "The token or password is no longer valid; the broker says so itself.".into(),
        "On mosquitto this code also means a wrong user name or password, so the credentials are \
         the first thing to compare."
            .into(),
    ];
    verdict.next_steps = vec![
        "Renew the token of user dev and connect again.".into(),
        "Look at the broker's log at this time; it names the rule that refused the client.".into(),
    ];
    verdict.findings = vec![finding(
        "plain-text-password",
        Severity::Warning,
        "The password of user dev crossed the network unencrypted.",
        frame + 3,
    )];
    (session, verdict)
}

fn connect(client_id: &[u8]) -> EventKind {
    EventKind::Connect {
        version: Some(Version::V5),
        client_id: TextFact::new(client_id),
        username: Some(TextFact::new(b"dev")),
        has_password: true,
        clean_start: true,
        keep_alive: 60,
        will: None,
    }
}

/// A session that ended as it should, with a long run of messages.
#[allow(clippy::too_many_lines)] // a story told in one go
pub(crate) fn healthy(client_id: &[u8], stream: u32, frame: u64, seconds: i64) -> (Session, Verdict) {
    let when = |later: u64, after: i64| at(frame + later, (seconds + after) * SECOND);
    let mut session = session(client_id, stream, when(0, 0), when(400, 170));
    session.version = Some(Version::V311);
    session.published.client.by_qos = [4_812, 1, 0];
    let topic = || Some(TextFact::new(b"plant/4/line/2/temperature"));
    let publish = |qos: u8, packet_identifier: Option<u16>, payload_length: u64| EventKind::Publish {
        topic: topic(),
        qos: QoS(qos),
        retain: false,
        dup: false,
        packet_identifier,
        payload_length,
    };
    let timeline = &mut session.timeline;
    timeline.push(when(0, 0), Some(Side::Client), connect(client_id));
    timeline.push(
        when(1, 0),
        Some(Side::Server),
        EventKind::Connack { code: ReasonCode(0), session_present: true, reason_string: None },
    );
    timeline.push(
        when(2, 1),
        Some(Side::Client),
        EventKind::Request {
            packet: PacketType(8),
            packet_identifier: 1,
            filters: vec![(TextFact::new(b"plant/4/set/#"), 1), (TextFact::new(b"alarm"), 2)],
            more: 3,
        },
    );
    timeline.push(
        when(3, 1),
        Some(Side::Server),
        EventKind::Answer {
            packet: PacketType(9),
            packet_identifier: 1,
            codes: vec![ReasonCode(1), ReasonCode(0x87)],
            more: 3,
            reason_string: None,
        },
    );
    timeline.push(when(4, 2), Some(Side::Client), publish(1, Some(3), 120));
    timeline.push(
        when(5, 2),
        Some(Side::Server),
        EventKind::Acknowledgment {
            packet: PacketType(4),
            packet_identifier: 3,
            code: ReasonCode(0),
            reason_string: None,
        },
    );
    let mut run = Timeline::new(Detail::Full, 400);
    run.push(when(6, 3), Some(Side::Client), publish(0, None, 96_240));
    let run = run.events().cloned().map(|event| crate::session::Event { count: 4_812, until: when(390, 160), ..event });
    let run: Vec<_> = run.collect();
    timeline.finish(run);
    timeline.push(when(391, 161), None, EventKind::Gap { bytes: 1_460, why: crate::stream::GapReason::NotCaptured });
    timeline.push(
        when(400, 170),
        Some(Side::Client),
        EventKind::Disconnect { code: ReasonCode(0), reason_string: None },
    );
    let name = crate::text::escape(client_id, crate::text::NAME);
    let mut verdict = verdict(
        "clean-disconnect",
        "healthy",
        Severity::Ok,
        &format!("{name} said goodbye properly after 2 min 50 s and closed the connection."),
        &[frame + 400],
    );
    verdict.qualifiers = vec![Qualifier::CaptureGaps];
    let mut denied = finding(
        "subscription-denied",
        Severity::Warning,
        "The broker denied the subscription to alarm: Not authorized (0x87).",
        frame + 3,
    );
    denied.detail = Some("It granted the other filters of the same SUBSCRIBE.".into());
    denied.clause = Some("MQTT-3.9.3-2");
    verdict.findings = vec![denied];
    (session, verdict)
}

/// A capture of seven sessions in which three are alike.
pub(super) fn report() -> Report {
    let still = {
        let (session, _) = healthy(b"dashboard-1", 1, 20, 1);
        let sentence = "dashboard-1 was still connected when the capture ended.";
        (session, verdict("capture-ended-connected", "healthy", Severity::Ok, sentence, &[1_200]))
    };
    let silent = {
        let (session, _) = healthy(b"press-8/left wing/controller of the old line", 7, 60, 12);
        let sentence = "“press-8/left wing/controller of the old line” was silent for 1 min 31 s, more than \
                        1.5 × its Keep Alive of 60 s, so the broker closed.";
        let mut verdict = verdict("keepalive-expired", "ended-by-server", Severity::Warning, sentence, &[77, 1_180]);
        verdict.outcome.confidence = Confidence::VeryLikely;
        verdict.causes = vec!["The device slept, or its program was blocked longer than its Keep Alive.".into()];
        verdict.qualifiers = vec![Qualifier::PartialStart, Qualifier::CaptureGaps];
        (session, verdict)
    };
    let nameless = {
        let (mut session, _) = healthy(b"", 9, 70, 14);
        session.connect = None;
        session.version = None;
        session.version_from = None;
        let sentence = "10.0.0.21 knocked on 10.0.0.5:1883 4 times in 7 s and nothing came back.";
        let mut verdict = verdict("syn-unanswered", "network", Severity::Error, sentence, &[70, 71, 74, 80]);
        verdict.outcome.confidence = Confidence::Possible;
        (session, verdict)
    };
    let facts = CaptureFacts {
        packets: 1_204,
        bytes: 183_022,
        first: Some(at(1, 0).time),
        last: Some(at(1_204, 192 * SECOND).time),
        ..CaptureFacts::default()
    };
    let notes = vec![Note {
        id: "capture-truncated",
        text: "The file ends in the middle of a packet; it was analysed up to there.".to_owned(),
        frames: vec![FrameNumber::new(1_204)],
    }];
    let capture = CaptureSummary { files: vec!["trace.pcap".to_owned()], facts, notes };
    let sessions = vec![
        healthy(b"gateway-3", 0, 2, 0),
        still,
        refused(b"sensor-17", 4, 31, 5),
        silent,
        refused(b"sensor-17", 6, 90, 7),
        refused(b"sensor-17", 8, 120, 9),
        nameless,
    ];
    report_on(capture, sessions)
}

/// A report on these sessions, of which this is said.
pub(super) fn report_on(capture: CaptureSummary, sessions: impl IntoIterator<Item = (Session, Verdict)>) -> Report {
    let alone = |(session, verdict)| Case::alone(0, Box::new(session), verdict);
    let mut cases: Vec<Case> = sessions.into_iter().map(alone).collect();
    cases.sort_by_key(|case| case.session.wire.first.frame);
    Report::of(capture, cases, Vec::new())
}
