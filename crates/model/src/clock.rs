//! Points and spans of time, in milliseconds, that do not convert into each other by accident.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

/// A span of time in milliseconds; never negative by construction from the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationMs(pub i64);

impl UnixMs {
    /// This point in whole seconds, rounded down: the `NumericDate` of RFC 7519 section 2.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The point that `secs` seconds since the epoch name.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The point `span` later; the end of time instead of an overflow.
    #[must_use]
    pub const fn plus(self, span: DurationMs) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The point `span` earlier.
    #[must_use]
    pub const fn minus(self, span: DurationMs) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The span from `earlier` to here; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> DurationMs {
        let span = self.0.saturating_sub(earlier.0);
        DurationMs(if span < 0 { 0 } else { span })
    }
}

impl DurationMs {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `secs` seconds; zero for a negative number.
    pub const fn from_secs(secs: i64) -> Self {
        Self(if secs < 0 { 0 } else { secs.saturating_mul(1000) })
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// As the standard library's span.
    pub const fn to_std(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_never_run_backwards() {
        let noon = UnixMs::from_secs(1_000);

        assert_eq!(noon.since(noon.plus(DurationMs(5))), DurationMs::ZERO);
        assert_eq!(noon.plus(DurationMs(1_500)).since(noon), DurationMs(1_500));
        assert_eq!(UnixMs(i64::MAX).plus(DurationMs(1)), UnixMs(i64::MAX));
    }

    #[test]
    fn seconds_are_rounded_down() {
        assert_eq!(UnixMs(1_999).secs(), 1);
        assert_eq!(DurationMs(1_999).secs(), 1);
        assert_eq!(DurationMs::from_secs(-3), DurationMs::ZERO);
    }
}
