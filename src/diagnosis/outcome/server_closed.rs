//! `server-closed`: the broker closed and gave no reason.

use super::{About, Judgement};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Close, CloseHow, UnfinishedPacket};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "server-closed",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("server_closed.md"),
};

/// No usual Keep Alive runs out in less.
const SHORT: i64 = 7 * SECOND;

/// A connection that is refused so many nanoseconds after the close shows that the broker is gone.
const REFUSED: i64 = 10 * SECOND;

/// What a broker of MQTT 3.x has no words for.
const FORBIDDEN: &str = "The broker did not allow something that the client did: with MQTT 3.x it cannot say so.";

/// What ends a silence without a reason.
const IDLE_TIMER: &str = "A proxy or load balancer between closes connections on which nothing was said for a while.";

/// What an end without a reason is most often, where the broker goes on.
const PUSHED_OUT: &str = "Another connection with the same client id pushed this one out, and was not captured.";

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let client = story.client();
    let age = story.age(close.at);
    let last = story.last_words(close.at);
    let gaps = story.is(Qualifier::CaptureGaps);
    let part = story.session.unfinished_packet.client.filter(|part| part.started.is_before(close.at) && !gaps);
    let at_once = story.closed_at_once();
    let begun = part.map(|part| begun(&part, close));
    let ending = begun.unwrap_or_else(|| last.as_ref().map_or_else(
        || ".".to_owned(),
        |(last, at)| {
            let span = words::duration(close.at.time.nanoseconds_since(at.time));
            format!("; the last packet was {last}, {span} before.")
        },
    ));
    let code = story.close_code(Side::Server).map(|code| format!("with {code}"));
    let without = if gaps { "without a reason that the capture holds" } else { "without a reason" };
    let without = code.as_deref().unwrap_or(without);
    let foreign = story.reset_is_foreign();
    let forgot = story.server_forgot() && !foreign;
    let late = unknown_to_the_server(story, close);
    let (confidence, sentence) = if let Some(sentence) = goodbye_perhaps(story, close) {
        (Confidence::Possible, sentence)
    } else if late {
        let sentence = format!("The broker reset the connection of {client} in answer to the first packet that the capture holds of it{ending}");
        (Confidence::Likely, sentence)
    } else if foreign {
        let sentence = format!(
            "A reset in the broker's name ended the connection of {client} after {age}, but its TTL does not fit the broker's other packets{ending}"
        );
        (Confidence::Likely, sentence)
    } else if forgot {
        let server = story.server();
        let sentence = format!("{server} reset the connection of {client} after {age}, as one that it did not know any more{ending}");
        (Confidence::VeryLikely, sentence)
    } else if at_once {
        (
            Confidence::Likely,
            format!(
                "Both sides closed the connection of {client} at the same moment, after {age}, without a reason{ending}"
            ),
        )
    } else {
        (
            Confidence::Certain,
            format!("The broker {} the connection of {client} after {age} {without}{ending}", how(close.how)),
        )
    };
    let timed = timed(story, close);
    let together = story.session.neighbours.closed_together_count > 0 && timed.is_none();
    let gone = gone(story, close).filter(|_| !foreign);
    let stopped = gone.map(|refused| stopped(close, refused));
    let asked = just_asked(story, close);
    // A broker that was stopped is not back at once.
    let runs = story.session.neighbours.returned.is_some();
    let alone = gone.is_none() && !forgot && !foreign;
    let reset = close.how == CloseHow::Reset && !foreign;
    let quiet = last.as_ref().map(|(_, at)| close.at.time.nanoseconds_since(at.time));
    let idle = quiet.is_some_and(|quiet| quiet >= 30 * SECOND);
    // Timers of proxies are rarely shorter.
    let paused = !idle && quiet.is_some_and(|quiet| quiet >= 10 * SECOND) && timed.is_none() && alone;
    let lapsed = lapsed(story, close).filter(|_| alone);
    let meaning = story.close_code_cause(Side::Server);
    let introduced = story.may_be_introduced();
    let old = introduced && story.version().is_none_or(|version| !version.is_v5());
    // A rival has to come within the session's life.
    let begun_at = story.session.connect.as_ref().map(|connect| connect.at);
    let short = begun_at.is_some_and(|begun_at| close.at.time.nanoseconds_since(begun_at.time) < SECOND);
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at(last.map(|(_, at)| at))
            .at(part.map(|part| part.started))
            .at([close.at])
            .at(gone)
            .cause_if(stopped.is_some(), stopped.unwrap_or_default())
            .cause_if(part.is_some(), "The broker takes that packet for too large, or did not wait any longer for its rest.")
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(foreign, "A firewall or proxy on the way reset the connection: the TTL of the reset does not fit the server's other packets.")
            .cause_if(lapsed.is_some(), lapsed.unwrap_or_default())
            .cause_if(timed.is_some(), timed.clone().unwrap_or_default())
            .cause_if(idle && timed.is_none(), IDLE_TIMER)
            .cause_if(late, "The broker no longer knew the connection: it had closed it, or was restarted, before the capture began.")
            .cause_if(forgot && !late, "The server no longer knew the connection: the broker or its host was restarted, or it gave the connection up while its packets did not arrive.")
            .cause_if(together && gone.is_none(), "The broker was stopped or restarted: it closed another session in the same second.")
            .cause_if(forgot || late, "A firewall, NAT or load balancer on the way forgot the connection, and answers in the server's name.")
            .cause_if(old && alone && asked, FORBIDDEN)
            .cause_if(alone && runs && introduced && !short, PUSHED_OUT)
            .cause_if(!together && alone && timed.is_none() && introduced, "The broker was stopped or restarted, or somebody disconnected the client.")
            .cause_if(!together && alone && timed.is_none() && !introduced, "The broker, or a proxy in front of it, was stopped or restarted.")
            .cause_if(paused, IDLE_TIMER)
            .cause_if(alone && !runs && introduced && !short, PUSHED_OUT)
            .cause_if(old && alone && !asked, FORBIDDEN)
            .cause_if(alone && runs && introduced && short, PUSHED_OUT)
            .cause_if(reset && !forgot, "The broker's process was ended by force.")
            .step_if(timed.is_some(), "Set a longer timer there, or a shorter Keep Alive in the client.")
            .step_if(gone.is_some(), "Check that the broker is running again.")
            .step_if(!foreign, "Look into the broker's log at this time: it names the reason.")
            .step_if(foreign, "Look into the rules and logs of the firewalls and proxies between client and broker at this time.")
            .step_if(old && alone, "Connect with MQTT 5.0 if client and broker can: the broker can then name its reason."),
    )
    .map(|judgement| judgement.seen_as(Sight::Lost))
}

