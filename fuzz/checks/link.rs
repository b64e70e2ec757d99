//! Link decode: any bytes under any link type are read without a panic, what is found lies inside the frame, and a frame
//! that was cut shows nothing that the whole one does not.
//!
//! Input: the link type, how much the frame was cut, where the capture cut it; the frame.

use mqttcap::capture::LinkType;
use mqttcap::net::{Decoded, decode};

use super::take;

/// Every link type that is known, and one that is not.
const LINKS: [u16; 26] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 147, 163, 192, 204, 228, 229, 239, 258, 274, 276, 1,
    101,
];

pub(crate) fn check(mut data: &[u8]) {
    let [link, more, cut] = take(&mut data);
    let link = LinkType(LINKS[usize::from(link) % LINKS.len()]);
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let whole = decode(link, data, length + u32::from(more));
    inside(data, &whole);
    let short = &data[..data.len() - usize::from(cut).min(data.len())];
    let part = decode(link, short, length + u32::from(more));
    inside(short, &part);
    if let (Decoded::Segment(whole), Decoded::Segment(part)) = (&whole, &part) {
        assert!(whole.payload.starts_with(part.payload) || whole.source != part.source, "{whole:?} {part:?}");
    }
}

/// Whatever is found is a slice of the frame, and no longer than it was on the wire.
fn inside(frame: &[u8], decoded: &Decoded<'_>) {
    let within = |part: &[u8]| {
        let (frame, part) = (frame.as_ptr_range(), part.as_ptr_range());
        assert!(part.is_empty() || frame.start <= part.start && part.end <= frame.end);
    };
    match decoded {
        Decoded::Segment(segment) => {
            within(segment.payload);
            within(segment.options);
            within(segment.covered);
            assert!(segment.payload.len() as u64 <= u64::from(segment.payload_length));
            let _ = segment.checksum();
        }
        Decoded::Fragment(fragment) => {
            within(fragment.payload);
            assert!(fragment.payload.len() as u64 <= u64::from(fragment.length));
        }
        other => drop(format!("{other:?}")),
    }
}
