//! TLS as far as it can be read without keys: records, and the handshake messages that are not encrypted.
//!
//! Invariant: bounded memory (one handshake message a direction, see
//! [`Limits::packet_bytes`](crate::limits::Limits::packet_bytes)); nothing is decrypted, nothing is verified. After a
//! gap only whole records that begin a segment are taken up again. What a message says is read by `tls-parser`, a
//! certificate by `x509-parser`; this module cuts the streams into records and messages.

mod alert;
mod certificate;
mod hello;
mod records;

pub use alert::Alert;
pub use certificate::{Certificate, Name, certificate, chain};
pub use hello::{ClientHello, ServerHello, client_hello, server_hello};
pub use records::{Handshake, Records, Told};

/// A version of TLS or SSL, as it stands in a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// SSL 3.0.
    pub const SSL_3: Version = Version(0x0300);
    /// TLS 1.2 (RFC 5246).
    pub const V1_2: Version = Version(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const V1_3: Version = Version(0x0304);

    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0002 => "SSL 2.0",
            0x0300 => "SSL 3.0",
            0x0301 => "TLS 1.0",
            0x0302 => "TLS 1.1",
            0x0303 => "TLS 1.2",
            0x0304 => "TLS 1.3",
            0x7F00..=0x7FFF => "TLS 1.3 (draft)",
            _ => return None,
        })
    }

    /// Whether most of the handshake is encrypted.
    pub fn hides_handshake(self) -> bool {
        self >= Version::V1_3
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "TLS version 0x{:04x}", self.0),
        }
    }
}
