//! `unclassified`: the capture does not show enough.

use super::{About, Judgement};
use crate::capture::Moment;
use crate::diagnosis::secured::{self, Secured};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::session::CloseHow;
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About =
    About { id: "unclassified", group: "unknown", severity: Severity::Info, text: include_str!("unclassified.md") };

/// What can be said when no rule matches: what was seen last, and why that is not enough.
pub(super) fn nothing(story: &Story<'_>) -> Judgement {
    let session = story.session;
    let wire = &session.wire;
    let (host, server) = (story.client_host(), story.server());
    let until_end = |moment| words::duration(story.until_capture_end(moment));
    let reset = story.close.filter(|close| close.how == CloseHow::Reset);
    let (sentence, step) = if session.capture.evicted {
        (
            format!(
                "The session of {} was not followed to its end: too many connections were open at once.",
                story.client()
            ),
            "Read only a part of the capture: choose the host with `--bpf 'host ADDRESS'`.",
        )
    } else if story.is(Qualifier::OneWay) {
        (
            format!(
                "Only one direction of the connection between {host} and {server} was captured, so how it ended is not known."
            ),
            "Capture where both directions pass: at the client, at the broker, or at a switch port that mirrors both.",
        )
    } else if let Some(connect) = story.connect_sent().filter(|_| story.close.is_none() && story.answer_missed()) {
        (
            format!(
                "{server} answered the CONNECT of {}, but the answer was not captured, and the capture ends {} later.",
                story.client(),
                until_end(connect)
            ),
            "Capture once more, and longer: this capture lacks packets.",
        )
    } else if let Some(connect) = story.connect_sent().filter(|_| story.close.is_none()) {
        let answer = if story.begun_answer().is_some() { "in the middle of the" } else { "before an" };
        (
            format!(
                "The capture ends {} after the CONNECT of {}, {answer} answer.",
                until_end(connect),
                story.client()
            ),
            "Capture longer to see whether the broker answers.",
        )
    } else if let (None, Some((at, ..))) = (story.close, session.tls.as_ref().and_then(|tls| tls.last)) {
        (
            format!("The capture ends {} after the newest bytes of the TLS connection of {host} with {server}, before the session was running.", until_end(at)),
            "Capture longer to see what follows.",
        )
    } else if let (None, Some(opened)) = (story.close, wire.established) {
        (
            format!(
                "The capture ends {} after {host} opened a connection to {server}, before anything was said.",
                until_end(opened)
            ),
            "Capture longer to see what follows.",
        )
    } else if reset.is_some() && wire.established.is_none() {
        (
            format!("{host} began to connect to {server}, and the connection was reset before it was open."),
            "Look into the client's log at this time.",
        )
    } else if wire.syn.count > 0 && wire.established.is_none() {
        (
            format!("The capture ends {} after {host} began to connect to {server}.", until_end(wire.syn.first)),
            "Capture longer to see whether the server answers.",
        )
    } else {
        (
            format!("The capture does not show enough to say how the session between {host} and {server} ended."),
            "Start the capture before the client connects, and let it run until the session has ended.",
        )
    };
    // One that the client's host does not know any more answers an older knock.
    let knocked_once = wire.syn.count == 1 && wire.syn_ack.count == 1 && wire.established.is_none();
    let probe = knocked_once
        && reset.is_some_and(|close| close.by == Side::Client && story.soon(wire.syn.first, close.at, SECOND));
    Judgement::new(Confidence::Certain, sentence)
        .at([wire.first, wire.last])
        .cause_if(probe, "A load balancer's health check, or a port scan: both leave with a reset as soon as the server answers.")
        .step(step)
}

