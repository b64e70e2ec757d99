//! Words for people: captured text made harmless, numbers and durations as they are read aloud.
//!
//! Invariant: what [`escape`] returns has no character that a terminal acts on, that moves or
//! hides other text, or that cannot be seen. It is for display; the exact bytes stay in the facts.

use std::fmt::Write as _;

/// Most characters of one captured name in a sentence.
pub const NAME: usize = 64;

/// Frames are written out of order by less, in nanoseconds: a span below this shows that the clock was set back.
const SET_BACK: i64 = 1_000_000_000;

/// Captured text as harmless display text of at most `max` characters, the last of them `…` when
/// it was longer.
///
/// Control characters, bidirectional controls, invisible characters, spaces other than U+0020, the
/// quotation marks that sentences put around names, and bytes that are not UTF-8 are written as
/// `\n`, `\x1b`, `\u{202e}`.
pub fn escape(text: &[u8], max: usize) -> String {
    // Most names are letters and digits.
    if text.len() <= max
        && text.iter().all(|byte| (b' '..=b'~').contains(byte))
        && let Ok(plain) = std::str::from_utf8(text)
    {
        return plain.to_owned();
    }
    let mut shown = String::new();
    let mut room = max;
    // Every byte gives at least a quarter of a character: no need to look at more than this.
    let looked_at = text.get(..max.saturating_add(1).saturating_mul(4));
    for chunk in looked_at.unwrap_or(text).utf8_chunks() {
        for character in chunk.valid().chars() {
            if !push(&mut shown, &mut room, &Piece::Character(character)) {
                return shown;
            }
        }
        for byte in chunk.invalid() {
            if !push(&mut shown, &mut room, &Piece::Byte(*byte)) {
                return shown;
            }
        }
    }
    shown
}

enum Piece {
    Character(char),
    Byte(u8),
}

/// Appends a piece if there is room for it, else `…`; says if there was room.
fn push(shown: &mut String, room: &mut usize, piece: &Piece) -> bool {
    let mut written = String::new();
    // Writing to a String cannot fail.
    let _ = match piece {
        Piece::Byte(byte) => write!(written, "\\x{byte:02x}"),
        Piece::Character('\n') => write!(written, "\\n"),
        Piece::Character('\r') => write!(written, "\\r"),
        Piece::Character('\t') => write!(written, "\\t"),
        Piece::Character(character) if character.is_ascii_control() => {
            write!(written, "\\x{:02x}", u32::from(*character))
        }
        Piece::Character(character) if is_unseen(*character) || "“”".contains(*character) => {
            write!(written, "\\u{{{:x}}}", u32::from(*character))
        }
        Piece::Character(character) => write!(written, "{character}"),
    };
    let length = written.chars().count();
    if length > *room {
        // Room for the mark: what does not fit makes place for it.
        if *room == 0 {
            shown.pop();
        }
        shown.push('…');
        return false;
    }
    *room -= length;
    shown.push_str(&written);
    true
}

/// Whether a character acts on a terminal, moves or hides its neighbours, or cannot be seen.
pub fn is_unseen(character: char) -> bool {
    !matches!(character, ' '..='~') && is_unseen_beside_plain(character)
}

fn is_unseen_beside_plain(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// A number with its thousands set apart: `1,204`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut written = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// A number and what it counts: `1 session`, `7 sessions`.
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// Words in a row: `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A span of time in the two largest units that say something: `12.3 s`, `3 min 12 s`, `2 h 5 min`. Of one that the
/// clock went back in, nothing is known.
pub fn duration(nanoseconds: i64) -> String {
    if nanoseconds < -SET_BACK {
        return "an unknown time".to_owned();
    }
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
    let (large, small) = if minutes < 60 {
        ((minutes, "min"), (seconds % 60, "s"))
    } else if hours < 24 {
        ((hours, "h"), (minutes % 60, "min"))
    } else {
        ((hours / 24, "d"), (hours % 24, "h"))
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
    fn plain_text_stays_as_it_is() {
        assert_eq!(escape("Küche/sensor-17 温度".as_bytes(), NAME), "Küche/sensor-17 温度");
        assert_eq!(escape(b"DOMAIN\\user", NAME), "DOMAIN\\user");
        assert_eq!(escape(b"", NAME), "");
    }

    #[test]
    fn hostile_text_is_made_visible() {
        assert_eq!(escape(b"\x1b[31mred\x1b[0m", NAME), "\\x1b[31mred\\x1b[0m");
        assert_eq!(escape(b"a\nb\r\tc\0", NAME), "a\\nb\\r\\tc\\x00");
        assert_eq!(escape("a\u{202e}b\u{200b}c\u{feff}".as_bytes(), NAME), "a\\u{202e}b\\u{200b}c\\u{feff}");
        assert_eq!(escape("\u{9b}31m\u{85}".as_bytes(), NAME), "\\u{9b}31m\\u{85}");
        assert_eq!(escape("a\u{a0}b".as_bytes(), NAME), "a\\u{a0}b");
        assert_eq!(escape(b"\xff\xc3(", NAME), "\\xff\\xc3(");
        assert_eq!(escape("a” said".as_bytes(), NAME), "a\\u{201d} said");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let cut = escape(&[b'x'; 500], 10);
        assert_eq!(cut, "xxxxxxxxx…");
        assert_eq!(escape(&[b'x'; 10], 10), "xxxxxxxxxx");
        assert_eq!(escape(&[0x1b; 500], 10).chars().count(), 9);
        assert_eq!(escape("é".repeat(500).as_bytes(), 10).chars().count(), 10);
        assert_eq!(escape("🦀".repeat(500).as_bytes(), 10), format!("{}…", "🦀".repeat(9)));
    }

    #[test]
    fn numbers_and_durations_read_well() {
        let numbers: Vec<_> = [0, 999, 1_204, 1_000_000].map(number).into();
        assert_eq!(numbers, ["0", "999", "1,204", "1,000,000"]);
        assert_eq!([1, 1_200].map(|count| counted(count, "packet")), ["1 packet", "1,200 packets"]);
        for (nanoseconds, text) in [
            (0, "less than 1 µs"),
            (320_000, "320 µs"),
            (3_400_000, "3 ms"),
            (999_600_000, "1 s"),
            (12_345_000_000, "12.3 s"),
            (59_960_000_000, "1 min"),
            (192_000_000_000, "3 min 12 s"),
            (7_500_000_000_000, "2 h 5 min"),
            (273_600_000_000_000, "3 d 4 h"),
            (-3_400_000, "3 ms"),
            (-3_600_000_000_000, "an unknown time"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }
}
