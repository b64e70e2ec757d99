//! `connect-unanswered`: CONNECT arrived and nothing came back.

use super::{About, Judgement, connect_closed};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::capture::Moment;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::Version;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "connect-unanswered",
    group: "connect",
    severity: Severity::Error,
    text: include_str!("connect_unanswered.md"),
};

/// The shortest wait after which a client can be said to have given up.
const PATIENCE: i64 = 9 * SECOND / 10;

/// How long the silence must have lasted when the capture ends in it.
const LONG: i64 = 5 * SECOND;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let upgrade = unanswered_upgrade(story);
    let connect = story.connect_sent().or(upgrade)?;
    let late = story.late_connack();
    let unanswered = story.server_silent() || late.is_some();
    if story.connected() || !unanswered || story.close_by(Side::Server).is_some() {
        return None;
    }
    let (waited, ending) = match story.close {
        Some(close) => {
            let waited = close.at.time.nanoseconds_since(connect.time);
            (waited, format!("; {} gave up", story.client()))
        }
        None => (story.until_capture_end(connect), format!(", {}", story.until_when())),
    };
    if waited < if story.close.is_some() { PATIENCE } else { LONG } {
        return None;
    }
    let (client, server, span) = (story.client(), story.server(), words::duration(waited));
    let arrived = story.acknowledged(Side::Client);
    let unfinished = story.connect_unfinished();
    let asked = match upgrade {
        Some(_) => "request for a WebSocket",
        None if unfinished => "beginning of the CONNECT",
        None => "CONNECT",
    };
    let begun = begun_upgrade(story).or_else(|| story.begun_answer());
    let sentence = if let Some((part, _)) = &begun {
        format!("{server} answered the {asked} of {client} with {part}, and the rest did not come within {span}{ending}.")
    } else if let Some((late, close)) = late.zip(story.close) {
        let after = words::duration(late.at.time.nanoseconds_since(close.at.time));
        format!("{server} did not answer the {asked} of {client} for {span}{ending}, and the CONNACK came {after} too late.")
    } else if arrived {
        format!("{server} received the {asked} of {client} and stayed silent for {span}{ending}.")
    } else {
        format!("{server} did not answer the {asked} of {client} for {span}{ending}.")
    };
    let silent = arrived && late.is_none() && begun.is_none() && !unfinished;
    let fault = connect_closed::connect_fault(story).filter(|_| !unfinished);
    let limit = story.close.and_then(|_| library_with_limit(waited));
    let new = story.version() == Some(Version::V5) && story.taken().version.is_none();
    // Whom it let in spoke another version.
    let other = story.taken().connect.filter(|_| story.taken().version.is_none());
    let only = other.zip(story.version()).map(|(at, version)| {
        format!("The broker does not speak MQTT {version}: it let in a client of another version (frame {}).", at.frame)
    });
    let tight = story.session.connect.as_deref().and_then(connect_closed::too_tight);
    let port = story.port();
    let spoken = story.session.neighbours.connack_before.is_some() && !story.session.neighbours.websocket_on_port;
    let known = upgrade.is_none() && (story.plain_before() || story.taken().connect.is_some());
    let unnamed = unnamed_protocol(story).filter(|_| silent);
    let unsaid = unnamed.is_some();
    let plain = silent && upgrade.is_some() && (spoken || port == 1883);
    Some(
        Judgement::new(story.certain_of_silence(), sentence)
            .on(&[Ground::Absence])
            .at([connect])
            .at(story.session.wire.sent.client.last_acknowledged.filter(|_| arrived && late.is_none()))
            .at(story.close.map(|close| close.at))
            .at(late.map(|late| late.at))
            .at(begun.as_ref().map(|(_, started)| *started))
            .cause_if(begun.is_some(), "The broker, or a proxy in front of it, stopped within its answer: it hangs, or has a fault.")
            .cause_if(late.is_some() && unfinished, "The client announced a longer CONNECT than it sent: the broker waited for the rest, and answered when the client closed.")
            .cause_if(late.is_some() && fault.is_some(), fault.clone().unwrap_or_default())
            .cause_if(late.is_some() && !unfinished, "The broker was frozen or overloaded for a while, or the service that checks its users is slow: it answered in the end.")
            .cause_if(unfinished && late.is_none(), "The client announced a longer CONNECT than it sent, so the broker waits for the rest.")
            .cause_if(late.is_none() && fault.is_some(), fault.unwrap_or_default())
            .cause_if(unsaid, unnamed.unwrap_or_default())
            .cause_if(silent && tight.is_some(), tight.unwrap_or_default())
            .cause_if(silent && only.is_some(), only.clone().unwrap_or_default())
            .cause_if(!arrived, "CONNECT itself did not reach the server: its TCP acknowledgment is missing.")
            .cause_if(plain, format!("The client is set to MQTT over WebSocket (`ws://`), and port {port} is for plain MQTT: the broker waits for the rest of a packet."))
            .cause_if(silent, "The broker hangs or is overloaded, or the database that checks its users is slow.")
            .cause_if(silent && upgrade.is_some() && !plain, "A proxy in between does not pass on the headers Upgrade and Connection, and the server behind it has no answer to the rest.")
            .cause_if(silent, "A load balancer or port forwarding took the connection and has no broker behind it.")
            .cause_if(silent && new && only.is_none(), "The broker does not speak MQTT 5.0: Mosca, for one, neither answers nor closes then.")
            .cause_if(silent && upgrade.is_none(), "The server takes no more connections, and lets further ones wait (HAProxy: `maxconn`; aMQTT: `max_connections`).")
            .cause_if(late.is_some() && !unfinished, "A load balancer held the connection until the broker behind it had room for one more.")
            .cause_if(silent && upgrade.is_none(), "RabbitMQ stops reading while its memory or disk alarm is on: `rabbitmq-diagnostics alarms` shows it.")
            .cause_if(silent && !known, format!("Port {port} belongs to another program, which waits for something else."))
            .step_if(unsaid, "Let the client offer the subprotocol `mqtt`, and every proxy pass on the header Sec-WebSocket-Protocol both ways.")
            .step_if(upgrade.is_some(), format!("Ask from the server's own host: `curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' http://localhost:{port}/mqtt`."))
            .step_if(late.is_some() && !unfinished, "Look into the broker's log and at the load of its host at this time, and let the client wait longer for the CONNACK.")
            .step_if(unfinished, format!("Look at frame {} in Wireshark: the client or its library has a fault, or stopped within the packet.", connect.frame))
            .step_if(upgrade.is_none() && late.is_none() && !unfinished, "Connect from the broker's own host: `mosquitto_sub -h localhost -t test -d`. If that hangs too, the broker is at fault.")
            .step_if(late.is_none() && !unfinished, format!("See which program listens: `ss -ltnp | grep {port}`, and look into the broker's log at this time."))
            .step_if(limit.is_some(), limit.unwrap_or_default())
            .step_if(silent && only.is_some() && !new, "Try the client with another version of MQTT.")
            .step_if(silent && new, "Try MQTT 3.1.1: `mosquitto_sub -V 311 …` beside `-V 5`.")
            .seen_as(Sight::ConnackMissing),
    )
}

