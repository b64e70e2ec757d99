//! Rules on strings, topic names and topic filters.

use super::{Check, Severity, Violation, both, each, v5};
use crate::mqtt::{Text, topic};

impl<F: FnMut(Violation)> Check<'_, F> {
    /// UTF-8 and U+0000 (MQTT 5.0 §1.5.4, 3.1.1 §1.5.3). Whether it is well formed.
    #[inline]
    pub(super) fn text(&mut self, text: Text<'_>, field: &'static str) -> bool {
        if text.is_plain() {
            return true;
        }
        if text.as_str().is_err() {
            let clauses = each("MQTT-1.5.3-1", "MQTT-1.5.4-1");
            self.say(Severity::Ends, clauses, field, "the string is not valid UTF-8");
            return false;
        }
        if text.0.contains(&0) {
            let clauses = each("MQTT-1.5.3-2", "MQTT-1.5.4-2");
            self.say(Severity::Ends, clauses, field, "the string holds the character U+0000");
            return false;
        }
        true
    }

    /// A Topic Name, but for whether it may be empty.
    #[inline]
    pub(super) fn topic_name(&mut self, name: Text<'_>, field: &'static str) {
        self.text(name, field);
        if topic::has_wildcard(name.0) {
            let clauses = match field {
                "Topic Name" => both("MQTT-3.3.2-2"),
                "Response Topic" => v5("MQTT-3.3.2-14"),
                _ => each("MQTT-4.7.1-1", "MQTT-4.7.0-1"),
            };
            self.say(Severity::Ends, clauses, field, "the topic name holds a wildcard character");
        }
    }

    /// A Topic Filter (MQTT 5.0 §4.7.1, §4.8.2).
    pub(super) fn topic_filter(&mut self, filter: Text<'_>) {
        const FIELD: &str = "Topic Filter";
        if filter.is_empty() {
            self.say(Severity::Ends, both("MQTT-4.7.3-1"), FIELD, "the topic filter is empty");
            return;
        }
        self.text(filter, FIELD);
        let mut levels = filter.0.split(|&byte| byte == b'/').peekable();
        let (mut hash, mut plus) = (false, false);
        while let Some(level) = levels.next() {
            hash |= level.contains(&b'#') && (level != b"#" || levels.peek().is_some());
            plus |= level.contains(&b'+') && level != b"+";
        }
        if hash {
            let clauses = each("MQTT-4.7.1-2", "MQTT-4.7.1-1");
            self.say(Severity::Ends, clauses, FIELD, "`#` does not stand alone in the last level of the topic filter");
        }
        if plus {
            let clauses = each("MQTT-4.7.1-3", "MQTT-4.7.1-2");
            self.say(Severity::Ends, clauses, FIELD, "`+` does not fill a whole level of the topic filter");
        }
        if !topic::is_shared(filter.0) {
            return;
        }
        match topic::share(filter.0) {
            Some(([], _)) => {
                self.say(
                    Severity::Ends,
                    v5("MQTT-4.8.2-1"),
                    FIELD,
                    "the share name of the shared subscription is empty",
                );
            }
            Some((group, _)) if !topic::is_valid_group(group) => {
                let what = "the share name of the shared subscription holds a wildcard character";
                self.say(Severity::Ends, v5("MQTT-4.8.2-2"), FIELD, what);
            }
            Some((_, filter)) if !filter.is_empty() => {}
            _ => {
                let what = "the shared subscription has no topic filter after its share name";
                self.say(Severity::Ends, v5("MQTT-4.8.2-2"), FIELD, what);
            }
        }
    }
}
