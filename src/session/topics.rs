//! Topic names of one connection: each is stored once, and what speaks of it holds its place. Aliases of MQTT 5.0.
//!
//! Invariant: a name lives while something speaks of it, and not much longer: when there are twice as many names as are
//! spoken of, the others are let go.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::facts::TextFact;
use super::wire::PerSide;
use crate::fetch;
use crate::stream::Side;

/// So many names are kept whether they are spoken of or not.
const FEW: usize = 8;

/// A topic by its place among those of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TopicId(NonZeroU32);

/// Topics of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    /// Most clients publish to one topic.
    names: SmallVec<[Name; 1]>,
    newest: u32,
    /// Names that were spoken of when this was last looked at.
    live: u32,
    /// Boxed: most clients use none.
    aliases: Option<Box<PerSide<HashMap<u16, TextFact>>>>,
}

#[derive(Clone, Debug)]
struct Name {
    /// Nothing: the place is free.
    text: Option<TextFact>,
    hash: u32,
}

impl TopicId {
    fn at(place: u32) -> Option<TopicId> {
        place.checked_add(1).and_then(NonZeroU32::new).map(TopicId)
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Topics {
    /// Asks for the text of the newest topic.
    pub(super) fn fetch(&self) {
        if let Some(Name { text: Some(TextFact(text)), .. }) = self.names.get(self.newest as usize) {
            text.first().into_iter().for_each(fetch::start);
        }
    }

    /// The text of a topic.
    pub(super) fn text(&self, id: TopicId) -> Option<&TextFact> {
        self.names.get(id.place())?.text.as_ref()
    }

    /// The place of a topic. `spoken_of` names every place that is still spoken of.
    #[inline]
    pub(super) fn intern(&mut self, bytes: &[u8], spoken_of: impl Fn(&mut dyn FnMut(TopicId))) -> Option<TopicId> {
        if let Some(Name { text: Some(text), .. }) = self.names.get(self.newest as usize)
            && *text.0 == *bytes
        {
            return TopicId::at(self.newest);
        }
        self.find_or_add(bytes, || TextFact::new(bytes), spoken_of)
    }

    /// The place of a topic that is stored already.
    pub(super) fn share(&mut self, text: &TextFact, spoken_of: impl Fn(&mut dyn FnMut(TopicId))) -> Option<TopicId> {
        self.find_or_add(&text.0, || text.clone(), spoken_of)
    }

    fn find_or_add(
        &mut self,
        bytes: &[u8],
        store: impl FnOnce() -> TextFact,
        spoken_of: impl Fn(&mut dyn FnMut(TopicId)),
    ) -> Option<TopicId> {
        #[allow(clippy::cast_possible_truncation)] // a part of a hash is one too
        let hash = FixedState::default().hash_one(bytes) as u32;
        let is = |name: &Name| name.hash == hash && name.text.as_ref().is_some_and(|text| *text.0 == *bytes);
        let known = self.names.iter().position(is);
        let place = known.unwrap_or_else(|| {
            let name = Name { text: Some(store()), hash };
            if self.names.len() >= FEW.max(2 * self.live as usize) && !self.names.iter().any(|name| name.text.is_none())
            {
                self.let_go(spoken_of);
            }
            let free =
                if self.names.len() < FEW { None } else { self.names.iter().position(|name| name.text.is_none()) };
            if let Some(place) = free.and_then(|free| self.names.get_mut(free)) {
                *place = name;
            } else {
                self.names.push(name);
            }
            free.unwrap_or(self.names.len() - 1)
        });
        self.newest = u32::try_from(place).ok()?;
        TopicId::at(self.newest)
    }

    /// Frees the places that nothing speaks of.
    fn let_go(&mut self, spoken_of: impl Fn(&mut dyn FnMut(TopicId))) {
        let mut live = vec![false; self.names.len()];
        spoken_of(&mut |id| {
            if let Some(live) = live.get_mut(id.place()) {
                *live = true;
            }
        });
        self.live = 0;
        for (name, live) in self.names.iter_mut().zip(live) {
            if live {
                self.live += 1;
            } else {
                name.text = None;
            }
        }
    }

    /// The topic of a PUBLISH: by its name, or by its alias; `None` if the alias was bound before
    /// the capture began (MQTT 5.0 §3.3.2.3.4). At most `limit` aliases are remembered.
    #[inline]
    pub(super) fn resolve(
        &mut self,
        from: Side,
        name: &[u8],
        alias: Option<u16>,
        limit: usize,
        spoken_of: impl Fn(&mut dyn FnMut(TopicId)),
    ) -> Option<TopicId> {
        let Some(alias) = alias else { return self.intern(name, spoken_of) };
        if name.is_empty() {
            let known = self.aliases.as_ref()?.of(from).get(&alias)?.clone();
            return self.share(&known, spoken_of);
        }
        let topic = self.intern(name, spoken_of);
        if let Some(text) = topic.and_then(|topic| self.text(topic)).cloned() {
            let aliases = self.aliases.get_or_insert_default().of_mut(from);
            if aliases.len() < limit || aliases.contains_key(&alias) {
                aliases.insert(alias, text);
            }
        }
        topic
    }

    /// Whether one more alias of `from` may not be remembered.
    pub(super) fn is_full(&self, from: Side, limit: usize) -> bool {
        self.aliases.as_ref().map_or(0, |aliases| aliases.of(from).len()) >= limit
    }

    /// Forgets the aliases of `from`: bytes were lost, a binding may have been among them.
    pub(super) fn forget_aliases(&mut self, from: Side) {
        if let Some(aliases) = &mut self.aliases {
            *aliases.of_mut(from) = HashMap::default();
        }
    }

    /// Sides were taken the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        if let Some(aliases) = &mut self.aliases {
            aliases.swap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn resolve(topics: &mut Topics, name: &[u8], alias: Option<u16>) -> Option<TextFact> {
        let id = topics.resolve(Side::Client, name, alias, 10, |_| {})?;
        topics.text(id).cloned()
    }

    #[test]
    fn an_alias_stands_for_the_topic_it_was_last_bound_to() {
        let mut topics = Topics::default();
        assert_eq!(resolve(&mut topics, b"", Some(1)), None);
        assert_eq!(resolve(&mut topics, b"a/b", Some(1)), Some(TextFact::new(b"a/b")));
        assert_eq!(resolve(&mut topics, b"", Some(1)), Some(TextFact::new(b"a/b")));
        assert_eq!(resolve(&mut topics, b"c", Some(1)), Some(TextFact::new(b"c")));
        assert_eq!(resolve(&mut topics, b"", Some(1)), Some(TextFact::new(b"c")));
        assert_eq!(topics.resolve(Side::Server, b"", Some(1), 10, |_| {}), None);
        topics.forget_aliases(Side::Client);
        assert_eq!(resolve(&mut topics, b"", Some(1)), None);
    }

    #[test]
    fn aliases_are_bounded() {
        let mut topics = Topics::default();
        for alias in 1..=100 {
            resolve(&mut topics, b"t", Some(alias));
        }
        assert!(topics.is_full(Side::Client, 10) && !topics.is_full(Side::Client, 11));
    }

    #[test]
    fn a_topic_that_is_spoken_of_stays_and_others_do_not_pile_up() {
        let mut topics = Topics::default();
        let mut spoken: VecDeque<(TopicId, Vec<u8>)> = VecDeque::new();
        for number in 0..10_000_u32 {
            let name = format!("t/{}", number.wrapping_mul(2_654_435_761) % 700).into_bytes();
            let id = topics.intern(&name, |mark| spoken.iter().for_each(|(id, _)| mark(*id))).unwrap();
            spoken.push_back((id, name));
            if spoken.len() > 20 {
                spoken.pop_front();
            }
            for (id, name) in &spoken {
                assert_eq!(&*topics.text(*id).unwrap().0, &name[..]);
            }
        }
        assert!(topics.names.len() <= 2 * 20, "{}", topics.names.len());
    }
}
