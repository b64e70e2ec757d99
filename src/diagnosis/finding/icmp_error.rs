//! `icmp-error`: a device on the way said that packets of the open connection could not be delivered, and they arrived later.

use super::{About, Found};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;
use crate::net::Undeliverable;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "icmp-error", severity: Severity::Warning, text: include_str!("icmp_error.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let wire = &story.session.wire;
    let Some(&(at, error)) = story.session.undeliverable.as_deref() else { return Vec::new() };
    let Undeliverable { router, reason, source, .. } = error;
    let sender = if source == wire.peers.client.endpoint { Side::Client } else { Side::Server };
    let open = wire.established.is_some_and(|opened| opened.is_before(at));
    let passed = wire.sent.of(sender).last_acknowledged.is_some_and(|later| at.is_before(later));
    if !open || !passed || !story.acknowledged(sender) {
        return Vec::new();
    }
    let (from, to) = (story.subject(sender), wire.peers.of(sender.other()).endpoint.address);
    let headline = format!(
        "While the connection was open, {router} told {from} that {to} cannot be reached ({reason}); later it could be reached again."
    );
    let detail = format!("Look at {router} at this time: a link or route was down for a while, or a firewall rule was changed.");
    vec![Found::new(&ABOUT, headline, [at]).detail(detail)]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::net::{Undeliverable, UnreachableReason};
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    #[test]
    fn an_error_that_passed() {
        let told = |arrived: bool, early: bool| {
            let tale = Tale::connected().packet(Side::Client, PacketType::PINGREQ, 5.0).with(|session| {
                let mut at = if early { session.wire.first } else { session.wire.last };
                let error = Undeliverable {
                    router: "10.0.0.1".parse().unwrap(),
                    reason: UnreachableReason::Host,
                    source: session.wire.peers.client.endpoint,
                    destination: session.wire.peers.server.endpoint,
                };
                session.undeliverable = Some(Box::new((at, error)));
                at.frame = at.frame.after(1);
                let client = &mut session.wire.sent.client;
                client.last_acknowledged = Some(at);
                client.acknowledged.0 -= u64::from(!arrived);
            });
            finding(&tale.build(), "icmp-error")
        };
        let passed = told(true, false).unwrap();
        assert!(passed.headline.contains("10.0.0.1 told sensor-17 that 10.0.0.5 cannot be reached"), "{}", passed.headline);
        assert!(told(false, false).is_none());
        assert!(told(true, true).is_none());
    }
}
