//! The engine: TCP segments of any kind on a few connections, through all layers to every report.
//!
//! Input: the first byte's bits say which side begins in order; then segments: what they are, how
//! long, their bytes.

use etherparse::PacketBuilder;
use mqttcap::capture::{Frame, FrameNumber, LinkType, Moment, Timestamp};

use super::reports::Analysis;
use super::take;

const CLIENTS: u8 = 4;
const SERVER: [u8; 4] = [10, 0, 0, 2];
const PORTS: [u16; 2] = [1883, 4321];
/// More segments than this tell nothing new, and take long.
const MOST: u64 = 2000;

pub(crate) fn check(mut data: &[u8]) {
    let mut analysis = Analysis::new();
    let mut sequence = [[1000_u32; 2]; CLIENTS as usize];
    let mut time = 1_700_000_000_000_000_000_i64;
    for number in 1..=MOST {
        if data.is_empty() {
            break;
        }
        let [what, flags, length] = take(&mut data);
        let (payload, rest) = data.split_at(usize::from(length).min(data.len()));
        data = rest;
        // what: bits 0-1 client, 2 side, 3 server's port, 4-5 place in the sequence, 6-7 pause.
        let (client, side) = (what % CLIENTS, usize::from(what >> 2 & 1));
        let next = &mut sequence[usize::from(client)][side];
        let at = match what >> 4 & 3 {
            0 | 1 => *next,
            // A hole before it; sent before.
            2 => next.wrapping_add(7),
            _ => next.wrapping_sub(u32::from(length)),
        };
        *next = at.wrapping_add(u32::from(length) + u32::from(flags & 0b10 != 0) + u32::from(flags & 0b100 != 0));
        let acknowledgment = sequence[usize::from(client)][1 - side];
        time += [1_000_000, 1_000_000_000, 100_000_000_000, -3_000_000_000][usize::from(what >> 6)];

        let (host, port) = ([10, 0, 0, 10 + client], PORTS[usize::from(what >> 3 & 1)]);
        let (from, to) = if side == 0 { ((host, 40_000), (SERVER, port)) } else { ((SERVER, port), (host, 40_000)) };
        let mut segment = PacketBuilder::ipv4(from.0, to.0, 64).tcp(from.1, to.1, at, 8192);
        // flags: bits 0-2 SYN, SYN counts, FIN counts as above; the rest as named.
        if flags & 0b1000 == 0 {
            segment = segment.ack(acknowledgment);
        }
        if flags & 0b10 != 0 {
            segment = segment.syn();
        }
        if flags & 0b100 != 0 {
            segment = segment.fin();
        }
        if flags & 0b1_0000 != 0 && flags & 1 != 0 {
            segment = segment.rst();
        }
        let mut bytes = Vec::new();
        segment.write(&mut bytes, payload).expect("writing to memory does not fail");
        let cut = if flags & 0b1110_0000 == 0b1110_0000 { bytes.len() / 2 } else { bytes.len() };
        analysis.push(&Frame {
            at: Moment { frame: FrameNumber::new(number), time: Timestamp(time) },
            link: LinkType::RAW,
            data: &bytes[..cut],
            original_length: u32::try_from(bytes.len()).expect("a segment is short"),
        });
    }
    analysis.finish();
}
