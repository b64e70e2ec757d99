//! Where frames come from while they are captured.

use crate::capture::Frame;
use crate::diagnosis::Note;
use crate::source::{Followed, Interface};

use super::super::failure::Failure;
use super::super::file_notes::{gaps, lost_packets, name};

/// A source of frames that goes on until it is told to stop.
pub(super) trait Feed {
    /// What it is called, to be told to people.
    fn name(&self) -> String;

    /// The next frame; `None` when none came within a moment, the length of which the feed decides: a tenth of a
    /// second or less.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Failure>;

    /// Frames that were let go because nobody took them in time, since the beginning.
    fn dropped(&mut self) -> u64;

    /// Whether frames come as soon as they are captured, so that none came means that there was none.
    fn is_prompt(&self) -> bool;

    /// Whether nothing more can come.
    fn is_over(&self) -> bool;

    /// What is to be said of where the frames came from, at the end.
    fn notes(&mut self) -> Vec<Note>;
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
    fn is_prompt(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        false
    }

    fn notes(&mut self) -> Vec<Note> {
        lost_packets(Interface::dropped(self)).into_iter().collect()
    }
}

impl Feed for Followed {
    fn name(&self) -> String {
        name(self.path())
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Failure> {
        Ok(Followed::next_frame(self)?)
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
