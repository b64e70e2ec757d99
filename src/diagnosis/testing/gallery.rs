//! Sessions of every kind, for what holds for all verdicts, and what no text may say.

use crate::attempt::{LookupFailure, Tie};
use crate::net::Rcode;
use crate::session::{Session, Shown, Shows};
use crate::stream::Side;
use crate::transport::tls::Version;

use super::{Tale, missing, vain};

/// Sessions of every kind, for what holds for all verdicts.
pub(crate) fn gallery() -> Vec<Session> {
    let mut all = vec![
        Tale::healthy(),
        Tale::connected(),
        Tale::connected().ended_after(400.0),
        Tale::knocking(4),
        Tale::knocking(1),
        Tale::knocking(1).reset(Side::Server, 0.001),
        Tale::opened(),
        Tale::opened().close(Side::Client, 1.0),
        Tale::opened().close(Side::Server, 1.0),
        Tale::connecting(),
        Tale::connecting().close(Side::Client, 15.0),
        Tale::connecting().close(Side::Client, 0.1),
        Tale::connecting().close(Side::Server, 0.1),
        Tale::connecting().reset(Side::Server, 9.0),
        Tale::connected().rival(9.0).close(Side::Server, 0.1),
        Tale::connected().close(Side::Server, 91.0),
        Tale::connected().close(Side::Server, 10.0),
        Tale::connected().close(Side::Client, 10.0),
        Tale::connected().unanswered_ping(10.0).close(Side::Client, 10.0),
        Tale::connected().publish(Side::Client, "a", 1, 99, 1.0).close(Side::Server, 0.1),
        Tale::connected().publish(Side::Client, "a", 1, 99, 1.0).retries(Side::Client, 4, 9.0).close(Side::Client, 9.0),
        Tale::connected().publish(Side::Client, "a", 0, 99, 1.0).violation(Side::Client, true).close(Side::Server, 0.1),
        Tale::connected().publish(Side::Server, "a", 0, 99, 1.0).violation(Side::Server, true).close(Side::Client, 0.1),
        Tale::connected().subscribe("#", Some(0x80), 1.0).close(Side::Client, 0.1),
    ];
    for version in [Version::V1_2, Version::V1_3] {
        let hides = version.hides_handshake();
        let shown =
            || Tale::greeted(version).server_hello(version, hides).certificate(Side::Server, "broker.lan", -9, -3);
        let secured = || Tale::secured(version);
        all.extend(vec![
            Tale::greeted(version),
            Tale::greeted(version).ended_after(60.0),
            Tale::greeted(version).close(Side::Client, 5.0),
            Tale::greeted(version).close(Side::Server, 0.1),
            Tale::greeted(version).reset(Side::Server, 0.1),
            shown().close(Side::Client, 0.1),
            shown().close(Side::Client, 9.0),
            shown().close(Side::Server, 9.0),
            shown().sealed_alert(Side::Client, 0.1),
            shown().answered(Shown::Nothing, Shows::Message).close(Side::Server, 0.1),
            shown().answered(Shown::Certificate, Shows::Length).sealed_alert(Side::Server, 0.1),
            secured().close(Side::Client, 0.1),
            secured().close(Side::Server, 9.0),
            secured().ended_after(9.0),
            secured().data(Side::Client, 60, 0.1).close(Side::Server, 0.1),
            secured().data(Side::Client, 60, 0.1).close(Side::Client, 9.0),
            secured().data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1).close(Side::Server, 0.1),
            secured().data(Side::Client, 60, 0.1).data(Side::Server, 21, 0.1),
        ]);
        for alert in 0..=u8::MAX {
            all.push(Tale::greeted(version).alert(Side::Server, alert, 0.1).close(Side::Server, 0.1));
            all.push(shown().alert(Side::Client, alert, 0.1).close(Side::Client, 0.1));
            all.push(shown().answered(Shown::Certificate, Shows::Message).alert(Side::Server, alert, 0.1));
        }
    }
    for code in 1..=u8::MAX {
        all.push(Tale::connecting().connack(code).close(Side::Server, 0.001));
        all.push(Tale::connecting_v5().connack(code));
        all.push(Tale::connected_v5().disconnect(Side::Server, code, 3.0));
        all.push(Tale::connected_v5().disconnect(Side::Client, code, 3.0));
    }
    let failures = [
        LookupFailure::NotFound,
        LookupFailure::Error(Rcode::SERVER_FAILURE),
        LookupFailure::Error(Rcode::REFUSED),
        LookupFailure::Blocked([0, 0, 0, 0].into()),
        LookupFailure::Empty,
        LookupFailure::Undeliverable([10, 0, 0, 1].into()),
        LookupFailure::Silence,
    ];
    let ties = [Tie::Alone, Tie::Wanted, Tie::Client, Tie::Name, Tie::Broker];
    let vain = failures.map(|failure| vain(failure, Tie::Broker)).into_iter().chain(ties.map(missing));
    all.into_iter().map(Tale::build).chain(vain).collect()
}

/// Fails on what no text of the program may say.
pub(crate) fn assert_may_be_written(text: &str) {
    const FORBIDDEN: [&str; 7] = [
        "wrong password:",
        "the firewall blocks",
        "broker crashed",
        "server crashed",
        "hostname mismatch",
        "message was lost",
        "subscribed but no messages",
    ];
    let lower = text.to_lowercase();
    for phrase in FORBIDDEN {
        assert!(!lower.contains(phrase), "{phrase}: {text}");
    }
    let hidden = |c: char| c.is_control() && c != '\n';
    assert!(!text.chars().any(hidden), "{text}");
}
