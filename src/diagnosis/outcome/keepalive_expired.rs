//! `keepalive-expired`: the client was silent for too long.

use super::{About, Judgement, refusal};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "keepalive-expired",
    group: "ended-by-server",
    severity: Severity::Warning,
    text: include_str!("keepalive_expired.md"),
};

/// Bytes of a packet that surely came in one segment.
const WHOLE: u64 = 500;
/// Beside the round trips, the longest that a host takes to acknowledge a FIN: the shortest time after which it is repeated.
const PROMPT: i64 = SECOND / 5;

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x8D])?;
    let heard = heard_before(story, disconnect.at);
    let silence = heard.map_or_else(String::new, |heard| {
        let silent = disconnect.at.time.nanoseconds_since(heard.time);
        format!(" for {}{}{}", words::duration(silent), since(story, disconnect.at), overdue(story, silent))
    });
    let what = format!("{} was silent{silence}{}, so the broker closed the connection", story.client(), limit(story));
    let judgement = refusal::dismissal(disconnect, &what).at(heard);
    Some(advise(story, judgement))
}

/// The broker closed after a silence that is long enough.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let seconds = story.keep_alive().filter(|seconds| *seconds > 0)?;
    let heard = heard_before(story, close.at)?;
    // A client that repeats what nobody acknowledges is not silent: the path is at fault.
    if !story.connected() || story.reset_is_foreign() || story.unheard(Side::Client) {
        return None;
    }
    let keep_alive = i64::from(seconds) * SECOND;
    let silent = close.at.time.nanoseconds_since(heard.time);
    // A broker counts from when it read the packet, and its clock ticks in coarse steps.
    let tolerance = (keep_alive / 50).max(SECOND / 5);
    if silent < keep_alive * 5 / 4 - tolerance {
        return woke_too_late(story, keep_alive * 3 / 2);
    }
    // NanoMQ waits 1.25 times the Keep Alive; EMQX up to twice, mosquitto up to 5 s more. A close
    // far beyond that may have another reason.
    let usual = silent >= keep_alive * 3 / 2 - tolerance && silent <= keep_alive * 2 + 6 * SECOND;
    let confidence = if usual { Confidence::VeryLikely } else { Confidence::Likely };
    let sentence = format!(
        "{} was silent for {}{}{}{}, so the broker {} the connection.",
        story.client(),
        words::duration(silent),
        since(story, close.at),
        overdue(story, silent),
        limit(story),
        how(close.how)
    );
    let judgement = Judgement::new(confidence, sentence)
        .on(&[Ground::Timing, Ground::State, Ground::Absence])
        .at([heard, close.at])
        .seen_as(Sight::Lost);
    // Were it the Keep Alive alone, the broker would have closed long before.
    let far = silent > keep_alive * 2 + 60 * SECOND;
    Some(advise(story, judgement).cause_if(far, "The capture's clock was set forward, or the capture stood still, in the silence: a broker closes after 1.5 times the Keep Alive."))
}

/// After a silence longer than `allowed` the client spoke again, and the server's host did not know the connection any
/// more: the broker's close was not captured, as when the client's host slept.
fn woke_too_late(story: &Story<'_>, allowed: i64) -> Option<Judgement> {
    let (close, heard) = (story.close_by(Side::Server)?, story.client_heard()?);
    let (silence, _) = story.session.keep_alive.longest_silence.filter(|(_, at)| *at == heard)?;
    if !story.server_forgot() || silence < allowed || !story.soon(heard, close.at, 2 * SECOND) {
        return None;
    }
    let (client, span) = (story.client(), words::duration(silence));
    // Its host lived, and told the broker that the program read nothing.
    let stuck = story.session.wire.sent.server.window_probes > 0;
    let sentence = format!(
        "{client} was silent for {span}{}{}, and the server's host then answered its next packet with a reset: the broker had given the connection up.",
        overdue(story, silence),
        limit(story)
    );
    let judgement = Judgement::new(Confidence::Likely, sentence)
        .on(&[Ground::Timing, Ground::State, Ground::Absence])
        .at([heard, close.at])
        .cause_if(stuck, "The client's program hung: it read nothing, its receive buffer was full, and so the broker's close could not reach it.")
        .cause_if(!stuck, "The client's host slept or had no network: neither its packets nor the broker's close passed.")
        .cause_if(!stuck, "The client's program hung or was busy for too long, and the broker's close was not captured.")
        .cause_if(!stuck, "The broker was restarted, or a firewall or NAT on the way forgot the connection, during the silence.")
        .step_if(stuck, "Look for what blocks the client's program, in a message callback for instance, or subscribe to less.")
        .step_if(!stuck, "Look at the device's power, sleep settings and Wi-Fi signal at this time.")
        .step_if(!stuck, "If the device sleeps on purpose, let it say goodbye first, or set a Keep Alive longer than its sleep.");
    Some(judgement.seen_as(Sight::Lost))
}

