//! Short words for ids, codes and types.

use crate::capture::FrameNumber;
use crate::diagnosis::{Confidence, Outcome, Qualifier, Severity};
use crate::stream::Side;
use crate::text;

use super::page::Ink;

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The mark and ink of a severity.
pub(super) fn mark(severity: Severity) -> (Ink, &'static str) {
    match severity {
        Severity::Ok => (Ink::Good, "✓"),
        Severity::Info => (Ink::Faint, "·"),
        Severity::Warning => (Ink::Notice, "!"),
        Severity::Error => (Ink::Bad, "✗"),
    }
}

pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::VeryLikely => "very-likely",
        Confidence::Certain => "certain",
    }
}

pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// What a qualifier says to a reader.
pub(super) fn caution(qualifier: Qualifier) -> &'static str {
    match qualifier {
        Qualifier::PartialStart => "the capture began after this session did",
        Qualifier::PartialEnd => "the capture stopped before the connection was closed",
        Qualifier::CutPackets => "packets were cut short when they were captured (snap length)",
        Qualifier::CaptureGaps => "the capture misses some of its packets",
        Qualifier::OneWay => "only one direction was captured",
        Qualifier::ClockJump => "the clock of the capture went back",
        Qualifier::NoTimes => "its frames have no times of their own, so spans mean nothing",
        Qualifier::Bridge => "the client is a bridge, a broker that connects to a broker",
        Qualifier::TakeoverChain => "this is one of several takeovers of its client id",
        Qualifier::Encrypted => "its packets are encrypted",
    }
}

/// An outcome in at most 23 columns.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let words = match outcome.id {
        "clean-disconnect" => "left properly",
        "disconnect-with-will" => "left, asked for its will",
        "capture-ended-connected" => "still connected",
        "capture-began-mid-session" => "only its middle was seen",
        "encrypted-session-ended" => "encrypted, closed",
        "arp-unanswered" => "nobody at that address",
        "dns-name-not-found" => "no such name",
        "dns-no-answer" => "name lookup failed",
        "icmp-unreachable" => "network says no way",
        "syn-unanswered" => "nobody answered",
        "connection-refused" => "nothing on that port",
        "tcp-handshake-incomplete" => "TCP handshake cut off",
        "tcp-open-no-connect" => "opened, sent nothing",
        "tls-to-plain-port" => "TLS to a plain port",
        "plain-to-tls-port" => "plain to a TLS port",
        "http-answer" => "HTTP instead of MQTT",
        "not-mqtt" => "not MQTT",
        "proxy-header-mismatch" => "PROXY header mismatch",
        "ws-upgrade-refused" => "WebSocket refused",
        "tls-server-cert-rejected" => "server's cert rejected",
        "tls-client-cert-rejected" => "client's cert rejected",
        "tls-negotiation-failed" => "TLS not agreed on",
        "tls-handshake-abandoned" => "TLS handshake cut off",
        "connect-unanswered" => "CONNECT unanswered",
        "connect-closed" => "closed after CONNECT",
        "refused-protocol-version" => "version refused",
        "refused-client-id" => "client id refused",
        "refused-bad-credentials" => "bad user or password",
        "refused-not-authorized" => "not authorized",
        "refused-server-unavailable" => "server unavailable",
        "refused-will-or-feature" => "will or feature refused",
        "refused-other" => "refused",
        "auth-exchange-failed" => "authentication failed",
        "redirected" => "sent to another server",
        "session-taken-over" => "taken over",
        "keepalive-expired" => "keep-alive expired",
        "ping-unanswered" => "ping unanswered",
        "closed-after-request" => "closed after a request",
        "client-broke-rules" => "client broke a rule",
        "server-broke-rules" => "server broke a rule",
        "packet-too-large" => "packet too large",
        "quota-exceeded" => "quota exceeded",
        "feature-not-supported" => "feature not supported",
        "not-authorized-disconnect" => "ended: not authorized",
        "server-shutdown" => "server shut down",
        "administrative-disconnect" => "ended by the server",
        "server-closed" => "closed by the server",
        "client-closed" => "closed by the client",
        "path-failed" => "connection went dead",
        "unclassified" => "unclear",
        other => return other.replace('-', " "),
    };
    words.to_owned()
}

/// Frames as a reader types them: `frame 36`, `frames 34 and 36`, `frames 1, 2, 3 and 17 more`.
pub(super) fn frames(frames: &[FrameNumber]) -> Option<String> {
    const SHOWN: usize = 6;
    let numbers: Vec<String> = frames.iter().map(ToString::to_string).collect();
    match numbers.as_slice() {
        [] => None,
        [one] => Some(format!("frame {one}")),
        [most @ .., last] if numbers.len() <= SHOWN => Some(format!("frames {} and {last}", most.join(", "))),
        _ => {
            let first: Vec<_> = numbers.iter().take(SHOWN - 1).map(String::as_str).collect();
            let more = text::number((numbers.len() - first.len()) as u64);
            Some(format!("frames {} and {more} more", first.join(", ")))
        }
    }
}

/// Numbers in rising order with runs drawn together: `3, 5–9 and 12`; a long list is cut.
pub(super) fn ranges(numbers: &[u64]) -> String {
    const SHOWN: usize = 12;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let mut words = Vec::new();
    let mut told = 0;
    for (first, last) in runs.iter().take(SHOWN) {
        told += last - first + 1;
        match last - first {
            0 => words.push(first.to_string()),
            1 => words.extend([first.to_string(), last.to_string()]),
            _ => words.push(format!("{first}–{last}")),
        }
    }
    let untold = numbers.len() as u64 - told;
    if untold > 0 {
        words.push(format!("{} more", text::number(untold)));
    }
    match words.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => words.concat(),
    }
}
