//! `path-failed`: the network between stopped carrying the connection.

use super::{About, Judgement};
use crate::capture::{Moment, Timestamp};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Silence, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::CloseHow;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "path-failed", group: "path", severity: Severity::Error, text: include_str!("path_failed.md") };

/// Retransmissions without an answer that make a peer gone.
const RETRIES: u32 = 3;
/// Unacknowledged bytes that fill a segment of the usual size.
const FULL_SEGMENT: u64 = 1200;
/// Segments of so many bytes pass everywhere.
const SMALL: u32 = 500;
/// How long a receive buffer must have been full.
const STALLED: i64 = 5 * SECOND;
/// How long before the end a receive buffer may have got room again: the program read what was left, and closed.
const RELIEVED: i64 = 2 * SECOND;
/// How long data must have been repeated in vain while the other side is heard.
const UNHEARD: i64 = 3 * SECOND;

/// Why the first that a client says may not get through, although its connection opened.
const FILTERED: &str = "A firewall on the way looks into what is said: it lets connections open, and discards what it does not allow inside them.";

/// CONNECT itself did not get through.
pub(super) fn before_connack(story: &Story<'_>) -> Option<Judgement> {
    let connect = story.connect_sent()?;
    let retries = story.session.wire.sent.client.retries;
    let arrived = story.acknowledged(Side::Client) || retries.count == 0;
    if arrived || !story.server_silent() || story.connected() {
        return None;
    }
    let confidence = if retries.count >= RETRIES { Confidence::VeryLikely } else { Confidence::Likely };
    let sentence = format!(
        "The connection stopped working: the CONNECT of {} was never acknowledged by {}, although it was repeated {} in {}.",
        story.client(),
        story.server(),
        words::counted(retries.count.into(), "time"),
        words::duration(retries.last.time.nanoseconds_since(connect.time))
    );
    let large = story.session.wire.sent.client.sent.0 >= FULL_SEGMENT;
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at([connect, retries.last])
            .at(story.close.map(|close| close.at))
            .cause_if(large, "CONNECT is large, and only small packets get through: the way between carries smaller packets than the hosts believe (MTU).")
            .cause("The network between lost the packets, or the server's host vanished just after it took the connection.")
            .cause(FILTERED)
            .step("Look at the network between client and broker; capture at the broker too, to see whether CONNECT arrives.")
            .seen_as(Sight::ConnackMissing),
    )
}

/// What one side sent arrived with a hole that was never filled: the other side waits for the rest in vain. Seen where
/// the capture stands behind the place that loses packets.
pub(super) fn holed(story: &Story<'_>) -> Option<Judgement> {
    [Side::Client, Side::Server].into_iter().find_map(|sender| {
        let sent = story.session.wire.sent.of(sender);
        let (newest, heard) = (sent.last_data?, story.session.wire.sent.of(sender.other()).last_segment?);
        let end = story.close.map_or(story.capture_end(), |close| close.at.time);
        // What came after the close tells nothing of the wait; that nothing came upon a PINGREQ before it does.
        let asked = || story.last_before(story.close?.at).filter(|(_, packet)| packet.packet == PacketType::PINGREQ);
        let last = if end < newest.time { asked().map_or(newest, |(_, asked)| asked.at) } else { newest };
        let waited = end.nanoseconds_since(last.time);
        // What was acknowledged arrived, and only the capture lacks it.
        let whole = sent.missing_bytes == 0 || story.acknowledged(sender);
        let begun = story.connected() || story.session.tls.is_some();
        if whole || !begun || heard.is_before(last) || waited < UNHEARD {
            return None;
        }
        let (from, to) = (story.subject(sender), story.subject(sender.other()));
        let (bytes, span) = (words::bytes(sent.missing_bytes), words::duration(waited));
        let large = sent.missing_bytes >= FULL_SEGMENT;
        Some(
            Judgement::new(
                Confidence::Likely,
                format!("The connection stopped working: {bytes} of what {from} sent never arrived, and {to} waited for them for {span}."),
            )
            .on(&[Ground::Timing])
            .at([last, heard])
            .at(story.close.map(|close| close.at))
            .cause_if(large, "The way between carries smaller packets than the hosts believe (MTU), and no ICMP message tells them: typical of VPNs, PPPoE and mobile links.")
            .cause("The network between loses packets.")
            .step_if(large, "Lower the MTU, or clamp the TCP MSS, on the VPN or router between; let ICMP “fragmentation needed” through.")
            .step(format!("Capture at the side of {from} as well, and see which packets it sends again and again."))
            .seen_as(Sight::Silent),
        )
    })
}

