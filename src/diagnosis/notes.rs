//! What to say of the capture as a whole: what could not be read, and what was beside MQTT.

use crate::capture::FrameNumber;
use crate::net::{Layer, Undecodable, Why};
use crate::session::{CaptureFacts, FragmentFacts, Tally};
use crate::transport::Protocol;

use super::{Note, words};

/// Notes on the capture, the gravest first.
pub fn notes(capture: &CaptureFacts) -> Vec<Note> {
    let mut notes = Vec::new();
    let cut = capture.cut_frames;
    if cut.count > 0 {
        let frames = words::counted(cut.count, "frame");
        let was = was(cut.count);
        notes.push(note(
            "capture-cut-frames",
            format!("{frames} {was} cut short when captured, so packets are known only in part; capture with `tcpdump -s 0`."),
            cut,
        ));
    }
    for (what, tally) in &capture.undecodable {
        let frames = words::counted(tally.count, "frame");
        let text = format!("{frames} could not be read: {}.", in_words(*what));
        notes.push(note("capture-undecodable", text, *tally));
    }
    let FragmentFacts { incomplete, overlapping, cut, evicted } = capture.fragments;
    for (tally, why) in [
        (incomplete, "not all fragments were captured"),
        (overlapping, "fragments overlap and differ, which receivers discard"),
        (cut, "fragments were cut short when captured"),
        (evicted, "too many were incomplete at once"),
    ] {
        if tally.count > 0 {
            let packets = words::counted(tally.count, "IP packet");
            let they = they(tally.count);
            let text = format!(
                "{packets} could not be put together from fragments, and what {they} carried is missing: {why}."
            );
            notes.push(note("capture-fragments", text, tally));
        }
    }
    let jumps = capture.clock_jumps;
    if jumps.count > 0 {
        let times = words::counted(jumps.count, "time");
        let text = format!(
            "The clock of the capture went back {times} by more than a second; spans of time across that are not judged."
        );
        notes.push(note("capture-clock-jumps", text, jumps));
    }
    for ((protocol, port), tally) in &capture.other {
        notes.push(note("capture-other-protocol", other(*protocol, *port, tally.count), *tally));
    }
    if capture.other_more > 0 {
        let more = words::counted(capture.other_more, "connection");
        let text = format!("{more} more carried other protocols than MQTT.");
        notes.push(note("capture-other-protocol", text, Tally::default()));
    }
    let evicted = capture.evicted;
    if evicted.count > 0 {
        let text =
            format!("{} not followed to the end, because too many were open at once.", connections(evicted.count));
        notes.push(note("capture-evicted", text, evicted));
    }
    let translated = capture.translated;
    if translated.count > 0 {
        let once = if translated.count == 1 {
            "it is told of once, as its client sees it"
        } else {
            "each is told of once, as its client sees it"
        };
        let text = format!(
            "{} captured on both sides of an address translation (NAT or port forwarding): {once}.",
            connections(translated.count)
        );
        notes.push(note("capture-translated", text, translated));
    }
    if capture.questions_let_go > 0 {
        let lookups = words::counted(capture.questions_let_go, "question");
        let text =
            format!("{lookups} for names or neighbours not followed to the end, because there were too many at once.");
        notes.push(note("capture-questions-let-go", text, Tally::default()));
    }
    if capture.packets_let_go > 0 {
        let times = words::counted(capture.packets_let_go, "time");
        let text = format!(
            "{times} the bytes of an unfinished MQTT packet, TLS or HTTP message were not kept, because too many were unfinished at once."
        );
        notes.push(note("capture-packets-let-go", text, Tally::default()));
    }
    if capture.holes_given_up > 0 {
        let times = words::counted(capture.holes_given_up, "time");
        let text = format!(
            "{times} bytes that were missing from a TCP stream were waited for no longer, because too much out-of-order data waited for them."
        );
        notes.push(note("capture-out-of-order-let-go", text, Tally::default()));
    }
    if let Some(stopped) = capture.traffic.stopped {
        let text = "From here on messages were not followed through the broker, because there are so many: `mqttcap show` and `--format json` follow them all.";
        notes.push(note("capture-messages-not-followed", text.into(), Tally { count: 1, first: stopped.frame }));
    }
    notes
}

