//! Numbers of bytes as they are typed: `64KiB`, `100MiB`, `2GB`.

/// Units, those first whose end is another's name. One letter alone is binary, as file systems count.
const UNITS: [(&str, u64); 11] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("k", 1 << 10),
    ("B", 1),
];

/// The bytes of a number with its unit; `None` if it is none, or too many.
pub(super) fn with_unit(text: &str) -> Option<u64> {
    let (digits, bytes) = UNITS.iter().find_map(|(name, bytes)| Some((text.strip_suffix(name)?, bytes)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*bytes)
}

/// `bytes` as they may be typed: in the largest binary unit that divides them.
pub(super) fn shown(bytes: u64) -> String {
    let unit = UNITS.iter().take(3).find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_decimal() {
        assert_eq!(with_unit("100MiB"), Some(104_857_600));
        assert_eq!(with_unit("10KB"), Some(10_000));
        assert_eq!(with_unit("64K"), Some(65_536));
        assert_eq!(with_unit("2 GiB"), Some(2_147_483_648));
        for wrong in ["", "100", "MiB", "1.5MiB", "-1K", "99999999999999999999B", "99999999999999G"] {
            assert_eq!(with_unit(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_can_be_typed() {
        assert_eq!(shown(4 << 20), "4MiB");
        assert_eq!(shown(1500), "1500");
    }
}
