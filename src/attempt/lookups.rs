//! Names that are looked up, and how that went.
//!
//! Invariant: bounded. Of every host the names that it asked for last are remembered, of every address
//! the names that led to it. Repeated failures of one name are one [`Lookup`], until it is found.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::Moment;
use crate::limits::forget_older_half;
use crate::net::{AddressKind, DnsMessage, MacAddress, Rcode};

use super::name::is_variant;
use super::{FOLLOWS, Lookup, LookupFailure, Name, Resolution, Seen};

/// A message with the id of the one before it, no later than so many nanoseconds, is the same frame captured twice.
const TWICE: i64 = 50_000_000;
/// Servers that are told apart in one lookup.
const SERVERS: usize = 4;
/// Names that are remembered of one address.
const NAMES: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Lookups {
    most_askers: usize,
    most_names: usize,
    askers: HashMap<IpAddr, Asker>,
    /// Failures that a success ended.
    over: Vec<Lookup>,
    resolutions: HashMap<IpAddr, SmallVec<[Resolution; 1]>>,
    let_go: u64,
}

#[derive(Clone, Debug)]
struct Asker {
    mac: Option<MacAddress>,
    latest: Moment,
    names: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: Name,
    /// The questions since the name was last found.
    failing: Option<Failing>,
    /// When the name was last found.
    found: Option<Moment>,
}

#[derive(Clone, Debug, Default)]
struct Failing {
    servers: SmallVec<[IpAddr; 2]>,
    v4: Seen,
    v6: Seen,
    /// Transaction id and time of the last question for each.
    last: [Option<(u16, Moment)>; 2],
    /// All hosts of the network were asked, and no server.
    only_multicast: bool,
    upper_case: bool,
    /// Who said that a question could not be delivered, and when.
    rejected: Option<IpAddr>,
    rejections: Seen,
    answered: Seen,
    not_found: Seen,
    empty: Seen,
    error: Option<Rcode>,
    blocked: Option<IpAddr>,
}

impl Lookups {
    pub(super) fn new(askers: usize, names: usize) -> Lookups {
        Lookups {
            most_askers: askers,
            most_names: names,
            askers: HashMap::new(),
            over: Vec::new(),
            resolutions: HashMap::new(),
            let_go: 0,
        }
    }

    pub(super) fn knows(&self, host: IpAddr) -> bool {
        self.askers.contains_key(&host)
    }

    pub(super) fn let_go(&self) -> u64 {
        self.let_go
    }

    /// Whether `host` asked for any name that was found.
    pub(super) fn finds(&self, host: IpAddr) -> bool {
        self.askers.get(&host).is_some_and(|asker| asker.names.iter().any(|entry| entry.found.is_some()))
    }

    /// Every address of `name` that an answer gave to anybody.
    pub(super) fn addresses(&self, name: &str) -> impl Iterator<Item = IpAddr> {
        let known = self.resolutions.iter();
        known.filter(move |(_, names)| names.iter().any(|known| *known.name == *name)).map(|(address, _)| *address)
    }

    /// The name that led `client` to `address`, else the one that led anybody there.
    pub(super) fn resolution(&self, client: IpAddr, address: IpAddr, before: Moment) -> Option<Resolution> {
        let known = self.resolutions.get(&address)?;
        let earlier = || known.iter().rev().filter(|known| known.at.is_before(before));
        let own = earlier().find(|known| known.asker == client);
        own.or_else(|| earlier().next()).cloned()
    }

    pub(super) fn message(&mut self, message: &DnsMessage<'_>, at: Moment) {
        if message.is_response() {
            self.response(message, at);
        } else {
            let asker = message.source.address;
            for (name, kind) in message.questions() {
                let name = name.to_string();
                self.question(asker, message, &name, kind, at);
            }
        }
    }

    /// A router or host said that a question of `asker` to `server` could not be delivered.
    pub(super) fn undeliverable(&mut self, asker: IpAddr, server: IpAddr, router: IpAddr, at: Moment) {
        let Some(host) = self.askers.get_mut(&asker) else { return };
        for failing in host.names.iter_mut().filter_map(|entry| entry.failing.as_mut()) {
            if failing.servers.contains(&server) && failing.answered.count == 0 {
                failing.rejected = Some(router);
                failing.last = [None; 2];
                failing.rejections.again(at);
            }
        }
    }

