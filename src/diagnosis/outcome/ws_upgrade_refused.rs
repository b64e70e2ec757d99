//! `ws-upgrade-refused`: no WebSocket for MQTT came about.

mod cut;
mod flawed;

use super::http_answer::status_line;
use super::{About, Judgement};
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::{HttpAnswer, WebSocketFacts};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "ws-upgrade-refused",
    group: "wrong-door",
    severity: Severity::Error,
    text: include_str!("ws_upgrade_refused.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let websocket = story.websocket()?;
    let Some(answer) = &websocket.answer else { return cut::judge(story, websocket) };
    if answer.status == 101 {
        flawed::judge(story, websocket, answer).or_else(|| without_mqtt(story, websocket, answer))
    } else {
        Some(refused(story, websocket, answer))
    }
}

/// The answer is another status than 101.
fn refused(story: &Story<'_>, websocket: &WebSocketFacts, answer: &HttpAnswer) -> Judgement {
    let (host, server, status) = (story.client_host(), story.server(), status_line(answer));
    let path = websocket.request.as_ref().map(|request| words::plain(&request.path));
    let at_path = path.as_ref().map_or_else(String::new, |path| format!(" at {path}"));
    let place = answer.location.as_ref().filter(|_| is_redirect(answer.status)).map(words::plain);
    let sentence = match &place {
        Some(place) => format!("{server} sent {host} elsewhere instead of opening a WebSocket{at_path}: {status}, to {place}."),
        None => format!("{server} refused to open a WebSocket for {host}{at_path}: {status}."),
    };
    let judgement = Judgement::new(Confidence::Certain, sentence)
        .at(websocket.request.as_ref().map(|request| request.at))
        .at([answer.at])
        .seen_as(Sight::UpgradeRefused(answer.status));
    let host = websocket.request.as_ref().and_then(|request| request.host.as_ref());
    let places = host.zip(answer.location.as_ref()).filter(|_| matches!(answer.status, 302 | 303 | 307));
    let judgement = match places {
        Some((host, place)) if leads_away(&host.0, &place.0) => judgement
            .cause("A login page of the network answers in the broker's place until somebody logs in: the answer points to another host.")
            .cause(OTHER_ADDRESS)
            .step("Open a web page with a browser in the same network, and log in there if it asks for it.")
            .step(TAKE_ADDRESS),
        _ => advise(judgement, answer, path.as_deref().unwrap_or("its path"), expects_tls(story)),
    };
    match &answer.server {
        Some(server) => judgement.step(format!("The answer calls itself {}: look into the log of that program at this time.", words::quoted(server))),
        None => judgement.step("Look into the log of the web server, proxy or broker that answered, at this time."),
    }
}

/// Why a server points elsewhere.
const OTHER_ADDRESS: &str =
    "The server wants another address: most often `wss://` instead of `ws://`, or a path that ends with `/`.";
/// What to do then.
const TAKE_ADDRESS: &str = "Set the client to the address that the answer names; MQTT clients do not follow redirects.";

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether the address `place` is on another host than `host`, as the client named it, of another domain than its own. Who
/// asked an address may be led to the name of the same server, though not back to plain HTTP.
fn leads_away(host: &[u8], place: &[u8]) -> bool {
    let name = |address: &[u8]| {
        let end = address.iter().position(|byte| matches!(byte, b':' | b'/')).unwrap_or(address.len());
        address.get(..end).unwrap_or_default().to_ascii_lowercase()
    };
    let numeric = host.starts_with(b"[") || host.iter().all(|byte| byte.is_ascii_digit() || b".:".contains(byte));
    if numeric && !place.starts_with(b"http://") {
        return false;
    }
    let behind = place.windows(3).position(|three| three == b"://").and_then(|at| place.get(at + 3..));
    let (asked, other) = (name(host), behind.map(name));
    other.is_some_and(|other| !other.ends_with(&asked) && !asked.ends_with(&other))
}

/// Ports on which web servers and brokers usually expect WebSocket inside TLS.
const SECURE_PORTS: [u16; 4] = [443, 8084, 8443, 8884];

/// Whether the port is one for TLS, by its number or by what came of it on other connections.
fn expects_tls(story: &Story<'_>) -> bool {
    let neighbours = &story.session.neighbours;
    neighbours.tls_on_port.is_some() || SECURE_PORTS.contains(&story.port()) && !neighbours.websocket_on_port
}

