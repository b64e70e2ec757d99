//! `syn-unanswered`: the client knocked and nothing came back.

use super::attempted::{ONE_OF_SEVERAL, detour, named, repeated};
use super::{About, Judgement};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "syn-unanswered",
    group: "network",
    severity: Severity::Error,
    text: include_str!("syn_unanswered.md"),
};

/// How long a single SYN must have waited before its silence says anything.
const PATIENCE: i64 = 3 * SECOND;

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let (syn, server) = (wire.syn, &wire.sent.server);
    let answered = wire.syn_ack.count > 0 || server.segments > 0 || wire.established.is_some();
    let waited = story.until_capture_end(syn.first);
    if syn.count == 0 || answered || (syn.count == 1 && waited <= PATIENCE) {
        return None;
    }
    let (client, server) = (story.client_host(), story.server());
    let again = syn.last.time.nanoseconds_since(syn.first.time);
    let (confidence, sentence) = if syn.count == 1 {
        let (span, until) = (words::duration(waited), story.until_when());
        (
            Confidence::Possible,
            format!(
                "{client} knocked on {server} once and nothing came back in the {span} {until}."
            ),
        )
    } else {
        let (times, span) = (words::counted(syn.count.into(), "time"), words::duration(again));
        (Confidence::VeryLikely, format!("{client} knocked on {server} {times} in {span} and nothing came back."))
    };
    let address = wire.peers.server.endpoint.address;
    let port = story.port();
    let detour = detour(story);
    let several = detour.is_some();
    let known = story.session.neighbours.resolution.as_ref().filter(|_| !several);
    let looked_up = known.map_or_else(String::new, |known| {
        let (name, frame) = (named(&known.name), known.at.frame);
        format!("The name {name} led the client to {address} (frame {frame}), and that is not, or no longer, the broker's address.")
    });
    let searched = story.session.neighbours.searched.as_ref();
    let absent = searched.map_or_else(String::new, |search| {
        let (question, frame) = (if address.is_ipv4() { "ARP" } else { "Neighbour Solicitation" }, search.asked.first.frame);
        let times = repeated(&search.asked);
        format!("Nobody is at {address}: {} looked for it on its own network {times} by {question} (first in frame {frame}), and nobody answered.", search.asker)
    });
    let before = story.answered_before();
    let gone = before.map_or_else(String::new, |before| {
        format!("The host {address} went off or lost its network: in frame {} its broker still answered a client.", before.frame)
    });
    let alive = before.is_some();
    let absent_host = !alive && story.session.neighbours.server_hop_limit.is_none();
    let closed = !alive && !absent_host;
    // The program that listens there takes no more connections, and so its host answers no more knocks.
    let busy = closed && story.session.neighbours.port_answers;
    let hangs = "The broker hangs or is overloaded and accepts no connections: when too many wait, its host answers no more.";
    let held_back = story.is_held_back();
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at([syn.first, syn.last])
            .cause_if(several, detour.unwrap_or_default())
            .cause_if(searched.is_some(), absent)
            .cause_if(known.is_some(), looked_up)
            .cause_if(held_back, format!("The device that captured it did not pass the packets on: those to {address} are captured there twice, and these were not. Its firewall discards them, or it finds the host no more."))
            .cause_if(alive, gone)
            .cause_if(busy, format!("{hangs} In this capture it still answered other knocks on port {port}."))
            .cause_if(closed && !busy, format!("The host {address} answers other connections in this capture: a firewall discards those to port {port} without an answer."))
            .cause_if(!absent_host && !busy, hangs)
            .cause_if(closed, "The host was off or without network at this time.")
            .cause_if(absent_host, format!("The host {address} is off, or it is not in this network."))
            .cause_if(absent_host && known.is_none() && !several, "The address is not, or no longer, that of the broker.")
            .cause_if(searched.is_none() && (!closed || busy), "A firewall or security group on the way discards the packets without an answer.")
            .step_if(several, ONE_OF_SEVERAL)
            .step(format!("From the client's network, try `nc -vz {address} {port}` and `ping {address}`."))
            .step_if(!absent_host, "Look at the load and the log of the broker and its host at this time.")
            .step_if(absent_host, "Compare the address with that of the broker: `ip address` on the broker's host.")
            .step(format!(
                "Look for a firewall rule for TCP port {port} on the broker's host and between the networks."
            ))
            .seen_as(Sight::KnockUnanswered),
    )
}

