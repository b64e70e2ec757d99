//! `slow-connack`: the broker took long to accept the client.

use super::{About, Found};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Story};
use crate::diagnosis::{Severity, words};

pub(super) const ABOUT: About =
    About { id: "slow-connack", severity: Severity::Warning, text: include_str!("slow_connack.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let (Some(connect), Some(connack)) = (&story.session.connect, &story.session.connack) else {
        return Vec::new();
    };
    let waited = connack.at.time.nanoseconds_since(connect.at.time);
    // Rounds of AUTH between the two are the client's time as well.
    if waited <= SECOND || story.session.auth.last.is_some() {
        return Vec::new();
    }
    let span = words::duration(waited);
    let headline = if story.repeated_between(connect.at, connack.at) {
        format!("The CONNECT of {} was answered after {span}; in between TCP had to send it again.", story.client())
    } else {
        format!("The broker took {span} to answer the CONNECT of {}.", story.client())
    };
    vec![
        Found::new(&ABOUT, headline, [connect.at, connack.at])
        .on(&[Ground::Timing])
        .detail("Some clients do not wait that long: arduino-mqtt gives up after 1 s, rumqttc after 5 s."),
    ]
}

#[cfg(test)]
mod tests {
    use super::SECOND;
    use crate::capture::{Moment, Timestamp};
    use crate::diagnosis::testing::{Tale, finding};

    #[test]
    fn an_answer_after_more_than_a_second() {
        let found = |late: i64| {
            let tale = Tale::connected().with(|session| {
                session.connack.as_mut().unwrap().at.time.0 += late;
            });
            finding(&tale.build(), "slow-connack")
        };
        assert!(found(3_000_000_000).unwrap().headline.contains("took 3 s"));
        assert!(found(900_000_000).is_none());
    }

    #[test]
    fn what_the_network_lost_the_broker_did_not_delay() {
        let headline = |second: u64| {
            let tale = Tale::connected().with(|session| {
                let sent = session.connect.as_ref().unwrap().at;
                let later = |seconds: u64| Moment {
                    frame: sent.frame.after(seconds),
                    time: Timestamp(sent.time.0 + i64::try_from(seconds).unwrap() * SECOND),
                };
                let client = &mut session.wire.sent.client;
                (client.retransmitted, client.retransmissions) = (1, (later(second), later(second)));
                session.connack.as_mut().unwrap().at = later(3);
            });
            finding(&tale.build(), "slow-connack").unwrap().headline
        };
        assert!(headline(1).ends_with("answered after 3 s; in between TCP had to send it again."), "{}", headline(1));
        assert!(headline(9).starts_with("The broker took 3 s"), "{}", headline(9));
    }
}
