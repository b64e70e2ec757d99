//! `server-closed`: the broker closed and gave no reason.

use std::borrow::Cow;

use super::{About, Judgement, relayed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Close, CloseHow, ExchangeState, Rival, UnfinishedPacket};
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
    let (client, age, last) = (story.client(), story.age(close.at), story.last_words(close.at));
    let gaps = story.is(Qualifier::CaptureGaps);
    let part = story.session.unfinished_packet.client.filter(|part| part.started.is_before(close.at) && !gaps);
    let at_once = story.closed_at_once();
    let begun = part.map(|part| begun(&part, close));
    let ending = begun.unwrap_or_else(|| after_last(last.as_ref(), close));
    let code = story.close_code(Side::Server).map(|code| format!("with {code}"));
    let without = if gaps { "without a reason that the capture holds" } else { "without a reason" };
    let without = code.as_deref().unwrap_or(without);
    let foreign = story.reset_is_foreign();
    let forgot = story.server_forgot() && !foreign;
    let late = unknown_to_the_server(story, close);
    let plain = !foreign && !forgot && !late && !at_once && !gaps;
    if let Some(judgement) = plain.then(|| relayed::by_server(story, close, &ending)).flatten() {
        return Some(judgement);
    }
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
    let overfull = overfull(story, close);
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
    let pushed_out = pushed_out(story);
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
            .cause_if(late, forgotten(story))
            .cause_if(late, "A NAT on the way gave the connection another address or port while it went on: the broker knows it by the old one only.")
            .cause_if(forgot && !late, "The server no longer knew the connection: the broker or its host was restarted, or it gave the connection up while its packets did not arrive.")
            .cause_if(together && gone.is_none(), "The broker was stopped or restarted: it closed another session in the same second.")
            .cause_if(forgot || late, "A firewall, NAT or load balancer on the way forgot the connection, and answers in the server's name.")
            .cause_if(alone && overfull.is_some(), overfull.unwrap_or_default())
            .cause_if(old && alone && asked, FORBIDDEN)
            .cause_if(alone && runs && introduced && !short, pushed_out.clone())
            .cause_if(!together && alone && timed.is_none() && introduced, "The broker was stopped or restarted, or somebody disconnected the client.")
            .cause_if(!together && alone && timed.is_none() && !introduced, "The broker, or a proxy in front of it, was stopped or restarted.")
            .cause_if(paused, IDLE_TIMER)
            .cause_if(alone && !runs && introduced && !short, pushed_out.clone())
            .cause_if(old && alone && !asked, FORBIDDEN)
            .cause_if(alone && runs && introduced && short, pushed_out.clone())
            .cause_if(reset && !forgot, "The broker's process was ended by force.")
            .step_if(timed.is_some(), "Set a longer timer there, or a shorter Keep Alive in the client.")
            .step_if(gone.is_some(), "Check that the broker is running again.")
            .step_if(!foreign, "Look into the broker's log at this time: it names the reason.")
            .step_if(foreign, "Look into the rules and logs of the firewalls and proxies between client and broker at this time.")
            .step_if(old && alone, "Connect with MQTT 5.0 if client and broker can: the broker can then name its reason."),
    )
    .map(|judgement| judgement.seen_as(Sight::Lost))
}

/// So many messages that wait for their acknowledgment may be too many for a broker.
const WAITING: usize = 10;

/// That the client had not acknowledged many messages, of which the broker sent the newest just before the close.
fn overfull(story: &Story<'_>, close: Close) -> Option<String> {
    let last = story.last_of(Side::Server, close.at).filter(|last| last.packet == PacketType::PUBLISH && last.qos.0 > 0)?;
    let waiting = story.session.open_exchanges.iter();
    let waiting = waiting.filter(|one| one.sender == Side::Server && one.state == ExchangeState::Sent).count();
    (waiting >= WAITING && story.soon(last.at, close.at, SECOND)).then(|| {
        format!("The client had left {waiting} messages unacknowledged, and the broker takes that for too many: Mosca, for one, then closes.")
    })
}

/// What was said last, and how long before the close.
fn after_last(last: Option<&(String, Moment)>, close: Close) -> String {
    last.map_or_else(
        || ".".to_owned(),
        |(last, at)| {
            let span = words::duration(close.at.time.nanoseconds_since(at.time));
            format!("; the last packet was {last}, {span} before.")
        },
    )
}

/// What the broker had done to a connection that it does not know.
fn forgotten(story: &Story<'_>) -> &'static str {
    // What was captured before this session held nothing of it.
    if story.began_with_the_capture() {
        "The broker no longer knew the connection: it had closed it, or was restarted, before the capture began."
    } else {
        "The broker no longer knew the connection: it had closed it, or was restarted, before this packet came."
    }
}

/// The cause that another connection with the client id pushed this one out.
fn pushed_out(story: &Story<'_>) -> Cow<'static, str> {
    let rival = story.session.neighbours.rival.as_deref();
    match rival.filter(|rival| rival.accepted.is_some() && !rival.borne) {
        Some(Rival { stream, .. }) => {
            format!("Another connection with the same client id (tcp.stream {stream}), which the broker let in while this one was open, pushed this one out.").into()
        }
        None => PUSHED_OUT.into(),
    }
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
        let when = story.when_first_seen();
        return Some(format!("The broker {how} the connection of {client} {when}; {unknown}."));
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
    format!("The broker, or a proxy in front of it, was stopped or has crashed: {after} later its host refused a new connection (frame {frame}).")
}

/// Whether all that the capture holds of the server is a reset, in answer to the client's first packet here.
fn unknown_to_the_server(story: &Story<'_>, close: Close) -> bool {
    let session = story.session;
    let server = &session.wire.sent.server;
    let prompt = session.first_packet.client.is_some_and(|first| story.soon(first, close.at, SECOND));
    close.how == CloseHow::Reset && !session.wire.start_captured() && server.bytes == 0 && server.segments <= 1 && prompt
}

#[cfg(test)]
mod tests;
