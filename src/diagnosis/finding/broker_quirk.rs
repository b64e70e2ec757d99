//! `broker-quirk`: the broker answers in a way of its own.

use super::late_ping::{enforcement, longest_let_pass};
use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "broker-quirk", severity: Severity::Info, text: include_str!("broker_quirk.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    let (version, client) = (story.version(), || story.client());
    let old = version.is_some_and(|version| version != Version::V5);
    let connack = session.connack.as_ref();
    let mut found = Vec::new();
    let from_5 = connack.filter(|connack| old && connack.code.0 >= 0x80);
    if let Some(connack) = from_5 {
        let quirk =
            format!("The broker answered {}, a client of MQTT 3.x, with a code of MQTT 5.0 ({}).", client(), connack.code);
        found.push(Found::new(&ABOUT, quirk, [connack.at]).named("broker-quirk:connack-of-5.0"));
    }
    let from_3 = connack.filter(|connack| version == Some(Version::V5) && (1..0x80).contains(&connack.code.0));
    if let Some(connack) = from_3 {
        let quirk = format!(
            "The broker answered {}, a client of MQTT 5.0, with a return code of MQTT 3.x ({}).",
            client(),
            connack.code.0
        );
        found.push(Found::new(&ABOUT, quirk, [connack.at]).named("broker-quirk:connack-of-3.x"));
    }
    let by_server = || session.refusals.iter().filter(|refusal| refusal.by == Side::Server);
    let puback = by_server().find(|r| r.packet == PacketType::PUBACK && r.code.0 == 0x95);
    if let Some(refusal) = puback {
        let quirk = "The broker refused a message with “Packet too large” (0x95) in a PUBACK, as mosquitto does for its `message_size_limit`.";
        found.push(Found::new(&ABOUT, quirk, [refusal.at]).named("broker-quirk:puback-0x95"));
    }
    let suback = by_server().find(|r| old && r.packet == PacketType::SUBACK && r.code.0 > 0x80);
    if let Some(refusal) = suback {
        let quirk = format!(
            "The broker answered a SUBSCRIBE of {}, a client of MQTT 3.x, with a code of MQTT 5.0 ({}).",
            client(),
            refusal.code
        );
        found.push(Found::new(&ABOUT, quirk, [refusal.at]).named("broker-quirk:suback-of-5.0").clause("MQTT-3.9.3-2"));
    }
    found.extend(keep_alive_not_enforced(story));
    found.extend(client_id_twice(story));
    found.into_iter().map(|found| found.by(Side::Server)).collect()
}

/// The broker went on sending to a client that had been silent for longer than any broker waits which enforces Keep Alive.
fn keep_alive_not_enforced(story: &Story<'_>) -> Option<Found> {
    let seconds = story.keep_alive().filter(|seconds| *seconds > 0)?;
    let (heard, data) = (story.client_heard()?, story.session.wire.sent.server.last_data?);
    let open = story.close.is_none_or(|close| data.is_before(close.at));
    let silent = data.time.nanoseconds_since(heard.time);
    if !open || silent <= longest_let_pass(seconds) || !story.connected() || story.session.tls.is_some() {
        return None;
    }
    let quirk = format!(
        "The broker still sent to {} after {} in which it had said nothing, although its Keep Alive is {seconds} s.",
        story.client(),
        words::duration(silent)
    );
    Some(
        Found::new(&ABOUT, quirk, [heard, data])
            .named("broker-quirk:keep-alive-not-enforced")
            .only(Confidence::Likely)
            .on(&[Ground::Timing, Ground::Absence])
            .clause(enforcement(story))
            .detail("A broker has to close after 1.5 times the Keep Alive; without that it finds out late that a client is gone. If nothing at all was captured in that time, the capture's clock was set forward, or it stood still."),
    )
}

/// How long both connections must have been served for it to be no takeover that was under way.
const BOTH_SERVED: i64 = 5 * SECOND;

/// Another connection with the same client id was let in, and this one was served on.
fn client_id_twice(story: &Story<'_>) -> Option<Found> {
    let session = story.session;
    let rival = session.neighbours.rival.as_deref()?;
    let (accepted, connect) = (rival.accepted?, session.connect.as_ref()?);
    let data = session.wire.sent.server.last_data?;
    let open = story.close.is_none_or(|close| data.is_before(close.at));
    if !open || data.time.nanoseconds_since(accepted.time) < BOTH_SERVED {
        return None;
    }
    let clause = if story.version() == Some(Version::V5) { "MQTT-3.1.4-3" } else { "MQTT-3.1.4-2" };
    let quirk = format!(
        "The broker served two connections with the client id {} at once: this one, and that of {} (tcp.stream {}).",
        words::quoted(&connect.client_id),
        rival.client,
        rival.stream
    );
    Some(
        Found::new(&ABOUT, quirk, [rival.connect, accepted, data])
            .named("broker-quirk:client-id-twice")
            .on(&[Ground::Timing])
            .clause(clause)
            .detail("A broker has to end the older one. It may tell them apart by something else, such as the user name, the listener or the tenant; or it is a cluster whose nodes do not know of each other's clients."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::stream::Side;

    #[test]
    fn answers_of_another_version() {
        let old = Tale::connecting().connack(0x87).build();
        assert!(finding(&old, "broker-quirk:connack-of-5.0").is_some());
        let new = Tale::connecting_v5().connack(1).build();
        assert!(finding(&new, "broker-quirk:connack-of-3.x").is_some());
        let subscription = Tale::connected().subscribe("a", Some(0x8F), 1.0).build();
        assert!(finding(&subscription, "broker-quirk:suback-of-5.0").is_some());
    }

    #[test]
    fn a_silent_client_that_is_served_on() {
        let served = |silence: f64| {
            let tale = Tale::connected().publish(Side::Server, "a", 0, 10, silence);
            finding(&tale.build(), "broker-quirk:keep-alive-not-enforced")
        };
        let found = served(150.0).unwrap();
        assert_eq!(found.headline, "The broker still sent to sensor-17 after 2 min 30 s in which it had said nothing, although its Keep Alive is 60 s.");
        assert!(served(120.0).is_none());
        let closed = Tale::connected().close(Side::Server, 150.0).build();
        assert!(finding(&closed, "broker-quirk:keep-alive-not-enforced").is_none());
    }

    #[test]
    fn two_connections_with_one_client_id() {
        let served = |after: f64| {
            let tale = Tale::connected().rival(10.0).publish(Side::Server, "a", 0, 10, after);
            finding(&tale.build(), "broker-quirk:client-id-twice")
        };
        let headline = served(6.0).unwrap().headline;
        assert!(headline.starts_with("The broker served two connections with the client id “sensor-17” at once: this one, and that of 10.0.0.22:50000"), "{headline}");
        assert!(served(1.0).is_none());
        let refused = Tale::connected().rival(10.0).publish(Side::Server, "a", 0, 10, 6.0);
        let refused = refused.with(|session| session.neighbours.rival.as_mut().unwrap().accepted = None);
        assert!(finding(&refused.build(), "broker-quirk:client-id-twice").is_none());
    }

    #[test]
    fn answers_of_the_own_version_are_none() {
        for session in [
            Tale::connecting().connack(5).build(),
            Tale::connecting_v5().connack(0x87).build(),
            Tale::connected().subscribe("a", Some(0x80), 1.0).build(),
            Tale::connected_v5().subscribe("a", Some(0x8F), 1.0).build(),
        ] {
            let verdict = crate::diagnosis::diagnose(&session);
            assert!(!verdict.findings.iter().any(|found| found.id.starts_with("broker-quirk")));
        }
    }
}
