//! What is worth saying of a session beside how it ended: one rule for each finding.
//!
//! Invariant: a finding has evidence, never changes the outcome, and is said once a session, with
//! its first case and how often it came.

mod found;

use super::qualifier;
use super::story::Story;
use super::{Finding, Severity};

pub(crate) use found::Found;

/// What is always the same about a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// Its stable id.
    pub(crate) id: &'static str,
    /// How bad it usually is.
    pub(crate) severity: Severity,
    /// Its long text: a title line, then paragraphs.
    pub(crate) text: &'static str,
}

/// One rule: what it is about, and what it finds.
type Rule = (&'static About, fn(&Story<'_>) -> Vec<Found>);

/// Names the rule modules, and makes the tables of what they are about and what they find.
macro_rules! rules {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// What each finding is about, by id.
        pub(crate) const ABOUT: &[&About] = &[$(&$module::ABOUT),*];

        /// The rules.
        const RULES: &[Rule] = &[$((&$module::ABOUT, $module::find)),*];
    };
}

rules! {
    subscription_denied subscription_unanswered publish_denied publish_unacknowledged qos2_stuck rule_violated icmp_error loss_high overlaps_differ
    slow_connack slow_acknowledgment late_ping plain_text_password session_not_expected default_client_id
    subscription_downgraded no_subscribers message_resent keepalive_disabled anonymous
    wildcard_all large_payload broker_quirk keepalive_too_long receive_window_full duplicate_delivery
    retained_storm
    tls_old_version certificate_expires_soon certificate_not_yet_valid no_sni
}

/// All findings of the session of `story`, worst first.
pub(crate) fn all(story: &Story<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (_, find) in RULES {
        let found = find(story);
        // Most rules find nothing in most sessions.
        if found.is_empty() {
            continue;
        }
        for found in found {
            if let Some(confidence) = qualifier::cap(found.confidence, found.grounds, &story.qualifiers) {
                findings.push(found.into_finding(confidence));
            }
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.shrink_to_fit();
    findings
}

/// Whether one of them is a warning or worse.
pub(crate) fn any_grave(story: &Story<'_>) -> bool {
    // How grave a broken rule is depends on the rule.
    let may_be = |about: &About| about.severity >= Severity::Warning || about.id == rule_violated::ABOUT.id;
    let is = |found: &Found| {
        found.severity >= Severity::Warning
            && qualifier::cap(found.confidence, found.grounds, &story.qualifiers).is_some()
    };
    RULES.iter().any(|(about, find)| may_be(about) && find(story).iter().any(is))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::testing;

    #[test]
    fn every_finding_has_a_text() {
        for about in ABOUT {
            assert!(about.text.starts_with("# "), "{}", about.id);
            assert!(about.text.len() > 100, "{}", about.id);
            testing::assert_may_be_written(about.text);
        }
    }

    #[test]
    fn a_healthy_session_has_only_the_password_to_speak_of() {
        let findings = all(&Story::new(&testing::Tale::healthy().build()));
        let ids: Vec<_> = findings.iter().map(|finding| &*finding.id).collect();
        assert_eq!(ids, ["plain-text-password"]);
    }

    #[test]
    fn the_worst_comes_first() {
        let session = testing::Tale::connected().subscribe("#", Some(0), 1.0).subscribe("a/#", Some(0x80), 1.0).build();
        let severities: Vec<_> = all(&Story::new(&session)).iter().map(|finding| finding.severity).collect();
        assert!(severities.len() >= 3);
        assert!(severities.is_sorted_by(|a, b| a >= b));
    }
}