    fn question(&mut self, asker: IpAddr, message: &DnsMessage<'_>, cased: &str, kind: AddressKind, at: Moment) {
        let name = &cased.to_ascii_lowercase();
        let host = self.asker(asker, message.source_mac, at);
        let found = host.names.iter().filter(|entry| is_variant(&entry.name, name)).filter_map(|entry| entry.found);
        // A second question beside one that was just answered tells nothing.
        if found.into_iter().any(|found| at.time.nanoseconds_since(found.time) < FOLLOWS) {
            return;
        }
        let Some(failing) = self.failing(asker, name) else { return };
        failing.upper_case |= name != cased;
        let copy = failing.last.get(usize::from(kind == AddressKind::V6)).copied().flatten();
        if copy.is_some_and(|(id, last)| id == message.id() && at.time.nanoseconds_since(last.time).abs() < TWICE) {
            return;
        }
        let (seen, last) = match (kind, &mut failing.last) {
            (AddressKind::V4, [last, _]) => (&mut failing.v4, last),
            (AddressKind::V6, [_, last]) => (&mut failing.v6, last),
        };
        seen.again(at);
        *last = Some((message.id(), at));
        let first = failing.servers.is_empty();
        failing.only_multicast = message.is_multicast() && (first || failing.only_multicast);
        let server = message.destination.address;
        if failing.servers.len() < SERVERS && !failing.servers.contains(&server) {
            failing.servers.push(server);
        }
    }

    fn response(&mut self, message: &DnsMessage<'_>, at: Moment) {
        let mut usable: SmallVec<[IpAddr; 4]> = SmallVec::new();
        let mut blocked = None;
        for (owner, address) in message.addresses() {
            if address.is_unspecified() || address.is_loopback() {
                blocked = Some(address);
                continue;
            }
            usable.push(address);
            if message.is_multicast() {
                let name: Name = Arc::from(lower(&owner));
                let askers: SmallVec<[IpAddr; 4]> = self
                    .askers
                    .iter()
                    .filter(|(_, a)| a.names.iter().any(|e| e.name == name))
                    .map(|(host, _)| *host)
                    .collect();
                for asker in askers {
                    self.found(asker, &name, &[address], at);
                }
            }
        }
        let asker = message.destination.address;
        if asker.is_multicast() {
            return;
        }
        for (name, _) in message.questions() {
            let name = lower(&name);
            if !usable.is_empty() {
                self.found(asker, &name, &usable, at);
            } else if message.is_complete() || message.rcode() != Rcode::NO_ERROR {
                self.failed(asker, message, &name, blocked, at);
            } else {
                // An answer that cannot be read to its end is no failure.
                self.found(asker, &name, &[], at);
            }
        }
    }

    fn failed(&mut self, asker: IpAddr, message: &DnsMessage<'_>, name: &str, blocked: Option<IpAddr>, at: Moment) {
        let Some(host) = self.askers.get_mut(&asker) else { return };
        let Some(failing) = host.names.iter_mut().find(|entry| *entry.name == *name).and_then(|e| e.failing.as_mut())
        else {
            return;
        };
        failing.answered.again(at);
        // A question after an answer is a new one, however soon it comes.
        failing.last = [None; 2];
        match (message.rcode(), blocked) {
            (Rcode::NAME_ERROR, _) => failing.not_found.again(at),
            (Rcode::NO_ERROR, None) => failing.empty.again(at),
            (Rcode::NO_ERROR, Some(address)) => failing.blocked = Some(address),
            (code, _) => failing.error = Some(code),
        }
    }

    fn found(&mut self, asker: IpAddr, name: &str, addresses: &[IpAddr], at: Moment) {
        for address in addresses {
            if self.resolutions.len() >= self.most_askers * 4 && !self.resolutions.contains_key(address) {
                forget_older_half(&mut self.resolutions, |all| all.last().map(|known| known.at));
            }
            let known = self.resolutions.entry(*address).or_default();
            known.retain(|known| known.asker != asker || *known.name != *name);
            if known.len() >= NAMES {
                known.remove(0);
            }
            known.push(Resolution { name: Arc::from(name), asker, at });
        }
        let Some(host) = self.askers.get_mut(&asker) else { return };
        let mac = host.mac;
        for entry in host.names.iter_mut().filter(|entry| is_variant(&entry.name, name)) {
            if *entry.name == *name {
                entry.found = Some(at);
            }
            let Some(failing) = entry.failing.take() else { continue };
            let mut lookup = failing.lookup(asker, mac, &entry.name);
            lookup.leave_out_the_last();
            // What was found at once did not fail, whatever search domains it was first asked under.
            if at.time.nanoseconds_since(lookup.asked.first.time) > FOLLOWS {
                if self.over.len() < self.most_askers {
                    self.over.push(lookup);
                } else {
                    self.let_go += 1;
                }
            }
        }
    }

