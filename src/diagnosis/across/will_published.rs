//! `will-published`: the broker delivered the will of a client that was lost.

use std::collections::BTreeMap;

use crate::capture::Moment;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::PacketType;
use crate::session::{Session, Traffic, WillSighting};
use crate::stream::Side;

use super::chain::{Streams, client};
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "will-published", severity: Severity::Info, text: include_str!("will_published.md") };

/// By how much, in nanoseconds, the will may be seen before the end of the connection that it speaks of.
const EARLY: i64 = 1_000_000_000;

pub(super) fn find(sessions: &Streams<'_, '_>, traffic: &Traffic) -> Vec<Spanning> {
    let mut wills: BTreeMap<u64, (Lost<'_>, Vec<Seen<'_>>)> = BTreeMap::new();
    for sighting in &traffic.wills {
        let Some(subscriber) = sessions.of(sighting.subscriber) else { continue };
        let authors = sighting.authors.iter().filter_map(|stream| lost(sessions.of(*stream)?, sighting));
        let Some(author) = authors.max_by_key(|author| author.at.frame) else { continue };
        wills.entry(author.judged.number).or_insert((author, Vec::new())).1.push((subscriber, sighting));
    }
    wills.into_values().filter_map(|(author, seen)| told(&author, &seen)).collect()
}

/// A will, and who got it.
type Seen<'j> = (&'j Judged<'j>, &'j WillSighting);

/// A session that ended so that its will had to be published.
struct Lost<'j> {
    judged: &'j Judged<'j>,
    at: Moment,
    /// It asked for its will.
    asked: bool,
}

/// The end of `judged`, if it is one after which `sighting` is its will (MQTT 5.0 §3.1.2.5, 3.1.1 §3.1.2.5).
fn lost<'j>(judged: &'j Judged<'j>, sighting: &WillSighting) -> Option<Lost<'j>> {
    let session = judged.session;
    session.connect.as_ref()?.will.as_ref()?;
    // A DISCONNECT that breaks the rules may not count for one.
    let broken = session.violations.iter().any(|broken| broken.packet == PacketType::DISCONNECT && broken.grave);
    let goodbye = session.disconnect.client.as_ref().filter(|_| !broken);
    if goodbye.is_some_and(|goodbye| goodbye.code.0 == 0) || refused(session) {
        return None;
    }
    let dismissed = session.disconnect.server.as_ref().map(|disconnect| disconnect.at);
    let taken_over = session.neighbours.rival.as_ref().map(|rival| rival.connect);
    let close = session.wire.close().map(|close| close.at);
    let asked = goodbye.filter(|goodbye| goodbye.code.0 == 0x04).map(|goodbye| goodbye.at);
    let at = [asked, dismissed, taken_over, close].into_iter().flatten().min_by_key(|at| at.frame)?;
    let after = sighting.at.time.nanoseconds_since(at.time) >= -EARLY;
    after.then_some(Lost { judged, at, asked: asked.is_some() })
}

fn refused(session: &Session) -> bool {
    session.connack.as_ref().is_some_and(|connack| connack.code.0 != 0)
}

fn told(author: &Lost<'_>, seen: &[Seen<'_>]) -> Option<Spanning> {
    let (first, sighting) = seen.first()?;
    let will = author.judged.session.connect.as_ref()?.will.as_ref()?;
    let name = client(author.judged);
    let took = sighting.at.time.nanoseconds_since(author.at.time).max(0);
    let more = match seen.len() as u64 - 1 {
        0 => String::new(),
        more => format!(" and {}", words::counted(more, "other")),
    };
    let why = if author.asked { "after it asked for it" } else { "after its connection was lost" };
    let headline = format!(
        "The broker published the will of {name} to {} {why}: {}{more} got it {} later.",
        words::quoted(&will.topic),
        client(first),
        words::duration(took)
    );
    let rivals = sighting.authors.len() > 1 || sighting.retained;
    let moments = [author.at].into_iter().chain(seen.iter().map(|(_, sighting)| sighting.at));
    let found = Found::new(&ABOUT, headline, moments)
        .only(if rivals { Confidence::Likely } else { Confidence::VeryLikely })
        .by(Side::Server);
    let mut all = vec![author.judged];
    all.extend(seen.iter().map(|(subscriber, _)| *subscriber));
    all.sort_by_key(|judged| judged.number);
    all.dedup_by_key(|judged| judged.number);
    Some(Spanning::new(found, all))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};
    use crate::diagnosis::testing::Tale;
    use crate::mqtt::PacketType;
    use crate::stream::Side;

    #[test]
    fn the_will_of_a_lost_client() {
        let several = Several::default().with_will(None).healthy().sees_will(1, 0, 30.0);
        let found = find(&several, "will-published").unwrap();
        assert_eq!(found.sessions, [1, 2]);
        assert_eq!(found.finding.confidence, Confidence::VeryLikely);
        assert!(
            found.finding.headline.starts_with("The broker published the will of sensor-17 to “plant/7/state” after its connection was lost: sensor-17 got it "),
            "{}",
            found.finding.headline
        );
    }

    #[test]
    fn a_goodbye_takes_the_will_back() {
        let several = Several::default().with_will(Some(0)).healthy().sees_will(1, 0, 30.0);
        assert!(find(&several, "will-published").is_none());
        let asked = Several::default().with_will(Some(4)).healthy().sees_will(1, 0, 30.0);
        assert!(find(&asked, "will-published").unwrap().finding.headline.contains("after it asked for it"));
    }

    #[test]
    fn a_goodbye_that_breaks_the_rules_takes_nothing_back() {
        let several = Several::default().with_will(Some(0)).healthy().sees_will(1, 0, 30.0);
        let broken = several.change(0, |session| {
            session.violations.extend(Tale::connected().violation(Side::Client, true).build().violations.clone());
            session.violations[0].packet = PacketType::DISCONNECT;
        });
        assert!(find(&broken, "will-published").is_some());
    }

    #[test]
    fn what_came_before_the_loss_is_no_will() {
        let several = Several::default().with_will(None).healthy().sees_will(1, 0, -3.0);
        assert!(find(&several, "will-published").is_none());
    }
}
