//! `messages-carried-over`: messages that were not acknowledged when a connection ended, and were sent again on the next.

use crate::capture::Moment;
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Carried, Session, TextFact};
use crate::stream::Side;

use super::chain::{Returning, client};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "messages-carried-over", severity: Severity::Info, text: include_str!("messages_carried_over.md") };

/// How long, in nanoseconds, the next connection must last before what was not sent again can be said to be missing.
const PATIENCE: i64 = 5_000_000_000;

pub(super) fn find(returning: &Returning<'_, '_>) -> Vec<Spanning> {
    let pairs = returning.let_in.iter().flat_map(|group| group.iter().zip(group.iter().skip(1)));
    let both = pairs.flat_map(|(before, after)| [(before, after, Side::Client), (before, after, Side::Server)]);
    both.filter_map(|(before, after, sender)| carried(before, after, sender)).collect()
}

/// A message whose sender could not know that it had arrived.
struct Waiting<'s> {
    packet_identifier: u16,
    topic: Option<&'s TextFact>,
    fingerprint: Option<u64>,
    at: Moment,
}

fn waiting(session: &Session, sender: Side) -> Vec<Waiting<'_>> {
    let open = session
        .open_exchanges
        .iter()
        .filter(|exchange| exchange.sender == sender && exchange.packet == PacketType::PUBLISH);
    let open = open.map(|exchange| Waiting {
        packet_identifier: exchange.packet_identifier,
        topic: exchange.topic.as_ref(),
        fingerprint: exchange.fingerprint,
        at: exchange.started,
    });
    let unheard = session.ledger.of(sender).unheard.iter().map(|unheard| Waiting {
        packet_identifier: unheard.packet_identifier,
        topic: unheard.topic.as_ref(),
        fingerprint: unheard.fingerprint,
        at: unheard.published,
    });
    open.chain(unheard).collect()
}

/// The packet by which the message was continued.
fn again<'s>(one: &Waiting<'_>, session: &'s Session, sender: Side) -> Option<(&'s Carried, bool)> {
    let ledger = session.ledger.of(sender);
    let same = |other: &&Carried| {
        let content = one.fingerprint.is_some() && one.fingerprint == other.fingerprint;
        other.packet_identifier == one.packet_identifier && (content || other.packet == PacketType::PUBREL)
    };
    // Some brokers send again under a new packet identifier, or without DUP.
    let alike = |other: &&Carried| one.fingerprint.is_some() && one.fingerprint == other.fingerprint;
    let marked = ledger.carried.iter().find(same).or_else(|| ledger.carried.iter().find(alike));
    let clean = session.connect.as_ref().is_none_or(|connect| connect.clean_start);
    // In a new session it is a new message, which may well say the same.
    let unmarked = || ledger.opening.iter().find(alike).filter(|_| !clean);
    marked.map(|carried| (carried, true)).or_else(|| Some((unmarked()?, false)))
}

