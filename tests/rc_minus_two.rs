//! With nothing but the line on the serial console, `failed, rc=-2 try again in 5 seconds`, a user is led to the
//! cause: `explain` lists what may be behind it, and `read` finds which it is, in each of these captures.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail

#[allow(unreachable_pub, clippy::print_stderr)] // shared by several test crates
mod support;

use std::collections::BTreeSet;

use mqttcap::diagnosis::{diagnose, explain};
use support::{analyse, root};

/// Captures, what is behind the line in them, and the words that name the cause.
const WAYS: [(&str, &str, &str); 16] = [
    ("connection-refused", "connection-refused", "listens on localhost only"),
    ("rejected-by-firewall", "connection-refused", "firewall"),
    ("syn-dropped", "syn-unanswered", "firewall"),
    ("name-wrong-address", "syn-unanswered", "name"),
    ("syn-ack-lost", "tcp-handshake-incomplete", "one direction"),
    ("icmp-reject", "icmp-unreachable", "firewall"),
    ("icmp-net-unreachable", "icmp-unreachable", "route"),
    ("host-not-there", "arp-unanswered", "off"),
    ("name-not-found", "dns-name-not-found", "name"),
    ("name-server-fails", "dns-no-answer", "cannot reach the servers it asks"),
    ("name-server-silent", "dns-no-answer", "DNS server"),
    ("name-without-address", "dns-no-answer", "address"),
    ("tls-server-expired", "tls-server-cert-rejected", "expired"),
    ("tls-wrong-name", "tls-server-cert-rejected", "name"),
    ("tls-client-cert-missing", "tls-client-cert-rejected", "certificate"),
    ("tls-version-refused", "tls-negotiation-failed", "version"),
];

#[test]
fn the_line_on_the_console_leads_to_the_cause() {
    let line = explain::explain("failed, rc=-2 try again in 5 seconds");
    let listed: BTreeSet<&str> = line.see_also.iter().map(String::as_str).collect();
    for (capture, outcome, words) in WAYS {
        let sessions = analyse(&root().join("captures").join(capture).with_extension("pcapng")).0;
        let verdicts: Vec<_> = sessions.iter().map(diagnose).collect();
        let verdict = verdicts.iter().find(|verdict| verdict.outcome.id == outcome);
        let verdict = verdict.unwrap_or_else(|| panic!("{capture}: no {outcome}"));
        let printed = verdict.client_saw.iter().find(|report| report.client == "PubSubClient").unwrap();
        assert_eq!(printed.reports, "rc=-2 (MQTT_CONNECT_FAILED)", "{capture}");
        assert!(listed.contains(outcome), "{outcome}: {listed:?}");
        assert!(verdict.causes.join(" ").contains(words), "{capture}: {:?}", verdict.causes);
        assert!(!verdict.next_steps.is_empty(), "{capture}");
    }
}
