//! Records are told alike however the stream is cut, and hostile streams cost nothing.

use proptest::prelude::*;

use super::*;
use crate::stream::StreamOffset;

/// What was told, owned.
fn read(records: &mut Records, pieces: &[&[u8]]) -> Vec<String> {
    let mut told = Vec::new();
    for data in pieces {
        let chunk = Chunk { offset: StreamOffset(0), data, at: Moment::default(), starts_segment: true };
        records.push(&chunk, &mut |_, what| told.push(format!("{what:?}")));
    }
    told
}

fn record(content: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[content, 3, 3], &length[..], payload].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A handshake of TLS 1.2 from one side: two messages in one record, one over two, a change of cipher, Finished, data.
fn stream() -> Vec<u8> {
    let long = message(11, &[7; 300]);
    [
        record(22, &[message(2, &[1; 40]), message(14, &[])].concat()),
        record(22, &long[..100]),
        record(22, &long[100..]),
        record(20, &[1]),
        record(22, &[0; 40]),
        record(23, &[9; 30]),
        record(21, &[0; 26]),
    ]
    .concat()
}

#[test]
fn messages_and_sealed_records() {
    let told = read(&mut Records::new(4096, true), &[&stream()]);
    let kinds: Vec<_> = told.iter().map(|told| told.split(',').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "Message(Handshake(2)",
            "Message(Handshake(14)",
            "Message(Handshake(11)",
            "ChangeCipherSpec",
            "Sealed(22",
            "Sealed(23",
            "Sealed(21"
        ]
    );
}

#[test]
fn alerts_in_the_clear_and_encrypted() {
    let alerts = [record(21, &[2, 48]), record(21, &[0; 26])].concat();
    assert_eq!(read(&mut Records::new(4096, true), &[&alerts]), ["Alert(2, 48)", "Sealed(21, 26)"]);
}

#[test]
fn a_hello_after_a_change_of_cipher_is_in_the_clear() {
    let retried = [record(20, &[1]), record(22, &message(1, &[5; 90]))].concat();
    let told = read(&mut Records::new(4096, true), &[&retried]);
    assert!(told[1].starts_with("Message(Handshake(1)"), "{told:?}");
}

#[test]
fn what_is_no_record_ends_the_reading() {
    let bytes = [record(23, &[1; 5]), b"HTTP/1.1 400 Bad Request".to_vec(), record(23, &[1; 5])].concat();
    assert_eq!(read(&mut Records::new(4096, true), &[&bytes]), ["Sealed(23, 5)", "Foreign"]);
}

#[test]
fn a_message_above_the_limit_is_passed_over() {
    let long = message(11, &vec![0; 9000]);
    let bytes = [record(22, &long[..5000]), record(22, &[&long[5000..], &message(14, &[])[..]].concat())].concat();
    let mut records = Records::new(1000, true);
    assert_eq!(read(&mut records, &[&bytes]), ["LongMessage(Handshake(11))", "Message(Handshake(14), [])"]);
    assert!(records.message.capacity() <= 4096);
}

#[test]
fn after_a_gap_it_goes_on_at_a_record_that_begins_a_segment() {
    let mut records = Records::new(4096, true);
    let first = record(23, &[1; 50]);
    assert!(read(&mut records, &[&first[..20]]).is_empty());
    records.gap();
    assert!(read(&mut records, &[b"rest of a record"]).is_empty());
    assert_eq!(read(&mut records, &[&record(23, &[1; 7])]), ["Sealed(23, 7)"]);
}

proptest! {
    #[test]
    fn any_split_tells_the_same(cuts in prop::collection::vec(0usize..600, 0..8)) {
        let bytes = stream();
        let whole = read(&mut Records::new(4096, true), &[&bytes]);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&mut Records::new(4096, true), &pieces), whole);
    }

    #[test]
    fn hostile_bytes_cost_no_more_than_the_limit(
        parts in prop::collection::vec((20u8..25, prop::collection::vec(any::<u8>(), 0..300)), 0..40),
        gap in 0usize..40,
    ) {
        let mut records = Records::new(200, true);
        for (place, (content, payload)) in parts.iter().enumerate() {
            if place == gap {
                records.gap();
            }
            read(&mut records, &[&record(*content, payload)]);
            prop_assert!(records.message.capacity() <= 512);
        }
    }

    #[test]
    fn hostile_messages_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = super::super::client_hello(&body);
        let _ = super::super::server_hello(&body);
        for der in super::super::chain(&body).unwrap_or_default() {
            let _ = super::super::certificate(der);
        }
        let _ = super::super::certificate(&body);
    }
}
