use super::*;
use crate::capture::Timestamp;
use crate::mqtt::Version;
use crate::stream::{GapReason, Side};

const CLIENT_311: Hints = Hints { sender: Some(Side::Client), version: Some(Version::V311), ..Hints::NONE };
const NO_HINTS: Hints = Hints::NONE;

fn at(frame: u64) -> Moment {
    Moment { frame: FrameNumber::new(frame), time: Timestamp(i64::try_from(frame).unwrap() * 1000) }
}

fn chunk(offset: u64, frame: u64, data: &[u8]) -> Chunk<'_> {
    Chunk { offset: StreamOffset(offset), data, at: at(frame), starts_segment: true }
}

fn gap(offset: u64, length: u64, frame: u64) -> Gap {
    Gap { offset: StreamOffset(offset), length, why: GapReason::NotCaptured, at: at(frame) }
}

/// What came out, in one line each.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn add(&mut self, framed: Framed<'_>) {
        self.0.push(match framed {
            Framed::Packet(raw) => format!(
                "{} {} at {} {}/{}{} frames {}",
                raw.packet_type(),
                raw.header.first_byte & 15,
                raw.offset.0,
                raw.body.len(),
                raw.header.remaining_length,
                raw.missing.map_or(String::new(), |why| format!(" {why:?}")),
                raw.frames.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            ),
            Framed::Skipped(skipped) => {
                format!(
                    "skipped {}+{} ({} missing) {:?}",
                    skipped.offset.0, skipped.length, skipped.missing, skipped.why
                )
            }
            Framed::Unframeable { offset, first_byte, .. } => format!("unframeable {} {first_byte:02x}", offset.0),
        });
    }
}

/// Feeds pieces: data, or the length of a hole.
fn run(mut framer: Framer, hints: Hints, pieces: &[Result<&[u8], u64>]) -> Vec<String> {
    let (mut log, mut offset, mut frame) = (Log::default(), 0, 1);
    for piece in pieces {
        match *piece {
            Ok(data) => {
                framer.push(chunk(offset, frame, data), &hints, &mut |framed| {
                    log.add(framed);
                });
                offset += data.len() as u64;
            }
            Err(length) => {
                framer.gap(gap(offset, length, frame), &hints, &mut |framed| {
                    log.add(framed);
                });
                offset += length;
            }
        }
        frame += 1;
    }
    framer.finish(&hints, &mut |framed| log.add(framed));
    log.0
}