/// The answer came when the client had given up: its host knew nothing of the knock any more.
pub(super) fn late(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let (syn, answer) = (wire.syn, wire.syn_ack);
    let reset = wire.reset.filter(|reset| reset.by == Side::Client && !reset.acknowledges)?;
    if syn.count == 0 || answer.count == 0 || wire.established.is_some() || !story.soon(answer.first, reset.at, SECOND) {
        return None;
    }
    let waited = answer.first.time.nanoseconds_since(syn.last.time);
    if waited < if syn.count == 1 { PATIENCE } else { SECOND } {
        return None;
    }
    let (client, server) = (story.client_host(), story.server());
    let span = words::duration(syn.last.time.nanoseconds_since(syn.first.time));
    let knocks = match syn.count {
        1 => "once".to_owned(),
        count => format!("{} in {span}", words::counted(count.into(), "time")),
    };
    let sentence = format!(
        "{client} knocked on {server} {knocks}, and the answer came only {} after the last knock: {client} had given up.",
        words::duration(waited)
    );
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .on(&[Ground::Absence])
            .at([syn.first, syn.last, answer.first, reset.at])
            .cause("The network between, or one direction of it, did not work for a while.")
            .cause("The server's host was overloaded, or its queue of waiting connections was full, and it answered in the end.")
            .step("Capture at the server as well: whether the knocks arrived there, and when it answered, tells which direction failed.")
            .seen_as(Sight::KnockUnanswered),
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::SECOND;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::session::{Session, compare};
    use crate::stream::Side;

    #[test]
    fn repeated_knocks_without_an_answer() {
        let outcome = outcome(&Tale::knocking(4).build());
        assert_eq!(outcome.id, "syn-unanswered");
        assert_eq!(outcome.confidence, Confidence::VeryLikely);
        assert_eq!(outcome.sentence, "10.0.0.21 knocked on 10.0.0.5:1883 4 times in 7 s and nothing came back.");
    }

    #[test]
    fn a_client_that_gets_through_under_another_address() {
        let told_of = |seconds: i64, host: u8, again: Option<i64>| {
            let reached = Tale::healthy().with(|session| {
                session.wire.first.time.0 += seconds * SECOND;
                session.wire.first.frame = session.wire.last.frame.after(10);
                session.wire.peers.server.endpoint.address = Ipv4Addr::new(10, 0, 0, host).into();
            });
            let mut sessions = vec![Box::new(Tale::knocking(3).build()), Box::new(reached.build())];
            sessions.extend(again.map(|seconds| {
                let later = |session: &mut Session| session.wire.first.time.0 += seconds * SECOND;
                Box::new(Tale::knocking(3).with(later).build())
            }));
            compare(&mut sessions);
            diagnose(&sessions[0]).causes[0].to_string()
        };
        let first = |seconds, host| told_of(seconds, host, None);
        let told = first(5, 6);
        assert!(told.starts_with("The client knows several addresses, of which 10.0.0.5 is of no use: 5 s later it tried 10.0.0.6:1883"), "{told}");
        // Long after, or at the same address.
        for other in [first(30, 6), first(5, 5)] {
            assert!(other.starts_with("The host 10.0.0.5 is off"), "{other}");
        }
        // While it is connected elsewhere the host goes on: there are two clients.
        assert!(told_of(5, 6, Some(7)).starts_with("The host 10.0.0.5 is off"));
        assert!(told_of(5, 6, Some(300)).starts_with("The client knows several addresses"));
    }

    #[test]
    fn one_knock_counts_only_after_a_while() {
        let waited = outcome(&Tale::knocking(1).ended_after(5.0).build());
        assert_eq!((waited.id, waited.confidence), ("syn-unanswered", Confidence::Possible));
        let near_miss = outcome(&Tale::knocking(1).ended_after(0.4).build());
        assert_eq!(near_miss.id, "unclassified");
    }

    #[test]
    fn a_host_that_answers_others_is_in_this_network() {
        let causes = |hops, accepted: bool| {
            let tale = Tale::knocking(4).with(|session| {
                session.neighbours.server_hop_limit = hops;
                session.neighbours.connack_before = accepted.then_some(session.wire.first);
            });
            diagnose(&tale.build()).causes.concat()
        };
        let (other, broker) = (causes(Some(64), false), causes(Some(64), true));
        assert!(other.starts_with("The host 10.0.0.5 answers other connections in this capture: a firewall"), "{other}");
        assert!(broker.starts_with("The host 10.0.0.5 went off or lost its network: in frame 1 its"), "{broker}");
        let held_back = Tale::knocking(4).with(|session| session.neighbours.server_seen_twice = true);
        assert!(diagnose(&held_back.build()).causes[0].starts_with("The device that captured it did not pass"));
        for known in [other, broker] {
            assert!(!known.contains("not in this network") && !known.contains("The address"), "{known}");
        }
        assert!(causes(None, false).starts_with("The host 10.0.0.5 is off, or it is not in this network."));
    }

    #[test]
    fn a_host_whose_port_answered_others_has_a_broker_that_hangs() {
        let causes = |port_answers| {
            let tale = Tale::knocking(4).with(|session| {
                session.neighbours.server_hop_limit = Some(64);
                session.neighbours.port_answers = port_answers;
            });
            diagnose(&tale.build()).causes
        };
        assert!(causes(true)[0].starts_with("The broker hangs or is overloaded"), "{:?}", causes(true));
        assert!(!causes(true).concat().contains("a firewall discards those to port"), "{:?}", causes(true));
        assert!(causes(false)[0].contains("a firewall discards those to port 1883"));
    }

    #[test]
    fn an_answer_to_a_client_that_has_given_up() {
        let answered = |after: f64, acknowledges| {
            let tale = Tale::knocking(3).reset(Side::Client, after).with(|session| {
                session.wire.syn_ack.count = 1;
                session.wire.syn_ack.first = session.wire.last;
                session.wire.sent.server.segments = 1;
                session.wire.reset.as_mut().unwrap().acknowledges = acknowledges;
            });
            outcome(&tale.build())
        };
        let late = answered(6.0, false);
        assert_eq!((late.id, late.confidence), ("syn-unanswered", Confidence::VeryLikely));
        assert_eq!(
            late.sentence,
            "10.0.0.21 knocked on 10.0.0.5:1883 3 times in 3 s, and the answer came only 6 s after the last knock: 10.0.0.21 had given up."
        );
        // A port scanner resets what is answered at once.
        assert_ne!(answered(0.01, false).id, "syn-unanswered");
        assert_ne!(answered(6.0, true).id, "syn-unanswered");
    }

    #[test]
    fn an_answered_knock_is_not_it() {
        let mut session = Tale::knocking(2).build();
        session.wire.syn_ack.count = 1;
        session.wire.sent.server.segments = 1;
        assert_ne!(outcome(&session).id, "syn-unanswered");
    }
}
