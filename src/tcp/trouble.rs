//! What does not go well in one direction of a connection. Most connections have none of it, and no room for it.
//!
//! Invariant: read through [`Direction`], a direction without trouble looks like one whose counts are all zero.

use std::ops::{Deref, DerefMut};

use crate::capture::{FrameNumber, Moment, Timestamp};

use super::{Direction, Repeated};

/// What went wrong, or is unusual, in what one end sent; read as fields of [`Direction`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Segments that repeated payload already seen.
    pub retransmitted: u64,
    /// The first and the newest of them (meaningless while there is none).
    pub retransmissions: (Moment, Moment),
    /// Bytes that the capture does not hold.
    pub missing_bytes: u64,
    /// Bytes that went by before the first that the capture holds, by what the other end acknowledged since the capture
    /// began, or by this end's own numbers.
    pub unseen_bytes: u64,
    /// Where the FIN stands, if it came before data in front of it was seen; 0 if not.
    pub fin_ahead: u64,
    /// Segments whose payload was cut by the snap length.
    pub cut_segments: u64,
    /// Times that a repeated byte differed from its first copy.
    pub conflicting_overlaps: u64,
    /// The first segment with such a byte (meaningless while there is none).
    pub conflict: Moment,
    /// Retransmissions (of payload or FIN) since the other end last acknowledged something new.
    pub retries: Repeated,
    /// Payload length in bytes of the smallest segment among `retries`: nothing of this size or
    /// above was seen to arrive since. 0 while there are none.
    pub smallest_retried: u32,
    /// TCP keep-alive probes (RFC 1122 §4.2.3.6).
    pub keep_alive_probes: u64,
    /// Probes of the other end's closed window (RFC 9293 §3.8.6.1) that carry nothing new.
    pub window_probes: u64,
    /// Keep-alive probes since the other end was last heard.
    pub unanswered_probes: Repeated,
    /// Segments that the capture holds twice (mirror ports, capturing on all interfaces), told from
    /// retransmissions by coming within milliseconds; they count nowhere else but in `segments`.
    pub duplicated: u64,
    /// Segments that no receiver would accept: by their numbers (RFC 9293 §3.10.7.4), RSTs apart, or because they
    /// were damaged or did not arrive.
    pub ignored: u64,
    /// RSTs whose numbers no receiver would accept here (RFC 9293 §3.10.7.3 and §3.10.7.4), and those after which the
    /// connection went on.
    pub ignored_resets: u64,
    /// When the window went to zero and has stayed there.
    pub zero_window: Option<Moment>,
    /// From when until when it was at zero the last time that it opened again.
    pub reopened_window: Option<(Moment, Moment)>,
    /// Times that a router said that a segment is too large for a link on its way (RFC 1191 §4, RFC 8201 §4): what is sent
    /// again in smaller pieces was not lost.
    pub too_large: u64,
}

const NO_MOMENT: Moment = Moment { frame: FrameNumber::new(0), time: Timestamp(0) };
const NEVER: Repeated = Repeated { count: 0, first: NO_MOMENT, last: NO_MOMENT };

static NONE: Trouble = Trouble {
    retransmitted: 0,
    retransmissions: (NO_MOMENT, NO_MOMENT),
    missing_bytes: 0,
    unseen_bytes: 0,
    fin_ahead: 0,
    cut_segments: 0,
    conflicting_overlaps: 0,
    conflict: NO_MOMENT,
    retries: NEVER,
    smallest_retried: 0,
    keep_alive_probes: 0,
    window_probes: 0,
    unanswered_probes: NEVER,
    duplicated: 0,
    ignored: 0,
    ignored_resets: 0,
    zero_window: None,
    reopened_window: None,
    too_large: 0,
};

impl Deref for Direction {
    type Target = Trouble;

    #[inline]
    fn deref(&self) -> &Trouble {
        self.trouble.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Direction {
    fn deref_mut(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }
}

impl Direction {
    /// The other end was heard: its probes were answered.
    #[inline]
    pub(super) fn was_heard(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.unanswered_probes.count = 0;
        }
    }

    /// Something new was acknowledged: what was tried again arrived.
    #[inline]
    pub(super) fn got_through(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.retries = Repeated::default();
            trouble.smallest_retried = 0;
        }
    }

    /// The window is open.
    #[inline]
    pub(super) fn opened_window(&mut self, at: Moment) {
        if let Some(trouble) = &mut self.trouble
            && let Some(from) = trouble.zero_window.take()
        {
            trouble.reopened_window = Some((from, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_trouble_there_is_none() {
        assert_eq!(NONE, Trouble::default());
        let mut direction = Direction::default();
        direction.was_heard();
        direction.got_through();
        direction.opened_window(NO_MOMENT);
        assert!(direction.trouble.is_none());
        direction.ignored += 1;
        assert_eq!(direction.ignored, 1);
    }
}
