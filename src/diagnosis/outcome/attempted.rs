//! What the outcomes of attempts without TCP have in common: how sure it is that a broker was meant, and how
//! repetition is told.

use crate::attempt::{Lookup, Name, Question, Seen, Tie};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Confidence, words};
use crate::text;

/// The lookup that `story` is about.
pub(super) fn lookup<'a>(story: &Story<'a>) -> Option<&'a Lookup> {
    match &story.session.attempt.as_ref()?.what {
        Question::Name(lookup) => Some(lookup),
        Question::Host(_) => None,
    }
}

/// A name, harmless to print.
pub(super) fn named(name: &Name) -> String {
    text::escape(name.as_bytes(), text::NAME)
}

/// `confidence`, lowered where it is not sure that a broker was meant.
pub(super) fn capped(confidence: Confidence, story: &Story<'_>) -> Confidence {
    let most = match story.session.attempt.as_ref().map(|attempt| attempt.tie) {
        None | Some(Tie::Broker) => Confidence::Certain,
        Some(Tie::Name) => Confidence::VeryLikely,
        Some(Tie::Client | Tie::Wanted | Tie::Alone) => Confidence::Likely,
    };
    confidence.min(most)
}

/// Why it is taken for an attempt to reach a broker, where that is not plain: a sentence of its own.
pub(super) fn meant(story: &Story<'_>) -> &'static str {
    match story.session.attempt.as_ref().map(|attempt| attempt.tie) {
        None | Some(Tie::Broker) => "",
        Some(Tie::Name) => " That a broker was meant is judged by the name.",
        Some(Tie::Client) => " That a broker was meant is judged by the client's MQTT at other times.",
        Some(Tie::Wanted) => {
            " That a broker was meant is judged by this client having been asked for, and having opened no connection."
        }
        Some(Tie::Alone) => " That a broker was meant is a guess: this client opened no connection in the capture.",
    }
}

/// `once`, or `12 times in 2 min 5 s (about every 11 s)`.
pub(super) fn repeated(seen: &Seen) -> String {
    let span = seen.last.time.nanoseconds_since(seen.first.time);
    let pauses = i64::try_from(seen.count).unwrap_or(i64::MAX) - 1;
    match pauses {
        ..=0 => "once".to_owned(),
        1 | 2 => format!("{} in {}", words::counted(seen.count, "time"), words::duration(span)),
        _ => {
            let times = words::counted(seen.count, "time");
            format!("{times} in {} (about every {})", words::duration(span), words::duration(span / pauses))
        }
    }
}

/// Where the client got through instead, as a cause: the address that it tried here is of no use.
pub(super) fn detour(story: &Story<'_>) -> Option<String> {
    let detour = story.session.neighbours.ways.detour.as_ref()?;
    let wire = &story.session.wire;
    let (address, server) = (wire.peers.server.endpoint.address, detour.server);
    let span = words::duration(detour.at.time.nanoseconds_since(wire.first.time));
    let frame = detour.at.frame;
    let resolution = story.session.neighbours.resolution.as_ref().filter(|_| detour.one_name);
    Some(match resolution {
        Some(known) => format!(
            "The name {} leads to several addresses, of which {address} is of no use: {span} later the client tried {server} (frame {frame}), and got through.",
            named(&known.name)
        ),
        None => format!(
            "The client knows several addresses, of which {address} is of no use: {span} later it tried {server} (frame {frame}), and got through."
        ),
    })
}

/// What to do about an address that is of no use.
pub(super) const ONE_OF_SEVERAL: &str = "Make the broker reachable there too, or take the address out of the DNS records or settings from which the client has it: it costs time with each connection.";

/// The servers that were asked: `10.0.0.1`, `10.0.0.1 and 8.8.8.8`.
pub(super) fn servers(lookup: &Lookup) -> String {
    let servers: Vec<String> = lookup.servers.iter().map(ToString::to_string).collect();
    match servers.as_slice() {
        [] => "the DNS server".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