fn note(id: &'static str, text: String, tally: Tally) -> Note {
    let frames: Vec<FrameNumber> = (tally.count > 0).then_some(tally.first).into_iter().collect();
    Note { id, text, frames }
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn they(count: u64) -> &'static str {
    if count == 1 { "it" } else { "they" }
}

fn connections(count: u64) -> String {
    format!("{} {}", words::counted(count, "connection"), was(count))
}

fn other(protocol: Protocol, port: u16, count: u64) -> String {
    let many = words::counted(count, "connection");
    match protocol {
        Protocol::Tls => format!("{many} to port {port} carried TLS; MQTT inside cannot be read."),
        Protocol::Http => {
            format!("{many} to port {port} carried HTTP, without MQTT inside a WebSocket.")
        }
        Protocol::Proxy => format!("{many} to port {port} began with a PROXY header."),
        Protocol::Unknown => format!("{many} to port {port} carried something that cannot be read as MQTT."),
        known => format!("{many} to port {port} carried {}.", known.name()),
    }
}

fn in_words(what: Undecodable) -> String {
    let layer = match what.layer {
        Layer::LinkType(number) => return format!("link type {number} is not supported"),
        Layer::Link => "link-layer",
        Layer::Vlan => "VLAN",
        Layer::Ipv4 => "IPv4",
        Layer::Ipv6 => "IPv6",
        Layer::Tcp => "TCP",
        Layer::Tunnel => "tunnel",
        Layer::Wireless => "802.11",
        Layer::Macsec => "MACsec",
        Layer::Esp => "ESP",
        Layer::WireGuard => "WireGuard",
    };
    match what.why {
        Why::NotSupported => format!("this kind of {layer} header is not supported"),
        Why::Truncated => format!("the captured bytes end inside the {layer} header"),
        Why::Invalid => format!("the {layer} header contradicts itself"),
        Why::Encrypted => format!("what {layer} protects is encrypted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(count: u64) -> Tally {
        Tally { count, first: FrameNumber::new(7) }
    }

    #[test]
    fn a_plain_capture_needs_no_notes() {
        assert!(notes(&CaptureFacts::default()).is_empty());
    }

    #[test]
    fn encrypted_connections_are_named() {
        let mut capture = CaptureFacts::default();
        capture.other.insert((Protocol::Tls, 8883), tally(2));
        let notes = notes(&capture);
        assert_eq!(notes[0].text, "2 connections to port 8883 carried TLS; MQTT inside cannot be read.");
        assert_eq!(notes[0].frames, [FrameNumber::new(7)]);
    }

    #[test]
    fn each_kind_has_its_note() {
        let mut capture = CaptureFacts {
            fragments: FragmentFacts { overlapping: tally(1), ..FragmentFacts::default() },
            cut_frames: tally(3),
            clock_jumps: tally(1),
            evicted: tally(1),
            translated: tally(1),
            other_more: 4,
            packets_let_go: 2,
            holes_given_up: 1,
            ..CaptureFacts::default()
        };
        for layer in [Layer::LinkType(147), Layer::Link, Layer::Ipv4, Layer::Tcp] {
            for why in [Why::NotSupported, Why::Truncated, Why::Invalid] {
                capture.undecodable.insert(Undecodable { layer, why }, tally(2));
            }
        }
        let notes = notes(&capture);
        assert_eq!(notes.len(), 20);
        for note in &notes {
            assert!(note.text.ends_with('.'), "{}", note.text);
        }
        assert_eq!(
            notes[0].text,
            "3 frames were cut short when captured, so packets are known only in part; capture with `tcpdump -s 0`."
        );
    }
}