/// What the client sent got lost, until it connected again from the same address: the broker then let the older connection
/// go, which was no use any more.
pub(super) fn before_takeover(story: &Story<'_>) -> Option<Judgement> {
    let wire = &story.session.wire;
    let rival = story.session.neighbours.rival.as_deref()?;
    let same_host = rival.client.address == wire.peers.client.endpoint.address;
    let retries = wire.sent.client.retries;
    let failed = retries.count >= RETRIES && retries.first.is_before(rival.connect) && !story.acknowledged(Side::Client);
    if !same_host || !failed || story.close_by(Side::Server).is_none_or(|close| close.at.is_before(rival.connect)) {
        return None;
    }
    vanished(story, Side::Client)
}

/// The connection stopped working in the running session.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    vanished(story, Side::Client)
        .or_else(|| vanished(story, Side::Server))
        .or_else(|| unanswered_probes(story, Side::Client))
        .or_else(|| unanswered_probes(story, Side::Server))
        .or_else(|| idle_drop(story))
        .or_else(|| stalled(story, Side::Client))
        .or_else(|| stalled(story, Side::Server))
}

/// `sender` repeated its data and the other side no longer answered, or only to small packets.
fn vanished(story: &Story<'_>, sender: Side) -> Option<Judgement> {
    let sent = story.session.wire.sent.of(sender);
    let retries = sent.retries;
    // A close before the first repetition was the reason, not the consequence.
    let closed_before = story.close.is_some_and(|close| close.at.is_before(retries.first));
    if retries.count < RETRIES || closed_before {
        return None;
    }
    let other = sender.other();
    if had_no_room(story, other) {
        return None;
    }
    let heard = story.session.wire.sent.of(other).last_segment;
    let alive = heard.is_some_and(|heard| retries.first.is_before(heard));
    let waiting = sent.sent.0.saturating_sub(sent.acknowledged.0);
    if alive && waiting < FULL_SEGMENT {
        return unheard(story, sender);
    }
    let times = words::counted(retries.count.into(), "time");
    let span = words::duration(retries.last.time.nanoseconds_since(retries.first.time));
    let (from, to) = (story.subject(sender), story.subject(other));
    let what = repeated(story, sender);
    let before = heard.map_or_else(String::new, |heard| {
        let silence = words::duration(retries.last.time.nanoseconds_since(heard.time));
        format!("; it was last heard in frame {}, {silence} before the last of them", heard.frame)
    });
    let (confidence, sentence) = if alive {
        (
            Confidence::Likely,
            format!(
                "The connection stopped working: small packets passed, but {} from {from} did not reach {to} in {times} over {span}.",
                words::bytes(waiting)
            ),
        )
    } else {
        (
            Confidence::VeryLikely,
            format!(
                "The connection stopped working: {to} no longer answered, although {from} repeated {what} {times} in {span}{before}."
            ),
        )
    };
    let client_gone = other == Side::Client;
    // The connection had just opened: nothing can have forgotten it yet.
    let first = !alive && !client_gone && sent.acknowledged.0 == 0 && story.session.wire.established.is_some();
    // Nothing as large had arrived before.
    let large = !alive && waiting >= FULL_SEGMENT && sent.smallest_retried > sent.largest_acknowledged.max(SMALL);
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence, Ground::Cause])
            .at(heard)
            .at([retries.first, retries.last])
            .at(story.close.map(|close| close.at))
            .cause_if(alive, "The way between carries smaller packets than the hosts believe (MTU), and no ICMP message tells them: typical of VPNs, PPPoE and mobile links.")
            .cause_if(large, format!("Only small packets get through (MTU): what {from} repeated is larger than all that arrived before."))
            .cause_if(!alive && client_gone, "The client's device lost power, Wi-Fi or mobile signal, or crashed.")
            .cause_if(!alive && !client_gone, "The broker's host, or the network to it, failed.")
            .cause_if(first, FILTERED)
            .cause_if(!alive && !first, "A firewall, NAT or load balancer on the way forgot the connection and discards its packets.")
            .step_if(alive || large, "Lower the MTU, or clamp the TCP MSS, on the VPN or router between; let ICMP “fragmentation needed” through.")
            .step_if(!alive && client_gone, "Look at the device's power and signal at this time.")
            .step_if(!alive && !client_gone, "Look whether the broker's host was reachable at this time, for other clients as well.")
            .step_if(!alive && !first, "If this follows a long pause, set a Keep Alive shorter than the idle timers on the way.")
            .seen_as(Sight::Silent),
    )
}

