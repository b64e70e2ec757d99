//! `auth-exchange-failed`: the step-by-step authentication of MQTT 5.0 failed.

use super::{About, Judgement, refusal};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story, how};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "auth-exchange-failed",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("auth_exchange_failed.md"),
};

/// The broker says so.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let what = || format!("The authentication exchange of {} failed", story.client());
    let judgement = match refusal::refused(story, &[0x8C]) {
        Some(connack) => refusal::judgement(story, connack, &what()),
        None => refusal::dismissal(refusal::dismissed(story, &[0x8C])?, &what()),
    };
    Some(advise(story, judgement))
}

/// AUTH packets went to and fro, and the broker closed instead of accepting.
pub(super) fn seen(story: &Story<'_>) -> Option<Judgement> {
    let (at, by, _) = story.session.auth.last?;
    let close = story.close_by(Side::Server)?;
    if story.session.connack.is_some() || story.connected() || by != Side::Client {
        return None;
    }
    if !story.soon(at, close.at, 5 * SECOND) {
        return None;
    }
    let span = words::duration(close.at.time.nanoseconds_since(at.time));
    let sentence = format!(
        "The broker {} the connection {span} after an AUTH from {}, without accepting it.",
        how(close.how),
        story.client()
    );
    let judgement = Judgement::new(Confidence::Likely, sentence)
        .on(&[Ground::Absence])
        .at([at, close.at])
        .seen_as(Sight::ClosedBeforeConnack);
    Some(advise(story, judgement))
}

fn advise(story: &Story<'_>, judgement: Judgement) -> Judgement {
    let connect = story.session.connect.as_ref();
    let method = connect.and_then(|connect| connect.authentication_method.as_ref());
    let method = method.map_or_else(String::new, |method| format!(" (the client asked for {})", words::quoted(method)));
    judgement
        .cause(format!("The broker does not offer this authentication method{method}."))
        .cause("The proof that the client sent is wrong, or its token has expired.")
        .step("Compare the name of the authentication method in the client with those that the broker offers.")
        .step("Look into the broker's log at this time.")
}

#[cfg(test)]
mod tests {
    use crate::capture::Moment;
    use crate::diagnosis::Confidence;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::mqtt::{PacketType, ReasonCode};
    use crate::session::Session;
    use crate::stream::Side;

    fn with_auth(session: &mut Session) {
        let at: Moment = session.last_packets.client.last().unwrap().at;
        session.auth.last = Some((at, Side::Client, ReasonCode(0x18)));
    }

    #[test]
    fn the_broker_says_it() {
        let refused = outcome(&Tale::connecting_v5().connack(0x8C).build());
        assert_eq!(refused.id, "auth-exchange-failed");
        let later = Tale::connected_v5().disconnect(Side::Server, 0x8C, 1.0);
        assert_eq!(outcome(&later.build()).id, "auth-exchange-failed");
    }

    #[test]
    fn a_close_after_auth_is_likely_it_and_without_auth_is_not() {
        let tale = || Tale::connecting_v5().packet(Side::Client, PacketType::AUTH, 0.01);
        let closed = outcome(&tale().with(with_auth).close(Side::Server, 0.1).build());
        assert_eq!((closed.id, closed.confidence), ("auth-exchange-failed", Confidence::Likely));
        let near_miss = outcome(&tale().close(Side::Server, 0.1).build());
        assert_eq!(near_miss.id, "connect-closed");
    }
}