/// Why web servers answer so, and what to try; `secure` tells whether the port is one for TLS.
fn advise(judgement: Judgement, answer: &HttpAnswer, path: &str, secure: bool) -> Judgement {
    const TLS: &str = "The port expects TLS (`wss://`): web servers answer plain HTTP there with 400.";
    const PROXY: &str = "A proxy in between does not pass the request on as an upgrade: it drops the headers Upgrade and Connection.";
    const SET_PROXY: &str = "In a proxy, pass the upgrade on: in nginx `proxy_http_version 1.1`, `proxy_set_header Upgrade $http_upgrade` and `proxy_set_header Connection \"upgrade\"`.";
    const PATH: &str = "Set the path that the broker expects: `/mqtt` (EMQX, HiveMQ, VerneMQ, ejabberd, AWS IoT), `/ws` (RabbitMQ), `/` or any (mosquitto).";
    match answer.status {
        404 | 405 | 410 => judgement
            .cause(format!("There is no WebSocket for MQTT at {path} on this server: the broker expects another path."))
            .cause("The port is that of a web server or dashboard, not of the broker's WebSocket listener.")
            .step(PATH)
            .step("Check the port: often 9001 (mosquitto), 8083 (EMQX), 15675 (RabbitMQ), 8000 (HiveMQ)."),
        401 | 407 => judgement
            .cause("The web server or proxy wants a login before it opens the WebSocket; user name and password of MQTT come only after that.")
            .cause("A token in the address or in a header is missing, wrong or has expired.")
            .step("Give the login that the web server wants: in the address, a cookie or a header, as its documentation says.")
            .step("Check the client's clock if the address is signed (AWS SigV4): signatures are valid for minutes."),
        403 => judgement
            .cause("The server does not let this client in: a signature or token that is not valid, an address that is not allowed, or an Origin that it does not know.")
            .cause("The WebSocket listener takes the request for a bad one: mosquitto answers 403 to those.")
            .step("Compare the web page's origin with those that the broker allows.")
            .step("Check the signature of the address and the client's clock (AWS SigV4)."),
        400 => judgement
            .cause_if(secure, TLS)
            .cause("The request lacks what a WebSocket upgrade needs, or offers no subprotocol that the broker accepts.")
            .cause(PROXY)
            .cause_if(!secure, TLS)
            .step_if(secure, "Let the client use `wss://`: TLS, and MQTT in a WebSocket inside.")
            .step("Let the client offer the subprotocol `mqtt`.")
            .step(SET_PROXY),
        426 => judgement
            .cause("The request does not arrive as an upgrade to WebSocket version 13.")
            .cause(PROXY)
            .step(SET_PROXY)
            .step("Update the client's WebSocket library: it must send `Sec-WebSocket-Version: 13`."),
        502..=504 => judgement
            .cause("The proxy is up, and the broker behind it is not: it is stopped, or the proxy has the wrong address or port for it.")
            .cause_if(answer.status == 502, "The broker takes the request for no upgrade, and closes: the proxy does not pass on the headers Upgrade and Connection, or the broker's port is for plain MQTT.")
            .cause_if(answer.status == 503, "The proxy or broker is overloaded, or in maintenance.")
            .cause_if(answer.status == 504, "The broker behind the proxy took the connection and did not answer in time: it hangs, or its port is not for WebSocket.")
            .step("On the proxy's host, see if the broker answers: `curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' http://BROKER:PORT/mqtt`.")
            .step("Look which address the proxy uses for the broker (in nginx: `proxy_pass`).")
            .step_if(answer.status == 502, SET_PROXY),
        500 | 501 | 505..=599 => judgement
            .cause("The server failed over the request: an error in the broker, in a proxy, or in the program that checks users.")
            .step("Try again with another client, such as MQTTX, and compare."),
        429 => judgement
            .cause("The server limits how often a client may connect, and this one came too often.")
            .step("Let the client wait longer between its attempts to connect."),
        300..=399 => judgement
            .cause(OTHER_ADDRESS)
            .cause("A login page of the network, or of the web server, stands in the way.")
            .step(TAKE_ADDRESS),
        200..=299 => judgement
            .cause(format!("A web page is served at {path}, not the broker's WebSocket."))
            .cause(PROXY)
            .step(PATH)
            .step(SET_PROXY),
        _ => judgement
            .cause("The server does not accept the request for a WebSocket.")
            .step(PATH),
    }
}

/// The upgrade was agreed to, MQTT was not, and nothing came of it.
fn without_mqtt(story: &Story<'_>, websocket: &WebSocketFacts, answer: &HttpAnswer) -> Option<Judgement> {
    let close = story.close?;
    if websocket.agrees_to_mqtt() || websocket.request.is_none() || story.connected() || !story.server_silent() {
        return None;
    }
    let (offers, connect) = (websocket.offers_mqtt(), story.connect_sent());
    let left = close.by == Side::Client;
    // A client that minds the missing word leaves at once; one that was not answered waits first.
    let prompt = story.soon(answer.at, close.at, 2 * SECOND);
    if left && (connect.is_some() || !offers || !prompt) {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    let span = words::duration(close.at.time.nanoseconds_since(answer.at.time));
    let who = if left { "the client" } else { "it" };
    let chosen = answer.subprotocol.as_ref().map(words::plain);
    let instead = chosen.map_or_else(String::new, |chosen| format!(" (it chose {chosen})"));
    let code = story.close_code_aside(close.by);
    let sentence = format!(
        "{server} opened a WebSocket for {host} but did not agree to speak MQTT on it{instead}, and {who} {} the connection {span} later{code}.",
        how(close.how)
    );
    let confidence = if connect.is_none() && offers { Confidence::Certain } else { Confidence::VeryLikely };
    Some(
        Judgement::new(confidence, sentence)
            .at(websocket.request.as_ref().map(|request| request.at))
            .at([answer.at])
            .at(connect)
            .at([close.at])
            .cause_if(!offers, "The client did not offer the subprotocol `mqtt` in its request, which MQTT asks for (MQTT-6.0.0-3).")
            .cause_if(offers, "The server behind this path is not the broker's WebSocket listener, but takes any WebSocket.")
            .cause_if(offers, "A proxy between drops the header Sec-WebSocket-Protocol.")
            .step_if(!offers, "Let the client offer the subprotocol `mqtt`: most libraries have a setting for it.")
            .step_if(offers, "Check path and port of the broker's WebSocket listener.")
            .step_if(offers, "If there is a proxy, let it pass Sec-WebSocket-Protocol on in both directions.")
            .seen_as(if left { Sight::SubprotocolMissing } else { Sight::ClosedBeforeConnack }),
    )
}

#[cfg(test)]
mod tests;