/// What came of the answer to the request for a WebSocket, if only its beginning did.
fn begun_upgrade(story: &Story<'_>) -> Option<(String, Moment)> {
    let (came, newest) = story.websocket()?.begun_answer?;
    let came = words::bytes(u64::try_from(came).unwrap_or(u64::MAX));
    Some((format!("the first {came} of an HTTP answer"), newest))
}

/// That the WebSocket was opened without the word that MQTT is to be spoken in it, without which some brokers do not look for
/// it (MQTT 3.1.1 [MQTT-6.0.0-3], [MQTT-6.0.0-4]).
fn unnamed_protocol(story: &Story<'_>) -> Option<String> {
    let websocket = story.websocket().filter(|websocket| websocket.is_open() && !websocket.agrees_to_mqtt())?;
    let (request, answer) = (websocket.request.as_ref()?.at.frame, websocket.answer.as_ref()?.at.frame);
    Some(if websocket.offers_mqtt() {
        format!("The server opened the WebSocket and did not agree to the subprotocol `mqtt` that the client offers (frame {answer}): a proxy in between drops the header Sec-WebSocket-Protocol, or the program behind it is no broker. mosquitto, for one, then answers no CONNECT.")
    } else {
        format!("The request for the WebSocket offers no subprotocol `mqtt` (frame {request}): the client leaves it out, or a proxy in between drops the header Sec-WebSocket-Protocol. mosquitto, for one, then opens the WebSocket and answers no CONNECT.")
    })
}

