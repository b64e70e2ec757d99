//! Numbers with their units.

/// A number with thousands separators.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 time`, `3 times`: the noun takes an `s` when there is not exactly one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// A length in bytes.
pub(crate) fn bytes(length: u64) -> String {
    counted(length, "byte")
}

/// A span of time, in the two largest units that say something.
pub(crate) fn duration(nanoseconds: i64) -> String {
    let nanoseconds = nanoseconds.unsigned_abs();
    let rounded = |unit: u64| nanoseconds.saturating_add(unit / 2) / unit;
    // The bounds are those of the rounded value, so that 59.96 s reads "1 min", never "60.0 s".
    if nanoseconds < 1_000 {
        return "less than 1 µs".to_owned();
    }
    if rounded(1_000) < 1_000 {
        return format!("{} µs", rounded(1_000));
    }
    if rounded(1_000_000) < 1_000 {
        return format!("{} ms", rounded(1_000_000));
    }
    let tenths = rounded(100_000_000);
    if tenths < 600 {
        return match tenths % 10 {
            0 => format!("{} s", tenths / 10),
            tenth => format!("{}.{tenth} s", tenths / 10),
        };
    }
    let seconds = rounded(1_000_000_000);
    let minutes = seconds / 60;
    let hours = minutes / 60;
    let days = hours / 24;
    let (large, small) = if minutes < 60 {
        ((minutes, "min"), (seconds % 60, "s"))
    } else if hours < 24 {
        ((hours, "h"), (minutes % 60, "min"))
    } else {
        ((days, "d"), (hours % 24, "h"))
    };
    if small.0 == 0 {
        format!("{} {}", number(large.0), large.1)
    } else {
        format!("{} {} {} {}", number(large.0), large.1, small.0, small.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(40_960), "40,960");
        assert_eq!(number(268_435_455), "268,435,455");
    }

    #[test]
    fn spans_have_fitting_units() {
        for (nanoseconds, text) in [
            (0, "less than 1 µs"),
            (320_000, "320 µs"),
            (3_400_000, "3 ms"),
            (999_600_000, "1 s"),
            (4_240_000_000, "4.2 s"),
            (59_960_000_000, "1 min"),
            (90_000_000_000, "1 min 30 s"),
            (3_600_000_000_000, "1 h"),
            (7_500_000_000_000, "2 h 5 min"),
            (180_000_000_000_000, "2 d 2 h"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(counted(1, "time"), "1 time");
        assert_eq!(bytes(1_200), "1,200 bytes");
    }
}
