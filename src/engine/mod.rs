//! Wires the layers: frames in, finished sessions out.
//!
//! Invariant: no I/O and no clock; time is the capture's. Live and offline use the same engine. What
//! a session needs to know of others is put into its [`Neighbours`](crate::session::Neighbours)
//! when it ends.

mod asked;
mod batch;
mod changes;
mod dialogue;
mod ended;
mod namesakes;
mod notice;
mod part;
mod population;
mod post;
mod translated;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::attempt;
use crate::capture::{Frame, FrameNumber, Moment, Timestamp};
use crate::fragments::{Fragments, GivenUp};
use crate::limits::Limits;
use crate::net::{self, Decoded, Endpoint, Fragment};
use crate::session::{CaptureFacts, Detail, FragmentFacts, PacketObserver, Session};
use crate::tcp::{self, Facts, Hashing};

pub use batch::{Division, Hearer, Lanes, Next, OutOfStep, Sorted, Waiting};
use changes::Changes;
use dialogue::News;
pub use ended::Finished;
use ended::Word;
use notice::{Queues, What};
use part::{Hints, Part};
use population::Population;
use translated::Translations;

/// Ports registered for MQTT: `mqtt` and `secure-mqtt` (IANA). They are a hint for connections that
/// never carried data, and never evidence that data is MQTT.
pub const MQTT_PORTS: [u16; 2] = [1883, SECURE_PORT];

/// Where encrypted bytes are as they should be.
const SECURE_PORT: u16 = 8883;

/// Backward steps of the clock below this are reordering, in nanoseconds.
const CLOCK_JUMP: i64 = 1_000_000_000;
/// Protocols and ports told apart in the facts of the capture.
const OTHER_PROTOCOLS: usize = 64;

/// What the engine is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds on memory.
    pub limits: Limits,
    /// Ports to take for MQTT beside [`MQTT_PORTS`].
    pub ports: Vec<u16>,
    /// How much of each session's timeline is kept.
    pub detail: Detail,
    /// Hosts that were asked for: what they look up in vain is more readily taken for an attempt to reach a broker.
    pub hosts: Vec<IpAddr>,
}

/// Who is shown every control packet. It is shared with whoever drains what it made of them.
pub type SharedObserver = Arc<Mutex<dyn PacketObserver>>;

/// Follows every connection of a capture.
#[derive(Debug)]
pub struct Engine {
    fragments: Fragments,
    parts: Vec<Part>,
    /// The tables of all parts hash alike.
    hashing: Hashing,
    rest: Rest,
    /// So many frames are taken one by one before several threads begin.
    one_by_one: u64,
}

fn note_given_up(facts: &mut FragmentFacts, why: GivenUp, first: FrameNumber) {
    let tally = match why {
        GivenUp::Incomplete => &mut facts.incomplete,
        GivenUp::Overlapping => &mut facts.overlapping,
        GivenUp::Cut => &mut facts.cut,
        GivenUp::Evicted => &mut facts.evicted,
    };
    tally.add(first);
}

/// All of the engine but the connections that are followed: it hears of them by notices.
#[derive(Debug)]
struct Rest {
    limits: Arc<Limits>,
    detail: Detail,
    ports: Arc<[u16]>,
    facts: CaptureFacts,
    population: Population,
    translations: Translations,
    hosts: Vec<IpAddr>,
    /// Connections that carried MQTT, or were to carry it.
    mqtt_connections: u64,
    /// What happens before there is a connection.
    watch: attempt::Watch,
    /// Connections without data to a server of which it is not known if it speaks MQTT.
    attempts: Vec<(Box<Facts>, Word)>,
    /// Sessions that ended, not yet handed out.
    ended: Vec<Finished>,
    /// How many streams there have been.
    streams: u32,
    /// When the newest frame was captured.
    previous: Option<Timestamp>,
    /// The newest frame at which the clock had gone back.
    last_clock_jump: Option<FrameNumber>,
    /// What time it is in the capture, which may go on without frames.
    now: Timestamp,
    changes: Changes,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(config: Config) -> Engine {
        let share = config.limits;
        Engine::of(config, share, 1, || None)
    }

    /// An engine that shows every control packet to `observer` as it passes.
    pub fn observed(config: Config, observer: SharedObserver) -> Engine {
        let share = config.limits;
        let mut observer = Some(observer);
        Engine::of(config, share, 1, || observer.take())
    }

