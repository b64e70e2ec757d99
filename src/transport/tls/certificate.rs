//! What a certificate says of itself (RFC 5280). Nothing is verified: no signature, no chain of trust.

use std::net::IpAddr;

use tls_parser::{TlsMessageHandshake, parse_tls_handshake_msg_certificate};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// Names kept of one certificate.
const NAMES: usize = 16;
/// Bytes kept of one name.
const NAME_BYTES: usize = 256;

/// A certificate, as far as it matters to whoever looks for the reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for: the common name, else the organization, else all of the subject.
    pub subject: Vec<u8>,
    /// Who issued it, told the same way.
    pub issuer: Vec<u8>,
    /// Subject and issuer are the same: no other authority vouches for it.
    pub self_issued: bool,
    /// Names and addresses it is for (Subject Alternative Name), the first of them.
    pub names: Vec<Name>,
    /// How many names were left out.
    pub more_names: usize,
    /// Seconds since 1970 from which it is valid.
    pub not_before: i64,
    /// Seconds since 1970 until which it is valid.
    pub not_after: i64,
}

/// A name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A host name, perhaps with a wildcard for its first label.
    Dns(Vec<u8>),
    /// An address.
    Address(IpAddr),
}

/// The certificates of a Certificate message up to TLS 1.2 (RFC 5246 §7.4.2), the sender's own first; `None` if it
/// cannot be read.
pub fn chain(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, TlsMessageHandshake::Certificate(read)) = parse_tls_handshake_msg_certificate(body).ok()? else {
        return None;
    };
    Some(read.cert_chain.into_iter().map(|certificate| certificate.data).collect())
}

/// Reads one certificate.
pub fn certificate(der: &[u8]) -> Option<Certificate> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    let alternative = read.subject_alternative_name().ok().flatten();
    let general = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let all: Vec<Name> = general.filter_map(name).collect();
    Some(Certificate {
        subject: short(read.subject()),
        issuer: short(read.issuer()),
        self_issued: read.subject().as_raw() == read.issuer().as_raw(),
        more_names: all.len().saturating_sub(NAMES),
        names: all.into_iter().take(NAMES).collect(),
        not_before: read.validity().not_before.timestamp(),
        not_after: read.validity().not_after.timestamp(),
    })
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(name) => Some(Name::Dns(cut(name.as_bytes()))),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(Name::Address)
        }
        _ => None,
    }
}

fn short(name: &X509Name<'_>) -> Vec<u8> {
    let common = name.iter_common_name().next().or_else(|| name.iter_organization().next());
    match common {
        Some(attribute) => cut(attribute.as_slice()),
        None => cut(name.to_string().as_bytes()),
    }
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..NAME_BYTES).unwrap_or(bytes).to_vec()
}

impl Certificate {
    /// Whether it is for `host` (RFC 9525 §6.3: a wildcard stands for one whole first label). Without alternative names
    /// the common name counts, as old clients take it.
    pub fn names_host(&self, host: &[u8]) -> bool {
        let mut dns = self.names.iter().filter_map(|name| match name {
            Name::Dns(name) => Some(name),
            Name::Address(_) => None,
        });
        let alone = [&self.subject];
        let mut own = alone.into_iter().filter(|_| self.names.is_empty());
        dns.any(|name| matches(name, host)) || own.any(|name| matches(name, host))
    }

    /// Whether it is for `address`.
    pub fn names_address(&self, address: IpAddr) -> bool {
        let common = || self.names.is_empty() && self.subject == address.to_string().as_bytes();
        self.names.contains(&Name::Address(address)) || common()
    }
}

fn matches(pattern: &[u8], host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    match pattern.strip_prefix(b"*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(domain) => host.iter().position(|byte| *byte == b'.').is_some_and(|dot| {
            let rest = host.get(dot + 1..).unwrap_or_default();
            dot > 0 && rest.eq_ignore_ascii_case(domain)
        }),
    }
}
