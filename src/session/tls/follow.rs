//! Brings what a TLS stream tells into the facts.
//!
//! Invariant: of TLS 1.3, whose handshake is encrypted, messages are known by place and length alone. Lengths are those
//! of RFC 8446: a record is its content, one byte of content type and the tag of its cipher.

use crate::capture::Moment;
use crate::session::facts::TextFact;
use crate::stream::Side;
use crate::transport::Protocol;
use crate::transport::tls::{self, Alert, Handshake, Told};

use super::{
    AlertFact, ChainFacts, ClientCertificate, ClientHelloFacts, ServerHelloFacts, Shown, Shows, Step, TlsEvent,
    TlsFacts,
};

/// Alerts kept of each side.
const ALERTS: usize = 4;
/// Certificates read of one chain.
const CERTIFICATES: usize = 4;
/// Session tickets that a server sends at once, at most.
const TICKETS: u8 = 4;
/// An encrypted record of this many bytes of content is no short MQTT packet: a ticket.
const TICKET: u16 = 50;
/// Tickets of one connection hold the same, and so have the same length, give or take a block of so many bytes, to which
/// their encryption fills up.
const ALIKE: u16 = 16;
/// Bytes of content of an alert.
const ALERT: u16 = 2;
/// Of a Certificate message without a certificate (RFC 8446 §4.4.2).
const NO_CERTIFICATE: u16 = 8;
/// Of a Finished message, with SHA-256 and with SHA-384 (RFC 8446 §4.4.4).
const FINISHED: [u16; 2] = [36, 52];
/// A Certificate message with a certificate has at least this.
const CERTIFICATE: u16 = 100;

/// What must be remembered of an encrypted handshake to know its messages by their place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Encrypted records of the client's handshake so far.
    client: u8,
    /// The first of them was large: it may have been the whole flight.
    large: Option<Moment>,
    tickets: u8,
    /// Bytes of content of the first of them.
    ticket: u16,
}

impl TlsFacts {
    /// Takes what `from` says next; the answer is what the timeline should show of it.
    pub fn take(&mut self, from: Side, at: Moment, told: Told<'_>) -> Option<TlsEvent> {
        match told {
            Told::Message(kind, body) => self.message(from, at, kind, body),
            Told::LongMessage(_) => {
                self.step(from, at, Step::Other);
                None
            }
            Told::ChangeCipherSpec => {
                self.change_cipher_spec.of_mut(from).get_or_insert(at);
                None
            }
            Told::Alert(level, description) => {
                let alert = Alert(description);
                let alerts = self.alerts.of_mut(from);
                if alerts.len() < ALERTS {
                    alerts.push(AlertFact { at, level, alert });
                }
                Some(TlsEvent::Alert(alert))
            }
            Told::Sealed(content, length) => self.sealed(from, at, content, length),
            Told::Foreign => None,
        }
    }

    /// The stream of `from` is not TLS, or not any more.
    pub fn foreign(&mut self, from: Side, at: Moment, protocol: Protocol) -> TlsEvent {
        self.foreign.of_mut(from).get_or_insert((at, protocol));
        TlsEvent::Foreign(protocol)
    }

    fn step(&mut self, from: Side, at: Moment, step: Step) {
        self.last = Some((at, from, step));
    }

    fn message(&mut self, from: Side, at: Moment, kind: Handshake, body: &[u8]) -> Option<TlsEvent> {
        let (step, event) = match kind {
            Handshake::CLIENT_HELLO => (Step::ClientHello, self.client_hello(at, body)),
            Handshake::SERVER_HELLO => self.server_hello(at, body),
            Handshake::CERTIFICATE => (Step::Certificate, self.certificate(from, at, body)),
            Handshake::CERTIFICATE_REQUEST => {
                self.certificate_request.get_or_insert(at);
                (Step::Other, Some(TlsEvent::CertificateRequest))
            }
            Handshake::SERVER_HELLO_DONE => (Step::ServerDone, None),
            _ => (Step::Other, None),
        };
        self.step(from, at, step);
        event
    }