/// `sender` asked by TCP keep-alive whether the other side is there, again and again, and gave up.
fn unanswered_probes(story: &Story<'_>, sender: Side) -> Option<Judgement> {
    let probes = story.session.wire.sent.of(sender).unanswered_probes;
    let ended_otherwise = story.close.is_some_and(|close| close.by != sender || close.at.is_before(probes.last));
    if probes.count < RETRIES || ended_otherwise || !story.connected() {
        return None;
    }
    let heard = story.session.wire.sent.of(sender.other()).last_segment?;
    let (from, to) = (story.subject(sender), story.subject(sender.other()));
    let client_gone = sender == Side::Server;
    let sentence = format!(
        "The connection stopped working: {to} no longer answered, although {from} asked {} in {} whether it is there (TCP keep-alive); it was last heard in frame {}, {} before the last of them.",
        words::counted(probes.count.into(), "time"),
        words::duration(probes.last.time.nanoseconds_since(probes.first.time)),
        heard.frame,
        words::duration(probes.last.time.nanoseconds_since(heard.time))
    );
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .on(&[Ground::Absence, Ground::Cause])
            .at([heard, probes.first, probes.last])
            .at(story.close.map(|close| close.at))
            .cause_if(client_gone, "The client's device lost power, Wi-Fi or mobile signal, or crashed.")
            .cause_if(!client_gone, "The broker's host, or the network to it, failed.")
            .cause("A firewall, NAT or load balancer on the way forgot the connection and discards its packets.")
            .step_if(client_gone, "Look at the device's power and signal at this time.")
            .step_if(!client_gone, "Look whether the broker's host was reachable at this time, for other clients as well.")
            .seen_as(Sight::Silent),
    )
}

/// What `sender` repeats: `its PINGREQ of frame 30`, or `its data`.
fn repeated(story: &Story<'_>, sender: Side) -> String {
    let asked = story.session.ping.unanswered.filter(|_| sender == Side::Client);
    match (asked, story.last(sender)) {
        (Some(asked), Some(last)) if last.at == asked => format!("its PINGREQ of frame {}", asked.frame),
        _ => "its data".to_owned(),
    }
}

/// What `sender` sent no longer arrived, while the other side was still heard: one direction failed.
fn unheard(story: &Story<'_>, sender: Side) -> Option<Judgement> {
    let sent = story.session.wire.sent.of(sender);
    let (retries, since) = (sent.retries, sent.waiting_since?);
    let length = retries.last.time.nanoseconds_since(since.time);
    if !story.unheard(sender) || length < UNHEARD {
        return None;
    }
    let other = sender.other();
    let (from, to) = (story.subject(sender), story.subject(other));
    let times = words::counted(retries.count.into(), "time");
    if story.session.wire.reset.is_some_and(|reset| reset.by == other && !reset.acknowledges && retries.last.is_before(reset.at)) {
        return Some(back_again(story, sender));
    }
    let sentence = format!(
        "The connection stopped working in one direction: {from} repeated its data {times} in {} without an acknowledgment, while {to} was still heard.",
        words::duration(length)
    );
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence, Ground::Cause])
            .at([since, retries.first, retries.last])
            .at(story.close.map(|close| close.at))
            .cause(format!("The network loses, or a firewall discards, what goes from {from} to {to}."))
            .cause("A NAT or load balancer on the way has forgotten the connection in this direction.")
            .step("Capture at the other end as well, and see which packets arrive there.")
            .step("Look for firewall rules that let only one direction through, and for routes that differ by direction.")
            .seen_as(Sight::Silent),
    )
}

/// The same, until it did arrive, and the host there did not know the connection any more: what was heard in between may
/// have come when the way was back.
fn back_again(story: &Story<'_>, sender: Side) -> Judgement {
    let retries = story.session.wire.sent.of(sender).retries;
    let (from, to) = (story.subject(sender), story.subject(sender.other()));
    let sentence = format!(
        "The connection stopped working: {from} repeated its data {} in {} without an acknowledgment, and when it got through again, the host of {to} did not know the connection any more and answered with a reset.",
        words::counted(retries.count.into(), "time"),
        words::duration(retries.last.time.nanoseconds_since(retries.first.time))
    );
    Judgement::new(Confidence::Likely, sentence)
        .on(&[Ground::Absence, Ground::Cause])
        .at([retries.first, retries.last])
        .at(story.session.wire.reset.map(|reset| reset.at))
        .cause(format!("The network between failed for a time, and {to} gave the connection up in the meantime."))
        .cause(format!("The host of {to} failed or was restarted, and knows nothing of the connections before."))
        .cause("A NAT or load balancer on the way has forgotten the connection in this direction.")
        .step("Look at the network between client and broker at this time: Wi-Fi or mobile signal, cables, routers.")
        .seen_as(Sight::Silent)
}

