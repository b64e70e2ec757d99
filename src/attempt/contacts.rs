//! Who opened TCP connections to whom, and whether they were for MQTT.
//!
//! Invariant: bounded. Only questions of a client ask for its connections, and none for one that ended before them: what
//! matters to no question is forgotten.

use std::net::IpAddr;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::{Moment, Timestamp};
use crate::limits::forget_older_half;

use super::FOLLOWS;

/// Spans told apart for one server; those of one that is knocked at often run together.
const SPANS: usize = 32;

/// A TCP connection, or an attempt at one.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    /// Who opened it.
    pub client: IpAddr,
    /// To whom.
    pub server: IpAddr,
    /// Server port.
    pub port: u16,
    /// First segment.
    pub first: Moment,
    /// Last segment.
    pub last: Moment,
    /// Whether it carried MQTT, or was to carry it by its port.
    pub mqtt: bool,
    /// Whether the server sent any segment.
    pub heard: bool,
}

/// So many contacts are remembered before it is looked which of them may matter.
const ENOUGH: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Contacts {
    limit: usize,
    /// Those of hosts that asked for something at about that time, and the newest ones of all.
    newest: Vec<Contact>,
    /// So many of the newest are looked at whether they matter.
    enough: usize,
    /// Hosts that opened a connection, and whether one of them was for MQTT.
    clients: HashMap<IpAddr, bool>,
    /// MQTT servers, each with a port.
    servers: HashMap<IpAddr, u16>,
    /// Servers of which nothing was heard while they were knocked at.
    unheard: HashMap<IpAddr, Spans>,
}

/// First and last moment of connections.
type Spans = SmallVec<[(Moment, Moment); 1]>;

/// Hosts that asked for something in vain, and from when to when.
pub(super) type Asked = HashMap<IpAddr, (Timestamp, Timestamp)>;

impl Contacts {
    pub(super) fn new(limit: usize) -> Contacts {
        Contacts {
            limit,
            newest: Vec::new(),
            enough: ENOUGH,
            clients: HashMap::new(),
            servers: HashMap::new(),
            unheard: HashMap::new(),
        }
    }

    /// Takes a contact that is over; `asked` tells who asked for something in vain until now.
    pub(super) fn note(&mut self, contact: &Contact, asked: impl FnOnce() -> Asked) {
        if self.newest.len() >= self.enough {
            self.forget(&asked());
        }
        self.newest.push(*contact);
        if self.clients.len() < self.limit {
            *self.clients.entry(contact.client).or_default() |= contact.mqtt;
        }
        if contact.mqtt {
            if self.servers.len() < self.limit {
                self.servers.entry(contact.server).or_insert(contact.port);
            }
            if !contact.heard {
                if self.unheard.len() >= self.limit && !self.unheard.contains_key(&contact.server) {
                    forget_older_half(&mut self.unheard, |spans| spans.last().map(|(_, last)| *last));
                }
                add(self.unheard.entry(contact.server).or_default(), (contact.first, contact.last));
            }
        }
    }

    /// Forgets contacts that tell nothing of any question: what is asked from now on, is asked after their end.
    fn forget(&mut self, asked: &Asked) {
        self.newest.retain(|contact| {
            asked.get(&contact.client).is_some_and(|(first, last)| {
                first.nanoseconds_since(contact.last.time) <= FOLLOWS
                    && contact.first.time.nanoseconds_since(*last) <= FOLLOWS
            })
        });
        let more = self.newest.len().saturating_sub(self.limit / 2);
        self.newest.drain(..more);
        self.enough = ENOUGH.max(self.newest.len() * 2);
    }

    /// The port on which `host` is an MQTT server.
    pub(super) fn broker(&self, host: IpAddr) -> Option<u16> {
        self.servers.get(&host).copied()
    }

    /// Whether `host` is an MQTT client somewhere in the capture.
    pub(super) fn is_client(&self, host: IpAddr) -> bool {
        self.clients.get(&host).is_some_and(|mqtt| *mqtt)
    }

    /// Whether `host` opened any connection.
    pub(super) fn connects(&self, host: IpAddr) -> bool {
        self.clients.contains_key(&host)
    }