/// Something was said, and none of it captured, or kept.
pub(super) fn unseen(story: &Story<'_>) -> Option<Judgement> {
    if let Some((Protocol::Blank, at)) = story.session.foreign_opening {
        return Some(blanked(story, at));
    }
    let wire = &story.session.wire;
    let said = |side| wire.sent.of(side).missing_bytes > 0 || wire.sent.of(side).acknowledged.0 > 1;
    let unseen = said(Side::Client) || said(Side::Server) || wire.reset.is_some_and(|reset| reset.skips);
    if wire.sent.client.bytes + wire.sent.server.bytes > 0 || !unseen {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    Some(
        Judgement::new(
            Confidence::Certain,
            format!("{host} and {server} spoke with each other, but the capture holds nothing of what they said."),
        )
        .at([wire.first, wire.last])
        .step("Capture whole packets, and all of them: no filter for flags, and a snap length of 0."),
    )
}

/// A TLS handshake of which the capture holds only the beginnings of packets, not even a whole hello.
pub(super) fn cut_short(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let (tls, sent) = (secured.tls, &story.session.wire.sent);
    let unread = tls.client_hello.is_none() && tls.last.is_none() && !tls.is_complete();
    let spoke = sent.client.sent.0 > 0 && sent.server.sent.0 > 0;
    if !unread || !spoke || !story.is(Qualifier::CutPackets) || story.session.capture.evicted {
        return None;
    }
    let ending = story.close.map_or_else(String::new, |close| {
        format!("; {} {} the connection after {}", secured::end(close.by), how(close.how), story.age(close.at))
    });
    Some(
        Judgement::new(
            Confidence::Certain,
            format!(
                "The capture holds only the beginnings of the packets of the TLS connection of {} with {}, so what was said cannot be told{ending}.",
                secured.client(),
                secured.server()
            ),
        )
        .at([story.session.wire.first])
        .at(story.close.map(|close| close.at))
        .step("Capture whole packets: `tcpdump -s 0`."),
    )
}

/// The payload was taken out of the capture.
fn blanked(story: &Story<'_>, at: Moment) -> Judgement {
    let (host, server) = (story.client_host(), story.server());
    Judgement::new(
        Confidence::Certain,
        format!("{host} and {server} spoke with each other, but the capture shows only zeros of what {host} said."),
    )
    .at([at])
    .at(story.close.map(|close| close.at))
    .cause("Whoever made the capture, or passed it on, wrote zeros over its payload.")
    .cause("The program is no MQTT client, and did send zeros.")
    .step("Ask for the capture with its payload, or capture again.")
}

#[cfg(test)]
mod tests {
    use crate::session::PerSide;
    use crate::transport::tls::Version;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;
    use crate::transport::Protocol;

    #[test]
    fn what_is_missing_is_said() {
        let connect = outcome(&Tale::connecting().ended_after(0.3).build());
        assert_eq!(connect.id, super::ABOUT.id);
        assert_eq!(connect.sentence, "The capture ends 300 ms after the CONNECT of sensor-17, before an answer.");
        let missed = Tale::connecting().with(|session| session.wire.sent.server.acknowledged.0 = 4).ended_after(0.3);
        assert_eq!(
            outcome(&missed.build()).sentence,
            "10.0.0.5:1883 answered the CONNECT of sensor-17, but the answer was not captured, and the capture ends 300 ms later."
        );
        let evicted = Tale::connected().with(|session| session.capture.evicted = true);
        assert!(outcome(&evicted.build()).sentence.contains("too many connections"));
        let knock = outcome(&Tale::knocking(1).ended_after(0.1).build());
        assert!(knock.sentence.contains("100 ms after 10.0.0.21 began to connect"));
    }

    #[test]
    fn a_knock_that_is_taken_back_at_once_only_looked() {
        let causes = |tale: Tale| {
            let half_open = |session: &mut crate::session::Session| session.wire.established = None;
            crate::diagnosis::diagnose(&tale.with(half_open).build()).causes.concat()
        };
        assert!(causes(Tale::opened().reset(Side::Client, 0.0001)).contains("health check"));
        assert!(!causes(Tale::opened().reset(Side::Client, 5.0)).contains("health check"));
        let late = Tale::opened().reset(Side::Client, 0.0001).with(|session| session.wire.syn.count = 0);
        assert!(!causes(late).contains("health check"));
    }

    #[test]
    fn what_was_said_but_not_captured_is_no_silence() {
        let tale = Tale::opened().with(|session| session.wire.sent.client.missing_bytes = 54);
        let outcome = outcome(&tale.close(Side::Client, 2.0).build());
        assert_eq!(outcome.id, super::ABOUT.id);
        assert!(outcome.sentence.ends_with("the capture holds nothing of what they said."), "{}", outcome.sentence);
    }

    #[test]
    fn payload_that_was_blanked_tells_nothing_of_the_client() {
        let opened = |protocol: Protocol| {
            let tale = Tale::opened().with(|session| session.foreign_opening = Some((protocol, session.wire.last)));
            outcome(&tale.close(Side::Server, 2.0).build())
        };
        let blanked = opened(Protocol::Blank);
        assert_eq!(blanked.id, super::ABOUT.id);
        assert!(blanked.sentence.ends_with("shows only zeros of what 10.0.0.21 said."), "{}", blanked.sentence);
        assert_eq!(opened(Protocol::Unknown).id, "not-mqtt");
    }

    #[test]
    fn an_end_that_is_known_is_not_it() {
        assert_ne!(outcome(&Tale::connected().close(Side::Server, 3.0).build()).id, super::ABOUT.id);
    }

    #[test]
    fn a_tls_handshake_of_which_only_the_beginnings_of_packets_were_kept() {
        let told = |answered: bool, cut: u64| {
            let tale = Tale::greeted(Version::V1_3);
            let tale = if answered { tale.server_hello(Version::V1_3, true) } else { tale };
            let tale = tale.close(Side::Client, 4.0).with(|session| {
                session.wire.sent.client.cut_segments = cut;
                let tls = session.tls.as_mut().unwrap();
                (tls.client_hello, tls.server_hello, tls.last) = (None, None, None);
                tls.data = PerSide::default();
            });
            outcome(&tale.build())
        };
        let cut = told(true, 1);
        assert_eq!(cut.id, "unclassified");
        assert!(cut.sentence.ends_with("cannot be told; the client closed the connection after 4 s."), "{}", cut.sentence);
        // A server that said nothing left a handshake half-way.
        assert_eq!(told(false, 1).id, "tls-handshake-abandoned");
        assert_ne!(told(true, 0).id, "unclassified");
    }
}
