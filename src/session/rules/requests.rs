//! Requests and their answers: SUBSCRIBE, UNSUBSCRIBE and PINGREQ.

use super::{Breach, CROSSED, Clauses, EARLY, Known, Rests, Rules, both, each, v5};
use crate::capture::Moment;
use crate::mqtt::conformance::Severity;
use crate::mqtt::{PacketType, Suback, Subscribe};
use crate::session::facts::Subscription;
use crate::stream::Side;

/// Subscription Identifiers remembered of one session.
const IDENTIFIERS: usize = 256;

/// The request that an answer belongs to.
#[derive(Clone, Copy)]
pub(in crate::session) struct Asked<'t> {
    pub(in crate::session) at: Moment,
    /// How many topic filters it holds.
    pub(in crate::session) filters: usize,
    /// Where those that are known stand among the subscriptions.
    pub(in crate::session) subscriptions: &'t [usize],
}

impl Rules {
    /// Rules on a SUBSCRIBE.
    pub(in crate::session) fn subscribe(&mut self, known: &Known<'_>, at: Moment, packet: &Subscribe<'_>) {
        self.features(known, at, packet);
        for identifier in packet.properties.subscription_identifiers() {
            let identifiers = &mut self.notes().identifiers;
            if !identifiers.contains(&identifier) && identifiers.len() < IDENTIFIERS {
                identifiers.push(identifier);
            }
        }
    }

    /// Whether every Subscription Identifier of the client is remembered.
    pub(super) fn knows_identifiers(&self) -> bool {
        self.notes.as_ref().is_none_or(|notes| notes.identifiers.len() < IDENTIFIERS)
    }

    /// A request whose packet identifier still waits for the answer of the request at `open`.
    pub(in crate::session) fn request_in_use(
        &mut self,
        known: &Known<'_>,
        at: Moment,
        packet: PacketType,
        id: u16,
        open: Moment,
    ) {
        let breach = Breach {
            clauses: each("MQTT-2.3.1-2", "MQTT-2.2.1-3"),
            severity: Severity::Risk,
            side: Side::Client,
            packet,
            at,
            earlier: Some(open),
            told: None,
            rests: Rests::Course,
        };
        self.broken(known, breach, || {
            format!("its packet id {id} belongs to a request that is not answered yet").into()
        });
        let ends = &[PacketType::SUBACK, PacketType::UNSUBACK, PacketType::PUBACK, PacketType::PUBCOMP];
        self.wait_for(Side::Server, ends, Some(id), at, CROSSED);
    }

    /// Rules on SUBACK and UNSUBACK.
    pub(in crate::session) fn answer(
        &mut self,
        known: &Known<'_>,
        at: Moment,
        kind: PacketType,
        packet: &Suback<'_>,
        asked: Option<Asked<'_>>,
    ) {
        self.problem_information(known, Side::Server, at, kind, packet.properties);
        let breach = |clauses: Clauses, severity, rests| Breach {
            clauses,
            severity,
            side: Side::Server,
            packet: kind,
            at,
            earlier: asked.map(|asked| asked.at),
            told: None,
            rests,
        };
        let id = packet.packet_identifier;
        let subscribing = kind == PacketType::SUBACK;
        let Some(asked) = asked else {
            let breach = breach(each("MQTT-2.3.1-7", "MQTT-2.2.1-6"), Severity::Risk, Rests::Course);
            self.broken(known, breach, || format!("its packet id {id} belongs to no request that waits for it").into());
            let question = if subscribing { &[PacketType::SUBSCRIBE] } else { &[PacketType::UNSUBSCRIBE] };
            self.wait_for(Side::Client, question, Some(id), at, EARLY);
            return;
        };
        let codes = packet.codes.len();
        if codes > 0 && codes != asked.filters {
            let (severity, clauses) = if subscribing {
                (Severity::Ends, each("MQTT-3.8.4-5", "MQTT-3.8.4-6"))
            } else {
                (Severity::Risk, v5("MQTT-3.11.3-2"))
            };
            let filters = asked.filters;
            self.broken(known, breach(clauses, severity, Rests::Both), || {
                format!("the number of its codes is {codes}, but {filters} topic filters were asked for").into()
            });
            return;
        }
        if subscribing {
            self.grants(known, packet, &asked, &|clauses| breach(clauses, Severity::Curiosity, Rests::Both));
        }
    }

    fn grants(
        &mut self,
        known: &Known<'_>,
        packet: &Suback<'_>,
        asked: &Asked<'_>,
        breach: &dyn Fn(Clauses) -> Breach,
    ) {
        let requested = |position: &usize| known.subscriptions.get(*position).map(Subscription::requested_qos);
        for (granted, requested) in packet.codes.iter().zip(asked.subscriptions.iter().map(requested)) {
            if *granted > 2 {
                continue;
            }
            self.least_granted = Some(self.least_granted.map_or(*granted, |least| least.min(*granted)));
            if let Some(requested) = requested
                && *granted > requested.0
            {
                let asked = requested.0;
                self.broken(known, breach(both("MQTT-3.9.3-1")), || {
                    format!("it grants QoS {granted} to a topic filter that was asked for with QoS {asked}: more than asked, or its codes are in another order").into()
                });
            }
        }
    }

    /// A PINGRESP that no PINGREQ waits for.
    pub(in crate::session) fn pingresp_unasked(&mut self, known: &Known<'_>, at: Moment) {
        let breach = Breach {
            clauses: both("§3.13"),
            severity: Severity::Curiosity,
            side: Side::Server,
            packet: PacketType::PINGRESP,
            at,
            earlier: None,
            told: None,
            rests: Rests::Course,
        };
        self.broken(known, breach, || "no PINGREQ waits for it".into());
        self.wait_for(Side::Client, &[PacketType::PINGREQ], None, at, EARLY);
    }
}
