//! An interface that is captured on for as long as the program runs: when it goes away it is waited for, by its name.
//!
//! Invariant: what was lost before it went away stays counted, and what came before is still handed over.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::error::InterfaceError;
use super::handle::{ANY, COLLECTED, Handle, Taken};
use super::options::Options;
use super::state::LinkState;

/// How long the kernel may take to hand over what came before the interface went away.
const LAST_FRAMES: Duration = Duration::from_millis(2 * COLLECTED.unsigned_abs() as u64);

/// An interface and its handle, while it has one.
pub(super) struct Port {
    name: String,
    handle: Option<Handle>,
    /// As it was last told.
    state: LinkState,
    /// When the handle failed.
    failed: Option<Instant>,
    dropped_before: u64,
}

impl Port {
    /// Begins to capture; an interface that is down is none to fail on.
    pub(super) fn open(name: String, options: &Options) -> Result<Port, InterfaceError> {
        let handle = match Handle::open(&name, options) {
            Ok(handle) => Some(handle),
            Err(InterfaceError::Down { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Port { name, handle, state: LinkState::Up, failed: None, dropped_before: 0 })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What can be waited for.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref().filter(|_| self.failed.is_none())
    }

    /// Whether it has to be looked at soon.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Hands over at most `most` frames that are there.
    #[allow(clippy::disallowed_methods)] // the edge: how long ago it failed is a matter of the wall clock
    pub(super) fn read(&mut self, most: usize, take: &mut dyn FnMut(&Taken<'_>)) -> Result<(), InterfaceError> {
        let Some(handle) = &mut self.handle else { return Ok(()) };
        let Err(error) = handle.read(most, take) else { return Ok(()) };
        // What libpcap calls an error is told in words only; the interface itself says if it is gone.
        if self.name == ANY {
            return Err(InterfaceError::of("capture on", &self.name, error));
        }
        self.failed.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Looks how the interface is, opens it anew if it is back, and tells a change.
    pub(super) fn look(
        &mut self,
        states: &HashMap<String, LinkState>,
        options: &Options,
    ) -> Result<Option<LinkState>, InterfaceError> {
        if self.failed.is_some_and(|failed| failed.elapsed() >= LAST_FRAMES) {
            self.close();
        }
        if self.name == ANY || states.is_empty() {
            return Ok(None);
        }
        // libpcap knows devices, too, that are no network interfaces.
        let unknown = if self.handle().is_some() { self.state } else { LinkState::Gone };
        let mut state = states.get(&self.name).copied().unwrap_or(unknown);
        if self.handle.is_none() && matches!(state, LinkState::Up | LinkState::NoLink) {
            match Handle::open(&self.name, options) {
                Ok(handle) => self.handle = Some(handle),
                // Between one look and the next it may go away again.
                Err(InterfaceError::Down { .. }) => state = LinkState::Down,
                Err(InterfaceError::NotFound { .. }) => state = LinkState::Gone,
                Err(error) => return Err(error),
            }
        }
        let changed = state != self.state;
        self.state = state;
        Ok(changed.then_some(state))
    }

    /// Frames let go, over all handles that there were.
    pub(super) fn dropped(&mut self) -> u64 {
        self.dropped_before + self.handle.as_mut().map_or(0, Handle::dropped)
    }

    fn close(&mut self) {
        self.dropped_before = self.dropped();
        self.handle = None;
        self.failed = None;
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("name", &self.name).field("state", &self.state).finish_non_exhaustive()
    }
}
