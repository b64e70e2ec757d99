//! Lengths with their unit.

use crate::text::counted;

/// A length in bytes: `1 byte`, `40,960 bytes`.
pub(crate) fn bytes(length: u64) -> String {
    counted(length, "byte")
}
