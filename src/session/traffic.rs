//! Facts of the messages that passed a broker: whose message went to whom, how long it took, what did not come.
//!
//! Invariant: facts only, by `tcp.stream`; nothing is here that was not seen in both directions. Bounded by
//! [`crate::limits::Limits::routes`].

use crate::capture::Moment;

use super::facts::TextFact;

/// Latencies kept of one route.
const SAMPLE: usize = 64;

/// What passed the brokers of a capture.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Messages of one session that reached another, by publisher and subscriber.
    pub routes: Vec<Route>,
    /// Sessions that got messages whose publisher the capture does not show, by `tcp.stream`.
    pub strays: Vec<Strays>,
    /// Deliveries that may be a will.
    pub wills: Vec<WillSighting>,
    /// Messages that a subscription matched and that were not seen to be delivered, by publisher and subscriber.
    pub missed: Vec<Missed>,
    /// Messages that went round between two brokers, by session.
    pub rounds: Vec<Rounds>,
    /// Messages that were not followed because there were too many sessions or routes.
    pub left_out: u64,
    /// From when on messages were not followed, because there were too many.
    pub stopped: Option<Moment>,
}

/// The way from one session to another, through the broker.
#[derive(Clone, Debug)]
pub struct Route {
    /// `tcp.stream` of the publisher.
    pub publisher: u32,
    /// `tcp.stream` of the subscriber.
    pub subscriber: u32,
    /// Messages delivered as they were published.
    pub messages: u64,
    /// Messages delivered as retained ones.
    pub retained: u64,
    /// Of all these, those that another publisher may have sent just as well: the same content to the same topic.
    pub ambiguous: u64,
    /// Topic of the first.
    pub topic: TextFact,
    /// The first: PUBLISH to the broker, PUBLISH from it.
    pub first: (Moment, Moment),
    /// How long the broker took.
    pub latency: Latency,
}

/// Messages whose publisher the capture does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strays {
    /// `tcp.stream` of the subscriber.
    pub subscriber: u32,
    /// Messages.
    pub messages: u64,
    /// Of these, those sent as retained ones.
    pub retained: u64,
}

/// Times from a PUBLISH to the broker to the same message from it, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many were measured: those with one possible publisher and one possible PUBLISH.
    pub count: u64,
    /// The shortest.
    pub least: i64,
    /// The longest.
    pub most: i64,
    sample: Vec<i64>,
    stride: u64,
}

impl Latency {
    /// One more.
    pub(crate) fn add(&mut self, took: i64) {
        if self.count == 0 {
            (self.least, self.most, self.stride) = (took, took, 1);
        }
        self.least = self.least.min(took);
        self.most = self.most.max(took);
        if self.count.is_multiple_of(self.stride) {
            if self.sample.len() == SAMPLE {
                let mut place = 0;
                self.sample.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.sample.push(took);
            }
        }
        self.count += 1;
    }

    /// The middle one: exact up to 64 of them, of an even choice beyond.
    pub fn median(&self) -> Option<i64> {
        let mut sorted = self.sample.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// A message from the broker that is no captured PUBLISH, and is the same as the will of some sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillSighting {
    /// `tcp.stream` of the sessions with such a will (at most 8).
    pub authors: Vec<u32>,
    /// `tcp.stream` of the session that got it.
    pub subscriber: u32,
    /// When.
    pub at: Moment,
    /// It was sent as a retained message.
    pub retained: bool,
}

/// Messages of `QoS` 1 or 2 that the broker took, and did not send to a session whose subscription matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// `tcp.stream` of the publisher.
    pub publisher: u32,
    /// `tcp.stream` of the subscriber.
    pub subscriber: u32,
    /// How many.
    pub messages: u64,
    /// Topic of the first.
    pub topic: TextFact,
    /// The filter that matches it.
    pub filter: TextFact,
    /// The SUBACK that granted it.
    pub granted: Moment,
    /// The first PUBLISH.
    pub published: Moment,
    /// The last PUBLISH.
    pub last: Moment,
    /// Whom the first reached instead.
    pub reached: u64,
    /// Bytes of the smallest of their payloads.
    pub smallest: u32,
}

/// Messages that one session brought to its broker, another to another broker, and the first brought again: how often.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// `tcp.stream` of both, the lower first.
    pub streams: (u32, u32),
    /// Rounds.
    pub count: u64,
    /// Topic of the first message.
    pub topic: TextFact,
    /// The first PUBLISH of the first round, and the last of the last.
    pub span: (Moment, Moment),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few_is_exact_and_of_many_near() {
        let mut latency = Latency::default();
        assert_eq!(latency.median(), None);
        for took in [5, 1, 9] {
            latency.add(took);
        }
        assert_eq!((latency.least, latency.median(), latency.most), (1, Some(5), 9));
        let mut many = Latency::default();
        for took in 0..10_000 {
            many.add(took);
        }
        assert_eq!((many.count, many.least, many.most), (10_000, 0, 9999));
        let median = many.median().unwrap_or_default();
        assert!((4500..5500).contains(&median), "{median}");
        assert!(many.sample.len() <= SAMPLE);
    }
}
