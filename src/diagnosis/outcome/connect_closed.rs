//! `connect-closed`: the broker closed after CONNECT and gave no reason.

use super::{About, Judgement, client_broke_rules, server_closed};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::secured::Secured;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::{PacketType, Version};
use crate::session::{Close, ConnectFacts, Proof, Shown};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About = About {
    id: "connect-closed",
    group: "connect",
    severity: Severity::Error,
    text: include_str!("connect_closed.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connect = story.connect_sent()?;
    let close = story.close_by(Side::Server)?;
    if story.connected() || !story.server_silent() || client_broke_rules::hasty(story).is_some() {
        return None;
    }
    if close.at.is_before(connect) {
        return Some(at_the_door(story, connect, close));
    }
    let span = words::duration(close.at.time.nanoseconds_since(connect.time));
    let (client, server, how) = (story.client(), story.server(), how(close.how));
    let reason = story.close_code(Side::Server).map_or("without giving a reason".to_owned(), |code| format!("with {code}"));
    let begun = story.begun_answer();
    let reason = begun.as_ref().map_or(reason, |(part, _)| format!("in the middle of its answer: {part} came"));
    let after = if story.connect_unfinished() { "the beginning of its CONNECT" } else { "CONNECT" };
    let sentence = format!("{server} {how} the connection of {client} {span} after {after} {reason}.");
    let meaning = story.close_code_cause(Side::Server);
    let meaning_is_unknown = meaning.is_none();
    let fault = connect_fault(story);
    let within = begun.is_some();
    let sound = fault.is_none();
    let session = story.session;
    let prompt = story.soon(story.reached(connect, close.at), close.at, SECOND);
    let (v5, shared) = (story.version() == Some(Version::V5), session.neighbours.closed_together.len() >= 2);
    let oldest = story.version() == Some(Version::V31);
    let rival = session.neighbours.rival.is_some();
    let welcome = session.neighbours.admitted.as_ref().is_some_and(|admitted| admitted.same.is_some());
    let taken = story.taken();
    let (plain, spoken) = (taken.connect.is_some() || story.plain_before(), taken.version.is_some());
    let inside = session.neighbours.websocket_on_port && story.websocket().is_none() && !spoken;
    let unlimited = session.connect.as_ref().is_some_and(|connect| connect.keep_alive == 0);
    let crowd = crowd(story);
    let usual = story.version() == Some(Version::V311);
    // Whom it let in spoke another version.
    let other = taken.connect.filter(|_| !spoken).zip(story.version()).map(|(at, version)| {
        format!("The broker does not speak MQTT {version}, and closes without a CONNACK: it let in a client of another version (frame {}).", at.frame)
    });
    let gone = server_closed::gone(story, close).map(|refused| server_closed::stopped(close, refused));
    let up = gone.is_none();
    // Anything may be why.
    let open = sound && !within && prompt && up;
    let asks = session.connect.as_ref().filter(|_| open).and_then(|connect| asks_much(connect));
    Some(
        Judgement::new(story.certain_of_silence(), sentence)
            .at([connect, close.at])
            .at(begun.map(|(_, started)| started))
            .cause_if(fault.is_some(), fault.unwrap_or_default())
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(story.reset_is_foreign(), "A firewall or proxy on the way reset the connection: the TTL of the reset does not fit the server's other packets.")
            .cause_if(within, "The broker, or a proxy in front of it, was stopped or crashed within its answer.")
            .cause_if(!within && gone.is_some(), gone.unwrap_or_default())
            .cause_if(rival, "Another connection uses the same client id.")
            .cause_if(asks.is_some(), asks.unwrap_or_default())
            .cause_if(sound && shared && up, "The broker stopped or restarted: it closed other sessions in the same second.")
            .cause_if(open && crowd.is_some(), crowd.clone().unwrap_or_default())
            .cause_if(open && inside, format!("Port {} is for MQTT inside WebSocket: other connections of this capture use it so.", story.port()))
            .cause_if(open && other.is_some() && !usual, other.clone().unwrap_or_default())
            .cause_if(open && oldest && !spoken && other.is_none(), "The broker does not speak MQTT 3.1: aMQTT, NATS and rumqttd close without a CONNACK.")
            .cause_if(open && meaning_is_unknown && !welcome, not_accepted(story))
            .cause_if(open && unlimited, "The client switched the Keep Alive off (0), and the broker wants one: rumqttd closes on it.")
            // Nearly every broker speaks 3.1.1.
            .cause_if(open && other.is_some() && usual, other.clone().unwrap_or_default())
            .cause_if(open && v5 && !spoken && other.is_none(), "The broker does not speak MQTT 5.0 on this port: RabbitMQ 3.10 and rumqttd's listener for 3.1.1 close without a CONNACK.")
            .cause_if(open && crowd.is_none(), "The broker limits connections or has banned this address: many brokers then close without a CONNACK.")
            .cause_if(open && meaning_is_unknown && welcome, not_accepted(story))
            .cause_if(open && !plain && !inside && story.websocket().is_none(), "The port expects TLS, a PROXY header or WebSocket instead of plain MQTT.")
            .cause_if(sound && !within && up && story.websocket().is_none(), "A load balancer or port forwarding took the connection and reached no broker behind it.")
            .cause_if(sound && !within && !prompt && up, "The service that checks the broker's users did not answer in time.")
            .step("Look into the broker's log at this time: brokers log why they close even when they do not say it to the client.")
            .step_if(sound && story.websocket().is_none(), "Try the same client id, user name and address with another client: `mosquitto_pub -h HOST -i ID -u USER -P PASSWORD -t test -m x -d`.")
            .step_if(!sound, "Update or correct the client library: a broker may not answer a CONNECT that breaks the protocol.")
            .seen_as(Sight::ClosedBeforeConnack),
    )
}

/// The server closed upon a PROXY header and what came behind it, and elsewhere takes such headers.
pub(super) fn behind_header(story: &Story<'_>) -> Option<Judgement> {
    let (_, at) = story.session.foreign_opening.filter(|(protocol, _)| *protocol == Protocol::Proxy)?;
    let close = story.close_by(Side::Server)?;
    let taken = story.session.neighbours.ways.takes_header?;
    if story.header_alone().is_some() || !story.server_silent() {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    let span = words::duration(close.at.time.nanoseconds_since(at.time));
    let sentence = format!(
        "{server} {} the connection of {host} {span} after its PROXY header, without an answer to what came behind it.",
        how(close.how)
    );
    let prompt = story.soon(at, close.at, SECOND);
    let denied = "The broker denies the client behind the header, or limits connections, and closes without a CONNACK.";
    Some(
        Judgement::new(story.certain_of_silence(), sentence)
            .at([at, close.at])
            .cause_if(prompt, denied)
            .cause("The server is a proxy itself, and reached no broker behind it.")
            .cause_if(!prompt, "The service that checks the broker's users did not answer in time.")
            .cause_if(!prompt, denied)
            .step(format!("Look into the server's log at this time. The header itself is not why: the server answered a client behind one (frame {}).", taken.frame))
            .seen_as(Sight::ClosedBeforeConnack),
    )
}

/// The largest Maximum Packet Size that is hardly enough for a CONNACK, in bytes: with its properties it may need so many.
const TINY: u32 = 32;

/// From this length on, in bytes, a CONNECT may be larger than a broker takes.
const LONG: u32 = 4096;

/// That no CONNACK may fit into what the client takes.
pub(super) fn too_tight(connect: &ConnectFacts) -> Option<String> {
    let most = connect.maximum_packet_size.filter(|most| *most <= TINY)?;
    Some(format!(
        "The client takes packets of {most} bytes at most (Maximum Packet Size): a CONNACK may be larger, and the broker then cannot answer."
    ))
}

/// What a sound CONNECT asks for that a broker may close on.
fn asks_much(connect: &ConnectFacts) -> Option<String> {
    let method = connect.authentication_method.as_ref();
    let method = method.map(|method| {
        format!("The authentication exchange that CONNECT begins (method {}) failed in the broker, which closed instead of refusing.", words::quoted(method))
    });
    let long = connect.length >= LONG;
    let long = long.then(|| format!("The CONNECT of {} is larger than the broker takes.", words::bytes(connect.length.into())));
    too_tight(connect).or(method).or(long)
}

/// How many were connected when the broker let in nobody more.
fn crowd(story: &Story<'_>) -> Option<String> {
    let crowd = story.taken().crowd?;
    Some(format!("The broker has reached its limit of connections: it closed upon every CONNECT that came while {crowd} clients of this capture were connected, and never had more of them at once."))
}

/// What of the client the broker may not accept, beside whom it let in.
fn not_accepted(story: &Story<'_>) -> String {
    let session = story.session;
    let named = session.connect.as_ref().is_some_and(|connect| connect.username.is_some());
    let admitted = session.neighbours.admitted.as_deref();
    let same = admitted.and_then(|admitted| admitted.same.as_ref()).map(|one| one.at.frame);
    let alike = admitted.and_then(|admitted| admitted.other_id.as_ref()).map(|one| one.at.frame);
    match (named, same, alike) {
        (true, Some(frame), _) => format!(
            "The password of this connection is another one, or the broker's users or rules changed in between: it let in the same user name and client id on another connection (frame {frame})."
        ),
        (true, None, Some(frame)) => format!(
            "The password or client id is not accepted, and the broker closes instead of refusing: it let in the user name with another client id (frame {frame})."
        ),
        (true, None, None) => {
            "The user name, password or client id is not accepted: some brokers (rumqttd, for one) close instead of refusing.".into()
        }
        (false, Some(frame), _) => format!(
            "The broker's rules or its state have changed in between: it let in the same client on another connection (frame {frame})."
        ),
        (false, None, Some(frame)) => format!(
            "A rule of the broker denies this client id or its address, and the broker closes instead of refusing: it let in another client without a user name (frame {frame})."
        ),
        (false, None, None) => {
            let named = admitted.and_then(|admitted| admitted.other_user.as_ref()).map(|one| one.at.frame);
            let with_name = named.map_or_else(String::new, |frame| format!(", and it let in the same client id with one (frame {frame})"));
            format!("The client sent no user name, and the broker wants one, or a rule denies this client: some brokers (rumqttd, for one) close instead of refusing{with_name}.")
        }
    }
}

/// The server closed before CONNECT reached it: CONNECT cannot be the reason.
fn at_the_door(story: &Story<'_>, connect: Moment, close: Close) -> Judgement {
    let opened = story.session.wire.established.unwrap_or(story.session.wire.first);
    let span = words::duration(close.at.time.nanoseconds_since(opened.time));
    let (client, server, how) = (story.client(), story.server(), how(close.how));
    let sentence =
        format!("{server} {how} the connection of {client} {span} after it opened, before the CONNECT arrived.");
    let prompt = story.soon(opened, close.at, SECOND);
    let full = crowd(story);
    Judgement::new(Confidence::Certain, sentence)
        .at([opened, close.at, connect])
        .cause_if(prompt && full.is_some(), full.clone().unwrap_or_default())
        .cause_if(prompt && full.is_none(), "The broker takes no more connections on this port: mosquitto with `max_connections`, and EMQX, then close at once, as does a broker that has no file descriptors left.")
        .cause_if(prompt, "The broker, or a proxy in front of it, has banned this address.")
        .cause_if(prompt, "A load balancer or port forwarding took the connection and has no broker behind it.")
        .cause_if(!prompt, "The client waited too long with its CONNECT: brokers close a connection on which none arrives.")
        .step("Look into the broker's log at this time.")
        .step_if(prompt, "Compare the number of connected clients with the limit of the broker's listener.")
        .step_if(!prompt, "Look at what the client's program does between opening the connection and sending CONNECT.")
        .seen_as(Sight::ClosedBeforeConnack)
}

/// What is wrong with the bytes of CONNECT, if something is.
pub(super) fn connect_fault(story: &Story<'_>) -> Option<String> {
    let session = story.session;
    let malformed =
        session.malformed.iter().find(|fact| fact.side == Side::Client && fact.packet == PacketType::CONNECT).map(
            |fact| {
                let malformed = fact.malformed;
                format!("CONNECT cannot be decoded: {} ({}).", words::undecodable(malformed), malformed.clause)
            },
        );
    let broken = session
        .violations
        .iter()
        .find(|v| v.side == Side::Client && v.packet == PacketType::CONNECT && v.grave && v.proof == Proof::Packet)
        .map(|v| format!("CONNECT breaks the protocol: {} ({}).", v.what, v.clause));
    let unfinished =
        session.unfinished_packet.client.filter(|packet| packet.packet == PacketType::CONNECT).map(|packet| {
            let length = words::bytes(packet.length);
            format!("CONNECT is incomplete: it announces {length} and ends before them.")
        });
    malformed.or(broken).or(unfinished)
}

/// A record with more content than this is no usual CONNACK: those of MQTT 3.x have 4 bytes, and few of 5.0 more than 60.
const NO_CONNACK: u16 = 64;

/// The server closed an encrypted connection right after its answer to the client's first data, which was all that the
/// client sent, and the answer is too long for a CONNACK.
pub(super) fn encrypted_answer(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let (tls, close) = (secured.tls, story.close_by(Side::Server)?);
    let (asked, answers) = (&tls.data.client, &tls.data.server);
    let (sent, answered) = (asked.first?, answers.first?);
    let goodbye = asked.last.is_some_and(|last| close.at.is_before(last));
    let once = asked.records == 1 || asked.records == 2 && secured.is_hidden() && goodbye;
    let content = secured.content(answers.first_length).filter(|content| *content > NO_CONNACK)?;
    if !once || !sent.is_before(answered) || tls.client_hello.is_none() || !story.soon(answered, close.at, SECOND) {
        return None;
    }
    let (client, server, how) = (secured.client(), secured.server(), how(close.how));
    let (length, span) = (words::bytes(content.into()), words::duration(close.at.time.nanoseconds_since(answered.time)));
    let sentence = format!(
        "{server} answered the first data of {client} inside TLS with {length}, more than a CONNACK usually has, and {how} the connection {span} later: nothing shows that it speaks MQTT."
    );
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .at([sent, answered, close.at])
            .cause("What listens there is a web server or another service, which answers CONNECT with an error page and closes.")
            .cause("The broker refused the client with a long explanation, as MQTT 5.0 allows.")
            .step(format!("See what answers: `curl -vk https://{}/` shows a web server.", story.server()))
            .step("Check the address and port in the client's settings, and the broker's log at this time.")
            .seen_as(Sight::ClosedBeforeConnack),
    )
}

/// The server closed an encrypted connection without an answer to the client's first data.
pub(super) fn encrypted(story: &Story<'_>) -> Option<Judgement> {
    let secured = Secured::of(story)?;
    let tls = secured.tls;
    let close = story.close_by(Side::Server).map(|close| (close.at, how(close.how)));
    let (end, how) = close.or_else(|| Some((secured.ended_by_server()?, "ended")))?;
    let sent = tls.data.client.first?;
    if tls.data.server.records > 0 || tls.client_hello.is_none() {
        return None;
    }
    let (client, server) = (secured.client(), secured.server());
    // What the client sent meanwhile, the server did not wait for.
    let opened = tls.finished.client.filter(|opened| !sent.is_before(end) && opened.is_before(end));
    let sentence = match opened {
        Some(opened) => {
            let span = words::duration(end.time.nanoseconds_since(opened.time));
            format!("{server} {how} the encrypted connection of {client} {span} after the TLS handshake, before the client's first data reached it.")
        }
        None if sent.is_before(end) => {
            let span = words::duration(end.time.nanoseconds_since(sent.time));
            format!("{server} {how} the encrypted connection of {client} {span} after the client's first data, without an answer.")
        }
        None => return None,
    };
    let unheard = opened.is_some();
    let shown = tls.client_certificate.is_some_and(|answer| answer.shown == Shown::Certificate);
    Some(
        Judgement::new(Confidence::Likely, sentence)
            .on(&[Ground::Absence])
            .at([sent, end])
            .cause_if(unheard, "A proxy that ends TLS (stunnel, HAProxy, nginx) took the connection and has no broker behind it.")
            .cause_if(unheard, "The broker takes no more connections, or has banned this address.")
            .cause_if(shown, "The broker does not allow what the client's certificate stands for: it is not registered or not active, or a policy does not allow its client id (AWS IoT closes without a word).")
            .cause_if(!unheard, "The broker did not accept the CONNECT inside: it was malformed, or the broker refuses without a CONNACK.")
            .cause_if(!unheard, "The broker allows no more connections, or a proxy that ends TLS has no broker behind it.")
            .cause_if(!unheard, "The client speaks something else inside TLS than the broker expects there: MQTT in a WebSocket (`wss://`) and MQTT alone (`mqtts://`) have ports of their own.")
            .step("Look into the log of the broker, and of the proxy before it, at this time: it names the reason.")
            .seen_as(Sight::ClosedBeforeConnack),
    )
}

#[cfg(test)]
mod tests;
