//! `client-closed`: the client closed without a goodbye.

mod reset_by_another;

use std::borrow::Cow;

use super::{About, Judgement, client_broke_rules, refusal, relayed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, SHORTEST_IDLE, Said, Story, how, only_asked};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Close, CloseHow, ExchangeState, LastPacket, Proof};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "client-closed",
    group: "ended-by-client",
    severity: Severity::Warning,
    text: include_str!("client_closed.md"),
};

/// The client names an error in its DISCONNECT.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    // Normal disconnection, and Disconnect with Will Message.
    if [0, 4].contains(&disconnect.code.0) {
        return None;
    }
    let (client, age) = (story.client(), story.age(disconnect.at));
    let code = refusal::disconnect_in_words(disconnect);
    let will = will(story);
    let with = if disconnect.code.is_failure() { "an error: " } else { "" };
    Some(
        Judgement::new(Confidence::Certain, format!("{client} ended the session after {age} with {with}{code}{will}."))
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .at(story.close.map(|close| close.at))
        .cause("The client's program or library met a problem of its own.")
        .step("Look into the client's log at this time."),
    )
}

/// The client closed or reset the connection.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Client)?;
    let wire = &story.session.wire;
    if wire.start_captured() && wire.established.is_none() && wire.sent.client.sent.0 == 0 {
        return None;
    }
    let (client, how) = (story.client(), how(close.how));
    let (connect, connected) = (story.connect_sent(), story.connected());
    let (missed, unread) = (story.goodbye_may_be_missed(close), story.last_unread(Side::Client));
    if let Some(judgement) = reset_by_another::judge(story, close).or_else(|| by_proxy(story, close)) {
        return Some(judgement);
    }
    let begun = story.begun_connect().map(|part| {
        let span = words::duration(close.at.time.nanoseconds_since(part.started.time));
        let (length, code) = (words::bytes(part.length), story.close_code_aside(Side::Client));
        format!("{client} {how} the connection{code} before its CONNECT of {length} was whole, {span} after it began.")
    });
    let whole = begun.is_none() && story.session.begun_header.client.is_none();
    let goodbye = story.session.disconnect.client.as_ref().filter(|goodbye| !close.at.is_before(goodbye.at));
    let (sealed, stranger) = (story.is(Qualifier::Encrypted), client_broke_rules::unintroduced(story).is_some());
    let unheard = !stranger && !story.may_be_introduced();
    // Its host acknowledged what the capture lacks.
    let (answered, when) = (story.answer_missed(), story.when_first_seen());
    let sentence = match connect {
        Some(_) if begun.is_some() => begun.unwrap_or_default(),
        Some(connect) if !connected => before_connack(story, connect, close, goodbye.is_some()),
        None if unheard => format!(
            "{client} {how} the connection after {}{}, {}.",
            story.age(close.at),
            story.close_code_aside(Side::Client),
            before_connect(story)
        ),
        _ if missed => format!(
            "{client} {how} the connection {when}; whether it said goodbye before is not known."
        ),
        _ if unread => format!(
            "{client} {how} the connection after {}; what it sent last, a goodbye perhaps, could not be read.",
            story.age(close.at)
        ),
        _ if story.closed_at_once() => format!(
            "Both sides closed the connection at the same moment, {} after its start, without a goodbye from {client}{}.",
            story.age(close.at),
            will(story)
        ),
        _ if sealed => format!(
            "{client} {how} the connection after {}; whether it said goodbye inside TLS cannot be read.",
            story.age(close.at)
        ),
        _ => format!(
            "{client} {how} the connection after {}{}{} without {}{}.",
            story.age(close.at),
            story.close_code_aside(Side::Client),
            within(story),
            if story.is(Qualifier::CaptureGaps) { "a goodbye that the capture holds" } else { "saying goodbye" },
            will(story)
        ),
    };
    let confidence = match story.closed_at_once() {
        _ if missed || unread => Confidence::Possible,
        true => Confidence::Likely,
        false => Confidence::Certain,
    };
    let refused = story
        .session
        .refusals
        .iter()
        .rev()
        .find(|refusal| refusal.by == Side::Server && story.soon(refusal.at, close.at, 5 * SECOND));
    let (waited, unreadable) = (waited_in_vain(story, close), unreadable(story, close));
    let spoiled = unreadable.is_some();
    let (reset, meaning) = (close.how == CloseHow::Reset, story.close_code_cause(Side::Client));
    let asked = connected && !spoiled && !story.is(Qualifier::CaptureGaps) && only_asked(story.session, close);
    let limit = timer(story, close).filter(|_| connected);
    let timed = limit.is_some();
    let together = together(story).filter(|_| connected && !timed);
    let slow = connect.filter(|connect| story.soon(*connect, close.at, SECOND)).and_then(|_| opened_slowly(story));
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at(story.last_before(close.at).map(|(_, packet)| packet.at))
            .at(refused.map(|refusal| refusal.at))
            .at([close.at])
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(spoiled, unreadable.unwrap_or_default())
            .cause_if(waited.is_some(), waited.unwrap_or_default())
            .cause_if(refused.is_some(), "The broker had just refused a request of the client, which may have given up over it.")
            .cause_if(!whole, "The program ended, or gave up, while it was still sending its CONNECT.")
            .cause_if(stranger, "It never introduced itself: what comes before a CONNECT no broker answers.")
            .cause_if(!connected && whole && !stranger && slow.is_some(), slow.unwrap_or_default())
            .cause_if(!connected && whole && goodbye.is_some(), "The program says goodbye without waiting for the answer: it has nothing more to do, or only tests whether the broker is there.")
            .cause_if(!connected && whole && !stranger && goodbye.is_none() && !answered && !spoiled, "The program did not wait for the answer: its time limit is very short, or it only tests whether the broker is there.")
            .cause_if(together.is_some(), together.unwrap_or_default())
            .cause_if(timed, limit.unwrap_or_default())
            .cause_if(asked && story.session.neighbours.closed_again_alike > 0, ONLY_ASKED)
            .cause_if(connected || answered, "The program ended, crashed or was restarted without calling its library's disconnect function.")
            .cause_if(asked && story.session.neighbours.closed_again_alike == 0, ONLY_ASKED)
            .cause_if(reset, "The client dropped the connection with data still unread or unsent, as some embedded TCP stacks do: that makes it a reset.")
            .cause_if(connected || answered, "The library gave the connection up over an error of its own and is about to connect again.")
            .step("Look into the client's log at this time.")
            .step_if(timed, "If the client comes through a proxy or load balancer, set a longer idle limit there (HAProxy: `timeout client` and `timeout server`; nginx: `proxy_timeout`), or a shorter Keep Alive in the client.")
            .step_if(connected && !sealed, advised(story)),
    )
}

