//! The document that `--format json` writes, as it is promised to programs.
//!
//! Invariant: names are never changed, only added to. Every field is always there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::capture::FrameNumber;
use crate::diagnosis;
use crate::net::Endpoint;
use crate::session::{self, PacketCounts, VersionFrom};

use super::event_text::{event_kind, event_text};
use super::model::{self, Case, Report};
use super::tls_document::Tls;
use super::value::{Text, Time, mac};
use super::words;

mod messages;

pub(super) use messages::missing;
use messages::{Correspondent, Messages, Unknown};

/// The document of `mqttcap read --format json`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'r> {
    /// Always `mqttcap/1`.
    schema: &'static str,
    capture: Capture<'r>,
    summary: Summary,
    sessions: Vec<Session<'r>>,
    /// Findings that span sessions.
    findings: Vec<SpanningFinding<'r>>,
}

/// A line of `--format ndjson`: one session.
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionLine<'r> {
    kind: &'static str,
    #[serde(flatten)]
    session: Session<'r>,
}

/// The last line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
pub(super) struct SummaryLine<'r> {
    kind: &'static str,
    schema: &'static str,
    capture: Capture<'r>,
    summary: Summary,
    /// Findings that span sessions.
    findings: Vec<SpanningFinding<'r>>,
}

/// What `live --on-problem` writes beside a capture.
#[derive(Serialize)]
pub(super) struct EvidenceDocument<'r> {
    kind: &'static str,
    /// Always `mqttcap/1`.
    schema: &'static str,
    /// The file with the frames.
    capture: &'r str,
    /// Which frames of the live capture, whose numbers `session` tells, are which in the file.
    frames: &'r [Run],
    /// Frames that are not in the file because there was no room.
    frames_left_out: u64,
    session: Session<'r>,
}

/// Frames that follow one another both in a file and in the capture that they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Number of the first in the file, from 1.
    pub file: u64,
    /// Its number in the live capture.
    pub live: u64,
    /// How many.
    pub count: u64,
}

/// A finding of `live --format ndjson`, told as it was found.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingLine<'r> {
    kind: &'static str,
    /// When the session's newest packet came.
    time: Time,
    tcp_stream: Option<u32>,
    filter: Option<String>,
    client: Peer,
    server: Peer,
    client_id: Option<Text>,
    finding: Finding<'r>,
}

/// The capture as a whole.
#[derive(Serialize, JsonSchema)]
struct Capture<'r> {
    files: &'r [String],
    /// Frames read.
    packets: u64,
    /// Captured bytes read.
    bytes: u64,
    first: Option<Time>,
    last: Option<Time>,
    notes: Vec<Note<'r>>,
}

/// Something to say of the capture as a whole.
#[derive(Serialize, JsonSchema)]
struct Note<'r> {
    id: &'r str,
    text: &'r str,
    frames: Vec<u64>,
}

/// All sessions of the capture, also those that were not asked for.
#[derive(Serialize, JsonSchema)]
struct Summary {
    sessions: u64,
    clients: u64,
    by_outcome: BTreeMap<&'static str, u64>,
    by_severity: BTreeMap<&'static str, u64>,
    /// Sessions that were too many to keep: they are counted above and stand in no list.
    counted_only: Vec<Counted>,
}

/// Sessions of one server with one outcome that were too many to keep.
#[derive(Serialize, JsonSchema)]
struct Counted {
    /// Null for servers beyond those that are told apart.
    server: Option<Address>,
    outcome: &'static str,
    severity: &'static str,
    /// They are connections that carried nothing.
    attempts: bool,
    sessions: u64,
    /// From so many addresses at least.
    addresses_at_least: u64,
    first_frame: u64,
    last_frame: u64,
}

/// An address and a port.
#[derive(Serialize, JsonSchema)]
struct Address {
    address: String,
    port: u16,
}

