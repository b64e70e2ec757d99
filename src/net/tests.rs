//! Frames built by hand from the header formats.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

const LINKS: [LinkType; 12] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType(9),
    LinkType(12),
    LinkType(239),
    LinkType(147),
];

/// A TCP header with 4 bytes of options, and a payload.
fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        vec![0x07, 0x5b, 0xc0, 0x01, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 9, 0x60, 0x18, 0x01, 0xf6, 0, 0, 0, 0];
    bytes.extend([2, 4, 5, 0xb4]);
    bytes.extend(payload);
    bytes
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 63, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(payload);
    bytes
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend([next, 62]);
    bytes.extend(Ipv6Addr::LOCALHOST.octets());
    bytes.extend(Ipv6Addr::UNSPECIFIED.octets());
    bytes.extend(payload);
    bytes
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0, 0xaa];
    bytes.extend(ether_type.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn whole(link: LinkType, data: &[u8]) -> Decoded<'_> {
    decode(link, data, u32::try_from(data.len()).unwrap())
}

fn segment(link: LinkType, data: &[u8]) -> Segment<'_> {
    match whole(link, data) {
        Decoded::Segment(segment) => segment,
        other => panic!("no segment: {other:?}"),
    }
}

fn stopped(decoded: Decoded<'_>) -> (Layer, Why) {
    match decoded {
        Decoded::Undecodable(Undecodable { layer, why }) => (layer, why),
        other => panic!("decoded: {other:?}"),
    }
}

#[test]
fn every_field_of_a_segment_is_told() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(b"hello")));
    let segment = segment(LinkType::ETHERNET, &frame);
    assert_eq!(segment.source.to_string(), "10.0.0.1:1883");
    assert_eq!(segment.destination.to_string(), "10.0.0.2:49153");
    assert_eq!(segment.source_mac.unwrap().to_string(), "02:00:00:00:00:aa");
    assert_eq!(segment.destination_mac.unwrap().to_string(), "02:00:00:00:00:bb");
    assert_eq!(segment.hop_limit, 63);
    assert_eq!((segment.sequence, segment.acknowledgment, segment.window), (0xffff_fff0, 9, 502));
    assert_eq!(segment.flags, TcpFlags(0x18));
    assert_eq!(segment.options, [2, 4, 5, 0xb4]);
    assert_eq!((segment.payload, segment.payload_length), (&b"hello"[..], 5));
}

#[test]
fn payload_and_options_lie_inside_the_frame() {
    let frame = ethernet(0x8100, &[&[0, 7, 0x86, 0xdd][..], &ipv6(6, &tcp(b"hello"))].concat());
    let segment = segment(LinkType::ETHERNET, &frame);
    for slice in [segment.payload, segment.options] {
        assert!(frame.as_ptr_range().contains(&slice.as_ptr()));
    }
    assert_eq!(segment.payload.as_ptr_range().end, frame.as_ptr_range().end);
}

#[test]
fn ethernet_padding_is_no_payload() {
    let mut frame = ethernet(0x0800, &ipv4(6, &tcp(b"")));
    frame.resize(60, 0);
    let segment = segment(LinkType::ETHERNET, &frame);
    assert_eq!((segment.payload.len(), segment.payload_length), (0, 0));
}

#[test]
fn a_total_length_of_0_reaches_to_the_end_of_the_frame() {
    let mut packet = ipv4(6, &tcp(&[7; 3000]));
    packet[2..4].fill(0);
    assert_eq!(segment(LinkType::ETHERNET, &ethernet(0x0800, &packet)).payload_length, 3000);
    let mut packet = ipv6(6, &tcp(&[7; 3000]));
    packet[4..6].fill(0);
    assert_eq!(segment(LinkType::ETHERNET, &ethernet(0x86dd, &packet)).payload_length, 3000);
}

#[test]
fn frames_over_64_kilobytes_are_read() {
    let payload = vec![1; 200_000];
    let mut packet = ipv6(0, &[]);
    // Hop-by-hop with padding and a Jumbo Payload of the header, TCP and payload.
    packet.extend([6, 0, 0xc2, 4]);
    packet.extend(u32::try_from(8 + 24 + payload.len()).unwrap().to_be_bytes());
    packet.extend(tcp(&payload));
    packet.extend([0; 9]);
    let frame = ethernet(0x86dd, &packet);
    assert_eq!(segment(LinkType::ETHERNET, &frame).payload.len(), payload.len());
    // Without the option, as newer kernels hand it over; what follows is payload then.
    let mut packet = ipv4(6, &tcp(&[]));
    packet[2..4].fill(0);
    packet.extend(&payload);
    assert_eq!(segment(LinkType::RAW, &packet).payload_length, 200_000);
}

