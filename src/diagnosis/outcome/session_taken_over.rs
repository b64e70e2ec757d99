//! `session-taken-over`: another connection with the same client id pushed this one out.

use super::{About, Judgement, refusal};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::session::Namesake;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "session-taken-over",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("session_taken_over.md"),
};

/// A broker that lets one connection in and another go does both at once: at most so many nanoseconds lie between.
const AT_ONCE: i64 = SECOND / 20;

/// So many frames may lie between its answer to the newer CONNECT and the close of the older connection.
const FRAMES: u64 = 4;

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x8E])?;
    if let Some(namesake) = namesake(story, disconnect.at, SECOND) {
        let what = format!("{} pushed this one out", with_the_name(story, namesake));
        return Some(advise_on_name(refusal::dismissal(disconnect, &what).at([namesake.connect])));
    }
    let what = format!("Another connection{} with the same client id{} pushed this one out", from(story), id(story));
    let rival = story.session.neighbours.rival.as_deref();
    Some(advise(story, refusal::dismissal(disconnect, &what).at(rival.map(|rival| rival.connect))))
}

/// The broker closed, or sent a DISCONNECT that can give no reason, just after another connection introduced itself with the same client id.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let closed = || story.close_by(Side::Server).map(|close| (close.at, how(close.how)));
    let (end, did) = story.bare_dismissal().map(|at| (at, "disconnected")).or_else(closed)?;
    let rival = story.session.neighbours.rival.as_deref()?;
    let since = rival.connect.time;
    let until = rival.accepted.unwrap_or(rival.connect);
    let in_time = end.time >= since && end.time.nanoseconds_since(until.time) <= SECOND.saturating_add(story.round_trip());
    // A broker that had let both be for long does not push one out now.
    if !story.connected() || !in_time || rival.refused.is_some() || rival.borne {
        return None;
    }
    let timed = !story.is(Qualifier::NoTimes);
    let next = rival.accepted.is_some_and(|accepted| end.frame <= accepted.frame.after(FRAMES));
    if !timed && !next {
        return None;
    }
    let span = words::duration(end.time.nanoseconds_since(since));
    let after = if timed { format!("{span} after the newer CONNECT") } else { "next to the newer CONNECT".to_owned() };
    let confidence = match rival.accepted {
        Some(_) if !rival.doubtful && timed => Confidence::VeryLikely,
        _ => Confidence::Likely,
    };
    let sentence = format!(
        "Another connection{} with the same client id{} pushed this one out: the broker {} it {after}.",
        from(story),
        id(story),
        did
    );
    let grounds: &'static [Ground] = if timed { &[Ground::Timing] } else { &[] };
    Some(advise(
        story,
        Judgement::new(confidence, sentence)
            .on(grounds)
            .at([rival.connect, end])
            .at(rival.accepted)
            .seen_as(Sight::Lost),
    ))
}

/// The broker closed while it let in another connection with the same user name, and never had two such at once.
pub(super) fn by_user_name(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let namesake = namesake(story, close.at, AT_ONCE)?;
    let alone = story.session.neighbours.closed_together_count == 0;
    if !story.connected() || !alone || story.reset_is_foreign() {
        return None;
    }
    let span = words::duration(close.at.time.nanoseconds_since(namesake.connect.time));
    let sentence = format!(
        "{} seems to have pushed this one out: the broker {} it {span} after the newer CONNECT.",
        with_the_name(story, namesake),
        how(close.how)
    );
    Some(advise_on_name(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Timing])
            .at([namesake.connect, namesake.accepted, close.at])
            .seen_as(Sight::Lost),
    ))
}

/// The connection with the same user name, and another client id, that came just before the session ended at `end`. One
/// with the same client id, if there is any, explains more.
fn namesake<'a>(story: &Story<'a>, end: Moment, span: i64) -> Option<&'a Namesake> {
    let neighbours = &story.session.neighbours;
    let namesake = neighbours.namesake.as_deref().filter(|_| neighbours.rival.is_none())?;
    let late = end.time.nanoseconds_since(namesake.accepted.time) > span.saturating_add(story.round_trip());
    (namesake.connect.is_before(end) && !late).then_some(namesake)
}