/// How it closed, if no CONNACK had let it in.
fn before_connack(story: &Story<'_>, connect: Moment, close: Close, goodbye: bool) -> String {
    let span = words::duration(close.at.time.nanoseconds_since(connect.time));
    let goodbye = if goodbye { "sent DISCONNECT and " } else { "" };
    let before = match story.begun_answer() {
        Some((part, _)) => format!(", in the middle of the answer: {part} had come"),
        None if story.answer_missed() => "; the capture lacks the answer, which its host acknowledged".to_owned(),
        None if story.server_silent() || story.late_connack().is_some() => ", before an answer came".to_owned(),
        None => String::new(),
    };
    let (client, how, code) = (story.client(), how(close.how), story.close_code_aside(Side::Client));
    format!("{client} {goodbye}{how} the connection {span} after CONNECT{before}{code}.")
}

/// That the program should say goodbye.
fn advised(story: &Story<'_>) -> &'static str {
    match &story.session.connect {
        Some(connect) if connect.will.is_none() => "Let the program call its library's `disconnect()` before it ends.",
        _ => "Let the program call its library's `disconnect()` before it ends; the broker then drops the will.",
    }
}

/// A shorter silence, in nanoseconds, ends none of a proxy's connections by its idle limit.
const IDLE: i64 = 10 * SECOND;
/// Idle limits that proxies and load balancers have unless told otherwise, in seconds.
const KNOWN_LIMITS: [i64; 9] = [30, 50, 60, 120, 240, 300, 350, 600, 3600];

/// The timer that may have ended the connection in a silence. Seen from the broker, a proxy's close comes from the client.
fn timer(story: &Story<'_>, close: Close) -> Option<String> {
    let last = story.packet_before(close.at)?;
    let silence = close.at.time.nanoseconds_since(last.time);
    let again = story.session.neighbours.closed_again_alike;
    let limit = |seconds: &i64| silence.saturating_sub(seconds * SECOND).abs() <= SECOND / 5;
    let known = silence >= IDLE && KNOWN_LIMITS.iter().any(limit);
    if !known && (again == 0 || silence < SHORTEST_IDLE) {
        return None;
    }
    let span = words::duration(silence);
    let alike = match again {
        0 => String::new(),
        again => format!(", as before the end of {} of this client", words::counted(again, "other connection")),
    };
    Some(format!("A timer ended it: nothing had been said for {span}{alike}. A proxy or load balancer in between, whose close looks like the client's at the broker, or the program itself closes then."))
}

/// The client's side is a proxy, of which the capture holds the other connection too.
fn by_proxy(story: &Story<'_>, close: Close) -> Option<Judgement> {
    let plain = story.connected() && !story.closed_at_once() && !story.is(Qualifier::CaptureGaps);
    relayed::by_client(story, close).filter(|_| plain && !story.goodbye_may_be_missed(close))
}

/// Why a client that was let in leaves at once.
const ONLY_ASKED: &str = "It only asked whether the broker lets it in, as the health check of a load balancer and monitors do: it left at once and wanted nothing else.";

/// What closed others from the same address at the same moment.
fn together(story: &Story<'_>) -> Option<String> {
    let others = story.session.neighbours.left_together;
    let (more, host) = (words::counted(others, "other connection"), story.client_host());
    let were = if others == 1 { "was" } else { "were" };
    (others > 0).then(|| {
        format!("{more} from {host} {were} closed in the same second: one program has them all and ended, or a proxy or load balancer at that address was stopped or lost the broker.")
    })
}

/// How far it had come before it closed, of a client that never sent a CONNECT.
fn before_connect(story: &Story<'_>) -> String {
    let asked = story.websocket().filter(|websocket| websocket.request.is_some() && !websocket.is_open());
    let header = story.session.begun_header.client;
    match (asked.map(|websocket| websocket.begun_answer), header) {
        (Some(Some((came, _))), _) => {
            let came = words::bytes(u64::try_from(came).unwrap_or(u64::MAX));
            format!("in the middle of the answer to its request for a WebSocket: {came} had come")
        }
        (Some(None), _) => "before its request for a WebSocket was answered".to_owned(),
        (None, Some((bytes, _))) => format!("when {} of its first packet had come", words::bytes(bytes)),
        (None, None) => "before it sent a CONNECT".to_owned(),
    }
}

/// The packet that the client had begun, if it closed before the end of it.
fn within(story: &Story<'_>) -> String {
    let part = story.session.unfinished_packet.client.filter(|_| !story.is(Qualifier::CaptureGaps));
    part.map_or_else(String::new, |part| {
        format!(", in the middle of {} of {},", words::named(part.packet), words::bytes(part.length))
    })
}

/// What the broker sent last, if it is something that a library may not be able to take.
fn unreadable(story: &Story<'_>, close: Close) -> Option<String> {
    larger_than_expected(story, close).or_else(|| unsound(story, close))
}

/// The same, if its bytes or its rules are at fault.
fn unsound(story: &Story<'_>, close: Close) -> Option<String> {
    let last = story.last_of(Side::Server, close.at).map(|last| last.at.frame);
    let newest = |at: Moment| {
        !close.at.is_before(at) && (last.is_none_or(|last| last <= at.frame) || story.soon(at, close.at, SECOND / 2))
    };
    let garbled = story.session.malformed.iter().find(|fact| {
        // Behind a length that cannot be decoded no packet can be found.
        let nothing_after = fact.malformed.field == "Remaining Length" && !close.at.is_before(fact.at);
        fact.side == Side::Server && (newest(fact.at) || nothing_after)
    });
    let garbled = garbled.map(|fact| {
        let (packet, why) = (words::named(fact.packet), words::undecodable(fact.malformed));
        (fact.at, format!("{packet} that cannot be decoded ({why})"))
    });
    let broken = || {
        let unlet = story.session.connack.is_none();
        // A rule of WebSocket is broken by no packet.
        let rules = story.session.violations.iter().filter(|broken| !broken.clause.starts_with("MQTT-6."));
        let mut rules = rules.filter(|broken| broken.side == Side::Server);
        let broken = rules.find(|broken| {
            broken.proof == Proof::Packet && newest(broken.at) || broken.clause == "MQTT-3.2.0-1" && unlet
        })?;
        Some((broken.at, format!("{} that breaks a rule ({})", words::named(broken.packet), broken.what)))
    };
    let (at, what) = garbled.or_else(broken)?;
    Some(format!(
        "The broker sent {what} in frame {}: a library that cannot take it gives up, at once or when its patience ends.",
        at.frame
    ))
}

/// The largest number that a Variable Byte Integer can hold.
const LARGEST: u32 = 268_435_455;

/// That the CONNACK allows larger packets than the client's library expects, if the client closed upon it.
fn larger_than_expected(story: &Story<'_>, close: Close) -> Option<String> {
    let connack = story.session.connack.as_ref().filter(|connack| story.soon(connack.at, close.at, SECOND))?;
    let most = connack.maximum_packet_size.filter(|most| *most > LARGEST)?;
    let spoke = story.last_of(Side::Client, close.at).is_none_or(|last| connack.at.is_before(last.at));
    (!spoke).then(|| {
        format!("The CONNACK allows packets of {} (Maximum Packet Size), and the client closed upon it: Paho Python takes more than 268,435,455 for an error.", words::bytes(most.into()))
    })
}

/// What the client may have given up over: its newest packet is a request that got no answer, or none in time.
fn waited_in_vain(story: &Story<'_>, close: Close) -> Option<String> {
    let newest = story.last_of(Side::Client, close.at)?;
    let late = answered_too_late(story, close, newest);
    let open = story.session.open_exchanges.iter().any(|request| {
        request.sender == Side::Client && request.state == ExchangeState::Sent && request.last == newest.at
    });
    let span = close.at.time.nanoseconds_since(newest.at.time);
    if span < SECOND || !open && late.is_none() {
        return None;
    }
    let (packet, frame, span) = (newest.packet.name(), newest.at.frame, words::duration(span));
    let end = late.map_or_else(String::new, |late| {
        let after = words::duration(late.at.time.nanoseconds_since(close.at.time));
        format!("; the {} came {after} too late", late.packet.name())
    });
    Some(format!("The client gave up waiting: its {packet} in frame {frame} got no answer for {span}{end}."))
}

/// That the connection took long to open: a time limit counts from the first SYN.
fn opened_slowly(story: &Story<'_>) -> Option<String> {
    let wire = &story.session.wire;
    let took = wire.established?.time.nanoseconds_since(wire.syn.first.time);
    let slow = wire.syn.count > 1 && took >= SECOND;
    slow.then(|| {
        let took = words::duration(took);
        format!("The client's own time limit ran out: its SYN had to be repeated, and the connection took {took} to open.")
    })
}

/// The answer to `request`, if it came when the client had gone, whose host did not take it any more.
fn answered_too_late<'a>(story: &Story<'a>, close: Close, request: &LastPacket) -> Option<&'a LastPacket> {
    let kinds = match request.packet {
        PacketType::PUBLISH => [PacketType::PUBACK, PacketType::PUBREC],
        PacketType::SUBSCRIBE => [PacketType::SUBACK; 2],
        PacketType::UNSUBSCRIBE => [PacketType::UNSUBACK; 2],
        _ => return None,
    };
    let id = request.packet_identifier?;
    let mut packets = story.session.last_packets.server.iter();
    let late = packets.find(|answer| kinds.contains(&answer.packet) && answer.packet_identifier == Some(id))?;
    (close.at.is_before(late.at) && !story.acknowledged(Side::Server)).then_some(late)
}