#[test]
fn any_number_of_vlan_tags_is_passed() {
    for tags in [&[0x8100_u16][..], &[0x88a8, 0x8100], &[0x9100, 0x9200, 0x8100, 0x88a8, 0x8100]] {
        let mut frame = ethernet(tags[0], &[]);
        for next in tags[1..].iter().chain(&[0x0800]) {
            frame.extend([0x20, 5]);
            frame.extend(next.to_be_bytes());
        }
        frame.extend(ipv4(6, &tcp(b"x")));
        assert_eq!(segment(LinkType::ETHERNET, &frame).payload, b"x", "{tags:x?}");
    }
}

#[test]
fn cooked_captures_tell_the_sender() {
    let header = [&[0, 4, 0xff, 0xfe, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0][..], &ipv4(6, &tcp(b"x"))].concat();
    let v1 = segment(LinkType::LINUX_SLL, &header);
    assert_eq!(
        (v1.source_mac, v1.destination_mac, v1.payload),
        (Some(MacAddress([2, 0, 0, 0, 0, 1])), None, &b"x"[..])
    );
    let header =
        [&[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &ipv6(6, &tcp(b"x"))].concat();
    let v2 = segment(LinkType::LINUX_SLL2, &header);
    assert_eq!((v2.source_mac, v2.payload), (None, &b"x"[..]), "loopback has no address");
}

#[test]
fn loopback_families_are_read_in_either_byte_order() {
    for link in [LinkType::NULL, LinkType::LOOP] {
        for family in [2_u32, 10, 24, 28, 30] {
            let packet = if family == 2 { ipv4(6, &tcp(b"x")) } else { ipv6(6, &tcp(b"x")) };
            for header in [family.to_le_bytes(), family.to_be_bytes()] {
                assert_eq!(segment(link, &[&header[..], &packet].concat()).payload, b"x");
            }
        }
    }
    assert!(matches!(whole(LinkType::NULL, &[7, 0, 0, 0]), Decoded::Other));
}

#[test]
fn raw_ip_goes_by_the_version_or_the_link_type() {
    for number in [12, 14, 101] {
        assert_eq!(segment(LinkType(number), &ipv4(6, &tcp(b"4"))).payload, b"4");
        assert_eq!(segment(LinkType(number), &ipv6(6, &tcp(b"6"))).payload, b"6");
    }
    assert_eq!(segment(LinkType::IPV4, &ipv4(6, &tcp(b"4"))).payload, b"4");
    assert_eq!(segment(LinkType::IPV6, &ipv6(6, &tcp(b"6"))).payload, b"6");
    assert_eq!(stopped(whole(LinkType::IPV6, &ipv4(6, &tcp(b"4")))), (Layer::Ipv6, Why::Invalid));
    assert_eq!(stopped(whole(LinkType::RAW, &[0x50])), (Layer::Link, Why::Invalid));
}

#[test]
fn provider_encapsulations_are_passed() {
    let inner = ipv4(6, &tcp(b"x"));
    let mpls = [&[0, 0x01, 0, 64, 0, 0x01, 1, 64][..], &inner].concat();
    assert_eq!(segment(LinkType::ETHERNET, &ethernet(0x8847, &mpls)).payload, b"x");
    let pppoe = [&[0x11, 0, 0, 1, 0, 0, 0, 0x21][..], &inner].concat();
    assert_eq!(segment(LinkType::ETHERNET, &ethernet(0x8864, &pppoe)).payload, b"x");
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner].concat();
    assert_eq!(segment(LinkType::ETHERNET, &ethernet(60, &snap)).payload, b"x");
    assert_eq!(segment(LinkType(9), &[&[0xff, 3, 0x21][..], &inner].concat()).payload, b"x");
    // NFLOG: a prefix of 5 bytes, padded, then the packet.
    let prefix = [2, 0, 0, 0, 9, 0, 10, 0, b'h', b'e', b'l', b'l', 0, 0, 0, 0];
    let header = [u8::try_from(inner.len() + 4).unwrap(), 0, 9, 0];
    assert_eq!(segment(LinkType(239), &[&prefix[..], &header, &inner].concat()).payload, b"x");
}

