//! What tshark shows of the same segments.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::OwnedSegment;

/// Sender and topic of each PUBLISH that tshark shows with these options.
pub(crate) fn found(segments: &[OwnedSegment], pace: i64, options: &[&str]) -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lossy-publishes.pcap");
    fs::write(&path, capture(segments, pace)).unwrap();
    let fields = ["-Y", "mqtt.msgtype==3", "-T", "fields", "-e", "ip.src", "-e", "mqtt.topic"];
    let said =
        Command::new("tshark").arg("-n").arg("-r").arg(&path).args(options).args(fields).output().unwrap().stdout;
    fs::remove_file(path).unwrap();
    let lines = String::from_utf8(said).unwrap();
    let lines = lines.lines().filter_map(|line| line.split_once('\t'));
    let each = lines.flat_map(|(sender, topics)| topics.split(',').map(|topic| (sender.to_owned(), topic.to_owned())));
    each.collect()
}

/// A pcap file of raw IP packets (`LINKTYPE_RAW`).
fn capture(segments: &[OwnedSegment], pace: i64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |numbers: &[u32], bytes: &[u8]| {
        file.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        file.extend(bytes);
    };
    put(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 0xFFFF, 101], b"");
    for (number, segment) in (1..).zip(segments) {
        let frame = segment.frame();
        let microseconds = u64::try_from(number * pace / 1000).unwrap();
        let [seconds, fraction] =
            [microseconds / 1_000_000, microseconds % 1_000_000].map(|part| part.try_into().unwrap());
        let length = frame.len().try_into().unwrap();
        put(&[seconds, fraction, length, length], &frame);
    }
    file
}
