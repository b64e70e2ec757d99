//! Puts the frames of several interfaces in the order of time.
//!
//! Invariant: a frame waits for those of other interfaces no longer than the kernel may keep them back, and no
//! interface keeps more than a bounded number of bytes here: what does not fit stays in the kernel's buffer.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::capture::{LinkType, Timestamp};

use super::handle::{COLLECTED, Taken};

/// Bytes of one interface's frames that wait here.
const BYTES: usize = 4 << 20;
/// Frames of one interface that wait here.
const FRAMES: usize = 8192;

/// Frames of several interfaces on their way.
#[derive(Debug)]
pub(super) struct Order {
    queues: Vec<Queue>,
    hold: Duration,
}

/// Frames of one interface that were taken from it.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: VecDeque<u8>,
}

#[derive(Debug)]
struct Waiting {
    time: Timestamp,
    link: LinkType,
    length: usize,
    original_length: u32,
}

impl Order {
    /// Of so many interfaces.
    pub(super) fn of(interfaces: usize, immediate: bool) -> Order {
        let kept_back = if immediate { 0 } else { u64::from(COLLECTED.unsigned_abs()) };
        Order {
            queues: (0..interfaces).map(|_| Queue::default()).collect(),
            hold: Duration::from_millis(kept_back + 20),
        }
    }

    /// How many more frames of an interface may wait.
    pub(super) fn room(&self, interface: usize) -> usize {
        self.queues
            .get(interface)
            .map_or(0, |queue| if queue.bytes.len() < BYTES { FRAMES.saturating_sub(queue.waiting.len()) } else { 0 })
    }

    /// Takes a frame of an interface.
    pub(super) fn put(&mut self, interface: usize, taken: &Taken<'_>) {
        let Some(queue) = self.queues.get_mut(interface) else { return };
        queue.bytes.extend(taken.data);
        queue.waiting.push_back(Waiting {
            time: taken.time,
            link: taken.link,
            length: taken.data.len(),
            original_length: taken.original_length,
        });
    }

    /// How long until a frame that waits may go; `None` if none waits.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.queues.iter().any(|queue| !queue.waiting.is_empty()).then_some(self.hold / 4)
    }

    /// Hands over the frames that nothing earlier can come before.
    pub(super) fn hand_over(&mut self, take: &mut dyn FnMut(&Taken<'_>)) {
        let hold = i64::try_from(self.hold.as_nanos()).unwrap_or(i64::MAX);
        self.until(Timestamp(now().0.saturating_sub(hold)), take);
    }

    /// Hands over all frames.
    pub(super) fn finish(&mut self, take: &mut dyn FnMut(&Taken<'_>)) {
        self.until(Timestamp(i64::MAX), take);
    }

    /// Hands over frames, earliest first: all up to the time `settled`, and more while every interface has some or one
    /// has no room.
    fn until(&mut self, settled: Timestamp, take: &mut dyn FnMut(&Taken<'_>)) {
        loop {
            let first = |(index, queue): (usize, &Queue)| Some((queue.waiting.front()?.time, index));
            let Some((time, earliest)) = self.queues.iter().enumerate().filter_map(first).min() else { return };
            let all = self.queues.iter().all(|queue| !queue.waiting.is_empty());
            let full = (0..self.queues.len()).any(|index| self.room(index) == 0);
            if time > settled && !all && !full {
                return;
            }
            if let Some(queue) = self.queues.get_mut(earliest) {
                queue.hand_over_first(take);
            }
        }
    }
}

impl Queue {
    fn hand_over_first(&mut self, take: &mut dyn FnMut(&Taken<'_>)) {
        let Some(first) = self.waiting.pop_front() else { return };
        // Contiguous at once unless the ring wraps around just here.
        if self.bytes.as_slices().0.len() < first.length {
            self.bytes.make_contiguous();
        }
        if let Some(data) = self.bytes.as_slices().0.get(..first.length) {
            take(&Taken { time: first.time, link: first.link, data, original_length: first.original_length });
        }
        self.bytes.drain(..first.length);
    }
}

#[allow(clippy::disallowed_methods)] // the edge: whether the kernel may still keep an earlier frame back is a matter of the clock
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(order: &mut Order, interface: usize, time: i64, data: &[u8]) {
        order.put(interface, &Taken { time: Timestamp(time), link: LinkType::ETHERNET, data, original_length: 60 });
    }

    fn handed(order: &mut Order, settled: i64) -> Vec<(i64, Vec<u8>)> {
        let mut seen = Vec::new();
        order.until(Timestamp(settled), &mut |taken| seen.push((taken.time.0, taken.data.to_vec())));
        seen
    }

    #[test]
    fn frames_go_in_the_order_of_time() {
        let mut order = Order::of(2, false);
        put(&mut order, 0, 1, b"a");
        put(&mut order, 0, 5, b"ccc");
        put(&mut order, 1, 3, b"bb");
        assert_eq!(handed(&mut order, 0), [(1, b"a".to_vec()), (3, b"bb".to_vec())], "5 may be preceded by one of 1");
        assert_eq!(handed(&mut order, 5), [(5, b"ccc".to_vec())]);
        assert_eq!(order.patience(), None);
    }

    #[test]
    fn a_full_interface_waits_for_nobody() {
        let mut order = Order::of(2, false);
        for time in (0..).take(FRAMES) {
            put(&mut order, 0, time, b"x");
        }
        assert_eq!(order.room(0), 0);
        assert_eq!(handed(&mut order, -1).len(), 1, "so that there is room again");
        assert_eq!(order.room(0), 1);
    }
}