    fn client_hello(&mut self, at: Moment, body: &[u8]) -> Option<TlsEvent> {
        let read = tls::client_hello(body)?;
        let facts = ClientHelloFacts {
            at,
            server_name: read.server_name.map(TextFact::new),
            alpn: read.alpn.iter().map(|name| TextFact::new(name)).collect(),
            only_psk: read.only_psk,
            resumes: read.resumes,
            time: read.time,
            session_id: read.session_id.map(TextFact::new),
            versions: read.versions,
        };
        let event = TlsEvent::ClientHello {
            version: facts.highest(),
            server_name: facts.server_name.clone(),
            alpn: facts.alpn.clone(),
        };
        self.client_hello.get_or_insert(facts);
        Some(event)
    }

    fn server_hello(&mut self, at: Moment, body: &[u8]) -> (Step, Option<TlsEvent>) {
        let Some(read) = tls::server_hello(body) else { return (Step::Other, None) };
        if read.retry {
            self.retry.get_or_insert(at);
            return (Step::Retry, Some(TlsEvent::Retry));
        }
        let offered = self.client_hello.as_ref().and_then(|hello| hello.session_id.as_ref());
        let echoed = read.session_id.is_some_and(|id| offered.is_some_and(|offered| *offered.0 == *id));
        let hides = read.version.hides_handshake();
        let facts = ServerHelloFacts {
            at,
            version: read.version,
            cipher: read.cipher,
            cipher_name: read.cipher_name,
            alpn: read.alpn.map(TextFact::new),
            resumed: if hides { read.pre_shared_key } else { echoed },
        };
        let event = TlsEvent::ServerHello {
            version: facts.version,
            cipher: facts.cipher_name,
            alpn: facts.alpn.clone(),
            resumed: facts.resumed,
        };
        self.server_hello.get_or_insert(facts);
        (Step::ServerHello, Some(event))
    }

    fn certificate(&mut self, from: Side, at: Moment, body: &[u8]) -> Option<TlsEvent> {
        let all = tls::chain(body)?;
        let read = all.iter().take(CERTIFICATES).map_while(|der| tls::certificate(der)).collect();
        let facts = ChainFacts { at, count: all.len(), certificates: read };
        if from == Side::Client {
            let shown = if all.is_empty() { Shown::Nothing } else { Shown::Certificate };
            self.client_certificate.get_or_insert(ClientCertificate { at, shown, by: Shows::Message });
        }
        let text = |name: &Vec<u8>| TextFact::new(name);
        let own = facts.own().map(|own| (text(&own.subject), text(&own.issuer)));
        let event = TlsEvent::Certificate { own, count: facts.count };
        self.chain.of_mut(from).get_or_insert(facts);
        Some(event)
    }

    /// An encrypted record.
    fn sealed(&mut self, from: Side, at: Moment, content: u8, length: u16) -> Option<TlsEvent> {
        let hidden = self.version().is_some_and(tls::Version::hides_handshake);
        match (content, from) {
            (21, _) => Some(self.alert(from, at)),
            (22, _) => self.finished(from, at),
            (23, Side::Client) if hidden => self.hidden_from_client(at, length),
            (23, Side::Server) if hidden => self.hidden_from_server(at, length),
            // Before the ServerHello: early data (RFC 8446 §4.2.10).
            (23, Side::Client) if self.client_hello.is_some() && self.server_hello.is_none() => None,
            (23, _) => Some(self.application_data(from, at, length)),
            _ => None,
        }
    }

    fn alert(&mut self, from: Side, at: Moment) -> TlsEvent {
        self.sealed_alert.of_mut(from).get_or_insert(at);
        TlsEvent::SealedAlert
    }

    fn finished(&mut self, from: Side, at: Moment) -> Option<TlsEvent> {
        if self.change_cipher_spec.of(from).is_none() && self.version().is_none_or(|version| !version.hides_handshake())
        {
            return None;
        }
        let finished = self.finished.of_mut(from);
        if finished.is_some() {
            return None;
        }
        *finished = Some(at);
        self.step(from, at, Step::Finished);
        Some(TlsEvent::Finished)
    }

    fn application_data(&mut self, from: Side, at: Moment, length: u16) -> TlsEvent {
        let data = self.data.of_mut(from);
        data.records += 1;
        data.bytes += u64::from(length);
        data.last = Some(at);
        data.last_length = length;
        if data.first.is_none() {
            data.first = Some(at);
            data.first_length = length;
        }
        self.step(from, at, Step::Data);
        TlsEvent::Data { bytes: length.into() }
    }

