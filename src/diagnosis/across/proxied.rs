//! `proxied`: sessions that the capture holds on both sides of a proxy.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::capture::FrameNumber;
use crate::diagnosis::{Confidence, Severity, words};
use crate::net::Endpoint;
use crate::session::Leg;

use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About = About { id: "proxied", severity: Severity::Info, text: include_str!("proxied.md") };

/// Where a proxy takes connections, from where it passes them on, and to whom.
type Proxy = (Endpoint, IpAddr, Endpoint);

pub(super) fn find(sessions: &[Judged<'_>]) -> Vec<Spanning> {
    let inner = |judged: &Judged<'_>| Some((judged.session.neighbours.ways.legs.outer?, judged.session.wire.first));
    let passed_on: BTreeMap<FrameNumber, &Judged<'_>> =
        sessions.iter().filter_map(|judged| Some((inner(judged)?.1.frame, judged))).collect();
    let mut proxies: BTreeMap<Proxy, Vec<(&Judged<'_>, &Judged<'_>)>> = BTreeMap::new();
    for outer in sessions {
        let Some(leg) = outer.session.neighbours.ways.legs.inner else { continue };
        if let Some(inner) = passed_on.get(&leg.began.frame) {
            proxies.entry(proxy(outer, &leg)).or_default().push((outer, inner));
        }
    }
    proxies.into_iter().map(|(proxy, pairs)| told(proxy, &pairs)).collect()
}

fn proxy(outer: &Judged<'_>, leg: &Leg) -> Proxy {
    (outer.server, leg.client.address, leg.server)
}

fn told((at, from, to): Proxy, pairs: &[(&Judged<'_>, &Judged<'_>)]) -> Spanning {
    let count = pairs.len() as u64;
    let (were, are) = if count == 1 { ("was", "is") } else { ("were", "are") };
    let headline = format!(
        "{} {were} captured on both sides of a proxy and {are} told of twice: the proxy takes connections at {at}, and passes them on from {from} to {to}.",
        words::counted(count, "session")
    );
    let openings = pairs.iter().flat_map(|(outer, inner)| [outer.session.wire.first, inner.session.wire.first]);
    let found = Found::new(&ABOUT, headline, openings)
        .only(Confidence::VeryLikely)
        .detail("The connection to the proxy shows what the client saw, the one to the broker what the broker did.");
    let mut both: Vec<&Judged<'_>> = pairs.iter().flat_map(|(outer, inner)| [*outer, *inner]).collect();
    both.sort_by_key(|judged| judged.number);
    Spanning::new(found, both)
}

#[cfg(test)]
mod tests {
    use crate::capture::FrameNumber;
    use crate::diagnosis::testing::Tale;
    use crate::diagnosis::{Verdict, diagnose};
    use crate::session::{self, Session};
    use crate::stream::Side;

    use super::super::Judged;

    /// A session from `host` to `broker`, each of its frames and times later by `later`, and `waits` longer for its CONNACK.
    fn leg(tale: Tale, [host, broker]: [u8; 2], later: u64, waits: u64) -> Session {
        let mut session = tale.build();
        let octets = |last| std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last));
        session.wire.peers.client.endpoint.address = octets(host);
        session.wire.peers.server.endpoint.address = octets(broker);
        let shift = |at: &mut crate::capture::Moment, frames: u64| {
            at.frame = FrameNumber::new(at.frame.get() * 10 + frames);
            at.time.0 += i64::try_from(frames).unwrap() * 1_000;
        };
        shift(&mut session.wire.first, later);
        shift(&mut session.connect.as_mut().unwrap().at, later);
        shift(&mut session.connack.as_mut().unwrap().at, later + waits);
        for side in [Side::Client, Side::Server] {
            session.wire.sent.of_mut(side).fin.iter_mut().for_each(|fin| shift(&mut fin.at, later));
            session.last_packets.of_mut(side).iter_mut().for_each(|packet| shift(&mut packet.at, later));
        }
        session
    }

    fn judged(sessions: Vec<Session>) -> (Vec<Verdict>, Option<String>) {
        let mut sessions: Vec<_> = sessions.into_iter().map(Box::new).collect();
        session::compare(&mut sessions);
        let verdicts: Vec<Verdict> = sessions.iter().map(|session| diagnose(session)).collect();
        let all: Vec<Judged<'_>> = (1..)
            .zip(sessions.iter().zip(&verdicts))
            .map(|(number, (session, verdict))| Judged::new(number, session, verdict))
            .collect();
        let told = super::find(&all).pop().map(|spanning| spanning.finding.headline);
        (verdicts, told)
    }

    #[test]
    fn a_proxy_that_closes_both_sides() {
        let outer = leg(Tale::connected().close(Side::Server, 8.0), [21, 1], 0, 5);
        let inner = leg(Tale::connected().close(Side::Client, 8.0), [2, 5], 1, 0);
        let (verdicts, told) = judged(vec![outer, inner]);
        assert_eq!(
            told.unwrap(),
            "1 session was captured on both sides of a proxy and is told of twice: the proxy takes connections at 10.0.0.1:1883, and passes them on from 10.0.0.2 to 10.0.0.5:1883."
        );
        for verdict in &verdicts {
            assert!(verdict.outcome.sentence.starts_with("The proxy at 10.0.0."), "{}", verdict.outcome.sentence);
            assert!(verdict.causes[0].starts_with("The proxy ended it of its own accord"), "{:?}", verdict.causes);
            assert!(verdict.causes[0].ends_with("probably its idle limit."), "{:?}", verdict.causes);
        }
        assert_eq!(
            verdicts.iter().map(|verdict| verdict.outcome.id).collect::<Vec<_>>(),
            ["server-closed", "client-closed"]
        );
    }

    #[test]
    fn a_proxy_that_passes_a_close_on() {
        let mut outer = leg(Tale::connected().close(Side::Server, 8.0), [21, 1], 1, 5);
        let inner = leg(Tale::connected().close(Side::Server, 8.0), [2, 5], 2, 0);
        // The broker's FIN came first.
        let passed_on = &mut outer.wire.sent.server.fin.as_mut().unwrap().at;
        (passed_on.frame, passed_on.time.0) = (FrameNumber::new(1_000), passed_on.time.0 + 1_000_000);
        let (verdicts, _) = judged(vec![outer, inner]);
        assert!(
            verdicts[0].causes[0].starts_with("The server behind the proxy, 10.0.0.5:1883, had closed"),
            "{:?}",
            verdicts[0].causes
        );
        assert!(verdicts[1].outcome.sentence.starts_with("The broker closed"), "{}", verdicts[1].outcome.sentence);
    }

    #[test]
    fn a_client_of_two_brokers_is_no_proxy() {
        let one = leg(Tale::connected().close(Side::Server, 8.0), [21, 1], 0, 5);
        let other = leg(Tale::connected().close(Side::Client, 8.0), [21, 5], 1, 0);
        assert_eq!(judged(vec![one, other]).1, None);
        // Nor are two that do not wait for one another.
        let one = leg(Tale::connected().close(Side::Server, 8.0), [21, 1], 0, 1);
        let other = leg(Tale::connected().close(Side::Client, 8.0), [22, 5], 2, 5);
        assert_eq!(judged(vec![one, other]).1, None);
    }
}
