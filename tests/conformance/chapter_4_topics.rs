//! MQTT 5.0 chapter 4, 3.1.1 chapter 4: topic names and filters, against `mqtt-proto`.

use mqtt_proto::TopicFilter;
use mqttcap::mqtt::topic;
use proptest::prelude::*;

proptest! {
    /// The encoder lets `+a` pass, which 4.7.1-3 forbids: it is the laxer of the two.
    #[test]
    fn filters_are_valid_only_where_the_encoder_says_so(filter in r"(\$share/)?[ab/+#]{0,6}") {
        let (invalid, _) = TopicFilter::is_invalid(&filter);
        prop_assert!(!topic::is_valid_filter(filter.as_bytes()) || !invalid, "{}", filter);
    }

    /// A filter without wildcards matches itself and nothing else.
    #[test]
    fn a_plain_filter_matches_itself(name in "[ab/]{1,6}", other in "[ab/]{1,6}") {
        prop_assert_eq!(topic::matches(name.as_bytes(), other.as_bytes()), name == other);
    }

    /// `#` matches every topic, but those that start with `$` (4.7.2-1).
    #[test]
    fn hash_matches_all_but_dollar(name in "[$ab/]{1,6}") {
        prop_assert_eq!(topic::matches(b"#", name.as_bytes()), !name.starts_with('$'));
    }

    /// Replacing one level by `+` matches.
    #[test]
    fn plus_matches_one_level(levels in prop::collection::vec("[ab]{0,2}", 1..5), at in 0_usize..5) {
        let mut filter = levels.clone();
        let at = at % filter.len();
        filter[at] = "+".to_owned();
        prop_assert!(topic::matches(filter.join("/").as_bytes(), levels.join("/").as_bytes()));
    }
}
