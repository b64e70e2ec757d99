//! From frames or packets to every report that there is. Nothing captured may reach a terminal raw.

use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use mqttcap::capture::Frame;
use mqttcap::diagnosis;
use mqttcap::engine::{Config, Engine};
use mqttcap::limits::Limits;
use mqttcap::mqtt::{Packet, ParseError, RawPacket, Version};
use mqttcap::net::Endpoint;
use mqttcap::report::packets::{self, Place, Reveal};
use mqttcap::report::{CaptureSummary, Extent, Kept, Report, Style, json, ladder, news, table};
use mqttcap::session::{Detail, PacketObserver, SeenPacket};
use mqttcap::stream::Side;

/// A capture on its way through the engine.
pub(super) struct Analysis {
    engine: Engine,
    kept: Kept,
}

impl Analysis {
    pub(super) fn new() -> Analysis {
        let limits = Limits {
            connections: 64,
            timeline_events: 64,
            open_exchanges: 16,
            names: 16,
            finished_attempts: 8,
            attempts_of_server: 4,
            ..Limits::default()
        };
        let kept = Kept::new(&limits);
        let config = Config { limits, ports: Vec::new(), hosts: Vec::new(), detail: Detail::Folded };
        Analysis { engine: Engine::observed(config, Arc::new(Mutex::new(Writer))), kept }
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.engine.push(frame, &mut |session| self.kept.judge(session));
    }

    /// Judges all sessions and writes every report.
    pub(super) fn finish(mut self) {
        let facts = self.engine.finish(&mut |session| self.kept.judge(session));
        let notes = diagnosis::notes(&facts);
        let report =
            Report::new(CaptureSummary { files: vec!["fuzz".into()], facts, notes }, self.kept, Extent::Everything, 1);
        for style in styles() {
            shown(&style, |out| table::write(&report, Extent::Everything, &style, out));
            for case in &report.cases {
                shown(&style, |out| ladder::write(case, &style, out));
                shown(&style, |out| news::ended(case, &style, out));
            }
        }
        let mut written = Vec::new();
        json::write(&report, &mut written).expect("writing to memory does not fail");
        json::write_lines(&report, &mut written).expect("writing to memory does not fail");
    }
}

/// Shows a packet in every form.
pub(super) fn packet(raw: &RawPacket<'_>, parsed: &Result<Packet<'_>, ParseError>, version: Option<Version>) {
    let sender = Endpoint { address: [10, 0, 0, 1].into(), port: 1883 };
    Writer.packet(&SeenPacket {
        stream: 0,
        opened: raw.started.frame,
        side: Side::Server,
        sender,
        confirmed: true,
        raw,
        parsed,
        version,
        topic: None,
    });
}

#[derive(Debug)]
struct Writer;

impl PacketObserver for Writer {
    fn packet(&mut self, packet: &SeenPacket<'_>) {
        let place = Place { session: Some(1), side: packet.side };
        let reveal = Reveal { payload: Some(64), secrets: true };
        for style in styles() {
            shown(&style, |out| packets::write_row(packet, place, reveal, &style, out));
        }
        packets::Lines::default()
            .write(packet, place, reveal, &mut Vec::new())
            .expect("writing to memory does not fail");
    }
}

fn styles() -> [Style; 2] {
    let style = |width, ascii| Style { width, ascii, color: false, zone: TimeZone::UTC };
    [style(80, false), style(40, true)]
}

/// Writes to memory and looks for what a terminal would obey.
fn shown(style: &Style, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
    let mut written = Vec::new();
    write(&mut written).expect("writing to memory does not fail");
    let text = String::from_utf8(written).expect("reports are UTF-8");
    let raw = text.chars().find(|character| character.is_control() && *character != '\n');
    assert_eq!(raw, None, "{text:?}");
    assert!(!style.ascii || text.is_ascii(), "{text:?}");
}
