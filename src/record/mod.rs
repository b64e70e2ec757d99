//! Frames kept as evidence: every one in files that rotate, or those around a problem in a folder.
//!
//! Invariant: a file ends with a whole block whatever befalls the disk, and a failure is told and counted, never a
//! reason to stop. What was captured is never part of a path. Memory is bounded by what is asked for; this module
//! asks no clock: the times are the frames', and `Instant`s are given.

mod file;
mod flight;
mod folder;
mod names;
mod pcapng;
mod recording;
mod ring;

pub use file::Trouble;
pub use flight::{Flight, Flown, Kept, Subject, Window};
pub use folder::{Bounds, Folder};
pub use pcapng::Section;
pub use recording::{Recording, Rotation};