    /// An engine on which several threads can work at once, when it is given [many frames](Engine::push_batch). Each of its
    /// parts shows the control packets of its connections to an `observer` of its own, if there is one.
    pub fn divided(config: Config, observer: impl FnMut() -> Option<SharedObserver>) -> Engine {
        let parts = part::how_many(&config.limits);
        let share = part::share(&config.limits, parts);
        Engine::of(config, share, parts, observer)
    }

    /// An engine of so many parts, each of which keeps within `share`.
    fn of(config: Config, share: Limits, parts: usize, mut observer: impl FnMut() -> Option<SharedObserver>) -> Engine {
        let hashing = Hashing::default();
        Engine {
            fragments: Fragments::new(&config.limits),
            parts: (0..parts).map(|_| Part::new(share, config.detail, hashing.clone(), observer())).collect(),
            hashing,
            rest: Rest {
                limits: Arc::new(config.limits),
                detail: config.detail,
                ports: config.ports.into(),
                hosts: config.hosts,
                mqtt_connections: 0,
                watch: attempt::Watch::new(&config.limits),
                facts: CaptureFacts::default(),
                population: Population::new(&config.limits),
                translations: Translations::new(config.limits.connections),
                attempts: Vec::new(),
                ended: Vec::new(),
                streams: 0,
                previous: None,
                last_clock_jump: None,
                now: Timestamp::default(),
                changes: Changes::default(),
            },
            one_by_one: batch::ONE_BY_ONE,
        }
    }

    /// Takes the next frame; hands out the sessions that ended.
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut impl FnMut(Box<Session>)) {
        self.take(frame);
        self.hand_out(out);
    }

    fn take(&mut self, frame: &Frame<'_>) {
        self.rest.note_frame(frame);
        match net::decode(frame.link, frame.data, frame.original_length) {
            Decoded::Fragment(fragment) => self.fragment(&fragment, frame.at),
            whole => self.whole(&whole, frame.at),
        }
        self.let_pass(frame.at);
    }

    fn hand_out(&mut self, out: &mut impl FnMut(Box<Session>)) {
        self.rest.ended.drain(..).for_each(|finished| out(finished.into_session()));
    }

    #[inline]
    fn whole(&mut self, decoded: &Decoded<'_>, at: Moment) {
        self.rest.aside(decoded, at);
        let number = ends_of(decoded).map(|(one, other)| tcp::part_of(one, other, self.parts.len()));
        let Engine { parts, rest, .. } = self;
        let Some(part) = number.and_then(|number| parts.get_mut(number)) else { return };
        part.table.count_streams_from(rest.streams);
        let hints = rest.hints();
        if let Some(connection) = part.take(decoded, at, hints) {
            rest.changes.note(connection);
        }
        rest.streams = part.table.streams();
        part.notices.drain(..).for_each(|notice| rest.hear(notice.what));
    }

    #[cold]
    fn fragment(&mut self, fragment: &Fragment<'_>, at: Moment) {
        let facts = &mut self.rest.facts.fragments;
        if let Some(whole) = self.fragments.push(fragment, at, &mut |why, first| note_given_up(facts, why, first)) {
            self.whole(&net::decode_reassembled(&whole.header, &whole.payload), at);
        }
    }

    /// Tells the engine what time it is in the capture; hands out the sessions that ended.
    pub fn advance(&mut self, now: Timestamp, out: &mut impl FnMut(Box<Session>)) {
        self.let_pass(Moment { frame: FrameNumber::new(self.rest.facts.packets), time: now });
        self.hand_out(out);
    }

    /// What the time of the frame `at` brings to an end.
    #[inline]
    fn let_pass(&mut self, at: Moment) {
        self.rest.now = self.rest.now.max(at.time);
        if self.parts.iter().all(|part| at.time < part.table.due_at()) {
            return;
        }
        self.parts.iter_mut().for_each(|part| part.advance(at));
        self.hear_all();
    }

    /// Hears the notices of all parts, in their order.
    fn hear_all(&mut self) {
        let Engine { parts, rest, .. } = self;
        Queues::of(parts.iter_mut().map(|part| &mut part.notices)).for_each(|what| rest.hear(what));
    }

    /// The capture is over: hands out all sessions that are left and the facts of the capture.
    pub fn finish(self, out: &mut impl FnMut(Box<Session>)) -> CaptureFacts {
        self.finish_all(1, &mut |finished| out(finished.into_session()))
    }

    /// As [`Engine::finish`], by at most so many threads.
    pub fn finish_all(mut self, threads: usize, out: &mut impl FnMut(Finished)) -> CaptureFacts {
        self.finish_connections(threads, out);
        let Engine { fragments, parts, mut rest, .. } = self;
        fragments.finish(&mut |why, first| note_given_up(&mut rest.facts.fragments, why, first));
        rest.end_views();
        rest.end_attempts();
        rest.end_questions();
        rest.ended.drain(..).for_each(out);
        let Rest { mut facts, population, translations, .. } = rest;
        facts.translated = translations.left_out();
        facts.packets_let_go = parts.iter().map(Part::refused).sum();
        facts.holes_given_up = parts.iter().map(|part| part.table.given_up()).sum();
        facts.traffic = population.finish(facts.last.unwrap_or_default());
        facts
    }
}

