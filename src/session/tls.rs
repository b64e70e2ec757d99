//! The facts of a TLS connection: its handshake as far as that is in the clear, and what the lengths of encrypted
//! records show.
//!
//! Invariant: bounded, whatever the peers send. What is read and what only a length suggests are kept apart:
//! [`Shows::Length`] and [`TlsFacts::sealed_alert`] rest on lengths.

mod follow;

use crate::capture::Moment;
use crate::stream::Side;
use crate::transport::Protocol;
use crate::transport::tls::{Alert, Certificate, Version};

use super::facts::TextFact;
use super::wire::PerSide;

/// What a TLS connection shows without its keys.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// The first ClientHello.
    pub client_hello: Option<ClientHelloFacts>,
    /// The server asked for another ClientHello.
    pub retry: Option<Moment>,
    /// The ServerHello.
    pub server_hello: Option<ServerHelloFacts>,
    /// Each side's Certificate message; hidden in TLS 1.3.
    pub chain: PerSide<Option<ChainFacts>>,
    /// CertificateRequest; hidden in TLS 1.3.
    pub certificate_request: Option<Moment>,
    /// Whether the client showed a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// ChangeCipherSpec (up to TLS 1.2: what follows is encrypted).
    pub change_cipher_spec: PerSide<Option<Moment>>,
    /// Finished: encrypted, known by its place and length. That of a TLS 1.3 server is not told apart.
    pub finished: PerSide<Option<Moment>>,
    /// The first encrypted record of the server's handshake (TLS 1.3).
    pub hidden_flight: Option<Moment>,
    /// Alerts in the clear, the first of them, by sender.
    pub alerts: PerSide<Vec<AlertFact>>,
    /// The first encrypted record that is an alert: by its content type up to TLS 1.2, else by its place and length.
    pub sealed_alert: PerSide<Option<Moment>>,
    /// Encrypted application data.
    pub data: PerSide<DataFacts>,
    /// Bytes that are not TLS, and what they look like.
    pub foreign: PerSide<Option<(Moment, Protocol)>>,
    /// The capture lacks bytes of this side from here on.
    pub gap: PerSide<Option<Moment>>,
    /// The newest step of the handshake, or the newest data.
    pub last: Option<(Moment, Side, Step)>,
    progress: follow::Progress,
}

/// A ClientHello.
#[derive(Clone, Debug)]
pub struct ClientHelloFacts {
    /// When it was complete.
    pub at: Moment,
    /// Versions offered, the highest first.
    pub versions: Vec<Version>,
    /// Server Name Indication.
    pub server_name: Option<TextFact>,
    /// Application protocols offered.
    pub alpn: Vec<TextFact>,
    /// Every cipher suite offered needs a pre-shared key.
    pub only_psk: bool,
    /// It offers to resume an earlier session, or a pre-shared key.
    pub resumes: bool,
    /// The first four bytes of its random: the sender's clock with old stacks, else without meaning.
    pub time: u32,
    /// Session id.
    pub session_id: Option<TextFact>,
}

impl ClientHelloFacts {
    /// The highest version offered.
    pub fn highest(&self) -> Option<Version> {
        self.versions.first().copied()
    }
}

/// A ServerHello.
#[derive(Clone, Debug)]
pub struct ServerHelloFacts {
    /// When it was complete.
    pub at: Moment,
    /// The version chosen.
    pub version: Version,
    /// Number of the cipher suite chosen.
    pub cipher: u16,
    /// Its name.
    pub cipher_name: Option<&'static str>,
    /// Application protocol chosen; hidden in TLS 1.3.
    pub alpn: Option<TextFact>,
    /// An earlier session goes on, or a pre-shared key is used: no certificates are shown.
    pub resumed: bool,
}

/// A Certificate message.
#[derive(Clone, Debug)]
pub struct ChainFacts {
    /// When it was complete.
    pub at: Moment,
    /// How many certificates it has.
    pub count: usize,
    /// The first of them that could be read, the sender's own first.
    pub certificates: Vec<Certificate>,
}

impl ChainFacts {
    /// The sender's own certificate.
    pub fn own(&self) -> Option<&Certificate> {
        self.certificates.first()
    }
}

/// What became of the server's question for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// When the client answered.
    pub at: Moment,
    /// What it showed.
    pub shown: Shown,
    /// The message was read, or else its length tells (TLS 1.3).
    pub by: Shows,
}

/// What the client showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The server did not ask for a certificate.
    NotAsked,
    /// The server asked, and the client has none.
    Nothing,
    /// A certificate.
    Certificate,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// By the message itself.
    Message,
    /// By the length of encrypted records.
    Length,
}

/// An alert in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertFact {
    /// When.
    pub at: Moment,
    /// Level: 1 warning, 2 fatal; means nothing in TLS 1.3.
    pub level: u8,
    /// Description.
    pub alert: Alert,
}

