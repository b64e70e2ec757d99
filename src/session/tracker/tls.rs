//! What TLS shows of a session whose packets are encrypted.

use crate::capture::Moment;
use crate::session::timeline::EventKind;
use crate::session::tls::TlsFacts;
use crate::stream::{Gap, Side};
use crate::transport::Protocol;
use crate::transport::tls::Told;

use super::Tracker;

impl Tracker {
    /// The connection begins like TLS, though no record may be whole.
    pub fn tls_begins(&mut self) {
        self.seldom.tls.get_or_insert_default();
    }

    /// What the TLS stream of `from` tells next.
    pub fn tls(&mut self, from: Side, at: Moment, told: Told<'_>) {
        if let Some(event) = self.seldom.tls.get_or_insert_default().take(from, at, told) {
            self.timeline.push(at, Some(from), EventKind::Tls(event));
        }
    }

    /// The stream of `from` is not TLS, though the other side's is.
    pub fn not_tls(&mut self, from: Side, at: Moment, protocol: Protocol) {
        let event = self.seldom.tls.get_or_insert_default().foreign(from, at, protocol);
        self.timeline.push(at, Some(from), EventKind::Tls(event));
    }

    /// Bytes of a TLS stream that the capture does not hold.
    pub fn tls_gap(&mut self, from: Side, gap: &Gap) {
        self.seldom.tls.get_or_insert_default().gap.of_mut(from).get_or_insert(gap.at);
        self.timeline.push(gap.at, Some(from), EventKind::Gap { bytes: gap.length, why: gap.why });
    }

    /// The facts of TLS, if the connection is encrypted.
    pub fn tls_facts(&self) -> Option<&TlsFacts> {
        self.seldom.tls.as_deref()
    }
}
