//! Captured text made harmless: it is data of strangers and never trusted.

use std::fmt::Write as _;

use crate::session::TextFact;

/// Most characters of captured text in one sentence; what is longer ends in `…`.
const LONGEST: usize = 120;

/// Captured text in quotation marks, escaped and bounded.
pub(crate) fn quoted(text: &TextFact) -> String {
    format!("“{}”", escaped(&text.0))
}

/// Captured text that serves as a name: bare when it reads as one word, else in quotation marks.
pub(crate) fn plain(text: &TextFact) -> String {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:@/+=#$~".contains(byte);
    let bare = !text.0.is_empty() && text.0.len() <= LONGEST && text.0.iter().all(word);
    if bare { String::from_utf8_lossy(&text.0).into_owned() } else { quoted(text) }
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut left = LONGEST;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                out.push('…');
                return out;
            }
            left -= 1;
            push_escaped(&mut out, character);
        }
        for byte in chunk.invalid() {
            if left == 0 {
                out.push('…');
                return out;
            }
            left -= 1;
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        _ if character.is_control() || deceives(character) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
        _ => out.push(character),
    }
}

/// Whether a character is unseen, reorders what stands around it, or would end the quotation.
fn deceives(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        | '“' | '”')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(text: &str) -> TextFact {
        TextFact::new(text.as_bytes())
    }

    #[test]
    fn a_plain_name_stands_bare() {
        assert_eq!(plain(&fact("sensor-17")), "sensor-17");
        assert_eq!(plain(&fact("left the room")), "“left the room”");
        assert_eq!(plain(&fact("")), "“”");
    }

    #[test]
    fn control_characters_and_overrides_are_shown_not_obeyed() {
        assert_eq!(quoted(&fact("a\u{1b}[2Jb")), "“a\\u{1b}[2Jb”");
        assert_eq!(quoted(&fact("a\u{202e}b\nc")), "“a\\u{202e}b\\nc”");
        assert_eq!(quoted(&fact("a” – said")), "“a\\u{201d} – said”");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_numbers() {
        assert_eq!(quoted(&TextFact::new(b"a\xff\xfeb")), "“a\\xff\\xfeb”");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        let long = quoted(&fact(&"x".repeat(5000)));
        assert_eq!(long.chars().count(), LONGEST + 3);
        assert!(long.ends_with("…”"));
    }
}
