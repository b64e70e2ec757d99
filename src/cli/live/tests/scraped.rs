//! What a scrape of the metrics tells of a capture.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::super::metrics::{Metrics, listen};
use super::{capture, run, witness};

/// What `/metrics` says: names with labels, and values.
fn scrape(address: SocketAddr) -> BTreeMap<String, f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("application/openmetrics-text"));
    assert!(answer.ends_with("# EOF\n"));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.into(), value.parse().unwrap()))
        .collect()
}

#[test]
fn metrics_are_what_the_capture_holds() {
    // Counted with tshark: mqtt.msgtype, mqtt.qos, mqtt.conack.val; the ends are those of captures/expected.toml.
    let demo: &[(&str, f64)] = &[
        ("mqttcap_frames_total", 122.0),
        ("mqttcap_frame_bytes_total", 8818.0),
        (r#"mqttcap_publishes_total{sender="client",qos="1"}"#, 3.0),
        (r#"mqttcap_publishes_total{sender="server",qos="1"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="client",packet="PUBACK"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="server",packet="PUBACK"}"#, 3.0),
        (r#"mqttcap_connects_refused_total{version="3.1.1",code="0x05"}"#, 1.0),
        ("mqttcap_reconnects_total", 6.0),
        ("mqttcap_frames_dropped_total", 0.0),
        ("mqttcap_sessions_let_go_total", 0.0),
    ];
    let qos2: &[(&str, f64)] = &[
        (r#"mqttcap_publishes_total{sender="client",qos="2"}"#, 3.0),
        (r#"mqttcap_publishes_total{sender="server",qos="2"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="client",packet="PUBREC"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="client",packet="PUBCOMP"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="server",packet="PUBREC"}"#, 3.0),
        (r#"mqttcap_acknowledgment_latency_seconds_count{sender="server",packet="PUBCOMP"}"#, 3.0),
        ("mqttcap_reconnects_total", 0.0),
    ];
    for (name, expected) in [("demo", demo), ("healthy-v5-qos2", qos2)] {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut witness = witness();
        witness.metrics = Some(Metrics::serve(listener).unwrap());
        run(&capture(name), &mut witness);
        let found = scrape(address);
        for (sample, value) in expected {
            assert_eq!(found.get(*sample), Some(value), "{name}: {sample}\n{found:#?}");
        }
        for sample in found.keys() {
            for secret in ["sensor-17", "dashboard-1", "10.0.0.", "plant"] {
                assert!(!sample.contains(secret), "{sample}");
            }
        }
        assert!(found.keys().any(|sample| sample.starts_with("mqttcap_build_info{version=")));
        assert!(cfg!(not(target_os = "linux")) || found["process_resident_memory_bytes"] > 1e6);
    }
}

#[test]
fn ended_sessions_are_counted_by_outcome() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut witness = witness();
    witness.metrics = Some(Metrics::serve(listener).unwrap());
    run(&capture("demo"), &mut witness);
    let found = scrape(address);
    // As captures/expected.toml has them; the attempt at the end is judged only when the capture is over.
    let truly = [
        ("clean-disconnect", 4.0),
        ("refused-not-authorized", 1.0),
        ("keepalive-expired", 1.0),
        ("session-taken-over", 1.0),
        ("administrative-disconnect", 1.0),
    ];
    let ended = found.iter().filter(|(name, _)| name.starts_with("mqttcap_sessions_ended_total"));
    let ended: BTreeMap<&str, f64> = ended.map(|(name, value)| (name.split('"').nth(1).unwrap(), *value)).collect();
    for (outcome, count) in truly {
        assert_eq!(ended.get(outcome), Some(&count), "{outcome}: {ended:?}");
    }
    assert!(found["mqttcap_sessions"] >= 0.0);
}
