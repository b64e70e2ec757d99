//! By what a server proves that its answer is to the client's request for a WebSocket (RFC 6455 §4.2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

/// What the key is joined with, so that nobody answers by chance.
const SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is wrong with the proof of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// There is none: no Sec-WebSocket-Accept.
    Missing,
    /// It does not fit the client's key.
    Wrong,
}

impl Unproven {
    /// What is wrong with `accept`, the proof that answers `key`.
    #[must_use]
    pub fn of(key: &[u8], accept: Option<&[u8]>) -> Option<Unproven> {
        let Some(accept) = accept else { return Some(Unproven::Missing) };
        let digest = Sha1::from([key.trim_ascii(), SALT].concat()).digest().bytes();
        (accept.trim_ascii() != STANDARD.encode(digest).as_bytes()).then_some(Unproven::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::Unproven;

    #[test]
    fn the_example_of_the_specification() {
        let key = b"dGhlIHNhbXBsZSBub25jZQ==";
        assert_eq!(Unproven::of(key, Some(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), None);
        assert_eq!(Unproven::of(key, Some(b" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= ")), None);
        assert_eq!(Unproven::of(key, Some(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")), Some(Unproven::Wrong));
        assert_eq!(Unproven::of(key, None), Some(Unproven::Missing));
    }
}