fn carried(before: &Judged<'_>, after: &Judged<'_>, sender: Side) -> Option<Spanning> {
    let waiting = waiting(before.session, sender);
    let (mut marked, mut unmarked, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for one in &waiting {
        match again(one, after.session, sender) {
            Some((carried, true)) => marked.push((one, carried)),
            Some((carried, false)) => unmarked.push((one, carried)),
            None => missing.push(one),
        }
    }
    let owed = must_send_again(after);
    let count = marked.len() + unmarked.len();
    if count == 0 && (missing.is_empty() || !owed) {
        return None;
    }
    let name = client(before);
    let who = if sender == Side::Client { name.clone() } else { format!("the broker, for {name},") };
    let topic =
        waiting.first()?.topic.map_or_else(String::new, |topic| format!(", the first to {}", words::quoted(topic)));
    let total = waiting.len() as u64;
    let wait = if total == 1 { "was" } else { "were" };
    let mut fates = Vec::new();
    for (number, fate) in [
        (marked.len(), "sent again with the DUP flag or continued"),
        (unmarked.len(), "sent again without the DUP flag"),
        (if owed { missing.len() } else { 0 }, "not sent again"),
    ] {
        if number > 0 {
            fates.push(format!("{} {fate}", words::number(number as u64)));
        }
    }
    let headline = format!(
        "{} of QoS 1 or 2 {wait} on the way from {who} when session {} ended{topic}. In session {}: {}.",
        words::counted(total, "message"),
        before.number,
        after.number,
        words::list(&fates)
    );
    let moments = waiting.iter().map(|one| one.at).take(2);
    let continued = marked.iter().chain(&unmarked).map(|(_, carried)| carried.at).take(4);
    let lost = owed && !missing.is_empty();
    let found = Found::new(&ABOUT, headline, moments.chain(continued))
        .severity(if lost { Severity::Warning } else { Severity::Info })
        .only(if lost || !unmarked.is_empty() { Confidence::Likely } else { Confidence::VeryLikely })
        .by(sender)
        .clause("MQTT-4.4.0-1");
    Some(Spanning::new(found, [before, after]))
}

/// Whether all that was not acknowledged had to be sent again on this connection, and would be in the capture.
fn must_send_again(after: &Judged<'_>) -> bool {
    let session = after.session;
    let Some(connack) = &session.connack else { return false };
    let limits = [Qualifier::CaptureGaps, Qualifier::OneWay, Qualifier::CutPackets, Qualifier::PartialStart];
    let whole = !limits.iter().any(|limit| after.verdict.qualifiers.contains(limit));
    let lasted = session.wire.last.time.nanoseconds_since(connack.at.time) >= PATIENCE;
    connack.session_present && whole && lasted
}

#[cfg(test)]
mod tests {
    use crate::capture::Moment;
    use crate::diagnosis::Severity;
    use crate::diagnosis::across::testing::{Several, find};
    use crate::diagnosis::testing::text;
    use crate::mqtt::{PacketType, QoS};
    use crate::session::{Carried, Exchange, Session};
    use crate::stream::Side;

    fn open(session: &mut Session) {
        let mut exchange = Exchange::new(Side::Client, PacketType::PUBLISH, 7, session.wire.last);
        exchange.topic = Some(text("a/b"));
        exchange.fingerprint = Some(99);
        session.open_exchanges.push(exchange);
    }

    fn again(session: &mut Session, fingerprint: u64) {
        let (packet, topic) = (PacketType::PUBLISH, Some(text("a/b")));
        let (qos, fingerprint, at) = (QoS(1), Some(fingerprint), Moment::default());
        session.ledger.client.carried.push(Carried { packet, packet_identifier: 7, qos, topic, fingerprint, at });
    }

    #[test]
    fn a_message_that_is_sent_again_on_the_next_connection() {
        let several = Several::default().kept(None, false).kept(None, true);
        let several = several.change(0, open).change(1, |session| again(session, 99));
        let found = find(&several, "messages-carried-over").unwrap();
        assert_eq!((found.sessions, found.finding.severity), (vec![1, 2], Severity::Info));
        assert_eq!(
            found.finding.headline,
            "1 message of QoS 1 or 2 was on the way from sensor-17 when session 1 ended, the first to “a/b”. In session 2: 1 sent again with the DUP flag or continued."
        );
    }

    #[test]
    fn a_message_that_is_forgotten() {
        let long = |session: &mut Session| session.wire.last.time.0 += 20_000_000_000;
        let several = Several::default().kept(None, false).kept(None, true);
        let several = several.change(0, open).change(1, |session| again(session, 1)).change(1, long);
        let found = find(&several, "messages-carried-over").unwrap();
        assert_eq!(found.finding.severity, Severity::Warning);
        assert!(found.finding.headline.ends_with("In session 2: 1 not sent again."), "{}", found.finding.headline);
        let new = Several::default().kept(None, false).kept(None, false).change(0, open).change(1, long);
        assert!(find(&new, "messages-carried-over").is_none());
    }
}