/// What the client had begun to send.
fn begun(part: &UnfinishedPacket, close: Close) -> String {
    let (packet, length) = (words::named(part.packet), words::bytes(part.length));
    let span = words::duration(close.at.time.nanoseconds_since(part.started.time));
    format!("; the client had begun {packet} of {length} {span} before and not finished it.")
}

/// Whether the last before the close was a request of the client, and the close came soon.
fn just_asked(story: &Story<'_>, close: Close) -> bool {
    let requests = [PacketType::PUBLISH, PacketType::SUBSCRIBE, PacketType::UNSUBSCRIBE];
    story.last_before(close.at).is_some_and(|(side, last)| {
        side == Side::Client && requests.contains(&last.packet) && story.soon(last.at, close.at, SECOND)
    })
}

/// How the connection ended, where what the client said last is not known.
fn goodbye_perhaps(story: &Story<'_>, close: Close) -> Option<String> {
    let (client, how) = (story.client(), how(close.how));
    if story.goodbye_may_be_missed(close) {
        let unknown = "what was said before, a goodbye perhaps, is not known";
        return Some(format!("The broker {how} the connection of {client} as the capture began; {unknown}."));
    }
    story.last_unread(Side::Client).then(|| {
        let age = story.age(close.at);
        format!("The broker {how} the connection of {client} after {age}; what {client} sent last, a goodbye perhaps, could not be read.")
    })
}

/// A Keep Alive that may have run out, where the capture does not hold it.
fn lapsed(story: &Story<'_>, close: Close) -> Option<String> {
    let silent = close.at.time.nanoseconds_since(story.client_heard()?.time);
    let span = words::duration(silent);
    (silent >= SHORT && story.keep_alive().is_none()).then(|| {
        format!("The client had been silent for {span}, perhaps longer than its Keep Alive allows: that stands in its CONNECT, which was not captured.")
    })
}

/// The idle timer that closed this session and others, if they show one.
fn timed(story: &Story<'_>, close: Close) -> Option<String> {
    let (_, last) = story.last_words(close.at)?;
    let neighbours = &story.session.neighbours;
    let (others, again) = (u64::from(neighbours.closed_after_same_silence), neighbours.closed_again_alike);
    let span = words::duration(close.at.time.nanoseconds_since(last.time));
    if again > 0 && !story.timed_out_alike() {
        let more = words::counted(again, "other connection");
        return Some(format!("A proxy or load balancer in between, or the broker, closes connections on which nothing was said for {span}: {more} of this client ended after the same silence."));
    }
    let (sessions, when) =
        (words::counted(others, "other session"), if others == 1 { "at another time" } else { "each at its own time" });
    story.timed_out_alike().then(|| {
        format!("A proxy or load balancer in between, or the broker, closes connections on which nothing was said for {span}: {sessions} ended after the same silence, {when}.")
    })
}