/// One TCP connection that carried MQTT, or an attempt to open one, or to learn where to.
#[allow(clippy::struct_field_names)] // `session_present` is MQTT's name
#[derive(Serialize, JsonSchema)]
struct Session<'r> {
    /// From 1, in order of the first frame; in the lines of `live`, in order of the end.
    number: u64,
    /// Wireshark's tcp.stream; null for an attempt that came to no TCP connection.
    tcp_stream: Option<u32>,
    /// Wireshark display filter for exactly this session.
    filter: Option<String>,
    client: Peer,
    server: Peer,
    /// `tcp`, `tls`, `websocket`, `websocket-tls` or `udp`.
    transport: &'static str,
    /// Of encrypted sessions: what can be read of them.
    tls: Option<Tls>,
    /// `3.1`, `3.1.1` or `5.0`.
    version: Option<String>,
    /// `connect`, `inferred` or `assumed`.
    version_from: Option<&'static str>,
    /// As sent in CONNECT, or as the server assigned it.
    client_id: Option<Text>,
    username: Option<Text>,
    clean_start: Option<bool>,
    /// Seconds, as sent in CONNECT.
    keep_alive: Option<u16>,
    session_present: Option<bool>,
    started: Time,
    ended: Time,
    first_frame: u64,
    last_frame: u64,
    outcome: Outcome<'r>,
    qualifiers: Vec<&'static str>,
    client_saw: Vec<ClientSaw>,
    /// Most likely first.
    causes: &'r [Cow<'static, str>],
    next_steps: &'r [Cow<'static, str>],
    findings: Vec<Finding<'r>>,
    counts: Counts,
    /// What became of the messages.
    messages: Messages<'r>,
    /// The sessions that its messages reached through the broker, those with the most first.
    sent_to: Vec<Correspondent<'r>>,
    /// The sessions whose messages it received.
    received_from: Vec<Correspondent<'r>>,
    /// Messages that it received and whose publisher the capture does not show; null if there are none.
    received_from_unknown: Option<Unknown>,
    timeline: Vec<Event>,
    /// Packets that the timeline does not show because there were too many.
    timeline_left_out: u64,
}

/// An end of a session.
#[derive(Serialize, JsonSchema)]
struct Peer {
    /// Null where a lookup failed, so that nobody knows it.
    address: Option<String>,
    /// Null before TCP.
    port: Option<u16>,
    mac: Option<String>,
    /// Host name, if the capture shows its lookup, asks for it in TLS, or the file tells it.
    name: Option<Text>,
}

/// How a session ended.
#[derive(Serialize, JsonSchema)]
struct Outcome<'r> {
    id: &'static str,
    group: &'static str,
    severity: &'static str,
    confidence: &'static str,
    sentence: &'r str,
    code: Option<u8>,
    code_name: Option<&'static str>,
    reason_string: Option<Text>,
    frames: Vec<u64>,
}

/// What a client library reports when this happens.
#[derive(Serialize, JsonSchema)]
struct ClientSaw {
    client: &'static str,
    reports: &'static str,
}

/// Something worth saying beside the outcome.
#[derive(Serialize, JsonSchema)]
struct Finding<'r> {
    id: &'r str,
    severity: &'static str,
    confidence: &'static str,
    headline: &'r str,
    detail: Option<&'r str>,
    /// The statement of the specification it rests on.
    clause: Option<&'static str>,
    /// `client` or `server`.
    side: Option<&'static str>,
    frames: Vec<u64>,
}

/// A finding that spans sessions.
#[derive(Serialize, JsonSchema)]
struct SpanningFinding<'r> {
    sessions: Vec<u64>,
    #[serde(flatten)]
    finding: Finding<'r>,
}

/// Control packets by sender and type.
#[derive(Serialize, JsonSchema)]
struct Counts {
    client: BTreeMap<&'static str, u64>,
    server: BTreeMap<&'static str, u64>,
}

/// An event of the timeline, or a run of alike events.
#[derive(Serialize, JsonSchema)]
struct Event {
    time: Time,
    /// Seconds since the session's first frame.
    offset: f64,
    frame: u64,
    /// `client` or `server`; null for what the capture did.
    side: Option<&'static str>,
    kind: String,
    text: String,
    count: u64,
    /// The last of a run.
    until: Time,
    until_frame: u64,
}

/// The JSON Schema (draft 2020-12) of [`Document`].
pub(super) fn json_schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

