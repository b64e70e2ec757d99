//! What a ClientHello offers and a ServerHello chooses.

use tls_parser::{
    SNIType, TlsCipherSuiteID, TlsExtension, parse_tls_client_hello_extension, parse_tls_handshake_client_hello,
    parse_tls_handshake_server_hello, parse_tls_server_hello_extension,
};

use super::Version;

/// Versions, ALPN names and suites kept of one hello.
const LISTED: usize = 16;

/// A ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
#[derive(Clone, Debug)]
pub struct ClientHello<'a> {
    /// Versions offered, as far as they are known, the highest first.
    pub versions: Vec<Version>,
    /// The first four bytes of the random, where old stacks put their clock: seconds since 1970.
    pub time: u32,
    /// Server Name Indication (RFC 6066 §3).
    pub server_name: Option<&'a [u8]>,
    /// Names of application protocols offered (RFC 7301).
    pub alpn: Vec<&'a [u8]>,
    /// Whether every cipher suite that is offered needs a pre-shared key (RFC 4279).
    pub only_psk: bool,
    /// Whether it offers to resume an earlier session, or a pre-shared key.
    pub resumes: bool,
    /// Session id.
    pub session_id: Option<&'a [u8]>,
}

/// A ServerHello, or a HelloRetryRequest, which has its form.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello<'a> {
    /// The version chosen.
    pub version: Version,
    /// It asks for another ClientHello (RFC 8446 §4.1.4).
    pub retry: bool,
    /// Number of the cipher suite.
    pub cipher: u16,
    /// Its name at IANA.
    pub cipher_name: Option<&'static str>,
    /// The application protocol chosen; with TLS 1.3 it is encrypted.
    pub alpn: Option<&'a [u8]>,
    /// It takes a pre-shared key, which is how TLS 1.3 resumes a session.
    pub pre_shared_key: bool,
    /// Session id.
    pub session_id: Option<&'a [u8]>,
}

/// Reads the body of a ClientHello.
pub fn client_hello(body: &[u8]) -> Option<ClientHello<'_>> {
    let (_, read) = parse_tls_handshake_client_hello(body).ok()?;
    let time = read.random.first_chunk::<4>().copied().map_or(0, u32::from_be_bytes);
    let suites = || read.ciphers.iter().filter(|suite| !is_signal(**suite));
    let mut hello = ClientHello {
        versions: Vec::new(),
        time,
        server_name: None,
        alpn: Vec::new(),
        only_psk: suites().next().is_some() && suites().all(|suite| name(*suite).is_some_and(|it| it.contains("PSK"))),
        resumes: false,
        session_id: read.session_id,
    };
    each_extension(read.ext.unwrap_or_default(), |bytes| {
        let Ok((_, extension)) = parse_tls_client_hello_extension(bytes) else { return };
        match extension {
            TlsExtension::SNI(names) => {
                hello.server_name =
                    names.into_iter().find(|(kind, _)| *kind == SNIType::HostName).map(|(_, name)| name);
            }
            TlsExtension::ALPN(names) => hello.alpn = names.into_iter().take(LISTED).collect(),
            TlsExtension::SupportedVersions(versions) => {
                let known = versions.into_iter().map(|version| Version(version.0));
                hello.versions = known.filter(|version| version.name().is_some()).take(LISTED).collect();
            }
            TlsExtension::PreSharedKey(_) => hello.resumes = true,
            TlsExtension::SessionTicket(ticket) => hello.resumes |= !ticket.is_empty(),
            _ => {}
        }
    });
    if hello.versions.is_empty() {
        // Without the extension every version up to this one may be meant (RFC 5246 §E.1).
        hello.versions.push(Version(read.version.0));
        hello.resumes |= hello.session_id.is_some();
    }
    hello.versions.sort_unstable_by(|a, b| b.cmp(a));
    Some(hello)
}

/// Reads the body of a ServerHello.
pub fn server_hello(body: &[u8]) -> Option<ServerHello<'_>> {
    let (_, read) = parse_tls_handshake_server_hello(body).ok()?;
    let mut hello = ServerHello {
        version: Version(read.version.0),
        retry: read.random == RETRY,
        cipher: read.cipher.0,
        cipher_name: name(read.cipher),
        alpn: None,
        pre_shared_key: false,
        session_id: read.session_id,
    };
    each_extension(read.ext.unwrap_or_default(), |bytes| {
        let Ok((_, extension)) = parse_tls_server_hello_extension(bytes) else { return };
        match extension {
            TlsExtension::SupportedVersions(versions) => {
                hello.version = versions.first().map_or(hello.version, |version| Version(version.0));
            }
            TlsExtension::ALPN(names) => hello.alpn = names.first().copied(),
            TlsExtension::PreSharedKey(_) => hello.pre_shared_key = true,
            _ => {}
        }
    });
    Some(hello)
}

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Numbers in the list of suites that are none: signals for renegotiation and fallback (RFC 5746, RFC 7507), GREASE.
fn is_signal(suite: TlsCipherSuiteID) -> bool {
    matches!(suite.0, 0x00FF | 0x5600) || suite.0 & 0x0F0F == 0x0A0A
}

fn name(suite: TlsCipherSuiteID) -> Option<&'static str> {
    suite.get_ciphersuite().map(|suite| suite.name)
}

/// Each extension whole, so that one which cannot be read does not hide those after it.
fn each_extension<'a>(mut list: &'a [u8], mut take: impl FnMut(&'a [u8])) {
    while let [_, _, high, low, ..] = list {
        let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some((one, rest)) = list.split_at_checked(length) else { return };
        take(one);
        list = rest;
    }
}
