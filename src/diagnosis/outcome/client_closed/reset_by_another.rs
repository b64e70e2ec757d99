//! A reset in the client's name that its program did not ask for.

use super::super::Judgement;
use super::will;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::Confidence;
use crate::session::{Close, CloseHow};
use crate::stream::Side;

/// The shortest silence after which a device on the way may have forgotten a connection.
const QUIET: i64 = 5 * SECOND;

/// It came from another device, or from a host that knew nothing of the connection any more.
pub(super) fn judge(story: &Story<'_>, close: Close) -> Option<Judgement> {
    if close.how != CloseHow::Reset {
        return None;
    }
    let missed = story.goodbye_may_be_missed(close);
    let foreign = story.client_reset_is_foreign();
    let outlived = story.client_outlived_its_reset().filter(|_| !foreign);
    let stranger = foreign || outlived.is_some();
    let forgot = !stranger && !missed && story.connected() && story.client_forgot();
    if !stranger && !forgot {
        return None;
    }
    let (client, age, will) = (story.client(), story.age(close.at), will(story));
    let quiet = silence_broken_by(story, close).is_some_and(|silence| silence >= QUIET);
    let sentence = if forgot {
        // A goodbye may have come before the capture.
        let how = if story.session.wire.start_captured() { "without a word" } else { "before" };
        format!(
            "{client} had left {how}: after {age} its host answered a packet from the broker with a reset, as one of a connection that it did not know any more{will}."
        )
    } else if let Some(went_on) = outlived {
        format!(
            "A reset in the name of {client} ended the connection after {age}, but {client} went on sending (frame {}){will}.",
            went_on.frame
        )
    } else {
        format!(
            "A reset in the name of {client} ended the connection after {age}, but its TTL does not fit the client's other packets{will}."
        )
    };
    let confidence = match forgot {
        _ if missed => Confidence::Possible,
        true => Confidence::VeryLikely,
        false => Confidence::Likely,
    };
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at(story.last_before(close.at).map(|(_, packet)| packet.at))
            .at([close.at])
            .at(outlived)
            .cause_if(foreign && quiet, "A NAT or firewall on the way had forgotten the idle connection, and answered the broker's next packet in the client's name: the TTL of the reset does not fit the client's other packets.")
            .cause_if(foreign && !quiet, "A firewall or proxy on the way reset the connection: the TTL of the reset does not fit the client's other packets.")
            .cause_if(outlived.is_some(), "Another device has the same IP address, and its host answered packets that were not for it.")
            .cause_if(outlived.is_some(), "A firewall or NAT on the way reset the connection in the client's name.")
            .cause_if(forgot, "The client had restarted, lost power or given the connection up, and its close did not arrive here.")
            .cause_if(forgot, "A NAT or firewall on the way forgot the connection, and answers in the client's name.")
            .step_if(outlived.is_some(), "Look for the address in the neighbour tables (`arp -n`) of the client's network: two MAC addresses for it are two devices.")
            .step("Look into the rules and logs of the firewalls and proxies between client and broker at this time.")
            .step("Look into the client's log at this time."),
    )
}

/// For how long nothing was said before the packet of the broker that the reset answers.
fn silence_broken_by(story: &Story<'_>, reset: Close) -> Option<i64> {
    let woke = story.last_of(Side::Server, reset.at)?.at;
    Some(woke.time.nanoseconds_since(story.packet_before(woke)?.time))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::stream::Side;

    #[test]
    fn a_reset_with_another_ttl_is_not_told_as_the_clients() {
        let told = |hop_limit| {
            let tale = Tale::connected().reset(Side::Client, 5.0).with(|session| {
                session.wire.sent.client.hop_limit = Some(63);
                session.wire.reset.as_mut().unwrap().hop_limit = hop_limit;
            });
            outcome(&tale.build())
        };
        let foreign = told(64);
        assert_eq!((foreign.id, foreign.confidence), ("client-closed", Confidence::Likely));
        assert!(foreign.sentence.contains("does not fit the client's other packets"), "{}", foreign.sentence);
        assert_eq!(told(63).confidence, Confidence::Certain);
        // A stack that begins at 255 for resets is as far away.
        assert_eq!(told(254).confidence, Confidence::Certain);
    }

    #[test]
    fn a_host_that_answers_as_a_stranger_had_left_before() {
        let told = |acknowledges| {
            let tale = Tale::connected().publish(Side::Server, "a", 0, 20, 20.0).reset(Side::Client, 0.0001);
            let tale = tale.with(|session| session.wire.reset.as_mut().unwrap().acknowledges = acknowledges);
            diagnose(&tale.build())
        };
        let forgot = told(false);
        assert_eq!((forgot.outcome.id, forgot.outcome.confidence), ("client-closed", Confidence::VeryLikely));
        assert!(forgot.outcome.sentence.starts_with("sensor-17 had left without a word: after 20 s its host answered"), "{}", forgot.outcome.sentence);
        assert!(!forgot.causes.concat().contains("unread"), "{:?}", forgot.causes);
        assert!(told(true).outcome.sentence.contains("reset the connection after 20 s"));
    }

    #[test]
    fn a_client_that_goes_on_after_its_reset_did_not_send_it() {
        let told = |after: f64| {
            let tale = Tale::connected().publish(Side::Server, "a", 0, 20, 3.0).reset(Side::Client, 0.0001);
            diagnose(&tale.publish(Side::Client, "b", 0, 20, after).build())
        };
        let stranger = told(1.0);
        assert_eq!((stranger.outcome.id, stranger.outcome.confidence), ("client-closed", Confidence::Likely));
        assert!(stranger.outcome.sentence.contains("but sensor-17 went on sending (frame 8)"), "{}", stranger.outcome.sentence);
        assert!(stranger.causes[0].starts_with("Another device has the same IP address"), "{:?}", stranger.causes);
        // What was on its way when the reset was sent.
        assert!(!told(0.05).outcome.sentence.contains("went on sending"));
    }

    #[test]
    fn a_foreign_reset_after_a_silence_is_that_of_a_nat() {
        let causes = |quiet| {
            let tale = Tale::connected().publish(Side::Server, "a", 0, 20, quiet).reset(Side::Client, 0.0001);
            let tale = tale.with(|session| {
                session.wire.sent.client.hop_limit = Some(63);
                session.wire.reset.as_mut().unwrap().hop_limit = 64;
            });
            diagnose(&tale.build()).causes.concat()
        };
        assert!(causes(9.0).starts_with("A NAT or firewall on the way had forgotten the idle connection"));
        assert!(causes(0.3).starts_with("A firewall or proxy on the way reset"));
    }
}
