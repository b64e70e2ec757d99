//! What several writers wrote side by side, in the order of the capture.

use std::io::{self, Write};
use std::iter::Peekable;
use std::sync::{Arc, Mutex};

use crate::capture::{Order, Race};
use crate::lock::locked;

use super::writer::Writer;

/// Writes to `out` what the `writers` wrote, and leaves nothing with them.
pub(super) fn write(writers: &[Arc<Mutex<Writer>>], out: &mut dyn Write) -> io::Result<()> {
    let mut writers: Vec<_> = writers.iter().map(|writer| locked(writer)).collect();
    let done = match writers.as_slice() {
        [only] => out.write_all(only.written()),
        several => merge(several.iter().map(|writer| writer.pieces().peekable()).collect(), out),
    };
    for writer in &mut writers {
        writer.clear();
    }
    done
}

fn merge<'w>(
    mut pieces: Vec<Peekable<impl Iterator<Item = (Order, &'w [u8])>>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut race = Race::of(pieces.iter_mut().map(head).collect());
    while let Some(pieces) = race.whose().and_then(|whose| pieces.get_mut(whose))
        && let Some((_, piece)) = pieces.next()
    {
        out.write_all(piece)?;
        race.go_on(head(pieces));
    }
    Ok(())
}

fn head<'w>(pieces: &mut Peekable<impl Iterator<Item = (Order, &'w [u8])>>) -> Order {
    pieces.peek().map_or(Order::NEVER, |(order, _)| *order)
}
