//! A path made fit for a terminal: file names may hold any byte but `/` and NUL.

use std::fmt;
use std::path::Path;

use crate::text;

/// The longest path that Linux takes.
const LONGEST: usize = 4096;

/// Displays a path, with what a terminal would act on escaped; `-` reads "standard input".
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Path::new("-") {
            return f.write_str("standard input");
        }
        f.write_str(&text::escape(self.0.as_os_str().as_encoded_bytes(), LONGEST))
    }
}
