//! `reconnect-loop`: a client tries again and again, and fails each time.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::diagnosis::story::{SHORTEST_IDLE, only_asked};
use crate::diagnosis::{Confidence, Severity, words};
use crate::net::Endpoint;
use crate::session::{CloseHow, SILENCE_SPREAD, TextFact};
use crate::stream::Side;

use super::broker_unreachable::least;
use super::chain::{accepted, client_id, pauses, repeated, rhythm};
use super::closed_after_silence::CLOSED;
use super::{About, ClientId, Counted, Found, Judged, Spanning};

pub(super) const ABOUT: About =
    About { id: "reconnect-loop", severity: Severity::Warning, text: include_str!("reconnect_loop.md") };

/// Attempts that make a loop.
const ATTEMPTS: usize = 3;
/// A longer pause, in nanoseconds, is no loop: clients back off to two minutes, some to five.
const LONGEST_PAUSE: i64 = 600_000_000_000;
/// A pause below this, in nanoseconds, is short for one that never grows.
const SHORT: i64 = 10_000_000_000;
/// Fewer pauses than this may grow by chance.
const GROWING: usize = 3;
/// The outcome of sessions of which the end is not known, an answer perhaps neither.
const UNKNOWN: &str = "unclassified";
/// The outcome where the client closed without a goodbye.
const LEFT: &str = "client-closed";
/// A shorter silence, in nanoseconds, is none that a timer ends.
const SHORTEST_SILENCE: i64 = 1_000_000_000;

/// What sessions without a request may be.
const ASKED: &str =
    "The health check of a load balancer, or a monitor, does that: it only asks whether the broker lets it in.";
/// What connections without a word may be.
const LOOKED: &str = "A load balancer or a monitor that only looks whether the port is open does that; so does a client that cannot build its CONNECT.";

