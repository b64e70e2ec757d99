//! `small`, captured badly: 2 % of the segments come late, 1 % come again, 0.1 % are missing.

use std::io::{self, Write};

use fastrand::Rng;

use super::Tally;
use super::small::{self, Client};
use super::wire::Capture;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Writes a capture of at least `bytes` bytes of `clients`.
pub(crate) fn write(out: &mut impl Write, clients: u32, bytes: u64) -> io::Result<Tally> {
    let mut capture = Capture::begin(out)?;
    let mut dice = Rng::with_seed(SEED);
    let clients = (0..clients).map(|number| Client::new(number).seen_through(Tap::lossy(dice.fork())));
    small::talk(&mut capture, clients.collect(), bytes)?;
    Ok(capture.tally)
}

/// What a capture sees of one connection.
pub(crate) enum Tap {
    /// Every segment, in its turn.
    Whole,
    /// Some late by one to three segments of the connection, some twice, some not at all.
    Lossy {
        dice: Rng,
        /// What is still to be seen, and behind how many segments.
        late: Vec<(u32, Vec<u8>)>,
    },
}

impl Tap {
    fn lossy(dice: Rng) -> Tap {
        Tap::Lossy { dice, late: Vec::new() }
    }

    /// A segment goes by. Whether it is seen, now or later.
    pub(crate) fn pass(&mut self, capture: &mut Capture<impl Write>, frame: Vec<u8>) -> io::Result<bool> {
        let Tap::Lossy { dice, late } = self else {
            capture.frame(&frame)?;
            return Ok(true);
        };
        let fate = dice.u32(0..1000);
        if fate > 20 {
            capture.frame(&frame)?;
        }
        for (behind, _) in &mut *late {
            *behind -= 1;
        }
        for (_, due) in late.extract_if(.., |(behind, _)| *behind == 0) {
            capture.frame(&due)?;
        }
        if (1..=30).contains(&fate) {
            late.push((dice.u32(1..=3), frame));
        }
        Ok(fate > 0)
    }

    /// The connection is over: what is late comes now.
    pub(crate) fn flush(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        if let Tap::Lossy { late, .. } = self {
            for (_, frame) in late.drain(..) {
                capture.frame(&frame)?;
            }
        }
        Ok(())
    }
}