    /// Bytes of content in a TLS 1.3 record: all suites have tags of 16 bytes but that of CCM_8 (RFC 6655).
    fn content(&self, length: u16) -> u16 {
        let tag = match &self.server_hello {
            Some(hello) if hello.cipher == 0x1305 => 8,
            _ => 16,
        };
        length.saturating_sub(tag + 1)
    }

    fn hidden_from_client(&mut self, at: Moment, length: u16) -> Option<TlsEvent> {
        let content = self.content(length);
        if self.finished.client.is_some() {
            let first = self.data.client.records == 0;
            return if content == ALERT && first {
                Some(self.alert(Side::Client, at))
            } else {
                Some(self.application_data(Side::Client, at, length))
            };
        }
        if self.gap.client.is_some() {
            return Some(self.application_data(Side::Client, at, length));
        }
        let first = self.progress.client == 0;
        self.progress.client = self.progress.client.saturating_add(1);
        match content {
            ALERT => Some(self.alert(Side::Client, at)),
            _ if FINISHED.contains(&content) => {
                if first {
                    self.answered_with(Shown::NotAsked, at);
                }
                self.finished(Side::Client, at)
            }
            NO_CERTIFICATE if first => {
                self.answered_with(Shown::Nothing, at);
                Some(TlsEvent::HiddenCertificate(false))
            }
            // Both messages in one record.
            _ if first && FINISHED.contains(&content.saturating_sub(NO_CERTIFICATE)) => {
                self.answered_with(Shown::Nothing, at);
                self.finished(Side::Client, at)
            }
            _ if first && content >= CERTIFICATE => {
                self.answered_with(Shown::Certificate, at);
                self.progress.large = Some(at);
                Some(TlsEvent::HiddenCertificate(true))
            }
            // Too small for a CertificateVerify: the record before was the whole flight.
            _ if content < CERTIFICATE / 2 && self.progress.large.is_some() => {
                self.finished.client = self.progress.large;
                Some(self.application_data(Side::Client, at, length))
            }
            _ => {
                self.step(Side::Client, at, Step::Other);
                None
            }
        }
    }

    fn answered_with(&mut self, shown: Shown, at: Moment) {
        self.client_certificate.get_or_insert(ClientCertificate { at, shown, by: Shows::Length });
    }

    fn hidden_from_server(&mut self, at: Moment, length: u16) -> Option<TlsEvent> {
        let content = self.content(length);
        if self.finished.client.is_none() {
            if content == ALERT {
                return Some(self.alert(Side::Server, at));
            }
            self.step(Side::Server, at, Step::Certificate);
            let first = self.hidden_flight.is_none();
            self.hidden_flight.get_or_insert(at);
            return first.then_some(TlsEvent::HiddenFlight);
        }
        if self.data.server.records == 0 {
            if content == ALERT {
                return Some(self.alert(Side::Server, at));
            }
            let progress = &mut self.progress;
            if progress.tickets == 0 {
                progress.ticket = content;
            }
            if content >= TICKET && content.abs_diff(progress.ticket) <= ALIKE && progress.tickets < TICKETS {
                progress.tickets += 1;
                return None;
            }
        }
        Some(self.application_data(Side::Server, at, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{FrameNumber, Timestamp};

    #[test]
    fn tickets_have_one_length() {
        let answers = |lengths: &[u16]| {
            let at = Moment { frame: FrameNumber::new(1), time: Timestamp(0) };
            let mut facts = TlsFacts::default();
            facts.finished.client = Some(at);
            for length in lengths {
                facts.hidden_from_server(at, *length);
            }
            facts.data.server.records
        };
        assert_eq!(answers(&[250]), 0);
        assert_eq!(answers(&[250, 266]), 0);
        assert_eq!(answers(&[266, 250]), 0);
        // An answer that is about as long.
        assert_eq!(answers(&[250, 250, 276]), 1);
        assert_eq!(answers(&[250, 230]), 1);
        assert_eq!(answers(&[250, 250, 21]), 1);
        assert_eq!(answers(&[250; 5]), 1);
    }
}
