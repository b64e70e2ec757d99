//! Doubly linked lists through the slots of the flow table: who is idle, who is closing.
//!
//! Invariant: a slot is in one list at most. Order is insertion order; nothing is allocated.

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// A slot's place in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) previous: u32,
    pub(super) next: u32,
}

impl Link {
    pub(super) const LOOSE: Link = Link { previous: NONE, next: NONE };
}

/// Where the links are kept.
pub(super) trait Links {
    /// The link of `slot`, which exists.
    fn link(&mut self, slot: u32) -> Option<&mut Link>;
}

/// Ends of one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
    length: usize,
}

impl List {
    pub(super) fn new() -> List {
        List { first: NONE, last: NONE, length: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The slot that has been in the list longest.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Adds a slot that is in no list.
    pub(super) fn push(&mut self, slot: u32, links: &mut impl Links) {
        if let Some(link) = links.link(slot) {
            *link = Link { previous: self.last, next: NONE };
        }
        match links.link(self.last) {
            Some(link) => link.next = slot,
            None => self.first = slot,
        }
        self.last = slot;
        self.length += 1;
    }

    /// Takes out a slot that is in this list.
    pub(super) fn remove(&mut self, slot: u32, links: &mut impl Links) {
        let Some(link) = links.link(slot) else {
            return;
        };
        let Link { previous, next } = std::mem::replace(link, Link::LOOSE);
        match links.link(previous) {
            Some(link) => link.next = next,
            None => self.first = next,
        }
        match links.link(next) {
            Some(link) => link.previous = previous,
            None => self.last = previous,
        }
        self.length = self.length.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Links for Vec<Link> {
        fn link(&mut self, slot: u32) -> Option<&mut Link> {
            self.get_mut(slot as usize)
        }
    }

    #[test]
    fn keeps_the_order_of_insertion() {
        let mut links = vec![Link::LOOSE; 4];
        let mut list = List::new();
        for slot in 0..4 {
            list.push(slot, &mut links);
        }
        list.remove(2, &mut links);
        list.remove(0, &mut links);
        list.remove(3, &mut links);
        list.push(0, &mut links);
        let mut seen = Vec::new();
        while let Some(slot) = list.first() {
            seen.push(slot);
            list.remove(slot, &mut links);
        }
        assert_eq!(seen, [1, 0]);
        assert_eq!(list.len(), 0);
    }
}
