//! Every bound of the program. Whatever grows with the traffic has its limit here; a limit that is
//! hit becomes a fact in the report.

mod named;
mod room;

use std::hash::Hash;

use hashbrown::HashMap;

pub use named::{NAMED, Named, Unit};
pub use room::{Room, Share};

/// Bounds on what is kept in memory. [`Limits::default`] suits a gateway with thousands of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections tracked at once; beyond it the one idle longest is let go.
    pub connections: usize,
    /// Bytes of IP fragments kept until their packets are whole; beyond it the oldest packet is let go.
    pub fragment_bytes: usize,
    /// IP packets of which only fragments have come; beyond it the oldest is let go.
    pub fragmented_packets: usize,
    /// Out-of-order bytes kept for one direction of a connection.
    pub out_of_order_bytes: usize,
    /// Out-of-order segments kept for one direction of a connection.
    pub out_of_order_segments: usize,
    /// Out-of-order bytes kept over all connections.
    pub out_of_order_bytes_total: usize,
    /// Bytes of one MQTT packet kept while it is put together from several segments; a longer
    /// packet is parsed from its first bytes and its payload counted.
    pub packet_bytes: usize,
    /// Bytes kept over all connections of what is not whole: MQTT packets and what is searched for them, TLS messages,
    /// HTTP heads, and first bytes of which it is not decided what they are.
    pub held_bytes_total: usize,
    /// Bytes held in one direction before it is decided whether the connection carries MQTT.
    pub probe_bytes: usize,
    /// Bytes held in one direction while looking for the next packet after a gap.
    pub resync_bytes: usize,
    /// Connections without any data kept because they may have been attempts to reach a broker.
    pub attempts: usize,
    /// Hosts whose questions to DNS are remembered.
    pub askers: usize,
    /// Names that are remembered of one such host.
    pub lookups: usize,
    /// Hosts that others look for in vain, by ARP or Neighbour Discovery, remembered at once.
    pub searches: usize,
    /// Events kept of one session's timeline.
    pub timeline_events: usize,
    /// Unfinished QoS 1 and 2 exchanges, and unanswered requests, tracked for one session.
    pub open_exchanges: usize,
    /// Subscriptions, topics and similar names kept for one session.
    pub names: usize,
    /// Topic aliases remembered for one direction of a session.
    pub topic_aliases: usize,
    /// Bytes kept of an HTTP request or answer that opens a WebSocket; web servers take 8 to 32 KiB.
    pub http_bytes: usize,
    /// Directions of WebSocket connections inflated at once; each keeps a window of 32 KiB.
    pub inflaters: usize,
    /// Messages to and from brokers that are followed; beyond it none is.
    pub followed_messages: u64,
    /// Messages to brokers remembered until they are seen to be delivered.
    pub recent_messages: usize,
    /// Pairs of publisher and subscriber told apart, wills and retained messages remembered.
    pub routes: usize,
    /// Subscriptions looked at for messages that did not come.
    pub watched_subscriptions: usize,
    /// Finished sessions kept for the final report; beyond it attempts that carried nothing are only counted, then
    /// sessions in which nothing went wrong.
    pub finished_sessions: usize,
    /// Of these, connections that carried nothing.
    pub finished_attempts: usize,
    /// Of these, those to one server.
    pub attempts_of_server: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 100_000,
            fragment_bytes: 4 << 20,
            fragmented_packets: 1024,
            out_of_order_bytes: 1 << 20,
            out_of_order_segments: 1024,
            out_of_order_bytes_total: 64 << 20,
            packet_bytes: 64 << 10,
            held_bytes_total: 128 << 20,
            probe_bytes: 4 << 10,
            resync_bytes: 64 << 10,
            attempts: 4096,
            askers: 1024,
            lookups: 64,
            searches: 4096,
            timeline_events: 400,
            open_exchanges: 1024,
            names: 256,
            topic_aliases: 1024,
            http_bytes: 16 << 10,
            inflaters: 1024,
            followed_messages: u64::MAX,
            recent_messages: 8192,
            routes: 16_384,
            watched_subscriptions: 4096,
            finished_sessions: 50_000,
            finished_attempts: 10_000,
            attempts_of_server: 1000,
        }
    }
}

/// Makes room in a full table: forgets the half whose `newest` is oldest.
pub fn forget_older_half<K: Eq + Hash, V, T: Ord + Copy>(table: &mut HashMap<K, V>, newest: impl Fn(&V) -> T) {
    let mut all: Vec<T> = table.values().map(&newest).collect();
    let middle = all.len() / 2;
    if middle < all.len() {
        let (_, &mut middle, _) = all.select_nth_unstable(middle);
        table.retain(|_, value| newest(value) > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let mut table: HashMap<u32, u32> = (0..100).map(|key| (key, key)).collect();
        forget_older_half(&mut table, |value| *value);
        assert_eq!(table.len(), 49);
        assert!(table.contains_key(&99) && !table.contains_key(&50));
        forget_older_half(&mut HashMap::<u32, u32>::new(), |value| *value);
    }
}
