//! What holds for every outcome.

use super::*;
use crate::diagnosis::{Severity, diagnose, testing};

/// Ids, groups and severities of the closed list, as far as rules exist.
const LIST: &[(&str, &str, Severity)] = &[
    ("clean-disconnect", "healthy", Severity::Ok),
    ("disconnect-with-will", "healthy", Severity::Info),
    ("capture-ended-connected", "healthy", Severity::Ok),
    ("capture-began-mid-session", "healthy", Severity::Info),
    ("arp-unanswered", "network", Severity::Error),
    ("dns-name-not-found", "network", Severity::Error),
    ("dns-no-answer", "network", Severity::Error),
    ("icmp-unreachable", "network", Severity::Error),
    ("syn-unanswered", "network", Severity::Error),
    ("connection-refused", "network", Severity::Error),
    ("tcp-handshake-incomplete", "network", Severity::Error),
    ("tls-to-plain-port", "wrong-door", Severity::Error),
    ("plain-to-tls-port", "wrong-door", Severity::Error),
    ("http-answer", "wrong-door", Severity::Error),
    ("ws-upgrade-refused", "wrong-door", Severity::Error),
    ("not-mqtt", "wrong-door", Severity::Warning),
    ("proxy-header-mismatch", "wrong-door", Severity::Error),
    ("tcp-open-no-connect", "connect", Severity::Warning),
    ("connect-unanswered", "connect", Severity::Error),
    ("connect-closed", "connect", Severity::Error),
    ("refused-protocol-version", "refused", Severity::Error),
    ("refused-client-id", "refused", Severity::Error),
    ("refused-bad-credentials", "refused", Severity::Error),
    ("refused-not-authorized", "refused", Severity::Error),
    ("refused-server-unavailable", "refused", Severity::Error),
    ("refused-will-or-feature", "refused", Severity::Error),
    ("refused-other", "refused", Severity::Error),
    ("auth-exchange-failed", "refused", Severity::Error),
    ("redirected", "refused", Severity::Info),
    ("session-taken-over", "ended-by-server", Severity::Warning),
    ("keepalive-expired", "ended-by-server", Severity::Warning),
    ("closed-after-request", "ended-by-server", Severity::Warning),
    ("client-broke-rules", "ended-by-server", Severity::Error),
    ("packet-too-large", "ended-by-server", Severity::Error),
    ("quota-exceeded", "ended-by-server", Severity::Warning),
    ("feature-not-supported", "ended-by-server", Severity::Error),
    ("not-authorized-disconnect", "ended-by-server", Severity::Error),
    ("server-shutdown", "ended-by-server", Severity::Warning),
    ("administrative-disconnect", "ended-by-server", Severity::Info),
    ("server-closed", "ended-by-server", Severity::Warning),
    ("ping-unanswered", "ended-by-client", Severity::Warning),
    ("server-broke-rules", "ended-by-client", Severity::Error),
    ("client-closed", "ended-by-client", Severity::Warning),
    ("path-failed", "path", Severity::Error),
    ("unclassified", "unknown", Severity::Info),
    ("tls-server-cert-rejected", "tls", Severity::Error),
    ("tls-client-cert-rejected", "tls", Severity::Error),
    ("tls-negotiation-failed", "tls", Severity::Error),
    ("tls-handshake-abandoned", "tls", Severity::Error),
    ("encrypted-session-ended", "healthy", Severity::Info),
];

#[test]
fn ids_groups_and_severities_are_those_of_the_closed_list() {
    let have: Vec<_> = ABOUT.iter().map(|about| (about.id, about.group, about.severity)).collect();
    assert_eq!(have, LIST);
}

#[test]
fn every_outcome_has_a_rule_and_a_text() {
    for about in ABOUT {
        assert!(
            about.id == unclassified::ABOUT.id || ORDER.iter().any(|(rule, _)| rule.id == about.id),
            "{}",
            about.id
        );
        let mut lines = about.text.lines();
        let title = lines.next().unwrap_or_default();
        assert!(title.starts_with("# ") && !title.ends_with('.'), "{}", about.id);
        assert!(about.text.len() > 150, "{}", about.id);
    }
}

#[test]
fn every_sentence_can_be_printed() {
    for session in testing::gallery() {
        let verdict = diagnose(&session);
        let outcome = verdict.outcome;
        let advice = verdict.causes.iter().chain(&verdict.next_steps).map(AsRef::as_ref);
        let sentences = [outcome.sentence.as_str()].into_iter().chain(advice);
        for sentence in sentences {
            assert!(sentence.ends_with('.'), "{}: {sentence}", outcome.id);
            assert!(!sentence.contains("  "), "{}: {sentence}", outcome.id);
            testing::assert_may_be_written(sentence);
        }
        for finding in &verdict.findings {
            assert!(finding.headline.ends_with('.'), "{}: {}", finding.id, finding.headline);
            assert!(!finding.frames.is_empty(), "{}", finding.id);
            testing::assert_may_be_written(&finding.headline);
        }
        assert!(!outcome.frames.is_empty(), "{}", outcome.id);
        assert!(outcome.frames.is_sorted(), "{}", outcome.id);
        assert!((1..=3).contains(&verdict.next_steps.len()) || outcome.severity < Severity::Warning, "{}", outcome.id);
        assert!(!verdict.causes.is_empty() || outcome.severity < Severity::Warning, "{}", outcome.id);
    }
}

#[test]
fn texts_may_be_written() {
    for about in ABOUT {
        testing::assert_may_be_written(about.text);
    }
}
