//! Who opened TCP connections to whom, and whether they were for MQTT.
//!
//! Invariant: bounded; of a pair of hosts that meets often, the spans run together.

use std::net::IpAddr;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::capture::Moment;
use crate::limits::forget_older_half;

use super::FOLLOWS;

/// Spans told apart for one pair of hosts.
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

#[derive(Clone, Debug)]
pub(super) struct Contacts {
    limit: usize,
    /// By client and server.
    pairs: HashMap<(IpAddr, IpAddr), Spans>,
    /// MQTT servers, each with a port.
    servers: HashMap<IpAddr, u16>,
    /// Servers of which nothing was heard while they were knocked at.
    unheard: HashMap<IpAddr, Spans>,
    /// MQTT clients.
    clients: HashMap<IpAddr, Spans>,
}

/// First and last moment of connections.
type Spans = SmallVec<[(Moment, Moment); 1]>;

impl Contacts {
    pub(super) fn new(limit: usize) -> Contacts {
        Contacts {
            limit,
            pairs: HashMap::new(),
            servers: HashMap::new(),
            unheard: HashMap::new(),
            clients: HashMap::new(),
        }
    }

    pub(super) fn note(&mut self, contact: &Contact) {
        if self.pairs.len() >= self.limit && !self.pairs.contains_key(&(contact.client, contact.server)) {
            let newest = |spans: &Spans| spans.last().map(|(_, last)| *last);
            forget_older_half(&mut self.pairs, newest);
            forget_older_half(&mut self.clients, newest);
            forget_older_half(&mut self.unheard, newest);
        }
        let span = (contact.first, contact.last);
        add(self.pairs.entry((contact.client, contact.server)).or_default(), span);
        if contact.mqtt {
            if self.servers.len() < self.limit {
                self.servers.entry(contact.server).or_insert(contact.port);
            }
            add(self.clients.entry(contact.client).or_default(), span);
            if !contact.heard {
                add(self.unheard.entry(contact.server).or_default(), span);
            }
        }
    }

    /// The port on which `host` is an MQTT server.
    pub(super) fn broker(&self, host: IpAddr) -> Option<u16> {
        self.servers.get(&host).copied()
    }

    /// Whether `host` is an MQTT client somewhere in the capture.
    pub(super) fn is_client(&self, host: IpAddr) -> bool {
        self.clients.contains_key(&host)
    }

    /// Whether `host` opened any connection.
    pub(super) fn connects(&self, host: IpAddr) -> bool {
        self.pairs.keys().any(|(client, _)| *client == host)
    }

    /// Whether a connection of `client` to `server` was open at `since`, or began soon after.
    pub(super) fn reached(&self, client: IpAddr, server: IpAddr, since: Moment) -> bool {
        self.pairs.get(&(client, server)).is_some_and(|spans| spans.iter().any(|span| meets(*span, since)))
    }

    /// Whether anybody knocked at `server` in vain between `since` and `until`, or a little before.
    pub(super) fn knocked(&self, server: IpAddr, since: Moment, until: Moment) -> bool {
        let mut spans = self.unheard.get(&server).into_iter().flatten();
        spans.any(|(first, last)| first.time <= until.time && since.time.nanoseconds_since(last.time) <= FOLLOWS)
    }

    /// Whether an MQTT connection of `client` began soon after `since`.
    pub(super) fn began(&self, client: IpAddr, since: Moment) -> bool {
        let mut spans = self.clients.get(&client).into_iter().flatten();
        spans.any(|(first, _)| (0..=FOLLOWS).contains(&first.time.nanoseconds_since(since.time)))
    }

    /// Whether an MQTT connection of `client` was open at `moment`.
    pub(super) fn open(&self, client: IpAddr, moment: Moment) -> bool {
        let mut spans = self.clients.get(&client).into_iter().flatten();
        spans.any(|(first, last)| first.time <= moment.time && moment.time <= last.time)
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

fn meets((first, last): (Moment, Moment), since: Moment) -> bool {
    let soon = first.time.nanoseconds_since(since.time) <= FOLLOWS;
    soon && last.time >= since.time
}
