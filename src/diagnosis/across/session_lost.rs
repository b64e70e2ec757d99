//! `session-lost`: the broker did not keep a session that it should have kept.

use crate::capture::Moment;
use crate::diagnosis::{Confidence, Severity, words};
use crate::mqtt::Version;
use crate::session::{ConnackFacts, ConnectFacts, DisconnectFacts, Session, TextFact};
use crate::stream::Side;

use super::chain::Returning;
use super::{About, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "session-lost", severity: Severity::Warning, text: include_str!("session_lost.md") };

/// Filters named; further ones are counted.
const NAMED: usize = 3;

pub(super) fn find(returning: &Returning<'_, '_>) -> Vec<Spanning> {
    let pairs = returning.let_in.iter().flat_map(|group| group.iter().zip(group.iter().skip(1)));
    pairs.filter_map(|(before, after)| lost(before, after)).collect()
}

/// What the client was accepted with.
fn accepted(session: &Session) -> Option<(&ConnectFacts, &ConnackFacts)> {
    let (connect, connack) = (session.connect.as_ref()?, session.connack.as_ref()?);
    (connack.code.0 == 0).then_some((connect, connack))
}

fn lost(before: &Judged<'_>, after: &Judged<'_>) -> Option<Spanning> {
    let (old, granted) = accepted(before.session)?;
    let (new, connack) = accepted(after.session)?;
    let version = after.session.version?;
    // MQTT 3.1 has no Session Present (its CONNACK says nothing there).
    if version == Version::V31 || before.session.version != Some(version) {
        return None;
    }
    let left = before.session.wire.last;
    let goodbye = before.session.disconnect.client.as_deref();
    let interval = expiry(old, granted, goodbye);
    let kept = if version.is_v5() { lasts(interval, left, new.at) } else { !old.clean_start };
    if new.clean_start || connack.session_present || !kept {
        return None;
    }
    let gone = subscriptions_lost(before.session, after.session);
    let client = words::plain(&new.client_id);
    // A session that holds nothing some brokers do not keep.
    let empty = !granted.session_present && before.session.subscriptions.is_empty();
    let headline = match gone.as_slice() {
        [] if empty => format!("The broker kept no session of {client}, which had subscribed to nothing."),
        [] => format!("The broker had forgotten the session of {client} when it came back."),
        gone => {
            let named = gone.iter().take(NAMED).map(|filter| words::quoted(filter));
            let more = (gone.len() - gone.len().min(NAMED)) as u64;
            let more = (more > 0).then(|| format!("{} more", words::number(more)));
            let named = words::list(&named.chain(more).collect::<Vec<_>>());
            let what = if gone.len() == 1 { "its subscription to" } else { "its subscriptions to" };
            format!(
                "The broker had forgotten the session of {client} when it came back, and {what} {named}: {client} did not subscribe again."
            )
        }
    };
    // 5.0: a DISCONNECT that was not captured may have shortened the interval.
    let confidence = if version.is_v5() { Confidence::Likely } else { Confidence::Certain };
    let severity = if gone.is_empty() { Severity::Info } else { Severity::Warning };
    let found = Found::new(&ABOUT, headline, [old.at, new.at, connack.at])
        .only(confidence)
        .severity(severity)
        .by(Side::Server)
        .clause(if version.is_v5() { "MQTT-3.1.2-23" } else { "MQTT-3.1.2-4" })
        .detail(if empty { NOTHING_KEPT } else { FORGOTTEN });
    Some(Spanning::new(found, [before, after]))
}

/// Why brokers forget.
const FORGOTTEN: &str = "The broker was restarted without its store, or its limits for stored sessions were reached, or somebody connected with this client id and a clean session in between. A client should look at Session Present and subscribe again when it is 0.";

/// Why they keep nothing of a client that only publishes.
const NOTHING_KEPT: &str = "RabbitMQ, Aedes and others keep a session only for its subscriptions, and say Session Present 0 to a client that has none: that loses at most what they remembered of messages that were on the way. Other brokers were restarted without their store.";