fn limit(story: &Story<'_>) -> String {
    match story.keep_alive() {
        Some(0) | None => String::new(),
        Some(seconds) => {
            let whose = match &story.session.connack {
                Some(connack) if connack.server_keep_alive.is_some() => "the broker set a Keep Alive of",
                _ => "its Keep Alive is",
            };
            format!(", although {whose} {seconds} s")
        }
    }
}

/// When the client was last heard before the broker's `end`. A program that hung may go on after it: what it says then
/// breaks no silence.
fn heard_before(story: &Story<'_>, end: Moment) -> Option<Moment> {
    let heard = story.client_heard()?;
    if !end.is_before(heard) {
        return Some(heard);
    }
    let session = story.session;
    let before = story.last_of(Side::Client, end)?;
    // What was being sent when the broker closed ended the silence, though it was whole only later.
    let mut after = session.last_packets.client.iter().filter(|packet| end.is_before(packet.at));
    let whole = session.unfinished_packet.client.is_none() && after.all(|packet| packet.length <= WHOLE);
    whole.then_some(before.at)
}

/// How late the client was: its next packet was due one Keep Alive after its last.
fn overdue(story: &Story<'_>, silent: i64) -> String {
    let Some(seconds) = story.keep_alive().filter(|seconds| *seconds > 0) else { return String::new() };
    let late = silent.saturating_sub(i64::from(seconds) * SECOND);
    if late <= 0 { String::new() } else { format!(" ({} overdue)", words::duration(late)) }
}

/// ` after its PINGREQ in frame 30`: what was last heard of the client.
fn since(story: &Story<'_>, end: Moment) -> String {
    let gaps = story.is(Qualifier::CaptureGaps);
    let begun = story.session.unfinished_packet.client.filter(|part| part.started.is_before(end) && !gaps);
    if let Some(part) = begun {
        return format!(" in the middle of {} that began in frame {}", words::named(part.packet), part.started.frame);
    }
    story.last_of(Side::Client, end).map_or_else(String::new, |last| {
        format!(" after its {} in frame {}", last.packet.name(), last.at.frame)
    })
}

fn advise(story: &Story<'_>, judgement: Judgement) -> Judgement {
    let session = story.session;
    // Whatever the client's host sent after the broker's end shows that its network works.
    let end = session
        .disconnect
        .server
        .as_ref()
        .map(|disconnect| disconnect.at)
        .or(story.close_by(Side::Server).map(|close| close.at));
    let after = session.wire.sent.client.last_segment;
    let alive = matches!((end, after), (Some(end), Some(after)) if end.is_before(after));
    let stopped = session.wire.sent.server.retries.count > 0;
    let reset = session.wire.reset.filter(|reset| reset.by == Side::Client && !reset.acknowledges);
    let unknown = alive && reset.is_some() && session.wire.sent.client.fin.is_none();
    let late = answered_late(story).filter(|_| alive && !unknown);
    let prompt = alive && !unknown && late.is_none();
    let overridden = session
        .connack
        .as_ref()
        .and_then(|connack| connack.server_keep_alive)
        .zip(session.connect.as_ref().map(|connect| connect.keep_alive))
        .is_some_and(|(server, own)| server < own || own == 0);
    // PubSubClient speaks neither MQTT 5.0 nor WebSocket.
    let pubsub = if story.version() == Some(Version::V5) || story.websocket().is_some() {
        ""
    } else {
        " With PubSubClient, `loop()` was not called often enough."
    };
    let pings = story.websocket().is_some_and(|websocket| websocket.pings.client.count > 0);
    let never = session.counts.client.of(PacketType::PINGREQ) == 0;
    judgement
        .cause_if(overridden, "The broker set a shorter Keep Alive than the client asked for, and the client did not follow it.")
        .cause_if(unknown, "The client's host did not know the connection any more: the device had restarted, or a NAT or firewall on the way had forgotten it.")
        .cause_if(late.is_some_and(|span| span >= SECOND), late.map(lost_meanwhile).unwrap_or_default())
        .cause_if(prompt, format!("The client's program hung or was busy while its network worked: its host still answered the close.{pubsub}"))
        .cause_if(!alive, "The client's host was gone: it slept, lost power or lost its Wi-Fi.")
        .cause_if(!alive, "The network between them failed, or a firewall, NAT or load balancer on the way forgot the connection and discards its packets.")
        .cause_if(!alive && !stopped || late.is_some(), format!("The client's program hung or was busy for too long.{pubsub}"))
        .cause_if(late.is_some_and(|span| span < SECOND), late.map(lost_meanwhile).unwrap_or_default())
        .cause_if(pings, "WebSocket Pings and Pongs went on meanwhile, but they are no sign of life to MQTT: the client's MQTT library has to send PINGREQ.")
        .cause_if(never && prompt, "The client never sent a PINGREQ: its library leaves that to a call that the program does not make.")
        .step_if(!prompt, "Look at the device's power, sleep settings and Wi-Fi signal at this time.")
        .step_if(!prompt, "Capture at the client as well: what it sends there and does not arrive here, the network between loses.")
        .step_if(prompt || late.is_some(), "Look for long delays in the client's program: `delay()`, slow sensors, a blocked callback.")
        .step_if(prompt, "If such delays are normal, set a longer Keep Alive.")
        .step_if(!alive, "If the device sleeps on purpose, let it say goodbye first, or set a Keep Alive longer than its sleep.")
}

