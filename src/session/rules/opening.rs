//! How a connection begins: CONNECT first and once, CONNACK in answer, AUTH only where it was agreed.

use super::{Breach, CROSSED, Clauses, Known, Rests, Rules, both, each, v5};
use crate::capture::Moment;
use crate::mqtt::conformance::Severity;
use crate::mqtt::{Auth, Connack, PacketType, Properties, Version};
use crate::stream::Side;

/// A control packet as it comes, whatever it holds.
#[derive(Clone, Copy)]
pub(in crate::session) struct Arrival {
    pub(in crate::session) from: Side,
    pub(in crate::session) at: Moment,
    pub(in crate::session) packet: PacketType,
    /// Length of the whole packet in bytes.
    pub(in crate::session) length: u64,
    /// It stands at the beginning of its side's stream.
    pub(in crate::session) first: bool,
}

impl Arrival {
    pub(super) fn breach(&self, clauses: Clauses, severity: Severity, rests: Rests) -> Breach {
        let Arrival { from: side, at, packet, .. } = *self;
        Breach { clauses, severity, side, packet, at, earlier: None, told: None, rests }
    }
}

impl Rules {
    /// Rules on the order of packets, and on their size.
    #[inline]
    pub(in crate::session) fn arrived(&mut self, known: &Known<'_>, arrival: &Arrival) {
        self.size(known, arrival);
        self.after_disconnect(known, arrival);
        match known.connack {
            Some(connack) if connack.code.0 == 0 && arrival.packet != PacketType::CONNACK => {}
            _ => self.unsettled(known, arrival),
        }
    }

    /// A packet that comes while the connection is not accepted, or that would accept it again.
    fn unsettled(&mut self, known: &Known<'_>, arrival: &Arrival) {
        let Arrival { from, at, packet, first, .. } = *arrival;
        let opening = matches!(packet, PacketType::CONNECT | PacketType::AUTH | PacketType::DISCONNECT);
        match (from, known.connect, known.connack) {
            (Side::Client, None, _) if first && packet != PacketType::CONNECT => {
                let breach = arrival.breach(both("MQTT-3.1.0-1"), Severity::Ends, Rests::Start);
                self.broken(known, breach, || "the client sent it before any CONNECT".into());
            }
            (Side::Client, Some(connect), None) if !opening => {
                let Some(_) = connect.authentication_method.as_ref().filter(|_| known.is_v5()) else { return };
                let breach = arrival.breach(v5("MQTT-3.1.2-30"), Severity::Ends, Rests::Course);
                let breach = Breach { earlier: Some(connect.at), ..breach };
                self.broken(known, breach, || {
                    "the client sent it before the CONNACK, although its CONNECT has an Authentication Method: until then only AUTH and DISCONNECT are allowed".into()
                });
                self.wait_for(Side::Server, &[PacketType::CONNACK], None, at, CROSSED);
            }
            (Side::Server, _, Some(connack)) if packet == PacketType::CONNACK => {
                let breach = arrival.breach(v5("MQTT-3.2.0-2"), Severity::Ends, Rests::Both);
                self.broken(known, Breach { earlier: Some(connack.at), ..breach }, || {
                    "it is the second CONNACK on the connection".into()
                });
            }
            (Side::Server, _, Some(connack)) if packet == PacketType::DISCONNECT => {
                self.unaccepted_disconnect(known, arrival, Some(connack.at));
            }
            (Side::Server, _, Some(connack)) if packet != PacketType::AUTH => {
                let breach = arrival.breach(each("MQTT-3.1.4-5", "MQTT-3.1.4-6"), Severity::Curiosity, Rests::Both);
                let code = connack.code;
                self.broken(known, Breach { earlier: Some(connack.at), ..breach }, || {
                    format!("the broker sent it after its CONNACK refused the connection ({code})").into()
                });
            }
            (Side::Server, Some(_), None) if packet == PacketType::DISCONNECT => {
                self.unaccepted_disconnect(known, arrival, None);
            }
            (Side::Server, Some(_), None)
                if first && packet != PacketType::CONNACK && (packet != PacketType::AUTH || !known.is_v5()) =>
            {
                let breach = arrival.breach(both("MQTT-3.2.0-1"), Severity::Ends, Rests::Start);
                self.broken(known, breach, || "the broker sent it before any CONNACK".into());
            }
            _ => {}
        }
    }

    fn unaccepted_disconnect(&mut self, known: &Known<'_>, arrival: &Arrival, connack: Option<Moment>) {
        let breach = arrival.breach(v5("MQTT-3.14.0-1"), Severity::Curiosity, Rests::Course);
        self.broken(known, Breach { earlier: connack, ..breach }, || {
            "the broker sent it without having accepted the connection by a CONNACK".into()
        });
    }

    /// A CONNECT after the first.
    pub(in crate::session) fn connect_again(&mut self, known: &Known<'_>, at: Moment) {
        let (side, packet) = (Side::Client, PacketType::CONNECT);
        let (clauses, severity, rests) = (both("MQTT-3.1.0-2"), Severity::Ends, Rests::Both);
        let earlier = known.connect.map(|connect| connect.at);
        let breach = Breach { clauses, severity, side, packet, at, earlier, told: None, rests };
        self.broken(known, breach, || "it is a second CONNECT on the same connection".into());
    }

