//! The PROXY header (the PROXY protocol of `HAProxy`, versions 1 and 2), by which a load balancer tells a server whose
//! connection it passes on.

/// The longest header of version 1, in bytes, its line ending included.
const LINE: usize = 107;
/// Bytes of a header of version 2 before its addresses.
const FIXED: usize = 16;
/// What a header of version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// How long the PROXY header is that `bytes` begin with; `None` when it is none, or not whole.
pub fn header_length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(SIGNATURE) {
        let length: [u8; 2] = bytes.get(FIXED - 2..FIXED)?.try_into().ok()?;
        let whole = FIXED + usize::from(u16::from_be_bytes(length));
        return (bytes.len() >= whole).then_some(whole);
    }
    let line = bytes.get(..bytes.len().min(LINE)).filter(|line| line.starts_with(b"PROXY "))?;
    line.windows(2).position(|pair| pair == b"\r\n").map(|end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        assert_eq!(header_length(b"PROXY TCP4 192.0.2.7 10.0.0.2 51200 1883\r\n\x10"), Some(42));
        assert_eq!(header_length(b"PROXY UNKNOWN\r\n"), Some(15));
        let second = [SIGNATURE, &[0x21, 0x11, 0, 12], &[1; 12], &[0x10]].concat();
        assert_eq!(header_length(&second), Some(28));
        for end in 0..28 {
            assert_eq!(header_length(&second[..end]), None, "{end}");
        }
    }

    #[test]
    fn what_is_none() {
        assert_eq!(header_length(b""), None);
        assert_eq!(header_length(b"PROXY TCP4 192.0.2.7"), None);
        assert_eq!(header_length(&[b"PROXY ".as_slice(), &[b'x'; 120], b"\r\n"].concat()), None);
        assert_eq!(header_length(b"GET / HTTP/1.1\r\n"), None);
    }
}
