//! `connection-refused`: the host answered, but with a RST.

use super::attempted::{ONE_OF_SEVERAL, detour};
use super::{About, Judgement};
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "connection-refused",
    group: "network",
    severity: Severity::Error,
    text: include_str!("connection_refused.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let reset = wire.reset.filter(|reset| reset.by == Side::Server)?;
    if wire.syn.count == 0 || wire.syn_ack.count > 0 || wire.established.is_some() {
        return None;
    }
    // The server acknowledged what the capture lacks: it had let the client in before.
    if story.is(Qualifier::CaptureGaps) {
        return None;
    }
    let (client, server, port) = (story.client_host(), story.server(), story.port());
    let address = wire.peers.server.endpoint.address;
    let held_back = story.is_held_back();
    let foreign = story.reset_is_foreign() || held_back;
    let before = story.answered_before();
    let stopped = before.is_some();
    let since = before.map_or_else(String::new, |before| {
        format!("The broker, or a proxy in front of it, was stopped or has crashed: in frame {} it still answered a client on this port.", before.frame)
    });
    let detour = detour(story);
    let several = detour.is_some();
    let serving = story.session.neighbours.ways.serving.as_ref().filter(|_| !foreign);
    let open = serving.is_some();
    // No firewall limits what a host says to itself.
    let inside = open && address.is_loopback();
    let limited = serving.filter(|serving| serving.same_host && !inside).map(|serving| {
        format!("A firewall limits how many connections an address may have (`connlimit` and the like): {client} had another one, on which the broker still answered in frame {}.", serving.heard.frame)
    });
    let stopped = stopped && !open;
    let alone = !foreign && !open;
    let (confidence, sentence) = if foreign {
        (
            Confidence::Likely,
            format!(
                "The connection of {client} to {server} was refused, and the refusal came from another device than {address}."
            ),
        )
    } else if let Some(serving) = serving {
        let (began, heard) = (serving.began.frame, serving.heard.frame);
        (
            Confidence::Certain,
            format!("{address} refused the connection of {client} to port {port}, and went on serving another one there: it began in frame {began}, and the broker spoke in frame {heard}."),
        )
    } else {
        (
            Confidence::Certain,
            format!("{address} refused the connection of {client}: nothing accepts connections on port {port}."),
        )
    };
    Some(
        Judgement::new(confidence, sentence)
            .at([wire.syn.last, reset.at])
            .at(serving.map(|serving| serving.heard))
            .cause_if(several, detour.unwrap_or_default())
            .cause_if(held_back, format!("A firewall on the device that captured it refuses the connection: what goes to {address} is captured there twice, and this was not."))
            .cause_if(foreign && !held_back, "A firewall on the way refuses the connection in the host's name: the packet's TTL does not fit the host's other packets.")
            .cause_if(limited.is_some(), limited.unwrap_or_default())
            .cause_if(open && !inside, "A firewall rejects this client, or so many connections, in the host's name.")
            .cause_if(open && !inside, "Several brokers are behind the address, and the one that this connection was led to is down.")
            .cause_if(open, "The broker closed its port and kept the connections that it had, as some do before they stop.")
            .cause_if(alone && stopped, since)
            .cause_if(alone && !stopped && address.is_ipv6(), "The broker listens on IPv4 only: a client that knows both addresses of a name usually tries IPv4 next.")
            .cause_if(alone && !stopped, "The broker is not running.")
            .cause_if(alone && !stopped, "The broker listens on localhost only: mosquitto 2 does so until its configuration has a `listener` line.")
            .cause_if(alone && !stopped, "The broker uses another port: 1883 is for plain MQTT, 8883 for MQTT over TLS.")
            .cause_if(alone, "A firewall answers with a reject.")
            .step_if(several, ONE_OF_SEVERAL)
            .step_if(!foreign, format!("On the broker's host, see what listens: `ss -ltnp | grep {port}`."))
            .step_if(alone && stopped, "Start the broker again, and look into its log for the reason of its end.")
            .step_if(alone && !stopped, format!("Start the broker, or give it a listener that other hosts can reach (mosquitto: `listener {port}` in mosquitto.conf)."))
            .step(format!("Look for a firewall rule that rejects TCP port {port}."))
            .seen_as(Sight::KnockRefused),
    )
}

#[cfg(test)]
mod tests {
    use crate::capture::{FrameNumber, Moment, Timestamp};
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::session::{Serving, Session};
    use crate::stream::Side;

    #[test]
    fn a_knock_answered_by_a_reset() {
        let outcome = outcome(&Tale::knocking(1).reset(Side::Server, 0.001).build());
        assert_eq!((outcome.id, outcome.confidence), ("connection-refused", Confidence::Certain));
        assert_eq!(
            outcome.sentence,
            "10.0.0.5 refused the connection of 10.0.0.21: nothing accepts connections on port 1883."
        );
    }

    #[test]
    fn a_broker_that_was_there_before_has_stopped() {
        let causes = |tale: Tale| diagnose(&tale.build()).causes.concat();
        assert!(causes(Tale::knocking(1).reset(Side::Server, 0.001)).contains("localhost"));
        let before = |session: &mut Session| session.neighbours.connack_before = Some(session.wire.first);
        let stopped = causes(Tale::knocking(1).reset(Side::Server, 0.001).with(before));
        assert!(stopped.contains("stopped") && !stopped.contains("localhost"), "{stopped}");
    }