#[test]
fn extension_headers_lead_to_tcp() {
    let end = tcp(b"x");
    // Hop-by-hop, routing, destination options; each names the next one and is 8 bytes long.
    let chain = [&[43, 0, 1, 4, 0, 0, 0, 0][..], &[60, 0, 0, 0, 0, 0, 0, 0], &[6, 0, 1, 4, 0, 0, 0, 0], &end].concat();
    assert_eq!(segment(LinkType::IPV6, &ipv6(0, &chain)).payload, b"x");
    let authenticated = [&[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &end].concat();
    assert_eq!(segment(LinkType::IPV6, &ipv6(51, &authenticated)).payload, b"x");
    assert_eq!(segment(LinkType::IPV4, &ipv4(51, &authenticated)).payload, b"x");
    let atomic = [&[6, 0, 0, 0, 0, 0, 0, 9][..], &end].concat();
    assert_eq!(segment(LinkType::IPV6, &ipv6(44, &atomic)).payload, b"x");
}

#[test]
fn fragments_are_named() {
    let mut first = ipv4(6, &tcp(b"x"));
    first[6] = 0x20;
    assert!(matches!(whole(LinkType::IPV4, &first), Decoded::Fragment(Fragment { offset: 0, more: true, .. })));
    let mut last = ipv4(6, &tcp(b"x"));
    last[7] = 1;
    assert!(matches!(whole(LinkType::IPV4, &last), Decoded::Fragment(Fragment { offset: 8, more: false, .. })));
    let more = [&[6, 0, 0, 1, 0, 0, 0, 9][..], &tcp(b"x")].concat();
    let more = ipv6(44, &more);
    let Decoded::Fragment(fragment) = whole(LinkType::IPV6, &more) else { panic!("no fragment") };
    assert_eq!((fragment.header.identification, fragment.header.protocol, fragment.more), (9, 6, true));
    assert_eq!(fragment.payload, tcp(b"x"));
}

#[test]
fn what_is_not_tcp_is_other() {
    assert!(matches!(whole(LinkType::ETHERNET, &ethernet(0x0806, &[0; 28])), Decoded::Other));
    assert!(matches!(whole(LinkType::IPV4, &ipv4(17, &[0; 8])), Decoded::Other));
    assert!(matches!(whole(LinkType::IPV6, &ipv6(58, &[0; 8])), Decoded::Other));
    assert!(matches!(whole(LinkType::IPV6, &ipv6(132, &[0; 8])), Decoded::Other));
    assert!(matches!(whole(LinkType::ETHERNET, &ethernet(0x88cc, &[0; 8])), Decoded::Other));
}

#[test]
fn a_frame_cut_anywhere_names_the_layer() {
    let frame = ethernet(0x8100, &[&[0, 7, 8, 0][..], &ipv4(6, &tcp(b"hello"))].concat());
    let length = u32::try_from(frame.len()).unwrap();
    for cut in 0..frame.len() {
        let decoded = decode(LinkType::ETHERNET, &frame[..cut], length);
        match cut {
            0..14 => assert_eq!(stopped(decoded), (Layer::Link, Why::Truncated)),
            14..18 => assert_eq!(stopped(decoded), (Layer::Vlan, Why::Truncated)),
            18..38 => assert_eq!(stopped(decoded), (Layer::Ipv4, Why::Truncated)),
            38..58 => assert_eq!(stopped(decoded), (Layer::Tcp, Why::Truncated)),
            _ => {
                let Decoded::Segment(segment) = decoded else { panic!("{decoded:?}") };
                assert_eq!(segment.payload_length, 5, "the IP length counts, not the captured one");
                assert_eq!(segment.options, &[2, 4, 5, 0xb4][..(cut - 58).min(4)]);
                assert_eq!(segment.payload, &b"hello"[..cut.saturating_sub(62)]);
            }
        }
    }
}

#[test]
fn headers_that_do_not_fit_are_invalid_not_cut() {
    assert_eq!(stopped(whole(LinkType::ETHERNET, &[0; 13])), (Layer::Link, Why::Invalid));
    assert_eq!(stopped(whole(LinkType::IPV4, &ipv4(6, &tcp(b"")[..19]))), (Layer::Tcp, Why::Invalid));
    assert_eq!(stopped(whole(LinkType::IPV4, &ipv4(6, &tcp(b"")[..23]))), (Layer::Tcp, Why::Invalid));
    let mut short_offset = tcp(b"");
    short_offset[12] = 0x40;
    assert_eq!(stopped(whole(LinkType::IPV4, &ipv4(6, &short_offset))), (Layer::Tcp, Why::Invalid));
    let mut short_total = ipv4(6, &tcp(b""));
    short_total[3] = 19;
    assert_eq!(stopped(whole(LinkType::IPV4, &short_total)), (Layer::Ipv4, Why::Invalid));
}

#[test]
fn where_decoding_stopped_is_said_in_plain_words() {
    let said = |decoded| match decoded {
        Decoded::Undecodable(undecodable) => undecodable.to_string(),
        other => panic!("decoded: {other:?}"),
    };
    assert_eq!(said(decode(LinkType::IPV4, &[0x45; 8], 60)), "the IPv4 header is cut off by the snap length");
    assert_eq!(said(decode(LinkType(147), &[], 0)), "link type 147 (USER) is not supported");
    assert_eq!(said(decode(LinkType(9999), &[], 0)), "link type 9999 is not supported");
    assert_eq!(said(whole(LinkType::RAW, &[0])), "the link-layer header contradicts itself or its frame");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..120), original in any::<u32>()) {
        for link in LINKS {
            let _ = decode(link, &data, original);
        }
    }

    #[test]
    fn mutated_frames_never_panic_and_stay_inside(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let options = [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[6, 0, 1, 4, 0, 0, 0, 0], &tcp(b"hello")].concat();
        for (link, mut frame) in [
            (LinkType::ETHERNET, ethernet(0x0800, &ipv4(6, &tcp(b"hello")))),
            (LinkType::ETHERNET, ethernet(0x86dd, &ipv6(0, &options))),
            (LinkType::ETHERNET, ethernet(0x8847, &[&[0, 0, 1, 9][..], &ipv4(6, &tcp(b"hello"))].concat())),
            (LinkType(239), [&[2, 0, 0, 0, 53, 0, 9, 0][..], &ipv4(6, &tcp(b"hello"))].concat()),
        ] {
            for (place, value) in &flips {
                let place = place.index(frame.len());
                frame[place] = *value;
            }
            let length = u32::try_from(frame.len()).unwrap();
            frame.truncate(cut.index(frame.len()) + 1);
            if let Decoded::Segment(segment) = decode(link, &frame, length) {
                prop_assert!(segment.payload.len() <= usize::try_from(segment.payload_length).unwrap());
                prop_assert!(segment.payload.is_empty() || frame.as_ptr_range().contains(&segment.payload.as_ptr()));
            }
        }
    }

    #[test]
    fn the_usual_way_reads_what_the_general_way_reads(
        tags in 0_usize..3,
        options in 0_usize..11,
        payload in prop::collection::vec(any::<u8>(), 0..40),
        padding in 0_usize..8,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        fields in prop::collection::vec((12_usize..50, any::<u8>()), 0..3),
        cut in 0_usize..60,
        original in 0_u32..140,
    ) {
        let mut segment = tcp(&[]);
        segment.truncate(20);
        segment[12] = u8::try_from(5 + options).unwrap() << 4;
        segment.extend(vec![1; 4 * options]);
        segment.extend(payload);
        let tag = [0, 7, 0x81, 0];
        let (ether_type, mut packet) = if tags > 0 { (0x8100, tag.repeat(tags - 1)) } else { (0x0800, vec![]) };
        packet.extend([0, 7, 8, 0].repeat(tags.min(1)));
        let mut frame = ethernet(ether_type, &[&packet[..], &ipv4(6, &segment), &vec![0; padding]].concat());
        let places = flips.iter().map(|(place, value)| (place.index(frame.len()), value));
        for (place, value) in places.chain(fields.iter().map(|(place, value)| (*place, value))).collect::<Vec<_>>() {
            frame[place] = *value;
        }
        frame.truncate((frame.len() + 40).saturating_sub(cut).min(frame.len()));
        let general = link::decode_any(LinkType::ETHERNET, &frame, original);
        prop_assert_eq!(usual::ends(&frame), usual::segment(&frame).map(|usual| (usual.source, usual.destination)));
        if let Some(usual) = usual::segment(&frame) {
            let Decoded::Segment(general) = general else { panic!("{general:?}") };
            prop_assert_eq!(format!("{usual:?}"), format!("{general:?}"));
            prop_assert_eq!(usual.payload.as_ptr_range(), general.payload.as_ptr_range());
            prop_assert_eq!(usual.options.as_ptr_range(), general.options.as_ptr_range());
        } else if flips.is_empty() && fields.is_empty() && tags < 2 && cut <= 40 {
            panic!("this is usual: {frame:02x?}");
        }
    }

    #[test]
    fn random_frames_are_read_alike_in_both_ways(head in 0_usize..4, rest in prop::collection::vec(any::<u8>(), 0..80)) {
        // So much of a usual frame, then anything.
        let frame = ethernet(0x0800, &ipv4(6, &tcp(b"hello")));
        let frame = [&frame[..[0, 14, 24, 34][head]], &rest].concat();
        let original = u32::try_from(frame.len()).unwrap();
        prop_assert_eq!(usual::ends(&frame), usual::segment(&frame).map(|usual| (usual.source, usual.destination)));
        if let Some(usual) = usual::segment(&frame) {
            let general = link::decode_any(LinkType::ETHERNET, &frame, original);
            prop_assert_eq!(format!("{:?}", Decoded::Segment(usual)), format!("{general:?}"));
        }
    }
}
