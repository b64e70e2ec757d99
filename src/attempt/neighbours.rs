//! Hosts that are looked for on their network by ARP and Neighbour Discovery, and whether they were
//! there.
//!
//! Invariant: bounded. Only hosts that are looked for in vain are kept: an answer ends a search.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::capture::Moment;
use crate::limits::forget_older_half;
use crate::net::Neighbour;

use super::{FOLLOWS, Search, Seen};

/// A single question that is followed by another one no later than so many nanoseconds was repeated.
const REPEATED: i64 = 60_000_000_000;
/// Questions that follow one another faster are one frame captured twice.
const TWICE: i64 = 50_000_000;
/// Hosts that look for one and the same host, told apart.
const ASKERS: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Searches {
    most: usize,
    askers: HashSet<IpAddr>,
    /// By the host that is looked for.
    open: HashMap<IpAddr, SmallVec<[Search; 1]>>,
    /// Those that an answer ended long after the first question.
    over: Vec<Search>,
    let_go: u64,
}

impl Searches {
    pub(super) fn new(most: usize) -> Searches {
        Searches { most, askers: HashSet::new(), open: HashMap::new(), over: Vec::new(), let_go: 0 }
    }

    pub(super) fn knows(&self, host: IpAddr) -> bool {
        self.askers.contains(&host)
    }

    pub(super) fn let_go(&self) -> u64 {
        self.let_go
    }

    pub(super) fn word(&mut self, word: Neighbour, at: Moment) {
        match word {
            Neighbour::Answer { target } => self.is_there(target, at),
            Neighbour::Question { asker, mac, target } => {
                // Who asks is there.
                self.is_there(asker, at);
                if target.is_unspecified() || target.is_multicast() || is_link_local(target) {
                    return;
                }
                if self.open.len() >= self.most && !self.open.contains_key(&target) {
                    self.forget();
                }
                if self.askers.len() < self.most {
                    self.askers.insert(asker);
                }
                let searches = self.open.entry(target).or_default();
                let room = searches.len() < ASKERS;
                match searches.iter_mut().find(|search| search.asker == asker) {
                    Some(search) => search.again(at),
                    None if room => {
                        let asked = Seen { count: 1, first: at, last: at };
                        searches.push(Search { asker, mac, target, asked, name: None });
                    }
                    None => self.let_go += 1,
                }
            }
        }
    }

    fn is_there(&mut self, host: IpAddr, at: Moment) {
        for search in self.open.remove(&host).into_iter().flatten() {
            let waited = at.time.nanoseconds_since(search.asked.first.time);
            if search.asked.count > 1 && waited > FOLLOWS && self.over.len() < self.most {
                self.over.push(search);
            }
        }
    }

    /// Makes room: single questions are dropped first, else what was last asked for longest ago.
    fn forget(&mut self) {
        let all = self.open.len();
        self.open.retain(|_, searches| searches.iter().any(|search| search.asked.count > 1));
        if self.open.len() == all {
            forget_older_half(&mut self.open, |all| all.iter().map(|search| search.asked.last).max());
        }
        self.let_go += (all - self.open.len()) as u64;
    }

    /// A search for `target` that goes on after `since`.
    pub(super) fn unanswered(&self, target: IpAddr, since: Moment) -> Option<Search> {
        let searches = self.open.get(&target)?;
        let goes_on = |search: &&Search| search.asked.count > 1 && since.time <= search.asked.last.time;
        searches.iter().find(goes_on).cloned()
    }

    /// Who searched in vain until now, and when.
    pub(super) fn vain(&self) -> impl Iterator<Item = (IpAddr, Seen)> {
        let all = self.over.iter().chain(self.open.values().flatten());
        all.map(|search| (search.asker, search.asked))
    }

    /// All searches that were repeated and stayed vain.
    pub(super) fn failures(self) -> Vec<Search> {
        let mut all: Vec<Search> = self.over;
        all.extend(self.open.into_values().flatten().filter(|search| search.asked.count > 1));
        all.sort_by_key(|search| (search.asked.first, search.asker, search.target));
        all
    }
}

impl Search {
    fn again(&mut self, at: Moment) {
        let pause = at.time.nanoseconds_since(self.asked.last.time);
        if self.asked.count == 1 && pause > REPEATED {
            self.asked = Seen { count: 1, first: at, last: at };
        } else if pause.abs() >= TWICE {
            self.asked.again(at);
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