fn start() -> Framer {
    Framer::at_start(&Limits::default())
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    body.extend(payload);
    let mut packet = vec![0x30];
    let mut length = body.len();
    loop {
        let byte = u8::try_from(length % 128).unwrap();
        length /= 128;
        packet.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

#[test]
fn a_whole_packet_is_borrowed_from_its_chunk() {
    let data = [publish("a/b", b"1"), publish("a/b", b"2")].concat();
    let range = data.as_ptr_range();
    let mut seen = 0;
    start().push(chunk(0, 1, &data), &NO_HINTS, &mut |framed| {
        let Framed::Packet(raw) = framed else { panic!() };
        assert!(range.contains(&raw.body.as_ptr()));
        seen += 1;
    });
    assert_eq!(seen, 2);
}

#[test]
fn packets_that_straddle_and_the_ones_after_them() {
    let data = [publish("a/b", b"12345"), publish("c", b""), vec![0xC0, 0], vec![0xE0, 0]].concat();
    let expected = ["PUBLISH 0 at 0 10/10", "PUBLISH 0 at 12 3/3", "PINGREQ 0 at 17 0/0", "DISCONNECT 0 at 19 0/0"];
    for cut in 0..=data.len() {
        let log = run(start(), CLIENT_311, &[Ok(&data[..cut]), Ok(&data[cut..])]);
        let heads: Vec<&str> = log.iter().map(|line| line.split(" frames").next().unwrap()).collect();
        assert_eq!(heads, expected, "{cut}");
    }
    let log = run(start(), CLIENT_311, &data.chunks(1).map(Ok).collect::<Vec<_>>());
    assert_eq!(log[0], "PUBLISH 0 at 0 10/10 frames 1,2,3,4,5,6,7,8,9,10,11,12");
}

#[test]
fn the_first_64_frames_and_the_last_are_kept() {
    let data = publish("a", &[7; 200]);
    let mut framer = start();
    for (index, byte) in data.iter().enumerate() {
        let index = index as u64;
        framer.push(chunk(index, index, &[*byte]), &NO_HINTS, &mut |framed| {
            let Framed::Packet(raw) = framed else { panic!() };
            assert_eq!(raw.frames.len(), MAX_FRAMES + 1);
            assert_eq!(raw.frames[63], FrameNumber::new(63));
            assert_eq!(raw.frames[64], FrameNumber::new(205));
            assert_eq!((raw.started, raw.completed), (at(0), at(205)));
        });
    }
}

#[test]
fn a_hole_in_a_body_is_marked_and_the_next_packet_found() {
    let data = publish("a/b", &[7; 60]);
    let next = publish("n", b"x");
    let expected = ["PUBLISH 0 at 0 30/65 Gap(NotCaptured) frames 1,3", "PUBLISH 0 at 67 4/4 frames 3"];
    let tail = [&data[42..], &next].concat();
    assert_eq!(run(start(), CLIENT_311, &[Ok(&data[..32]), Err(10), Ok(&tail)]), expected);
}

#[test]
fn a_hole_that_ends_with_the_packet_keeps_step() {
    let data = publish("a/b", &[7; 60]);
    let log = run(start(), CLIENT_311, &[Ok(&data[..32]), Err(35), Ok(&publish("n", b"x"))]);
    assert_eq!(log, ["PUBLISH 0 at 0 30/65 Gap(NotCaptured) frames 1", "PUBLISH 0 at 67 4/4 frames 3"]);
}

#[test]
fn a_hole_beyond_the_packet_loses_step_and_a_segment_start_finds_it() {
    let data = publish("a/b", &[7; 60]);
    let log = run(start(), CLIENT_311, &[Ok(&data[..32]), Err(45), Ok(&publish("next/topic", b"x"))]);
    assert_eq!(
        log,
        [
            "PUBLISH 0 at 0 30/65 Gap(NotCaptured) frames 1",
            "skipped 67+10 (10 missing) Gap(NotCaptured)",
            "PUBLISH 0 at 77 13/13 frames 3"
        ]
    );
}

#[test]
fn a_remaining_length_of_five_bytes_cannot_be_framed() {
    let good = publish("next/topic", b"x");
    for cut in 0..6 {
        let bad = [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        let log = run(start(), CLIENT_311, &[Ok(&bad[..cut]), Ok(&bad[cut..]), Ok(&good)]);
        assert_eq!(log, ["unframeable 0 30", "skipped 0+6 (0 missing) Unframeable", "PUBLISH 0 at 6 13/13 frames 3"]);
    }
}

#[test]
fn the_end_of_the_stream_inside_a_packet() {
    let data = publish("a/b", b"12345");
    assert_eq!(run(start(), CLIENT_311, &[Ok(&data[..1])]), ["skipped 0+1 (0 missing) StreamEnded"]);
    assert_eq!(run(start(), CLIENT_311, &[Ok(&data[..4])]), ["PUBLISH 0 at 0 2/10 StreamEnded frames 1"]);
    assert_eq!(run(start(), CLIENT_311, &[Ok(&data)]), ["PUBLISH 0 at 0 10/10 frames 1"]);
}

#[test]
fn a_packet_of_256_mb_takes_bounded_memory() {
    let header = [0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a'];
    let mut framer = start();
    let mut log = Log::default();
    framer.push(chunk(0, 1, &header), &CLIENT_311, &mut |framed| {
        log.add(framed);
    });
    let block = vec![0x30; 1 << 20];
    let (mut offset, mut left) = (8, 268_435_455 - 3);
    while left > 0 {
        let now = block.len().min(left);
        framer.push(chunk(offset, 2, &block[..now]), &CLIENT_311, &mut |framed| log.add(framed));
        assert!(framer.heap_bytes() < 256 << 10);
        offset += now as u64;
        left -= now;
    }
    assert_eq!(log.0, ["PUBLISH 0 at 0 65536/268435455 Limit frames 1,2"]);
    assert!(framer.heap_bytes() < 8 << 10);
    framer.push(chunk(offset, 3, &[0xC0, 0]), &CLIENT_311, &mut |framed| {
        log.add(framed);
    });
    assert_eq!(log.0.len(), 2);
}

#[test]
fn a_late_start_in_and_between_packets() {
    let data =
        [publish("some/topic", b"first"), publish("some/topic", b"second"), publish("some/topic", b"third")].concat();
    let somewhere = || Framer::somewhere(&Limits::default());
    let log = run(somewhere(), CLIENT_311, &[Ok(&data)]);
    assert_eq!(log.len(), 3);
    let log = run(somewhere(), NO_HINTS, &[Ok(&data[5..])]);
    assert_eq!(log[0], "skipped 0+14 (0 missing) LateStart");
    assert_eq!(log.len(), 3);
}

#[test]
fn short_packets_that_are_a_whole_segment_are_believed() {
    let somewhere = || Framer::somewhere(&Limits::default());
    assert_eq!(run(somewhere(), CLIENT_311, &[Ok(&[0xC0, 0])]), ["PINGREQ 0 at 0 0/0 frames 1"]);
    assert_eq!(run(somewhere(), CLIENT_311, &[Ok(&[0x40, 2, 0, 9])]), ["PUBACK 0 at 0 2/2 frames 1"]);
    // The server never sends PINGREQ.
    let server = Hints { sender: Some(Side::Server), version: None, ..Hints::NONE };
    assert_eq!(run(somewhere(), server, &[Ok(&[0xC0, 0])]), ["skipped 0+2 (0 missing) LateStart"]);
}

#[test]
fn a_header_that_is_never_whole_is_counted_with_the_hole() {
    let log = run(start(), CLIENT_311, &[Ok(&[0xC0, 0, 0xD0]), Err(4)]);
    assert_eq!(log[1], "skipped 2+5 (4 missing) Gap(NotCaptured)");
    let log = run(start(), CLIENT_311, &[Ok(&[0x30, 0xFF, 0xFF]), Ok(&[0xFF, 0xFF])]);
    assert_eq!(log[1], "skipped 0+5 (0 missing) Unframeable");
}

#[test]
fn a_hole_before_the_first_captured_byte_is_not_counted() {
    let server = Hints { sender: Some(Side::Server), version: None, ..Hints::NONE };
    let log = run(Framer::somewhere(&Limits::default()), server, &[Err(100), Ok(&[0xC0, 0])]);
    assert_eq!(log, ["skipped 100+2 (0 missing) LateStart"]);
}

#[test]
fn payloads_that_look_like_mqtt_are_not_cut() {
    let real = publish("real/topic", b"payload");
    let fake = publish("fake/topic", b"payload");
    let payloads: [Vec<u8>; 9] = [
        vec![0; 900],
        vec![0x30; 900],
        [0xC0, 0].repeat(450),
        [0x40, 2].repeat(450),
        [0x40, 2, 0, 1].repeat(225),
        [&[9; 400][..], &fake, &[9; 400]].concat(),
        [&[9; 400][..], &fake, &fake, &[9; 400]].concat(),
        [&[9; 400][..], &[0xC0, 0]].concat(),
        [&[9; 400][..], &[0x40, 2, 0, 9]].concat(),
    ];
    for payload in &payloads {
        // The header is lost: the tail of the payload, then a real packet in the same segment and the next.
        let tail = [payload.clone(), real.clone(), real.clone()].concat();
        let log = run(start(), CLIENT_311, &[Err(20), Ok(&tail), Ok(&real)]);
        assert_eq!(log.len(), 4, "{log:#?}");
        assert_eq!(log[0], format!("skipped 0+{} (20 missing) Gap(NotCaptured)", 20 + payload.len()));
        let log = run(start(), CLIENT_311, &[Err(20), Ok(payload), Ok(&real), Ok(&real)]);
        assert_eq!(log.len(), 3, "{log:#?}");
    }
}

#[test]
fn tunnelled_packets_inside_a_plausible_one_wait_for_its_end() {
    let inner = publish("inner/topic", b"payload").repeat(20);
    let outer = publish("outer/topic", &inner);
    let (first, second) = outer.split_at(200);
    let log = run(start(), CLIENT_311, &[Err(5), Ok(first), Ok(second), Ok(&publish("real/topic", b"x"))]);
    assert_eq!(log.len(), 3, "{log:#?}");
    assert!(log[1].starts_with(&format!("PUBLISH 0 at 5 {0}/{0}", outer.len() - 3)));
}

#[test]
fn the_search_keeps_a_bounded_window() {
    let limits = Limits { resync_bytes: 4096, ..Limits::default() };
    let mut framer = Framer::somewhere(&limits);
    let mut log = Log::default();
    let noise: Vec<u8> = (0..1_000_000u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for (index, data) in noise.chunks(1000).enumerate() {
        let index = index as u64;
        framer.push(chunk(index * 1000, index, data), &NO_HINTS, &mut |framed| {
            log.add(framed);
        });
        assert!(framer.heap_bytes() < 200 << 10);
    }
    assert_eq!(log.0, [""; 0]);
}

/// What is framed of `packet` in pieces of `piece` bytes, and something behind it, when so much of payloads is wanted.
fn skimmed(packet: &[u8], piece: usize, version: Version, payload_bytes: Option<u32>) -> Vec<String> {
    let stream = [packet, &[0xC0, 0]].concat();
    let pieces: Vec<Result<&[u8], u64>> = stream.chunks(piece).map(Ok).collect();
    let hints = Hints { sender: None, version: Some(version), payload_bytes };
    run(start(), hints, &pieces).iter().map(|line| line.split(" frames").next().unwrap().to_owned()).collect()
}

#[test]
fn of_a_long_payload_only_what_is_wanted_is_kept() {
    let packet = publish("a/b", &[b'x'; 9000]);
    for piece in [1, 700, 1400, 2048, 3000, 9006] {
        let kept = skimmed(&packet, piece, Version::V311, Some(1024));
        assert_eq!(kept, ["PUBLISH 0 at 0 1029/9005", "PINGREQ 0 at 9008 0/0"], "{piece}");
    }
    // In one piece it is borrowed, and costs nothing.
    assert_eq!(skimmed(&packet, 9010, Version::V311, Some(1024))[0], "PUBLISH 0 at 0 9005/9005");
    // A payload that goes on behind the limit is not cut by it.
    let longer = publish("a/b", &vec![b'x'; 100_000]);
    assert_eq!(skimmed(&longer, 1400, Version::V311, Some(1024))[0], "PUBLISH 0 at 0 1029/100005");
    assert_eq!(skimmed(&longer, 1400, Version::V311, None)[0], "PUBLISH 0 at 0 65536/100005 Limit");
}

#[test]
fn what_is_needed_whole_is_kept_whole() {
    let all = |packet: &[u8], version: Version| {
        let wanted = skimmed(packet, 1400, version, Some(1024));
        assert_eq!(wanted, skimmed(packet, 1400, version, None));
    };
    // Short.
    all(&publish("a/b", &[b'x'; 1900]), Version::V311);
    // What comes before the payload is not whole when it is decided.
    all(&publish(&"t".repeat(5000), &[b'x'; 9000]), Version::V311);
    // The Payload Format Indicator says UTF-8; and bytes that are no properties.
    let mut text = vec![0x30, 0xAC, 0x46, 0, 1, b'a', 2, 1, 1];
    text.extend([b'x'; 8998]);
    all(&text[..3 + 9004], Version::V5);
    all(&publish("a/b", &[0xFF; 9000]), Version::V5);
    // No PUBLISH.
    let mut subscribe = publish("a/b", &[b'x'; 9000]);
    subscribe[0] = 0x82;
    all(&subscribe, Version::V311);
}

#[test]
fn a_hole_in_a_payload_that_is_not_kept_is_told() {
    let packet = publish("a/b", &[b'x'; 9000]);
    let hints = Hints { payload_bytes: Some(1024), ..CLIENT_311 };
    let pieces = [Ok(&packet[..3000]), Err(1000), Ok(&packet[4000..])];
    let found = run(start(), hints, &pieces);
    assert_eq!(found, ["PUBLISH 0 at 0 1029/9005 Gap(NotCaptured) frames 1,3"]);
}
