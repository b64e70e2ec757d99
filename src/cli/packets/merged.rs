//! What several writers wrote side by side, in the order of the capture.

use std::io::{self, Write};
use std::iter::Peekable;
use std::sync::{Arc, Mutex};

use crate::capture::Order;
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
    let mut heads: Vec<Order> = pieces.iter_mut().map(head).collect();
    loop {
        let (mut first, mut second, mut whose) = (Order::NEVER, Order::NEVER, 0);
        for (number, head) in heads.iter().enumerate() {
            if *head < first {
                (first, second, whose) = (*head, first, number);
            } else {
                second = second.min(*head);
            }
        }
        let (Some(pieces), Some(head_of)) = (pieces.get_mut(whose), heads.get_mut(whose)) else { return Ok(()) };
        // A frame often brings several.
        let Some((_, piece)) = pieces.next() else { return Ok(()) };
        out.write_all(piece)?;
        while let Some((_, piece)) = pieces.next_if(|(order, _)| *order < second) {
            out.write_all(piece)?;
        }
        *head_of = head(pieces);
    }
}

fn head<'w>(pieces: &mut Peekable<impl Iterator<Item = (Order, &'w [u8])>>) -> Order {
    pieces.peek().map_or(Order::NEVER, |(order, _)| *order)
}
