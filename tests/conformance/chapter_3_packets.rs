//! MQTT 5.0 chapter 3, 3.1.1 chapter 3: every packet type, read back from an independent encoder.

use mqttcap::mqtt::{Packet, RawPacket, Version, conformance, parse};
use mqttcap::stream::Side;
use proptest::prelude::*;

use super::encoder::{packets_of_3_x, packets_of_5_0};
use super::{told_3_x, told_5_0};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn packets_of_5_0_are_read_as_they_were_told(told in packets_of_5_0()) {
        let bytes = told.encode().unwrap();
        let raw = RawPacket::from_bytes(bytes.as_ref()).unwrap();
        prop_assert!(raw.missing.is_none());
        told_5_0::same(&told, &parse(&raw, Some(Version::V5)).unwrap());
    }

    #[test]
    fn packets_of_3_x_are_read_as_they_were_told(told in packets_of_3_x()) {
        let bytes = told.encode().unwrap();
        let raw = RawPacket::from_bytes(bytes.as_ref()).unwrap();
        told_3_x::same(&told, &parse(&raw, Some(Version::V311)).unwrap());
    }

    /// Whatever a strict prefix of a body is taken for, it is not the whole packet.
    #[test]
    fn a_cut_packet_is_never_read_as_another(told in packets_of_5_0(), place in any::<prop::sample::Index>()) {
        let bytes = told.encode().unwrap();
        let cut = &bytes.as_ref()[..place.index(bytes.as_ref().len())];
        if let Some(raw) = RawPacket::from_bytes(cut)
            && let Ok(read) = parse(&raw, Some(Version::V5))
        {
            let Packet::Publish(read) = read else { panic!("{read:?}") };
            prop_assert!(read.payload.len() < read.payload_length as usize);
        }
    }

    /// A correct encoder breaks no rule on the fixed header, on lengths or on property places.
    #[test]
    fn packets_of_3_x_break_no_rule_on_their_form(told in packets_of_3_x()) {
        let bytes = told.encode().unwrap();
        let raw = RawPacket::from_bytes(bytes.as_ref()).unwrap();
        let packet = parse(&raw, Some(Version::V311)).unwrap();
        let sender = match raw.packet_type().0 { 2 | 9 | 11 | 13 => Side::Server, _ => Side::Client };
        conformance::check(&raw, &packet, Some(Version::V311), sender, &mut |violation| {
            assert!(!["Flags", "Packet Type", "Remaining Length", "Properties"].contains(&violation.field), "{violation:?}");
        });
    }
}
