//! `server-broke-rules`: the broker sent what the protocol does not allow.

use super::{About, Judgement, client_broke_rules, refusal};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{Said, Story, how};
use crate::diagnosis::{Confidence, Severity};
use crate::mqtt::PacketType;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "server-broke-rules",
    group: "ended-by-client",
    severity: Severity::Error,
    text: include_str!("server_broke_rules.md"),
};

/// The client says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    if !matches!(disconnect.code.0, 0x81 | 0x82 | 0x90 | 0x93..=0x95 | 0x99) {
        return None;
    }
    let client = story.client();
    let fault = client_broke_rules::fault(story, Side::Server, disconnect.at);
    let code = refusal::disconnect_in_words(disconnect);
    let sentence = match &fault {
        Some(fault) => format!("The broker sent {}, and {client} ended the session: {code}.", fault.what),
        None => format!("{client} ended the session over something that the broker sent: {code}."),
    };
    let last = story.last(Side::Server).map(|last| last.at);
    let large = disconnect.code.0 == 0x95;
    Some(
        Judgement::new(Confidence::Certain, sentence)
            .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
            .at(fault.map(|fault| fault.at).or(last))
            .at([disconnect.at])
            .cause_if(large, "The broker sent a packet larger than the Maximum Packet Size that the client announced.")
            .cause_if(!large, "The broker has a fault, or the client library reads a correct packet wrongly.")
            .step("Look at the broker's last packet before the DISCONNECT, at the frame given as evidence.")
            .step("Update the broker and the client library."),
    )
}

/// The client closed directly after a packet of the broker that breaks the rules by its bytes.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Client)?;
    let fault = client_broke_rules::fault(story, Side::Server, close.at)?;
    // The fault may be in the answer to CONNECT itself.
    if !story.connected() && story.connect_sent().is_none() {
        return None;
    }
    let sentence =
        format!("The broker sent {}, and {} {} the connection.", fault.what, story.client(), how(close.how));
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .on(&[Ground::Cause])
            .at([fault.at, close.at])
            .cause("The broker has a fault, or answers a client of MQTT 3.x as one of 5.0 or the other way round.")
            .step(format!("Look at frame {} in Wireshark.", fault.at.frame))
            .step("Update the broker."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::{Malformed, MalformedReason, PacketType};
    use crate::session::{MalformedFact, Proof};
    use crate::stream::Side;

    #[test]
    fn the_client_says_it() {
        let said = outcome(&Tale::connected_v5().disconnect(Side::Client, 0x82, 1.0).build());
        assert_eq!((said.id, said.confidence), ("server-broke-rules", Confidence::Certain));
        let near_miss = outcome(&Tale::connected_v5().disconnect(Side::Client, 0x80, 1.0).build());
        assert_eq!(near_miss.id, "client-closed");
    }

    #[test]
    fn the_client_closes_directly_after_a_violation() {
        let tale = || Tale::connected().publish(Side::Server, "a", 0, 20, 1.0).violation(Side::Server, true);
        assert_eq!(outcome(&tale().close(Side::Client, 0.01).build()).id, "server-broke-rules");
        assert_eq!(outcome(&tale().close(Side::Client, 9.0).build()).id, "client-closed");
    }

    #[test]
    fn a_connack_that_cannot_be_decoded() {
        let answered = |side: Side| {
            Tale::connecting_v5().packet(Side::Server, PacketType::CONNACK, 0.002).with(|session| {
                let at = session.wire.last;
                let why = MalformedReason::UnknownProperty(0x7E);
                let malformed = Malformed { field: "Property Identifier", at: 3, why, clause: "§2.2.2.2" };
                session.malformed.push(MalformedFact { at, side, packet: PacketType::CONNACK, malformed });
            })
        };
        let found = outcome(&answered(Side::Server).close(Side::Client, 0.01).build());
        assert_eq!((found.id, found.confidence), ("server-broke-rules", Confidence::VeryLikely));
        assert!(found.sentence.contains("a CONNACK whose Property Identifier cannot be decoded"), "{}", found.sentence);
        assert_eq!(outcome(&answered(Side::Server).close(Side::Client, 9.0).build()).id, "client-closed");
        assert_eq!(outcome(&answered(Side::Client).close(Side::Client, 0.01).build()).id, "client-closed");
    }

    #[test]
    fn the_client_closes_on_a_packet_above_its_maximum() {
        let tale = |proof: Proof| {
            let tale = Tale::connected_v5().publish(Side::Server, "a", 0, 90, 1.0);
            tale.violation_by_course(Side::Server, "MQTT-3.1.2-24", proof).close(Side::Client, 0.01)
        };
        assert_eq!(outcome(&tale(Proof::Connection).build()).id, "server-broke-rules");
        assert_eq!(outcome(&tale(Proof::Possible).build()).id, "client-closed");
    }
}
