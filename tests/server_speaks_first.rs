//! A server that greets before the client's CONNECT is none for MQTT, whichever port it has; the client is one for MQTT.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use mqttcap::diagnosis::{Verdict, diagnose};
use mqttcap::stream::Side;
use support::analyse_segments;
use support::talk::Talk;

const CONNECT: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01c";
const GREETING: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

/// What is said of connections to `port` on each of which the server greets and the client says `opening`.
fn told(port: u16, opening: &[u8]) -> Vec<Verdict> {
    let mut talk = Talk::opened();
    talk.says(Side::Server, GREETING);
    talk.says(Side::Client, opening);
    talk.waits(5);
    talk.closes(Side::Client);
    let mut segments = talk.into_segments();
    for segment in &mut segments {
        for end in [&mut segment.source, &mut segment.destination] {
            if end.port == 1883 {
                end.port = port;
            }
        }
    }
    analyse_segments(&segments).iter().map(diagnose).collect()
}

#[test]
fn a_client_of_mqtt_at_the_door_of_another_service() {
    for port in [1883, 22] {
        let told = told(port, CONNECT);
        assert_eq!(told.len(), 1, "port {port}");
        assert_eq!(told[0].outcome.id, "not-mqtt");
        let sentence = &told[0].outcome.sentence;
        assert!(sentence.ends_with("spoke first, before the CONNECT of c, and it spoke SSH, not MQTT."), "{sentence}");
    }
}

#[test]
fn a_client_of_that_service() {
    assert!(told(22, GREETING).is_empty());
    assert_eq!(
        told(1883, GREETING)[0].outcome.sentence,
        "10.0.0.1 opened a connection to 10.0.0.2:1883 and sent SSH, not MQTT."
    );
}