/// For how many seconds the session over `old` was to be kept: the broker's word counts before that of CONNECT, and that
/// of the client's goodbye before both.
fn expiry(old: &ConnectFacts, granted: &ConnackFacts, goodbye: Option<&DisconnectFacts>) -> u32 {
    let last = goodbye.and_then(|goodbye| goodbye.session_expiry_interval);
    last.or(granted.session_expiry_interval).or(old.session_expiry_interval).unwrap_or(0)
}

/// Whether a session left at `left` was to be kept for `interval` seconds until `back`.
fn lasts(interval: u32, left: Moment, back: Moment) -> bool {
    let away = back.time.nanoseconds_since(left.time);
    interval == u32::MAX || away < i64::from(interval) * 1_000_000_000
}

/// Filters that were granted in one session and not asked for in the next.
fn subscriptions_lost<'a>(before: &'a Session, after: &Session) -> Vec<&'a TextFact> {
    let granted = before.subscriptions.iter().filter(|subscription| {
        subscription.ended.is_none() && subscription.answer.is_some_and(|(_, code)| code.0 < 0x80)
    });
    let again = |filter: &TextFact| after.subscriptions.iter().any(|subscription| subscription.filter == *filter);
    granted.map(|subscription| &subscription.filter).filter(|filter| !again(filter)).collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::across::testing::{Several, find};
    use crate::diagnosis::{Confidence, Severity};
    use crate::mqtt::Version;
    use crate::session::Session;

    #[test]
    fn a_broker_that_forgot() {
        let several = Several::default().kept(Some("plant/7/set"), false).kept(None, false);
        let found = find(&several, "session-lost").unwrap();
        assert_eq!(found.sessions, [1, 2]);
        assert_eq!((found.finding.severity, found.finding.confidence), (Severity::Warning, Confidence::Certain));
        assert_eq!(
            found.finding.headline,
            "The broker had forgotten the session of sensor-17 when it came back, and its subscription to “plant/7/set”: sensor-17 did not subscribe again."
        );
    }

    #[test]
    fn a_client_that_subscribes_again_lost_less() {
        let several = Several::default().kept(Some("plant/7/set"), false).kept(Some("plant/7/set"), false);
        assert_eq!(find(&several, "session-lost").unwrap().finding.severity, Severity::Info);
    }

    #[test]
    fn a_client_without_subscriptions_lost_little() {
        let told = |several: &Several| find(several, "session-lost").unwrap().finding.headline;
        let publisher = Several::default().kept(None, false).kept(None, false);
        assert_eq!(told(&publisher), "The broker kept no session of sensor-17, which had subscribed to nothing.");
        // What the broker knew came from an earlier session.
        let known = Several::default().kept(None, true).kept(None, false);
        assert!(told(&known).starts_with("The broker had forgotten the session"));
    }

    #[test]
    fn a_session_that_was_kept_or_never_asked_for() {
        assert!(find(&Several::default().kept(Some("a"), false).kept(None, true), "session-lost").is_none());
        assert!(find(&Several::default().healthy().kept(None, false), "session-lost").is_none());
        assert!(find(&Several::default().kept(Some("a"), false).healthy(), "session-lost").is_none());
    }

    #[test]
    fn the_last_word_on_how_long_a_session_is_kept() {
        let lost = |change: fn(&mut Session)| {
            let v5 = |session: &mut Session| session.version = Some(Version::V5);
            let several = Several::default().kept(Some("a"), false).kept(None, false).change(1, v5);
            let several = several.change(0, v5).change(0, |session| {
                session.connect.as_mut().unwrap().session_expiry_interval = Some(3600);
                change(session);
            });
            find(&several, "session-lost").is_some()
        };
        assert!(lost(|_| ()));
        assert!(!lost(|session| session.disconnect.client.as_mut().unwrap().session_expiry_interval = Some(0)));
        assert!(!lost(|session| session.connack.as_mut().unwrap().session_expiry_interval = Some(5)));
        assert!(lost(|session| {
            session.connack.as_mut().unwrap().session_expiry_interval = Some(5);
            session.disconnect.client.as_mut().unwrap().session_expiry_interval = Some(600);
        }));
    }
}
