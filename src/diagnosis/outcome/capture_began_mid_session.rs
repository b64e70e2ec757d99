//! `capture-began-mid-session`: neither start nor end were captured.

use super::{About, Judgement};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Qualifier, Severity};

pub(super) const ABOUT: About = About {
    id: "capture-began-mid-session",
    group: "healthy",
    severity: Severity::Info,
    text: include_str!("capture_began_mid_session.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let session = story.session;
    let sealed = session.tls.as_ref().map_or(0, |tls| tls.data.client.records + tls.data.server.records);
    let packets = session.counts.client.total() + session.counts.server.total() + sealed;
    let greeted = session.tls.as_ref().is_some_and(|tls| tls.client_hello.is_some());
    let begun = session.wire.start_captured() || session.connect.is_some() || greeted;
    let over = story.close.is_some() || session.capture.evicted;
    if begun || over || packets == 0 || !story.is(Qualifier::PartialStart) {
        return None;
    }
    let client = story.client();
    Some(
        Judgement::new(
            Confidence::Certain,
            format!(
                "The capture began inside a session of {client} and shows no end; only what lies between is known."
            ),
        )
        .at([session.wire.first, session.wire.last])
        .step("To see the CONNECT and the end, start the capture before the client connects, and let it run longer."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::session::Session;
    use crate::stream::Side;

    fn late(session: &mut Session) {
        session.wire.syn.count = 0;
        session.wire.syn_ack.count = 0;
        session.wire.established = None;
        session.connect = None;
        session.connack = None;
    }

    #[test]
    fn neither_start_nor_end() {
        let tale = Tale::connected().publish(Side::Client, "a", 0, 20, 1.0).with(late);
        assert_eq!(outcome(&tale.build()).id, "capture-began-mid-session");
    }

    #[test]
    fn with_an_end_it_is_that_end() {
        let tale = Tale::connected().publish(Side::Client, "a", 0, 20, 1.0);
        let closed = tale.close(Side::Client, 5.0).with(late);
        assert_eq!(outcome(&closed.build()).id, "client-closed");
    }
}
