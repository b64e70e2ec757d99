//! A client id that the broker gave is the client's from then on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::diagnose;
use mqttcap::stream::Side;
use support::talk::Talk;
use support::{OwnedSegment, analyse_segments};

const FIRST: &[u8] = b"\x10\x0D\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x00";
const GIVEN: &[u8] = b"\x20\x0A\x00\x00\x07\x12\x00\x04auto";
const OTHER: &[u8] = b"\x20\x0A\x00\x00\x07\x12\x00\x04else";
const AGAIN: &[u8] = b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x04auto";
const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];

/// A client without an id gets one; 20 ms later another connection comes with the id `auto`, and the first is closed.
fn outcome(given: &[u8]) -> &'static str {
    let mut one = Talk::opened();
    one.says(Side::Client, FIRST);
    one.says(Side::Server, given);
    let mut other = Talk::opened();
    other.says(Side::Client, AGAIN);
    other.says(Side::Server, CONNACK);
    let (mut all, mut later): (Vec<OwnedSegment>, Vec<OwnedSegment>) = (one.into_segments(), other.into_segments());
    let mut end = all[all.len() - 1].clone();
    for segment in &mut later {
        segment.time.0 += 20_000_000;
        for endpoint in [&mut segment.source, &mut segment.destination] {
            endpoint.port += u16::from(endpoint.port == 50_000);
        }
    }
    end.time.0 += 30_000_000;
    (end.sequence, end.flags) = (end.sequence + u32::try_from(given.len()).unwrap(), 0x11);
    end.payload.clear();
    all.extend(later);
    all.push(end);
    diagnose(&analyse_segments(&all)[0]).outcome.id
}

#[test]
fn the_connection_that_got_it_is_pushed_out_by_it() {
    assert_eq!(outcome(GIVEN), "session-taken-over");
    assert_eq!(outcome(OTHER), "server-closed");
}
