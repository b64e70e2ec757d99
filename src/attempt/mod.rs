//! What happens before there is a TCP connection: names that are looked up, hosts that are looked
//! for, and which of these were attempts to reach an MQTT broker.
//!
//! Invariant: facts only, bounded by [`crate::limits::Limits`]. A question that failed becomes an
//! [`Attempt`] only when something ties it to a broker ([`Tie`]) and no connection followed it.

mod contacts;
mod lookups;
mod name;
mod neighbours;
mod service;
mod tie;

use std::net::IpAddr;
use std::sync::Arc;

use crate::capture::Moment;
use crate::limits::Limits;
use crate::net::{DNS_PORT, DnsMessage, MacAddress, Neighbour, Rcode, Undeliverable};

use contacts::{Asked, Contacts};
use lookups::Lookups;
use neighbours::Searches;

pub use contacts::Contact;
pub use service::Service;
pub use tie::Surroundings;

/// A connection that begins within this many nanoseconds of a question is what the question was for.
const FOLLOWS: i64 = 30_000_000_000;

/// A domain name as it was asked for: in lower case, without its final dot, special characters escaped.
pub type Name = Arc<str>;

/// How often something was seen, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// First time (meaningless while `count` is 0).
    pub first: Moment,
    /// Last time.
    pub last: Moment,
}

impl Seen {
    /// Once more.
    fn again(&mut self, at: Moment) {
        if self.count == 0 {
            self.first = at;
        }
        self.last = at;
        self.count += 1;
    }

    /// Takes in what was seen elsewhere.
    fn join(&mut self, other: &Seen) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 || other.first.is_before(self.first) {
            self.first = other.first;
        }
        if self.count == 0 || self.last.is_before(other.last) {
            self.last = other.last;
        }
        self.count += other.count;
    }
}

/// What ties a failed question to an MQTT broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// Nobody else is in the capture: it holds little but this host's vain questions.
    Alone,
    /// The host was asked for.
    Wanted,
    /// The host speaks MQTT elsewhere in the capture, but not while it asked.
    Client,
    /// The name says that it is a broker's.
    Name,
    /// Elsewhere in the capture MQTT is spoken with what was asked for.
    Broker,
}

/// An attempt to reach a broker that came to no TCP connection.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What was tried.
    pub what: Question,
    /// The port on which the host that was looked for speaks MQTT elsewhere in the capture.
    pub port: Option<u16>,
    /// Why it is taken for an attempt to reach a broker.
    pub tie: Tie,
}

/// A question that got no answer that helps.
#[derive(Clone, Debug)]
pub enum Question {
    /// For the address of a name.
    Name(Lookup),
    /// For the link-layer address of a host of the same network.
    Host(Search),
}

/// A name that was looked up in vain.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Who asked.
    pub asker: IpAddr,
    /// Its link-layer address.
    pub mac: Option<MacAddress>,
    /// The name.
    pub name: Name,
    /// The same with search domains behind it, as far as it was asked for.
    pub variants: Vec<Name>,
    /// Who was asked, in order (a multicast address for mDNS and LLMNR).
    pub servers: Vec<IpAddr>,
    /// The questions; one for IPv4 and one for IPv6 at a time count once.
    pub asked: Seen,
    /// Whether it was asked for in upper case too.
    pub upper_case: bool,
    /// The answers, or the words of a router or host in their place.
    pub answered: Seen,
    /// How it failed.
    pub failure: LookupFailure,
    /// Whether every host of the network was asked: mDNS or LLMNR.
    pub multicast: bool,
    /// Whether IPv4 and IPv6 addresses were asked for.
    pub kinds: (bool, bool),
}

/// How a lookup failed, the most telling answer first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupFailure {
    /// The name does not exist.
    NotFound,
    /// The server said that it could or would not answer.
    Error(Rcode),
    /// The answer was an address that stands for none, such as 0.0.0.0: the name is blocked.
    Blocked(IpAddr),
    /// The answer had no address.
    Empty,
    /// A router or host said that the question could not be delivered (ICMP).
    Undeliverable(IpAddr),
    /// No answer came.
    Silence,
}

