use proptest::prelude::*;

use super::*;

fn whole(bytes: &[u8]) -> Message<'_> {
    Message { bytes, length: bytes.len() as u64, ..Message::default() }
}

fn typed<'p>(content_type: &'p str, bytes: &'p [u8]) -> Message<'p> {
    Message { content_type: Some(content_type.as_bytes()), ..whole(bytes) }
}

fn under<'p>(topic: &'p str, bytes: &'p [u8]) -> Message<'p> {
    Message { topic: Some(topic.as_bytes()), ..whole(bytes) }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// The lines without the spaces that lay them out.
fn dense(message: &Message<'_>) -> String {
    decode(message, 10_000).lines.iter().map(|line| line.trim_start()).collect::<String>().replace(": ", ":")
}

fn seen_as(message: &Message<'_>) -> (Format, Source) {
    let decoded = decode(message, 10_000);
    (decoded.format, decoded.source)
}

#[test]
fn cbor_as_in_appendix_a_of_rfc_8949() {
    for (hex, diagnostic) in [
        ("00", "0"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("3903e7", "-1000"),
        ("f93e00", "1.5"),
        ("fa47c35000", "100000.0"),
        ("fbc010666666666666", "-4.1"),
        ("f97c00", "Infinity"),
        ("f97e00", "NaN"),
        ("f9fc00", "-Infinity"),
        ("f4", "false"),
        ("f6", "null"),
        ("f7", "undefined"),
        ("f8ff", "simple(255)"),
        ("c074323031332d30332d32315432303a30343a30305a", "0(\"2013-03-21T20:04:00Z\")"),
        ("d74401020304", "23(h'01020304')"),
        ("62225c", "\"\\\"\\\\\""),
        ("63e6b0b4", "\"水\""),
        ("80", "[]"),
        ("8301820203820405", "[1,[2,3],[4,5]]"),
        ("a201020304", "{1:2,3:4}"),
        ("a26161016162820203", "{\"a\":1,\"b\":[2,3]}"),
        ("826161a161626163", "[\"a\",{\"b\":\"c\"}]"),
        ("5f42010243030405ff", "(_h'0102',h'030405')"),
        ("7f657374726561646d696e67ff", "(_\"strea\",\"ming\")"),
        ("9f018202039f0405ffff", "[_1,[2,3],[_4,5]]"),
        ("bf61610161629f0203ffff", "{_\"a\":1,\"b\":[_2,3]}"),
    ] {
        let bytes = bytes(hex);
        let message = typed("application/cbor", &bytes);
        assert_eq!(seen_as(&message), (Format::Cbor, Source::ContentType), "{hex}");
        assert_eq!(dense(&message), diagnostic, "{hex}");
    }
    // Appendix F: not well-formed.
    for hex in ["18", "5affffffff00", "ff", "81", "a100", "9f01", "1c", "5f00ff", "5f6100ff"] {
        let bytes = bytes(hex);
        let decoded = decode(&typed("application/cbor", &bytes), 100);
        assert_eq!(decoded.refuted, Some((Format::Cbor, Source::ContentType)), "{hex}");
    }
}

#[test]
fn messagepack_as_in_its_specification() {
    // The example of msgpack.org, then one of each family of the specification.
    for (hex, written) in [
        ("82a7636f6d70616374c3a6736368656d6100", "{\"compact\":true,\"schema\":0}"),
        ("7f", "127"),
        ("e0", "-32"),
        ("c0", "null"),
        ("c2", "false"),
        ("c403010203", "h'010203'"),
        ("ca3fc00000", "1.5"),
        ("cb3ff8000000000000", "1.5"),
        ("ccff", "255"),
        ("cd0100", "256"),
        ("ceffffffff", "4294967295"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d080", "-128"),
        ("d18000", "-32768"),
        ("d280000000", "-2147483648"),
        ("d38000000000000000", "-9223372036854775808"),
        ("d405aa", "ext(5,h'aa')"),
        ("c70205aabb", "ext(5,h'aabb')"),
        ("d6ff00000001", "ext(-1,h'00000001')"),
        ("d90161", "\"a\""),
        ("da000161", "\"a\""),
        ("db0000000161", "\"a\""),
        ("93c0c0c0", "[null,null,null]"),
        ("dc000101", "[1]"),
        ("dd0000000101", "[1]"),
        ("de00010102", "{1:2}"),
        ("df000000010102", "{1:2}"),
    ] {
        let bytes = bytes(hex);
        let message = typed("application/msgpack", &bytes);
        assert_eq!(seen_as(&message), (Format::MessagePack, Source::ContentType), "{hex}");
        assert_eq!(dense(&message).replace(", h'", ",h'"), written, "{hex}");
    }
    for hex in ["c1", "d9", "92c0", "dfffffffff"] {
        let bytes = bytes(hex);
        assert!(decode(&typed("application/msgpack", &bytes), 100).refuted.is_some(), "{hex}");
    }
}

#[test]
fn protobuf_as_in_its_documentation() {
    // protobuf.dev/programming-guides/encoding: Test1 a = 150; Test2 b = "testing"; Test3 c { a = 150 };
    // Test4 d = "hello", e = 1 2 3.
    for (hex, lines) in [
        ("089601", &["1: 150"][..]),
        ("120774657374696e67", &["2: \"testing\""]),
        ("1a03089601", &["3: {", "  1: 150", "}"]),
        ("220568656c6c6f280128022803", &["4: \"hello\"", "5: 1", "5: 2", "5: 3"]),
        ("2d0000ac41", &["5: 0x41ac0000 (float 21.5)"]),
        ("0a02ff00", &["1: h'ff00'"]),
    ] {
        let bytes = bytes(hex);
        let decoded = decode(&typed("application/x-protobuf", &bytes), 100);
        assert_eq!(
            (decoded.format, &decoded.lines[..]),
            (Format::Protobuf, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>()[..])
        );
    }
    assert_eq!(seen_as(&whole(&bytes("0a0568656c6c6f 1096 01"))), (Format::Protobuf, Source::Bytes));
    // Field 0, wire type 3, a varint of eleven bytes, a length past the end.
    for hex in ["0001", "0b", "08ffffffffffffffffffff01", "0a05ff"] {
        let bytes = bytes(hex);
        assert!(decode(&typed("application/x-protobuf", &bytes), 100).refuted.is_some(), "{hex}");
    }
}

/// By the field numbers and types of `sparkplug_b.proto`; the values are those of the NDATA example
/// of the specification (§6.4.6).
const NDATA: &str = "08 ea f2 f5 a8 a0 2b  12 14 0a 03 6d 2f 31 18 ea f2 f5 a8 a0 2b 20 01 50 fb ff ff ff 0f  18 02";

#[test]
fn sparkplug_b_is_read_below_its_namespace_only() {
    let bytes = bytes(NDATA);
    let told = decode(&under("spBv1.0/plant/NDATA/edge-1", &bytes), 1000);
    assert_eq!((told.format, told.source, told.more), (Format::SparkplugB, Source::Topic, 0));
    // date -u -d @1486144502.122
    assert_eq!(
        told.lines,
        [
            "timestamp: 1486144502122 (2017-02-03T17:55:02.122Z)",
            "metrics: {",
            "  name: \"m/1\"",
            "  timestamp: 1486144502122 (2017-02-03T17:55:02.122Z)",
            "  datatype: 1 (Int8)",
            "  int_value: -5",
            "}",
            "seq: 2",
        ]
    );
    assert_eq!(seen_as(&under("spBv1.0/STATE/host", b"{\"online\":true}")), (Format::Json, Source::Bytes));
    assert_ne!(decode(&under("other/plant/NDATA/edge-1", &bytes), 1000).format, Format::SparkplugB);
    let refuted = decode(&under("spBv1.0/plant/NDATA/edge-1", b"hello"), 1000);
    assert_eq!((refuted.format, refuted.refuted), (Format::Text, Some((Format::SparkplugB, Source::Topic))));
}

#[test]
fn json_keeps_what_was_written() {
    let written = br#"{"t": 21.50, "big":123456789012345678901234567890,"b":[],"o":{},"l":[1,{"x":"a,\"}"}]}"#;
    let decoded = decode(&whole(written), 1000);
    assert_eq!((decoded.format, decoded.source), (Format::Json, Source::Bytes));
    let lines = r#"{
  "t": 21.50,
  "big": 123456789012345678901234567890,
  "b": [],
  "o": {},
  "l": [
    1,
    {
      "x": "a,\"}"
    }
  ]
}"#;
    assert_eq!(decoded.lines.join("\n"), lines);
    assert_eq!(seen_as(&typed("application/senml+json", b"21.5")), (Format::Json, Source::ContentType));
    assert_eq!(seen_as(&typed("application/json; charset=utf-8", b"[1]")), (Format::Json, Source::ContentType));
    let broken = decode(&typed("application/json", b"{\"a\":"), 100);
    assert_eq!((broken.format, broken.refuted), (Format::Text, Some((Format::Json, Source::ContentType))));
}

#[test]
fn text_is_text_and_the_rest_is_shown_in_hexadecimal() {
    for text in ["21.5", "ON", "true", "[not json", "a\nb", "Küche"] {
        assert_eq!(seen_as(&whole(text.as_bytes())), (Format::Text, Source::Bytes), "{text}");
    }
    let indicated = Message { format_indicator: Some(1), ..whole(b"ab") };
    assert_eq!(seen_as(&indicated), (Format::Text, Source::PayloadFormatIndicator));
    let wrong = Message { format_indicator: Some(1), ..whole(b"\xff\xfe") };
    assert_eq!(decode(&wrong, 9).refuted, Some((Format::Text, Source::PayloadFormatIndicator)));
    // Readings of a sensor as plain binary: small integers, floats, a counter, zeros.
    for hex in ["0815", "00000000", "41ac0000", "0102030405060708", "820001", "ff", "9201", "a1b2c3d4", "0896010a00"] {
        assert_eq!(decode(&whole(&bytes(hex)), 99).format, Format::Binary, "{hex}");
    }
    assert_eq!(seen_as(&whole(&bytes("a1 61 74 fb 4035800000000000"))), (Format::Cbor, Source::Bytes));
    assert_eq!(seen_as(&whole(&bytes("81 a1 74 cb 4035800000000000"))), (Format::MessagePack, Source::Bytes));
    for (hex, format) in [
        ("1f8b0800000000000003", Format::Gzip),
        ("789c4bcc2b0600024d0127", Format::Zlib),
        ("28b52ffd0458", Format::Zstd),
    ] {
        assert_eq!(seen_as(&whole(&bytes(hex))), (format, Source::Bytes));
    }
    // As `printf '\1Hello, world!\n..' | xxd` writes it.
    let dump = decode(&whole(b"\x01Hello, world!\n.\xff"), 100);
    assert_eq!(
        dump.lines,
        [
            "00000000: 0148 656c 6c6f 2c20 776f 726c 6421 0a2e  .Hello, world!..",
            "00000010: ff                                       ."
        ]
    );
}

#[test]
fn what_is_left_out_is_counted() {
    let long = "x".repeat(5000);
    let decoded = decode(&whole(long.as_bytes()), 1024);
    assert_eq!((decoded.lines[0].len(), decoded.more), (1024, 3976));
    let cut = decode(&whole("éé".as_bytes()), 3);
    assert_eq!((&cut.lines[..], cut.more), (&["é".to_owned()][..], 2), "between characters");
    let dump = decode(&whole(&[0xff; 40]), 17);
    assert_eq!((dump.lines.len(), dump.more), (2, 23));
    assert_eq!(decode(&whole(b"abc"), 0).more, 3);
    assert!(decode(&whole(b"abc"), 0).lines.is_empty());
    // Captured in part: declared formats as far as they go, guesses only for text.
    let part = |bytes, content_type| Message { bytes, length: 100, content_type, ..Message::default() };
    let json = decode(&part(b"{\"a\": [1, 2", Some(b"application/json")), 1000);
    assert_eq!((json.format, json.more), (Format::Json, 89));
    assert_eq!(decode(&part(b"{\"a\": 1", None), 1000).format, Format::Text);
    let begun = bytes("a16174fb40358000");
    assert_eq!(decode(&part(&begun, None), 1000).format, Format::Binary);
    assert_eq!(decode(&part(&begun, Some(b"application/cbor")), 1000).format, Format::Cbor);
    let nothing = decode(&part(b"", Some(b"application/json")), 1000);
    assert_eq!((nothing.lines.len(), nothing.more), (0, 100));
}

#[test]
fn hostile_payloads_cost_no_more_than_their_bytes() {
    let deep = |open: &str| open.repeat(100_000);
    for content_type in ["application/json", "application/cbor", "application/msgpack", "application/x-protobuf"] {
        for bytes in [
            deep("[").into_bytes(),
            (deep("[") + &deep("]")).into_bytes(),
            deep("{\"a\":").into_bytes(),
            vec![0x81; 100_000],
            vec![0x91; 100_000],
            vec![0xD8; 100_000],
            bytes("9b1000000000000000"),
            bytes("bb1000000000000000"),
            bytes("ddffffffff"),
            bytes("0affffffffffffffff7f"),
        ] {
            for length in [bytes.len() as u64, 1 << 28] {
                let decoded = decode(&Message { length, ..typed(content_type, &bytes) }, 64);
                let written: usize = decoded.lines.iter().map(String::len).sum();
                assert!(written < 64 * 80 + 512, "{content_type}: {written}");
            }
        }
    }
    let sneaky = decode(&whole("a\u{1b}[31m\u{202e}".as_bytes()), 100);
    assert!(!sneaky.lines.concat().contains(crate::text::is_unseen));
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        more in 0_u64..3,
        limit in 0_usize..250,
        kind in prop::sample::select(vec![None, Some("application/json"), Some("application/cbor"),
            Some("application/msgpack"), Some("application/x-protobuf"), Some("text/plain")]),
        topic in prop::sample::select(vec!["t", "spBv1.0/g/DDATA/e/d"]),
    ) {
        let message = Message {
            length: bytes.len() as u64 + more,
            content_type: kind.map(str::as_bytes),
            ..under(topic, &bytes)
        };
        let decoded = decode(&message, limit);
        prop_assert!(!decoded.lines.concat().contains(crate::text::is_unseen));
        prop_assert!(decoded.more <= message.length);
        prop_assert!(decoded.more >= message.length.saturating_sub(limit as u64));
    }
}
