//! Topic names and topic filters (MQTT 5.0 §4.7, §4.8.2; 3.1.1 §4.7).

use std::str;

/// The prefix of a Shared Subscription.
const SHARE: &[u8] = b"$share/";

/// Whether `topic` is a legal topic name: well-formed UTF-8 of at least one character, without
/// U+0000 and without wildcards (MQTT 5.0 \[MQTT-4.7.0-1\], \[MQTT-4.7.3-1\], \[MQTT-4.7.3-2\]).
#[must_use]
pub fn is_valid_name(topic: &[u8]) -> bool {
    is_well_formed(topic) && !has_wildcard(topic)
}

/// Whether `filter` is a legal topic filter: wildcards stand alone in their level, `#` only at the
/// end (MQTT 5.0 \[MQTT-4.7.1-1\], \[MQTT-4.7.1-2\]), and a `$share` filter names a group
/// (\[MQTT-4.8.2-1\], \[MQTT-4.8.2-2\]).
#[must_use]
pub fn is_valid_filter(filter: &[u8]) -> bool {
    if !is_well_formed(filter) || !has_legal_wildcards(filter) {
        return false;
    }
    if !filter.starts_with(SHARE) {
        return true;
    }
    share(filter).is_some_and(|(group, filter)| is_valid_group(group) && !filter.is_empty())
}

/// Whether the text holds `+` or `#`. Eight bytes at a time.
#[must_use]
#[inline]
pub fn has_wildcard(topic: &[u8]) -> bool {
    // Both characters differ in one bit. What is 0 without it and without what they share borrows from the bit above.
    let holds = |bytes: &[u8; 8]| {
        let word = (u64::from_ne_bytes(*bytes) & 0xF7F7_F7F7_F7F7_F7F7) ^ 0x2323_2323_2323_2323;
        word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 != 0
    };
    let (words, rest) = topic.as_chunks();
    words.iter().any(holds)
        || topic.last_chunk().map_or_else(|| rest.iter().any(|byte| matches!(byte, b'+' | b'#')), holds)
}

/// Whether each `#` and `+` stands where it may.
#[must_use]
pub fn has_legal_wildcards(filter: &[u8]) -> bool {
    let mut levels = filter.split(|&byte| byte == b'/').peekable();
    while let Some(level) = levels.next() {
        let legal = match level {
            b"#" => levels.peek().is_none(),
            b"+" => true,
            other => !has_wildcard(other),
        };
        if !legal {
            return false;
        }
    }
    true
}

/// Whether `filter` has the form of a Shared Subscription.
#[must_use]
pub fn is_shared(filter: &[u8]) -> bool {
    filter.starts_with(SHARE)
}

/// The group name and the filter proper of `$share/{ShareName}/{filter}`.
#[must_use]
pub fn share(filter: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = filter.strip_prefix(SHARE)?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    let (group, filter) = rest.split_at(slash);
    Some((group, filter.get(1..)?))
}

/// Whether a share name has at least one character and none of `/`, `+`, `#`.
#[must_use]
pub fn is_valid_group(group: &[u8]) -> bool {
    !group.is_empty() && !has_wildcard(group) && !group.contains(&b'/')
}

/// Whether a message to `topic` goes to a subscription to `filter`.
///
/// A wildcard at the start does not match a topic that starts with `$` (\[MQTT-4.7.2-1\]); a Shared
/// Subscription matches as its filter proper does.
#[must_use]
pub fn matches(filter: &[u8], topic: &[u8]) -> bool {
    let filter = share(filter).map_or(filter, |(_, filter)| filter);
    if topic.first() == Some(&b'$') && matches!(filter.first(), Some(b'+' | b'#')) {
        return false;
    }
    let mut filters = filter.split(|&byte| byte == b'/');
    let mut topics = topic.split(|&byte| byte == b'/');
    loop {
        match (filters.next(), topics.next()) {
            // "#" also matches its parent level.
            (Some(b"#"), _) | (None, None) => return true,
            (Some(b"+"), Some(_)) => {}
            (Some(filter), Some(topic)) if filter == topic => {}
            _ => return false,
        }
    }
}

fn is_well_formed(text: &[u8]) -> bool {
    !text.is_empty() && !text.contains(&0) && str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_as_section_4_7() {
        // The examples of MQTT 5.0 §4.7.1.2, §4.7.1.3 and §4.7.2.
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/a", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("$share/g/sport/+", "sport/x", true),
            ("$share/g/#", "$SYS/x", false),
            ("ACCOUNTS", "Accounts", false),
            ("a/b", "a/b/c", false),
            ("a//b", "a//b", true),
        ] {
            assert_eq!(matches(filter.as_bytes(), topic.as_bytes()), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn wildcards_at_any_place() {
        for length in 0..40 {
            let mut topic = vec![b'a'; length];
            assert!(!has_wildcard(&topic));
            for place in 0..length {
                for byte in 0..=255 {
                    topic[place] = byte;
                    assert_eq!(has_wildcard(&topic), byte == b'+' || byte == b'#', "{topic:?}");
                }
                topic[place] = b'a';
            }
        }
    }

    #[test]
    fn filters_as_section_4_7_1() {
        for filter in ["#", "+", "a/#", "+/tennis/#", "sport/+/player1", "/", "a b", "$share/g/a", "$share/g/+"] {
            assert!(is_valid_filter(filter.as_bytes()), "{filter}");
        }
        for filter in [
            "",
            "sport/tennis#",
            "sport/tennis/#/ranking",
            "sport+",
            "a\0",
            "$share/g",
            "$share//a",
            "$share/+/a",
            "$share/g/",
        ] {
            assert!(!is_valid_filter(filter.as_bytes()), "{filter}");
        }
        assert!(is_valid_name(b"a/b") && !is_valid_name(b"a/+") && !is_valid_name(b"") && !is_valid_name(b"\xFF"));
    }
}