    /// Makes ready for questions about single clients.
    pub(super) fn sort(&mut self) {
        self.newest.sort_by_key(|contact| contact.client);
    }

    /// The contacts of `client`, once they are sorted.
    fn of(&self, client: IpAddr) -> impl Iterator<Item = &Contact> {
        let begin = self.newest.partition_point(|contact| contact.client < client);
        self.newest.iter().skip(begin).take_while(move |contact| contact.client == client)
    }

    /// Whether a connection of `client` to `server` was open at `since`, or began soon after.
    pub(super) fn reached(&self, client: IpAddr, server: IpAddr, since: Moment) -> bool {
        let soon = |contact: &Contact| contact.first.time.nanoseconds_since(since.time) <= FOLLOWS;
        self.of(client).any(|contact| contact.server == server && soon(contact) && contact.last.time >= since.time)
    }

    /// Whether anybody knocked at `server` in vain between `since` and `until`, or a little before.
    pub(super) fn knocked(&self, server: IpAddr, since: Moment, until: Moment) -> bool {
        let mut spans = self.unheard.get(&server).into_iter().flatten();
        spans.any(|(first, last)| first.time <= until.time && since.time.nanoseconds_since(last.time) <= FOLLOWS)
    }

    /// Whether an MQTT connection of `client` began soon after `since`.
    pub(super) fn began(&self, client: IpAddr, since: Moment) -> bool {
        let soon = |contact: &Contact| (0..=FOLLOWS).contains(&contact.first.time.nanoseconds_since(since.time));
        self.of(client).any(|contact| contact.mqtt && soon(contact))
    }

    /// Whether an MQTT connection of `client` was open at `moment`.
    pub(super) fn open(&self, client: IpAddr, moment: Moment) -> bool {
        let span = |contact: &Contact| contact.first.time <= moment.time && moment.time <= contact.last.time;
        self.of(client).any(|contact| contact.mqtt && span(contact))
    }
}

fn add(spans: &mut Spans, span: (Moment, Moment)) {
    if spans.len() < SPANS {
        spans.push(span);
    } else if let Some(last) = spans.last_mut()
        && last.1.is_before(span.1)
    {
        last.1 = span.1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use crate::capture::FrameNumber;

    use super::*;

    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    /// More than are remembered without a look at whether they matter.
    const MANY: u32 = 12_000;

    fn host(number: u32) -> IpAddr {
        let [.., upper, lower] = number.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(10, 1, upper, lower))
    }

    fn at(second: u32) -> Moment {
        let frame = FrameNumber::new(second.into());
        Moment { frame, time: Timestamp(i64::from(second) * 1_000_000_000) }
    }

    /// One host a second connects, for one second; `asked` tells who asks for something in vain.
    fn contacts(asked: &Asked) -> Contacts {
        let mut contacts = Contacts::new(100_000);
        for number in 0..MANY {
            let (first, last) = (at(number), at(number + 1));
            let contact =
                Contact { client: host(number), server: SERVER, port: 1883, first, last, mqtt: true, heard: true };
            contacts.note(&contact, || asked.clone());
        }
        contacts.sort();
        contacts
    }

    #[test]
    fn contacts_are_forgotten_that_no_question_asks_for() {
        let contacts = contacts(&Asked::new());
        assert!(contacts.newest.len() <= ENOUGH);
        assert!(contacts.is_client(host(7)) && contacts.connects(host(7)), "that there was one is known");
        assert!(!contacts.open(host(7), at(7)));
    }

    #[test]
    fn contacts_about_the_time_of_a_question_of_their_client_are_kept() {
        // The question of host 7 is about its connection, that of host 8 comes an hour after.
        let span = |first: u32, last: u32| (at(first).time, at(last).time);
        let asked = Asked::from_iter([(host(7), span(5, 6)), (host(8), span(3_600, 3_600))]);
        let contacts = contacts(&asked);
        assert!(contacts.began(host(7), at(5)) && contacts.open(host(7), at(7)));
        assert!(contacts.reached(host(7), SERVER, at(6)));
        assert!(!contacts.began(host(8), at(5)));
        assert!(contacts.newest.len() <= ENOUGH + 1);
    }
}
