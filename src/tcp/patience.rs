//! How long each thing is waited for before it is believed. Times are capture time in nanoseconds.
//!
//! Nothing here depends on how often [`super::FlowTable::advance`] is called, except that a quiet
//! connection's hole is declared then.

/// A closed connection still takes late segments this long (a RST after the FINs, a FIN resent).
pub const LINGER: i64 = 2_000_000_000;

/// Once the receiver has acknowledged a hole's bytes the capture missed them, unless the capture
/// swapped frames: so many further segments of the connection may still bring them …
pub const REORDER_SEGMENTS: u8 = 8;

/// … or so much time, whichever ends first.
pub const REORDER_TIME: i64 = 100_000_000;

/// When nothing of the other end has been captured since the hole opened, nobody will acknowledge
/// it: the hole is declared after so many bytes beyond it …
pub const DEAF_BYTES: usize = 64 << 10;

/// … or so many segments …
pub const DEAF_SEGMENTS: usize = 64;

/// … or, when the other end was never captured at all, after so much time.
pub const DEAF_TIME: i64 = 1_000_000_000;

/// Distance in bytes from what is expected or acknowledged within which a sequence number is
/// believed: a little more than the largest receive window that common systems grow to by
/// themselves (6 MiB on Linux).
pub const WINDOW: i64 = 8 << 20;

/// After so many segments in a row that follow each other outside [`WINDOW`], it is the capture
/// that lost a long stretch: the stream goes on there, after a gap.
pub const FAR_RUN: u8 = 3;

/// In a direction picked up late, the first data may lie so far beyond what the other end has
/// acknowledged for the bytes between to be a hole; further, the stream begins with that data.
pub const LATE_START: i64 = 65_535;

/// A copy of the sender's last segment this soon after it is the capture's doing, not TCP's:
/// retransmission timers are two orders slower (RFC 6298 §2.4).
pub const COPY_TIME: i64 = 2_000_000;

/// When both ends sent FIN but data before one is missing and was never acknowledged, its
/// retransmission is waited for this long.
pub const STRANDED: i64 = 60_000_000_000;

/// A SYN that nobody answered for so long is answered no more: systems send it again for two minutes (Linux: after
/// 1, 3, 7, 15, 31 and 63 s, and give up after 127 s).
pub const UNANSWERED: i64 = 180_000_000_000;

/// When a RST stands where its sender's stream does not, the connection is watched so long for a sign that it goes
/// on: longer than most Keep Alives.
pub const DOUBTED: i64 = 300_000_000_000;

/// Which connection is idle longest is known to this precision, so that a busy one is not moved
/// in the order of idleness for each segment.
pub const IDLE_GRAIN: i64 = 10_000_000_000;
