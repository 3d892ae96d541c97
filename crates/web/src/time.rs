//! Writes a moment for people and for `<time datetime>`: UTC, seconds, proleptic Gregorian.

use std::time::{SystemTime, UNIX_EPOCH};

use keyraft_model::UnixMs;

/// This node's clock, read once for each request: for what people are shown, never for what expires.
#[expect(clippy::disallowed_methods, reason = "the one place where the time of a request is taken")]
pub(crate) fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-11-24 09:41:07 UTC`.
pub fn readable(at: UnixMs) -> String {
    let (date, clock) = parts(at);
    format!("{date} {clock} UTC")
}

/// `2026-11-24 09:41 UTC`: for lists, where seconds are noise.
pub fn minute(at: UnixMs) -> String {
    let (date, clock) = parts(at);
    format!("{date} {} UTC", clock.get(..5).unwrap_or(&clock))
}

/// `2026-11-24T09:41:07Z` (RFC 3339).
pub fn rfc3339(at: UnixMs) -> String {
    let (date, clock) = parts(at);
    format!("{date}T{clock}Z")
}

fn parts(at: UnixMs) -> (String, String) {
    let (days, secs) = (at.secs().div_euclid(86_400), at.secs().rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let clock = format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60);
    (format!("{year:04}-{month:02}-{day:02}"), clock)
}

/// Year, month and day of a day counted from 1970-01-01. Years begin in March here, so that the leap day is
/// the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_the_calendar_says() {
        assert_eq!(readable(UnixMs(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(rfc3339(UnixMs(951_782_400_000)), "2000-02-29T00:00:00Z");
        assert_eq!(readable(UnixMs(1_795_513_267_999)), "2026-11-24 09:41:07 UTC");
    }
}