/// How long the client's host took to answer the broker's FIN, in nanoseconds, if that is longer than a host takes whose
/// network works.
fn answered_late(story: &Story<'_>) -> Option<i64> {
    let wire = &story.session.wire;
    let (server, client) = (&wire.sent.server, &wire.sent.client);
    let fin = server.fin_at()?;
    let reset = wire.reset.filter(|reset| reset.by == Side::Client).map(|reset| reset.at);
    let answers = [server.fin_acknowledged(), client.fin_at(), reset].into_iter().flatten();
    let heard = client.last_segment.filter(|at| fin.is_before(*at));
    let answered = answers.filter(|at| !at.is_before(fin)).min_by_key(|at| at.frame).or(heard)?;
    let span = answered.time.nanoseconds_since(fin.time);
    (span > PROMPT + 2 * story.round_trip()).then_some(span)
}

fn lost_meanwhile(span: i64) -> String {
    let span = words::duration(span);
    format!("The network between lost what the client sent, or its host slept: the host was heard again only {span} after the broker's close.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::diagnosis::{Confidence, diagnose};
    use crate::mqtt::PacketType;
    use crate::session::UnfinishedPacket;
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let said = outcome(&Tale::connected_v5().disconnect(Side::Server, 0x8D, 91.0).build());
        assert_eq!((said.id, said.confidence), ("keepalive-expired", Confidence::Certain));
        assert_eq!(
            said.sentence,
            "sensor-17 was silent for 1 min 31 s after its CONNECT in frame 4 (31 s overdue), although its Keep Alive is 60 s, so the broker closed the connection: Keep Alive timeout (0x8D)."
        );
    }

    #[test]
    fn what_a_client_says_after_the_close_breaks_no_silence() {
        let tale = |length| {
            let tale = Tale::connected().publish(Side::Server, "a", 1, 20, 40.0).close(Side::Server, 51.0);
            outcome(&tale.publish(Side::Client, "b", 0, length, 30.0).reset(Side::Server, 0.001).build())
        };
        let woken = tale(20);
        assert_eq!((woken.id, woken.confidence), ("keepalive-expired", Confidence::VeryLikely));
        assert!(woken.sentence.contains("silent for 1 min 31 s after its CONNECT"), "{}", woken.sentence);
        // Its first bytes may have come before the close.
        assert_ne!(tale(200_000).id, "keepalive-expired");
        let busy = (0..4).fold(Tale::connected().close(Side::Server, 100.0), |tale, _| tale.publish(Side::Client, "b", 0, 20, 0.1));
        assert_ne!(outcome(&busy.build()).id, "keepalive-expired");
    }

    #[test]
    fn a_client_that_wakes_too_late_is_answered_by_a_reset() {
        let woken = |silence: f64, acknowledges: bool| {
            let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, silence).reset(Side::Server, 0.001);
            let tale = tale.with(|session| {
                let last = session.last_packets.client.last().unwrap().at;
                session.keep_alive.longest_silence = Some((last.time.nanoseconds_since(session.connect.as_ref().unwrap().at.time), last));
                session.wire.reset.as_mut().unwrap().acknowledges = acknowledges;
                session.wire.sent.client.acknowledged.0 -= 2;
            });
            outcome(&tale.build())
        };
        let late = woken(120.0, false);
        let stuck = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 120.0).reset(Side::Server, 0.001).with(|session| {
            let last = session.last_packets.client.last().unwrap().at;
            session.keep_alive.longest_silence = Some((120_000_000_000, last));
            session.wire.reset.as_mut().unwrap().acknowledges = false;
            session.wire.sent.client.acknowledged.0 -= 2;
            session.wire.sent.server.window_probes = 3;
        });
        assert!(diagnose(&stuck.build()).causes[0].contains("its receive buffer was full"));
        assert_eq!((late.id, late.confidence), ("keepalive-expired", Confidence::Likely));
        assert!(late.sentence.contains("silent for 2 min (1 min overdue), although its Keep Alive is 60 s"), "{}", late.sentence);
        assert_ne!(woken(70.0, false).id, "keepalive-expired");
        assert_ne!(woken(120.0, true).id, "keepalive-expired");
    }

    #[test]
    fn a_close_after_one_and_a_half_times_the_keep_alive() {
        let seen = outcome(&Tale::connected().close(Side::Server, 90.5).build());
        assert_eq!((seen.id, seen.confidence), ("keepalive-expired", Confidence::VeryLikely));
        let much_later = outcome(&Tale::connected().close(Side::Server, 600.0).build());
        assert_eq!((much_later.id, much_later.confidence), ("keepalive-expired", Confidence::Likely));
        let causes = |after| diagnose(&Tale::connected().close(Side::Server, after).build()).causes.concat();
        assert!(causes(600.0).contains("clock was set forward"));
        assert!(!causes(125.0).contains("clock was set forward"));
    }

    #[test]
    fn a_client_that_fell_silent_within_a_packet() {
        let tale = Tale::connected().close(Side::Server, 90.5).with(|session| {
            let started = session.connack.as_ref().unwrap().at;
            session.unfinished_packet.client =
                Some(UnfinishedPacket { packet: PacketType::PUBLISH, length: 500, started });
        });
        let seen = outcome(&tale.build());
        assert_eq!(seen.id, "keepalive-expired");
        assert!(seen.sentence.contains("in the middle of a PUBLISH that began in frame 5"), "{}", seen.sentence);
    }

    #[test]
    fn an_early_close_or_no_keep_alive_is_not_it() {
        assert_eq!(outcome(&Tale::connected().close(Side::Server, 61.0).build()).id, "server-closed");
        let off = Tale::connected().close(Side::Server, 900.0).with(|session| {
            session.connect.as_mut().unwrap().keep_alive = 0;
        });
        assert_eq!(outcome(&off.build()).id, "server-closed");
        let by_client = Tale::connected().close(Side::Client, 95.0);
        assert_eq!(outcome(&by_client.build()).id, "client-closed");
    }

    #[test]
    fn the_server_keep_alive_counts() {
        let tale = Tale::connected_v5().close(Side::Server, 31.0);
        let session = tale.with(|session| session.connack.as_mut().unwrap().server_keep_alive = Some(20));
        let verdict = diagnose(&session.build());
        assert_eq!(verdict.outcome.id, "keepalive-expired");
        assert!(verdict.outcome.sentence.contains("although the broker set a Keep Alive of 20 s"));
        assert!(verdict.causes[0].contains("shorter Keep Alive"));
    }

    #[test]
    fn a_host_that_answers_the_close_has_a_program_that_hangs() {
        let alive = Tale::connected().close(Side::Server, 90.5).close(Side::Client, 0.01);
        assert!(diagnose(&alive.build()).causes[0].contains("program hung"));
        let gone = Tale::connected().close(Side::Server, 90.5);
        let gone = diagnose(&gone.build()).causes;
        assert!(gone[0].contains("host was gone") && gone[1].starts_with("The network between them failed"), "{gone:?}");
    }

    #[test]
    fn a_close_that_is_answered_late_or_by_a_stranger_shows_no_working_network() {
        let answered = |after: f64| {
            let tale = Tale::connected().close(Side::Server, 90.5).close(Side::Client, after);
            diagnose(&tale.build()).causes
        };
        let late = answered(6.2);
        let told = "The network between lost what the client sent, or its host slept: the host was heard again only 6.2 s after the broker's close.";
        assert_eq!(late[0], told);
        assert!(!late.concat().contains("its network worked"), "{late:?}");
        // A device that saves power may take a while as well.
        assert!(answered(0.3)[0].contains("program hung") && answered(0.3)[1].contains("only 300 ms after"), "{:?}", answered(0.3));
        assert!(answered(0.19)[0].contains("its network worked"));
        // It went on as if there had been no close.
        let unaware = Tale::connected().close(Side::Server, 90.5).packet(Side::Client, PacketType::PINGREQ, 46.0);
        let unaware = diagnose(&unaware.reset(Side::Server, 0.001).build()).causes;
        assert!(unaware[0].contains("heard again only 46 s after"), "{unaware:?}");
        let forgot = |acknowledges| {
            let tale = Tale::connected().close(Side::Server, 90.5).reset(Side::Client, 0.01);
            let tale = tale.with(|session| session.wire.reset.as_mut().unwrap().acknowledges = acknowledges);
            diagnose(&tale.build()).causes[0].clone()
        };
        assert!(forgot(false).starts_with("The client's host did not know the connection any more"), "{}", forgot(false));
        assert!(forgot(true).contains("its network worked"));
    }

    #[test]
    fn a_clock_that_jumps_measures_nothing() {
        let jumped = Tale::connected().close(Side::Server, 90.5);
        let jumped = jumped.with(|session| session.capture.clock_jumped = true);
        assert_eq!(outcome(&jumped.build()).id, "server-closed");
    }
}