/// The client's request for a WebSocket, if nothing whole answered it.
fn unanswered_upgrade(story: &Story<'_>) -> Option<Moment> {
    let websocket = story.websocket().filter(|websocket| websocket.answer.is_none() && websocket.foreign_answer.is_none())?;
    let silent = story.session.wire.sent.server.bytes == 0 || websocket.begun_answer.is_some();
    websocket.request.as_ref().filter(|_| silent).map(|request| request.at)
}

/// The library whose usual time limit for CONNACK fits `waited`.
fn library_with_limit(waited: i64) -> Option<String> {
    let limits = [
        (1, "arduino-mqtt"),
        (5, "rumqttc"),
        (10, "esp-mqtt and aiomqtt"),
        (15, "PubSubClient"),
        (30, "MQTT.js and ArduinoMqttClient"),
    ];
    let (seconds, library) =
        limits.into_iter().find(|(limit, _)| waited.saturating_sub(limit * SECOND).abs() <= SECOND * limit / 20 + SECOND / 5)?;
    Some(format!(
        "A wait of {seconds} s is the usual limit of {library}: if the answer is only slow, raise the limit there."
    ))
}

/// The server did not answer the client's first data in an encrypted connection.
pub(super) fn encrypted(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let sent = tls.data.client.first?;
    if tls.data.server.records > 0 || tls.client_hello.is_none() || story.close_by(Side::Server).is_some() {
        return None;
    }
    let (end, patience) = match story.close {
        Some(close) => (close.at.time, PATIENCE),
        None => (story.capture_end(), LONG),
    };
    let waited = end.nanoseconds_since(sent.time);
    if waited < patience {
        return None;
    }
    let (client, server, span) = (secured.client(), secured.server(), words::duration(waited));
    let sentence = format!("{client} made a TLS connection to {server} and sent data in it, and the server stayed silent for {span}.");
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at([sent])
            .at(story.close.map(|close| close.at))
            .cause("The broker is overloaded, or what it asks about its users does not answer.")
            .cause("A proxy that ends TLS has no broker behind it.")
            .step("Look at the load and the log of the broker, and of the proxy before it, at this time.")
            .seen_as(Sight::ConnackMissing),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::session::{PacketCounts, UnfinishedPacket, Taken};
    use crate::stream::{Side, StreamOffset};

    #[test]
    fn a_client_that_no_connack_fits() {
        let first = |most| {
            let tale = Tale::connecting_v5().with(|session| session.connect.as_mut().unwrap().maximum_packet_size = most);
            diagnose(&tale.close(Side::Client, 5.0).build()).causes[0].to_string()
        };
        assert!(first(Some(20)).starts_with("The client takes packets of 20 bytes at most"), "{}", first(Some(20)));
        assert!(first(Some(1024)).starts_with("The broker hangs"), "{}", first(Some(1024)));
    }

    #[test]
    fn the_client_gives_up() {
        let verdict = diagnose(&Tale::connecting().close(Side::Client, 15.0).build());
        assert_eq!(verdict.outcome.id, "connect-unanswered");
        assert_eq!(
            verdict.outcome.sentence,
            "10.0.0.5:1883 received the CONNECT of sensor-17 and stayed silent for 15 s; sensor-17 gave up."
        );
        assert!(verdict.next_steps[2].contains("PubSubClient"));
        assert!(verdict.causes.concat().contains("disk alarm"));
        let lost = diagnose(&Tale::connecting().retries(Side::Client, 4, 10.0).close(Side::Client, 5.0).build());
        assert!(!lost.causes.concat().contains("disk alarm"), "{}", lost.outcome.id);
    }

    #[test]
    fn what_the_broker_took_from_others_it_knows() {
        let causes = |same: bool| {
            let tale = Tale::connecting_v5().close(Side::Client, 15.0).with(|session| {
                let connect = Some(session.wire.last);
                let taken = Taken { connect, version: connect.filter(|_| same), ..Taken::default() };
                session.neighbours.taken = Some(Box::new(taken));
            });
            diagnose(&tale.build()).causes.concat()
        };
        let first = "The broker does not speak MQTT 5.0: it let in a client of another version (frame 5).";
        assert!(causes(false).starts_with(first), "{}", causes(false));
        assert!(!causes(true).contains("does not speak MQTT 5.0"));
        assert!(!causes(true).contains("belongs to another program"));
        let old = Tale::connecting().close(Side::Client, 15.0).with(|session| {
            let connect = Some(session.wire.last);
            session.neighbours.taken = Some(Box::new(Taken { connect, ..Taken::default() }));
        });
        let old = diagnose(&old.build());
        assert!(old.causes[0].starts_with("The broker does not speak MQTT 3.1.1"), "{:?}", old.causes);
        assert!(old.next_steps.concat().contains("another version of MQTT"), "{:?}", old.next_steps);
    }

    #[test]
    fn an_answer_upon_the_close_to_a_connect_that_was_never_whole() {
        let told = |begun: bool| {
            let tale = Tale::connecting().close(Side::Client, 4.0).connack(0).with(|session| {
                let (packet, started) = (PacketType::CONNECT, session.wire.first);
                session.unfinished_packet.client = begun.then_some(UnfinishedPacket { packet, length: 22, started });
            });
            diagnose(&tale.build()).causes
        };
        assert!(told(true)[0].starts_with("The client announced a longer CONNECT"), "{:?}", told(true));
        assert!(!told(true).concat().contains("frozen"), "{:?}", told(true));
        assert!(told(false)[0].contains("frozen"), "{:?}", told(false));
    }

    #[test]
    fn a_fault_in_connect_is_named_and_a_begun_one_told() {
        let broken = Tale::connecting().violation(Side::Client, true).close(Side::Client, 5.0);
        let causes = diagnose(&broken.build()).causes;
        assert!(causes[0].contains("MQTT-3.3.2-2") && causes[1].starts_with("The broker hangs"), "{causes:?}");
        let begun = Tale::connecting().close(Side::Client, 5.0).with(|session| {
            let (packet, started) = (PacketType::CONNECT, session.wire.last);
            session.unfinished_packet.client = Some(UnfinishedPacket { packet, length: 18, started });
        });
        let verdict = diagnose(&begun.build());
        let told = "10.0.0.5:1883 received the beginning of the CONNECT of sensor-17 and stayed silent for 5 s; sensor-17 gave up.";
        assert_eq!(verdict.outcome.sentence, told);
        assert_eq!(verdict.causes, ["The client announced a longer CONNECT than it sent, so the broker waits for the rest."]);
    }

    #[test]
    fn a_part_of_an_answer_is_no_silence() {
        let part = |length, gone| {
            let tale = Tale::connecting().packet(Side::Server, PacketType::CONNACK, 0.01).with(|session| {
                session.counts.server = PacketCounts::default();
                session.last_packets.server.clear();
                session.wire.sent.server.sent = StreamOffset(3);
                let (packet, started) = (PacketType::CONNACK, session.wire.last);
                session.unfinished_packet.server = Some(UnfinishedPacket { packet, length, started });
            });
            diagnose(&tale.close(gone, 5.0).build())
        };
        let verdict = part(4, Side::Client);
        assert_eq!(verdict.outcome.id, "connect-unanswered");
        assert_eq!(
            verdict.outcome.sentence,
            "10.0.0.5:1883 answered the CONNECT of sensor-17 with 3 of the 4 bytes of a CONNACK, and the rest did not come within 5 s; sensor-17 gave up."
        );
        assert!(verdict.causes[0].contains("stopped within its answer"), "{:?}", verdict.causes);
        assert!(!verdict.causes.concat().contains("no broker behind"), "{:?}", verdict.causes);
        // Behind an HTTP proxy's answer the count is not known.
        let behind = part(3, Side::Client).outcome.sentence;
        assert!(behind.contains("with the beginning of a CONNACK, and"), "{behind}");
        let closed = part(4, Side::Server).outcome;
        assert_eq!(closed.id, "connect-closed");
        assert!(closed.sentence.ends_with("in the middle of its answer: 3 of the 4 bytes of a CONNACK came."), "{}", closed.sentence);
    }

    #[test]
    fn a_long_silence_up_to_the_end_of_the_capture() {
        let long = outcome(&Tale::connecting().ended_after(40.0).build());
        assert_eq!((long.id, long.confidence), ("connect-unanswered", Confidence::Certain));
        assert!(long.sentence.ends_with("40 s, up to the end of the capture."));
        let near_miss = outcome(&Tale::connecting().ended_after(0.3).build());
        assert_eq!(near_miss.id, "unclassified");
        assert!(near_miss.sentence.contains("300 ms"));
    }

    #[test]
    fn a_gap_makes_a_missing_answer_only_possible() {
        let tale = Tale::connecting().close(Side::Client, 15.0);
        let gap = tale.with(|session| session.wire.sent.server.missing_bytes = 4);
        assert_eq!(outcome(&gap.build()).confidence, Confidence::Possible);
    }

    #[test]
    fn a_capture_of_one_direction_claims_no_silence() {
        let tale = Tale::connecting().close(Side::Client, 15.0);
        let half = tale.with(|session| session.wire.sent.server.segments = 0);
        assert_ne!(outcome(&half.build()).id, "connect-unanswered");
    }

    #[test]
    fn an_answer_to_a_client_that_has_gone_is_none() {
        let verdict = diagnose(&Tale::connecting().close(Side::Client, 4.0).connack(0).build());
        assert_eq!((verdict.outcome.id, verdict.outcome.confidence), ("connect-unanswered", Confidence::Certain));
        assert_eq!(
            verdict.outcome.sentence,
            "10.0.0.5:1883 did not answer the CONNECT of sensor-17 for 4 s; sensor-17 gave up, and the CONNACK came 2 ms too late."
        );
        assert!(verdict.causes[0].contains("answered in the end"), "{:?}", verdict.causes);
        let reset = Tale::connecting().reset(Side::Client, 4.0).connack(0);
        assert_eq!(outcome(&reset.build()).id, "connect-unanswered");
        let hasty = outcome(&Tale::connecting().close(Side::Client, 0.1).connack(0).build());
        assert_eq!(hasty.sentence, "sensor-17 closed the connection 100 ms after CONNECT, before an answer came.");
    }

    #[test]
    fn an_answer_that_the_client_had_or_used_came_in_time() {
        // Captured beside the server: the FIN passed the CONNACK, which the client had acknowledged.
        let read = Tale::connecting().close(Side::Client, 4.0).connack(0);
        let read = read.with(|session| session.wire.sent.client.fin.as_mut().unwrap().acknowledges.0 = 20);
        assert_eq!(outcome(&read.build()).id, "client-closed");
        let spoke = Tale::connecting().close(Side::Client, 4.0).connack(0);
        let spoke = spoke.publish(Side::Client, "a", 0, 20, 0.1);
        assert_eq!(outcome(&spoke.build()).id, "client-closed");
        assert_eq!(outcome(&Tale::connected().close(Side::Client, 4.0).build()).id, "client-closed");
    }

    #[test]
    fn a_client_that_leaves_at_once_waited_for_nothing() {
        let hasty = Tale::connecting().close(Side::Client, 0.01).build();
        assert_eq!(outcome(&hasty).id, "client-closed");
    }
}