/// Sessions of a fight over a client id (`fighting`) fail for a reason that is told there. How often a client comes back is
/// told only where frames have times (`paced`).
pub(super) fn find(
    sessions: &[Judged<'_>],
    fighting: &HashSet<u64>,
    counted: &[Counted],
    paced: bool,
) -> Vec<Spanning> {
    // The client id of each host; none where it has several, or a client without one.
    let mut ids: HashMap<IpAddr, Option<ClientId<'_>>> = HashMap::new();
    for judged in sessions {
        let id = client_id(judged);
        if id.is_none() && judged.session.connect.is_none() {
            continue;
        }
        let known = ids.entry(judged.host).or_insert(id);
        *known = known.filter(|known| Some(*known) == id);
    }
    // An attempt without CONNECT is of the host's one client, if it has one only.
    let only = |host: IpAddr| ids.get(&host).copied().flatten();
    let tries = repeated(sessions, |judged| {
        let untold = judged.session.connect.is_none();
        let id = client_id(judged).or_else(|| only(judged.host).filter(|_| untold));
        Some((judged.host, judged.server, id))
    });
    let mut loops = Vec::new();
    for ((host, server, id), tries) in tries {
        // Attempts of a host with several clients may be each of another one.
        if id.is_none() && ids.get(&host).is_some_and(Option::is_none) {
            continue;
        }
        let client = id.map_or_else(|| host.to_string(), |id| words::plain(&TextFact::new(id.bytes)));
        let mut rest = tries.as_slice();
        while let Some(start) = rest.iter().position(|judged| failed(judged)) {
            let here = rest.get(start..).unwrap_or_default();
            let pairs = here.iter().zip(here.iter().skip(1)).enumerate();
            let length = 1 + pairs.take_while(|(place, (one, next))| follows(one, next, *place == 0)).count();
            let (these, later) = here.split_at(length);
            if length >= ATTEMPTS && !these.iter().all(|judged| fighting.contains(&judged.number)) {
                let least = least(counted, server);
                loops.push(told(&client, (server, least), these, later.first().copied(), paced));
            }
            rest = later;
        }
    }
    loops
}

/// Whether `next` failed as `one` did, and came after it was over and not long after. Where the row begins, `one` may
/// be the session that was lost before the first failure.
fn follows(one: &Judged<'_>, next: &Judged<'_>, begins: bool) -> bool {
    let pause = next.session.wire.first.time.nanoseconds_since(one.session.wire.last.time);
    let lost = begins && accepted(one) && !accepted(next);
    let alike = accepted(one) == accepted(next)
        && one.session.foreign_opening.map(|(protocol, _)| protocol)
            == next.session.foreign_opening.map(|(protocol, _)| protocol)
        && (!accepted(one) || one.outcome == next.outcome);
    failed(next)
        && (alike || lost)
        && one.session.wire.last.is_before(next.session.wire.first)
        && pause <= LONGEST_PAUSE
}

/// Whether it failed, and its client did not get through under another address instead.
fn failed(judged: &Judged<'_>) -> bool {
    judged.severity >= Severity::Warning && judged.session.neighbours.ways.detour.is_none()
}

fn told(
    client: &str,
    (server, least): (Endpoint, &str),
    these: &[&Judged<'_>],
    then: Option<&Judged<'_>>,
    paced: bool,
) -> Spanning {
    let mut starts: Vec<i64> = these.iter().map(|judged| judged.session.wire.first.time.0).collect();
    let all = these.iter().all(|judged| accepted(judged));
    // A session that ran is no attempt: the first one after it came so long after its end.
    let lost = these.first().filter(|first| !all && accepted(first));
    if let (Some(lost), Some(first)) = (lost, starts.first_mut()) {
        *first = lost.session.wire.last.time.0;
    }
    let outcomes: BTreeSet<&str> = these.iter().map(|judged| judged.outcome).collect();
    let same = if outcomes.len() == 1 { ", each time in the same way," } else { "" };
    let end = match then {
        Some(then) if !failed(then) && then.outcome != UNKNOWN => {
            format!(" Then it got through (session {}).", then.number)
        }
        _ => String::new(),
    };
    let attempts = these.len() - usize::from(lost.is_some());
    let times = words::number(attempts as u64);
    let rhythm = if paced { format!(" {}", rhythm(&pauses(&starts))) } else { String::new() };
    let looked = these.iter().all(|judged| only_looked(judged));
    let asked = these
        .iter()
        .all(|judged| closed_itself(judged) && judged.close.is_some_and(|close| only_asked(judged.session, close)));
    let headline = if asked {
        format!(
            "{client} was let in by {server} and left again at once without asking for anything, {least}{times} times; it came back{rhythm}.{end}"
        )
    } else if looked {
        format!(
            "{client} opened a connection to {server} and closed it again without sending anything, {least}{times} times; it came back{rhythm}.{end}"
        )
    } else if all && these.iter().all(|judged| closed_itself(judged)) {
        format!(
            "{client} closed its connection to {server} itself {least}{times} times in a row and came back{rhythm}.{end}"
        )
    } else if all {
        format!(
            "{client} lost its connection to {server} {least}{times} times in a row{same} and came back{rhythm}.{end}"
        )
    } else if lost.is_some() {
        format!(
            "{client} lost its connection to {server}, failed {least}{times} times in a row to get it back, and tried again{rhythm}.{end}"
        )
    } else {
        format!("{client} failed {least}{times} times in a row with {server}{same} and tried again{rhythm}.{end}")
    };
    let pace = match (asked, looked) {
        (true, _) => Some(ASKED),
        (false, true) => Some(LOOKED),
        (false, false) => pace(&pauses(&starts)).filter(|_| paced),
    };
    let named = these.iter().all(|judged| client_id(judged).is_some());
    let found = Found::new(&ABOUT, headline, these.iter().map(|judged| judged.session.wire.first)).only(if named {
        Confidence::Certain
    } else {
        Confidence::VeryLikely
    });
    let detail: Vec<String> = same_silence(these).into_iter().chain(pace.map(str::to_owned)).collect();
    let found = if detail.is_empty() { found } else { found.detail(detail.join(" ")) };
    Spanning::new(found, these.iter().copied())
}

/// Whether the client's own system closed an accepted connection. Of a reset less is sure where it may be another's.
fn closed_itself(judged: &Judged<'_>) -> bool {
    let own = |how| how == CloseHow::Closed || judged.verdict.outcome.confidence == Confidence::Certain;
    let by_client = judged.close.is_some_and(|close| close.by == Side::Client && own(close.how));
    by_client && judged.outcome == LEFT
}

/// That the same side closed each time after the same silence, as a timer does: of all of `these`, at least three.
fn same_silence(these: &[&Judged<'_>]) -> Option<String> {
    let by = these.first()?.close?.by;
    let (outcome, shortest) = match by {
        Side::Server => (CLOSED, SHORTEST_SILENCE),
        // Programs that do a little and leave wait a moment too.
        Side::Client => (LEFT, SHORTEST_IDLE),
    };
    let silence = |judged: &&Judged<'_>| {
        let session = judged.session;
        let close = judged.close.filter(|close| close.by == by && close.how == CloseHow::Closed)?;
        let last = session.last_packet().filter(|at| at.is_before(close.at))?;
        let quiet = close.at.time.nanoseconds_since(last.time);
        // Within its Keep Alive the client may be silent.
        let keep_alive = session.connect.as_ref().map(|connect| i64::from(connect.keep_alive))?;
        let allowed = keep_alive == 0 || quiet / 1_000_000_000 < keep_alive;
        (allowed && judged.outcome == outcome).then_some(quiet)
    };
    let all: Vec<i64> = these.iter().map(silence).collect::<Option<_>>()?;
    let (least, most) = (*all.iter().min()?, *all.iter().max()?);
    let alike = most - least <= (most / 50).min(SILENCE_SPREAD);
    (all.len() >= ATTEMPTS && least >= shortest && alike).then(|| {
        let span = words::duration(most);
        let (side, who) = match by {
            Side::Server => ("server", "a proxy or load balancer between, or the broker, closes"),
            Side::Client => ("client", "a proxy or load balancer between, or the program itself, closes"),
        };
        format!("Each time the {side}'s side closed after a silence of {span}: probably {who} connections that are idle for so long. A longer timer there, or a shorter Keep Alive here, prevents it.")
    })
}

/// Whether the client closed the connection itself and sent nothing in it.
fn only_looked(judged: &Judged<'_>) -> bool {
    let by_client = judged.close.is_some_and(|close| close.by == Side::Client);
    by_client && judged.outcome == "tcp-open-no-connect"
}

/// Whether the client waits longer after each failure.
fn pace(pauses: &[i64]) -> Option<&'static str> {
    let (least, most) = (pauses.iter().min()?, pauses.iter().max()?);
    let grows = pauses.iter().zip(pauses.iter().skip(1)).all(|(one, next)| *next >= one / 10 * 9);
    if pauses.len() >= GROWING && grows && *most >= least.saturating_mul(2) {
        Some("It waits longer after each failure (back-off), as it should.")
    } else if *most <= SHORT && most - least <= least / 2 {
        Some("It does not wait longer after each failure: many such clients at once keep a broker from coming back.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::Confidence;
    use crate::diagnosis::across::testing::{Several, find};

    #[test]
    fn a_client_that_is_refused_again_and_again() {
        let several = Several::default().refused(5.0).refused(5.0).refused(5.0);
        let found = find(&several, "reconnect-loop").unwrap();
        assert_eq!(found.sessions, [1, 2, 3]);
        assert_eq!(found.finding.confidence, Confidence::Certain);
        assert_eq!(
            found.finding.headline,
            "sensor-17 failed 3 times in a row with 10.0.0.5:1883, each time in the same way, and tried again about every 5 s."
        );
    }

    #[test]
    fn without_times_no_rhythm_is_told() {
        let several = Several::default().refused(5.0).refused(5.0).refused(5.0).change(0, |session| {
            session.capture.ended = session.capture.began;
        });
        let finding = find(&several, "reconnect-loop").unwrap().finding;
        assert!(finding.headline.ends_with("each time in the same way, and tried again."), "{}", finding.headline);
        assert!(finding.detail.is_none(), "{:?}", finding.detail);
    }

    #[test]
    fn knocks_that_nobody_answers_and_then_success() {
        let several = Several::default().knocked(1.0).knocked(2.0).knocked(4.0).healthy();
        let found = find(&several, "reconnect-loop").unwrap();
        assert_eq!(found.sessions, [1, 2, 3]);
        assert_eq!(found.finding.confidence, Confidence::VeryLikely);
        assert!(found.finding.headline.starts_with("sensor-17 failed 3 times"), "{}", found.finding.headline);
        assert!(found.finding.headline.ends_with("Then it got through (session 4)."), "{}", found.finding.headline);
    }

    #[test]
    fn an_attempt_whose_end_is_not_known_did_not_get_through() {
        let then = |several: Several| find(&several, "reconnect-loop").unwrap().finding.headline;
        let refused = || Several::default().refused(5.0).refused(5.0).refused(5.0);
        assert!(then(refused().healthy()).ends_with("Then it got through (session 4)."));
        assert!(!then(refused().asked()).contains("got through"));
    }

    #[test]
    fn a_client_without_an_id_is_not_the_one_that_has_one() {
        let several = |id: &str| Several::default().dropped(2.0).refused_as(id, 0x80).refused_as(id, 0x80).knocked(1.0);
        assert!(find(&several(""), "reconnect-loop").is_none());
        assert!(find(&several("sensor-17"), "reconnect-loop").unwrap().finding.headline.starts_with("sensor-17 lost"));
    }

    #[test]
    fn the_pace_tells_of_back_off() {
        let detail = |several: &Several| find(several, "reconnect-loop").unwrap().finding.detail;
        let constant = Several::default().refused(2.0).refused(2.0).refused(2.0);
        assert!(detail(&constant).unwrap().starts_with("It does not wait longer"));
        let grows = Several::default().knocked(1.0).knocked(2.0).knocked(4.0).knocked(8.0);
        assert!(detail(&grows).unwrap().starts_with("It waits longer"));
        assert_eq!(detail(&Several::default().knocked(1.0).knocked(4.0).knocked(8.0)), None);
        assert_eq!(detail(&Several::default().refused(60.0).refused(60.0).refused(60.0)), None);
    }

    #[test]
    fn connections_without_a_word_are_not_told_as_failures() {
        let several = |how: fn(Several, f64) -> Several| how(how(how(Several::default(), 5.0), 5.0), 5.0);
        let looked = find(&several(Several::looked), "reconnect-loop").unwrap().finding;
        let told = "opened a connection to 10.0.0.5:1883 and closed it again without sending anything, 3 times; it came back about every 5 s.";
        assert!(looked.headline.ends_with(told), "{}", looked.headline);
        assert!(looked.detail.unwrap().starts_with("A load balancer or a monitor"));
        let refused = find(&several(Several::refused), "reconnect-loop").unwrap().finding;
        assert!(refused.headline.contains("failed 3 times in a row"));
    }

    #[test]
    fn the_same_silence_each_time_is_that_of_a_timer() {
        let detail = |several: &Several| find(several, "reconnect-loop").unwrap().finding.detail.unwrap_or_default();
        let told = "Each time the server's side closed after a silence of 3 s: probably a proxy";
        let idle =
            |silences: [f64; 3]| silences.into_iter().fold(Several::default(), |all, quiet| all.silenced(quiet, 5.0));
        assert!(detail(&idle([3.0, 3.01, 3.0])).starts_with(told), "{}", detail(&idle([3.0, 3.01, 3.0])));
        assert!(!detail(&idle([3.0, 3.5, 3.0])).contains("Each time"));
        assert!(!detail(&idle([0.3, 0.3, 0.3])).contains("Each time"));
        assert!(!detail(&idle([3.0, 3.0, 3.0]).refused(5.0)).is_empty());
        assert!(!detail(&Several::default().refused(5.0).refused(5.0).refused(5.0)).contains("Each time"));
    }

    #[test]
    fn success_or_a_long_pause_breaks_the_row() {
        assert!(find(&Several::default().refused(5.0).refused(5.0).healthy().refused(5.0), "reconnect-loop").is_none());
        assert!(find(&Several::default().refused(5.0).refused(900.0).refused(5.0), "reconnect-loop").is_none());
    }

    #[test]
    fn failures_of_different_kinds_are_no_row() {
        let several = Several::default().refused(5.0).refused(5.0).dropped(5.0).refused(5.0);
        assert!(find(&several, "reconnect-loop").is_none());
        let several = Several::default().dropped(5.0).refused(5.0).refused(5.0);
        assert_eq!(find(&several, "reconnect-loop").unwrap().sessions, [1, 2, 3]);
        let several = Several::default().dropped(5.0).dropped(5.0).dropped(5.0);
        assert_eq!(find(&several, "reconnect-loop").unwrap().sessions, [1, 2, 3]);
    }

    #[test]
    fn a_session_that_ran_is_no_attempt_that_failed() {
        let several = Several::default().dropped(60.0).refused(5.0).refused(5.0);
        let found = find(&several, "reconnect-loop").unwrap().finding;
        let told = "sensor-17 lost its connection to 10.0.0.5:1883, failed 2 times in a row to get it back, and tried again after 59 s and 5 s.";
        assert_eq!(found.headline, told);
        let several = Several::default().dropped(5.0).dropped(5.0).dropped(5.0);
        let told = "sensor-17 lost its connection to 10.0.0.5:1883 3 times in a row, each time in the same way, and came back about every 5 s.";
        assert_eq!(find(&several, "reconnect-loop").unwrap().finding.headline, told);
    }

    #[test]
    fn a_health_check_is_told_as_one() {
        let checks = |how: fn(Several) -> Several| how(how(how(Several::default())));
        let found = find(&checks(Several::checked), "reconnect-loop").unwrap().finding;
        let told = "sensor-17 was let in by 10.0.0.5:1883 and left again at once without asking for anything, 3 times; it came back about every 5 s.";
        assert_eq!(found.headline, told);
        assert!(found.detail.unwrap().starts_with("The health check of a load balancer"));
        let stays = find(&checks(|several| several.left(5.0)), "reconnect-loop").unwrap().finding;
        assert!(!stays.headline.contains("without asking"), "{}", stays.headline);
    }

    #[test]
    fn the_same_silence_before_the_clients_side_closes_is_that_of_a_timer_too() {
        let closed = |silences: [f64; 3]| {
            let all = silences.into_iter().fold(Several::default(), |all, quiet| all.left_after(quiet, 5.0));
            find(&all, "reconnect-loop").unwrap().finding.detail.unwrap_or_default()
        };
        let told = "Each time the client's side closed after a silence of 6 s: probably a proxy";
        assert!(closed([6.0, 6.01, 6.0]).starts_with(told), "{}", closed([6.0, 6.01, 6.0]));
        assert!(!closed([2.0, 2.0, 2.0]).contains("Each time"));
        assert!(!closed([6.0, 7.0, 8.0]).contains("Each time"));
    }

    #[test]
    fn a_client_that_closes_lost_nothing() {
        let several = Several::default().left(5.0).left(5.0).left(5.0);
        let told =
            "sensor-17 closed its connection to 10.0.0.5:1883 itself 3 times in a row and came back about every 5 s.";
        assert_eq!(find(&several, "reconnect-loop").unwrap().finding.headline, told);
    }

    #[test]
    fn attempts_side_by_side_are_of_several_clients() {
        assert!(find(&Several::default().knocked(0.0).knocked(0.0).knocked(0.0), "reconnect-loop").is_none());
    }

    #[test]
    fn attempts_of_a_host_with_several_clients_are_nobodys() {
        let several = Several::default().healthy_as("a", 20.0).knocked(1.0).knocked(1.0).knocked(1.0);
        assert!(find(&several, "reconnect-loop").is_some());
        assert!(find(&several.healthy_as("b", 1.0), "reconnect-loop").is_none());
    }

    #[test]
    fn a_fight_is_no_loop_of_its_own() {
        let several = Several::default().taken_over(21).taken_over(21).taken_over(21).still_there(21);
        assert!(find(&several, "reconnect-loop").is_none());
    }
}
