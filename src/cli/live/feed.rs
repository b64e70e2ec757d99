//! Where frames come from while they are captured.

use std::time::Duration;

use crate::capture::Frame;
use crate::source::Interfaces;

use super::super::capture::told;
use super::super::failure::Failure;

/// How long to wait for a frame before time is let pass.
const MOMENT: Duration = Duration::from_millis(100);

/// A source of frames that goes on until it is told to stop.
pub(super) trait Feed {
    /// What it is called, to be told to people.
    fn name(&self) -> String;

    /// Hands over the frames that are there, a bounded number; none when none came within a moment, the length of
    /// which the feed decides: a tenth of a second or less. Says how many these were.
    fn read(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, Failure>;

    /// What people should know of the source: that it went away, or is back.
    fn news(&mut self) -> Option<String>;

    /// The end has come: hands over frames that were held back.
    fn finish(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<(), Failure>;

    /// Frames that were let go because nobody took them in time, since the beginning.
    fn dropped(&mut self) -> u64;
}

impl Feed for Interfaces {
    fn name(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }

    fn read(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, Failure> {
        Ok(Interfaces::read(self, MOMENT, take)?)
    }

    fn news(&mut self) -> Option<String> {
        self.change().as_ref().map(told)
    }

    fn finish(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<(), Failure> {
        Ok(Interfaces::finish(self, take)?)
    }

    fn dropped(&mut self) -> u64 {
        Interfaces::dropped(self)
    }
}
