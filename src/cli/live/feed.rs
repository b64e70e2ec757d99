//! Where frames come from while they are captured.

use crate::capture::Frame;
use crate::source::Interface;

use super::super::failure::Failure;

/// A source of frames that goes on until it is told to stop.
pub(super) trait Feed {
    /// What it is called, to be told to people.
    fn name(&self) -> String;

    /// The next frame; `None` when none came within a moment, the length of which the feed decides: a tenth of a
    /// second or less.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Failure>;

    /// Frames that were let go because nobody took them in time, since the beginning.
    fn dropped(&mut self) -> u64;
}

impl Feed for Interface {
    fn name(&self) -> String {
        Interface::name(self).to_owned()
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Failure> {
        Ok(Interface::next_frame(self)?)
    }

    fn dropped(&mut self) -> u64 {
        Interface::dropped(self)
    }
}