impl AlertFact {
    /// Whether it ends the connection by its kind: not a goodbye, nor a mere remark.
    pub fn is_failure(&self) -> bool {
        let remark = self.level == 1 && self.alert.0 == 112;
        !remark && !matches!(self.alert.0, 0 | 90 | 100)
    }
}

/// Encrypted application data of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// Records.
    pub records: u64,
    /// Their bytes, encryption included.
    pub bytes: u64,
    /// The first record.
    pub first: Option<Moment>,
    /// Its length.
    pub first_length: u16,
    /// The last record.
    pub last: Option<Moment>,
    /// Its length.
    pub last_length: u16,
}

/// A step of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// ClientHello.
    ClientHello,
    /// HelloRetryRequest.
    Retry,
    /// ServerHello.
    ServerHello,
    /// Certificate, or the encrypted flight of a TLS 1.3 server, which has one.
    Certificate,
    /// ServerHelloDone: the server waits for the client.
    ServerDone,
    /// ChangeCipherSpec or Finished.
    Finished,
    /// Another message of the handshake.
    Other,
    /// Application data.
    Data,
}

/// What happened in TLS, for the timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsEvent {
    /// ClientHello.
    ClientHello {
        /// The highest version offered.
        version: Option<Version>,
        /// Server Name Indication.
        server_name: Option<TextFact>,
        /// Application protocols offered.
        alpn: Vec<TextFact>,
    },
    /// HelloRetryRequest.
    Retry,
    /// ServerHello.
    ServerHello {
        /// The version chosen.
        version: Version,
        /// Name of the cipher suite.
        cipher: Option<&'static str>,
        /// Application protocol chosen.
        alpn: Option<TextFact>,
        /// An earlier session goes on.
        resumed: bool,
    },
    /// Certificate.
    Certificate {
        /// Whom the sender's own is for, and who issued it.
        own: Option<(TextFact, TextFact)>,
        /// How many there are.
        count: usize,
    },
    /// CertificateRequest.
    CertificateRequest,
    /// An encrypted Certificate of the client, known by its length: whether there is one in it.
    HiddenCertificate(bool),
    /// The encrypted rest of the server's handshake.
    HiddenFlight,
    /// Finished.
    Finished,
    /// An alert.
    Alert(Alert),
    /// An encrypted alert.
    SealedAlert,
    /// Encrypted application data.
    Data {
        /// Length of the record; the sum in a run.
        bytes: u64,
    },
    /// What is not TLS.
    Foreign(Protocol),
}

impl TlsFacts {
    /// The version that was agreed on.
    pub fn version(&self) -> Option<Version> {
        self.server_hello.as_ref().map(|hello| hello.version)
    }

    /// Whether the client may have said goodbye before `at`: it ended TLS, or sent something less than half a second before.
    pub fn may_have_left(&self, at: Moment) -> bool {
        let late = |last: Moment| (0..500_000_000).contains(&at.time.nanoseconds_since(last.time));
        let ended = self.sealed_alert.client.is_some_and(|alert| !at.is_before(alert));
        ended || self.data.client.last.is_some_and(late)
    }

    /// Whether the server answered in TLS.
    pub fn answered(&self) -> bool {
        let spoke = self.server_hello.is_some() || self.retry.is_some() || self.data.server.records > 0;
        spoke || !self.alerts.server.is_empty() || self.sealed_alert.server.is_some() || self.hidden_flight.is_some()
    }

    /// Whether the handshake came to its end, as far as the client is concerned; or was over when the capture began.
    pub fn is_complete(&self) -> bool {
        let hidden = self.version().is_some_and(Version::hides_handshake);
        let both = self.finished.client.is_some() && self.finished.server.is_some();
        let late = self.client_hello.is_none() && (self.data.client.records > 0 || self.data.server.records > 0);
        both || (hidden && self.finished.client.is_some()) || late || self.carried_data()
    }

    /// Whether application data went both ways.
    pub fn carried_data(&self) -> bool {
        self.data.client.records > 0 && self.data.server.records > 0
    }

    /// The alert in the clear by which `side` ended the handshake.
    pub fn failure(&self, side: Side) -> Option<&AlertFact> {
        // A server that goes on after a remark on the name has only remarked.
        let silenced = self.server_hello.is_none();
        self.alerts.of(side).iter().find(|alert| alert.is_failure() || silenced && alert.alert.0 == 112)
    }

    /// The name that the client asked for.
    pub fn server_name(&self) -> Option<&TextFact> {
        self.client_hello.as_ref()?.server_name.as_ref()
    }

    /// The server's own certificate.
    pub fn server_certificate(&self) -> Option<&Certificate> {
        self.chain.server.as_ref()?.own()
    }

    /// What was taken for the client is the server.
    pub fn swap_sides(&mut self) {
        self.chain.swap();
        self.change_cipher_spec.swap();
        self.finished.swap();
        self.alerts.swap();
        self.sealed_alert.swap();
        self.data.swap();
        self.foreign.swap();
        self.gap.swap();
        self.last = self.last.map(|(at, side, step)| (at, side.other(), step));
    }
}