impl<'r> Document<'r> {
    pub(super) fn of(report: &'r Report) -> Document<'r> {
        Document {
            schema: SCHEMA,
            capture: Capture::of(&report.capture),
            summary: Summary::of(report),
            sessions: report.cases.iter().map(Session::of).collect(),
            findings: report.across.iter().map(SpanningFinding::of).collect(),
        }
    }
}

const SCHEMA: &str = "mqttcap/1";

impl<'r> SessionLine<'r> {
    pub(super) fn of(case: &'r Case) -> SessionLine<'r> {
        SessionLine { kind: "session", session: Session::of(case) }
    }
}

impl<'r> EvidenceDocument<'r> {
    pub(super) fn of(
        case: &'r Case,
        capture: &'r str,
        frames: &'r [Run],
        frames_left_out: u64,
    ) -> EvidenceDocument<'r> {
        let session = Session::of(case);
        EvidenceDocument { kind: "evidence", schema: SCHEMA, capture, frames, frames_left_out, session }
    }
}

impl<'r> FindingLine<'r> {
    pub(super) fn of(case: &'r Case, finding: &'r diagnosis::Finding) -> FindingLine<'r> {
        let wire = &case.session.wire;
        FindingLine {
            kind: "finding",
            time: Time::of(wire.last.time),
            tcp_stream: wire.stream,
            filter: Some(case.filter()),
            client: Peer::of(&wire.peers.client, None),
            server: Peer::of(&wire.peers.server, case.known_name().map(|name| Text::of_bytes(name.as_bytes()))),
            client_id: case.session.client_id().map(Text::of),
            finding: Finding::of(finding),
        }
    }
}