/// The connection that the server's host refused soon after it had closed this one.
pub(super) fn gone(story: &Story<'_>, close: Close) -> Option<Moment> {
    story.session.neighbours.refused_after.filter(|refused| story.soon(close.at, *refused, REFUSED))
}

/// What a connection that the server's host refused soon after says of the broker.
pub(super) fn stopped(close: Close, refused: Moment) -> String {
    let after = words::duration(refused.time.nanoseconds_since(close.at.time));
    let frame = refused.frame;
    format!("The broker was stopped or has crashed: {after} later its host refused a new connection (frame {frame}).")
}

/// Whether all that the capture holds of the server is a reset, in answer to the client's first packet here.
fn unknown_to_the_server(story: &Story<'_>, close: Close) -> bool {
    let session = story.session;
    let server = &session.wire.sent.server;
    let prompt = session.first_packet.client.is_some_and(|first| story.soon(first, close.at, SECOND));
    close.how == CloseHow::Reset && !session.wire.start_captured() && server.bytes == 0 && server.segments <= 1 && prompt
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{Confidence, diagnose};
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::PacketType;
    use crate::session::UnfinishedPacket;
    use crate::stream::Side;

    #[test]
    fn what_could_not_be_read_may_have_been_a_goodbye() {
        let closed = |skipped, later: i64| {
            let tale = Tale::connected().with(|session| {
                session.skipped_bytes.client = skipped;
                let last = session.wire.last;
                let time = crate::capture::Timestamp(last.time.0 + later);
                session.wire.sent.client.last_data = Some(crate::capture::Moment { time, ..last });
            });
            outcome(&tale.close(Side::Server, 5.0).build())
        };
        let unread = closed(9, 1_000_000);
        assert_eq!((unread.id, unread.confidence), ("server-closed", Confidence::Possible));
        assert!(unread.sentence.ends_with("a goodbye perhaps, could not be read."), "{}", unread.sentence);
        // Bytes passed over before a packet that was read, and all read.
        assert_eq!(closed(9, -1_000_000_000).confidence, Confidence::Certain);
        assert_eq!(closed(0, 1_000_000).confidence, Confidence::Certain);
    }

    #[test]
    fn the_broker_closes_without_a_word() {
        let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 30.0);
        let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.001);
        let outcome = outcome(&tale.close(Side::Server, 4.0).build());
        assert_eq!((outcome.id, outcome.confidence), ("server-closed", Confidence::Certain));
        assert_eq!(
            outcome.sentence,
            "The broker closed the connection of sensor-17 after 34 s without a reason; the last packet was a PINGRESP from the broker, 4 s before."
        );
    }

    #[test]
    fn within_a_packet() {
        let begun = |gap: u64| {
            let tale = Tale::connected().close(Side::Server, 4.0).with(|session| {
                let started = session.connack.as_ref().unwrap().at;
                session.unfinished_packet.client =
                    Some(UnfinishedPacket { packet: PacketType::PUBLISH, length: 517, started });
                session.wire.sent.client.missing_bytes = gap;
            });
            outcome(&tale.build()).sentence
        };
        let told = "; the client had begun a PUBLISH of 517 bytes 4 s before and not finished it.";
        assert!(begun(0).ends_with(told), "{}", begun(0));
        // The rest may be what the capture lacks.
        assert!(!begun(3).contains("begun"), "{}", begun(3));
    }

    #[test]
    fn closes_that_cross_have_no_first() {
        // Captured beside the client, 10 ms from the server: both FINs within a millisecond.
        let apart = |after: f64| {
            let tale = Tale::connected().with(|session| session.wire.syn_ack.first.time.0 += 9_000_000);
            outcome(&tale.close(Side::Client, 5.0).close(Side::Server, after).build())
        };
        assert_eq!(apart(0.001).confidence, Confidence::Likely);
        assert_eq!(apart(0.011).confidence, Confidence::Certain);
    }

    #[test]
    fn a_fin_that_acknowledges_the_other_answers_it() {
        // The client took 10 ms to complete the handshake, and less to answer the close.
        let told = |acknowledged| {
            let tale = Tale::connected().with(|session| session.wire.syn_ack.first.time.0 -= 9_000_000);
            let tale = tale.close(Side::Server, 5.0).close(Side::Client, 0.001).with(|session| {
                let sent = &mut session.wire.sent;
                sent.client.fin.as_mut().unwrap().acknowledges.0 = sent.server.sent.0 + acknowledged;
            });
            outcome(&tale.build()).confidence
        };
        assert_eq!(told(0), Confidence::Likely);
        assert_eq!(told(1), Confidence::Certain);
    }

    #[test]
    fn the_same_silence_once_more_is_that_of_a_timer() {
        let first_cause_of = |silences: &[f64], apart: f64| {
            let session = |(place, quiet): (usize, &f64)| {
                let tale = match place {
                    0 => Tale::connected(),
                    _ => Tale::connected().publish(Side::Client, "a", 0, 10, f64::from(u32::try_from(place).unwrap()) * apart),
                };
                let tale = tale.close(Side::Server, *quiet).with(|session| {
                    session.neighbours.returned = Some(session.wire.last.frame);
                    session.wire.stream = u32::try_from(place).ok();
                });
                Box::new(tale.build())
            };
            let mut sessions: Vec<_> = silences.iter().enumerate().map(session).collect();
            crate::session::compare(&mut sessions);
            diagnose(&sessions[0]).causes[0].to_string()
        };
        let first_cause = |silences: &[f64]| first_cause_of(silences, 30.0);
        assert_eq!(
            first_cause(&[12.0, 20.0, 12.05]),
            "A proxy or load balancer in between, or the broker, closes connections on which nothing was said for 12 s: 1 other connection of this client ended after the same silence."
        );
        assert!(first_cause(&[3.0, 3.01, 3.02]).contains("2 other connections of this client"));
        for other in [&[12.0, 20.0][..], &[12.0, 12.3], &[3.0, 3.01]] {
            assert!(first_cause(other).starts_with("Another connection with the same client id"), "{other:?}");
        }
        // What began together and was ended together was silent for the same time too.
        let at_once = first_cause_of(&[12.0, 12.0, 12.05, 12.0], 0.01);
        assert!(at_once.starts_with("Another connection with the same client id"), "{at_once}");
    }

    #[test]
    fn a_fin_that_acknowledges_what_was_not_captured_answers_none() {
        let told = |acknowledged| {
            let tale = Tale::connecting().close(Side::Client, 5.0).close(Side::Server, 0.001).with(|session| {
                let sent = &mut session.wire.sent;
                (sent.server.missing_bytes, sent.server.fin_ahead) = (4, 4);
                sent.client.fin.as_mut().unwrap().acknowledges.0 = acknowledged;
            });
            outcome(&tale.build()).id
        };
        assert_eq!(told(4), "client-closed");
        assert_eq!(told(5), "server-closed");
    }

    #[test]
    fn a_close_as_the_capture_begins_says_little() {
        let late = |tale: Tale| {
            outcome(
                &tale
                    .with(|session| {
                        session.wire.syn.count = 0;
                        session.wire.syn_ack.count = 0;
                        session.wire.established = None;
                    })
                    .build(),
            )
        };
        let fin = late(Tale::opened().close(Side::Server, 0.01));
        assert_eq!((fin.id, fin.confidence), ("server-closed", Confidence::Possible));
        assert!(fin.sentence.contains("a goodbye perhaps"));
        assert_eq!(late(Tale::opened().close(Side::Client, 0.01)).confidence, Confidence::Possible);
        assert_eq!(late(Tale::opened().close(Side::Server, 1.5)).confidence, Confidence::Certain);
        let delivery = || Tale::opened().publish(Side::Server, "a", 0, 20, 0.01);
        assert_eq!(late(delivery().reset(Side::Client, 0.001)).confidence, Confidence::Possible);
        assert_eq!(late(delivery().close(Side::Server, 0.001)).confidence, Confidence::Certain);
        let ping = || Tale::opened().packet(Side::Client, PacketType::PINGREQ, 0.01);
        let forgotten = late(ping().reset(Side::Server, 0.001).with(|session| session.wire.sent.server.segments = 1));
        assert_eq!((forgotten.id, forgotten.confidence), ("server-closed", Confidence::Likely));
        assert!(forgotten.sentence.contains("in answer to the first packet"), "{}", forgotten.sentence);
        assert_eq!(late(ping().close(Side::Server, 0.001)).confidence, Confidence::Certain);
    }

    #[test]
    fn a_keep_alive_that_was_not_captured_may_have_run_out() {
        let causes = |silent, late: bool| {
            let tale = Tale::opened().packet(Side::Client, PacketType::PINGREQ, 2.0);
            let tale = tale.packet(Side::Server, PacketType::PINGRESP, 0.001).close(Side::Server, silent);
            let tale = tale.with(|session| {
                if late {
                    session.wire.syn.count = 0;
                    session.wire.syn_ack.count = 0;
                    session.wire.established = None;
                }
            });
            diagnose(&tale.build()).causes
        };
        assert!(causes(12.0, true)[0].starts_with("The client had been silent for 12 s"), "{:?}", causes(12.0, true));
        assert!(!causes(3.0, true).concat().contains("Keep Alive"));
    }

    #[test]
    fn a_second_session_closed_at_once_points_at_the_broker() {
        let close = |count| {
            let tale = Tale::connected().close(Side::Server, 5.0);
            let verdict = diagnose(&tale.with(|session| session.neighbours.closed_together_count = count).build());
            verdict.causes[0].contains("in the same second")
        };
        assert!(close(1));
        assert!(!close(0));
    }

    #[test]
    fn a_connection_refused_soon_after_shows_that_the_broker_is_gone() {
        let causes = |after: Option<f64>| {
            let mut tale = Tale::connected().close(Side::Server, 5.0);
            if let Some(after) = after {
                tale = tale.packet(Side::Client, PacketType::PINGREQ, after).with(|session| {
                    session.neighbours.refused_after = Some(session.wire.last);
                });
            }
            diagnose(&tale.build()).causes
        };
        let told = ["The broker was stopped or has crashed: 1 s later its host refused a new connection (frame 7)."];
        assert_eq!(causes(Some(1.0)), told);
        assert!(causes(Some(20.0))[0].contains("was stopped or restarted, or"));
        assert!(causes(None)[0].contains("was stopped or restarted, or"));
    }

    #[test]
    fn a_client_that_is_let_in_again_shows_that_the_broker_runs() {
        let first = |returned: bool| {
            let tale = Tale::connected().close(Side::Server, 5.0);
            let tale = tale.with(|session| session.neighbours.returned = returned.then_some(session.wire.last.frame));
            diagnose(&tale.build()).causes[0].contains("same client id")
        };
        assert!(first(true));
        assert!(!first(false));
    }

    #[test]
    fn in_a_short_session_hardly_another_comes_unseen() {
        let pushed_out = |after, returned: bool| {
            let tale = Tale::connected().close(Side::Server, after);
            let tale = tale.with(|session| session.neighbours.returned = returned.then_some(session.wire.last.frame));
            diagnose(&tale.build()).causes.iter().position(|cause| cause.contains("same client id"))
        };
        assert_eq!(pushed_out(0.1, false), None);
        assert_eq!(pushed_out(0.1, true), Some(2));
        assert_eq!(pushed_out(5.0, false), Some(1));
        assert_eq!(pushed_out(5.0, true), Some(0));
    }

    #[test]
    fn sessions_that_end_after_the_same_silence_show_a_timer() {
        let told = |alike| {
            let tale = Tale::connected().close(Side::Server, 40.0).with(|session| {
                session.neighbours.closed_together = vec![crate::capture::FrameNumber::new(50), crate::capture::FrameNumber::new(51)];
                session.neighbours.closed_together_count = 2;
                session.neighbours.closed_after_same_silence = alike;
            });
            let verdict = diagnose(&tale.build());
            (verdict.outcome.id, verdict.causes[0].contains("nothing was said for 40 s: 2 other sessions"))
        };
        assert_eq!(told(2), ("server-closed", true));
        assert_eq!(told(0), ("server-shutdown", false));
    }

    #[test]
    fn a_reset_with_another_ttl_is_not_told_as_the_brokers() {
        let told = |hop_limit| {
            let tale = Tale::connected().reset(Side::Server, 5.0);
            let verdict = diagnose(&tale.with(|session| session.wire.reset.as_mut().unwrap().hop_limit = hop_limit).build());
            (verdict.outcome.confidence, verdict.causes[0].contains("firewall"))
        };
        assert_eq!(told(63), (Confidence::Likely, true));
        assert_eq!(told(64), (Confidence::Certain, false));
    }

    #[test]
    fn the_first_close_counts() {
        let client = Tale::connected().close(Side::Client, 5.0).reset(Side::Server, 0.002);
        assert_eq!(outcome(&client.build()).id, "client-closed");
        let server = Tale::connected().close(Side::Server, 5.0).reset(Side::Client, 0.002);
        assert_eq!(outcome(&server.build()).id, "server-closed");
    }
}
