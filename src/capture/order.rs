//! The order of what happens in a capture, whoever tells of it.

use super::FrameNumber;

/// Where something belongs among all that happens: by frame, what the frame's segment brought before what its time brought.
///
/// It is one number, as the least of several is often asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order(u128);

impl Order {
    /// After all others.
    pub const NEVER: Order = Order(u128::MAX);

    /// From high to low: the frame that brought it; whether it was not the frame's segment that brought it, but its time;
    /// among what one moment brings the last frame of the connection, or its stream when the capture ends.
    fn new(frame: FrameNumber, by_time: bool, then: u64) -> Order {
        Order(u128::from(frame.get()) << 64 | u128::from(by_time) << 63 | u128::from(then))
    }

    /// The segment of `frame` brought it.
    pub fn segment(frame: FrameNumber) -> Order {
        Order::new(frame, false, 0)
    }

    /// The time of `frame` brought it; `last` is the connection's last frame.
    pub fn time(frame: FrameNumber, last: FrameNumber) -> Order {
        Order::new(frame, true, last.get())
    }

    /// The end of the capture brought it.
    pub fn end(stream: u32) -> Order {
        Order::new(FrameNumber::new(u64::MAX), true, stream.into())
    }

    /// The frame that brought it.
    pub fn frame(self) -> FrameNumber {
        FrameNumber::new((self.0 >> 64) as u64)
    }

    /// Whether it is to be heard before the frames after `frame`.
    pub fn is_of(self, frame: FrameNumber) -> bool {
        self.frame() <= frame
    }
}

/// Which of several lists goes on next, each of which is in order.
#[derive(Clone, Debug)]
pub struct Race {
    /// Where the first of each list belongs.
    heads: Vec<Order>,
    /// The least of those, and whose it is.
    first: Order,
    whose: usize,
    /// The least of the others.
    second: Order,
}

impl Race {
    /// Among lists that begin so; one that is empty begins [never](Order::NEVER).
    pub fn of(heads: Vec<Order>) -> Race {
        let mut race = Race { heads, first: Order::NEVER, whose: 0, second: Order::NEVER };
        race.find_first();
        race
    }

    /// Where what comes next belongs.
    #[inline]
    pub fn first(&self) -> Order {
        self.first
    }

    /// Number of the list that it is in, if any has anything left.
    #[inline]
    pub fn whose(&self) -> Option<usize> {
        (self.first != Order::NEVER).then_some(self.whose)
    }

    /// It was taken, and its list goes on with `head`.
    #[inline]
    pub fn go_on(&mut self, head: Order) {
        if let Some(place) = self.heads.get_mut(self.whose) {
            *place = head;
        }
        // A frame often brings several.
        if head < self.second {
            self.first = head;
        } else {
            self.find_first();
        }
    }

    fn find_first(&mut self) {
        (self.first, self.second) = (Order::NEVER, Order::NEVER);
        for (number, head) in self.heads.iter().enumerate() {
            if *head < self.first {
                self.second = self.first;
                (self.first, self.whose) = (*head, number);
            } else {
                self.second = self.second.min(*head);
            }
        }
    }
}