/// The ends of the connection that a frame is for, if it is for one.
#[inline]
fn ends_of(decoded: &Decoded<'_>) -> Option<(Endpoint, Endpoint)> {
    match decoded {
        Decoded::Segment(segment) => Some((segment.source, segment.destination)),
        Decoded::Undeliverable(error) => Some((error.source, error.destination)),
        Decoded::TooLarge { source, destination } => Some((*source, *destination)),
        _ => None,
    }
}

impl Rest {
    fn note_frame(&mut self, frame: &Frame<'_>) {
        let time = frame.at.time;
        self.note_frames(1, frame.data.len() as u64, time);
        let facts = &mut self.facts;
        if frame.is_cut() {
            facts.cut_frames.add(frame.at.frame);
        }
        if let Some(previous) = self.previous.replace(time)
            && previous.nanoseconds_since(time) > CLOCK_JUMP
        {
            facts.clock_jumps.add(frame.at.frame);
            self.last_clock_jump = Some(frame.at.frame);
        }
        self.note_time(time);
    }

    /// So many frames of so many bytes, the first of them captured at `first`.
    fn note_frames(&mut self, count: u64, bytes: u64, first: Timestamp) {
        self.facts.packets += count;
        self.facts.bytes += bytes;
        self.facts.first.get_or_insert(first);
    }

    /// A frame was captured at `time`.
    fn note_time(&mut self, time: Timestamp) {
        self.facts.last = self.facts.last.max(Some(time));
    }

    /// Takes what a frame says of anything but its connection.
    #[inline]
    fn aside(&mut self, decoded: &Decoded<'_>, at: Moment) {
        if !self.hosts.is_empty() {
            self.note_wanted(decoded, at);
        }
        match decoded {
            Decoded::Segment(segment) => {
                if let Some(message) = net::dns_of_segment(segment) {
                    self.watch.dns(&message, at);
                }
            }
            Decoded::Undeliverable(error) => self.watch.undeliverable(error, at),
            Decoded::Dns(message) => self.watch.dns(message, at),
            Decoded::Neighbour(word) => self.watch.neighbour(*word, at),
            Decoded::TooLarge { .. } | Decoded::Other => {}
            // A tunnel's fragments within the fragments of a packet are not followed further.
            Decoded::Fragment(_) => self.facts.fragments.incomplete.add(at.frame),
            Decoded::Undecodable(undecodable) => {
                self.facts.undecodable.entry(*undecodable).or_default().add(at.frame);
            }
        }
    }

    /// Takes what happened on a connection.
    fn hear(&mut self, what: What) {
        match what {
            What::HopLimit { server, hop_limit, twice, mac } => {
                self.population.hop_limit(server, hop_limit, twice, mac);
            }
            What::Footprint(footprint) => self.translations.note(footprint),
            What::SpeaksTls { server, at } => self.population.answered_tls(server, at),
            // Of the other views of a connection only that the server speaks MQTT is worth knowing.
            What::News(talk, news) if !matches!(news, News::Mqtt) && self.translations.is_view(talk.stream) => {}
            What::News(talk, news) => self.population.hear(talk, news),
            What::Closing { stream, at } => self.population.closing(stream, at),
            What::ServerClosed { stream, .. } if self.translations.is_view(stream) => {}
            What::ServerClosed { server, stream, client_id, quiet, begun, at } => {
                self.population.closed(server, stream, client_id.as_ref(), quiet, begun, at);
            }
            What::Refused { server, at } => self.population.refused(server, at),
            What::Ended(gone) => self.end(gone),
        }
    }

    /// What the parts have to know.
    fn hints(&self) -> Hints<'_> {
        Hints { ports: &self.ports, servers: self.population.servers(), messages: self.population.follows_messages() }
    }

    fn is_hinted(&self, endpoint: Endpoint) -> bool {
        self.hints().point_at(endpoint)
    }

    /// Whether a connection to `endpoint` that carried nothing was meant for MQTT.
    fn expects_mqtt(&self, endpoint: Endpoint) -> bool {
        self.is_hinted(endpoint) || self.population.speaks_websocket(endpoint)
    }
}
