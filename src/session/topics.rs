//! Topic names of one side: shared storage for those that repeat, and the aliases of MQTT 5.0.

use hashbrown::HashMap;

use super::facts::TextFact;

/// Topics remembered by their bytes, so that a repeated topic is not stored again.
const RECENT: usize = 8;

/// Topics that one side publishes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    recent: Vec<TextFact>,
    /// Boxed: most clients use none.
    aliases: Option<Box<HashMap<u16, TextFact>>>,
}

impl Topics {
    /// The topic as a shared fact.
    pub(super) fn intern(&mut self, bytes: &[u8]) -> TextFact {
        if let Some(position) = self.recent.iter().position(|topic| &*topic.0 == bytes) {
            self.recent.swap(0, position);
            if let Some(topic) = self.recent.first() {
                return topic.clone();
            }
        }
        let topic = TextFact::new(bytes);
        if self.recent.len() < RECENT {
            self.recent.push(topic.clone());
        } else if let Some(last) = self.recent.last_mut() {
            *last = topic.clone();
        }
        topic
    }

    /// The topic of a PUBLISH: by its name, or by its alias; `None` if the alias was bound before
    /// the capture began (MQTT 5.0 §3.3.2.3.4). At most `limit` aliases are remembered.
    pub(super) fn resolve(&mut self, name: &[u8], alias: Option<u16>, limit: usize) -> Option<TextFact> {
        match (name.is_empty(), alias) {
            (true, Some(alias)) => self.aliases.as_ref()?.get(&alias).cloned(),
            (_, None) => Some(self.intern(name)),
            (false, Some(alias)) => {
                let topic = self.intern(name);
                let aliases = self.aliases.get_or_insert_default();
                if aliases.len() < limit || aliases.contains_key(&alias) {
                    aliases.insert(alias, topic.clone());
                }
                Some(topic)
            }
        }
    }

    /// Whether one more alias may not be remembered.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.aliases.as_ref().map_or(0, |aliases| aliases.len()) >= limit
    }

    /// Forgets the aliases: bytes were lost, a binding may have been among them.
    pub(super) fn forget_aliases(&mut self) {
        self.aliases = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_the_topic_it_was_last_bound_to() {
        let mut topics = Topics::default();
        assert_eq!(topics.resolve(b"", Some(1), 10), None);
        assert_eq!(topics.resolve(b"a/b", Some(1), 10), Some(TextFact::new(b"a/b")));
        assert_eq!(topics.resolve(b"", Some(1), 10), Some(TextFact::new(b"a/b")));
        assert_eq!(topics.resolve(b"c", Some(1), 10), Some(TextFact::new(b"c")));
        assert_eq!(topics.resolve(b"", Some(1), 10), Some(TextFact::new(b"c")));
        topics.forget_aliases();
        assert_eq!(topics.resolve(b"", Some(1), 10), None);
    }

    #[test]
    fn aliases_are_bounded() {
        let mut topics = Topics::default();
        for alias in 1..=100 {
            topics.resolve(b"t", Some(alias), 10);
        }
        assert_eq!(topics.aliases.unwrap().len(), 10);
    }
}