/// No close was seen, but the client's port opened a new connection to the same port of the server: its host had
/// forgotten this one.
pub(super) fn replaced(story: &Story<'_>) -> Option<Judgement> {
    let session = story.session;
    let anew = session.wire.replaced.as_deref().filter(|_| story.close.is_none() && story.connected())?;
    let (client, port) = (story.client(), session.wire.peers.client.endpoint.port);
    let (after, frame) = (words::duration(anew.time.nanoseconds_since(session.wire.last.time)), anew.frame);
    let sentence = format!(
        "{client} left without a word: {after} later a new connection began from the same port ({port}, frame {frame}), so its host no longer knew this one{}.",
        will(story)
    );
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at(story.client_heard())
            .at([session.wire.last, *anew])
            .cause("The device restarted, crashed or lost power: many begin with the same ports after every start.")
            .cause("A NAT on the way forgot the connection and gave its port to another one.")
            .cause("The end of this connection was not captured, and the port was free again.")
            .step("Look at the device's power supply and, if it keeps one, at its log: what made it restart?"),
    )
}

/// What should become of the will. A broker has to publish it whenever the goodbye is missing (MQTT 3.1.1 [MQTT-3.1.2-8]);
/// that it did is for its subscribers to show.
fn will(story: &Story<'_>) -> Cow<'static, str> {
    match &story.session.connect {
        Some(connect) if connect.will.is_some() && story.connected() => match will_delay(story) {
            0 => "; the broker should publish its will".into(),
            delay => {
                let span = words::duration(i64::from(delay) * SECOND);
                format!("; the broker should publish its will after {span}, unless it is back by then").into()
            }
        },
        Some(_) => "".into(),
        // Who never sent a CONNECT has no session.
        None if client_broke_rules::unintroduced(story).is_some() || !story.may_be_introduced() => "".into(),
        None => "; if it has a will, the broker should publish it".into(),
    }
}

/// Seconds that the broker waits with the will: it does not wait longer than the session lasts (MQTT 5.0 §3.1.3.2.2).
fn will_delay(story: &Story<'_>) -> u32 {
    let connect = story.session.connect.as_ref();
    let delay = connect.and_then(|connect| connect.will.as_ref()?.delay_interval);
    let granted = story.session.connack.as_ref().and_then(|connack| connack.session_expiry_interval);
    let expiry = granted.or(connect.and_then(|connect| connect.session_expiry_interval));
    delay.unwrap_or(0).min(expiry.unwrap_or(0))
}

#[cfg(test)]
mod tests;
