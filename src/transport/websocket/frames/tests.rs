use super::*;
use crate::capture::FrameNumber;
use crate::stream::GapReason;

fn at(frame: u64) -> Moment {
    Moment { frame: FrameNumber::new(frame), ..Moment::default() }
}

fn chunk(data: &[u8], frame: u64) -> Chunk<'_> {
    Chunk { offset: StreamOffset(0), data, at: at(frame), starts_segment: true }
}

/// What comes out, told in words.
#[derive(Default)]
struct Told {
    data: Vec<u8>,
    events: Vec<String>,
}

impl Told {
    fn take(&mut self, carried: Carried<'_>) {
        match carried {
            Carried::Data(chunk) => self.data.extend_from_slice(chunk.data),
            Carried::Close { code, reason, .. } => {
                self.events.push(format!("close {code:?} {}", reason.escape_ascii()));
            }
            Carried::Gap(gap) => self.events.push(format!("gap {} at {}", gap.length, gap.offset.0)),
            other => self.events.push(format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned()),
        }
    }
}

fn read(side: Side, pieces: &[&[u8]]) -> Told {
    let mut told = Told::default();
    let mut frames = Frames::at_start(side, &Windows::new(2));
    for (frame, piece) in (1..).zip(pieces) {
        frames.push(chunk(piece, frame), &mut |carried| told.take(carried));
    }
    frames.finish(&mut |carried| told.take(carried));
    told
}

#[test]
fn masked_frames_cut_anywhere() {
    // RFC 6455 §5.7: a masked “Hello”, here as a binary message in two fragments with a Ping between them.
    let frames = [
        0x02, 0x83, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x89, 0x80, 1, 2, 3, 4, 0x80, 0x82, 0, 0, 0, 0, b'l',
        b'o',
    ];
    for cut in 0..frames.len() {
        let told = read(Side::Client, &[&frames[..cut], &frames[cut..]]);
        assert_eq!(told.data, b"Hello");
        assert_eq!(told.events, ["Ping"]);
    }
}

#[test]
fn unmasked_payload_is_borrowed() {
    let bytes = [0x82, 3, b'a', b'b', b'c'];
    let mut frames = Frames::at_start(Side::Server, &Windows::new(0));
    frames.push(chunk(&bytes, 1), &mut |carried| {
        let Carried::Data(chunk) = carried else { panic!("{carried:?}") };
        assert_eq!(chunk.data.as_ptr(), bytes[2..].as_ptr());
    });
}

#[test]
fn a_close_with_its_words() {
    let told = read(Side::Server, &[&[0x88, 6, 0x03, 0xF0], b"busy", &[0x88, 0]]);
    assert_eq!(told.events, ["close Some(1008) busy", "close None "]);
}

#[test]
fn text_and_wrong_masks_are_read_and_told() {
    let told = read(Side::Client, &[&[0x81, 2, 0xC0, 0]]);
    assert_eq!(
        (told.data.as_slice(), told.events),
        (&[0xC0, 0][..], vec!["WronglyMasked".to_owned(), "Text".to_owned()])
    );
}

#[test]
fn compressed_messages() {
    // RFC 7692 §7.2.3.1: “Hello” in one frame, then in two; §7.2.3.2: again, by reference.
    let one = [0xC2, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let two = [0x42, 0x03, 0xF2, 0x48, 0xCD, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00];
    assert_eq!(read(Side::Server, &[&one, &two, &[0xC2, 0x05, 0xF2, 0x00, 0x11, 0x00, 0x00]]).data, b"HelloHelloHello");
    let broken = read(Side::Server, &[&[0xC2, 4, 255, 255, 255, 255], &one]);
    assert_eq!((broken.data.len(), broken.events), (0, vec!["Unreadable".to_owned()]));
}

#[test]
fn a_hole_inside_a_frame_and_one_over_a_header() {
    let gap = |length| Gap { offset: StreamOffset(0), length, why: GapReason::NotCaptured, at: at(2) };
    let mut told = Told::default();
    let mut frames = Frames::at_start(Side::Server, &Windows::new(0));
    let mut push = |frames: &mut Frames, data: &[u8]| frames.push(chunk(data, 1), &mut |carried| told.take(carried));
    push(&mut frames, &[0x82, 9, 1, 2]);
    let mut holes = Vec::new();
    frames.gap(gap(5), &mut |carried| holes.push(format!("{carried:?}")));
    push(&mut frames, &[3, 4, 0x82]);
    frames.gap(gap(5), &mut |carried| holes.push(format!("{carried:?}")));
    push(&mut frames, &[9, 9, 9]);
    push(&mut frames, &[0x82, 1, 5]);
    assert_eq!(told.data, [1, 2, 3, 4, 5]);
    assert_eq!(told.events, ["Passed"]);
    assert!(holes[0].contains("length: 5,") && holes[1].contains(&format!("length: {UNKNOWN_LENGTH},")), "{holes:?}");
}

#[test]
fn lengths_that_nobody_sends_cost_nothing() {
    let mut frames = Frames::at_start(Side::Client, &Windows::new(0));
    frames.push(chunk(&[0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4], 1), &mut |_| {});
    let piece = vec![7; 60_000];
    let mut seen = 0;
    for _ in 0..1000 {
        frames.push(chunk(&piece, 2), &mut |carried| {
            if let Carried::Data(chunk) = carried {
                seen += chunk.data.len();
            }
        });
        assert!(frames.buffer.capacity() <= KEPT_BUFFER && frames.control.capacity() == 0);
    }
    assert_eq!(seen, 60_000_000);
}