fn with_the_name(story: &Story<'_>, namesake: &Namesake) -> String {
    let username = story.session.connect.as_ref().and_then(|connect| connect.username.as_ref());
    let Namesake { client, client_id, stream, .. } = namesake;
    format!(
        "Another connection from {client} (tcp.stream {stream}) with the same user name {}, but the client id {},",
        username.map_or_else(String::new, words::quoted),
        words::quoted(client_id)
    )
}

fn advise_on_name(judgement: Judgement) -> Judgement {
    judgement
        .cause("The broker takes the user name for the client id, as mosquitto does with `use_username_as_clientid`: each user can be connected once only.")
        .step("Give every device and every program a user name of its own, or switch that setting off at the broker.")
}

/// Where the newer connection came from.
fn from(story: &Story<'_>) -> String {
    let rival = story.session.neighbours.rival.as_deref();
    rival.map_or_else(String::new, |rival| format!(" from {} (tcp.stream {})", rival.client, rival.stream))
}

fn id(story: &Story<'_>) -> String {
    match &story.session.connect {
        Some(connect) if !connect.client_id.is_empty() => {
            format!(" {}", words::quoted(&connect.client_id))
        }
        _ => String::new(),
    }
}

fn advise(story: &Story<'_>, judgement: Judgement) -> Judgement {
    let own = story.session.wire.peers.client.endpoint.address;
    let rival = story.session.neighbours.rival.as_deref();
    let same_host = rival.is_some_and(|rival| rival.client.address == own);
    // In the same order for both, so that each other's victims read alike.
    let pair = rival.map(|rival| rival.client.address).filter(|other| *other != own).map(|other| (own.min(other), own.max(other)));
    let gone = story.session.wire.client_was_gone();
    let moved = gone && rival.is_some_and(|rival| rival.client.address != own);
    judgement
        .cause_if(moved, format!("The client moved: {own}, from which it was connected, no longer answered for this connection, not even the broker's close, and the newer connection came from another address."))
        .cause_if(gone && same_host, "The client restarted, slept or lost its network, and then connected again: its host no longer knew the older connection.")
        .cause_if(same_host && !gone, "The client itself connected again while the broker still held its older connection, or two programs on its host use the same client id.")
        .cause_if(pair.is_some(), pair.map_or_else(String::new, |(one, other)| format!("Two devices use the same client id: {one} and {other}.")))
        .cause_if(rival.is_none(), "Two devices or two programs use the same client id.")
        .cause_if(rival.is_none(), "The client connected again while the broker still held its older connection.")
        .step_if(gone, "If it is one device, look at its Wi-Fi or mobile signal, its power and its address (DHCP) at this time.")
        .step("Give every device and every program a client id of its own, for instance with its MAC address in it.")
        .step_if(same_host && !gone, "Look whether the client calls `connect()` although it is still connected.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let tale = Tale::connected_v5().disconnect(Side::Server, 0x8E, 5.0);
        let outcome = outcome(&tale.reset(Side::Client, 0.001).build());
        assert_eq!((outcome.id, outcome.confidence), ("session-taken-over", Confidence::Certain));
        assert_eq!(
            outcome.sentence,
            "Another connection with the same client id “sensor-17” pushed this one out: Session taken over (0x8E)."
        );
    }

    #[test]
    fn a_close_just_after_the_rival_came() {
        let verdict = diagnose(&Tale::connected().rival(30.0).close(Side::Server, 0.001).build());
        assert_eq!(verdict.outcome.id, "session-taken-over");
        assert_eq!(verdict.outcome.confidence, Confidence::VeryLikely);
        assert!(verdict.causes[0].contains("10.0.0.21 and 10.0.0.22"));
        assert_eq!(verdict.outcome.frames.len(), 3);
    }

    #[test]
    fn without_times_the_order_of_frames_shows_it() {
        let told = |frames_between: u64| {
            let tale = Tale::connected().rival(0.0).with(|session| {
                let rival = session.neighbours.rival.as_mut().unwrap();
                rival.accepted.as_mut().unwrap().frame = rival.connect.frame;
            });
            let tale = (0..frames_between).fold(tale, |tale, _| tale.packet(Side::Server, PacketType::PINGRESP, 0.0));
            let mut session = tale.close(Side::Server, 0.0).build();
            session.capture.ended = session.capture.began;
            outcome(&session)
        };
        let next = told(0);
        assert_eq!((next.id, next.confidence), ("session-taken-over", Confidence::Likely));
        assert!(next.sentence.ends_with("the broker closed it next to the newer CONNECT."), "{}", next.sentence);
        assert_ne!(told(9).id, "session-taken-over");
    }

    #[test]
    fn two_that_push_each_other_out_read_alike() {
        let one = diagnose(&Tale::connected().rival(30.0).close(Side::Server, 0.001).build());
        let other = Tale::connected().rival(30.0).close(Side::Server, 0.001).with(|session| {
            let rival = session.neighbours.rival.as_mut().unwrap();
            std::mem::swap(&mut rival.client, &mut session.wire.peers.client.endpoint);
        });
        let other = diagnose(&other.build());
        assert_eq!((one.causes, one.next_steps), (other.causes, other.next_steps));
    }

    #[test]
    fn a_host_that_no_longer_knows_the_connection_began_anew() {
        let causes = |acknowledges: bool| {
            let tale = Tale::connected().rival(30.0).close(Side::Server, 0.001).reset(Side::Client, 0.01);
            let tale = tale.with(|session| {
                session.wire.reset.as_mut().unwrap().acknowledges = acknowledges;
                let rival = session.neighbours.rival.as_mut().unwrap();
                rival.client.address = session.wire.peers.client.endpoint.address;
            });
            diagnose(&tale.build()).causes.concat()
        };
        assert!(causes(false).starts_with("The client restarted, slept or lost its network"), "{}", causes(false));
        assert!(causes(true).starts_with("The client itself connected again"), "{}", causes(true));
    }

    #[test]
    fn a_client_that_comes_back_because_the_way_failed_is_not_pushed_out() {
        let told = |repeated: u32, same_host: bool| {
            let tale = Tale::connected().publish(Side::Client, "a", 1, 20_000, 5.0).retries(Side::Client, repeated, 6.0);
            let tale = tale.rival(2.0).close(Side::Server, 0.001).with(|session| {
                let sent = &mut session.wire.sent;
                sent.client.acknowledged.0 = sent.client.sent.0 - 20_000;
                sent.server.last_segment = sent.server.fin_at();
                let own = session.wire.peers.client.endpoint.address;
                let rival = session.neighbours.rival.as_mut().unwrap();
                rival.client.address = if same_host { own } else { rival.client.address };
            });
            outcome(&tale.build())
        };
        let failed = told(5, true);
        assert_eq!(failed.id, "path-failed");
        assert!(failed.sentence.contains("small packets passed, but 20,000 bytes"), "{}", failed.sentence);
        assert_eq!(told(5, false).id, "session-taken-over");
        assert_eq!(told(1, true).id, "session-taken-over");
    }

    #[test]
    fn an_old_address_that_no_longer_answers_was_left() {
        let first_cause = |unanswered: bool| {
            let tale = Tale::connected().rival(30.0).close(Side::Server, 0.001);
            let tale = if unanswered { tale.retries(Side::Server, 4, 3.0) } else { tale };
            diagnose(&tale.build()).causes[0].to_string()
        };
        assert!(first_cause(true).starts_with("The client moved: 10.0.0.21,"), "{}", first_cause(true));
        assert!(first_cause(false).starts_with("Two devices"));
    }

    #[test]
    fn a_broker_that_takes_the_user_name_for_the_client_id() {
        let said = Tale::connected_v5().namesake(5.0).disconnect(Side::Server, 0x8E, 0.001);
        let said = diagnose(&said.close(Side::Server, 0.001).build());
        assert_eq!((said.outcome.id, said.outcome.confidence), ("session-taken-over", Confidence::Certain));
        assert_eq!(
            said.outcome.sentence,
            "Another connection from 10.0.0.22:50000 (tcp.stream 1) with the same user name “dev”, but the client id “sensor-18”, pushed this one out: Session taken over (0x8E)."
        );
        assert!(said.causes[0].contains("use_username_as_clientid"), "{:?}", said.causes);
        let seen = diagnose(&Tale::connected().namesake(5.0).close(Side::Server, 0.001).build());
        assert_eq!((seen.outcome.id, seen.outcome.confidence), ("session-taken-over", Confidence::Likely));
        assert!(seen.outcome.sentence.ends_with("the broker closed it 3 ms after the newer CONNECT."), "{}", seen.outcome.sentence);
    }

    #[test]
    fn the_same_user_name_alone_pushes_nobody_out() {
        for near in [
            Tale::connected().namesake(5.0).close(Side::Server, 0.2),
            Tale::connected().namesake(5.0).close(Side::Client, 0.001),
            Tale::connected().namesake(5.0).close(Side::Server, 0.001).with(|session| {
                session.neighbours.closed_together_count = 1;
            }),
        ] {
            assert_ne!(outcome(&near.build()).id, "session-taken-over");
        }
        let old = Tale::connected_v5().namesake(5.0).disconnect(Side::Server, 0x8E, 60.0).close(Side::Server, 0.001);
        assert!(outcome(&old.build()).sentence.starts_with("Another connection with the same client id"));
        // The same client id explains more.
        let both = outcome(&Tale::connected().namesake(5.0).rival(0.001).close(Side::Server, 0.001).build());
        assert_eq!(both.confidence, Confidence::VeryLikely);
        assert!(both.sentence.contains("with the same client id"), "{}", both.sentence);
    }

    #[test]
    fn it_beats_a_shutdown() {
        let tale = Tale::connected().rival(30.0).close(Side::Server, 0.001);
        let both = tale.with(|session| session.neighbours.closed_together = vec![session.wire.first.frame; 4]);
        assert_eq!(outcome(&both.build()).id, "session-taken-over");
    }

    #[test]
    fn a_disconnect_that_can_give_no_reason() {
        let told = |tale: Tale| outcome(&tale.disconnect(Side::Server, 0, 0.001).close(Side::Client, 0.001).build());
        let pushed = told(Tale::connected().rival(30.0));
        assert_eq!((pushed.id, pushed.confidence), ("session-taken-over", Confidence::VeryLikely));
        assert!(pushed.sentence.ends_with("the broker disconnected it 3 ms after the newer CONNECT."), "{}", pushed.sentence);
        assert_eq!(told(Tale::connected()).id, "administrative-disconnect");
        assert_eq!(told(Tale::connected_v5().rival(30.0)).id, "administrative-disconnect");
    }

    #[test]
    fn a_late_close_a_refused_rival_or_a_close_by_the_client_are_not_it() {
        let late = Tale::connected().rival(30.0).close(Side::Server, 5.0);
        assert_eq!(outcome(&late.build()).id, "server-closed");
        let refused = Tale::connected().rival(30.0).close(Side::Server, 0.01).with(|session| {
            let rival = session.neighbours.rival.as_mut().unwrap();
            rival.refused = rival.accepted.take();
        });
        assert_eq!(outcome(&refused.build()).id, "server-closed");
        let borne = Tale::connected().rival(30.0).close(Side::Server, 0.001);
        let borne = borne.with(|session| session.neighbours.rival.as_mut().unwrap().borne = true);
        assert_eq!(outcome(&borne.build()).id, "server-closed");
        let doubtful = Tale::connected().rival(30.0).close(Side::Server, 0.001);
        let doubtful = doubtful.with(|session| session.neighbours.rival.as_mut().unwrap().doubtful = true);
        assert_eq!(outcome(&doubtful.build()).confidence, Confidence::Likely);
        let client = Tale::connected().rival(30.0).close(Side::Client, 0.001);
        assert_eq!(outcome(&client.build()).id, "client-closed");
    }
}
