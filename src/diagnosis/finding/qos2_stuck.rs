//! `qos2-stuck`: an exchange of `QoS` 2 stopped half-way.

use super::found::and_more;
use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};
use crate::session::{Exchange, ExchangeState};

pub(super) const ABOUT: About =
    About { id: "qos2-stuck", severity: Severity::Warning, text: include_str!("qos2_stuck.md") };

/// How long the next step may take before it counts as missing.
const PATIENCE: i64 = 5 * SECOND;

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let until = story.close.map_or(story.capture_end(), |close| close.at.time);
    let stuck = |exchange: &&Exchange| {
        exchange.state != ExchangeState::Sent && until.nanoseconds_since(exchange.last.time) >= PATIENCE
    };
    let mut open = story.session.open_exchanges.iter().filter(stuck);
    let Some(first) = open.next() else {
        return Vec::new();
    };
    let more = and_more(1 + open.count() as u64);
    let topic = first.topic.as_ref().map_or_else(String::new, |topic| format!(" to {}", words::quoted(topic)));
    let (missing, side) = match first.state {
        ExchangeState::Released => ("PUBCOMP", first.sender.other()),
        _ => ("PUBREL", first.sender),
    };
    let (from, at_fault) = (story.subject(first.sender), story.subject(side));
    vec![
        Found::new(
            &ABOUT,
            format!("The exchange of a QoS 2 message{topic} from {from} stopped half-way: {missing} from {at_fault} is missing{more}."),
            [first.started, first.last],
        )
        .on(&[Ground::Absence])
        .by(side),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding, open_publish};
    use crate::session::ExchangeState;
    use crate::stream::Side;

    #[test]
    fn a_step_that_is_missing() {
        let found = |state| {
            let tale = Tale::connected().publish(Side::Client, "a/b", 2, 40, 1.0);
            let tale = tale.with(|session| open_publish(session, state)).close(Side::Client, 20.0);
            finding(&tale.build(), "qos2-stuck")
        };
        let released = found(ExchangeState::Released).unwrap();
        assert!(released.headline.contains("PUBCOMP from the broker is missing"));
        assert_eq!(released.side, Some(Side::Server));
        assert!(found(ExchangeState::Received).unwrap().headline.contains("PUBREL from sensor-17"));
        assert!(found(ExchangeState::Sent).is_none());
    }
}
