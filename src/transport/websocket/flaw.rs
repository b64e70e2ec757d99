//! What is wrong with an answer that agrees to a WebSocket: a client has to close over it (RFC 6455 §4.1).
//!
//! Invariant: what Sec-WebSocket-Accept says is judged only where the request's key is known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use super::handshake::lists;

/// What the key is joined with, so that nobody answers by chance (RFC 6455 §4.2.2).
const SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The first thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Upgrade is missing, or does not name WebSocket.
    Upgrade,
    /// Connection is missing, or does not name the upgrade.
    Connection,
    /// Sec-WebSocket-Accept is missing.
    NoAccept,
    /// Sec-WebSocket-Accept is none that the key of the request makes.
    Accept,
}

impl Flaw {
    /// Whether `accept` is another answer to `key` than the one there is.
    #[must_use]
    pub fn of_key(key: &[u8], accept: &[u8]) -> Option<Flaw> {
        let digest = Sha1::from([key.trim_ascii(), SALT].concat()).digest().bytes();
        (accept.trim_ascii() != STANDARD.encode(digest).as_bytes()).then_some(Flaw::Accept)
    }
}

/// What is wrong with the answer whose header fields `field` finds, whatever the request's key is.
pub(super) fn of(field: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Flaw> {
    let names = |name, word: &[u8]| field(name).is_some_and(|value| lists(&value, word));
    if !names("upgrade", b"websocket") {
        return Some(Flaw::Upgrade);
    }
    if !names("connection", b"upgrade") {
        return Some(Flaw::Connection);
    }
    field("sec-websocket-accept").is_none().then_some(Flaw::NoAccept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::websocket::answer;

    /// The answer of RFC 6455 §1.3 with `change` made to it.
    fn flaw(change: (&str, &str)) -> Option<Flaw> {
        const SOUND: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        answer(SOUND.replacen(change.0, change.1, 1).as_bytes()).unwrap().flaw
    }

    #[test]
    fn the_example_of_the_specification() {
        let key = b"dGhlIHNhbXBsZSBub25jZQ==";
        assert_eq!(Flaw::of_key(key, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), None);
        assert_eq!(Flaw::of_key(key, b" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "), None);
        // Another hash, the key sent back, and the right hash in hexadecimal.
        for wrong in [&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOO="[..], key, b"b37a4f2cc0624f1690f64606cf385945b2bec4ea"] {
            assert_eq!(Flaw::of_key(key, wrong), Some(Flaw::Accept));
        }
    }

    #[test]
    fn sound_answers() {
        for change in [
            ("", ""),
            ("websocket", "WebSocket"),
            ("Connection: Upgrade", "connection: keep-alive, upgrade"),
            ("Accept: ", "Accept:   "),
        ] {
            assert_eq!(flaw(change), None, "{change:?}");
        }
    }

    #[test]
    fn what_a_client_may_not_accept() {
        for (change, told) in [
            (("Upgrade: websocket\r\n", ""), Flaw::Upgrade),
            (("websocket", "h2c"), Flaw::Upgrade),
            (("Connection: Upgrade\r\n", ""), Flaw::Connection),
            (("Connection: Upgrade", "Connection: close"), Flaw::Connection),
            (("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", ""), Flaw::NoAccept),
        ] {
            assert_eq!(flaw(change), Some(told), "{change:?}");
        }
    }
}
