//! Frames from network interfaces, by libpcap: one or several at once, each waited for when it goes away.
//!
//! Invariant: reading waits no longer than it is told, also where libpcap's read timeout does not
//! fire on an idle line (`TPACKET_V3`), so that whoever reads can end and let time pass; and it never
//! waits by sleeping while a frame could come.

mod error;
mod handle;
mod list;
mod options;
mod order;
mod port;
mod state;
mod wanted;

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::capture::{Frame, FrameNumber, Moment};

pub use error::{InterfaceError, give_right};
pub use list::{InterfaceInfo, default_interface, interfaces, try_open};
pub use options::Options;
pub use state::LinkState;
pub use wanted::Wanted;

use handle::{COLLECTED, Taken};
use order::Order;
use port::Port;

/// Frames of one interface that are taken at a time; then others have their turn, and signals.
const BATCH: usize = 1024;
/// How long the kernel may keep what came before the end.
const KEPT: Duration = Duration::from_millis(COLLECTED.unsigned_abs() as u64 * 6 / 5);
/// How often interfaces are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often one that just went away is asked for its last frames.
const SOON: Duration = Duration::from_millis(20);

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The interface.
    pub name: String,
    /// How it is now.
    pub state: LinkState,
}

/// Interfaces that are being captured on.
#[derive(Debug)]
pub struct Interfaces {
    ports: Vec<Port>,
    options: Options,
    order: Order,
    number: u64,
    looked: Option<Instant>,
    changes: VecDeque<Change>,
}

impl Interfaces {
    /// Begins to capture on the interfaces `names`, or on that of the default route if none is named.
    ///
    /// One that is there but down is waited for.
    pub fn open(names: &[String], options: Options) -> Result<Interfaces, InterfaceError> {
        let mut names: Vec<String> = names.to_vec();
        if names.is_empty() {
            names.push(default_interface().ok_or(InterfaceError::None)?);
        }
        let mut ports: Vec<Port> = Vec::new();
        for name in names {
            if ports.iter().all(|port| port.name() != name) {
                ports.push(Port::open(name, &options)?);
            }
        }
        let order = Order::of(ports.len(), options.immediate);
        let mut interfaces = Interfaces { ports, options, order, number: 0, looked: None, changes: VecDeque::new() };
        interfaces.look()?;
        Ok(interfaces)
    }

    /// The interfaces' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.iter().map(Port::name)
    }

    /// Hands over the frames that are there, of several interfaces in the order of time; waits at most `patience`
    /// for the first. Says how many these were.
    pub fn read(&mut self, patience: Duration, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, InterfaceError> {
        self.look()?;
        let taken = self.take(take)?;
        if taken > 0 || !self.wait(patience) {
            return Ok(taken);
        }
        self.take(take)
    }

    /// What became of an interface since it was last asked for.
    pub fn change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Frames that the kernel or the interfaces let go because nobody took them in time.
    pub fn dropped(&mut self) -> u64 {
        self.ports.iter_mut().map(Port::dropped).sum()
    }

    /// The end has come: hands over what came until now, also what the kernel still keeps, and frames that wait for
    /// earlier ones of other interfaces.
    #[allow(clippy::disallowed_methods)] // the edge: how long the kernel keeps frames is a matter of the wall clock
    pub fn finish(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<(), InterfaceError> {
        let begun = Instant::now();
        let kept = if self.options.immediate { Duration::ZERO } else { KEPT };
        while let Some(left) = kept.checked_sub(begun.elapsed()) {
            self.take(take)?;
            self.wait(left);
        }
        self.take(take)?;
        let number = &mut self.number;
        self.order.finish(&mut |taken| take(&frame(taken, number)));
        Ok(())
    }

    fn take(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, InterfaceError> {
        let number = &mut self.number;
        let begun = *number;
        let mut hand_over = |taken: &Taken<'_>| take(&frame(taken, number));
        if let [port] = self.ports.as_mut_slice() {
            port.read(BATCH, &mut hand_over)?;
        } else {
            for (index, port) in self.ports.iter_mut().enumerate() {
                let room = self.order.room(index).min(BATCH);
                if room > 0 {
                    port.read(room, &mut |taken| self.order.put(index, taken))?;
                }
            }
            self.order.hand_over(&mut hand_over);
        }
        Ok(usize::try_from(self.number - begun).unwrap_or(usize::MAX))
    }

    /// Waits for a frame; false if none came.
    fn wait(&self, patience: Duration) -> bool {
        let failing = self.ports.iter().any(Port::is_leaving).then_some(SOON);
        let patience = [Some(patience), Some(LOOK), self.order.patience(), failing].into_iter().flatten().min();
        let open = self.ports.iter().filter_map(Port::handle);
        let mut waited: Vec<PollFd<'_>> = open.map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(patience.unwrap_or(LOOK)).unwrap_or(PollTimeout::MAX);
        // A signal ends the wait: whoever reads will look why.
        let ready = poll(&mut waited, timeout);
        ready.is_ok_and(|count| count > 0) || self.order.patience().is_some() || failing.is_some()
    }

    /// Looks at times how the interfaces are.
    #[allow(clippy::disallowed_methods)] // the edge: how often to look is a matter of the wall clock
    fn look(&mut self) -> Result<(), InterfaceError> {
        let now = Instant::now();
        let due = self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK);
        if !due && !self.ports.iter().any(Port::is_leaving) {
            return Ok(());
        }
        self.looked = Some(now);
        let states = state::all();
        for port in &mut self.ports {
            if let Some(state) = port.look(&states, &self.options)? {
                self.changes.push_back(Change { name: port.name().to_owned(), state });
            }
        }
        Ok(())
    }
}

fn frame<'a>(taken: &Taken<'a>, number: &mut u64) -> Frame<'a> {
    *number += 1;
    Frame {
        at: Moment { frame: FrameNumber::new(*number), time: taken.time },
        link: taken.link,
        data: taken.data,
        original_length: taken.original_length,
    }
}