    /// What the first CONNACK may say depends on the CONNECT.
    pub(in crate::session) fn connack(&mut self, known: &Known<'_>, at: Moment, connack: &Connack<'_>) {
        let Some(connect) = known.connect else { return };
        let (side, packet, earlier) = (Side::Server, PacketType::CONNACK, Some(connect.at));
        let breach =
            |clauses, severity| Breach { clauses, severity, side, packet, at, earlier, told: None, rests: Rests::Both };
        // 3.1 gives the flag no meaning.
        if connect.clean_start && connack.session_present() && known.version != Some(Version::V31) {
            let clauses = each("MQTT-3.2.2-1", "MQTT-3.2.2-2");
            let asked = if known.is_v5() { "Clean Start 1" } else { "Clean Session 1" };
            self.broken(known, breach(clauses, Severity::Risk), || {
                format!("Session Present is 1 although the client asked for a new session ({asked})").into()
            });
        }
        if connack.response_information().is_some() && connect.request_response_information != Some(1) {
            self.broken(known, breach(v5("MQTT-3.1.2-28"), Severity::Curiosity), || {
                "it holds a Response Information that the client did not ask for".into()
            });
        }
        if !connack.accepted() {
            return;
        }
        if connect.client_id.is_empty() && connack.assigned_client_identifier().is_none() {
            self.broken(known, breach(v5("MQTT-3.2.2-16"), Severity::Risk), || {
                "the client sent an empty Client Identifier, and there is no Assigned Client Identifier".into()
            });
        }
        if let (Some(will), Some(most)) = (&connect.will, connack.maximum_qos())
            && will.qos > most
        {
            let wills = will.qos.0;
            self.broken(known, breach(v5("MQTT-3.2.2-12"), Severity::Curiosity), || {
                format!("the broker accepted a will of QoS {wills} although its Maximum QoS is {}", most.0).into()
            });
        }
        if connect.will.as_ref().is_some_and(|will| will.retain) && connack.retain_available() == Some(false) {
            self.broken(known, breach(v5("MQTT-3.2.2-13"), Severity::Curiosity), || {
                "the broker accepted a will with the RETAIN flag although it does not support retained messages".into()
            });
        }
        match (connect.authentication_method.as_ref(), connack.authentication_method()) {
            (None, Some(_)) => self.broken(known, breach(v5("MQTT-4.12.0-6"), Severity::Risk), || {
                "it has an Authentication Method although the CONNECT has none".into()
            }),
            (Some(asked), answered) if answered.is_none_or(|answered| *answered.0 != *asked.0) => {
                self.broken(known, breach(v5("MQTT-4.12.0-5"), Severity::Ends), || {
                    "its Authentication Method is not the one of the CONNECT".into()
                });
            }
            _ => {}
        }
    }

    /// AUTH belongs to the method that CONNECT named.
    pub(in crate::session) fn auth(&mut self, known: &Known<'_>, from: Side, at: Moment, auth: &Auth<'_>) {
        let Some(connect) = known.connect else { return };
        let (severity, clauses) = match (&connect.authentication_method, auth.authentication_method()) {
            (None, _) if from == Side::Client => (Severity::Ends, v5("MQTT-4.12.0-7")),
            (None, _) => (Severity::Risk, v5("MQTT-4.12.0-6")),
            (Some(agreed), Some(method)) if *agreed.0 != *method.0 => {
                let again = from == Side::Client && known.connack.is_some();
                (Severity::Ends, v5(if again { "MQTT-4.12.1-1" } else { "MQTT-4.12.0-5" }))
            }
            _ => return,
        };
        let breach = Breach {
            clauses,
            severity,
            side: from,
            packet: PacketType::AUTH,
            at,
            earlier: Some(connect.at),
            told: None,
            rests: Rests::Both,
        };
        let named = connect.authentication_method.is_some();
        let what = if named {
            "its Authentication Method is not the one of the CONNECT"
        } else {
            "the CONNECT has no Authentication Method"
        };
        self.broken(known, breach, || what.into());
    }

    /// A client that asked for no problem information gets it only in PUBLISH, CONNACK and DISCONNECT.
    #[inline]
    pub(in crate::session) fn problem_information(
        &mut self,
        known: &Known<'_>,
        from: Side,
        at: Moment,
        packet: PacketType,
        properties: Properties<'_>,
    ) {
        if properties.is_empty() || from == Side::Client {
            return;
        }
        let Some(connect) = known.connect.filter(|connect| connect.request_problem_information == Some(0)) else {
            return;
        };
        if properties.reason_string().is_none() && properties.user_properties().next().is_none() {
            return;
        }
        let breach = Breach {
            clauses: v5("MQTT-3.1.2-29"),
            severity: Severity::Curiosity,
            side: from,
            packet,
            at,
            earlier: Some(connect.at),
            told: None,
            rests: Rests::Both,
        };
        self.broken(known, breach, || {
            "it has a Reason String or User Property although the client asked for none (Request Problem Information 0)"
                .into()
        });
    }
}
