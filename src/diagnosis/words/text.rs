//! Captured text in sentences: it is data of strangers and never trusted.

use crate::session::TextFact;
use crate::text::{NAME, escape};

/// Captured text in quotation marks, escaped and bounded.
pub(crate) fn quoted(text: &TextFact) -> String {
    format!("“{}”", escape(&text.0, NAME))
}

/// What somebody said, in quotation marks: it may be longer than a name.
pub(crate) fn quoted_words(text: &TextFact) -> String {
    format!("“{}”", escape(&text.0, 3 * NAME))
}

/// Captured text that serves as a name: bare when it reads as one word, else in quotation marks.
pub(crate) fn plain(text: &TextFact) -> String {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:@/+=#$~".contains(byte);
    let bare = !text.is_empty() && text.0.len() <= NAME && text.0.iter().all(word);
    // Such a word has nothing to escape.
    text.as_str().filter(|_| bare).map_or_else(|| quoted(text), ToOwned::to_owned)
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
        assert_eq!(quoted(&fact("a\u{202e}b\nc")), "“a\\u{202e}b\\nc”");
        assert_eq!(quoted(&fact("a” – said")), "“a\\u{201d} – said”");
        assert_eq!(plain(&TextFact::new(b"a\xffb")), "“a\\xffb”");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        let long = quoted(&fact(&"x".repeat(5000)));
        assert_eq!(long.chars().count(), NAME + 2);
        assert!(long.ends_with("…”"));
    }
}
