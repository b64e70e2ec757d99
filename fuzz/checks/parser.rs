//! The parser: no bytes make it panic, and a packet that the capture cut is never called malformed
//! when the whole one is not.
//!
//! Input: the version, where to cut, the bytes of a packet.

use mqttcap::mqtt::{Missing, ParseError, RawPacket, Version, conformance, connect_head, parse};
use mqttcap::stream::{GapReason, Side};

use super::{reports, take};

pub(crate) fn check(mut data: &[u8]) {
    let [version, cut] = take(&mut data);
    let version = [None, Some(Version::V31), Some(Version::V311), Some(Version::V5)][usize::from(version) % 4];
    let Some(raw) = RawPacket::from_bytes(data) else { return };
    let parsed = parse(&raw, version);
    if let Ok(packet) = &parsed {
        for side in [Side::Client, Side::Server] {
            conformance::check(&raw, packet, version, side, &mut |violation| {
                assert!(violation.clause_v311.or(violation.clause_v5).is_some(), "{violation:?}");
            });
        }
    }
    let _ = connect_head(raw.body);
    reports::packet(&raw, &parsed, version);

    let body = &raw.body[..usize::from(cut).min(raw.body.len())];
    let captured = RawPacket { body, missing: Some(Missing::Gap(GapReason::NotCaptured)), ..raw };
    let captured_parsed = parse(&captured, version);
    if raw.missing.is_none() && parsed.is_ok() {
        assert!(
            !matches!(captured_parsed, Err(ParseError::Malformed(_))),
            "{parsed:?} cut to {}: {captured_parsed:?}",
            body.len()
        );
    }
    reports::packet(&captured, &captured_parsed, version);
}
