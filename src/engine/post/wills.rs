//! Wills that clients left with a broker, and messages that are the same.

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::session::WillSighting;

use super::Passing;

/// Sessions named that left the same will; the newest.
const AUTHORS: usize = 8;
/// Sightings kept.
const SIGHTINGS: usize = 1024;

#[derive(Debug)]
pub(super) struct Wills {
    limit: usize,
    authors: HashMap<(IpAddr, u64), SmallVec<[u32; 1]>, FixedState>,
    order: VecDeque<(IpAddr, u64)>,
    sightings: Vec<WillSighting>,
}

impl Wills {
    pub(super) fn new(limit: usize) -> Wills {
        Wills { limit, authors: HashMap::default(), order: VecDeque::new(), sightings: Vec::new() }
    }

    pub(super) fn written(&mut self, stream: u32, server: IpAddr, fingerprint: u64) {
        let key = (server, fingerprint);
        if !self.authors.contains_key(&key) {
            if self.order.len() >= self.limit
                && let Some(oldest) = self.order.pop_front()
            {
                self.authors.remove(&oldest);
            }
            self.order.push_back(key);
        }
        let authors = self.authors.entry(key).or_default();
        if authors.len() == AUTHORS {
            authors.remove(0);
        }
        authors.push(stream);
    }

    /// Whether a message from the broker that nobody published is somebody's will.
    pub(super) fn sighted(&mut self, subscriber: u32, server: IpAddr, passing: &Passing) -> bool {
        let Some(authors) = self.authors.get(&(server, passing.fingerprint)) else { return false };
        if self.sightings.len() < SIGHTINGS {
            let (authors, at, retained) = (authors.to_vec(), passing.at, passing.retain);
            self.sightings.push(WillSighting { authors, subscriber, at, retained });
        }
        true
    }

    pub(super) fn into_sightings(self) -> Vec<WillSighting> {
        self.sightings
    }
}
