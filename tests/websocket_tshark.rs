//! MQTT inside WebSocket against tshark, which unmasks it but does not read it: what tshark takes out of the frames, put
//! on plain TCP, is the same session.
#![allow(clippy::disallowed_methods)] // a test reads files
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr, clippy::string_slice)] // a test may fail

#[allow(unreachable_pub)] // shared by several test crates
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use mqttcap::session::{EventKind, Session};
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{analyse, analyse_segments, root};

/// Captures whose WebSocket messages are binary and not compressed.
const CAPTURES: [&str; 10] = [
    "ws-healthy",
    "ws-rabbitmq",
    "ws-ejabberd",
    "ws-frames",
    "ws-big",
    "ws-bad-password",
    "ws-tolerant",
    "ws-closed-by-client",
    "ws-taken-over",
    "ws-keepalive",
];
/// Ports of WebSocket servers, of which tshark has to be told.
const PORTS: [u16; 3] = [9001, 15675, 5280];

/// What tshark takes out of the frames of each connection, by `tcp.stream`.
fn unmasked(path: &Path) -> BTreeMap<u32, Talk> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-Y", "websocket", "-T", "fields"]);
    command.args(["-e", "tcp.stream", "-e", "tcp.dstport", "-e", "data.data"]);
    for port in PORTS {
        command.args(["-d", &format!("tcp.port=={port},http")]);
    }
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut talks = BTreeMap::new();
    for line in said.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [stream, port, data] = fields[..] else { panic!("{line}") };
        let side = if PORTS.contains(&port.parse().unwrap()) { Side::Client } else { Side::Server };
        let hex: String = data.chars().filter(char::is_ascii_hexdigit).collect();
        let data: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let talk = talks.entry(stream.parse().unwrap()).or_insert_with(Talk::opened);
        if !data.is_empty() {
            talk.says(side, &data);
        }
    }
    talks
}

/// The packets of client and server, in order.
fn packets(session: &Session) -> [Vec<EventKind>; 2] {
    use EventKind::{Established, Fin, Reset, Syn, SynAck, UpgradeAnswer, UpgradeRequest, WebSocketClose};
    [Side::Client, Side::Server].map(|side| {
        let events = session.timeline.events().filter(|event| event.side == Some(side)).map(|event| event.kind.clone());
        let packets = events.filter(|kind| {
            let below = matches!(kind, Syn | SynAck | Established | Fin | Reset);
            !below && !matches!(kind, UpgradeAnswer { .. } | UpgradeRequest { .. } | WebSocketClose { .. })
        });
        packets.collect()
    })
}

#[test]
fn what_tshark_unmasks_is_what_is_read() {
    if Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    for name in CAPTURES {
        let path = root().join(format!("captures/{name}.pcapng"));
        let mut talks = unmasked(&path);
        let mut compared = 0;
        for session in analyse(&path).0 {
            let ours = packets(&session);
            let Some(talk) =
                session.wire.stream.and_then(|stream| talks.remove(&stream)).filter(|_| !ours[0].is_empty())
            else {
                continue;
            };
            let theirs = analyse_segments(&talk.into_segments());
            assert_eq!(packets(&theirs[0]), ours, "{name}, stream {:?}", session.wire.stream);
            compared += 1;
        }
        assert!(compared > 0, "{name}");
    }
}
