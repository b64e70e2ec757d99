//! Sessions over TLS, told step by step.

use crate::session::{
    AlertFact, ChainFacts, ClientCertificate, ClientHelloFacts, ServerHelloFacts, Shown, Shows, Step, TlsFacts,
};
use crate::stream::{Side, StreamOffset};
use crate::transport::tls::{Alert, Certificate, Name, Version};

use super::{Tale, text};

/// Seconds since 1970 at which tales begin.
const BEGIN: i64 = 1000;

impl Tale {
    /// A client that sent its hello, offering up to `version`, to `broker.lan` on port 8883.
    pub(crate) fn greeted(version: Version) -> Tale {
        let mut tale = Tale::opened();
        tale.session.wire.peers.server.endpoint.port = 8883;
        let at = tale.bytes(Side::Client, 200, 0.001);
        let tls = tale.tls();
        tls.client_hello = Some(ClientHelloFacts {
            at,
            versions: vec![version],
            server_name: Some(text("broker.lan")),
            alpn: Vec::new(),
            only_psk: false,
            resumes: false,
            time: u32::MAX,
            session_id: None,
        });
        tls.last = Some((at, Side::Client, Step::ClientHello));
        tale
    }

    /// TLS up to the client's Finished, which a server of this version accepted.
    pub(crate) fn secured(version: Version) -> Tale {
        let hides = version.hides_handshake();
        let tale = Tale::greeted(version).server_hello(version, hides);
        let tale = if hides { tale } else { tale.certificate(Side::Server, "broker.lan", -86_400, 300 * 86_400) };
        tale.finished(Side::Client).finished(Side::Server)
    }

    fn bytes(&mut self, side: Side, length: u64, after: f64) -> crate::capture::Moment {
        let at = self.step(after);
        let sent = self.session.wire.sent.of_mut(side);
        sent.segments += 1;
        sent.bytes += length;
        sent.sent = StreamOffset(sent.sent.0 + length);
        sent.acknowledged = sent.sent;
        sent.first_data.get_or_insert(at);
        sent.last_data = Some(at);
        sent.last_segment = Some(at);
        at
    }

    fn tls(&mut self) -> &mut TlsFacts {
        self.session.tls.get_or_insert_default()
    }

    /// A ServerHello 1 ms later; with `hidden`, the encrypted rest of the server's flight as well.
    pub(crate) fn server_hello(mut self, version: Version, hidden: bool) -> Tale {
        let at = self.bytes(Side::Server, 100, 0.001);
        let tls = self.tls();
        let cipher_name =
            Some(if hidden { "TLS_AES_256_GCM_SHA384" } else { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" });
        tls.server_hello =
            Some(ServerHelloFacts { at, version, cipher: 0x1302, cipher_name, alpn: None, resumed: false });
        tls.hidden_flight = hidden.then_some(at);
        let step = if hidden { Step::Certificate } else { Step::ServerHello };
        tls.last = Some((at, Side::Server, step));
        self
    }

    /// A readable certificate, valid from `begin` to `end` in seconds after the tale's begin.
    pub(crate) fn certificate(mut self, side: Side, name: &str, begin: i64, end: i64) -> Tale {
        let at = self.bytes(side, 800, 0.0001);
        let own = Certificate {
            subject: name.into(),
            issuer: b"Test CA".to_vec(),
            self_issued: false,
            names: vec![Name::Dns(name.into())],
            more_names: 0,
            not_before: BEGIN + begin,
            not_after: BEGIN + end,
        };
        let tls = self.tls();
        *tls.chain.of_mut(side) = Some(ChainFacts { at, count: 1, certificates: vec![own] });
        tls.last = Some((at, side, Step::Certificate));
        if side == Side::Client {
            tls.client_certificate = Some(ClientCertificate { at, shown: Shown::Certificate, by: Shows::Message });
        }
        self
    }

    /// The client's answer to the question for a certificate, which was asked if `shown` says so.
    pub(crate) fn answered(mut self, shown: Shown, by: Shows) -> Tale {
        let at = self.bytes(Side::Client, 100, 0.001);
        let tls = self.tls();
        tls.certificate_request = (by == Shows::Message).then_some(at);
        tls.client_certificate = Some(ClientCertificate { at, shown, by });
        self
    }

    /// Finished.
    pub(crate) fn finished(mut self, side: Side) -> Tale {
        let at = self.bytes(side, 60, 0.001);
        let tls = self.tls();
        *tls.finished.of_mut(side) = Some(at);
        tls.last = Some((at, side, Step::Finished));
        self
    }

    /// An alert in the clear, fatal.
    pub(crate) fn alert(mut self, side: Side, number: u8, after: f64) -> Tale {
        let at = self.bytes(side, 7, after);
        self.tls().alerts.of_mut(side).push(AlertFact { at, level: 2, alert: Alert(number) });
        self
    }

    /// An encrypted alert.
    pub(crate) fn sealed_alert(mut self, side: Side, after: f64) -> Tale {
        let at = self.bytes(side, 24, after);
        *self.tls().sealed_alert.of_mut(side) = Some(at);
        self
    }

    /// A record of application data.
    pub(crate) fn data(mut self, side: Side, length: u16, after: f64) -> Tale {
        let at = self.bytes(side, u64::from(length) + 5, after);
        let tls = self.tls();
        tls.last = Some((at, side, Step::Data));
        let data = tls.data.of_mut(side);
        data.records += 1;
        data.bytes += u64::from(length);
        data.last = Some(at);
        data.last_length = length;
        if data.first.is_none() {
            data.first = Some(at);
            data.first_length = length;
        }
        self
    }
}
