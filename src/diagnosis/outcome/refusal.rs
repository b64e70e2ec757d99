//! What the refusals share: a CONNACK that says no, and a DISCONNECT of the broker.

use crate::diagnosis::Confidence;
use crate::diagnosis::story::{Said, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::words;
use crate::mqtt::PacketType;
use crate::session::{ConnackFacts, DisconnectFacts, LastPacket, TextFact};

use super::Judgement;

/// The refusing CONNACK, if its code is one of `codes`.
pub(super) fn refused<'a>(story: &Story<'a>, codes: &[u8]) -> Option<&'a ConnackFacts> {
    match story.said()? {
        Said::Refusal(connack) if codes.contains(&connack.code.0) => Some(connack),
        _ => None,
    }
}

/// The judgement of a refusal. `what` is all of the sentence up to the code.
pub(super) fn judgement(story: &Story<'_>, connack: &ConnackFacts, what: &str) -> Judgement {
    let code = words::code_in_words(connack.code, PacketType::CONNACK);
    let saying = saying(connack.reason_string.as_ref());
    Judgement::new(Confidence::Certain, format!("{what}: {code}{saying}."))
        .code(connack.code, PacketType::CONNACK, connack.reason_string.as_ref())
        .at(story.connect_sent())
        .at([connack.at])
        .seen_as(Sight::Refused(connack.code.0))
}

/// The broker's DISCONNECT, if it came first and its code is one of `codes`.
pub(super) fn dismissed<'a>(story: &Story<'a>, codes: &[u8]) -> Option<&'a DisconnectFacts> {
    match story.said()? {
        Said::Server(disconnect) if codes.contains(&disconnect.code.0) => Some(disconnect),
        _ => None,
    }
}

/// The judgement of a broker's DISCONNECT. `what` is all of the sentence up to the code.
pub(super) fn dismissal(disconnect: &DisconnectFacts, what: &str) -> Judgement {
    Judgement::new(Confidence::Certain, format!("{what}: {}.", disconnect_in_words(disconnect)))
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .seen_as(Sight::Disconnected(disconnect.code.0))
}

/// The judgement of a broker's DISCONNECT of which is known only what the client sent before it.
pub(super) fn dismissal_after(story: &Story<'_>, disconnect: &DisconnectFacts, last: Option<&LastPacket>) -> Judgement {
    let after = last.map_or_else(String::new, |last| {
        let span = words::duration(disconnect.at.time.nanoseconds_since(last.at.time));
        format!(", {span} after {}", story.asked_in_words(last))
    });
    let mut judgement = dismissal(disconnect, "");
    judgement.sentence =
        format!("The broker ended the session of {} with {}{after}.", story.client(), disconnect_in_words(disconnect));
    judgement
}

/// The code of a DISCONNECT and the sender's own words.
pub(super) fn disconnect_in_words(disconnect: &DisconnectFacts) -> String {
    let code = words::code_in_words(disconnect.code, PacketType::DISCONNECT);
    format!("{code}{}", saying(disconnect.reason_string.as_ref()))
}

/// The sender's own words as the end of a sentence.
pub(super) fn saying(reason_string: Option<&TextFact>) -> String {
    match reason_string {
        Some(reason) if !reason.is_empty() => format!(", saying {}", words::quoted_words(reason)),
        _ => String::new(),
    }
}
