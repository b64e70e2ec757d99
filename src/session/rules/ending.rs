//! How a connection ends: nothing after DISCONNECT, nothing kept open after a refusal.

use super::opening::Arrival;
use super::{Breach, Known, Rests, Rules, each, v5};
use crate::capture::{Moment, Timestamp};
use crate::mqtt::conformance::Severity;
use crate::mqtt::{Disconnect, PacketType};
use crate::session::wire::Wire;
use crate::stream::Side;

/// So many nanoseconds a server may take to close a connection that it refused.
const CLOSING: i64 = 5_000_000_000;

impl Rules {
    /// Whoever sent DISCONNECT sends nothing more.
    #[inline]
    pub(super) fn after_disconnect(&mut self, known: &Known<'_>, arrival: &Arrival) {
        let Some(disconnect) = known.disconnect.of(arrival.from) else { return };
        let clauses = match arrival.from {
            Side::Client => each("MQTT-3.14.4-2", "MQTT-3.14.4-1"),
            Side::Server => v5("MQTT-3.14.4-1"),
        };
        let breach = arrival.breach(clauses, Severity::Curiosity, Rests::Both);
        self.broken(known, Breach { earlier: Some(disconnect.at), ..breach }, || {
            "it came after the sender's own DISCONNECT".into()
        });
    }

    /// A DISCONNECT may not keep a session that CONNECT let end with the connection.
    pub(in crate::session) fn disconnect(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        packet: &Disconnect<'_>,
    ) {
        let Some(connect) = known.connect.filter(|_| from == Side::Client) else { return };
        let Some(raised) = packet.session_expiry_interval().filter(|interval| *interval > 0) else { return };
        if connect.session_expiry_interval.unwrap_or(0) != 0 {
            return;
        }
        let breach = Breach {
            clauses: v5("§3.14.2.2.2"),
            severity: Severity::Risk,
            side: from,
            packet: PacketType::DISCONNECT,
            at,
            earlier: Some(connect.at),
            told: None,
            rests: Rests::Both,
        };
        self.broken(known, breach, || {
            format!("it sets a Session Expiry Interval of {raised} s, although the CONNECT set none or 0").into()
        });
    }

    /// A server closes a connection that it refused. Looked at when all is over; `until` is when the capture ends.
    pub(in crate::session) fn kept_open(&mut self, known: &Known<'_>, wire: &Wire, until: Timestamp) {
        let Some(connack) = known.connack.filter(|connack| connack.code.0 != 0) else { return };
        let end = wire.close().map_or(until, |close| close.at.time);
        let spoke = wire.sent.server.fin_at().is_some_and(|fin| fin.is_before(connack.at));
        let open = end.nanoseconds_since(connack.at.time);
        if open < CLOSING || spoke || wire.one_way() {
            return;
        }
        let breach = Breach {
            clauses: each("MQTT-3.2.2-5", "MQTT-3.2.2-7"),
            severity: Severity::Curiosity,
            side: Side::Server,
            packet: PacketType::CONNACK,
            at: connack.at,
            earlier: None,
            told: None,
            rests: Rests::Course,
        };
        self.broken(known, breach, || {
            let seconds = open / 1_000_000_000;
            format!("the connection was refused, but {seconds} s later the broker had not closed it").into()
        });
    }
}