impl<'r> SummaryLine<'r> {
    pub(super) fn of(report: &'r Report) -> SummaryLine<'r> {
        SummaryLine {
            kind: "summary",
            schema: SCHEMA,
            capture: Capture::of(&report.capture),
            summary: Summary::of(report),
            findings: report.across.iter().map(SpanningFinding::of).collect(),
        }
    }
}

impl<'r> SpanningFinding<'r> {
    fn of(spanning: &'r diagnosis::Spanning) -> SpanningFinding<'r> {
        SpanningFinding { sessions: spanning.sessions.clone(), finding: Finding::of(&spanning.finding) }
    }
}

impl<'r> Capture<'r> {
    fn of(capture: &'r model::CaptureSummary) -> Capture<'r> {
        let facts = &capture.facts;
        let notes =
            capture.notes.iter().map(|note| Note { id: note.id, text: &note.text, frames: numbers(&note.frames) });
        Capture {
            files: &capture.files,
            packets: facts.packets,
            bytes: facts.bytes,
            first: facts.first.map(Time::of),
            last: facts.last.map(Time::of),
            notes: notes.collect(),
        }
    }
}

impl Summary {
    fn of(report: &Report) -> Summary {
        let summary = &report.summary;
        let by_severity = summary.by_severity.iter();
        Summary {
            sessions: summary.sessions,
            clients: summary.clients,
            by_outcome: summary.by_outcome.clone(),
            by_severity: by_severity.map(|(severity, count)| (words::severity(*severity), *count)).collect(),
            counted_only: report.counted.iter().map(Counted::of).collect(),
        }
    }
}

impl Counted {
    fn of(counted: &diagnosis::Counted) -> Counted {
        let address = |server: Endpoint| Address { address: server.address.to_string(), port: server.port };
        Counted {
            server: counted.server.map(address),
            outcome: counted.outcome,
            severity: words::severity(counted.severity),
            attempts: counted.attempts,
            sessions: counted.sessions,
            addresses_at_least: counted.addresses.len() as u64,
            first_frame: counted.first.frame.get(),
            last_frame: counted.last.frame.get(),
        }
    }
}

impl<'r> Session<'r> {
    fn of(case: &'r Case) -> Session<'r> {
        let Case { number, session, verdict, .. } = case;
        let wire = &session.wire;
        // What a router said of the connection is a part of it, though no segment.
        let last = match session.undeliverable.as_deref() {
            Some(&(at, _)) if wire.last.is_before(at) => at,
            _ => wire.last,
        };
        let tls = session.tls.as_deref();
        let name = case
            .known_name()
            .map(|name| Text::of_bytes(name.as_bytes()))
            .or_else(|| Some(Text::of(tls?.server_name()?)));
        let connect = session.connect.as_ref();
        let accepted = session.connack.as_ref();
        Session {
            number: *number,
            tcp_stream: wire.stream,
            filter: Some(case.filter()),
            client: Peer::of(&wire.peers.client, None),
            server: Peer::of(&wire.peers.server, name),
            transport: match (&session.websocket, tls) {
                (Some(_), _) => "websocket",
                (None, Some(_)) => "tls",
                (None, None) => "tcp",
            },
            tls: tls.map(Tls::of),
            version: session.version.map(|version| version.to_string()),
            version_from: session.version_from.map(|from| match from {
                VersionFrom::Connect => "connect",
                VersionFrom::Inferred(_) => "inferred",
            }),
            client_id: session.client_id().map(Text::of),
            username: connect.and_then(|connect| connect.username.as_ref()).map(Text::of),
            clean_start: connect.map(|connect| connect.clean_start),
            keep_alive: connect.map(|connect| connect.keep_alive),
            session_present: accepted.map(|connack| connack.session_present),
            started: Time::of(wire.first.time),
            ended: Time::of(last.time),
            first_frame: wire.first.frame.get(),
            last_frame: last.frame.get(),
            outcome: Outcome::of(&verdict.outcome),
            qualifiers: verdict.qualifiers.iter().map(|qualifier| qualifier.id()).collect(),
            client_saw: verdict
                .client_saw
                .iter()
                .map(|saw| ClientSaw { client: saw.client, reports: saw.reports })
                .collect(),
            causes: &verdict.causes,
            next_steps: &verdict.next_steps,
            findings: verdict.findings.iter().map(Finding::of).collect(),
            counts: Counts { client: counts(&session.counts.client), server: counts(&session.counts.server) },
            messages: Messages::of(session),
            sent_to: Correspondent::all(&case.post.sent_to),
            received_from: Correspondent::all(&case.post.received_from),
            received_from_unknown: Unknown::of(case),
            timeline: session.timeline.events().map(|event| Event::of(event, session)).collect(),
            timeline_left_out: session.timeline.left_out(),
        }
    }
}

impl Peer {
    fn of(peer: &session::Peer, name: Option<Text>) -> Peer {
        Peer {
            address: peer.address().map(|address| address.to_string()),
            port: peer.port(),
            mac: peer.mac.map(mac),
            name,
        }
    }
}

impl<'r> Outcome<'r> {
    fn of(outcome: &'r diagnosis::Outcome) -> Outcome<'r> {
        Outcome {
            id: outcome.id,
            group: outcome.group,
            severity: words::severity(outcome.severity),
            confidence: words::confidence(outcome.confidence),
            sentence: &outcome.sentence,
            code: outcome.code.map(|code| code.0),
            code_name: outcome.code_name,
            reason_string: outcome.reason_string.as_ref().map(Text::of),
            frames: numbers(&outcome.frames),
        }
    }
}

impl<'r> Finding<'r> {
    fn of(finding: &'r diagnosis::Finding) -> Finding<'r> {
        Finding {
            id: &finding.id,
            severity: words::severity(finding.severity),
            confidence: words::confidence(finding.confidence),
            headline: &finding.headline,
            detail: finding.detail.as_deref(),
            clause: finding.clause,
            side: finding.side.map(words::side),
            frames: numbers(&finding.frames),
        }
    }
}

impl Event {
    fn of(event: &session::Event, session: &session::Session) -> Event {
        Event {
            time: Time::of(event.at.time),
            offset: event.at.time.seconds_since(session.wire.first.time),
            frame: event.at.frame.get(),
            side: event.side.map(words::side),
            kind: event_kind(&event.kind),
            text: event_text(event, session.version),
            count: event.count,
            until: Time::of(event.until.time),
            until_frame: event.until.frame.get(),
        }
    }
}

fn numbers(frames: &[FrameNumber]) -> Vec<u64> {
    frames.iter().map(|frame| frame.get()).collect()
}

fn counts(counts: &PacketCounts) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(packet, count)| (packet.name(), count)).collect()
}
