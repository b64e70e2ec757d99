//! Dates of certificates.

use crate::text::counted;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The day of a moment in seconds since 1970, in UTC: `2025-03-01`.
pub(crate) fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) => moment.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a day out of range".to_owned(),
    }
}

/// A span of whole days, or of hours when it is shorter.
pub(crate) fn days(seconds: i64) -> String {
    match seconds.unsigned_abs() / DAY.unsigned_abs() {
        0 => counted(seconds.unsigned_abs() / 3600, "hour"),
        days => counted(days, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_in_utc() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(1_740_830_400), "2025-03-01");
        assert_eq!(date(i64::MAX), "a day out of range");
    }

    #[test]
    fn short_spans_are_told_in_hours() {
        assert_eq!(days(3 * DAY + 5), "3 days");
        assert_eq!(days(-DAY), "1 day");
        assert_eq!(days(7200), "2 hours");
    }
}
