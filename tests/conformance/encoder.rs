//! Packets of every type with every property, made and encoded by `mqtt-proto`.

use arbitrary::{Arbitrary, Unstructured};
use mqtt_proto::{Protocol, v3, v5};
use proptest::prelude::*;

/// Packets of MQTT 5.0.
pub(crate) fn packets_of_5_0() -> impl Strategy<Value = v5::Packet> {
    prop::collection::vec(any::<u8>(), 64..1024).prop_filter_map("no packet", |seed| {
        let packet = v5::Packet::arbitrary(&mut Unstructured::new(&seed)).ok()?;
        let fits = !matches!(&packet, v5::Packet::Connect(connect) if connect.protocol != Protocol::V500);
        (fits && packet.encode().is_ok()).then_some(packet)
    })
}

/// Packets of MQTT 3.1.1 and 3.1.
pub(crate) fn packets_of_3_x() -> impl Strategy<Value = v3::Packet> {
    prop::collection::vec(any::<u8>(), 64..1024).prop_filter_map("no packet", |seed| {
        let packet = v3::Packet::arbitrary(&mut Unstructured::new(&seed)).ok()?;
        let fits = !matches!(&packet, v3::Packet::Connect(connect) if connect.protocol == Protocol::V500);
        (fits && packet.encode().is_ok()).then_some(packet)
    })
}

/// Streams of packets, each with its encoding.
pub(crate) fn streams_of_5_0() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(packets_of_5_0().prop_map(|packet| packet.encode().unwrap().as_ref().to_vec()), 1..12)
}
