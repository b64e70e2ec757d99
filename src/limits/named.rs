//! Limits by their names, as they are typed.
//!
//! Invariant: every field of [`Limits`] has its name here: the field's own, with hyphens.

use super::Limits;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
}

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    field: &'static str,
    /// What it counts.
    pub unit: Unit,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64) -> bool,
}

macro_rules! named {
    ($($field:ident $unit:ident)*) => {
        /// All limits, in the order of the fields.
        pub const NAMED: &[Named] = &[$(Named {
            field: stringify!($field),
            unit: Unit::$unit,
            get: |limits| limits.$field.try_into().unwrap_or(u64::MAX),
            set: |limits, value| value.try_into().map(|value| limits.$field = value).is_ok(),
        }),*];
    };
}

named! {
    connections Count
    fragment_bytes Bytes
    fragmented_packets Count
    out_of_order_bytes Bytes
    out_of_order_segments Count
    out_of_order_bytes_total Bytes
    packet_bytes Bytes
    held_bytes_total Bytes
    probe_bytes Bytes
    resync_bytes Bytes
    attempts Count
    askers Count
    lookups Count
    searches Count
    timeline_events Count
    open_exchanges Count
    names Count
    topic_aliases Count
    http_bytes Bytes
    inflaters Count
    followed_messages Count
    recent_messages Count
    routes Count
    watched_subscriptions Count
    finished_sessions Count
    finished_attempts Count
    attempts_of_server Count
}

impl Named {
    /// The name: `fragment-bytes`.
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// Its value in `limits`.
    pub fn of(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }

    /// Sets it; false if that is more than this machine can count.
    #[must_use]
    pub fn set(&self, limits: &mut Limits, value: u64) -> bool {
        (self.set)(limits, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_name_that_sets_it() {
        let fields = format!("{:?}", Limits::default());
        let fields: Vec<&str> = fields.split(": ").filter_map(|part| part.rsplit(' ').next()).collect();
        let fields: Vec<&str> =
            fields.iter().copied().filter(|word| NAMED.iter().any(|one| one.field == *word)).collect();
        assert_eq!(fields, NAMED.iter().map(|named| named.field).collect::<Vec<_>>());
        assert_eq!(format!("{:?}", Limits::default()).matches(": ").count(), NAMED.len());
        for named in NAMED {
            let mut limits = Limits::default();
            assert!(named.set(&mut limits, 77) && named.of(&limits) == 77 && limits != Limits::default(), "{named:?}");
        }
    }
}