    fn asker(&mut self, address: IpAddr, mac: Option<MacAddress>, at: Moment) -> &mut Asker {
        if self.askers.len() >= self.most_askers && !self.askers.contains_key(&address) {
            let idle = self.askers.iter().min_by_key(|(_, asker)| asker.latest).map(|(address, _)| *address);
            let gone = idle.and_then(|address| self.askers.remove(&address));
            self.let_go += u64::from(gone.is_some_and(|asker| asker.names.iter().any(|entry| entry.failing.is_some())));
        }
        let asker = self.askers.entry(address).or_insert_with(|| Asker { mac, latest: at, names: Vec::new() });
        asker.latest = at;
        asker
    }

    /// The failing lookup of `name` by a known `asker`, begun if there is none.
    fn failing(&mut self, asker: IpAddr, name: &str) -> Option<&mut Failing> {
        let host = self.askers.get_mut(&asker)?;
        let known = host.names.iter().position(|entry| *entry.name == *name);
        let place = known.unwrap_or_else(|| {
            if host.names.len() >= self.most_names {
                let gone = host.names.remove(0);
                self.let_go += u64::from(gone.failing.is_some());
            }
            host.names.push(Entry { name: Arc::from(name), failing: None, found: None });
            host.names.len() - 1
        });
        Some(host.names.get_mut(place)?.failing.get_or_insert_default())
    }

    /// Who asked in vain until now, and when.
    pub(super) fn vain(&self) -> impl Iterator<Item = (IpAddr, Seen)> {
        let over = self.over.iter().map(|lookup| (lookup.asker, lookup.asked));
        let open = self.askers.iter().flat_map(|(address, asker)| {
            let failing = asker.names.iter().filter_map(|entry| entry.failing.as_ref());
            failing.map(|failing| (*address, failing.asked()))
        });
        over.chain(open)
    }

    /// All lookups that failed, and what is known of names that were found.
    pub(super) fn failures(&mut self) -> Vec<Lookup> {
        let mut all = std::mem::take(&mut self.over);
        for (address, asker) in &mut self.askers {
            for entry in &mut asker.names {
                if let Some(failing) = entry.failing.take() {
                    all.push(failing.lookup(*address, asker.mac, &entry.name));
                }
            }
        }
        all.retain(|lookup| lookup.asked.count > 0);
        all.sort_by(|one, other| (one.asked.first, &one.name).cmp(&(other.asked.first, &other.name)));
        all
    }
}

impl Lookup {
    /// The last question was answered at last: it is none of those that failed.
    fn leave_out_the_last(&mut self) {
        let waits = self.answered.count == 0 || self.answered.last.is_before(self.asked.last);
        if waits && self.asked.count > 1 {
            self.asked.count -= 1;
        }
        if waits && self.answered.count > 0 {
            self.asked.last = self.answered.last;
        }
    }
}

impl Failing {
    /// All questions.
    fn asked(&self) -> Seen {
        let mut asked = self.v4;
        asked.join(&self.v6);
        asked
    }

    fn lookup(self, host: IpAddr, mac: Option<MacAddress>, name: &Name) -> Lookup {
        let failure = if self.not_found.count > 0 {
            LookupFailure::NotFound
        } else if let Some(code) = self.error {
            LookupFailure::Error(code)
        } else if let Some(address) = self.blocked {
            LookupFailure::Blocked(address)
        } else if self.empty.count > 0 {
            LookupFailure::Empty
        } else if let Some(router) = self.rejected {
            LookupFailure::Undeliverable(router)
        } else {
            LookupFailure::Silence
        };
        let mut asked = self.asked();
        asked.count = self.v4.count.max(self.v6.count);
        Lookup {
            asker: host,
            mac,
            name: Arc::clone(name),
            variants: Vec::new(),
            servers: self.servers.into_vec(),
            asked,
            answered: if self.answered.count > 0 { self.answered } else { self.rejections },
            upper_case: self.upper_case,
            failure,
            multicast: self.only_multicast,
            kinds: (self.v4.count > 0, self.v6.count > 0),
        }
    }
}

fn lower(name: &impl std::fmt::Display) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{name}");
    text.make_ascii_lowercase();
    text
}
