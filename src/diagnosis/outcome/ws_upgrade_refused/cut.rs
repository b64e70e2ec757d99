//! The server closed in the middle of its answer to the request for a WebSocket.

use super::Judgement;
use crate::diagnosis::story::{Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, words};
use crate::session::WebSocketFacts;
use crate::stream::Side;

pub(super) fn judge(story: &Story<'_>, websocket: &WebSocketFacts) -> Option<Judgement> {
    let (came, newest) = websocket.begun_answer?;
    let close = story.close_by(Side::Server)?;
    if story.session.wire.sent.server.is_incomplete() {
        return None;
    }
    let (host, server, how) = (story.client_host(), story.server(), how(close.how));
    let came = words::bytes(u64::try_from(came).unwrap_or(u64::MAX));
    let sentence = format!(
        "{server} {how} the connection of {host} in the middle of its answer to the request for a WebSocket: {came} came."
    );
    let foreign = story.reset_is_foreign();
    Some(
        Judgement::new(if foreign { Confidence::Likely } else { Confidence::Certain }, sentence)
            .at(websocket.request.as_ref().map(|request| request.at))
            .at([newest, close.at])
            .cause_if(foreign, "A firewall or proxy on the way reset the connection: the TTL of the reset does not fit the server's other packets.")
            .cause("The broker, or a proxy in front of it, was stopped or crashed within its answer.")
            .cause("The server is no full WebSocket server, and closes before its answer is whole.")
            .step("Look into the log of the web server, proxy or broker that answered, at this time.")
            .seen_as(Sight::UpgradeCut),
    )
}
