//! The clock of a pcapng interface: units since 1970 (`if_tsresol`, `if_tsoffset`) to nanoseconds.

use crate::capture::Timestamp;

const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

/// How an interface counts time (draft-ietf-opsawg-pcapng §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Nanoseconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// This many nanoseconds.
    Coarse(i64),
    /// So many of them are a nanosecond.
    Fine(u64),
    /// 2 to the power of so many of them are a second.
    Binary(u32),
}

impl Clock {
    /// `if_tsresol`: the lower 7 bits are a power of 10, or of 2 with the top bit set; `if_tsoffset`
    /// is in seconds.
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Clock {
        let exponent = u32::from(resolution & 0x7f);
        let unit = match (resolution & 0x80 != 0, exponent) {
            (true, exponent) => Unit::Binary(exponent),
            (false, 0..=9) => Unit::Coarse(10_i64.pow(9 - exponent)),
            (false, exponent) => Unit::Fine(10_u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
        };
        Clock { unit, offset: offset_seconds.saturating_mul(NANOSECONDS_PER_SECOND) }
    }

    /// The time that `units` stand for; what an `i64` of nanoseconds cannot hold becomes its bound.
    #[inline]
    pub(super) fn time(self, units: u64) -> Timestamp {
        let nanoseconds = match self.unit {
            Unit::Coarse(factor) => i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(factor),
            Unit::Fine(divisor) => saturated(u128::from(units / divisor)),
            Unit::Binary(exponent) => {
                saturated((u128::from(units) * u128::from(NANOSECONDS_PER_SECOND.unsigned_abs())) >> exponent)
            }
        };
        Timestamp(nanoseconds.saturating_add(self.offset))
    }
}

fn saturated(nanoseconds: u128) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_the_default_unit() {
        assert_eq!(Clock::new(6, 0).time(1_340_954_905_298_858), Timestamp(1_340_954_905_298_858_000));
    }

    #[test]
    fn every_power_of_ten_tells_the_same_second() {
        for exponent in 0..=18 {
            let units = 7 * 10_u64.pow(u32::from(exponent));
            assert_eq!(Clock::new(exponent, 0).time(units), Timestamp(7_000_000_000), "10^-{exponent}");
        }
    }

    #[test]
    fn every_power_of_two_tells_the_same_second() {
        for exponent in 0..=60_u8 {
            assert_eq!(Clock::new(0x80 | exponent, 0).time(7 << exponent), Timestamp(7_000_000_000), "2^-{exponent}");
        }
    }

    #[test]
    fn the_offset_counts_in_seconds_and_may_be_negative() {
        assert_eq!(Clock::new(9, -3).time(5_000_000_001), Timestamp(2_000_000_001));
    }

    #[test]
    fn absurd_resolutions_and_times_stay_in_range() {
        for resolution in 0..=255 {
            for offset in [i64::MIN, -1, 0, i64::MAX] {
                let clock = Clock::new(resolution, offset);
                for units in [0, 1, u64::MAX / 2, u64::MAX] {
                    let _ = clock.time(units);
                }
            }
        }
        assert_eq!(Clock::new(6, 0).time(u64::MAX), Timestamp(i64::MAX));
    }
}