/// After a long pause the first packet was answered by a reset.
fn idle_drop(story: &Story<'_>) -> Option<Judgement> {
    let pause = idle_pause(story)?;
    let silence = pause.silence;
    let span = words::duration(silence.length());
    let confidence = if silence.outlasts_known_timers() { Confidence::Likely } else { Confidence::Possible };
    let sentence = format!(
        "The connection stopped working: after {span} of silence, the first packet from {} was answered by a reset.",
        story.subject(pause.woke)
    );
    let allowed = story.keep_alive().filter(|seconds| *seconds > 0 && pause.woke == Side::Client);
    let late = allowed.filter(|seconds| silence.length() > i64::from(*seconds) * SECOND / 2 * 3);
    let expired = late.map(|seconds| {
        format!("The broker had closed the connection meanwhile, as the client was silent for more than 1.5 times its Keep Alive of {seconds} s, and its close did not arrive.")
    });
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Timing, Ground::Cause])
            .at([silence.before, silence.after, pause.reset])
            .cause_if(expired.is_some(), expired.unwrap_or_default())
            .cause("A firewall, NAT or load balancer on the way forgot the idle connection (Azure after 4 min, AWS after 350 s, home routers after 2 to 60 min).")
            .cause("The other side was restarted during the pause and knows nothing of the connection.")
            .step("Set the Keep Alive of the client to less than half of the shortest idle timer on the way, 60 s for instance.")
            .seen_as(Sight::Lost),
    )
}

/// A pause that ended in a reset.
pub(super) struct IdlePause {
    woke: Side,
    silence: Silence,
    reset: Moment,
}

/// The pause before the last packet, if that packet was answered by a reset of the other side.
pub(super) fn idle_pause(story: &Story<'_>) -> Option<IdlePause> {
    let reset = story.close.filter(|close| close.how == CloseHow::Reset)?;
    let woke = reset.by.other();
    let silence = story.silence_broken(woke, story.last(woke)?.at).filter(|silence| silence.is_idle())?;
    // The capture of two directions may hold the answer first.
    let (after, reset) = (silence.after, reset.at);
    let answers = story.soon(after, reset, 2 * SECOND) || story.soon(reset, after, SECOND / 1000);
    answers.then_some(IdlePause { woke, silence, reset })
}

/// Whether `side` had stopped reading long before the end: its receive buffer was full, and stayed so.
pub(super) fn stopped_reading(story: &Story<'_>, side: Side) -> bool {
    full_buffer(story, side).is_some()
}

/// Since when the receive buffer of `side` had been full at the end, or right before it, and how long that is.
fn full_buffer(story: &Story<'_>, side: Side) -> Option<(Moment, i64)> {
    let end = story.close.map_or(story.capture_end(), |close| close.at.time);
    let (full, until) = without_room(story, side, end)?;
    let length = until.nanoseconds_since(full.time);
    (length >= STALLED && end.nanoseconds_since(until) < RELIEVED).then_some((full, length))
}

/// From when until when the receive buffer of `side` was full, the last time, up to `end`.
fn without_room(story: &Story<'_>, side: Side, end: Timestamp) -> Option<(Moment, Timestamp)> {
    let wire = story.session.wire.sent.of(side);
    let reopened = || wire.reopened_window.map(|(full, open)| (full, open.time.min(end)));
    wire.zero_window.map(|full| (full, end)).or_else(reopened)
}

/// Whether `side` said all the while that it has no room for what the other repeated: then nothing got lost.
fn had_no_room(story: &Story<'_>, side: Side) -> bool {
    let wire = &story.session.wire.sent;
    let (retries, heard) = (wire.of(side.other()).retries, wire.of(side).last_segment);
    let span = without_room(story, side, retries.last.time);
    let answered = heard.is_some_and(|heard| retries.last.is_before(heard));
    let within = span.is_some_and(|(full, until)| full.is_before(retries.first) && retries.last.time <= until);
    answered && within
}

/// `side` stopped reading: its receive buffer was full.
fn stalled(story: &Story<'_>, side: Side) -> Option<Judgement> {
    let (full, length) = full_buffer(story, side)?;
    let who = story.subject(side);
    let sentence = format!(
        "The connection stopped working: {who} stopped reading, and its receive buffer stayed full for {}.",
        words::duration(length)
    );
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .on(&[Ground::Timing, Ground::Cause])
            .at([full])
            .at(story.close.map(|close| close.at))
            .cause_if(
                side == Side::Client,
                "The client's program is blocked, in a callback for instance, or too slow for what it subscribed to.",
            )
            .cause_if(side == Side::Server, "The broker is overloaded, or holds this client back on purpose.")
            .step_if(side == Side::Client, "Move slow work out of the client's message callback, or subscribe to less.")
            .step_if(side == Side::Server, "Look at the load of the broker at this time.")
            .seen_as(Sight::Silent),
    )
}

#[cfg(test)]
mod tests;
