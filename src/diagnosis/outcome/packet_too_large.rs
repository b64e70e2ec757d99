//! `packet-too-large`: a packet exceeded what the broker takes.

use super::{About, Judgement, path_failed, refusal};
use crate::capture::Moment;
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::CloseHow;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "packet-too-large",
    group: "ended-by-server",
    severity: Severity::Error,
    text: include_str!("packet_too_large.md"),
};

/// The smallest PUBLISH whose interruption by a reset suggests a limit: that of AWS `IoT`, the
/// lowest of the known ones, in bytes.
const SUSPICIOUS: u64 = 128 << 10;

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let disconnect = refusal::dismissed(story, &[0x95])?;
    let sent = newest(story);
    let what = match sent {
        Some((length, _)) => format!(
            "A packet of {} from {} exceeded the broker's limit{}",
            words::bytes(length),
            story.client(),
            limit(story)
        ),
        None => format!("A packet from {} exceeded the broker's limit", story.client()),
    };
    let judgement = refusal::dismissal(disconnect, &what).at(sent.map(|(_, at)| at));
    Some(advise(judgement, sent.is_none_or(|(length, _)| length >= 1_000)))
}

/// The broker says so by the code with which it closed the WebSocket (RFC 6455 §7.4.1).
pub(super) fn by_close_code(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_frame(Side::Server).filter(|close| close.code == Some(1009))?;
    let code = story.close_code(Side::Server)?;
    // What the close follows may be a smaller packet, sent before the client knew.
    let sent = newest(story).filter(|(length, _)| *length >= 1_000);
    let what = sent.map_or("A message".to_owned(), |(length, _)| format!("A packet of {}", words::bytes(length)));
    let client = story.client();
    let sentence = format!("{what} from {client} was too large for the broker, which closed the connection with {code}.");
    let judgement = Judgement::new(Confidence::VeryLikely, sentence);
    let judgement = judgement.at(sent.map(|(_, at)| at)).at([close.at]).seen_as(Sight::Lost);
    Some(advise(judgement, true))
}

/// The broker closed on a packet that is larger than the maximum it announced: to this client, or to another.
pub(super) fn announced(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let connack = story.session.connack.as_ref()?;
    let own = connack.maximum_packet_size.map(|limit| (limit, connack.at));
    let (limit, told) = own.or(story.session.neighbours.maximum_packet_size)?;
    let (length, at) = newest(story)?;
    if length <= u64::from(limit) || !story.soon(at, close.at, 2 * SECOND) {
        return None;
    }
    let (confidence, whom) = match own {
        Some(_) => (Confidence::VeryLikely, ""),
        // Limits may differ by client.
        None => (Confidence::Likely, " to another client"),
    };
    let sentence = format!(
        "A packet of {} from {} exceeded the limit of {} that the broker had announced{whom}, and the broker {} the connection.",
        words::bytes(length),
        story.client(),
        words::bytes(limit.into()),
        how(close.how)
    );
    let judgement = Judgement::new(confidence, sentence).on(&[Ground::Cause]).at([told, at, close.at]);
    Some(advise(judgement.seen_as(Sight::Lost), true))
}

/// The broker reset the connection while a large PUBLISH was on its way.
pub(super) fn amid(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Server)?;
    let packet = story.session.unfinished_packet.client?;
    let large = packet.packet == PacketType::PUBLISH && packet.length >= SUSPICIOUS;
    // One that had long stopped reading did not get to see how large the packet is.
    let unread = path_failed::stopped_reading(story, Side::Server);
    if !large || unread || close.how != CloseHow::Reset || story.reset_is_foreign() {
        return None;
    }
    let sentence = format!(
        "The broker reset the connection while {} was sending it a packet of {}.",
        story.client(),
        words::bytes(packet.length)
    );
    Some(advise(
        Judgement::new(Confidence::Possible, sentence)
            .at([packet.started, close.at])
            .cause("The packet is larger than the broker takes.")
            .seen_as(Sight::Lost),
        true,
    ))
}

/// The client's newest packet, whole or not: its length and when it began or ended.
fn newest(story: &Story<'_>) -> Option<(u64, Moment)> {
    let unfinished = story.session.unfinished_packet.client;
    match unfinished {
        Some(packet) => Some((packet.length, packet.started)),
        None => story.last(Side::Client).map(|last| (last.length, last.at)),
    }
}

fn limit(story: &Story<'_>) -> String {
    let announced = story.session.connack.as_ref().and_then(|connack| connack.maximum_packet_size);
    announced.map_or_else(String::new, |limit| format!(" of {}", words::bytes(limit.into())))
}

fn advise(judgement: Judgement, large: bool) -> Judgement {
    judgement
        .cause_if(large, "The message is large: an image, a firmware file, or data that piled up while the client was offline.")
        .cause("The broker's limit is low (mosquitto: `max_packet_size` or `message_size_limit`; EMQX: `mqtt.max_packet_size`, 1 MB by default; rumqttd: `max_payload_size`).")
        .step("Send the data in smaller pieces, or raise the broker's limit.")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::PacketType;
    use crate::session::{Session, UnfinishedPacket};
    use crate::stream::Side;

    #[test]
    fn the_broker_says_it() {
        let tale = Tale::connected_v5().publish(Side::Client, "a", 0, 40_960, 1.0);
        let said = outcome(&tale.disconnect(Side::Server, 0x95, 0.01).build());
        assert_eq!((said.id, said.confidence), ("packet-too-large", Confidence::Certain));
        assert_eq!(
            said.sentence,
            "A packet of 40,960 bytes from sensor-17 exceeded the broker's limit: Packet too large (0x95)."
        );
    }

    #[test]
    fn more_than_the_broker_announced() {
        let limited = |length| {
            Tale::connected_v5()
                .with(|session| session.connack.as_mut().unwrap().maximum_packet_size = Some(1000))
                .publish(Side::Client, "a", 0, length, 1.0)
                .close(Side::Server, 0.01)
                .build()
        };
        let seen = outcome(&limited(1001));
        assert_eq!((seen.id, seen.confidence), ("packet-too-large", Confidence::VeryLikely));
        assert_ne!(outcome(&limited(1000)).id, "packet-too-large");
    }

    #[test]
    fn more_than_the_broker_announced_to_another_client() {
        let limited = |length| {
            Tale::connected()
                .with(|session| session.neighbours.maximum_packet_size = Some((1000, session.wire.first)))
                .publish(Side::Client, "a", 0, length, 1.0)
                .close(Side::Server, 0.01)
                .build()
        };
        let seen = outcome(&limited(1001));
        assert_eq!((seen.id, seen.confidence), ("packet-too-large", Confidence::Likely));
        assert_ne!(outcome(&limited(1000)).id, "packet-too-large");
    }

    #[test]
    fn a_reset_amid_a_large_packet_is_only_possible() {
        fn sending(length: u64) -> impl FnOnce(&mut Session) {
            move |session| {
                session.unfinished_packet.client =
                    Some(UnfinishedPacket { packet: PacketType::PUBLISH, length, started: session.wire.last });
            }
        }
        let large = Tale::connected().with(sending(2_000_000)).reset(Side::Server, 0.5);
        let large = outcome(&large.build());
        assert_eq!((large.id, large.confidence), ("packet-too-large", Confidence::Possible));
        let small = Tale::connected().with(sending(2_000)).reset(Side::Server, 0.5);
        assert_eq!(outcome(&small.build()).id, "server-closed");
    }
}
