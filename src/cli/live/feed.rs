//! Where frames come from while they are captured.

use std::time::Duration;

use crate::capture::Frame;
use crate::diagnosis::Note;
use crate::source::{Followed, Interfaces};

use super::super::capture::told;
use super::super::failure::Failure;
use super::super::file_notes::{gaps, lost_packets, name};

/// How long to wait for a frame before time is let pass.
const MOMENT: Duration = Duration::from_millis(100);
/// Frames of a file taken before the clock is looked at.
const BATCH: usize = 64;

/// A source of frames that goes on until it is told to stop.
pub(super) trait Feed {
    /// What it is called, to be told to people.
    fn name(&self) -> String;

    /// Hands over the frames that are there, a bounded number; none when none came within a moment, the length of
    /// which the feed decides: a tenth of a second or less. Says how many these were.
    fn read(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, Failure>;

    /// What people should know of the source: that it went away, or is back.
    fn news(&mut self) -> Option<String> {
        None
    }

    /// The end has come: hands over frames that were held back.
    fn finish(&mut self, _take: &mut dyn FnMut(&Frame<'_>)) -> Result<(), Failure> {
        Ok(())
    }

    /// Frames that were let go because nobody took them in time, since the beginning.
    fn dropped(&mut self) -> u64;

    /// Whether frames come as soon as they are captured, so that none came means that there was none.
    fn is_prompt(&self) -> bool;

    /// Whether nothing more can come.
    fn is_over(&self) -> bool;

    /// What is to be said of where the frames came from, at the end.
    fn notes(&mut self) -> Vec<Note>;
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

    fn is_prompt(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        false
    }

    fn notes(&mut self) -> Vec<Note> {
        lost_packets(Interfaces::dropped(self)).into_iter().collect()
    }
}

impl Feed for Followed {
    fn name(&self) -> String {
        name(self.path())
    }

    fn read(&mut self, take: &mut dyn FnMut(&Frame<'_>)) -> Result<usize, Failure> {
        for taken in 0..BATCH {
            let Some(frame) = self.next_frame()? else { return Ok(taken) };
            take(&frame);
        }
        Ok(BATCH)
    }

    fn dropped(&mut self) -> u64 {
        self.drops()
    }

    /// Programs write files in pieces.
    fn is_prompt(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        Followed::is_over(self)
    }

    fn notes(&mut self) -> Vec<Note> {
        let mut notes = gaps(&Followed::gaps(self));
        notes.extend(lost_packets(self.drops()));
        notes
    }
}
