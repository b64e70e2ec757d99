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
    /// The handle of the interface that went away, and when: the last frames are still to be had from it.
    leaving: Option<(Handle, Instant)>,
    /// As it was last told.
    state: LinkState,
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
        Ok(Port { name, handle, leaving: None, state: LinkState::Up, dropped_before: 0 })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What can be waited for.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// Whether it just went away, so that it has to be looked at soon.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Hands over frames that are there, about `most`.
    #[allow(clippy::disallowed_methods)] // the edge: how long ago it went away is a matter of the wall clock
    pub(super) fn read(&mut self, most: usize, take: &mut dyn FnMut(&Taken<'_>)) -> Result<(), InterfaceError> {
        if let Some((leaving, _)) = &mut self.leaving {
            // It fails for as long as the interface is away, and still has frames.
            let _ = leaving.read(most, take);
        }
        let Some(handle) = &mut self.handle else { return Ok(()) };
        let Err(error) = handle.read(most, take) else { return Ok(()) };
        // What libpcap calls an error is told in words only; the interface itself says if it is gone.
        if self.name == ANY {
            return Err(InterfaceError::of("capture on", &self.name, error));
        }
        self.close();
        self.leaving = self.handle.take().map(|handle| (handle, Instant::now()));
        Ok(())
    }

    /// Looks how the interface is, opens it anew if it is back, and tells a change.
    pub(super) fn look(
        &mut self,
        states: &HashMap<String, LinkState>,
        options: &Options,
    ) -> Result<Option<LinkState>, InterfaceError> {
        if self.leaving.as_ref().is_some_and(|(_, since)| since.elapsed() >= LAST_FRAMES) {
            self.close();
        }
        if self.name == ANY || states.is_empty() {
            return Ok(None);
        }
        // libpcap knows devices, too, that are no network interfaces.
        let unknown = if self.handle.is_some() { self.state } else { LinkState::Gone };
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
        let leaving = self.leaving.as_mut().map_or(0, |(handle, _)| handle.dropped());
        self.dropped_before + leaving + self.handle.as_mut().map_or(0, Handle::dropped)
    }

    /// Lets the handle go of what went away.
    fn close(&mut self) {
        if let Some((mut handle, _)) = self.leaving.take() {
            self.dropped_before += handle.dropped();
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("name", &self.name).field("state", &self.state).finish_non_exhaustive()
    }
}
