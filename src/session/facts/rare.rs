//! Facts that few sessions have.

use std::ops::{Deref, DerefMut};

/// What is told of a session without any.
pub trait Empty: Default + 'static {
    /// The one that all such sessions share.
    fn empty() -> &'static Self;
}

/// Facts that take no room while there are none.
#[derive(Clone, Debug, Default)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    /// Those that there are.
    pub(in crate::session) fn as_ref(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// Those that there are, taken out.
    pub(in crate::session) fn take(&mut self) -> T
    where
        T: Default,
    {
        self.0.take().map_or_else(T::default, |facts| *facts)
    }

    /// Those that there are, to change.
    pub fn as_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(facts) => facts,
            None => T::empty(),
        }
    }
}

impl<T: Empty> DerefMut for Rare<T> {
    /// Makes room: only for an entry.
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}
