//! `icmp-unreachable`: a router or the host itself says that the connection cannot be made.

use super::attempted::{ONE_OF_SEVERAL, detour};
use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::net::{Undeliverable, UnreachableReason};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "icmp-unreachable",
    group: "network",
    severity: Severity::Error,
    text: include_str!("icmp_unreachable.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let (at, error) = *story.session.undeliverable.as_deref()?;
    // A connection that came about all the same was not stopped by it.
    if wire.syn_ack.count > 0 || wire.established.is_some() || wire.sent.server.segments > 0 {
        return None;
    }
    let Undeliverable { router, reason, .. } = error;
    let address = wire.peers.server.endpoint.address;
    let (client, server, port) = (story.client_host(), story.server(), story.port());
    let speaker = if router == address { format!("{address} itself") } else { format!("The router {router}") };
    // What was lost need not be a SYN: the connection may be older than the capture.
    let running = wire.syn.count == 0 && wire.sent.client.segments > 0;
    let older = if running { ", on a connection that began before the capture" } else { "" };
    let sentence = format!("{speaker} told {client} that {server} cannot be reached: {reason}{older}.");
    let detour = detour(story);
    let several = detour.is_some();
    let is = |reasons: &[UnreachableReason]| reasons.contains(&reason);
    let refused = is(&[UnreachableReason::Port, UnreachableReason::Prohibited]);
    let away = is(&[UnreachableReason::Host]);
    let missing = is(&[UnreachableReason::Network]);
    let circle = is(&[UnreachableReason::TimeExceeded]);
    // What Linux makes of the message; embedded TCP stacks mostly pass over it.
    let sight = match reason {
        // It is no reason to give up a connection that is open (RFC 1122 §4.2.3.9).
        _ if running => Sight::Silent,
        UnreachableReason::Port => Sight::KnockRefused,
        UnreachableReason::Network => Sight::NetworkUnreachable,
        UnreachableReason::Prohibited if address.is_ipv6() => Sight::Nothing,
        UnreachableReason::Host | UnreachableReason::Prohibited | UnreachableReason::TimeExceeded => {
            Sight::HostUnreachable
        }
        UnreachableReason::Protocol | UnreachableReason::Other { .. } => Sight::Nothing,
    };
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .at([if running { wire.first } else { wire.syn.first }, at])
            .cause_if(several, detour.unwrap_or_default())
            .cause_if(refused, format!("A firewall rule at {router} rejects the connection and says so."))
            .cause_if(away, format!("The host {address} is off, or has another address now."))
            .cause_if(missing, format!("{router} has no route to {address}: an uplink or a VPN is down, or the address belongs to no network here."))
            .cause_if(circle, "The routes of two or more routers lead in a circle.")
            .step_if(several, ONE_OF_SEVERAL)
            .step_if(refused, format!("Look for a rule that rejects TCP port {port} in the firewall of {router}."))
            .step_if(away, format!("Check that {address} is on and still has this address; `ping {address}` from its own network."))
            .step_if(missing || circle, format!("Follow the way with `traceroute {address}` from the client's network, and look at the routes of {router}."))
            .step(format!("Compare the address {address} with that of the broker."))
            .seen_as(sight),
    )
}

