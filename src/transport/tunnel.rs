//! The tunnel of an HTTP proxy: a request `CONNECT host:port` and its answer, behind which both ends speak as if connected
//! directly (RFC 9110 §9.3.6).

/// What ends the header of a request or an answer.
const END: &[u8] = b"\r\n\r\n";

/// Whether `bytes` begin like the request for a tunnel.
pub fn asks(bytes: &[u8]) -> bool {
    bytes.starts_with(b"CONNECT ")
}

/// Whether `bytes` cannot be the beginning of an answer that opens the tunnel: one of HTTP/1 with a status of 2xx.
pub fn refuses(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"HTTP/1.";
    !match bytes.strip_prefix(NAME) {
        None => NAME.starts_with(bytes),
        Some([] | [b'0'..=b'9'] | [b'0'..=b'9', b' ']) => true,
        Some(rest) => matches!(rest, [b'0'..=b'9', b' ', b'2', ..]),
    }
}

/// How long the header is that `bytes` begin with; `None` when it is not whole.
pub fn header_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(END.len()).position(|window| window == END).map(|end| end + END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers() {
        let asked = b"CONNECT broker:1883 HTTP/1.1\r\nHost: broker\r\n\r\n\x10";
        assert!(asks(asked));
        assert_eq!(header_length(asked), Some(asked.len() - 1));
        assert_eq!(header_length(&asked[..asked.len() - 2]), None);
        let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
        for end in 0..opened.len() {
            assert!(!refuses(&opened[..end]), "{end}");
        }
        for other in
            [&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], b"HTTP/2 200", b"SSH-2.0", b"\x20\x02"]
        {
            assert!(refuses(other));
        }
        assert!(!asks(b"GET / HTTP/1.1\r\n"));
    }
}
