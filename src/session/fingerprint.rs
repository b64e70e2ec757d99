//! What tells one message from another without keeping its payload.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

/// Bytes of the payload that count.
pub const FINGERPRINTED: u32 = 1024;

/// A number that two messages share if topic, payload length and the first 1,024 bytes of the payload are the same, and
/// in all likelihood only then. `None` if those bytes were not captured.
#[inline]
pub fn fingerprint(topic: &[u8], payload: &[u8], length: u32) -> Option<u64> {
    let counted = length.min(FINGERPRINTED) as usize;
    let prefix = payload.get(..counted)?;
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u32(length);
    hasher.write(topic);
    hasher.write_u8(0);
    hasher.write(prefix);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_payload_and_length_count() {
        let one = fingerprint(b"a/b", b"21.5", 4);
        assert!(one.is_some());
        assert_eq!(one, fingerprint(b"a/b", b"21.5", 4));
        for other in [fingerprint(b"a/c", b"21.5", 4), fingerprint(b"a/b", b"21.6", 4), fingerprint(b"a/b2", b"1.5", 3)]
        {
            assert_ne!(one, other);
        }
        let large = [7; 2000];
        assert_ne!(fingerprint(b"t", &large, 2000), fingerprint(b"t", &large, 2001));
        assert_eq!(fingerprint(b"t", &large, 3000), fingerprint(b"t", &large[..1024], 3000));
        assert_eq!(fingerprint(b"t", &large[..100], 2000), None);
    }
}