/// A router says so in the running session, and what it could not deliver never arrived.
pub(super) fn midway(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let (at, error) = *story.session.undeliverable.as_deref()?;
    let Undeliverable { router, reason, source, .. } = error;
    let sender = if source == wire.peers.client.endpoint { Side::Client } else { Side::Server };
    let waiting = wire.sent.of(sender).waiting_since?;
    let repeated = wire.sent.of(sender).retries.count > 0;
    if story.acknowledged(sender) || !repeated || at.is_before(waiting) {
        return None;
    }
    let (from, to) = (story.subject(sender), wire.peers.of(sender.other()).endpoint.address);
    // When the way was back, the host at its end had forgotten the connection.
    let forgot = sender == Side::Client && story.server_forgot() && story.close.is_some_and(|close| at.is_before(close.at));
    let end = if forgot {
        "and when the way was back, the host answered with a reset, as one that did not know the connection any more".to_owned()
    } else {
        format!("and nothing from {from} arrived from then on")
    };
    let sentence =
        format!("The connection stopped working: {router} told {from} that {to} cannot be reached ({reason}), {end}.");
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .on(&[Ground::Cause])
            .at([waiting, at])
            .at(story.close.map(|close| close.at))
            .cause_if(forgot, format!("The host {to} was restarted: it was away, and came back without the connection."))
            .cause(format!("The way from {router} to {to} failed: a link, a route or the host itself went down, or a firewall rule changed."))
            .step(format!("Look at {router} at this time: it is the device that knows why."))
            .step(format!("Check whether {to} could be reached by others at this time."))
            .seen_as(Sight::Silent),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::net::{Undeliverable, UnreachableReason};
    use crate::session::Session;
    use crate::stream::Side;

    fn told(mut session: Session, reason: UnreachableReason) -> Session {
        let error = Undeliverable {
            router: "10.0.0.1".parse().unwrap(),
            reason,
            source: session.wire.peers.client.endpoint,
            destination: session.wire.peers.server.endpoint,
        };
        session.undeliverable = Some(Box::new((session.wire.syn.last, error)));
        session
    }

    #[test]
    fn the_connection_may_be_older_than_the_capture() {
        let tale = Tale::opened().publish(Side::Client, "a", 1, 20, 1.0).with(|session| {
            session.wire.syn.count = 0;
            session.wire.syn_ack.count = 0;
            session.wire.established = None;
            session.wire.sent.server.segments = 0;
            session.wire.sent.client.segments = 1;
        });
        let mut session = told(tale.build(), UnreachableReason::Prohibited);
        session.wire.syn.first = crate::capture::Moment::default();
        let verdict = diagnose(&session);
        assert_eq!(verdict.outcome.id, "icmp-unreachable");
        assert!(verdict.outcome.sentence.ends_with("on a connection that began before the capture."));
        assert!(verdict.outcome.frames.iter().all(|frame| frame.get() > 0), "{:?}", verdict.outcome.frames);
        assert!(verdict.client_saw.iter().all(|saw| !format!("{saw:?}").contains("No route")), "{:?}", verdict.client_saw);
    }

    #[test]
    fn a_router_says_why() {
        let outcome = outcome(&told(Tale::knocking(1).build(), UnreachableReason::Network));
        assert_eq!((outcome.id, outcome.confidence), ("icmp-unreachable", Confidence::Certain));
        assert_eq!(
            outcome.sentence,
            "The router 10.0.0.1 told 10.0.0.21 that 10.0.0.5:1883 cannot be reached: no route to that network."
        );
    }

    #[test]
    fn each_reason_has_its_cause_and_its_error() {
        let saw = |reason| {
            let verdict = diagnose(&told(Tale::knocking(1).build(), reason));
            assert_eq!(verdict.causes.len(), 1, "{reason}");
            let python = verdict.client_saw.iter().find(|saw| saw.client == "Paho Python").unwrap().reports;
            (verdict.causes.concat().contains("circle"), python.contains("refused") || python.contains("Refused"), python)
        };
        assert_eq!(saw(UnreachableReason::Network), (false, false, "`OSError: [Errno 101] Network is unreachable`"));
        // What the reject rules of most firewalls make of a connection.
        let prohibited = saw(UnreachableReason::Prohibited);
        assert_eq!(prohibited, (false, false, "`OSError: [Errno 113] No route to host`"));
        assert_eq!(saw(UnreachableReason::Port), (false, true, "`ConnectionRefusedError`"));
        assert!(saw(UnreachableReason::TimeExceeded).0);
    }

    #[test]
    fn a_host_that_comes_back_may_have_forgotten_the_connection() {
        let back = |acknowledges| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 20, 5.0).retries(Side::Client, 2, 3.0);
            let mut session = told(tale.reset(Side::Server, 1.0).build(), UnreachableReason::Host);
            let sent = session.last_packets.client.last().unwrap().at;
            session.wire.sent.client.waiting_since = Some(sent);
            session.undeliverable.as_mut().unwrap().0 = session.wire.sent.client.retries.last;
            session.wire.reset.as_mut().unwrap().acknowledges = acknowledges;
            diagnose(&session)
        };
        let forgot = back(false);
        assert_eq!(forgot.outcome.id, "icmp-unreachable");
        assert!(forgot.outcome.sentence.contains("when the way was back, the host answered with a reset"), "{}", forgot.outcome.sentence);
        assert!(forgot.causes[0].contains("was restarted"), "{:?}", forgot.causes);
        assert!(back(true).outcome.sentence.ends_with("nothing from sensor-17 arrived from then on."), "{}", back(true).outcome.sentence);
    }

    #[test]
    fn a_connection_that_came_about_is_not_unreachable() {
        let open = told(Tale::connected().build(), UnreachableReason::Host);
        assert_ne!(outcome(&open).id, "icmp-unreachable");
    }
}
