//! The kernel's filter lets everything pass that a story is made of, and little else.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test may fail

use std::path::{Path, PathBuf};

use mqttcap::capture::{Frame, LinkType, Moment};
use mqttcap::net::{self, Decoded};
use mqttcap::source::{CaptureFile, Filter, Wanted};

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "pcapng")).collect();
    files.sort();
    files
}

fn filters(wanted: &Wanted) -> Vec<Filter> {
    wanted.filters().iter().map(|filter| Filter::new(filter).unwrap()).collect()
}

fn passes(filters: &mut [Filter], frame: &Frame<'_>) -> bool {
    filters.iter_mut().any(|filter| filter.passes(frame))
}

#[test]
fn what_a_story_is_made_of_passes() {
    let mut filters = filters(&Wanted::default());
    let mut seen = 0;
    for path in captures() {
        let mut file = CaptureFile::open(&path).unwrap();
        while let Some(frame) = file.next_frame() {
            let decoded = net::decode(frame.link, frame.data, frame.original_length);
            if !matches!(decoded, Decoded::Other | Decoded::Undecodable(_)) {
                seen += 1;
                assert!(passes(&mut filters, &frame), "frame {} of {}", frame.at.frame, path.display());
            }
        }
    }
    assert!(seen > 5_000, "{seen}");
}

/// Ethernet and IPv4 with an address of the client 192.0.2.1 and the server 192.0.2.2, and the ports.
fn frame_of(protocol: u8, ports: (u16, u16)) -> Vec<u8> {
    let ports = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    let ip = [0x45, 0, 0, 40, 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    [&[2; 12][..], &[8, 0], &ip, &ports, &[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0]].concat()
}

fn passes_ethernet(wanted: &Wanted, data: &[u8]) -> bool {
    let original_length = u32::try_from(data.len()).unwrap();
    let frame = Frame { at: Moment::default(), link: LinkType::ETHERNET, data, original_length };
    passes(&mut filters(wanted), &frame)
}

#[test]
fn other_traffic_does_not_reach_the_program() {
    const UDP: u8 = 17;
    let all = Wanted::default();
    // QUIC, NTP, a voice call.
    for ports in [(50_000, 443), (50_000, 123), (50_000, 16_384)] {
        assert!(!passes_ethernet(&all, &frame_of(UDP, ports)), "{ports:?}");
    }
    assert!(passes_ethernet(&all, &frame_of(UDP, (50_000, 53))));
}

#[test]
fn ports_and_hosts_narrow_tcp_only() {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let ports = Wanted { ports: vec![1883, 8883], ..Wanted::default() };
    let hosts = Wanted { hosts: vec!["192.0.2.9".parse().unwrap()], ..Wanted::default() };
    assert!(passes_ethernet(&ports, &frame_of(TCP, (50_000, 8883))));
    assert!(passes_ethernet(&ports, &frame_of(TCP, (1883, 50_000))));
    assert!(!passes_ethernet(&ports, &frame_of(TCP, (50_000, 443))));
    assert!(!passes_ethernet(&hosts, &frame_of(TCP, (50_000, 1883))));
    for wanted in [ports, hosts] {
        assert!(passes_ethernet(&wanted, &frame_of(UDP, (50_000, 53))), "lookups");
        assert!(passes_ethernet(&wanted, &frame_of(UDP, (50_000, 4789))), "tunnels");
    }
}

#[test]
fn an_expression_narrows_all_and_is_read_in_every_vlan() {
    let wanted = |expression: &str| Wanted { expression: Some(expression.into()), ..Wanted::default() };
    let plain = frame_of(6, (50_000, 1883));
    let mut tagged = plain.clone();
    tagged.splice(12..12, [0x81, 0, 0, 7]);
    let mut twice = tagged.clone();
    twice.splice(12..12, [0x88, 0xa8, 0, 9]);
    for frame in [&plain, &tagged, &twice] {
        assert!(passes_ethernet(&wanted("port 1883"), frame));
        assert!(!passes_ethernet(&wanted("port 8883"), frame));
        assert!(passes_ethernet(&wanted("port 8883 or host 192.0.2.2"), frame));
    }
    // Who speaks of tags says all of it.
    assert!(passes_ethernet(&wanted("vlan 7 and port 1883"), &tagged));
    assert!(!passes_ethernet(&wanted("vlan 7 and port 1883"), &plain));
}
