//! The server agreed to a WebSocket by an answer that a client may not accept, and the client left.

use super::Judgement;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, words};
use crate::session::{HttpAnswer, WebSocketFacts};
use crate::stream::Side;
use crate::transport::websocket::Flaw;

pub(super) fn judge(story: &Story<'_>, websocket: &WebSocketFacts, answer: &HttpAnswer) -> Option<Judgement> {
    let flaw = answer.flaw?;
    let opened = story.opened_for_nothing()?;
    let close = story.close_by(Side::Client).filter(|close| story.soon(opened, close.at, 2 * SECOND))?;
    let (host, server, how) = (story.client_host(), story.server(), how(close.how));
    let span = words::duration(close.at.time.nanoseconds_since(answer.at.time));
    let code = story.close_code_aside(Side::Client);
    let what = match flaw {
        Flaw::Upgrade => "without the header `Upgrade: websocket`",
        Flaw::Connection => "without the header `Connection: Upgrade`",
        Flaw::NoAccept => "without the header Sec-WebSocket-Accept",
        Flaw::Accept => "with a Sec-WebSocket-Accept that does not fit the client's key",
    };
    let sentence = format!(
        "{server} agreed to a WebSocket for {host} {what}, which no client may accept (RFC 6455 §4.1), and the client {how} the connection {span} later{code}."
    );
    let dropped = matches!(flaw, Flaw::Upgrade | Flaw::Connection);
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .at(websocket.request.as_ref().map(|request| request.at))
            .at([answer.at, close.at])
            .cause_if(dropped, "A proxy in between drops the headers Upgrade and Connection from the answer.")
            .cause_if(dropped, "The server is no full WebSocket server: it leaves out what its answer must hold.")
            .cause_if(!dropped, "The server is no full WebSocket server: it does not make Sec-WebSocket-Accept from the key of the request.")
            .cause_if(!dropped, "A proxy in between changes the answer, or answers itself.")
            .step("If there is a proxy, connect once to the broker itself: if that works, the proxy's settings are at fault.")
            .step("Otherwise update the broker or the library that serves its WebSockets.")
            .seen_as(Sight::UpgradeFlawed(flaw)),
    )
}
