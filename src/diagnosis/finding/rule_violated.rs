//! `rule-violated:STATEMENT`: a packet broke a rule of the specification.

use super::{About, Found};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, Severity, words};
use crate::session::Proof;
use crate::stream::Side;

pub(super) const ABOUT: About =
    About { id: "rule-violated", severity: Severity::Info, text: include_str!("rule_violated.md") };

pub(super) fn find(story: &Story<'_>) -> Vec<Found> {
    let session = story.session;
    let broken = session.violations.iter().map(|violation| {
        let times = times(violation.count);
        let who = subject(story, violation.side);
        // What is only possible is no more than a remark.
        let possible = violation.proof == Proof::Possible;
        let (severity, broke, confidence) = if possible {
            (Severity::Info, "seems to have broken", Confidence::Possible)
        } else {
            (severity(violation.grave), "broke", Confidence::Certain)
        };
        // What was done before the first packet is of none, and none may have followed.
        let packet = match violation.clause {
            "MQTT-6.0.0-3" | "MQTT-6.0.0-4" => String::new(),
            _ => format!(" in {}", words::named(violation.packet)),
        };
        Found::new(
            &ABOUT,
            format!("{who} {broke} a rule of MQTT{packet}: {}{times}.", violation.what),
            violation.earlier.into_iter().chain([violation.at]),
        )
        .named(format!("{}:{}", ABOUT.id, violation.clause))
        .severity(severity)
        .only(confidence)
        .clause(violation.clause)
        .by(violation.side)
    });
    let undecodable = session.malformed.iter().map(|fact| {
        let who = subject(story, fact.side);
        Found::new(
            &ABOUT,
            format!(
                "{who} sent {} that cannot be decoded: {}.",
                words::named(fact.packet),
                words::undecodable(fact.malformed)
            ),
            [fact.at],
        )
        .severity(Severity::Warning)
        .clause(fact.malformed.clause)
        .by(fact.side)
    });
    broken.chain(undecodable).collect()
}

fn severity(grave: bool) -> Severity {
    if grave { Severity::Warning } else { Severity::Info }
}

fn subject(story: &Story<'_>, side: Side) -> String {
    match side {
        Side::Client => story.client(),
        Side::Server => "The broker".to_owned(),
    }
}

fn times(count: u64) -> String {
    match count {
        0 | 1 => String::new(),
        more => format!(" ({})", words::counted(more, "time")),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, finding};
    use crate::diagnosis::{Confidence, Severity};
    use crate::session::Proof;
    use crate::stream::Side;

    #[test]
    fn a_broken_rule_has_its_clause() {
        let tale = || Tale::connected().publish(Side::Client, "a/#", 0, 40, 1.0);
        let found = finding(&tale().violation(Side::Client, true).build(), "rule-violated").unwrap();
        assert_eq!(found.headline, "sensor-17 broke a rule of MQTT in a PUBLISH: a wildcard in a topic name.");
        assert_eq!((found.clause, found.severity), (Some("MQTT-3.3.2-2"), Severity::Warning));
        let soft = finding(&tale().violation(Side::Client, false).build(), "rule-violated").unwrap();
        assert_eq!(soft.severity, Severity::Info);
        let doubtful = tale().violation_by_course(Side::Client, "MQTT-3.3.4-7", Proof::Possible).build();
        let doubtful = finding(&doubtful, "rule-violated:MQTT-3.3.4-7").unwrap();
        assert_eq!((doubtful.severity, doubtful.confidence), (Severity::Info, Confidence::Possible));
        assert!(doubtful.headline.starts_with("sensor-17 seems to have broken a rule"));
        let upgrade = tale().violation_by_course(Side::Server, "MQTT-6.0.0-4", Proof::Packet).build();
        let upgrade = finding(&upgrade, "rule-violated:MQTT-6.0.0-4").unwrap().headline;
        assert!(upgrade.starts_with("The broker broke a rule of MQTT: "), "{upgrade}");
        assert_eq!(soft.id, "rule-violated:MQTT-3.3.2-2");
        assert!(finding(&tale().build(), "rule-violated").is_none());
    }
}