/// A host that was looked for on its own network in vain.
#[derive(Clone, Debug)]
pub struct Search {
    /// Who asked.
    pub asker: IpAddr,
    /// Its link-layer address.
    pub mac: Option<MacAddress>,
    /// Who was looked for.
    pub target: IpAddr,
    /// The questions.
    pub asked: Seen,
    /// The name whose lookup led to the address.
    pub name: Option<Resolution>,
}

/// A name that an answer led to an address.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The name that was asked for.
    pub name: Name,
    /// Who asked.
    pub asker: IpAddr,
    /// The answer.
    pub at: Moment,
}

impl Attempt {
    /// Who tried.
    pub fn asker(&self) -> (IpAddr, Option<MacAddress>) {
        match &self.what {
            Question::Name(lookup) => (lookup.asker, lookup.mac),
            Question::Host(search) => (search.asker, search.mac),
        }
    }

    /// From the first to the last frame.
    pub fn span(&self) -> (Moment, Moment) {
        match &self.what {
            Question::Name(lookup) => {
                let mut seen = lookup.asked;
                seen.join(&lookup.answered);
                (seen.first, seen.last)
            }
            Question::Host(search) => (search.asked.first, search.asked.last),
        }
    }
}

/// Follows questions and answers, and the connections that follow them.
#[derive(Clone, Debug)]
pub struct Watch {
    lookups: Lookups,
    searches: Searches,
    contacts: Contacts,
}

impl Watch {
    /// Has seen nothing.
    pub fn new(limits: &Limits) -> Watch {
        Watch {
            lookups: Lookups::new(limits.askers, limits.lookups),
            searches: Searches::new(limits.searches),
            contacts: Contacts::new(limits.connections),
        }
    }

    /// Takes a DNS message.
    pub fn dns(&mut self, message: &DnsMessage<'_>, at: Moment) {
        self.lookups.message(message, at);
    }

    /// Takes a word of ARP or Neighbour Discovery.
    pub fn neighbour(&mut self, word: Neighbour, at: Moment) {
        self.searches.word(word, at);
    }

    /// Takes the word of a router or host that a question to a DNS server could not be delivered.
    pub fn undeliverable(&mut self, error: &Undeliverable, at: Moment) {
        if error.destination.port == DNS_PORT {
            self.lookups.undeliverable(error.source.address, error.destination.address, error.router, at);
        }
    }

    /// Takes a TCP connection that ended.
    pub fn connection(&mut self, contact: &Contact) {
        let Watch { lookups, searches, contacts } = self;
        let asks = || lookups.knows(contact.client) || searches.knows(contact.client);
        if contact.mqtt || asks() {
            contacts.note(contact, || asked(lookups, searches));
        }
    }

    /// The name that led `client` to `address`, as of `before`.
    pub fn resolution(&self, client: IpAddr, address: IpAddr, before: Moment) -> Option<Resolution> {
        self.lookups.resolution(client, address, before)
    }

    /// The questions for `target`, not answered, of which the last came after `since`.
    pub fn unanswered(&self, target: IpAddr, since: Moment) -> Option<Search> {
        self.searches.unanswered(target, since)
    }

    /// Questions that were let go because there were too many.
    pub fn let_go(&self) -> u64 {
        self.lookups.let_go() + self.searches.let_go()
    }

    /// The capture is over: the attempts that it shows, in order of their first frame.
    pub fn finish(self, surroundings: &Surroundings<'_>) -> Vec<Attempt> {
        let Watch { lookups, searches, mut contacts } = self;
        contacts.sort();
        tie::attempts(lookups, searches, &contacts, surroundings)
    }
}

/// Who asked for something in vain, and from when to when.
fn asked(lookups: &Lookups, searches: &Searches) -> Asked {
    let mut all = Asked::new();
    for (asker, seen) in lookups.vain().chain(searches.vain()) {
        let (first, last) = all.entry(asker).or_insert((seen.first.time, seen.last.time));
        (*first, *last) = (seen.first.time.min(*first), seen.last.time.max(*last));
    }
    all
}

#[cfg(test)]
mod tests;