    #[test]
    fn a_port_that_serves_others_meanwhile_is_open() {
        let refused = |same_host| {
            let tale = Tale::knocking(1).reset(Side::Server, 0.001).with(|session| {
                let (began, heard) = (session.wire.first, session.wire.last);
                session.neighbours.connack_before = Some(began);
                session.neighbours.ways.serving = Some(Serving { began, heard, same_host });
            });
            diagnose(&tale.build())
        };
        let verdict = refused(false);
        let told = "10.0.0.5 refused the connection of 10.0.0.21 to port 1883, and went on serving another one there: it began in frame 1, and the broker spoke in frame 2.";
        assert_eq!((verdict.outcome.confidence, verdict.outcome.sentence.as_str()), (Confidence::Certain, told));
        assert!(verdict.causes[0].starts_with("A firewall rejects this client"), "{:?}", verdict.causes);
        assert!(!verdict.causes.concat().contains("crashed"), "{:?}", verdict.causes);
        assert!(refused(true).causes[0].starts_with("A firewall limits how many"));
        let causes = within_a_host();
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert!(causes[0].starts_with("The broker closed its port"), "{causes:?}");
    }

    fn within_a_host() -> Vec<std::borrow::Cow<'static, str>> {
        let tale = Tale::knocking(1).reset(Side::Server, 0.001).with(|session| {
            session.wire.peers.server.endpoint.address = [127, 0, 0, 1].into();
            let (began, heard) = (session.wire.first, session.wire.last);
            session.neighbours.ways.serving = Some(Serving { began, heard, same_host: true });
        });
        diagnose(&tale.build()).causes
    }

    #[test]
    fn what_the_server_says_afterwards_shows_that_the_port_is_open() {
        let at = |frame: u64| {
            Moment { frame: FrameNumber::new(frame), time: Timestamp(i64::try_from(frame).unwrap() * 10_000_000_000) }
        };
        let refused = |first, spoke, packet| {
            let refused = Tale::knocking(1).reset(Side::Server, 0.001).with(|session| {
                session.wire.first = at(50);
                session.wire.reset.as_mut().unwrap().at = at(51);
            });
            let served = Tale::connected().publish(Side::Server, "a", 0, 10, 0.1).with(|session| {
                session.wire.first = at(first);
                let last = session.last_packets.server.last_mut().unwrap();
                (last.at, last.packet) = (at(spoke), packet);
            });
            let mut sessions = vec![Box::new(served.build()), Box::new(refused.build())];
            crate::session::compare(&mut sessions);
            sessions[1].neighbours.ways.serving.as_ref().map(|serving| serving.heard.frame.get())
        };
        assert_eq!(refused(1, 90, PacketType::PUBLISH), Some(90));
        // It fell silent before, or only said goodbye; and one that began later.
        assert_eq!(refused(1, 40, PacketType::PUBLISH), None);
        assert_eq!(refused(1, 90, PacketType::DISCONNECT), None);
        assert_eq!(refused(60, 90, PacketType::PUBLISH), None);
    }

    #[test]
    fn over_ipv6_the_broker_may_only_listen_on_ipv4() {
        let causes = |address: Option<std::net::IpAddr>| {
            let tale = Tale::knocking(1).reset(Side::Server, 0.001).with(|session| {
                let server = &mut session.wire.peers.server.endpoint;
                server.address = address.unwrap_or(server.address);
            });
            diagnose(&tale.build()).causes.concat()
        };
        assert!(causes("fd00::2".parse().ok()).starts_with("The broker listens on IPv4 only"));
        assert!(!causes(None).contains("IPv4 only"));
    }

    #[test]
    fn a_foreign_ttl_points_at_a_firewall() {
        let mut session = Tale::knocking(1).reset(Side::Server, 0.001).build();
        session.neighbours.server_hop_limit = Some(57);
        let outcome = outcome(&session);
        assert_eq!((outcome.id, outcome.confidence), ("connection-refused", Confidence::Likely));
    }

    #[test]
    fn a_knock_that_does_not_leave_the_router_is_answered_there() {
        let refused = |knocks, answers| {
            let tale = Tale::knocking(1).reset(Side::Server, 0.001).with(|session| {
                session.neighbours.server_seen_twice = true;
                session.wire.sent.client.duplicated = knocks;
                session.wire.sent.server.segments = answers;
            });
            diagnose(&tale.build())
        };
        let there = refused(0, 1);
        assert_eq!(there.outcome.confidence, Confidence::Likely);
        assert!(there.causes[0].starts_with("A firewall on the device that captured it"), "{:?}", there.causes);
        for (knocks, answers) in [(1, 2), (1, 1), (0, 2)] {
            assert_eq!(refused(knocks, answers).outcome.confidence, Confidence::Certain);
        }
    }

    #[test]
    fn a_reset_behind_what_was_not_captured_is_no_refusal() {
        let tale = Tale::knocking(1).reset(Side::Server, 0.001);
        let session = tale.with(|session| session.wire.reset.as_mut().unwrap().skips = true).build();
        assert_eq!(outcome(&session).id, "unclassified");
    }

    #[test]
    fn a_reset_by_the_client_is_no_refusal() {
        let outcome = outcome(&Tale::knocking(2).reset(Side::Client, 9.0).build());
        assert_eq!(outcome.id, "syn-unanswered");
    }
}
